"""Routes: tables, rules, types, equal paths, hubs, devices that are down."""

from networks.base import bridged, host_gw, routed, wired


def policy_tables(lab):
    """Policy rules with several tables: by source, by device; throw and suppress; everything works."""
    policy_tables_node_trapped(lab)
    lab.sh("a", """
        ip rule add to 10.20.1.0/24 lookup main pref 90
        ip route add throw 10.20.100.0/24 table 102""")


def policy_tables_node_trapped(lab):
    """The rule for the pods' sources catches the node itself: its bridge address is one of them.

    connect() asks for a route without a source, finds one, takes its source, and asks again with it.
    """
    host_gw(lab)
    lab.sh("a", """
        ip route flush table main proto boot
        ip route add 10.20.2.0/24 via 10.20.100.2 table 101
        ip route add throw 10.20.2.0/24 table 102
        ip route add default via 10.20.100.9 table 102
        ip rule add from 10.20.1.0/24 lookup 102 pref 100
        ip rule add iif cni0 to 10.20.2.0/24 lookup 101 pref 110
        ip rule add lookup main suppress_prefixlength 0 pref 200
        ip rule add to 10.20.2.0/24 lookup 101 pref 300
        ip route add default via 10.20.100.9""")


def source_table_blackhole(lab):
    """A rule for the pods of a leads to a table with a blackhole: pods broken, the node fine."""
    host_gw(lab)
    lab.sh("a", """
        ip rule add from 10.20.1.0/24 lookup 100
        ip route add 10.20.1.0/24 dev cni0 table 100
        ip route add blackhole default table 100""")


def marked_route(lab):
    """Messages to port 8080 are marked in mangle PREROUTING and OUTPUT and routed by another table, to nowhere."""
    host_gw(lab)
    lab.sh("a", """
        ip rule add fwmark 0x10/0xf0 lookup 50
        ip route add unreachable 10.20.2.0/24 table 50
        iptables -t mangle -A PREROUTING -i cni0 -p tcp --dport 8080 -j MARK --set-xmark 0x10/0xf0
        iptables -t mangle -A OUTPUT -d 10.20.2.0/24 -p udp -j MARK --set-mark 0x13""")


def special_routes(lab):
    """unreachable, prohibit, blackhole and throw beside the right routes, longest prefix first."""
    wired(lab)
    bridged(lab, ("a1", "a2", "b1", "b2", "b3", "b4"))
    routed(lab)
    lab.sh("a", """
        ip route add unreachable 10.20.2.11
        ip route add prohibit 10.20.2.12
        ip route add throw 10.20.2.13
        ip route add blackhole 10.20.2.14 metric 5
        ip route add 10.20.2.14 via 10.20.100.2 metric 7""")


def hub(lab):
    """Three nodes; spokes b and c know only the hub a."""
    nodes = ("a", "b", "c")
    wired(lab, nodes)
    bridged(lab, ("a1", "b1", "c1"))
    lab.sh("a", """
        sysctl -qw net.ipv4.conf.all.send_redirects=0 net.ipv4.conf.eth0.send_redirects=0
        ip route add 10.20.2.0/24 via 10.20.100.2
        ip route add 10.20.3.0/24 via 10.20.100.3""")
    for spoke in ("b", "c"):
        lab.sh(spoke, "ip route add 10.20.0.0/16 via 10.20.100.1")


def hub_does_not_forward(lab):
    """Three nodes; the hub's firewall forwards nothing between the spokes."""
    hub(lab)
    lab.sh("a", "iptables -A FORWARD -i eth0 -o eth0 -j DROP")


def chain_of_nodes(lab):
    """Three nodes in a row, a - b - c, each wire a veth pair: what a sends to c passes b."""
    lab.families = {4}
    for node in ("a", "b", "c"):
        lab.ns(node, "Node")
    lab.veth("a", "right", "b", "left")
    lab.veth("b", "right", "c", "left")
    bridged(lab, ("a1", "b1", "c1"))
    lab.sh("a", "ip addr add 10.20.101.1/30 dev right")
    lab.sh("b", "ip addr add 10.20.101.2/30 dev left")
    lab.sh("b", "ip addr add 10.20.102.1/30 dev right")
    lab.sh("c", "ip addr add 10.20.102.2/30 dev left")
    lab.sh("a", "ip route add 10.20.0.0/16 via 10.20.101.2")
    lab.sh("c", "ip route add 10.20.0.0/16 via 10.20.102.1")
    lab.sh("b", """
        ip route add 10.20.1.0/24 via 10.20.101.1
        ip route add 10.20.3.0/24 via 10.20.102.2""")


