"""Tries many hostile inputs on every parser, runs the tests of other attacks, and writes what came
of them to benchmarks/results/reliability.json, of which docs/reliability.md is made.

    python -m tests.fuzz [--seconds 60] [--seed 0] [--only NAME ...] [--out FILE]

`make fuzz` runs it. With --only, the other rows of the file stay as they are. Each target has a
process of its own. Another `--seed` tries other inputs.
Exits with 1 after a failure; `faults` in the file tell it, with the input.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.common import RESULTS, provenance, write_json
from tests.fuzz.attacks import ATTACKS, count_tests
from tests.fuzz.campaign import campaign
from tests.fuzz.sizes import SIZES
from tests.fuzz.targets import TARGETS

ROOT = Path(__file__).parents[2]
MODEL_FOLDERS = (
    "model folders whose weights, headers and config are damaged, huge, nested or of other types"
)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz")
    parser.add_argument("--seconds", type=float, default=60, help="for each parser")
    parser.add_argument("--seed", type=int, default=0)
    suite = {attack.name: attack for attack in ATTACKS}
    names = [*TARGETS, "models", *SIZES, *suite]
    parser.add_argument("--only", nargs="+", choices=names, default=names)
    parser.add_argument("--out", type=Path, default=RESULTS / "reliability.json")
    parser.add_argument("--child", choices=TARGETS, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.child:
        print(json.dumps(campaign(args.child, args.seconds, args.seed)))
        return 0
    rows = []
    for name in [name for name in names if name in args.only]:
        if name in SIZES:
            rows.append(measure_size(name))
        elif name in suite:
            rows.append(run_tests(*suite[name]))
        else:
            fuzz = fuzz_models if name == "models" else fuzz_target
            rows.append({"name": name} | fuzz(name, args.seconds, args.seed))
        print(f"{rows[-1]['name']}: {rows[-1]['cases']:,} cases, {rows[-1]['failures']} failures")
    result = {"seconds": args.seconds, "seed": args.seed, "rows": rows} | provenance()
    if set(args.only) != set(names) and args.out.is_file():
        result = replace_rows(json.loads(args.out.read_text(encoding="utf-8")), result, names)
    write_json(args.out, result)
    print(args.out)
    return int(any(row["failures"] for row in rows))


def replace_rows(
    before: dict[str, Any], result: dict[str, Any], names: Sequence[str]
) -> dict[str, Any]:
    """An earlier result with the rows of a new one; these say of which commit they are."""
    rows = {row["name"]: row for row in before["rows"]}
    rows |= {row["name"]: row | {"commit": result["commit"]} for row in result["rows"]}
    return before | {"rows": [rows[name] for name in names if name in rows]}


def fuzz_target(name: str, seconds: float, seed: int) -> dict[str, Any]:
    """A campaign in a process of its own; where that dies, this is a failure too."""
    command = ["-m", "tests.fuzz", "--child", name, f"--seconds={seconds}", f"--seed={seed}"]
    with tempfile.TemporaryDirectory() as folder:
        run = run_python(command, TMPDIR=folder)
    row = {"attack": TARGETS[name].ATTACK, "kind": "fuzz"}
    if run.returncode:
        return row | {"cases": 0, "failures": 1, "faults": [f"died: {run.stderr[-1000:]}"]}
    return row | json.loads(run.stdout.splitlines()[-1])


def fuzz_models(name: str, seconds: float, seed: int) -> dict[str, Any]:
    """Damaged model folders, by tests/hub/fuzz.py, a thousand at once."""
    from synthderm.models.generator import SkinGenerator

    row: dict[str, Any] = {"attack": MODEL_FOLDERS, "kind": "fuzz"}
    totals: dict[str, Any] = {"cases": 0, "failures": 0, "accepted": 0, "refused": 0, "faults": []}
    end = time.monotonic() + seconds
    with tempfile.TemporaryDirectory() as folder:
        good, scratch = Path(folder, "good"), Path(folder, "mutant")
        scratch.mkdir()
        card = {"data": [{"name": "x", "licence": "y"}]}
        SkinGenerator(16, [8, 8, 8], ["a", "b"]).save_pretrained(good, card=card)
        while time.monotonic() < end:
            seed += 1
            program = str(ROOT / "tests" / "hub" / "fuzz.py")
            run = run_python([program, str(good), str(scratch), "1000", str(seed)])
            if run.returncode:
                totals["cases"] += 1
                totals["failures"] += 1
                totals["faults"].append(f"died, seed {seed}: {run.stderr[-1000:]}")
                break
            found = json.loads(run.stdout)
            faults = found["bad"] + list(found["audit"])
            totals["cases"] += 1000
            totals["accepted"] += found["loaded"]
            totals["refused"] += found["refused"]
            totals["failures"] += len(faults)
            totals["faults"] += faults[:10]
            totals["peak_mb"] = round(max(totals.get("peak_mb", 0), found["peak_mb"]))
    return row | totals


def measure_size(name: str) -> dict[str, Any]:
    """What a large input takes, in a process of its own."""
    row = {"name": name, "attack": SIZES[name].text, "kind": "size"}
    run = run_python(["-m", "tests.fuzz.sizes", name])
    if run.returncode:
        return row | {"cases": 1, "failures": 1, "faults": [f"died: {run.stderr[-1000:]}"]}
    return row | json.loads(run.stdout.splitlines()[-1])


def run_tests(name: str, text: str, files: list[str]) -> dict[str, Any]:
    """The tests of an attack, counted."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.xml"
        run = run_python(["-m", "pytest", "-q", f"--junitxml={report}", *files])
        if not report.is_file():
            faults = [run.stdout[-1000:] + run.stderr[-1000:]]
            counts = {"cases": 0, "failures": 1, "skipped": 0, "faults": faults}
        else:
            counts = count_tests(report)
    return {"name": name, "attack": text, "kind": "tests", "files": files} | counts


def run_python(arguments: list[str], **environment: str) -> subprocess.CompletedProcess[str]:
    variables = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", **environment}
    command = [sys.executable, *arguments]
    return subprocess.run(command, capture_output=True, text=True, env=variables, cwd=ROOT)


if __name__ == "__main__":
    sys.exit(main())
