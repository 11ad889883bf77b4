"""As plugins make them: flannel's VXLAN, Calico-style host routes, the reference plugins, macvlan."""

import json
import os
import subprocess

from networks.base import bridged, host_gw, routed, wired

NUMBER = {"a": 1, "b": 2}


def vtep_mac(node):
    return f"02:42:00:00:00:0{NUMBER[node]}"


def flannel_vxlan(lab, nodes=("a", "b"), vni=None):
    """flannel, vxlan: flannel.1, onlink routes, permanent neighbours and forwarding entries."""
    wired(lab, nodes)
    bridged(lab, ("a1", "a2", "b1"))
    for node in nodes:
        number = NUMBER[node]
        lab.sh(node, f"""
            ip link add flannel.1 address {vtep_mac(node)} type vxlan id {(vni or {}).get(node, 1)} local 10.20.100.{number} dev eth0 dstport 8472 nolearning
            ip addr add 10.20.{number}.0/32 dev flannel.1
            ip link set flannel.1 up""")
        for other in nodes:
            if other != node:
                far = NUMBER[other]
                lab.sh(node, f"""
                    ip route add 10.20.{far}.0/24 via 10.20.{far}.0 dev flannel.1 onlink
                    ip neigh add 10.20.{far}.0 lladdr {vtep_mac(other)} dev flannel.1 nud permanent
                    bridge fdb append {vtep_mac(other)} dev flannel.1 dst 10.20.100.{far}""")


def flannel_vxlan_wrong_vni(lab):
    """flannel, vxlan: b's device has another VNI."""
    flannel_vxlan(lab, vni={"b": 2})


def flannel_vxlan_wrong_mac(lab):
    """flannel, vxlan: a's neighbour entry for b's device has a link-layer address that is not b's (b was recreated)."""
    flannel_vxlan(lab)
    lab.sh("b", "ip link set flannel.1 address 02:42:00:00:00:77")


def flannel_vxlan_port_blocked(lab):
    """flannel, vxlan: b's INPUT drops UDP 8472; what b sends arrives, what a sends does not."""
    flannel_vxlan(lab)
    lab.sh("b", "iptables -A INPUT -p udp --dport 8472 -j DROP")


def flannel_vxlan_no_fdb(lab):
    """flannel, vxlan: a has no forwarding entry for b's device."""
    flannel_vxlan(lab)
    lab.sh("a", f"bridge fdb del {vtep_mac('b')} dev flannel.1 dst 10.20.100.2")


def flannel_host_gw(lab):
    """flannel, host-gw: routes by the nodes' addresses, flannel's masquerade rules, bridge plugin's pods."""
    host_gw(lab)
    rules = """*nat
:FLANNEL-POSTRTG - [0:0]
-A POSTROUTING -m comment --comment "flanneld masq" -j FLANNEL-POSTRTG
-A FLANNEL-POSTRTG -m mark --mark 0x4000/0x4000 -m comment --comment "flanneld masq" -j RETURN
-A FLANNEL-POSTRTG -s 10.20.{n}.0/24 -d 10.20.0.0/16 -m comment --comment "flanneld masq" -j RETURN
-A FLANNEL-POSTRTG -s 10.20.0.0/16 -d 10.20.{n}.0/24 -m comment --comment "flanneld masq" -j RETURN
-A FLANNEL-POSTRTG ! -s 10.20.0.0/16 -d 10.20.{n}.0/24 -m comment --comment "flanneld masq" -j RETURN
-A FLANNEL-POSTRTG -s 10.20.0.0/16 ! -d 224.0.0.0/4 -m comment --comment "flanneld masq" -j MASQUERADE --random-fully
-A FLANNEL-POSTRTG ! -s 10.20.0.0/16 -d 10.20.0.0/16 -m comment --comment "flanneld masq" -j MASQUERADE --random-fully
COMMIT
*filter
:FLANNEL-FWD - [0:0]
-A FORWARD -m comment --comment "flanneld forward" -j FLANNEL-FWD
-A FLANNEL-FWD -s 10.20.0.0/16 -m comment --comment "flanneld forward" -j ACCEPT
-A FLANNEL-FWD -d 10.20.0.0/16 -m comment --comment "flanneld forward" -j ACCEPT
COMMIT
"""
    for node, number in NUMBER.items():
        lab.feed(node, ["iptables-restore"], rules.replace("{n}", str(number)))


