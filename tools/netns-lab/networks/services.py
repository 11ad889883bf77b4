"""kube-proxy as installed: its iptables and its nftables rules, right ones and wrong ones."""

import hashlib

from networks.base import host_gw

POD_CIDRS = "10.20.0.0/22"  # kube-proxy's --cluster-cidr: the pods of all nodes


class Port:
    """One port of one Service as kube-proxy sees it."""

    def __init__(self, name, address, port, endpoints, node_port=None, local_only=False, target=8080):
        self.name, self.address, self.port, self.target = name, address, port, target
        self.endpoints, self.node_port, self.local_only = endpoints, node_port, local_only

    def hash(self, *more):
        return hashlib.sha256("/".join((self.name, str(self.port)) + more).encode()).hexdigest()[:16].upper()


def iptables_rules(ports):
    """What kube-proxy's iptables mode writes (pkg/proxy/iptables), comments left out."""
    nat = [":KUBE-SERVICES - [0:0]", ":KUBE-NODEPORTS - [0:0]", ":KUBE-MARK-MASQ - [0:0]", ":KUBE-POSTROUTING - [0:0]"]
    rules = [
        "-A PREROUTING -m comment --comment \"kubernetes service portals\" -j KUBE-SERVICES",
        "-A OUTPUT -m comment --comment \"kubernetes service portals\" -j KUBE-SERVICES",
        "-A POSTROUTING -m comment --comment \"kubernetes postrouting rules\" -j KUBE-POSTROUTING",
        "-A KUBE-MARK-MASQ -j MARK --or-mark 0x4000",
        "-A KUBE-POSTROUTING -m mark ! --mark 0x4000/0x4000 -j RETURN",
        "-A KUBE-POSTROUTING -j MARK --xor-mark 0x4000",
        "-A KUBE-POSTROUTING -j MASQUERADE --random-fully",
    ]
    refused, node_ports = [], []
    for one in ports:
        where = f"-d {one.address}/32 -p tcp -m tcp --dport {one.port}"
        if not one.endpoints:
            refused.append(f"-A KUBE-SERVICES {where} -m comment --comment \"{one.name} has no endpoints\" "
                           "-j REJECT --reject-with icmp-port-unreachable")
            continue
        chain = "KUBE-SVC-" + one.hash()
        nat.append(f":{chain} - [0:0]")
        rules.append(f"-A KUBE-SERVICES {where} -m comment --comment \"{one.name} cluster IP\" -j {chain}")
        rules.append(f"-A {chain} ! -s {POD_CIDRS} {where} -j KUBE-MARK-MASQ")
        if one.node_port:
            outer = "KUBE-EXT-" + one.hash()
            nat.append(f":{outer} - [0:0]")
            node_ports.append(f"-A KUBE-NODEPORTS -p tcp -m tcp --dport {one.node_port} -j {outer}")
            rules += [f"-A {outer} -j KUBE-MARK-MASQ", f"-A {outer} -j {chain}"]
        for number, endpoint in enumerate(one.endpoints):
            separate = "KUBE-SEP-" + one.hash(endpoint)
            nat.append(f":{separate} - [0:0]")
            left = len(one.endpoints) - number
            chance = f" -m statistic --mode random --probability {1 / left:.11f}" if left > 1 else ""
            rules.append(f"-A {chain}{chance} -j {separate}")
            rules += [f"-A {separate} -s {endpoint}/32 -j KUBE-MARK-MASQ",
                      f"-A {separate} -p tcp -m tcp -j DNAT --to-destination {endpoint}:{one.target}"]
    # As with --iptables-localhost-nodeports=false: a node port is none of 127.0.0.1's.
    rules.append("-A KUBE-SERVICES ! -d 127.0.0.0/8 -m addrtype --dst-type LOCAL -j KUBE-NODEPORTS")
    filters = [
        "*filter", ":KUBE-SERVICES - [0:0]", ":KUBE-FORWARD - [0:0]",
        "-A FORWARD -m conntrack --ctstate NEW -j KUBE-SERVICES",
        "-A OUTPUT -m conntrack --ctstate NEW -j KUBE-SERVICES",
        "-A FORWARD -j KUBE-FORWARD",
        "-A KUBE-FORWARD -m conntrack --ctstate INVALID -j DROP",
        "-A KUBE-FORWARD -m mark --mark 0x4000/0x4000 -j ACCEPT",
        "-A KUBE-FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT",
        *refused, "COMMIT"]
    return "\n".join(["*nat", *nat, *rules, *node_ports, "COMMIT", *filters]) + "\n"


