"""What iptables and nft do to connections that no Service is part of: filters, source and destination translation, marks, sets."""

from networks.base import host_gw


def double_snat(lab):
    """Both nodes masquerade 10.20.0.0/16, on every device: a server sees its own bridge's address."""
    host_gw(lab)
    for node in ("a", "b"):
        lab.sh(node, "iptables -t nat -A POSTROUTING -s 10.20.0.0/16 -j MASQUERADE")


def masquerade_at_the_border(lab):
    """What crosses the border of the pod network is masqueraded, as flannel does: pods to nodes and nodes to pods too."""
    host_gw(lab)
    for node in ("a", "b"):
        lab.feed(node, ["iptables-restore"], """*nat
:FLANNEL-POSTRTG - [0:0]
-A POSTROUTING -m comment --comment "flanneld masq" -j FLANNEL-POSTRTG
-A FLANNEL-POSTRTG -m mark --mark 0x4000/0x4000 -m comment --comment "flanneld masq" -j RETURN
-A FLANNEL-POSTRTG -s 10.20.0.0/22 -d 10.20.0.0/22 -m comment --comment "flanneld masq" -j RETURN
-A FLANNEL-POSTRTG -s 10.20.0.0/22 ! -d 224.0.0.0/4 -m comment --comment "flanneld masq" -j MASQUERADE --random-fully
-A FLANNEL-POSTRTG ! -s 10.20.0.0/22 -d 10.20.0.0/22 -m comment --comment "flanneld masq" -j MASQUERADE --random-fully
COMMIT
""")


def masquerade_outside(lab):
    """Only what leaves the cluster is masqueraded: no harm, though the host outside sees nodes."""
    host_gw(lab, ext_routes=True)
    for number, node in enumerate(("a", "b"), 1):
        lab.sh(node, f"""
            iptables -t nat -A POSTROUTING -s 10.20.{number}.0/24 -d 10.20.100.0/29 -j RETURN
            iptables -t nat -A POSTROUTING -s 10.20.{number}.0/24 ! -d 10.20.0.0/22 -j MASQUERADE""")


def snat_to_address(lab):
    """An egress gateway: what a1 sends out of eth0 gets an address of the node that is not the device's first."""
    host_gw(lab)
    lab.sh("a", """
        ip addr add 10.20.100.50/32 dev eth0
        iptables -t nat -A POSTROUTING -s 10.20.1.11 -o eth0 -j SNAT --to-source 10.20.100.50
        iptables -t nat -A POSTROUTING -s 10.20.1.12 -o eth0 -p udp -j SNAT --to-source 10.20.100.99""")


def dnat_pod_port(lab):
    """What is sent to a1:8080 through or from node a ends at b1; bridged traffic too, for bridge-nf-call-iptables is on."""
    host_gw(lab)
    lab.sh("a", """
        iptables -t nat -A PREROUTING -d 10.20.1.11 -p tcp --dport 8080 -j DNAT --to-destination 10.20.2.11:8080
        iptables -t nat -A OUTPUT -d 10.20.1.11 -p tcp --dport 8080 -j DNAT --to-destination 10.20.2.11:8080""")


def dnat_then_dropped(lab):
    """Destination translation happens before the filter: FORWARD drops by the new address, and --ctorigdst does not matter."""
    host_gw(lab)
    lab.sh("a", """
        iptables -t nat -A PREROUTING -d 10.20.2.77 -j DNAT --to-destination 10.20.2.11
        iptables -A FORWARD -s 10.20.1.12 -d 10.20.2.11 -m conntrack --ctstate DNAT -j DROP
        iptables -A FORWARD -d 10.20.2.77 -j DROP""")
    lab.extra = [("vip", "service", "10.20.2.77", 8080, "tcp")]