def flannel_host_gw_old_lease(lab):
    """flannel, host-gw: b has a new lease, a's route still leads its old subnet to it; b's pods are reached by nobody on a."""
    flannel_host_gw(lab)
    lab.sh("a", """
        ip route del 10.20.2.0/24 via 10.20.100.2
        ip route add 10.20.7.0/24 via 10.20.100.2""")


def calico(lab, default=True):
    """Calico-style: /32 pods, 169.254.1.1 by proxy ARP, a host route and a device each, blackhole for the block."""
    wired(lab, ("a", "b"))
    for pod in ("a1", "a2", "b1"):
        node = pod[0]
        number, last = NUMBER[node], 10 + int(pod[1])
        lab.cidrs[node] = [f"10.20.{number}.0/26"]
        lab.ns(pod, "Pod", node)
        lab.veth(node, "cali" + pod, pod, "eth0")
        lab.sh(pod, f"""
            ip addr add 10.20.{number}.{last}/32 dev eth0
            ip route add 169.254.1.1 dev eth0 scope link
            ip route add default via 169.254.1.1 dev eth0""")
        lab.sh(node, f"""
            sysctl -qw net.ipv4.conf.cali{pod}.proxy_arp=1 net.ipv4.neigh.cali{pod}.proxy_delay=0
            ip route add 10.20.{number}.{last} dev cali{pod} scope link""")
    for node, number in NUMBER.items():
        lab.sh(node, f"ip route add blackhole 10.20.{number}.0/26 proto 80")
        for other, far in NUMBER.items():
            if other != node:
                lab.sh(node, f"ip route add 10.20.{far}.0/26 via 10.20.100.{far} proto 80")
        if default:
            lab.sh(node, "ip route add default via 10.20.100.9")


def calico_no_default_route(lab):
    """Calico-style: a has no default route, so proxy ARP stays silent for 169.254.1.1."""
    calico(lab)
    lab.sh("a", "ip route del default")


def calico_proxy_arp_off(lab):
    """Calico-style: proxy ARP is off on one pod's device."""
    calico(lab)
    lab.sh("a", "sysctl -qw net.ipv4.conf.calia2.proxy_arp=0")


def calico_strict_reverse_path(lab):
    """Calico-style: a strict reverse path filter on the pods' devices, and a host route that is missing."""
    calico(lab)
    lab.sh("a", "sysctl -qw net.ipv4.conf.calia1.rp_filter=1 net.ipv4.conf.calia2.rp_filter=1")
    lab.sh("a", "ip route del 10.20.1.12")


def ptp_dual_stack(lab):
    """Calico-style, dual stack: /32 and /128 pods, fe80::1 as the gateway of IPv6; one pod's IPv6 host route is missing."""
    wired(lab, families=(4, 6))
    for pod in ("a1", "a2", "b1", "b2"):
        node, n, last = pod[0], NUMBER[pod[0]], 10 + int(pod[1])
        lab.cidrs[node] = [f"10.20.{n}.0/26", f"fd00:20:{n}::/122"]
        lab.ns(pod, "Pod", node)
        lab.veth(node, "cali" + pod, pod, "eth0")
        lab.sh(node, f"ip addr add fe80::1/64 dev cali{pod} nodad; sysctl -qw net.ipv4.conf.cali{pod}.proxy_arp=1 net.ipv4.neigh.cali{pod}.proxy_delay=0 net.ipv6.conf.cali{pod}.proxy_ndp=1; ip route add 10.20.{n}.{last} dev cali{pod} scope link; ip -6 route add fd00:20:{n}::{last} dev cali{pod}")
        lab.sh(pod, f"ip addr add 10.20.{n}.{last}/32 dev eth0; ip addr add fd00:20:{n}::{last}/128 dev eth0 nodad; ip route add 169.254.1.1 dev eth0 scope link; ip route add default via 169.254.1.1 dev eth0; ip -6 route add default via fe80::1 dev eth0")
    for node in "ab":
        n, o = NUMBER[node], 3 - NUMBER[node]
        lab.sh(node, f"ip route add default via 10.20.100.9; ip route add 10.20.{o}.0/26 via 10.20.100.{o}; ip -6 route add fd00:20:{o}::/64 via fd00:20:100::{o}; ip route add blackhole 10.20.{n}.0/26; ip -6 route add blackhole fd00:20:{n}::/64")
    lab.sh("b", "ip -6 route del fd00:20:2::12 dev calib2")


