"""One change each to a network that works: a fault as it happens, or something odd that does no harm.

Lines for a namespace (N a node, P a pod of it, E the host outside, W the wire) with places to be filled in: {n} the node's number,
{o} the other node's, {p} and {r} the last byte of two pods of the node, {q} of a pod of the other node, {port} and {rport} the
devices of the two pods, {mac...} link-layer addresses. Each is a network of its own below; chance.py puts several together.
"""

from networks.base import host_gw
from networks.plugins import calico, flannel_vxlan
from networks.services import cluster, with_iptables, with_nft

# name: (what, base, [(where, lines)])
FAULTS = {
    # Routes of nodes
    "route-of-a-pod-elsewhere": ("A /32 route sends one pod's messages to the host outside", "host-gw",
                                 [("N", "ip route add 10.20.{o}.{q}/32 via 10.20.100.9")]),
    "route-of-a-pod-to-a-pod": ("A /32 route to a remote pod leads to a local pod, which does not forward", "host-gw",
                                [("N", "ip route add 10.20.{o}.{q}/32 via 10.20.{n}.{p}")]),
    "route-of-a-local-pod-away": ("A /32 route to a local pod leads to the other node: its neighbours on the bridge still reach it", "host-gw",
                                  [("N", "ip route add 10.20.{n}.{p}/32 via 10.20.100.{o}")]),
    "route-of-a-pod-to-its-port": ("A /32 route to a local pod over its bridge port, which is no device to route by", "host-gw",
                                   [("N", "ip route add 10.20.{n}.{p}/32 dev {port}")]),
    "route-blackhole": ("A blackhole for the other node's pods beside the route, with the better metric", "host-gw",
                        [("N", "ip route replace 10.20.{o}.0/24 via 10.20.100.{o} metric 20"),
                         ("N", "ip route del 10.20.{o}.0/24 via 10.20.100.{o} metric 0 || true"),
                         ("N", "ip route add blackhole 10.20.{o}.0/24 metric 10")]),
    "route-blackhole-own": ("A blackhole for the node's own podCIDR and no route of the bridge: its pods reach each other only", "host-gw",
                            [("N", "ip route del 10.20.{n}.0/24 dev cni0"), ("N", "ip route add blackhole 10.20.{n}.0/24")]),
    "route-half": ("Only the lower half of the other node's podCIDR is routed", "host-gw",
                   [("N", "ip route del 10.20.{o}.0/24 via 10.20.100.{o}"), ("N", "ip route add 10.20.{o}.0/28 via 10.20.100.{o}")]),
    "route-with-other-source": ("The route to the other node's pods prefers the bridge's address as source", "host-gw",
                                [("N", "ip route replace 10.20.{o}.0/24 via 10.20.100.{o} src 10.20.{n}.1")]),
    "route-default-only": ("A default route by the other node in place of the route to its pods", "host-gw",
                           [("N", "ip route del 10.20.{o}.0/24 via 10.20.100.{o}"), ("N", "ip route add default via 10.20.100.{o}")]),
    "route-in-table-local": ("A route in the table local makes the node take a remote pod's messages for its own", "host-gw",
                             [("N", "ip route add local 10.20.{o}.{q}/32 dev lo")]),
    "route-of-wide-local": ("The other node's podCIDR is routed to lo as local (a leftover of a test)", "host-gw",
                            [("N", "ip route add local 10.20.{o}.0/24 dev lo")]),
    "route-prohibited-node": ("The other node's own address is prohibited: its pods are reached, it is not", "host-gw",
                              [("N", "ip route add prohibit 10.20.100.{o}/32")]),
    "route-scope-link": ("The route to the other node's pods has no gateway: nobody answers ARP on the wire", "host-gw",
                         [("N", "ip route replace 10.20.{o}.0/24 dev eth0 scope link")]),
    "route-scope-link-proxied": ("The route to the other node's pods has no gateway, and the other node answers by proxy ARP", "host-gw",
                                 [("N", "ip route replace 10.20.{o}.0/24 dev eth0 scope link"),
                                  ("O", "sysctl -qw net.ipv4.conf.eth0.proxy_arp=1 net.ipv4.neigh.eth0.proxy_delay=0")]),
    # Policy rules
    "rule-to": ("A rule by destination leads to a table without the route", "host-gw",
                [("N", "ip rule add to 10.20.{o}.0/24 lookup 60 pref 60"), ("N", "ip route add unreachable 10.20.{o}.{q} table 60")]),
    "rule-iif": ("What comes from the bridge is looked up in a table that knows only the default", "host-gw",
                 [("N", "ip rule add iif cni0 lookup 61 pref 61"), ("N", "ip route add default via 10.20.100.9 table 61")]),
    "rule-iif-lo": ("What the node itself sends is looked up in a table of its own", "host-gw",
                    [("N", "ip rule add iif lo lookup 62 pref 62"), ("N", "ip route add 10.20.{o}.0/24 via 10.20.100.9 table 62")]),
    "rule-port": ("A rule for a destination port leads to nowhere", "host-gw",
                  [("N", "ip rule add ipproto tcp dport 8080 lookup 63 pref 63"), ("N", "ip route add blackhole default table 63")]),
    "rule-not-from": ("A rule for all sources but the pods', to a table whose default is the host outside", "host-gw",
                      [("N", "ip rule add not from 10.20.0.0/22 lookup 64 pref 64"), ("N", "ip route add default via 10.20.100.9 table 64")]),
    "rule-local-late": ("The table local is asked after main: the node's own addresses are still its own", "host-gw",
                        [("N", "ip rule add lookup local pref 40000"), ("N", "ip rule del pref 0")]),
    # Switches
    "forward-off": ("A node does not forward", "host-gw", [("N", "sysctl -qw net.ipv4.ip_forward=0")]),
    "forward-off-device": ("A node does not forward what comes in by its wire", "host-gw", [("N", "sysctl -qw net.ipv4.conf.eth0.forwarding=0")]),
    "reverse-path-strict": ("A strict reverse path filter everywhere, routes symmetric: no harm", "host-gw",
                            [("N", "sysctl -qw net.ipv4.conf.all.rp_filter=1")]),
    "reverse-path-asymmetric": ("A strict reverse path filter, and a route back that goes by another device", "host-gw",
                                [("N", "sysctl -qw net.ipv4.conf.all.rp_filter=1"), ("N", "ip route add 10.20.{o}.{q}/32 dev cni0")]),
    "reverse-path-loose": ("A loose reverse path filter, and no route back to one pod", "host-gw",
                           [("N", "sysctl -qw net.ipv4.conf.all.rp_filter=2"), ("N", "ip route add unreachable 10.20.{o}.{q}/32")]),
    "reverse-path-rule": ("A strict reverse path filter, and a rule by device that the way back does not see", "host-gw",
                          [("N", "sysctl -qw net.ipv4.conf.all.rp_filter=1"), ("N", "ip rule add iif eth0 lookup 65 pref 65"),
                           ("N", "ip route add 10.20.{n}.0/24 dev cni0 table 65")]),
    "arp-ignore": ("arp_ignore 1: the node answers on the wire for its own address there only", "host-gw",
                   [("N", "sysctl -qw net.ipv4.conf.all.arp_ignore=1")]),
    "arp-ignore-8": ("arp_ignore 8 on the bridge: it keeps silent, its pods have no gateway", "host-gw",
                     [("N", "sysctl -qw net.ipv4.conf.cni0.arp_ignore=8")]),
    "arp-ignore-2": ("arp_ignore 2 in a pod whose neighbours are in another subnet", "host-gw",
                     [("P", "sysctl -qw net.ipv4.conf.all.arp_ignore=2"), ("P", "ip addr add 10.30.0.7/24 dev eth0")]),
    "arp-filter": ("arp_filter 1: an answer only by the device that leads back to who asks", "host-gw",
                   [("N", "sysctl -qw net.ipv4.conf.all.arp_filter=1")]),
    "arp-announce": ("arp_announce 2: requests carry the best own address", "host-gw",
                     [("N", "sysctl -qw net.ipv4.conf.all.arp_announce=2")]),
    "arp-off": ("A pod's device answers no ARP", "host-gw", [("P", "ip link set eth0 arp off")]),
    "proxy-arp-everywhere": ("Proxy ARP on bridge and wire of a node", "host-gw",
                             [("N", "sysctl -qw net.ipv4.conf.all.proxy_arp=1 net.ipv4.neigh.cni0.proxy_delay=0 net.ipv4.neigh.eth0.proxy_delay=0")]),
    "accept-local": ("accept_local and route_localnet: no harm", "host-gw",
                     [("N", "sysctl -qw net.ipv4.conf.all.accept_local=1 net.ipv4.conf.all.route_localnet=1")]),
    # Neighbours
    "neighbour-of-a-pod": ("A permanent neighbour entry of a pod with another pod's link-layer address", "host-gw",
                           [("N", "ip neigh replace 10.20.{n}.{p} lladdr {macr} dev cni0 nud permanent")]),
    "neighbour-of-nobody": ("A permanent neighbour entry of a pod with a link-layer address that nobody has", "host-gw",
                            [("N", "ip neigh replace 10.20.{n}.{p} lladdr 02:99:00:00:00:01 dev cni0 nud permanent")]),
    "neighbour-gateway": ("A pod's permanent entry for its gateway has another pod's link-layer address", "host-gw",
                          [("P", "ip neigh replace 10.20.{n}.1 lladdr {macr} dev eth0 nud permanent")]),
    "neighbour-other-node": ("A permanent entry for the other node with the node's own link-layer address", "host-gw",
                             [("N", "ip neigh replace 10.20.100.{o} lladdr {maceth0} dev eth0 nud permanent")]),
    "same-mac": ("Two pods on one bridge have the same link-layer address", "host-gw", [("P", "ip link set eth0 address {macr}")]),
    "mac-of-bridge": ("A pod has its bridge's link-layer address", "host-gw", [("P", "ip link set eth0 address {maccni0}")]),
    "same-mac-nodes": ("Both nodes have the same link-layer address on the wire", "host-gw", [("N", "ip link set eth0 address {maceth0O}")]),
    # Bridges
    "port-without-bridge": ("A pod's device is no port of the bridge", "host-gw", [("N", "ip link set {port} nomaster")]),
    "port-down": ("A pod's port is down", "host-gw", [("N", "ip link set {port} down")]),
    "port-listening": ("A pod's port is still learning: nothing is forwarded", "host-gw", [("N", "bridge link set dev {port} state 2")]),
    "port-no-broadcast": ("A pod's port floods no broadcasts: nobody's ARP request gets to it", "host-gw", [("N", "bridge link set dev {port} bcast_flood off")]),
    "port-no-flood": ("A pod's port floods nothing unknown: no harm, what answers is known", "host-gw", [("N", "bridge link set dev {port} flood off")]),
    "port-no-learning": ("A pod's port learns nothing and floods nothing: frames to the pod die", "host-gw",
                         [("N", "bridge link set dev {port} learning off flood off")]),
    "port-no-learning-floods": ("A pod's port learns nothing, frames to it are flooded: no harm", "host-gw",
                                [("N", "bridge link set dev {port} learning off")]),
    "port-isolated": ("One pod's port is isolated: of no account alone", "host-gw", [("N", "bridge link set dev {port} isolated on")]),
    "fdb-wrong-port": ("A static forwarding entry leads one pod's frames to another's port", "host-gw",
                       [("N", "bridge fdb replace {macp} dev {rport} master static")]),
    "fdb-local": ("A permanent forwarding entry makes the bridge take a pod's frames for its own", "host-gw",
                  [("N", "bridge fdb replace {macp} dev {port} master permanent")]),
    "bridge-down": ("The bridge is down", "host-gw", [("N", "ip link set cni0 down")]),
    "bridge-no-address": ("The bridge has lost its address", "host-gw", [("N", "ip addr flush dev cni0")]),
    "bridge-other-address": ("The bridge has another address of the podCIDR than the pods' gateway", "host-gw",
                             [("N", "ip addr del 10.20.{n}.1/24 dev cni0; ip addr add 10.20.{n}.254/24 dev cni0")]),
    "wire-port-down": ("A node's port of the wire is down", "host-gw", [("W", "ip link set {wport} down")]),
    # Pods
    "pod-no-default": ("A pod has no default route", "host-gw", [("P", "ip route del default")]),
    "pod-gateway-is-pod": ("A pod's default route leads to another pod", "host-gw", [("P", "ip route replace default via 10.20.{n}.{r}")]),
    "pod-mask-32": ("A pod's address has no subnet, its routes are by hand", "host-gw",
                    [("P", "ip addr flush dev eth0; ip addr add 10.20.{n}.{p}/32 dev eth0; ip route add 10.20.{n}.1 dev eth0; ip route add default via 10.20.{n}.1")]),
    "pod-mask-25": ("A pod's mask is too narrow for its gateway to matter: neighbours are reached by it", "host-gw",
                    [("P", "ip addr flush dev eth0; ip addr add 10.20.{n}.{p}/29 dev eth0; ip route add 10.20.{n}.1 dev eth0; ip route add default via 10.20.{n}.1")]),
    "pod-lo-down": ("A pod's loopback is down", "host-gw", [("P", "ip link set lo down")]),
    "pod-second-default": ("A pod has two default routes, the better one by nobody", "host-gw",
                           [("P", "ip route del default; ip route add default via 10.20.{n}.1 metric 100; ip route add default via 10.20.{n}.250 metric 50")]),
    "pod-forwards": ("A pod forwards, and is another's gateway", "host-gw",
                     [("R", "sysctl -qw net.ipv4.ip_forward=1 net.ipv4.conf.all.send_redirects=0 net.ipv4.conf.eth0.send_redirects=0"),
                      ("P", "ip route replace default via 10.20.{n}.{r}")]),
    "pod-address-of-node": ("A pod has the other node's address as a second one", "host-gw", [("P", "ip addr add 10.20.100.{o}/32 dev eth0")]),
    "pod-extra-route": ("A pod has a route of its own to the other node's pods by a pod that does not forward", "host-gw",
                        [("P", "ip route add 10.20.{o}.0/24 via 10.20.{n}.{r}")]),
    # VXLAN
    "vxlan-down": ("flannel.1 is down", "vxlan", [("N", "ip link set flannel.1 down")]),
    "vxlan-no-neighbour": ("flannel.1 lacks the neighbour entry", "vxlan", [("N", "ip neigh del 10.20.{o}.0 dev flannel.1")]),
    "vxlan-fdb-to-self": ("The forwarding entry leads to the node itself", "vxlan",
                          [("N", "bridge fdb replace 02:42:00:00:00:0{o} dev flannel.1 dst 10.20.100.{n}")]),
    "vxlan-fdb-twice": ("Two forwarding entries: one right, one to the host outside", "vxlan",
                        [("N", "bridge fdb append 02:42:00:00:00:0{o} dev flannel.1 dst 10.20.100.9")]),
    "vxlan-other-port": ("flannel.1 was made anew with another UDP port", "vxlan",
                         [("N", "ip link del flannel.1; ip link add flannel.1 address 02:42:00:00:00:0{n} type vxlan id 1 local 10.20.100.{n} dev eth0 dstport 4789 nolearning"),
                          ("N", "ip addr add 10.20.{n}.0/32 dev flannel.1; ip link set flannel.1 up; ip route add 10.20.{o}.0/24 via 10.20.{o}.0 dev flannel.1 onlink"),
                          ("N", "ip neigh add 10.20.{o}.0 lladdr 02:42:00:00:00:0{o} dev flannel.1 nud permanent; bridge fdb append 02:42:00:00:00:0{o} dev flannel.1 dst 10.20.100.{o}")]),
    "vxlan-same-mac": ("Both nodes' flannel.1 have the same link-layer address", "vxlan",
                       [("N", "ip link set flannel.1 address 02:42:00:00:00:0{o}")]),
    "vxlan-output-blocked": ("The node's OUTPUT drops UDP 8472", "vxlan", [("N", "iptables -A OUTPUT -p udp --dport 8472 -j DROP")]),
    "vxlan-reverse-path": ("A strict reverse path filter with flannel.1: no harm", "vxlan", [("N", "sysctl -qw net.ipv4.conf.all.rp_filter=1")]),
    "vxlan-masquerade": ("All that leaves eth0 is masqueraded: the outer datagrams too, which does no harm", "vxlan",
                         [("N", "iptables -t nat -A POSTROUTING -o eth0 -j MASQUERADE")]),
    "vxlan-masquerade-inner": ("What leaves flannel.1 is masqueraded", "vxlan", [("N", "iptables -t nat -A POSTROUTING -o flannel.1 -j MASQUERADE")]),
    "vxlan-underlay-gone": ("The nodes' subnet is routed by the host outside: outer datagrams die", "vxlan",
                            [("N", "ip route add 10.20.100.{o}/32 via 10.20.100.9")]),
    "vxlan-host-gw-mixed": ("One node uses host-gw, the other vxlan: questions and answers go different ways", "vxlan",
                            [("N", "ip route replace 10.20.{o}.0/24 via 10.20.100.{o}")]),
    # Calico-style
    "calico-no-pod-route": ("The host route of a pod is missing: the blackhole takes its messages", "calico", [("N", "ip route del 10.20.{n}.{p}")]),
    "calico-swapped": ("The host routes of two pods are swapped", "calico",
                       [("N", "ip route replace 10.20.{n}.{p} dev {rport} scope link"), ("N", "ip route replace 10.20.{n}.{r} dev {port} scope link")]),
    "calico-no-block-route": ("The route to the other node's block is missing, the default route takes it", "calico", [("N", "ip route del 10.20.{o}.0/26")]),
    "calico-reverse-path": ("Strict reverse path filters on the pods' devices, all routes there: no harm", "calico",
                            [("N", "sysctl -qw net.ipv4.conf.all.rp_filter=1")]),
    "calico-permanent-gateway": ("The pod knows its gateway by a permanent entry, proxy ARP is off: works one way, and both", "calico",
                                 [("N", "sysctl -qw net.ipv4.conf.{port}.proxy_arp=0"), ("P", "ip neigh add 169.254.1.1 lladdr {macport} dev eth0 nud permanent")]),
}

