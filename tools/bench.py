#!/usr/bin/env python3
"""How long, and how much memory, `kubeproof verify` takes on clusters that grow.

The clusters have the shape of K1: every node a daemon on port 10250, every pod two containers on 8080 and 9090. Each is
verified several times as a whole process (start, reading, all constraints, report); the median counts. A second
variant lacks one route, so that a counterexample is found, made canonical and replayed.

    tools/bench.py [--runs N] [--limit SECONDS] [--binary PATH] [--only-clusters DIR]

The series ends with the first cluster that takes longer than the limit (user + system time).
"""
import argparse, os, pathlib, shutil, subprocess, sys, tempfile, threading, time

ROOT = pathlib.Path(__file__).resolve().parent.parent
SIZES = [(1, 1), (2, 1), (2, 2), (4, 2), (4, 4), (8, 4), (8, 8), (16, 8), (16, 16), (32, 16), (32, 32), (64, 32)]


def cluster(nodes, pods, violated):
    """A cluster file of nodes × pods; violated: the first node has lost its route to the last pod."""
    address = lambda node, pod: f"10.{node // 200 + 1}.{node % 200 + 1}.{pod + 1}"
    lines = ["apiVersion: kubeproof.dev/v1", "kind: Cluster", f"metadata: {{name: grid-{nodes}x{pods}}}", "nodes:"]
    for n in range(nodes):
        lines.append(f"- {{name: N{n + 1}, addresses: [192.0.{n // 200 + 2}.{n % 200 + 1}], "
                     f"daemons: [{{name: D{n + 1}, open: [10250]}}]}}")
    lines.append("pods:")
    for n in range(nodes):
        for p in range(pods):
            name = f"{n + 1}-{p + 1}"
            lines.append(f"- {{name: P{name}, node: N{n + 1}, addresses: [{address(n, p)}], containers: "
                         f"[{{name: C{name}.1, open: [8080]}}, {{name: C{name}.2, open: [9090]}}]}}")
    if violated:
        lines += ["fibs:", f"- {{at: node/N1, remove: [{{to: {address(nodes - 1, pods - 1)}}}]}}"]
    return "\n".join(lines) + "\n"


def once(command, kill_after):
    """One process: (exit code or None, user + system seconds, wall seconds, peak MiB)."""
    begin = time.monotonic()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    timer = threading.Timer(kill_after, process.kill)
    timer.start()
    _, status, usage = os.wait4(process.pid, 0)
    timer.cancel()
    process.returncode = os.waitstatus_to_exitcode(status)
    wall = time.monotonic() - begin
    ended = process.returncode if process.returncode >= 0 else None
    return ended, usage.ru_utime + usage.ru_stime, wall, usage.ru_maxrss / 1024


def measure(binary, path, expected, args):
    runs = []
    for _ in range(args.runs):
        # Wall time on a shared machine can be several times the CPU time.
        code, cpu, wall, peak = once([binary, "verify", "--quiet", str(path)], args.limit * 6)
        if code is not None and code != expected:
            sys.exit(f"error: verify {path} ended with {code}, expected {expected}")
        runs.append((cpu, wall, peak))
        if code is None or cpu > args.limit:
            break
    middle = lambda i: sorted(r[i] for r in runs)[len(runs) // 2]
    return middle(0), middle(1), max(r[2] for r in runs), code is None


def main():
    parser = argparse.ArgumentParser(description="Measure kubeproof verify on growing clusters.")
    parser.add_argument("--binary", default=str(ROOT / "target" / "release" / "kubeproof"))
    parser.add_argument("--runs", type=int, default=3, help="runs of each cluster; the median counts (3)")
    parser.add_argument("--limit", type=float, default=60, help="stop after a cluster that took so many seconds (60)")
    parser.add_argument("--only-clusters", type=pathlib.Path, help="write the cluster files here and measure nothing")
    args = parser.parse_args()
    if args.only_clusters:
        args.only_clusters.mkdir(parents=True, exist_ok=True)
        for nodes, pods in SIZES:
            for violated in (False, True):
                name = f"grid-{nodes}x{pods}{'-violated' if violated else ''}.yaml"
                (args.only_clusters / name).write_text(cluster(nodes, pods, violated))
        return 0
    if shutil.which(args.binary) is None:
        print(f"error: there is no {args.binary}: run `make build` first", file=sys.stderr)
        return 2
    print("| cluster | pods | verdict | user + sys s | wall s | peak MiB | CPU against the size before |")
    print("|---|---:|---|---:|---:|---:|---|")
    with tempfile.TemporaryDirectory() as tmp:
        k1 = ROOT / "examples" / "k1"
        row("K1", 4, "proven", measure(args.binary, k1, 0, args), "")
        before = {}
        over = set()
        for nodes, pods in SIZES:
            for violated in (False, True):
                # One node with one pod has no route to lose that anybody else would use.
                if violated in over or (violated and nodes == 1):
                    continue
                path = pathlib.Path(tmp) / "cluster.yaml"
                path.write_text(cluster(nodes, pods, violated))
                took = measure(args.binary, path, 1 if violated else 0, args)
                old = before.get(violated)
                growth = ""
                if old and not took[3]:
                    growth = f"{took[0] / old[1]:.1f} × for {nodes * pods / old[0]:g} × the pods"
                row(f"{nodes} × {pods}", nodes * pods, "violated" if violated else "proven", took, growth)
                before[violated] = (nodes * pods, took[0])
                if took[3] or took[0] > args.limit:
                    over.add(violated)
    return 0


def row(name, pods, verdict, took, growth):
    cpu, wall, peak, killed = took
    if killed:
        print(f"| {name} | {pods} | ended after {cpu:.0f} s | > {cpu:.0f} | {wall:.1f} | {peak:.0f} | |", flush=True)
    else:
        print(f"| {name} | {pods} | {verdict} | {cpu:.2f} | {wall:.2f} | {peak:.0f} | {growth} |", flush=True)


if __name__ == "__main__":
    sys.exit(main())