def calico_policy(lab):
    """Calico-style: felix's chains, marks and ipsets let only a1 to b1's 8080, and drop what is INVALID or spoofed."""
    calico(lab)
    lab.sh("b", "ipset create cali40s:clients hash:net family inet maxelem 1048576")
    lab.sh("b", "ipset add cali40s:clients 10.20.1.11")
    lab.feed("b", ["iptables-restore"], """*filter
:cali-FORWARD - [0:0]
:cali-from-wl-dispatch - [0:0]
:cali-to-wl-dispatch - [0:0]
:cali-fw-calib1 - [0:0]
:cali-tw-calib1 - [0:0]
:cali-pi-clients - [0:0]
-A FORWARD -j cali-FORWARD
-A FORWARD -m mark --mark 0x10000/0x10000 -j ACCEPT
-A cali-FORWARD -j MARK --set-xmark 0x0/0xe0000
-A cali-FORWARD -i cali+ -j cali-from-wl-dispatch
-A cali-FORWARD -o cali+ -j cali-to-wl-dispatch
-A cali-FORWARD -j MARK --set-xmark 0x10000/0x10000
-A cali-from-wl-dispatch -i calib1 -g cali-fw-calib1
-A cali-from-wl-dispatch -j DROP
-A cali-to-wl-dispatch -o calib1 -g cali-tw-calib1
-A cali-to-wl-dispatch -j DROP
-A cali-fw-calib1 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A cali-fw-calib1 -m conntrack --ctstate INVALID -j DROP
-A cali-fw-calib1 -j MARK --set-xmark 0x0/0x10000
-A cali-fw-calib1 -j MARK --set-xmark 0x10000/0x10000
-A cali-fw-calib1 -m mark --mark 0x10000/0x10000 -j RETURN
-A cali-fw-calib1 -j DROP
-A cali-tw-calib1 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A cali-tw-calib1 -m conntrack --ctstate INVALID -j DROP
-A cali-tw-calib1 -j MARK --set-xmark 0x0/0x10000
-A cali-tw-calib1 -m mark --mark 0x0/0x20000 -j cali-pi-clients
-A cali-tw-calib1 -m mark --mark 0x10000/0x10000 -j RETURN
-A cali-tw-calib1 -j DROP
-A cali-pi-clients -p tcp -m set --match-set cali40s:clients src -m multiport --dports 8080 -j MARK --set-xmark 0x10000/0x10000
COMMIT
""")
    lab.services.append({
        "apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy",
        "metadata": {"name": "clients", "namespace": "default"},
        "spec": {"podSelector": {"matchLabels": {"pod": "b1"}}, "policyTypes": ["Ingress"],
                 "ingress": [{"from": [{"podSelector": {"matchLabels": {"pod": "a1"}}}],
                              "ports": [{"port": 8080, "protocol": "TCP"}]}]}})
    for pod, address in (("a1", "10.20.1.11"), ("a2", "10.20.1.12"), ("b1", "10.20.2.11")):
        lab.services.append({
            "apiVersion": "v1", "kind": "Pod",
            "metadata": {"name": pod, "namespace": "default", "labels": {"pod": pod}},
            "spec": {"nodeName": pod[0], "containers": [{"name": "c", "image": "x"}]},
            "status": {"phase": "Running", "podIP": address, "podIPs": [{"ip": address}]}})