BASES = {
    "host-gw": lambda lab: host_gw(lab, pods=("a1", "a2", "b1", "b2")),
    "vxlan": flannel_vxlan,
    "calico": calico,
    "services-iptables": lambda lab: cluster(lab, with_iptables),
    "services-nft": lambda lab: cluster(lab, with_nft),
}
NUMBER = {"a": 1, "b": 2}


def mac(lab, name, device):
    return lab.out(name, f"cat /sys/class/net/{device}/address")


def change(lab, lines, node, pod=None, other=None, far=None):
    """Lines with their places filled in: `pod` and `other` of `node`, `far` of the other node."""
    remote = "b" if node == "a" else "a"
    own = sorted(p for p in lab.nodes if lab.nodes[p] == node)
    pod = pod or own[0]
    other = other or next((p for p in own if p != pod), pod)
    far = far or sorted(p for p in lab.nodes if lab.nodes[p] == remote)[0]
    place = {"N": node, "O": remote, "P": pod, "R": other, "E": "ext", "W": "wire"}
    begin = "v" if "cni0" in lab.out(node, "ls /sys/class/net") else "cali"
    known = {"n": NUMBER[node], "o": NUMBER[remote], "p": 10 + int(pod[1]), "r": 10 + int(other[1]), "q": 10 + int(far[1]),
             "port": begin + pod, "rport": begin + other, "wport": f"p{NUMBER[node] - 1}"}
    asked = "".join(line for _, line in lines)
    for key, holder, device in (("macp", pod, "eth0"), ("macr", other, "eth0"), ("maceth0", node, "eth0"),
                                ("maceth0O", remote, "eth0"), ("maccni0", node, "cni0"), ("macport", node, begin + pod)):
        if "{" + key + "}" in asked:
            known[key] = mac(lab, holder, device)
    for where, line in lines:
        lab.sh(place[where], line.format(**known))


def network(name):
    what, base, lines = FAULTS[name]

    def made(lab):
        BASES[base](lab)
        change(lab, lines, "a")

    made.__doc__ = what + "."
    made.__module__ = __name__
    return made


NETWORKS = {name: network(name) for name in FAULTS}