def nft_rules(ports, family="ip", cidrs=POD_CIDRS):
    """What kube-proxy's nftables mode writes (pkg/proxy/nftables): maps of verdicts, numgen, endpoint chains."""
    address = "ipv4_addr" if family == "ip" else "ipv6_addr"
    services, no_endpoints, node_ports, chains = [], [], [], []
    for one in ports:
        key = f"{one.address} . tcp . {one.port}"
        if not one.endpoints:
            no_endpoints.append(f"{key} : goto reject-chain")
            continue
        chain = f"service-{one.hash()[:8]}-default/{one.name}/tcp/http"
        services.append(f"{key} : goto {chain}")
        picks = []
        for number, endpoint in enumerate(one.endpoints):
            text = f"[{endpoint}]" if ":" in endpoint else endpoint
            end = f"endpoint-{one.hash(endpoint)[:8]}-default/{one.name}/tcp/http__{endpoint.replace(':', '.')}/{one.target}"
            chains.append(f"chain {end} {{ {family} saddr {endpoint} jump mark-for-masquerade\n"
                          f"meta l4proto tcp dnat to {text}:{one.target}\n}}")
            picks.append(f"{number} : goto {end}")
        pick = f"numgen random mod {len(picks)} vmap {{ {', '.join(picks)} }}"
        chains.append(f"chain {chain} {{ {family} daddr {one.address} tcp dport {one.port} {family} saddr != {cidrs} "
                      f"jump mark-for-masquerade\n{pick}\n}}")
        if one.node_port:
            outer = f"external-{one.hash()[:8]}-default/{one.name}/tcp/http"
            chains.append(f"chain {outer} {{ jump mark-for-masquerade\ngoto {chain}\n}}")
            node_ports.append(f"tcp . {one.node_port} : goto {outer}")

    def elements(found):
        return f"elements = {{ {', '.join(found)} }}" if found else ""

    return f"""
table {family} kube-proxy {{
  map service-ips {{ type {address} . inet_proto . inet_service : verdict; {elements(services)} }}
  map no-endpoint-services {{ type {address} . inet_proto . inet_service : verdict; {elements(no_endpoints)} }}
  map service-nodeports {{ type inet_proto . inet_service : verdict; {elements(node_ports)} }}
  set nodeport-ips {{ type {address}; {"elements = { 10.20.100.1, 10.20.100.2 }" if family == "ip" else ""} }}
  chain mark-for-masquerade {{
    meta mark set meta mark or 0x4000
  }}
  chain masquerading {{
    meta mark and 0x4000 == 0 return
    meta mark set meta mark xor 0x4000
    masquerade fully-random
  }}
  chain reject-chain {{
    reject
  }}
  {chr(10).join(chains)}
  chain services {{
    {family} daddr . meta l4proto . th dport vmap @service-ips
    {family} daddr @nodeport-ips meta l4proto . th dport vmap @service-nodeports
  }}
  chain service-endpoints-check {{
    {family} daddr . meta l4proto . th dport vmap @no-endpoint-services
  }}
  chain nat-prerouting {{ type nat hook prerouting priority dstnat;
    jump services
  }}
  chain nat-output {{ type nat hook output priority -100;
    jump services
  }}
  chain nat-postrouting {{ type nat hook postrouting priority srcnat;
    jump masquerading
  }}
  chain filter-prerouting {{ type filter hook prerouting priority -110;
    ct state new jump service-endpoints-check
  }}
  chain filter-forward {{ type filter hook forward priority -110;
    ct state new jump service-endpoints-check
  }}
  chain filter-output {{ type filter hook output priority -110;
    ct state new jump service-endpoints-check
  }}
}}
"""


WEB = Port("web", "10.20.200.10", 80, ["10.20.1.11", "10.20.2.11"], node_port=30080)
OWN = Port("own", "10.20.200.11", 81, ["10.20.1.11"])
EMPTY = Port("empty", "10.20.200.12", 80, [])


def cluster(lab, install, installed=None, families=(4,)):
    """Host-gw, a default route to the host outside, Services web, own and empty; `installed`: node -> what is there."""
    host_gw(lab, families=families)
    for node in ("a", "b"):
        lab.sh(node, "ip route add default via 10.20.100.9")
        install(lab, node, (installed or {}).get(node, [WEB, OWN, EMPTY]))
    for one in (WEB, OWN, EMPTY):
        place = [(e, "a" if e.startswith("10.20.1.") else "b") for e in one.endpoints]
        extra = {"with_port": {"nodePort": one.node_port}, "type": "NodePort"} if one.node_port else {}
        lab.service(one.name, [one.address], one.port, one.target, place, tries=4 if len(place) > 1 else 1, **extra)
    lab.extra = [("web", "nodeport", address, 30080, "tcp") for address in ("10.20.100.1", "10.20.100.2")]


def with_iptables(lab, node, ports):
    lab.feed(node, ["iptables-restore"], iptables_rules(ports))


def with_nft(lab, node, ports):
    lab.feed(node, ["nft", "-f", "-"], nft_rules(ports))