def bridged_dnat_no_forward(lab):
    """Pods of a on one bridge, a destination translated to one of them, and a does not forward: newer kernels drop the frame."""
    host_gw(lab)
    lab.sh("a", """
        iptables -t nat -A PREROUTING -d 10.20.200.10 -p tcp --dport 80 -j DNAT --to-destination 10.20.1.11:8080
        iptables -t nat -A PREROUTING -d 10.20.200.10 -p udp --dport 80 -j DNAT --to-destination 10.20.1.11:8080
        sysctl -qw net.ipv4.ip_forward=0""")
    lab.extra = [("a1", "nodeport", "10.20.200.10", 80, protocol) for protocol in ("tcp", "udp")]


def input_drop(lab):
    """b's INPUT drops but for answers and tcp 10250 from the nodes; b's pods are not concerned."""
    host_gw(lab)
    lab.sh("b", """
        iptables -P INPUT DROP
        iptables -A INPUT -i lo -j ACCEPT
        iptables -A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
        iptables -A INPUT -s 10.20.100.0/24 -p tcp -m multiport --dports 22,10250 -j ACCEPT""")


def output_drop(lab):
    """a's OUTPUT drops what the node opens to pods; a's pods are not concerned."""
    host_gw(lab)
    lab.sh("a", """
        iptables -P OUTPUT DROP
        iptables -A OUTPUT -m state --state ESTABLISHED -j ACCEPT
        iptables -A OUTPUT -o lo -j ACCEPT
        iptables -A OUTPUT -d 10.20.100.0/24 -j ACCEPT""")


def output_drops_answers(lab):
    """a's OUTPUT drops what has source port 10250: questions arrive, answers die. UDP is delivered without an answer."""
    host_gw(lab)
    lab.sh("a", """
        iptables -A OUTPUT -p tcp --sport 10250 ! -o lo -j DROP
        iptables -A OUTPUT -p udp --sport 10250 ! -o lo -j DROP""")


def chains_and_marks(lab):
    """User chains, RETURN, goto, marks set and tested under masks, multiport, negation: what is left decides."""
    host_gw(lab)
    lab.feed("a", ["iptables-restore"], """*filter
:FORWARD DROP [0:0]
:PODS - [0:0]
:LATE - [0:0]
:NEVER - [0:0]
-A FORWARD -m conntrack --ctstate ESTABLISHED -j ACCEPT
-A FORWARD -s 10.20.1.0/24 -g PODS
-A FORWARD -m mark --mark 0x3/0x3 -j ACCEPT
-A FORWARD ! -s 10.20.100.2 -p tcp -j LATE
-A FORWARD -p udp -m multiport --dports 53,8000:8100 -j ACCEPT
-A PODS -p udp -j RETURN
-A PODS -d 10.20.1.0/24 -j ACCEPT
-A PODS -m mark ! --mark 0x0/0x2 -j ACCEPT
-A LATE -p tcp -m tcp --dport 8080 -j NEVER
-A LATE -p tcp -m tcp --dport 8000:8079 -j ACCEPT
-A NEVER -s 10.20.2.0/24 -j RETURN
-A NEVER -j ACCEPT
COMMIT
*mangle
:SET - [0:0]
-A PREROUTING -s 10.20.1.11 -j SET
-A PREROUTING -s 10.20.2.11 -j MARK --set-xmark 0x1/0xffffffff
-A PREROUTING -s 10.20.2.11 -p tcp -j MARK --or-mark 0x2
-A SET -p tcp ! --dport 10250 -j MARK --set-xmark 0x2/0x2
COMMIT
""")


def reject_and_sets(lab):
    """kube-router's way: ipsets of pods and of ports, REJECT for the rest; answers by conntrack."""
    host_gw(lab)
    lab.sh("b", """
        ipset create pods hash:ip
        ipset add pods 10.20.2.11
        ipset create friends hash:net
        ipset add friends 10.20.1.0/24
        ipset add friends 10.20.1.12/32 nomatch
        ipset create ports hash:ip,port
        ipset add ports 10.20.2.11,tcp:8080
        iptables -N FW
        iptables -A FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
        iptables -A FORWARD -m set --match-set pods dst -j FW
        iptables -A FW -m set --match-set friends src -m set --match-set ports dst,dst -j ACCEPT
        iptables -A FW -m addrtype --src-type LOCAL -j ACCEPT
        iptables -A FW -m limit --limit 10/min -j LOG
        iptables -A FW -j REJECT --reject-with icmp-port-unreachable""")


