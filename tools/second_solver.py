#!/usr/bin/env python3
"""Every query of every example once more, with cvc5: do two solvers that share no code agree?

`kubeproof verify --emit-smt2` writes each query that Z3 decided as an SMT-LIB file with Z3's answer in
`(set-info :status …)`. That line is taken out before cvc5 sees the text, so that it cannot be swayed by it.

    tools/second_solver.py [FOLDER]... [--timeout SECONDS] [--jobs N] [--binary PATH] [--keep DIR]

A FOLDER is searched for folders with a cluster.yaml; the default is examples/. Exit codes: 0 every query that cvc5
decided has Z3's answer, 1 a disagreement, 2 the tool itself failed. A query that cvc5 does not decide in time is
counted as a timeout and is no disagreement. cvc5 is fetched into .cvc5/ by pip, pinned by tools/cvc5-wheel.txt.
"""
import argparse, collections, json, os, pathlib, queue, re, selectors, shutil, subprocess, sys, tempfile, threading, time

ROOT = pathlib.Path(__file__).resolve().parent.parent
PIN = ROOT / "tools" / "cvc5-wheel.txt"
VERSION = re.search(r"cvc5==([\d.]+)", PIN.read_text()).group(1)
# One folder per Python: the wheel holds an extension module for exactly one.
HOME = ROOT / ".cvc5" / f"{VERSION}-{sys.implementation.cache_tag}"
STATUS = re.compile(r"\(set-info :status (sat|unsat|unknown)\)")
# What the solver's own limit may be late by before its process is ended.
GRACE = 5


def provision():
    if (HOME / "cvc5" / "__init__.py").is_file():
        return
    HOME.parent.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=HOME.parent) as tmp:
        new = pathlib.Path(tmp) / "new"
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps",
               "--only-binary=:all:", "--require-hashes", "-r", str(PIN), "--target", str(new)]
        env = dict(os.environ, PIP_ROOT_USER_ACTION="ignore")
        if subprocess.run(pip, env=env).returncode != 0:
            sys.exit(fail(f"could not install the pinned cvc5 {VERSION} (tools/cvc5-wheel.txt): is there a network, "
                          "and is this a CPython from 3.9 to 3.14 on Linux?"))
        shutil.rmtree(HOME, ignore_errors=True)
        os.replace(new, HOME)


def fail(message):
    print(f"error: {message}", file=sys.stderr)
    return 2


def work():
    """The worker: a JSON line {file, timeout} in, a JSON line {answer, seconds} out."""
    sys.path.insert(0, str(HOME))
    import cvc5
    for line in sys.stdin:
        task = json.loads(line)
        text = STATUS.sub("", pathlib.Path(task["file"]).read_text())
        begin = time.monotonic()
        try:
            terms = cvc5.TermManager()
            solver = cvc5.Solver(terms)
            solver.setOption("tlimit-per", str(int(task["timeout"] * 1000)))
            symbols = cvc5.SymbolManager(terms)
            parser = cvc5.InputParser(solver, symbols)
            parser.setStringInput(cvc5.InputLanguage.SMT_LIB_2_6, text, task["file"])
            answers = []
            while not (command := parser.nextCommand()).isNull():
                said = command.invoke(solver, symbols).strip()
                if said:
                    answers.append(said)
            answer = " ".join(answers)
        except Exception as error:  # whatever the solver says is told, and the next query asked
            answer = f"error: {error}"
        print(json.dumps({"answer": answer, "seconds": time.monotonic() - begin}), flush=True)


class Worker:
    """A process of ours that decides one query at a time; begun anew when it hangs or dies."""

    def __init__(self):
        self.process = None

    def decide(self, file, timeout):
        if self.process is None:
            self.process = subprocess.Popen([sys.executable, __file__, "--work"], stdin=subprocess.PIPE,
                                            stdout=subprocess.PIPE, text=True, bufsize=1)
        begin = time.monotonic()
        try:
            self.process.stdin.write(json.dumps({"file": str(file), "timeout": timeout}) + "\n")
            self.process.stdin.flush()
            with selectors.DefaultSelector() as ready:
                ready.register(self.process.stdout, selectors.EVENT_READ)
                if not ready.select(timeout + GRACE):
                    self.end()
                    return "timeout", time.monotonic() - begin
            line = self.process.stdout.readline()
            said = json.loads(line)
        except (OSError, ValueError):
            code = self.end()
            return f"error: cvc5 ended with {code}", time.monotonic() - begin
        answer = said["answer"]
        # cvc5 says `unknown` where its limit ended the search.
        if answer == "unknown" and said["seconds"] >= timeout * 0.9:
            answer = "timeout"
        return answer, said["seconds"]

    def end(self):
        process, self.process = self.process, None
        process.kill()
        return process.wait()


