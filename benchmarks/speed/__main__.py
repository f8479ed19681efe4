"""What an edit and a generated image cost, compared with what training pipelines do already.

    python -m benchmarks.speed                              all rows, about 3 minutes of one core
    python -m benchmarks.speed --only "EczemaEdit, 224 px"  rows with this in a name; only printed
    python -m benchmarks.speed --cuda                       `EczemaEdit.batch` on a GPU, 10 seconds

Writes speed.json, or speed-cuda.json, to benchmarks/results. One thread of one process
runs all cases by turns: in every round each case runs for a moment, so that other load on the
machine affects all of them alike. CPU time is counted; a ratio is the median of the rounds' ratios.
"""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from benchmarks.common import RESULTS, median_quartiles, provenance, write_json
from benchmarks.speed.cases import Row, edits, generated, references
from benchmarks.speed.photograph import draw_photograph, encode
from benchmarks.speed.timing import measure, measure_on
from synthderm.determinism import one_thread


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    p = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    add = p.add_argument
    add("--rounds", type=int, default=30, help="in each round every case has a turn")
    add("--turn", type=float, default=0.1, help="seconds that a case runs in its turn")
    add("--only", default="", help="measure only rows with this in one of their names")
    add("--cuda", action="store_true", help="measure batches on a GPU instead")
    add("--smoke", action="store_true", help="small images, one call each: a test that it runs")
    add(
        "--out",
        type=Path,
        help="folder of speed.json; benchmarks/results for a measurement of all rows, else none",
    )
    return p.parse_args(argv)


def compare(rows: list[Row], times: dict[str, list[float]]) -> list[dict[str, Any]]:
    """The rows with the ratios that were measured."""
    result = []
    for row in rows:
        ratios = [a / b for a, b in zip(times[row.case], times[row.against])]
        result.append(row._asdict() | {"ratio": median_quartiles(ratios)})
    return result


@one_thread()
def run(args: argparse.Namespace) -> dict[str, Any]:
    """Measure all rows that were asked for."""
    rounds, turn, small, large, width = args.rounds, args.turn, 224, 1024, 64
    if args.smoke:
        rounds, turn, small, large, width = 2, 0.0, 32, 64, 8
    data = encode(draw_photograph(600, 450))
    cases, rows = generated(data)
    edit_cases, edit_rows = edits(small, large, data)
    cases |= references(small, large, data, width) | edit_cases
    rows = [row for row in rows + edit_rows if args.only in row.case or args.only in row.against]
    if not rows:
        raise SystemExit(f"no row has {args.only!r} in its names.")
    wanted = {name for row in rows for name in (row.case, row.against)}
    cases = {name: case for name, case in cases.items() if name in wanted}
    times = measure(cases, rounds, turn)
    return {
        "rounds": rounds,
        "jpeg_bytes": len(data),
        "rows": compare(rows, times),
        "cpu_ms_per_image": {
            name: median_quartiles([1000 * value for value in values])
            for name, values in times.items()
        },
        **provenance(),
    }


def show(result: dict[str, Any]) -> None:
    """Print a line for each row."""
    times = result["cpu_ms_per_image"]
    for row in result["rows"]:
        ratio, goal = row["ratio"]["median"], ""
        if row["goal"] is not None:
            goal = f"at most {row['goal']:.4g}: {'met' if ratio <= row['goal'] else 'missed'}"
        case, against = (
            f"{row[key]} ({times[row[key]]['median']:.2f} ms)" for key in ("case", "against")
        )
        print(f"{ratio:8.4f}  {goal:22}  {case} / {against}")


def main(argv: Sequence[str] | None = None) -> None:
    args = parse(argv)
    torch.manual_seed(0)
    if args.cuda:
        if not torch.cuda.is_available():
            raise SystemExit("skipped: there is no CUDA device here.")
        result = measure_on(torch.device("cuda"))
        write_json((args.out or RESULTS) / "speed-cuda.json", result)
        print(json.dumps(result, indent=2))
        return
    result = run(args)
    out = args.out or (None if args.only or args.smoke else RESULTS)
    if out is not None:
        write_json(out / "speed.json", result)
    show(result)


if __name__ == "__main__":
    main()