def services_nft_host_port(lab):
    """kube-proxy, nftables mode, and a host port of iptables at the same priority: they are about different messages."""
    cluster(lab, with_nft)
    lab.sh("a", "iptables -t nat -A PREROUTING -d 10.20.100.1 -p tcp --dport 18080 -j DNAT --to-destination 10.20.1.11:8080")
    lab.extra.append(("web", "nodeport", "10.20.100.1", 18080, "tcp"))


MISSING = {"b": [OWN, EMPTY]}
STALE = {"b": [Port("web", "10.20.200.10", 80, ["10.20.1.11", "10.20.2.12"], node_port=30080), OWN, EMPTY]}
DEAD = {node: [Port("web", "10.20.200.10", 80, ["10.20.1.11", "10.20.2.99"], node_port=30080), OWN, EMPTY]
        for node in ("a", "b")}


def services_iptables(lab):
    """kube-proxy, iptables mode: two endpoints, a hairpin, none, a node port."""
    cluster(lab, with_iptables)


def services_iptables_missing(lab):
    """kube-proxy, iptables mode: b lacks the rules of one Service."""
    cluster(lab, with_iptables, MISSING)


def services_iptables_stale(lab):
    """kube-proxy, iptables mode: b's rules still lead to a pod that is no endpoint any more, and does not exist."""
    cluster(lab, with_iptables, STALE)


def dead(lab, install):
    """The objects name the address too: kube-proxy did as it was told."""
    cluster(lab, install, DEAD)
    for one in lab.services:
        if one["metadata"]["name"] == "web-1":
            one["endpoints"][1]["addresses"] = ["10.20.2.99"]


def services_iptables_dead(lab):
    """kube-proxy, iptables mode: on both nodes an endpoint's address is nobody's."""
    dead(lab, with_iptables)


def services_nft(lab):
    """kube-proxy, nftables mode: two endpoints, a hairpin, none, a node port."""
    cluster(lab, with_nft)


def services_nft_missing(lab):
    """kube-proxy, nftables mode: b lacks the elements of one Service."""
    cluster(lab, with_nft, MISSING)


def services_nft_stale(lab):
    """kube-proxy, nftables mode: b's rules still lead to a pod that is no endpoint any more."""
    cluster(lab, with_nft, STALE)


def services_nft_dead(lab):
    """kube-proxy, nftables mode: on both nodes an endpoint's address is nobody's."""
    dead(lab, with_nft)


def services_node_without_default(lab):
    """A node without a default route reaches no cluster address; its pods do."""
    cluster(lab, with_iptables)
    lab.sh("a", "ip route del default")


def services_not_bridged(lab):
    """bridge-nf-call-iptables is off: a pod and an endpoint on one bridge; answers go past the node's translation."""
    cluster(lab, with_iptables)
    lab.sh("a", "sysctl -qw net.bridge.bridge-nf-call-iptables=0")


def services_no_hairpin(lab):
    """Ports without hairpin mode: a pod does not reach itself through its Service."""
    cluster(lab, with_iptables)
    lab.sh("a", "bridge link set dev va1 hairpin off")


def service_at_pod_address(lab):
    """A Service has the cluster address of a pod, a2: that pod is hidden on the port."""
    own = Port("clash", "10.20.1.12", 8080, ["10.20.2.11"])
    host_gw(lab)
    for node in ("a", "b"):
        lab.feed(node, ["iptables-restore"], iptables_rules([own]))
    lab.service("clash", ["10.20.1.12"], 8080, 8080, [("10.20.2.11", "b")], tries=1)


def services_dual_stack_nft(lab):
    """kube-proxy, nftables mode, dual stack: one Service with two cluster addresses."""
    host_gw(lab, families=(4, 6))
    for node in ("a", "b"):
        lab.sh(node, "ip route add default via 10.20.100.9")
        lab.sh(node, "ip -6 route add default via fd00:20:100::9")
        lab.feed(node, ["nft", "-f", "-"], nft_rules([Port("web", "10.20.200.10", 80, ["10.20.1.11", "10.20.2.11"])]))
        lab.feed(node, ["nft", "-f", "-"], nft_rules(
            [Port("web", "fd00:20:200::10", 80, ["fd00:20:1::11", "fd00:20:2::11"])], "ip6", "fd00:20::/46"))
    lab.service("web", ["10.20.200.10", "fd00:20:200::10"], 80, 8080,
                [("10.20.1.11", "a"), ("10.20.2.11", "b"), ("fd00:20:1::11", "a"), ("fd00:20:2::11", "b")], tries=4)


NETWORKS = {f.__name__.replace("_", "-"): f for f in (
    services_iptables, services_iptables_missing, services_iptables_stale, services_iptables_dead, services_nft,
    services_nft_host_port, services_nft_missing, services_nft_stale, services_nft_dead, services_node_without_default, services_not_bridged,
    services_no_hairpin, service_at_pod_address, services_dual_stack_nft)}
