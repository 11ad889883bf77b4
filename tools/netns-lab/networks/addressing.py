"""Families, masks, who holds an address, who answers for one."""

from networks.base import bridged, host_gw, routed, wired


def v6_only(lab):
    """IPv6 only: bridges, host-gw routes, no IPv4 address anywhere."""
    host_gw(lab, families=(6,))


def dual_stack(lab):
    """Dual stack, listeners of both families on one socket as Go makes them."""
    host_gw(lab, families=(4, 6))
    for name, kind in lab.kinds.items():
        if kind == "Pod":
            lab.listen[name] = ["tcp/*:8080", "udp/*:8080", "tcp/127.0.0.1:7070", "tcp/[::1]:7070"]
        elif kind != "Fabric":
            lab.listen[name] = ["tcp/*:10250", "udp/*:10250"]


def dual_stack_v6_not_forwarded(lab):
    """Dual stack, but b does not forward IPv6: IPv4 works, IPv6 between the nodes' pods does not."""
    host_gw(lab, families=(4, 6))
    lab.sh("b", "sysctl -qw net.ipv6.conf.all.forwarding=0")


def pod_mask_16(lab):
    """The pods of a have a /16 mask: what is remote is looked for on the bridge."""
    wired(lab)
    bridged(lab, ("b1",))
    bridged(lab, ("a1", "a2"), mask=16)
    routed(lab)


def pod_mask_16_proxied(lab):
    """The pods of a have a /16 mask, and the bridge answers ARP for what is elsewhere: works."""
    pod_mask_16(lab)
    lab.sh("a", "sysctl -qw net.ipv4.conf.cni0.proxy_arp=1")


def pod_has_bridge_address(lab):
    """The pod a2 has its node's bridge address."""
    host_gw(lab)
    lab.sh("a2", """
        ip addr flush dev eth0
        ip addr add 10.20.1.1/24 dev eth0""")


def pod_cidr_twice(lab):
    """Both nodes use 10.20.1.0/24, and their pods have the same addresses: every connection succeeds, to the wrong pod."""
    wired(lab)
    bridged(lab, ("a1", "a2"))
    lab.bridge("b", "cni0")
    lab.cidrs["b"] = ["10.20.1.0/24"]
    lab.sh("b", "ip addr add 10.20.1.1/24 dev cni0")
    for pod, last in (("b1", 11), ("b2", 12)):
        lab.bridge_pod(pod, "b", [f"10.20.1.{last}/24"], ["10.20.1.1"])


def pod_cidr_nested(lab):
    """b's pod network is 10.20.0.0/18 and holds a's 10.20.1.0/24: b's pods look for a's on their own bridge."""
    wired(lab)
    bridged(lab, ("a1", "a2"))
    lab.bridge("b", "cni0")
    lab.cidrs["b"] = ["10.20.0.0/18"]
    lab.sh("b", "ip addr add 10.20.2.1/18 dev cni0")
    for pod, last in (("b1", 11), ("b2", 12)):
        lab.bridge_pod(pod, "b", [f"10.20.2.{last}/18"], ["10.20.2.1"])
    routed(lab)


def node_address_twice(lab):
    """The host outside has b's address: refute uniqueness, do not predict who answers."""
    host_gw(lab)
    lab.sh("ext", "ip addr add 10.20.100.2/24 dev eth0")


def two_addresses(lab):
    """A pod and a node with secondary addresses, and routes with a preferred source."""
    host_gw(lab)
    lab.sh("a1", """
        ip addr add 10.20.1.31/24 dev eth0
        ip addr add 10.20.1.41/32 dev eth0
        ip route add 10.20.2.0/24 via 10.20.1.1 src 10.20.1.31""")
    lab.sh("a", """
        ip addr add 10.20.100.11/24 dev eth0
        ip route replace 10.20.2.0/24 via 10.20.100.2 src 10.20.100.11""")


def arp_of_any_interface(lab):
    """Routes on the wire to the other node's bridge address: arp_ignore 0 answers for it, arp_ignore 1 does not."""
    host_gw(lab)
    lab.sh("a", "ip route add 10.20.2.1/32 dev eth0")
    lab.sh("b", "ip route add 10.20.1.1/32 dev eth0")
    lab.sh("b", "sysctl -qw net.ipv4.conf.all.arp_ignore=1")


def neighbour_wrong(lab):
    """A permanent neighbour entry on a gives b's address the host outside's link-layer address."""
    host_gw(lab)
    lab.sh("a", "ip neigh add 10.20.100.2 lladdr $(ip netns exec lab-ext cat /sys/class/net/eth0/address) dev eth0 nud permanent")


def neighbour_right(lab):
    """Permanent neighbour entries that are right, for a pod that answers no ARP: its node reaches it, its neighbour on the bridge does not."""
    host_gw(lab)
    lab.sh("a1", "ip link set eth0 arp off")
    lab.sh("a1", "ip neigh add 10.20.1.1 lladdr $(ip netns exec lab-a cat /sys/class/net/cni0/address) dev eth0 nud permanent")
    lab.sh("a", "ip neigh add 10.20.1.11 lladdr $(ip netns exec lab-a1 cat /sys/class/net/eth0/address) dev cni0 nud permanent")


def proxy_neighbour(lab):
    """b's pods live on the wire's own subnet; b answers ARP for them by proxy entries."""
    wired(lab)
    bridged(lab, ("a1", "a2"))
    lab.sh("b", "ip route add 10.20.1.0/24 via 10.20.100.1")
    lab.ns("b1", "Pod", "b")
    lab.veth("b", "vb1", "b1", "eth0")
    lab.sh("b1", """
        ip addr add 10.20.100.77/32 dev eth0
        ip route add 10.20.100.2 dev eth0 scope link
        ip route add default via 10.20.100.2""")
    lab.sh("b", """
        ip route add 10.20.100.77/32 dev vb1
        ip neigh add proxy 10.20.100.77 dev eth0""")


NETWORKS = {f.__name__.replace("_", "-"): f for f in (
    v6_only, dual_stack, dual_stack_v6_not_forwarded, pod_mask_16, pod_mask_16_proxied, pod_has_bridge_address,
    pod_cidr_twice, pod_cidr_nested, node_address_twice, two_addresses, arp_of_any_interface, neighbour_wrong, neighbour_right, proxy_neighbour)}