def raw_notrack(lab):
    """Messages to b1 are not tracked on b, and FORWARD takes only ESTABLISHED and NEW: nothing arrives."""
    host_gw(lab)
    lab.sh("b", """
        iptables -t raw -A PREROUTING -d 10.20.2.11 -p udp -j CT --notrack
        iptables -P FORWARD DROP
        iptables -A FORWARD -m conntrack --ctstate NEW,ESTABLISHED -j ACCEPT""")


def connection_mark(lab):
    """The mark of the connection is saved where it comes in and routes the answer: b sends it to nowhere."""
    host_gw(lab)
    lab.sh("b", """
        ip rule add fwmark 0x7 lookup 77 pref 50
        ip route add blackhole default table 77
        iptables -t mangle -A PREROUTING -i eth0 -s 10.20.1.12 -j CONNMARK --set-mark 0x7
        iptables -t mangle -A PREROUTING -i cni0 -j CONNMARK --restore-mark""")


def nft_filter(lab):
    """An nft table of the administrator: sets, intervals, verdict maps, ct state, two base chains at one hook."""
    host_gw(lab)
    lab.feed("b", ["nft", "-f", "-"], """
table inet guard {
  set friends { type ipv4_addr; flags interval; elements = { 10.20.1.0/24, 10.20.100.0-10.20.100.8 } }
  map by_port { type inet_service : verdict; elements = { 8080 : accept, 6060 : goto refused } }
  chain refused {
    reject with icmpx type port-unreachable
  }
  chain early { type filter hook forward priority -10; policy accept;
    ip saddr 10.20.1.12 meta l4proto udp counter drop
  }
  chain forward { type filter hook forward priority filter; policy drop;
    ct state vmap { established : accept, related : accept, invalid : drop }
    iifname "cni0" accept
    ip saddr != @friends drop
    tcp dport vmap @by_port
    udp dport { 8080, 9000-9100 } accept
  }
  chain input { type filter hook input priority filter; policy accept;
    ip saddr 10.20.1.11 tcp dport 10250 reject with tcp reset
  }
}
""")


def nft_nat(lab):
    """nft: masquerade for pods that leave the cluster, a destination map for published ports."""
    host_gw(lab)
    lab.feed("a", ["nft", "-f", "-"], """
table ip nat2 {
  map published { type inet_proto . inet_service : ipv4_addr . inet_service
    elements = { tcp . 18080 : 10.20.1.11 . 8080, udp . 18080 : 10.20.2.11 . 8080 } }
  chain pre { type nat hook prerouting priority dstnat;
    fib daddr type local dnat ip to meta l4proto . th dport map @published
  }
  chain out { type nat hook output priority -100;
    fib daddr type local dnat ip to meta l4proto . th dport map @published
  }
  chain post { type nat hook postrouting priority srcnat;
    ip saddr 10.20.1.0/24 ip daddr != 10.20.0.0/16 masquerade
    ip saddr 10.20.1.0/24 ip daddr 10.20.100.9 masquerade
  }
}
""")
    lab.extra = [("published", "hostport", "10.20.100.1", 18080, proto) for proto in ("tcp", "udp")]


def nft_nat_by_hash(lab):
    """nft: one of two pods by a hash of the source, another by a map of ports, an idle docker0 on both nodes."""
    host_gw(lab)
    for node in ("a", "b"):
        lab.bridge(node, "docker0")
        lab.sh(node, "ip addr add 172.17.0.1/16 dev docker0")
        lab.feed(node, ["nft", "-f", "-"], """
table inet lb {
  map ports { type inet_service : ipv4_addr . inet_service; elements = { 81 : 10.20.1.12 . 8080, 82 : 10.20.2.11 . 7071 } }
  chain pick { type nat hook prerouting priority dstnat;
    ip daddr 10.20.200.1 tcp dport 80 dnat ip to jhash ip saddr . tcp sport mod 2 map { 0 : 10.20.1.11, 1 : 10.20.2.11 }:8080
    ip daddr 10.20.200.1 dnat ip to tcp dport map @ports
  }
  chain own { type nat hook output priority -100;
    ip daddr 10.20.200.1 dnat ip to tcp dport map @ports
  }
}
""")
        lab.sh(node, "ip route add 10.20.200.0/24 via 10.20.100.9")
    lab.extra = [("lb", "service", "10.20.200.1", port, "tcp") for port in (80, 81, 82, 83)]