def cni(lab, node, pod, conf):
    """Asks the reference plugins (Debian: containernetworking-plugins) for a pod's interface."""
    environment = dict(os.environ, CNI_COMMAND="ADD", CNI_CONTAINERID=pod, CNI_IFNAME="eth0", CNI_PATH="/usr/lib/cni",
                       CNI_NETNS=f"/run/netns/lab-{pod}")
    subprocess.run(["ip", "netns", "exec", "lab-" + node, f"/usr/lib/cni/{conf['type']}"], input=json.dumps(conf),
                   text=True, check=True, capture_output=True, env=environment)


def by_cni(lab, kind, **conf):
    wired(lab, ("a", "b"))
    data = subprocess.run(["mktemp", "-d"], capture_output=True, text=True, check=True).stdout.strip()
    for pod in ("a1", "a2", "b1"):
        node = pod[0]
        number = NUMBER[node]
        lab.cidrs[node] = [f"10.20.{number}.0/24"]
        lab.ns(pod, "Pod", node)
        subnet = {"subnet": f"10.20.{number}.0/24", "rangeStart": f"10.20.{number}.{10 + int(pod[1])}"}
        cni(lab, node, pod, {"cniVersion": "0.4.0", "name": "net" + node, "type": kind, "ipam": {
            "type": "host-local", "dataDir": data + "/" + node, "ranges": [[subnet]], "routes": [{"dst": "0.0.0.0/0"}]}}
            | conf)
    routed(lab)


def reference_bridge(lab):
    """The CNI reference plugin bridge made the pods' side; ipMasq off, routes between the nodes by hand."""
    by_cni(lab, "bridge", bridge="cni0", isGateway=True, hairpinMode=True)


def reference_bridge_masq(lab):
    """The CNI reference plugin bridge with ipMasq: what leaves the pod's subnet is masqueraded, pods of other nodes too."""
    by_cni(lab, "bridge", bridge="cni0", isGateway=True, hairpinMode=True, ipMasq=True)


def reference_ptp(lab):
    """The CNI reference plugin ptp: a veth pair and a host route for each pod."""
    by_cni(lab, "ptp")


def kube_router(lab):
    """kube-router, one subnet: kube-bridge, routes of proto 17, ipsets of pods and nodes for the masquerade of what leaves."""
    host_gw(lab)
    for node in ("a", "b"):
        other = 3 - NUMBER[node]
        lab.sh(node, f"""
            ip route replace 10.20.{other}.0/24 via 10.20.100.{other} proto 17
            ipset create kube-router-pod-subnets hash:net
            ipset add kube-router-pod-subnets 10.20.1.0/24
            ipset add kube-router-pod-subnets 10.20.2.0/24
            ipset create kube-router-node-ips hash:ip
            ipset add kube-router-node-ips 10.20.100.1
            ipset add kube-router-node-ips 10.20.100.2
            iptables -t nat -A POSTROUTING -m set --match-set kube-router-pod-subnets src -m set ! --match-set kube-router-pod-subnets dst -m set ! --match-set kube-router-node-ips dst -j MASQUERADE --random-fully""")


def kube_router_stale_set(lab):
    """kube-router: a's set of pod subnets lacks b's, so that what goes there is masqueraded."""
    kube_router(lab)
    lab.sh("a", "ipset del kube-router-pod-subnets 10.20.2.0/24")


NETWORKS = {f.__name__.replace("_", "-"): f for f in (
    flannel_vxlan, flannel_vxlan_wrong_vni, flannel_vxlan_wrong_mac, flannel_vxlan_port_blocked, flannel_vxlan_no_fdb,
    flannel_host_gw, flannel_host_gw_old_lease, calico, calico_no_default_route, calico_proxy_arp_off,
    calico_strict_reverse_path, ptp_dual_stack, calico_policy, reference_bridge, reference_bridge_masq, reference_ptp, kube_router,
    kube_router_stale_set)}
