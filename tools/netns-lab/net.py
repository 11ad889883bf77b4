"""A network of Linux network namespaces: making it, and dumping what Linux says in each.

Knows: ip, bridge, sysctl, iptables-save, nft, ss. Knows nothing of any particular network (networks/) nor of probes (probe.py).
"""

import json
import os
import re
import shlex
import subprocess

PREFIX = "lab-"  # of the names of the namespaces; `ip netns list-id` shows it, snapshot.yaml does not


def run(command, check=True):
    done = subprocess.run(command, capture_output=True, text=True)
    if check and done.returncode != 0:
        raise RuntimeError(f"{shlex.join(command)}\n{done.stdout}{done.stderr}")
    return done.stdout


class Lab:
    """One network being made. `sh` runs lines in a namespace; the rest is what nearly every network needs."""

    def __init__(self, name, title):
        self.name, self.title = name, title
        self.kinds = {}  # namespace -> Pod | Node | External | Fabric
        self.nodes = {}  # pod -> node
        self.cidrs = {}  # node -> podCIDRs, for the truth
        self.services = []  # Kubernetes objects
        self.service_probes = []  # (name, address, port, tries)
        self.extra = []  # (to, kind, address, port, protocol): probed from everywhere
        self.listen = {}  # namespace -> (tcp, udp), where not the usual ones
        self.macs = 0
        self.rounds = 2  # of all probes
        self.documented = False  # what decides is not there: dumped, never probed
        self.maps = {}  # node -> file -> what its plugin's agent would print
        self.families = {4}

    # Making

    def ns(self, name, kind, node=None, families=None):
        self.kinds[name] = kind
        if node:
            self.nodes[name] = node
        run(["ip", "netns", "add", PREFIX + name])
        # Numbers in the dumps that differ from run to run say nothing.
        forward = 1 if kind == "Node" else 0
        lines = [
            "sysctl -qw net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.default.rp_filter=0",
            f"sysctl -qw net.ipv4.ip_forward={forward}",
        ]
        if 6 in (families or self.families):
            lines += [
                "sysctl -qw net.ipv6.conf.all.accept_dad=0 net.ipv6.conf.default.accept_dad=0",
                "sysctl -qw net.ipv6.conf.all.accept_ra=0 net.ipv6.conf.default.accept_ra=0",
                f"sysctl -qw net.ipv6.conf.all.forwarding={forward}",
            ]
        else:
            lines += ["sysctl -qw net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1"]
        self.sh(name, "\n".join(lines + ["ip link set lo up"]))
        return name

    def sh(self, name, text):
        for line in text.splitlines():
            line = line.strip()
            if line and not line.startswith("#"):
                run(["ip", "netns", "exec", PREFIX + name, "sh", "-ec", line])

    def out(self, name, line):
        return run(["ip", "netns", "exec", PREFIX + name, "sh", "-ec", line]).strip()

    def feed(self, name, command, text):
        done = subprocess.run(
            ["ip", "netns", "exec", PREFIX + name, *command], input=text, text=True, capture_output=True
        )
        if done.returncode != 0:
            raise RuntimeError(f"{command} in {name}: {done.stderr}")

    def mac(self):
        self.macs += 1
        return f"02:00:00:00:{self.macs // 256:02x}:{self.macs % 256:02x}"

    def veth(self, one, device, other, device2):
        """A pair: `device` in namespace `one`, `device2` in `other`; both up."""
        run(["ip", "-n", PREFIX + one, "link", "add", device, "address", self.mac(), "type", "veth",
             "peer", "name", device2, "address", self.mac(), "netns", PREFIX + other])
        self.sh(one, f"ip link set {device} up")
        self.sh(other, f"ip link set {device2} up")

    def bridge(self, name, device, options=""):
        self.sh(name, f"ip link add {device} address {self.mac()} type bridge {options}")
        self.sh(name, f"ip link set {device} up")

    def wire(self, name, members, bridge="br0"):
        """A fabric: one bridge with a port for each (namespace, device) of `members`."""
        self.ns(name, "Fabric", families={4})
        self.bridge(name, bridge)
        for number, (member, device) in enumerate(members):
            port = f"p{number}"
            self.veth(member, device, name, port)
            self.sh(name, f"ip link set {port} master {bridge}")

    def bridge_pod(self, pod, node, addresses, gateways, bridge="cni0", hairpin=True):
        """A pod on a bridge of its node, as the reference bridge plugin makes it."""
        self.ns(pod, "Pod", node)
        port = "v" + pod
        self.veth(node, port, pod, "eth0")
        self.sh(node, f"ip link set {port} master {bridge}")
        if hairpin:
            self.sh(node, f"bridge link set dev {port} hairpin on")
        for address in addresses:
            self.sh(pod, f"ip addr add {address} dev eth0 {'nodad' if ':' in address else ''}")
        for gateway in gateways:
            self.sh(pod, f"ip {'-6' if ':' in gateway else ''} route add default via {gateway}")

    # Kubernetes objects

    def service(self, name, addresses, port, target, endpoints, tries=6, **spec):
        """Service and EndpointSlice objects; endpoints: (address, node). Probed from everywhere."""
        self.services.append({
            "apiVersion": "v1", "kind": "Service", "metadata": {"name": name, "namespace": "default"},
            "spec": {"clusterIP": addresses[0], "clusterIPs": list(addresses),
                     "ports": [{"name": "http", "port": port, "targetPort": target, "protocol": "TCP"}
                               | spec.pop("with_port", {})]} | spec})
        for number, family in enumerate(("IPv4", "IPv6")):
            if any((":" in a) == bool(number) for a in addresses):
                self.services.append({
                    "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice",
                    "metadata": {"name": f"{name}-{number + 1}", "namespace": "default",
                                 "labels": {"kubernetes.io/service-name": name}},
                    "addressType": family, "ports": [{"name": "http", "port": target, "protocol": "TCP"}],
                    "endpoints": [{"addresses": [a], "nodeName": n, "conditions": {"ready": True}}
                                  for a, n in endpoints if (":" in a) == bool(number)]})
        for address in addresses:
            self.service_probes.append((name, address, port, tries))

    # What is known of it

    def addresses(self, name):
        """(device, address) of global scope, `lo` apart."""
        found = []
        for link in json.loads(run(["ip", "-n", PREFIX + name, "-j", "addr"])):
            for info in link["addr_info"]:
                if info["scope"] == "global" and link["ifname"] != "lo":
                    found.append((link["ifname"], info["local"]))
        return found

    # Dumping

    def dump(self, name, folder, when):
        """Writes the dumps of one namespace; `when` is before or after (the probes)."""
        os.makedirs(folder, exist_ok=True)

        def put(file, *command, tidy=lambda text: text):
            text = tidy(run(["ip", "netns", "exec", PREFIX + name, *command]))
            with open(os.path.join(folder, file), "w") as out:
                out.write(text if not text or text.endswith("\n") else text + "\n")

        put(f"neigh.{when}.json", "ip", "-j", "neigh")
        put(f"bridge-fdb.{when}.json", "bridge", "-j", "fdb")
        if when == "after":
            return
        put("addr.json", "ip", "-j", "addr")
        put("link.json", "ip", "-j", "-d", "link")
        put("route.json", "ip", "-j", "route")
        put("route-all.json", "ip", "-j", "-d", "route", "show", "table", "all", tidy=without_multicast)
        put("rule.json", "ip", "-j", "rule")
        if 6 in self.families:
            put("rule6.json", "ip", "-6", "-j", "rule")
            put("ip6tables-save.txt", "ip6tables-save", tidy=without_dates)
        put("bridge-link.json", "bridge", "-j", "-d", "link")
        put("netns-ids.json", "ip", "-j", "netns", "list-id", tidy=lambda text: text or "[]")
        put("iptables-save.txt", "iptables-save", tidy=without_dates)
        put("nft.json", "nft", "-j", "list", "ruleset")
        if run(["ip", "netns", "exec", PREFIX + name, "ipset", "list", "-n"]):
            put("ipset-save.txt", "ipset", "save")
        if proxies := run(["ip", "-n", PREFIX + name, "-j", "neigh", "show", "proxy"]).strip().replace("[]", ""):
            with open(os.path.join(folder, "neigh-proxy.json"), "w") as out:
                out.write(proxies + "\n")
        put("ss-listen.txt", "ss", "-Hltun", tidy=lambda text: re.sub(" +\n", "\n", text))
        put("sysctl.txt", "sysctl", "-a", tidy=that_decide)
        for file, value in self.maps.get(name, {}).items():
            with open(os.path.join(folder, file), "w") as out:
                out.write(json.dumps(value, indent=1) + "\n")


