#!/usr/bin/env python3
"""How long, and how much memory, `kubeproof connectivity` takes on clusters that grow; one `trace` and 20 intents at 1,000 pods.

The clusters are Kubernetes objects: stand-alone pods of about 300 bytes, each with one port and labels of its own, and
NetworkPolicies that select them by those labels. Measured are whole processes: start, reading, every pair of pods,
printing as JSON. `--profile realistic` is of the published statistics of one real cluster: 5,400 pods in 600 namespaces
under 13,700 policies, and decides 1,000 intents between random pairs of namespaces too.

    tools/bench_connectivity.py [--runs N] [--binary PATH] [--profile realistic] [--write PODS POLICIES]
"""
import argparse, pathlib, random, statistics, subprocess, sys, tempfile, time
import os

ROOT = pathlib.Path(__file__).resolve().parent.parent
# Pods and policies; a target in seconds where there is one. The last two double the pods, and the policies.
VERIFY = ("verify", "--only", "intents", "--jobs", "2", "-o", "json")
SIZES = [(400, 100, 1.0), (1000, 100, 4.0), (2000, 100, None), (1000, 200, None)]


def pod(i, rng, namespace="default", node=None):
    """About 300 bytes; no two pods have the same labels."""
    labels = f"{{app: app-{i}, tier: tier-{i % 7}, zone: zone-{i % 5}, team: team-{i % 11}}}"
    address = f"10.{i // 65000 + 1}.{i // 250 % 256}.{i % 250 + 1}"
    where = f", nodeName: {node}" if node else ""
    return (f"apiVersion: v1\nkind: Pod\nmetadata: {{name: pod-{i}, namespace: {namespace}, labels: {labels}}}\n"
            f"spec: {{containers: [{{name: main, image: registry.example/app, ports: [{{containerPort: {8000 + i % 9}}}]}}]{where}}}\n"
            f"status: {{phase: Running, podIP: {address}, podIPs: [{{ip: {address}}}]}}\n---\n")


def policy(i, rng, namespace="default"):
    """One of a few shapes: ingress or egress, labels of peers, a port or all of them, a prefix now and then."""
    keys = [("tier", 7), ("zone", 5), ("team", 11)]
    def labels():
        key, many = rng.choice(keys)
        return f"matchLabels: {{{key}: {key}-{rng.randrange(many)}}}"
    ports = rng.choice(["", f"ports: [{{port: {8000 + rng.randrange(9)}}}]", "ports: [{port: 8000, endPort: 8004}]"])
    kind, peer = rng.choice([("ingress", "from"), ("egress", "to")])
    peers = [f"{{podSelector: {{{labels()}}}}}" for _ in range(rng.randrange(1, 3))]
    if rng.randrange(5) == 0:
        peers.append(f"{{ipBlock: {{cidr: 10.1.{rng.randrange(8)}.0/24}}}}")
    rule = f"{{{peer}: [{', '.join(peers)}]{', ' + ports if ports else ''}}}"
    return (f"apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {{name: policy-{i}, namespace: {namespace}}}\n"
            f"spec: {{podSelector: {{{labels()}}}, policyTypes: [{kind.capitalize()}], {kind}: [{rule}]}}\n---\n")


def cluster(pods, policies, namespaces=1, nodes=0, seed=1):
    rng = random.Random(seed)
    name = lambda i: "default" if namespaces == 1 else f"ns-{i % namespaces}"
    parts = [f"apiVersion: v1\nkind: Node\nmetadata: {{name: node-{n}}}\n"
             f"status: {{addresses: [{{type: InternalIP, address: 192.0.{n // 200}.{n % 200 + 1}}}]}}\n---\n" for n in range(nodes)]
    if namespaces > 1:
        parts += [f"apiVersion: v1\nkind: Namespace\nmetadata: {{name: ns-{n}}}\n---\n" for n in range(namespaces)]
    parts += [pod(i, rng, name(i), f"node-{i % nodes}" if nodes else None) for i in range(pods)]
    parts += [policy(i, rng, name(i)) for i in range(policies)]
    return "".join(parts)


