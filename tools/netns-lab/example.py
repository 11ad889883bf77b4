"""Case folders as examples: what `kubeproof collect` would have written, without the probes and what they left behind.

Knows: which network is which example. Knows nothing of making networks.
"""

import json
import os
import shutil

EXAMPLES = {
    "plugins/bridge/conforming": "reference-bridge",
    "plugins/bridge/broken": "reference-bridge-masq",
    "plugins/flannel-host-gw/conforming": "flannel-host-gw",
    "plugins/flannel-host-gw/broken": "flannel-host-gw-old-lease",
    "plugins/flannel-vxlan/conforming": "flannel-vxlan",
    "plugins/flannel-vxlan/broken": "flannel-vxlan-wrong-mac",
    "plugins/kube-router/conforming": "kube-router",
    "plugins/kube-router/broken": "kube-router-stale-set",
    "plugins/calico/conforming": "calico",
    "plugins/calico/broken": "calico-proxy-arp-off",
    "plugins/cilium/conforming": "cilium-native",
    "plugins/cilium/broken": "cilium-native-missing-route",
    "plugins/cilium/tunnel": "cilium-tunnel",
    "plugins/cilium/tunnel-stale-entry": "cilium-tunnel-stale-entry",
    "kube-proxy/iptables/conforming": "services-iptables",
    "kube-proxy/iptables/missing-rule": "services-iptables-missing",
    "kube-proxy/iptables/stale-rule": "services-iptables-stale",
    "kube-proxy/iptables/dead-endpoint": "services-iptables-dead",
    "kube-proxy/nftables/conforming": "services-nft",
    "kube-proxy/nftables/missing-rule": "services-nft-missing",
    "kube-proxy/nftables/stale-rule": "services-nft-stale",
    "kube-proxy/nftables/dead-endpoint": "services-nft-dead",
}

PLAIN = {"neigh.before.json": "neigh.json", "bridge-fdb.before.json": "bridge-fdb.json"}
LEFT_OUT = {"neigh.after.json", "bridge-fdb.after.json", "route.json"}


def only_iptables(text):
    """Whether nft shows nothing but what iptables made, which iptables-save says better."""
    tables = {(t["family"], t["name"]) for t in (o.get("table") for o in json.loads(text)["nftables"]) if t}
    return all(family in ("ip", "ip6") and name in ("nat", "filter", "mangle", "raw") for family, name in tables)


def copied(case, folder, title, documented):
    """Writes the example; keeps what lies in the folder and was not made here (expected.*)."""
    os.makedirs(folder, exist_ok=True)
    for name in sorted(os.listdir(case)):
        path = os.path.join(case, name)
        if not os.path.isdir(path):
            continue
        target = os.path.join(folder, name)
        shutil.rmtree(target, ignore_errors=True)
        os.makedirs(target)
        for file in sorted(os.listdir(path)):
            if file in LEFT_OUT:
                continue
            with open(os.path.join(path, file)) as given:
                text = given.read()
            if file == "nft.json" and only_iptables(text):
                continue
            with open(os.path.join(target, PLAIN.get(file, file)), "w") as out:
                out.write(text)
    with open(os.path.join(case, "snapshot.yaml")) as given, open(os.path.join(folder, "snapshot.yaml"), "w") as out:
        how = ("Written after the plugin's documentation; devices and routes are dumps, the agent's maps are not.\n# N"
               if documented else "Dumped from namespaces; n")
        out.write(f"# {title}.\n# {how}etwork {os.path.basename(case)} of tools/netns-lab.\n" + given.read())
    if os.path.exists(os.path.join(case, "objects.yaml")):
        shutil.copy(os.path.join(case, "objects.yaml"), folder)
