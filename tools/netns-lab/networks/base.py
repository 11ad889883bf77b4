"""Two nodes a and b, pods a1, a2 on a and b1 on b, a host outside: what the other networks start from."""

NETWORKS = {}

NODE = {"a": 1, "b": 2}


def wired(lab, nodes=("a", "b"), families=(4,), ext=True, ext_routes=False):
    """Nodes and the host outside on one wire: 10.20.100.0/24, fd00:20:100::/64."""
    lab.families = set(families)
    for node in nodes:
        lab.ns(node, "Node")
    if ext:
        lab.ns("ext", "External")
    members = [(node, "eth0") for node in nodes] + ([("ext", "eth0")] if ext else [])
    lab.wire("wire", members)
    for number, (name, device) in enumerate(members):
        last = 9 if name == "ext" else number + 1
        if 4 in families:
            lab.sh(name, f"ip addr add 10.20.100.{last}/24 dev {device}")
        if 6 in families:
            lab.sh(name, f"ip addr add fd00:20:100::{last}/64 dev {device} nodad")
    if ext_routes:
        for number, node in enumerate(nodes):
            lab.sh("ext", f"ip route add 10.20.{number + 1}.0/24 via 10.20.100.{number + 1}")


def bridged(lab, pods=("a1", "a2", "b1"), families=(4,), mask=24, hairpin=True):
    """A bridge cni0 on each node with its pods: 10.20.N.0/24, fd00:20:N::/64."""
    for node in sorted({pod[0] for pod in pods}):
        number = ord(node) - ord("a") + 1
        lab.bridge(node, "cni0")
        lab.cidrs[node] = [f"10.20.{number}.0/24"] * (4 in families) + [f"fd00:20:{number}::/64"] * (6 in families)
        if 4 in families:
            lab.sh(node, f"ip addr add 10.20.{number}.1/24 dev cni0")
        if 6 in families:
            lab.sh(node, f"ip addr add fd00:20:{number}::1/64 dev cni0 nodad")
        for pod in sorted(p for p in pods if p[0] == node):
            last = 10 + int(pod[1])
            lab.bridge_pod(
                pod, node,
                [f"10.20.{number}.{last}/{mask}"] * (4 in families)
                + [f"fd00:20:{number}::{last}/64"] * (6 in families),
                [f"10.20.{number}.1"] * (4 in families) + [f"fd00:20:{number}::1"] * (6 in families),
                hairpin=hairpin)


def routed(lab, nodes=("a", "b"), families=(4,)):
    """Every node routes to every other's pods by its address (host-gw)."""
    for one in nodes:
        for other in nodes:
            if one != other:
                number = ord(other) - ord("a") + 1
                if 4 in families:
                    lab.sh(one, f"ip route add 10.20.{number}.0/24 via 10.20.100.{number}")
                if 6 in families:
                    lab.sh(one, f"ip -6 route add fd00:20:{number}::/64 via fd00:20:100::{number}")


def host_gw(lab, pods=("a1", "a2", "b1"), families=(4,), **more):
    wired(lab, families=families, **more)
    bridged(lab, pods, families)
    routed(lab, families=families)
