#!/usr/bin/env python3
"""Puts the pinned Z3 shared library under .z3/VERSION/lib, from the wheel that PyPI keeps.

Standard library only; pip checks the wheel against tools/z3-wheel.txt. A second run compares the stored hash and
touches no network. The folder is renamed into place last, so an interrupted run leaves nothing half-made.
"""
import hashlib, os, pathlib, re, shutil, subprocess, sys, tempfile, zipfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
PIN = ROOT / "tools" / "z3-wheel.txt"
VERSION = re.search(r"z3-solver==([\d.]+)", PIN.read_text()).group(1)
HOME = ROOT / ".z3" / VERSION
SONAME = "libz3.so." + ".".join(VERSION.split(".")[:2])


def sha256(path):
    digest = hashlib.sha256()
    with open(path, "rb") as f:
        for block in iter(lambda: f.read(1 << 20), b""):
            digest.update(block)
    return digest.hexdigest()


def in_place():
    library, stored = HOME / "lib" / SONAME, HOME / "sha256"
    return library.is_file() and stored.is_file() and sha256(library) == stored.read_text().strip()


def main():
    if in_place():
        return 0
    (ROOT / ".z3").mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=ROOT / ".z3") as tmp:
        tmp = pathlib.Path(tmp)
        pip = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps",
               "--only-binary=:all:", "--require-hashes", "-r", str(PIN), "-d", str(tmp)]
        if subprocess.run(pip).returncode != 0:
            print(f"error: could not download the pinned Z3 {VERSION} (tools/z3-wheel.txt): is there a network, and "
                  "a glibc new enough for the wheel?", file=sys.stderr)
            return 2
        wheel = next(tmp.glob("*.whl"))
        new = tmp / "new"
        (new / "lib").mkdir(parents=True)
        with zipfile.ZipFile(wheel) as z:
            name = next(n for n in z.namelist() if n.endswith("/lib/" + SONAME) or n.endswith("/" + SONAME))
            with z.open(name) as src, open(new / "lib" / SONAME, "wb") as dst:
                shutil.copyfileobj(src, dst)
        os.symlink(SONAME, new / "lib" / "libz3.so")
        (new / "sha256").write_text(sha256(new / "lib" / SONAME) + "\n")
        shutil.rmtree(HOME, ignore_errors=True)
        os.replace(new, HOME)
    print(f"Z3 {VERSION} is in {HOME.relative_to(ROOT)}", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
