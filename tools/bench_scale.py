#!/usr/bin/env python3
"""How long, and how much memory, kubeproof takes on clusters of the size of the official limits and beyond.

Every row is a whole process on a cluster that `kubeproof generate` wrote to a folder before: start, reading, all of the
command, report. A cluster of twice the size stands beside its row, with the growth.

    tools/bench_scale.py [--only TEXT] [--reading] [--runs N] [--binary PATH] [--folder DIR] [--keep] [--timeout SECONDS] [--list]

`--runs N` takes the quickest of N runs of each row, for noisy machines. A cluster with a fault stands against the conforming one,
by the wall clock: both are run in turn. `--reading` measures what reading alone takes (`verify --cluster` of a name that no cluster has). A row that takes longer
than the timeout is ended and says so. Rows that write more than a gigabyte are made one at a time and removed again.
"""
import argparse, os, pathlib, shutil, subprocess, sys, tempfile, threading, time

ROOT = pathlib.Path(__file__).resolve().parent.parent
FULL = "--nodes 5000 --pods-per-node 30 --containers-per-pod 2 --services 10000"
HALF = "--nodes 2500 --pods-per-node 30 --containers-per-pod 2 --services 5000"
LARGEST = "--nodes 130000 --pods-per-node 8 --containers-per-pod 1 --services 10000"


class Row:
    def __init__(self, name, files, command="verify --quiet", code=0, seconds=None, mib=None, half=None, proof=None):
        self.name, self.files, self.command, self.code = name, files, command, code
        self.seconds, self.mib, self.half, self.proof = seconds, mib, half, proof


def faults():
    """The full cluster with one mistake of each kind that its file can tell."""
    kinds = ["duplicate-address", "node-address", "service-address", "loopback-address", "missing-route", "wrong-next-hop",
             "blackhole", "loop", "missing-link", "closed-port", "wrong-delivery", "detour"]
    # A detour conforms.
    return [Row(f"the same, fault {kind}", {"cluster.json": f"{FULL} --fault {kind}"}, code=int(kind != "detour"), seconds=15,
                mib=2048, proof={"cluster.json": FULL}) for kind in kinds]


# How much longer than the proof a counterexample may take.
MOST = 1.5


def tables(size, fault=""):
    """A cluster file and its route tables; a fault is one of the tables."""
    fault = f" --fault {fault} --seed 7" if fault else ""
    return {"cluster.json": f"{size} --tables fibs.routes", "fibs.routes": f"{size} --format routes{fault}"}


def dump(size, form="kubernetes"):
    return {"dump.json": f"{size} --format {form} --pad 15000"}


def small(pods, policies):
    return {"pods.json": f"--format pods --nodes 10 --pods-per-node {pods // 10} --policies {policies} --namespaces 1"}


PODS_ONLY = FULL.replace("--services 10000", "")
REALISTIC = "--format kubernetes --nodes 100 --pods-per-node 54 --namespaces 600 --policies 13700"
SNAPSHOT = "--format snapshot --nodes {} --pods-per-node 30"
ROWS = [
    Row("150,000 pods, 5,000 nodes, 10,000 services, ideal FIBs", {"cluster.json": FULL}, seconds=10, mib=2048,
        half={"cluster.json": HALF}),
    *faults(),
    Row("150,000 pods, 25 million routes", tables(FULL), seconds=60, mib=8192),
    *[Row(f"the same, one route altered: {fault}", tables(FULL, fault), code=code, seconds=60, mib=8192)
      for fault, code in [("narrow-prefix", 1), ("missing-route", 1), ("loop", 1), ("detour", 0)]],
    Row("150,000 pods, dump of kubectl (List)", dump(FULL), seconds=40, mib=2048, half=dump(HALF)),
    Row("150,000 pods, dump (PodList)", dump(PODS_ONLY, "pod-list"), seconds=40, mib=2048),
    Row("1,040,000 pods, 130,000 nodes, ideal FIBs", {"cluster.json": LARGEST}, seconds=120, mib=16384),
    Row("150,000 pods, 10,000 services, 2,000 policies, objects",
        {"dump.json": f"{FULL} --format kubernetes --policies 2000"}, "verify --quiet"),
    Row("150,000 pods, 10,000 services, 2,000 policies, objects, 100 intents",
        {"dump.json": f"{FULL} --format kubernetes --policies 2000", "intents.yaml": 100}, "verify --quiet --only intents", code=1),
    Row("one trace, 150,000 pods, 10,000 services", {"cluster.json": FULL},
        "trace --from pod/ns-1/pod-41-1 --to service/ns-1/svc-1"),
    Row("15,000 pods, 500 nodes, Linux snapshot", {"snapshot": SNAPSHOT.format(500)}, seconds=60, mib=4096,
        half={"snapshot": SNAPSHOT.format(250)}),
    Row("the same, a route missing", {"snapshot": SNAPSHOT.format(500) + " --fault missing-route"}, code=1, seconds=60,
        mib=4096),
    Row("connectivity, 400 small pods, 100 policies", small(400, 100), "connectivity -o json", seconds=1),
    Row("connectivity, 1,000 small pods, 100 policies", small(1000, 100), "connectivity -o json", seconds=4,
        half=small(500, 100)),
    Row("connectivity, 1,000 small pods, 200 policies", small(1000, 200), "connectivity -o json"),
    Row("one trace, 1,000 small pods, 100 policies", small(1000, 100),
        "trace --from pod/default/pod-1 --to pod/default/pod-900", code=None, seconds=0.2),
    Row("20 intents, 1,000 small pods, 100 policies", {**small(1000, 100), "intents.yaml": 20},
        "verify --quiet --only intents", code=None, seconds=3),
    Row("1,000 intents, 5,400 pods, 600 namespaces, 13,700 policies", {"dump.json": REALISTIC, "intents.yaml": 1000},
        "verify --quiet --only intents", code=None, seconds=60, mib=4096),
]


