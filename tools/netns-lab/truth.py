"""What really happened in a network: everything asks everything, twice; written as truth.json.

Knows: which probes are worth making, what of the answers is ground truth. Knows nothing of any particular network.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor

from net import PREFIX

HERE = os.path.dirname(os.path.abspath(__file__))
CLOSED = 6060  # nobody listens there


def listeners(lab, name):
    if name in lab.listen:
        return lab.listen[name]
    every = (["0.0.0.0"] if 4 in lab.families else []) + (["[::]"] if 6 in lab.families else [])
    local = (["127.0.0.1"] if 4 in lab.families else []) + (["[::1]"] if 6 in lab.families else [])
    if lab.kinds[name] == "Pod":
        return ([f"tcp/{a}:8080" for a in every] + [f"udp/{a}:8080" for a in every]
                + [f"tcp/{a}:7070" for a in local])
    return [f"tcp/{a}:10250" for a in every] + [f"udp/{a}:10250" for a in every]


def probes_of(lab, name, addresses):
    """What `name` asks."""
    found = []
    for other, kind in lab.kinds.items():
        if kind == "Fabric":
            continue
        for _, address in addresses[other]:
            word = {"Pod": "pod", "Node": "node", "External": "external"}[kind]
            if kind == "Pod":
                asked = [(8080, "tcp"), (7070, "tcp"), (CLOSED, "tcp"), (8080, "udp")]
            else:
                asked = [(10250, "tcp"), (10250, "udp")]
            found += [{"from": name, "to": other, "kind": word, "addr": address, "port": port, "proto": proto}
                      for port, proto in asked]
    for home in (["127.0.0.1"] if 4 in lab.families else []) + (["::1"] if 6 in lab.families else []):
        ports = (8080, 7070) if lab.kinds[name] == "Pod" else (10250,)
        found += [{"from": name, "to": "self", "kind": "localhost", "addr": home, "port": port, "proto": "tcp"}
                  for port in ports]
    for service, address, port, tries in lab.service_probes:
        found += [{"from": name, "to": service, "kind": "service", "addr": address, "port": port, "proto": "tcp",
                   "try": number} for number in range(tries)]
    for to, kind, address, port, proto in lab.extra:
        found.append({"from": name, "to": to, "kind": kind, "addr": address, "port": port, "proto": proto})
    return found


def ask(name, probes):
    done = subprocess.run(
        ["ip", "netns", "exec", PREFIX + name, sys.executable, os.path.join(HERE, "probe.py"), "ask"],
        input=json.dumps(probes), capture_output=True, text=True)
    if done.returncode != 0:
        raise RuntimeError(f"probes of {name}: {done.stderr}")
    return json.loads(done.stdout)


class Servers:
    """Listeners everywhere, as long as the block lasts."""

    def __init__(self, lab):
        self.lab, self.folder, self.children = lab, tempfile.TemporaryDirectory(), []

    def __enter__(self):
        for name, kind in self.lab.kinds.items():
            if kind != "Fabric":
                self.children.append(subprocess.Popen(
                    ["ip", "netns", "exec", PREFIX + name, sys.executable, os.path.join(HERE, "probe.py"), "serve",
                     name, os.path.join(self.folder.name, name), *listeners(self.lab, name)],
                    stdout=subprocess.PIPE, text=True))
        for child in self.children:
            if child.stdout.readline() != "ready\n":
                raise RuntimeError("a listener did not start")
        return self

    def __exit__(self, *_):
        for child in self.children:
            child.kill()
            child.wait()
        self.folder.cleanup()

    def heard(self):
        found = {}
        for name in sorted(os.listdir(self.folder.name)):
            with open(os.path.join(self.folder.name, name)) as lines:
                for line in lines:
                    one = json.loads(line)
                    found.setdefault(one["token"], []).append(
                        {"received_by": one["ns"], "saw_src": one["src"], "saw_dst": one["dst"]})
        return found


def judged(probe, answer, heard):
    one = dict(probe) | {"result": answer["result"], "reachable": "answer" in answer}
    tries = one.pop("try", None)
    if tries is not None:
        one["try"] = tries
    if "answer" in answer:
        said = answer["answer"]
        one |= {"responder": said["ns"], "server_saw_src": said["src"], "client_own_addr": answer["own"],
                "source_preserved": said["src"] == answer["own"], "responder_port": said.get("port")}
        if probe["kind"] in ("pod", "node", "external"):
            one["reached_intended"] = said["ns"] == probe["to"]
        elif probe["kind"] == "localhost":
            one["reached_intended"] = said["ns"] == probe["from"]
    elif answer.get("token") in heard:
        one["delivered_but_no_answer"] = heard[answer["token"]]
    return one


TRUTH = ("reachable", "responder", "responder_port", "server_saw_src", "delivered_but_no_answer")


def probe_all(lab, servers):
    """Two rounds, or more where the network says so; what differs between them is not stable."""
    addresses = {name: lab.addresses(name) for name, kind in lab.kinds.items() if kind != "Fabric"}
    asked = {name: probes_of(lab, name, addresses) for name in addresses}
    rounds = []
    for _ in range(lab.rounds):
        with ThreadPoolExecutor(8) as pool:
            answers = dict(zip(asked, pool.map(lambda name: ask(name, asked[name]), asked)))
        time.sleep(0.3)
        heard = servers.heard()
        rounds.append([judged(p, a, heard) for name in asked for p, a in zip(asked[name], answers[name])])
    for first, *later in zip(*rounds):
        chosen = first["kind"] in ("service", "nodeport")  # a random endpoint may differ, and is right all the same
        first["stable"] = chosen or all(first.get(key) == one.get(key) for one in later for key in TRUTH)
        first["result_kind_stable"] = all(first["result"] == one["result"] for one in later)
    return addresses, rounds


def observed(lab, addresses, rounds):
    """Which properties held, in every round."""
    probes = [probe for one in rounds for probe in one]
    holders = {}
    for name, held in addresses.items():
        if lab.kinds[name] in ("Pod", "Node"):
            for device, address in held:
                holders.setdefault(address, []).append(f"{name}:{device}")
    twice = {a: who for a, who in holders.items() if len({w.split(":")[0] for w in who}) > 1}
    # TCP 8080 and UDP 8080 are open in every pod; 7070 only to itself; the other port is closed.
    open_here = [p for p in probes if p["kind"] == "pod" and p["port"] == 8080 and p["proto"] == "tcp"]
    from_pod = [p for p in open_here if lab.kinds[p["from"]] == "Pod"]
    from_node = [p for p in open_here if lab.kinds[p["from"]] == "Node"]

    def right(p):
        return p["reachable"] and p["reached_intended"]

    def same(p):
        return right(p) and p["source_preserved"]

    def shown(found):
        keys = ("from", "to", "addr", "port", "result", "responder", "server_saw_src")
        every = [{key: p[key] for key in keys if key in p} for p in found if not same(p)]
        return [one for number, one in enumerate(every) if one not in every[:number]]

    seen = [p for p in probes if lab.kinds[p["from"]] == "Pod" and p["kind"] in ("pod", "node") and p["reachable"]]
    own = {name: {a for _, a in held} | {"127.0.0.1", "::1"} for name, held in addresses.items()}
    services = sorted({f"{p['from']} -> {p['to']} {p['addr']}: {p['result']}"
                       + (f" {p['responder']}:{p['responder_port']} saw {p['server_saw_src']}" if p["reachable"] else "")
                       for p in probes if p["kind"] not in ("pod", "node", "external", "localhost")})
    return {
        "unique_pod_and_node_addresses": not twice,
        "duplicated_addresses": twice,
        "pod_to_pod_without_nat": all(map(same, from_pod)),
        "node_to_local_pod": all(right(p) for p in from_node if lab.nodes[p["to"]] == p["from"]),
        "node_to_every_pod_without_nat": all(map(same, from_node)),
        "own_view_equals_others_view": all(p["server_saw_src"] in own[p["from"]] for p in seen),
        "localhost_works": all(p["reachable"] and p["reached_intended"] for p in probes
                               if p["kind"] == "localhost" and lab.kinds[p["from"]] == "Pod"),
        "services": services,
        "violations_pod_to_pod": shown(from_pod),
        "violations_node_to_pod": shown(from_node),
    }


def write(lab, folder, addresses, rounds):
    head = {
        "case": lab.name, "title": lab.title,
        "addresses": {name: [a for _, a in held] for name, held in addresses.items()},
        "podCIDR": lab.cidrs,
        "listeners": {name: [one.replace("/", " ") for one in listeners(lab, name)] for name in addresses},
        "observed": observed(lab, addresses, rounds),
    }
    with open(os.path.join(folder, "truth.json"), "w") as out:
        out.write("{\n")
        for key, value in head.items():
            out.write(f"{json.dumps(key)}: {json.dumps(value)},\n")
        out.write('"probes": [\n' + ",\n".join(json.dumps(p) for p in rounds[0]) + "\n]\n}\n")