def emit(binary, folders, out):
    """All queries of all clusters, one folder an example."""
    for folder in folders:
        here = out / folder.relative_to(folders_root(folders))
        run = subprocess.run([binary, "verify", "--quiet", "--emit-smt2", str(here), str(folder)],
                             stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        # Violated, unknown and vacuous are answers; bad input in an example is not.
        if run.returncode not in (0, 1, 3, 4):
            sys.exit(fail(f"kubeproof verify {folder} ended with {run.returncode}\n{run.stderr}"))


def folders_root(folders):
    return pathlib.Path(os.path.commonpath([str(f.parent) for f in folders]))


def main():
    if sys.argv[1:] == ["--work"]:
        return work()
    parser = argparse.ArgumentParser(description="Decide kubeproof's queries with cvc5 and compare.")
    parser.add_argument("folders", nargs="*", type=pathlib.Path, default=[ROOT / "examples"])
    parser.add_argument("--binary", default=str(ROOT / "target" / "release" / "kubeproof"))
    parser.add_argument("--timeout", type=float, default=60, help="seconds for each query (60)")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="queries at a time (one a core)")
    parser.add_argument("--keep", type=pathlib.Path, help="keep the SMT-LIB files here")
    args = parser.parse_args()
    if shutil.which(args.binary) is None:
        return fail(f"there is no {args.binary}: run `make build` first")
    folders = sorted({c.parent for f in args.folders for c in f.resolve().rglob("cluster.yaml")})
    if not folders:
        return fail("no cluster.yaml below " + ", ".join(map(str, args.folders)))
    provision()

    with tempfile.TemporaryDirectory() as tmp:
        out = args.keep or pathlib.Path(tmp)
        begin = time.monotonic()
        emit(args.binary, folders, out)
        files = sorted(out.rglob("*.smt2"))
        print(f"kubeproof wrote {len(files)} queries of {len(folders)} clusters in {time.monotonic() - begin:.0f} s")
        tasks = queue.SimpleQueue()
        for file in files:
            tasks.put(file)
        results, lock = [], threading.Lock()

        def serve():
            worker = Worker()
            while True:
                try:
                    file = tasks.get_nowait()
                except queue.Empty:
                    break
                answer, seconds = worker.decide(file, args.timeout)
                expected = STATUS.search(file.read_text())
                with lock:
                    results.append((file.relative_to(out), expected.group(1) if expected else "none", answer, seconds))
            if worker.process is not None:
                worker.end()

        begin = time.monotonic()
        threads = [threading.Thread(target=serve) for _ in range(max(1, args.jobs))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return tell(sorted(results), time.monotonic() - begin, args)


def tell(results, wall, args):
    rows = collections.defaultdict(collections.Counter)
    disagreements = []
    for file, expected, answer, seconds in results:
        # KP003-1-premise: the constraint (users' own have no number) and what was asked of it.
        match = re.fullmatch(r"(.*)-\d+-(premise|counterexample)", file.stem)
        name, what = match.groups() if match else (file.stem, "")
        row = rows[(name if name.startswith("KP") else "users' own", what)]
        row["queries"] += 1
        row["seconds"] += seconds
        row["longest"] = max(row["longest"], seconds)
        if answer == expected and answer in ("sat", "unsat"):
            row[answer] += 1
        elif answer == "timeout":
            row["timeout"] += 1
        elif answer == "unknown" or expected not in ("sat", "unsat"):
            row["undecided"] += 1
        else:
            row["disagree"] += 1
            disagreements.append(f"{file}: Z3 {expected}, cvc5 {answer}")
    columns = ["queries", "sat", "unsat", "timeout", "undecided", "disagree"]
    head = ["constraint", "asked", *columns, "seconds", "longest"]
    table = [[*key, *(str(row[c]) for c in columns), f"{row['seconds']:.1f}", f"{row['longest']:.2f}"]
             for key, row in sorted(rows.items())]
    total = sum(rows.values(), collections.Counter())
    table.append(["all", "", *(str(total[c]) for c in columns), f"{total['seconds']:.1f}",
                  f"{max((r[3] for r in results), default=0):.2f}"])
    widths = [max(len(row[i]) for row in [head, *table]) for i in range(len(head))]
    line = lambda cells: "| " + " | ".join(
        c.ljust(w) if i < 2 else c.rjust(w) for i, (c, w) in enumerate(zip(cells, widths))) + " |"
    print(line(head))
    print("|" + "|".join("-" * (w + 2) for w in widths) + "|")
    for row in table:
        print(line(row))
    print(f"\ncvc5 {VERSION}, {args.timeout:g} s a query, {args.jobs} at a time: {wall:.0f} s")
    for text in disagreements:
        print(f"DISAGREEMENT {text}")
    agreed = total["sat"] + total["unsat"]
    print(f"{agreed} of {total['queries']} queries agree, {total['timeout']} timeouts, {total['undecided']} undecided, "
          f"{len(disagreements)} disagreements")
    return 1 if disagreements else 0


if __name__ == "__main__":
    sys.exit(main())
