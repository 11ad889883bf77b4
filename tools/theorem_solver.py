#!/usr/bin/env python3
"""Every question of `kubeproof theorem` once more, with cvc5: do two solvers that share no code agree?

    tools/theorem_solver.py [--timeout SECONDS] [--binary PATH] [--keep DIR] [--proofs DIR]

`kubeproof theorem --emit-smt2` writes each question with Z3's answer in `(set-info :status …)`, which is taken out before
cvc5 sees the text. cvc5 answers `unknown` to half of them with its defaults; what decides them is, in this order,
enumerative instantiation (`enum-inst`, for what is unsatisfiable) and finite model finding (`finite-model-find`, for the
small clusters that show that the assumptions hold together, and for what quantifier instantiation does not end on).
`--proofs DIR` keeps an Alethe proof of each question that is unsatisfiable, for an independent checker (Carcara, say).

Exit codes: 0 both agree on all, 1 a disagreement or a question that cvc5 does not decide, 2 the tool itself failed.
"""
import argparse, multiprocessing, os, pathlib, shutil, subprocess, sys, tempfile, time

import second_solver

WAYS = [("enum-inst", {"enum-inst": "true"}), ("finite-model-find", {"finite-model-find": "true"})]
# What Alethe has rules for.
PROOF = {"produce-proofs": "true", "proof-format-mode": "alethe", "proof-granularity": "theory-rewrite",
         "proof-alethe-res-pivots": "true"}


def decide(file, options, timeout, proof, answers):
    """In a process of its own, so that it can be ended: cvc5's limits are not always kept."""
    sys.path.insert(0, str(second_solver.HOME))
    import cvc5
    text = second_solver.STATUS.sub("", file.read_text())
    terms = cvc5.TermManager()
    solver = cvc5.Solver(terms)
    for key, value in options.items():
        solver.setOption(key, value)
    symbols = cvc5.SymbolManager(terms)
    parser = cvc5.InputParser(solver, symbols)
    parser.setStringInput(cvc5.InputLanguage.SMT_LIB_2_6, text, file.name)
    said = []
    while not (command := parser.nextCommand()).isNull():
        if (answer := command.invoke(solver, symbols).strip()):
            said.append(answer)
    if proof and said == ["unsat"]:
        parts = solver.getProof()
        proof.write_text("".join(solver.proofToString(p, cvc5.ProofFormat.ALETHE) for p in parts))
    answers.put(" ".join(said))


def ask(file, options, timeout, proof):
    answers = multiprocessing.Queue()
    process = multiprocessing.Process(target=decide, args=(file, options, timeout, proof, answers))
    begin = time.monotonic()
    process.start()
    try:
        answer = answers.get(timeout=timeout)
    except Exception:  # nothing came in time, or the process died
        answer = "timeout" if process.is_alive() else "error"
    if process.is_alive() and answer == "timeout":
        process.kill()
    process.join()
    return answer, time.monotonic() - begin


def main():
    parser = argparse.ArgumentParser(description="Decide the theorem's questions with cvc5 and compare.")
    parser.add_argument("--binary", default=str(second_solver.ROOT / "target" / "release" / "kubeproof"))
    parser.add_argument("--timeout", type=float, default=60, help="seconds for each question and each way (60)")
    parser.add_argument("--keep", type=pathlib.Path, help="keep the SMT-LIB files here")
    parser.add_argument("--proofs", type=pathlib.Path, help="keep Alethe proofs here")
    args = parser.parse_args()
    if shutil.which(args.binary) is None:
        return second_solver.fail(f"there is no {args.binary}: run `make build` first")
    second_solver.provision()
    if args.proofs:
        args.proofs.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as tmp:
        out = args.keep or pathlib.Path(tmp)
        run = subprocess.run([args.binary, "theorem", "--emit-smt2", str(out)], stdout=subprocess.DEVNULL)
        if run.returncode != 0:
            return second_solver.fail(f"kubeproof theorem ended with {run.returncode}")
        differ = 0
        files = sorted(out.glob("*.smt2"))
        for file in files:
            expected = second_solver.STATUS.search(file.read_text()).group(1)
            ways = WAYS if expected == "unsat" else WAYS[::-1]
            for way, options in ways:
                answer, seconds = ask(file, options, args.timeout, None)
                if answer in ("sat", "unsat"):
                    break
            differ += answer != expected
            note = "" if answer == expected else "   <-- not as Z3"
            if args.proofs and answer == "unsat":
                proof = args.proofs / f"{file.stem}.alethe"
                said, _ = ask(file, options | PROOF, args.timeout * 4, proof)
                note += f"   proof: {proof.stat().st_size // 1024} KiB" if proof.exists() else f"   no proof: {said}"
            print(f"{file.stem:26} Z3 {expected:5}  cvc5 {answer:7} {seconds:6.1f} s  {way}{note}", flush=True)
    print(f"{len(files) - differ} of {len(files)} questions agree (cvc5 {second_solver.VERSION})")
    return 1 if differ else 0


if __name__ == "__main__":
    sys.exit(main())