def host_port(lab):
    """hostPort 18080 on a as the portmap plugin does it; b refuses, localhost of a works by route_localnet."""
    host_gw(lab)
    lab.sh("a", "sysctl -qw net.ipv4.conf.cni0.route_localnet=1")
    lab.feed("a", ["iptables-restore"], """*nat
:CNI-HOSTPORT-DNAT - [0:0]
:CNI-HOSTPORT-MASQ - [0:0]
:CNI-HOSTPORT-SETMARK - [0:0]
:CNI-DN-a1 - [0:0]
-A PREROUTING -m addrtype --dst-type LOCAL -j CNI-HOSTPORT-DNAT
-A OUTPUT -m addrtype --dst-type LOCAL -j CNI-HOSTPORT-DNAT
-A POSTROUTING -m comment --comment "CNI portfwd requiring masquerade" -j CNI-HOSTPORT-MASQ
-A CNI-HOSTPORT-DNAT -p tcp -m multiport --dports 18080 -j CNI-DN-a1
-A CNI-HOSTPORT-MASQ -m mark --mark 0x2000/0x2000 -j MASQUERADE
-A CNI-HOSTPORT-SETMARK -j MARK --set-xmark 0x2000/0x2000
-A CNI-DN-a1 -s 10.20.1.11/32 -p tcp -m tcp --dport 18080 -j CNI-HOSTPORT-SETMARK
-A CNI-DN-a1 -s 127.0.0.1/32 -p tcp -m tcp --dport 18080 -j CNI-HOSTPORT-SETMARK
-A CNI-DN-a1 -p tcp -m tcp --dport 18080 -j DNAT --to-destination 10.20.1.11:8080
COMMIT
""")
    lab.extra = [("hostport", "hostport", address, 18080, "tcp")
                 for address in ("10.20.100.1", "10.20.1.1", "10.20.100.2", "127.0.0.1")]


def sidecar_redirect(lab):
    """A mesh's sidecar: a1's own nat redirects what comes to 8080 to 15006, what goes out to 15001."""
    host_gw(lab)
    lab.listen["a1"] = ["tcp/0.0.0.0:8080", "udp/0.0.0.0:8080", "tcp/127.0.0.1:7070", "tcp/0.0.0.0:15006"]
    lab.sh("a1", """
        iptables -t nat -A PREROUTING -p tcp -m tcp ! --dport 10250 -j REDIRECT --to-ports 15006
        iptables -t nat -A OUTPUT -d 127.0.0.1/32 -j RETURN
        iptables -t nat -A OUTPUT ! -d 10.20.0.0/16 -p tcp -j REDIRECT --to-ports 15001
        iptables -t nat -A OUTPUT -d 10.20.100.9/32 -p tcp -j REDIRECT --to-ports 15001""")


def v6_firewall(lab):
    """Dual stack: ip6tables drops what iptables accepts, and masquerades what iptables does not."""
    host_gw(lab, families=(4, 6))
    lab.sh("a", """
        ip6tables -A FORWARD -p tcp --dport 8080 -d fd00:20:2::/64 -m conntrack --ctstate NEW -j REJECT
        ip6tables -t nat -A POSTROUTING -s fd00:20:1::/64 -o eth0 -p udp -j MASQUERADE""")