def intents(count, peer, seed=2):
    """So many intents that one peer must not reach another."""
    rng = random.Random(seed)
    return "".join(f"apiVersion: kubeproof.dev/v1\nkind: Intent\nmetadata: {{name: intent-{i}}}\n"
                   f"spec: {{mustNotReach: {{from: [{peer(rng)}], to: [{peer(rng)}]}}}}\n---\n" for i in range(count))


def labelled(rng):
    """The pods with one label."""
    key, many = rng.choice([("tier", 7), ("zone", 5), ("team", 11)])
    return f"{{podSelector: {{matchLabels: {{{key}: {key}-{rng.randrange(many)}}}}}}}"


def once(command, good=(0,)):
    """One process: user + system seconds, wall seconds, peak MiB, bytes of output."""
    begin = time.monotonic()
    with tempfile.TemporaryFile() as out:
        process = subprocess.Popen(command, stdout=out, stderr=subprocess.PIPE)
        errors = process.stderr.read()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        size = out.tell() or os.fstat(out.fileno()).st_size
    if process.returncode not in good:
        sys.exit(f"error: {' '.join(command)} ended with {process.returncode}\n{errors.decode()[:2000]}")
    return usage.ru_utime + usage.ru_stime, time.monotonic() - begin, usage.ru_maxrss / 1024, size


def measure(args, name, text, target, before, command=("connectivity", "-o", "json"), after=(), good=(0,)):
    """One row; the seconds of processor time, and whether the wall clock met the target."""
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "cluster.yaml"
        path.write_text(text)
        whole = [args.binary, *command, str(path), *after]
        runs = [once(whole, good) for _ in range(args.runs)]
    cpu, wall, peak, size = (statistics.median(column) for column in zip(*runs))
    growth = f"{cpu / before:.1f} ×" if before else ""
    wanted = f"< {target:g} s" if target else ""
    print(f"| {name} | {cpu:.2f} | {wall:.2f} | {peak:.0f} | {size / 1e6:.1f} | {wanted} | {growth} |", flush=True)
    return cpu, target is None or wall < target


def main():
    parser = argparse.ArgumentParser(description="Measure kubeproof connectivity on growing clusters.")
    parser.add_argument("--binary", default=str(ROOT / "target" / "release" / "kubeproof"))
    parser.add_argument("--runs", type=int, default=3, help="runs of each cluster; the median counts (3)")
    parser.add_argument("--profile", choices=["growing", "realistic"], default="growing")
    parser.add_argument("--write", nargs=2, type=int, metavar=("PODS", "POLICIES"), help="print such a cluster and measure nothing")
    args = parser.parse_args()
    if args.write:
        sys.stdout.write(cluster(*args.write))
        return 0
    if not pathlib.Path(args.binary).exists():
        print(f"error: there is no {args.binary}: run `make build` first", file=sys.stderr)
        return 2
    print("| cluster | user + sys s | wall s | peak MiB | output MB | target | CPU against 1,000 pods, 100 policies |")
    print("|---|---:|---:|---:|---:|---|---:|")
    good = True
    if args.profile == "realistic":
        text = cluster(5400, 13700, namespaces=600, nodes=100)
        measure(args, "5,400 pods, 600 namespaces, 13,700 policies", text, None, None)
        asked = intents(1000, lambda rng: f"{{namespace: ns-{rng.randrange(600)}}}")
        _, met = measure(args, "verify: 1,000 intents there", text + asked, 60.0, None, VERIFY, good=(0, 1))
        return 0 if met else 1
    base = None
    for pods, policies, target in SIZES:
        text = cluster(pods, policies)
        took, met = measure(args, f"{pods:,} pods, {policies} policies", text, target, base if pods + policies > 1100 else None)
        base = took if (pods, policies) == (1000, 100) else base
        good &= met
    text = cluster(1000, 100)
    ends = ("--from", "pod/default/pod-1", "--to", "pod/default/pod-2")
    _, met = measure(args, "trace at 1,000 pods, 100 policies", text, 0.2, None, ("trace",), ends, (0, 1))
    good &= met
    _, met = measure(args, "verify: 20 intents there", text + intents(20, labelled), 3.0, None, VERIFY, good=(0, 1))
    good &= met
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
