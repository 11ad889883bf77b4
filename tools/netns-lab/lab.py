#!/usr/bin/env python3
"""Builds networks of Linux network namespaces, tries every connection in them, and keeps both as a case folder.

    python3 tools/netns-lab/lab.py list
    sudo python3 tools/netns-lab/lab.py build NAME... --out FOLDER      (all: every network)
    sudo python3 tools/netns-lab/lab.py build random-1..40 --out FOLDER (networks by chance)
    python3 tools/netns-lab/lab.py examples                             (case folders below tests/cases to examples/)
    sudo python3 tools/netns-lab/lab.py shell NAME                      (a shell beside the network: ip netns exec lab-NODE ...)

Needs root, iproute2, iptables (its nft flavour), nftables, ipset; the namespaces live in a mount namespace of their own and
vanish with the command. Not part of the test run: the folders it writes are (tests/cases/netns-own).
"""

import argparse
import importlib
import os
import re
import shutil
import subprocess
import sys

import example
import net
import truth

HERE = os.path.dirname(os.path.abspath(__file__))


def networks():
    found = {}
    for file in sorted(os.listdir(os.path.join(HERE, "networks"))):
        if file.endswith(".py") and file != "__init__.py":
            found |= importlib.import_module("networks." + file[:-3]).NETWORKS
    return found


def chosen(every, names):
    """The networks of these names; `random-3..9` is seven of those by chance."""
    chance = importlib.import_module("networks.chance")
    found = {}
    for name in names:
        if seeds := re.fullmatch(r"random-(\d+)\.\.(\d+)", name):
            found |= {f"random-{n}": chance.network(n) for n in range(int(seeds[1]), int(seeds[2]) + 1)}
        elif name in every:
            found[name] = every[name]
        else:
            return name, {}
    return None, found


def alone():
    """Goes on in a mount namespace with an empty /run/netns, so that nothing of the machine is touched."""
    if os.environ.get("NETNS_LAB_ALONE"):
        return
    os.environ["NETNS_LAB_ALONE"] = "1"
    script = 'mkdir -p /run/netns && mount -t tmpfs none /run/netns && exec "$@"'
    os.execvp("unshare", ["unshare", "--mount", "--net", "sh", "-c", script, "sh", sys.executable, *sys.argv])


def title(network):
    return network.__doc__.split("\n")[0].rstrip(".")


def made(name, network):
    lab = net.Lab(name, title(network))
    network(lab)
    return lab


def torn(lab):
    for name in lab.kinds:
        net.run(["ip", "netns", "del", net.PREFIX + name], check=False)


def snapshot(lab):
    lines = ["apiVersion: kubeproof.dev/v1", "kind: LinuxSnapshot", "namespaces:"]
    for name, kind in sorted(lab.kinds.items()):
        node = f", node: {lab.nodes[name]}" if name in lab.nodes else ""
        lines.append(f"- {{name: {name}, kind: {kind}{node}}}")
    return "\n".join(lines) + "\n"


def flow(value):
    """A Kubernetes object as one line of YAML."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {flow(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(flow, value)) + "]"
    if isinstance(value, bool):
        return "true" if value else "false"
    return f'"{value}"' if isinstance(value, str) and (":" in value or not value) else str(value)


def objects(lab):
    text = ""
    for one in lab.services:
        text += "---\n" + "".join(f"{key}: {flow(value)}\n" for key, value in one.items())
    return text


def build(name, network, out):
    folder = os.path.join(out, name)
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder)
    lab = made(name, network)
    try:
        with truth.Servers(lab) as servers:
            for one in lab.kinds:
                lab.dump(one, os.path.join(folder, one), "before")
            if not lab.documented:
                addresses, rounds = truth.probe_all(lab, servers)
                for one in lab.kinds:
                    lab.dump(one, os.path.join(folder, one), "after")
        with open(os.path.join(folder, "snapshot.yaml"), "w") as file:
            file.write(snapshot(lab))
        if lab.services:
            with open(os.path.join(folder, "objects.yaml"), "w") as file:
                file.write(objects(lab))
        if lab.documented:
            print(f"{name}: as documented, no probes", flush=True)
            return
        truth.write(lab, folder, addresses, rounds)
        found = truth.observed(lab, addresses, rounds)
        broken = [key for key, value in found.items() if value is False]
        probes = rounds[0]
        shaky = sum(not p["stable"] for p in probes)
        print(f"{name}: {len(probes)} probes, {shaky} not stable, broken: {', '.join(broken) or 'nothing'}", flush=True)
    finally:
        torn(lab)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("command", choices=["list", "build", "examples", "shell"])
    parser.add_argument("names", nargs="*")
    parser.add_argument("--out", default="netns-own")
    given = parser.parse_args()
    every = networks()
    if given.command == "list":
        for name, network in every.items():
            print(f"{name:28} {network.__doc__.split(chr(10))[0]}")
        return
    if given.command == "examples":
        root = os.path.join(HERE, "..", "..")
        for folder, name in example.EXAMPLES.items():
            documented = every[name].__module__ == "networks.cilium"
            case = os.path.join(root, "tests/cases", "netns-documented" if documented else "netns-own", name)
            example.copied(case, os.path.join(root, "examples", folder), title(every[name]), documented)
        return
    names = list(every) if given.names == ["all"] else given.names
    missing, wanted = chosen(every, names)
    if missing:
        parser.error(f"no network is called {missing}; see list")
    if os.geteuid() != 0:
        parser.error("network namespaces need root")
    alone()
    for name, network in wanted.items():
        if given.command == "build":
            build(name, network, given.out)
        else:
            lab = made(name, network)
            subprocess.run([os.environ.get("SHELL", "sh")])
            torn(lab)


if __name__ == "__main__":
    main()