def way_back_asked(lab):
    """Rules ask for the way back: b's iptables for TCP by the same device and for UDP by any, a's nft by the same device."""
    host_gw(lab)
    lab.sh("b", """
        ip route add 10.20.1.12/32 dev cni0
        ip route add blackhole 10.20.100.9/32
        iptables -t raw -A PREROUTING -p tcp -m rpfilter --invert -j DROP
        iptables -t raw -A PREROUTING -p udp -m rpfilter --loose --invert -j DROP""")
    lab.sh("a", "ip route add 10.20.2.11/32 dev cni0")
    lab.feed("a", ["nft", "-f", "-"], """
        table inet firewall {
            chain back {
                type filter hook prerouting priority -290; policy accept;
                fib saddr . iif oif missing drop
            }
        }""")


def types_by_device(lab):
    """Types of addresses by device: felix's masquerade of what has another device's address, and INPUT by the incoming one."""
    host_gw(lab)
    lab.sh("a", """
        ip route change 10.20.2.0/24 via 10.20.100.2 src 10.20.1.1
        iptables -t nat -A POSTROUTING -o eth0 -m addrtype ! --src-type LOCAL --limit-iface-out -m addrtype --src-type LOCAL -j MASQUERADE""")
    lab.sh("b", """
        iptables -A INPUT -p udp -m addrtype --dst-type LOCAL --limit-iface-in -j DROP
        iptables -A INPUT -p tcp -m addrtype ! --dst-type UNICAST,BROADCAST -d 10.20.2.1 -j DROP""")
    lab.extra = [("bridge", "service", "10.20.2.1", 10250, "tcp"), ("bridge", "service", "10.20.2.1", 10250, "udp")]


def types_of_ipv6(lab):
    """To ip6tables an address of its own is unicast too; what came another way than the way back is dropped."""
    host_gw(lab, families=(6,))
    lab.sh("b", """
        ip6tables -A INPUT -p udp -m addrtype --dst-type UNICAST -j DROP
        ip -6 route add fd00:20:1::12/128 dev cni0
        ip6tables -t raw -A PREROUTING -p udp -m rpfilter --invert -j DROP""")
    lab.feed("a", ["nft", "-f", "-"], """
        table inet firewall {
            chain in {
                type filter hook input priority 0; policy accept;
                fib daddr . iif type local tcp dport 10250 drop
            }
        }""")


def connections_and_owners(lab):
    """Marks given to connections, sets of wide addresses, and rules about owners, of which what is forwarded has none."""
    host_gw(lab)
    lab.sh("b", """
        ipset create wide hash:ip netmask 24
        ipset add wide 10.20.1.12
        iptables -A FORWARD -p udp --dport 8080 -m set --match-set wide src -j DROP
        iptables -t mangle -A PREROUTING -s 10.20.1.11 -m conntrack --ctstate NEW -j CONNMARK --set-xmark 0x80/0x80
        iptables -A FORWARD -p tcp --dport 8080 -m conntrack --ctstate NEW -m connmark --mark 0x80/0x80 -j DROP
        iptables -A FORWARD -m limit --limit 10/min -m physdev --physdev-is-out -j LOG""")
    lab.sh("a", """
        iptables -t mangle -A POSTROUTING -s 10.20.2.0/24 -p udp --dport 8080 -m owner ! --uid-owner 77 -j DROP
        iptables -t mangle -A POSTROUTING -s 10.20.2.0/24 -p tcp --dport 8080 -m owner --socket-exists -j DROP""")
    lab.feed("a", ["nft", "-f", "-"], """
        table ip owners {
            chain out {
                type filter hook postrouting priority 10; policy accept;
                ip saddr 10.20.2.0/24 tcp dport 8080 meta skuid != 77 drop
            }
        }""")


NETWORKS = {f.__name__.replace("_", "-"): f for f in (
    double_snat, masquerade_outside, masquerade_at_the_border, snat_to_address, dnat_pod_port, dnat_then_dropped, bridged_dnat_no_forward, input_drop, output_drop,
    output_drops_answers, chains_and_marks, reject_and_sets, raw_notrack, connection_mark, nft_filter, nft_nat, nft_nat_by_hash,
    host_port, sidecar_redirect, v6_firewall, way_back_asked, types_by_device, types_of_ipv6, connections_and_owners)}