def without_dates(text):
    text = re.sub(r" on \w{3} \w{3} +\d+ [\d:]+ \d{4}", "", text)
    return re.sub(r"\[\d+:\d+\]", "[0:0]", text)  # counters say what has passed, not what would


def without_multicast(text):
    """ff00::/8 on every device says nothing."""
    return json.dumps([r for r in json.loads(text) if r.get("dst") != "ff00::/8"], separators=(",", ":"))


DECIDE = re.compile(
    r"net\.ipv4\.(ip_forward|fib_multipath_hash_policy|conf\.(?!lo\.)[^ ]*\."
    r"(rp_filter|arp_ignore|proxy_arp|route_localnet|accept_local|forwarding)) "
    r"|net\.ipv6\.(bindv6only|conf\.(?!lo\.)[^ ]*\.(forwarding|disable_ipv6|proxy_ndp)) "
    r"|net\.bridge\.bridge-nf-call-ip6?tables ")


def that_decide(text):
    """The settings that decide; per device only those that say something else than the default."""
    lines = [line for line in text.splitlines() if DECIDE.match(line)]
    said = dict(line.split(" = ", 1) for line in lines)

    def matters(key):
        at = re.match(r"(net\.ipv[46]\.conf\.)(.+)\.(\w+)$", key)
        if not at or at[2] in ("all", "default"):
            return True
        return said[key] != said[f"{at[1]}default.{at[3]}"]

    return "".join(line + "\n" for line in lines if matters(line.split(" = ", 1)[0]))