def chain_reverse_path(lab):
    """a - b - c and a wire from a to c; answers come back another way, and a's reverse path filter is strict."""
    chain_of_nodes(lab)
    lab.veth("a", "direct", "c", "direct")
    lab.sh("a", "ip addr add 10.20.103.1/30 dev direct")
    lab.sh("c", """
        ip addr add 10.20.103.2/30 dev direct
        ip route add 10.20.1.0/24 via 10.20.103.1""")
    lab.sh("a", "sysctl -qw net.ipv4.conf.all.rp_filter=1 net.ipv4.conf.direct.rp_filter=1")


def chain_reverse_path_loose(lab):
    """The same other way back, with a loose reverse path filter: works."""
    chain_reverse_path(lab)
    lab.sh("a", "sysctl -qw net.ipv4.conf.direct.rp_filter=2")


def chain_invalid_dropped(lab):
    """a - b - c; answers of c to a go straight, what b sees of them is INVALID and dropped where c asks."""
    chain_of_nodes(lab)
    lab.veth("a", "direct", "c", "direct")
    lab.sh("a", "ip addr add 10.20.103.1/30 dev direct")
    lab.sh("c", """
        ip addr add 10.20.103.2/30 dev direct
        ip route add 10.20.1.0/24 via 10.20.103.1""")
    lab.sh("b", """
        sysctl -qw net.netfilter.nf_conntrack_tcp_loose=0
        iptables -A FORWARD -m conntrack --ctstate INVALID -j DROP""")


def ecmp(lab):
    """Equal paths from a to b over two routers, both right."""
    wired(lab, ext=False)
    bridged(lab, ("a1", "a2", "b1"))
    lab.ns("r1", "External")
    lab.ns("r2", "External")
    for number, router in enumerate(("r1", "r2")):
        lab.veth(router, "eth0", "wire", f"pr{number}")
        lab.sh("wire", f"ip link set pr{number} master br0")
        lab.sh(router, f"""
            sysctl -qw net.ipv4.ip_forward=1
            ip addr add 10.20.100.2{number + 1}/24 dev eth0
            ip route add 10.20.1.0/24 via 10.20.100.1
            ip route add 10.20.2.0/24 via 10.20.100.2""")
    lab.sh("a", "ip route add 10.20.2.0/24 nexthop via 10.20.100.21 weight 1 nexthop via 10.20.100.22 weight 1")
    lab.sh("b", "ip route add 10.20.1.0/24 via 10.20.100.1")


def ecmp_one_does_not_forward(lab):
    """Equal paths from a to b over two routers, one of which does not forward: some of it arrives."""
    ecmp(lab)
    lab.rounds = 6
    lab.sh("r2", "sysctl -qw net.ipv4.ip_forward=0")
    lab.sh("a", "sysctl -qw net.ipv4.fib_multipath_hash_policy=1")


def v6_ecmp(lab):
    """IPv6: equal paths from a to b over two gateways that are both b."""
    host_gw(lab, families=(6,))
    lab.sh("b", "ip addr add fd00:20:100::22/64 dev eth0 nodad")
    lab.sh("a", "ip -6 route replace fd00:20:2::/64 nexthop via fd00:20:100::2 nexthop via fd00:20:100::22")


def link_down(lab):
    """The node's side of a2's veth pair is down; b's bridge is down."""
    host_gw(lab)
    lab.sh("a", "ip link set va2 down")
    lab.sh("b", "ip link set cni0 down")


def wrong_master(lab):
    """a2's veth is a port of another bridge of the node that has no address."""
    host_gw(lab)
    lab.bridge("a", "br9")
    lab.sh("a", "ip link set va2 master br9")


def isolated_ports(lab):
    """The ports of a's pods are isolated from each other; the rest works."""
    host_gw(lab)
    lab.sh("a", "bridge link set dev va1 isolated on")
    lab.sh("a", "bridge link set dev va2 isolated on")


def gateway_not_on_link(lab):
    """a's route to b's pods says onlink by a gateway that nobody on the wire answers for."""
    host_gw(lab)
    lab.sh("a", "ip route replace 10.20.2.0/24 via 172.31.0.1 dev eth0 onlink")


def second_network(lab):
    """A pod with a second device on another bridge, another pod only there; no forwarding between."""
    host_gw(lab)
    lab.bridge("a", "net1")
    lab.ns("a3", "Pod", "a")
    for pod, last in (("a1", 1), ("a3", 3)):
        lab.veth("a", f"s{pod}", pod, "net1")
        lab.sh("a", f"ip link set s{pod} master net1")
        lab.sh(pod, f"ip addr add 192.168.7.{last}/24 dev net1")


NETWORKS = {f.__name__.replace("_", "-"): f for f in (
    policy_tables, policy_tables_node_trapped, source_table_blackhole, marked_route, special_routes, hub, hub_does_not_forward, chain_of_nodes,
    chain_reverse_path, chain_reverse_path_loose, chain_invalid_dropped, ecmp, ecmp_one_does_not_forward, v6_ecmp,
    link_down, wrong_master, isolated_ports, gateway_not_on_link, second_network)}