def intents(count, size):
    """Intents between pairs of namespaces, or of the labels of small pods, chosen by a simple rule."""
    def peer(i):
        if count > 20:
            return f"{{namespace: ns-{i % 600 + 1}, podSelector: {{}}}}"
        return f"{{podSelector: {{matchLabels: {{app: app-{i % size + 1}}}}}}}"
    return "".join(
        f"apiVersion: kubeproof.dev/v1\nkind: Intent\nmetadata: {{name: intent-{i + 1}}}\n"
        f"spec: {{mustNotReach: {{from: [{peer(i * 7919 + 13)}], to: [{peer(i * 104729 + 5)}]}}}}\n---\n" for i in range(count))


def write(args, folder, files):
    folder.mkdir(parents=True)
    for name, how in files.items():
        if isinstance(how, int):
            (folder / name).write_text(intents(how, 1000))
            continue
        if "--format snapshot" in how:
            subprocess.run([args.binary, "generate", *how.split(), "--output", folder / name], check=True)
            continue
        with open(folder / name, "wb") as out:
            subprocess.run([args.binary, "generate", *how.split()], stdout=out, check=True)
    return sum(f.stat().st_size for f in folder.rglob("*") if f.is_file())


def once(command, timeout):
    """One process: (exit code or None, user + system seconds, wall seconds, peak MiB)."""
    begin = time.monotonic()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    timer = threading.Timer(timeout, process.kill)
    timer.start()
    errors = process.stderr.read().decode(errors="replace")
    _, status, usage = os.wait4(process.pid, 0)
    timer.cancel()
    process.returncode = os.waitstatus_to_exitcode(status)
    code = process.returncode if process.returncode >= 0 else None
    return code, usage.ru_utime + usage.ru_stime, time.monotonic() - begin, usage.ru_maxrss / 1024, errors


def measure(args, folder, row, files, beside=None):
    """The quickest run of a row, and of the cluster beside it, in turn."""
    path, other = folder / "cluster", folder / "beside"
    size = write(args, path, files)
    if beside:
        write(args, other, beside)
    command = ["verify", "--cluster", "no-such-cluster"] if args.reading else row.command.split()
    runs, others = [], []
    for _ in range(args.runs):
        if beside:
            others.append(once([args.binary, *command, str(other)], args.timeout))
        runs.append(once([args.binary, *command, str(path)], args.timeout))
    quickest = lambda all: min(all, key=lambda took: took[2]) if all else None
    took = quickest(runs)
    expected = 2 if args.reading else row.code
    if took[0] is not None and expected is not None and took[0] != expected:
        print(f"error: {row.name}: exit code {took[0]}, expected {expected}\n{took[4][:500]}", file=sys.stderr)
    if not args.keep:
        shutil.rmtree(path)
    if beside:
        shutil.rmtree(other)
    return size, took, quickest(others)


def main():
    parser = argparse.ArgumentParser(description="Measure kubeproof on clusters of the official limits.")
    parser.add_argument("--binary", default=str(ROOT / "target" / "release" / "kubeproof"))
    parser.add_argument("--folder", help="where clusters are written (4 GB are needed); a temporary folder otherwise")
    parser.add_argument("--only", help="rows whose name holds this")
    parser.add_argument("--reading", action="store_true", help="measure reading alone")
    parser.add_argument("--runs", type=int, default=1, help="runs of each row, of which the quickest counts (1)")
    parser.add_argument("--keep", action="store_true", help="leave the last cluster in its folder")
    parser.add_argument("--timeout", type=float, default=600, help="seconds after which a row is ended (600)")
    parser.add_argument("--list", action="store_true", help="list the rows and measure nothing")
    args = parser.parse_args()
    rows = [r for r in ROWS if not args.only or args.only in r.name]
    if args.list:
        for row in rows:
            print(row.name)
        return 0
    if not pathlib.Path(args.binary).exists():
        print(f"error: there is no {args.binary}: run `make build` first", file=sys.stderr)
        return 2
    print("| cluster | input MB | exit | user + sys s | wall s | target s | peak MiB | target MiB | against the proof, half the size |")
    print("|---|---:|---:|---:|---:|---:|---:|---:|---|")
    good = True
    with tempfile.TemporaryDirectory(dir=args.folder) as tmp:
        for number, row in enumerate(rows):
            folder = pathlib.Path(tmp) / str(number)
            before = measure(args, folder, row, row.half)[1] if row.half else None
            size, (code, cpu, wall, peak, _), proof = measure(args, folder, row, row.files, None if args.reading else row.proof)
            growth = ""
            if proof and proof[0] is not None and code is not None:
                growth = f"time × {wall / proof[2]:.2f}"
                good &= wall <= MOST * proof[2]
            if before and before[0] is not None and code is not None:
                growth = f"time × {cpu / max(before[1], 0.01):.1f}, memory × {peak / before[3]:.1f}"
            shown = "ended" if code is None else code
            target = lambda value: "" if value is None or args.reading else f"{value:g}"
            print(f"| {row.name} | {size / 1e6:.1f} | {shown} | {cpu:.2f} | {wall:.2f} | {target(row.seconds)} | {peak:.0f} "
                  f"| {target(row.mib)} | {growth} |", flush=True)
            good &= code is not None and (row.seconds is None or wall <= row.seconds) and (row.mib is None or peak <= row.mib)
    return 0 if good or args.reading else 1


if __name__ == "__main__":
    sys.exit(main())
