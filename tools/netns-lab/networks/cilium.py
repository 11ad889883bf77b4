"""Cilium as its documentation describes what it installs: real devices and routes, its agent's maps written by hand.

No Cilium runs here, and none of its programs: these networks are dumped, never probed (`documented`).
"""

from networks.base import wired

NETWORKS = {}
NUMBER = {"a": 1, "b": 2}
PODS = {"a1": "lxc0a1f2c3d4e51", "a2": "lxc0a1f2c3d4e52", "b1": "lxc0b1f2c3d4e51"}


def address(pod):
    return f"10.20.{NUMBER[pod[0]]}.{10 + int(pod[1])}"


def mac_of(lab, pod):
    return lab.out(pod, "cat /sys/class/net/eth0/address")


def endpoint(number, pod, mac, host_mac, index, enforced="none"):
    return {
        "id": number,
        "status": {
            "external-identifiers": {"k8s-namespace": "default", "k8s-pod-name": pod, "pod-name": f"default/{pod}"},
            "identity": {"id": 20000 + number, "labels": [f"k8s:io.kubernetes.pod.namespace=default", f"k8s:pod={pod}"]},
            "networking": {"addressing": [{"ipv4": address(pod), "ipv4-pool-name": "default"}],
                           "host-mac": host_mac, "interface-index": index, "interface-name": PODS[pod], "mac": mac},
            "policy": {"realized": {"policy-enabled": enforced}},
            "state": "ready"}}


def service(number, name, address, port, backends):
    spec = {
        "backend-addresses": [{"ip": ip, "nodeName": node, "port": to, "preferred": False, "protocol": "TCP",
                               "state": "active", "weight": 100} for ip, node, to in backends],
        "flags": {"extPolicy": "Cluster", "intPolicy": "Cluster", "name": name, "namespace": "default",
                  "type": "ClusterIP"},
        "frontend-address": {"ip": address, "port": port, "protocol": "TCP", "scope": "external"},
        "id": number}
    return {"spec": spec, "status": {"realized": spec}}


def cilium(lab, tunnel=True):
    wired(lab)
    lab.documented = True
    for node, number in NUMBER.items():
        other = 3 - number
        lab.cidrs[node] = [f"10.20.{number}.0/24"]
        router = f"10.20.{number}.96"
        lab.sh(node, f"""
            ip link add cilium_net address {lab.mac()} type veth peer name cilium_host address {lab.mac()}
            ip link set cilium_net up
            ip link set cilium_host up
            ip addr add {router}/32 dev cilium_host
            ip route add {router} dev cilium_host proto kernel scope link
            ip route add 10.20.{number}.0/24 via {router} dev cilium_host proto kernel src {router}
            ip route add default via 10.20.100.9""")
        if tunnel:
            lab.sh(node, f"""
                ip link add cilium_vxlan address {lab.mac()} type vxlan external dstport 8472
                ip link set cilium_vxlan up
                ip route add 10.20.{other}.0/24 via {router} dev cilium_host proto kernel src {router} mtu 1450""")
        else:
            lab.sh(node, f"ip route add 10.20.{other}.0/24 via 10.20.100.{other} dev eth0 proto kernel")
    for pod, device in PODS.items():
        node = pod[0]
        router = f"10.20.{NUMBER[node]}.96"
        lab.ns(pod, "Pod", node)
        lab.veth(node, device, pod, "eth0")
        lab.sh(pod, f"""
            ip addr add {address(pod)}/32 dev eth0
            ip route add {router} dev eth0 scope link
            ip route add default via {router} dev eth0""")
    services = [service(1, "web", "10.20.200.10", 80, [("10.20.1.11", "a", 8080), ("10.20.2.11", "b", 8080)]),
                service(2, "empty", "10.20.200.12", 80, [])]
    for node, number in NUMBER.items():
        local = [pod for pod in PODS if pod[0] == node]
        endpoints = [endpoint(
            100 + ordinal, pod, mac_of(lab, pod), lab.out(node, f"cat /sys/class/net/{PODS[pod]}/address"),
            int(lab.out(node, f"cat /sys/class/net/{PODS[pod]}/ifindex"))) for ordinal, pod in enumerate(local)]
        cache = {"0.0.0.0/0": ["identity=2 encryptkey=0 tunnelendpoint=0.0.0.0 flags=<none>"]}
        for other, far in NUMBER.items():
            cache[f"10.20.100.{far}/32"] = [
                f"identity={1 if other == node else 6} encryptkey=0 tunnelendpoint=0.0.0.0 flags=<none>"]
            cache[f"10.20.{far}.96/32"] = [
                f"identity={1 if other == node else 6} encryptkey=0 "
                f"tunnelendpoint={f'10.20.100.{far}' if tunnel and other != node else '0.0.0.0'} flags=<none>"]
        for ordinal, pod in enumerate(PODS):
            home = f"10.20.100.{NUMBER[pod[0]]}" if tunnel and pod[0] != node else "0.0.0.0"
            cache[f"{address(pod)}/32"] = [
                f"identity={20000 + ordinal} encryptkey=0 tunnelendpoint={home} flags=<none>"]
        other = 3 - number
        lab.maps[node] = {
            "cilium-endpoints.json": endpoints,
            "cilium-ipcache.json": cache,
            "cilium-tunnel.json": {f"10.20.{other}.0": [f"10.20.100.{other}:0"]} if tunnel else {},
            "cilium-services.json": services,
            "cilium-status.json": {
                "kube-proxy-replacement": {"mode": "True"},
                "masquerading": {"enabled": True, "enabledProtocols": {"ipv4": True, "ipv6": False}, "mode": "BPF",
                                 "snat-exclusion-cidr": "10.20.0.0/16", "ip-masq-agent": False}},
        }
    lab.service("web", ["10.20.200.10"], 80, 8080, [("10.20.1.11", "a"), ("10.20.2.11", "b")])
    lab.service("empty", ["10.20.200.12"], 80, 8080, [])


def cilium_tunnel(lab):
    """Cilium, tunnel mode (vxlan), kube-proxy replaced, two nodes"""
    cilium(lab)


def cilium_tunnel_stale_entry(lab):
    """Cilium, tunnel mode: a's ipcache still says that b1 is behind a host that is no node any more"""
    cilium(lab)
    cache = lab.maps["a"]["cilium-ipcache.json"]
    cache["10.20.2.11/32"] = [cache["10.20.2.11/32"][0].replace("10.20.100.2", "10.20.100.9")]


def cilium_native(lab):
    """Cilium, native routing with routes between the nodes, kube-proxy replaced"""
    cilium(lab, tunnel=False)


def cilium_native_missing_route(lab):
    """Cilium, native routing: a has no route to b's pods"""
    cilium(lab, tunnel=False)
    lab.sh("a", "ip route del 10.20.2.0/24")


NETWORKS = {f.__name__.replace("_", "-"): f for f in (
    cilium_tunnel, cilium_tunnel_stale_entry, cilium_native, cilium_native_missing_route)}
