"""Do generated images help networks that are fine-tuned to convergence? It confirms what
`benchmarks.heads` finds, on some of the same draws.

    python -m benchmarks.tuned --data DIR/isic2017 --other DIR/padufes \
        --classifier mobilenetv2_100=FILE.safetensors

Task A is the three diagnoses of ISIC 2017, with 10 photographs of each; task C is where the lesion
is, with 5 and 10% of them. Every run adds a line to benchmarks/results/tuned/runs.jsonl, and the
same command goes on where it was stopped. A run of task A takes about two minutes of a core, one of
task C about three. What is compared, and why it is fair, is in docs/downstream.md.
"""

import argparse
import json
import time
from pathlib import Path
from typing import Any

import torch

from benchmarks.common import RESULTS, provenance, write_json
from benchmarks.heads.run import CLASSES
from benchmarks.tuned.network import TaskNetwork, describe_network
from benchmarks.tuned.photographs import Images, Photographs, make_images, read_all
from benchmarks.tuned.plan import TASKS, Run, all_runs, rows_of
from benchmarks.tuned.summary import summarise
from benchmarks.tuned.training import fit, predict
from synthderm.files import to_json

GENERATED = 1600
DIGITS = 4  # of what is predicted, in a record


def main() -> None:
    args = parse()
    photographs = read_all(args.data, args.other, args.side)
    generated = make_images(args.generator, args.images, args.side)
    conditions = describe(args)
    path = args.out / "runs.jsonl"
    records = read_records(path, conditions)
    for run in all_runs(args.draws):
        if run not in records and run.task in args.tasks:
            records[run] = train_and_test(run, photographs, generated, args)
            add_record(path, {**run._asdict(), **records[run], "conditions": conditions})
    summary = summarise(records, photographs)
    write_json(args.out / "summary.json", {**summary, **conditions, **provenance()})
    print(args.out / "summary.json")


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add = parser.add_argument
    add("--data", type=Path, required=True, help="ISIC 2017, with splits train, val and test")
    add("--other", type=Path, required=True, help="PAD-UFES-20")
    add("--generator", default="lesions", help="bundled name, folder or Hub id")
    add("--classifier", default="mobilenetv2_100", help="a timm network, NAME or NAME=FILE")
    add("--tasks", nargs="+", choices=TASKS, default=list(TASKS))
    add("--side", type=int, default=128, help="of the images in pixels (128)")
    add("--images", type=int, default=GENERATED, help="generated images in all (1600)")
    add("--draws", type=int, default=5, help="of the photographs (5)")
    add("--device", default="cpu")
    add("--out", type=Path, default=RESULTS / "tuned")
    return parser.parse_args()


def describe(args: argparse.Namespace) -> dict[str, Any]:
    """What runs must share to be compared."""
    return {
        "network": describe_network(args.classifier),
        "generator": str(args.generator),
        "side": args.side,
        "generated images": args.images,
    }


def train_and_test(
    run: Run, photographs: Photographs, generated: Images, args: argparse.Namespace
) -> dict[str, Any]:
    """Train one arm on one draw; the record, with what is predicted for every test photograph."""
    started = time.process_time()
    task = TASKS[run.task]
    # The draw decides the first weights; arms differ in nothing else.
    torch.manual_seed(run.draw)
    network = TaskNetwork(args.classifier, len(CLASSES), run.task == "C", args.side)
    rows = rows_of(photographs.train, run)
    batches = task.arms[run.arm](photographs.train, generated, rows, run.draw)
    found = fit(network, batches, photographs.val, args.device)
    predictions = {
        name: predict(network, getattr(photographs, name), args.device) for name in task.tests
    }
    core_s = round(time.process_time() - started)
    print(f"{run}: {found}, {core_s} core-seconds", flush=True)
    return {
        **found._asdict(),
        "core_s": core_s,
        "photographs": len(rows),
        "predictions": {
            name: [round(x, DIGITS) for x in values.flatten().tolist()]
            for name, values in predictions.items()
        },
    }


def read_records(path: Path, conditions: dict[str, Any]) -> dict[Run, dict[str, Any]]:
    """The runs of a file so far; half a line at its end is cut off.

    Raises:
        ValueError: a run was made under other conditions.
    """
    if not path.is_file():
        return {}
    text = path.read_text(encoding="utf-8")
    whole = text[: text.rfind("\n") + 1]
    if whole != text:
        path.write_text(whole, encoding="utf-8")
    records = {}
    for line in whole.splitlines():
        record = json.loads(line)
        for name, value in record.pop("conditions").items():
            if value != conditions[name]:
                raise ValueError(
                    f"{path} has runs with {name} {value}, not {conditions[name]}: they can't be "
                    "compared. Give another folder with --out."
                )
        records[Run(*(record.pop(key) for key in Run._fields))] = record
    return records


def add_record(path: Path, record: dict[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "a", encoding="utf-8") as file:
        file.write(to_json(record) + "\n")


if __name__ == "__main__":
    main()
