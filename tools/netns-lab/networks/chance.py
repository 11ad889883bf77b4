"""Networks by chance: `random-SEED` is one that works with one to three changes (faults.py, and rules of firewalls below).

Not kept: they are built, compared with what is predicted, and thrown away. What was learnt by one becomes a network of its own.
"""

import random

from networks.faults import BASES, FAULTS, change

MATCHES = ["", "", "-p tcp", "-p udp", "-p tcp --dport 8080", "-p tcp ! --dport 8080", "-p udp --sport 8080", "-p tcp --sport 8080"]
SOURCES = ["", "", "-s 10.20.{n}.0/24", "-s 10.20.{o}.0/24", "-s 10.20.{n}.{p}", "! -s 10.20.0.0/22", "-s 10.20.100.0/24"]
TARGETS = ["", "", "-d 10.20.{n}.0/24", "-d 10.20.{o}.0/24", "-d 10.20.{n}.{p}", "! -d 10.20.0.0/22", "-d 10.20.{o}.{q}"]
STATES = ["", "", "", "-m conntrack --ctstate NEW", "-m conntrack --ctstate ESTABLISHED,RELATED", "-m conntrack ! --ctstate INVALID,NEW",
          "-m conntrack --ctstate INVALID", "-m conntrack --ctstate DNAT", "-m conntrack ! --ctstate SNAT"]
INS = ["", "", "-i cni0", "-i eth0", "! -i eth0", "-i lo"]
OUTS = ["", "", "-o cni0", "-o eth0", "! -o cni0", "-o lo"]
KINDS = ["", "", "", "-m addrtype --dst-type LOCAL", "-m addrtype ! --src-type LOCAL", "-m addrtype --dst-type UNICAST",
         "-m mark --mark 0x1/0x1", "-m physdev --physdev-in {port}", "-m physdev --physdev-is-bridged", "-m multiport --dports 80,8080",
         "-m mark ! --mark 0x2/0x2", "-m set --match-set fuzz src", "-m set ! --match-set fuzz dst"]


def rule(r):
    """A rule of iptables: (where, line)."""
    table, chain = r.choice([("filter", "FORWARD")] * 4 + [("filter", "INPUT"), ("filter", "OUTPUT"), ("raw", "PREROUTING"), ("mangle", "PREROUTING"),
                            ("mangle", "POSTROUTING"), ("mangle", "OUTPUT"), ("nat", "PREROUTING"), ("nat", "PREROUTING"), ("nat", "OUTPUT"), ("nat", "POSTROUTING"), ("nat", "POSTROUTING"), ("nat", "INPUT")])
    ins = r.choice(INS) if chain in ("FORWARD", "INPUT", "PREROUTING") else ""
    outs = r.choice(OUTS) if chain in ("FORWARD", "OUTPUT", "POSTROUTING") else ""
    match = r.choice(MATCHES)
    kind = r.choice(KINDS)
    if "multiport" in kind:
        match = r.choice(["-p tcp", "-p udp"])
    if "physdev" in kind and chain == "OUTPUT":
        kind = ""
    state = r.choice(STATES) if table != "raw" else ""
    if table == "nat":
        ports = ":8080" if match.startswith(("-p tcp", "-p udp")) and r.random() < 0.5 else ""
        target = {
            "PREROUTING": ["DNAT --to-destination 10.20.{o}.{q}" + ports, "DNAT --to-destination 10.20.{n}.{r}" + ports, "DNAT --to-destination 10.20.{n}.{p}" + ports, "REDIRECT", "ACCEPT"],
            "OUTPUT": ["DNAT --to-destination 10.20.{o}.{q}" + ports, "DNAT --to-destination 10.20.{n}.{r}" + ports, "REDIRECT", "ACCEPT"],
            "POSTROUTING": ["MASQUERADE", "MASQUERADE", "SNAT --to-source 10.20.100.{n}", "SNAT --to-source 10.20.{n}.1", "SNAT --to-source 10.20.100.77", "ACCEPT"],
            "INPUT": ["SNAT --to-source 10.20.{n}.1", "ACCEPT"],
        }[chain]
    elif table == "mangle":
        target = ["MARK --set-xmark 0x1/0x1", "MARK --set-xmark 0x4000/0x4000", "MARK --set-mark 0x3", "DROP", "CONNMARK --save-mark", "CONNMARK --restore-mark"]
    elif table == "raw":
        target = ["DROP", "CT --notrack", "ACCEPT"]
    else:
        target = ["DROP", "DROP", "DROP", "REJECT", "ACCEPT", "RETURN"]
    parts = [f"iptables -t {table} -{r.choice('AAI')} {chain}", r.choice(SOURCES), r.choice(TARGETS), ins, outs, match, kind, state, "-j " + r.choice(target)]
    return ("N", " ".join(p for p in parts if p))


def policy(r):
    chain = r.choice(["FORWARD"] * 3 + ["INPUT", "OUTPUT"])
    return [("N", f"iptables -P {chain} DROP"), ("N", f"iptables -A {chain} -m conntrack --ctstate {r.choice(['ESTABLISHED', 'ESTABLISHED,RELATED', 'ESTABLISHED,DNAT'])} -j ACCEPT")]


def network(seed):
    def made(lab):
        r = random.Random(seed)
        base = r.choice(list(BASES) + ["host-gw", "host-gw", "services-iptables"])
        BASES[base](lab)
        fit = [name for name, (_, of, _) in FAULTS.items() if of == base or of == "host-gw" and base != "calico"
               or of == "host-gw" and name.startswith(("rule", "arp", "forward", "reverse", "accept"))]
        said = [base]
        for _ in range(r.choice([1, 1, 2, 2, 3])):
            node = r.choice("ab")
            own = sorted(p for p in lab.nodes if lab.nodes[p] == node)
            far = sorted(p for p in lab.nodes if lab.nodes[p] != node)
            which = {"node": node, "pod": r.choice(own), "far": r.choice(far)}
            what = r.random()
            if what < 0.4:
                name = r.choice(fit)
                said.append(f"{name} {which}")
                lines = FAULTS[name][2]
            elif what < 0.55:
                lines = policy(r) + [rule(r) for _ in range(r.choice([1, 2]))]
            else:
                lines = [rule(r) for _ in range(r.choice([1, 1, 2, 3]))]
            if any("fuzz" in line for _, line in lines):
                lab.sh(node, f"ipset create fuzz hash:net || true; ipset add fuzz 10.20.1.11 || true; ipset add fuzz 10.20.2.0/24 || true")
            said += [line for _, line in lines]
            try:
                change(lab, lines, **which)
            except RuntimeError as error:
                said.append(f"REFUSED: {str(error)[-200:]}")
        lab.rounds = 2
        lab.title = "; ".join(said)

    made.__doc__ = f"By chance, seed {seed}."
    return made


NETWORKS = {}  # made by their numbers (lab.py)
