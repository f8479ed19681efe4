"""summary.json and the two figures, made from the records of a folder."""

import json
from collections import defaultdict
from pathlib import Path
from typing import Any

from benchmarks.common import write_json
from benchmarks.downstream.bootstrap import BySeed, compare_arms
from benchmarks.downstream.plots import plot_dose_response, plot_learning_curves
from benchmarks.downstream.protocol import AMOUNTS
from benchmarks.downstream.records import Record, read_folder

SETTINGS = ("pretrained", "own")


def common_protocol(records: dict[str, Record]) -> dict[str, Any]:
    """What all records were made with, the number of steps aside.

    Args:
        records: by the key of their run.

    Raises:
        ValueError: they were made with different ones.
    """
    common: dict[str, Any] = {}
    for key, record in records.items():
        protocol = {name: value for name, value in record["protocol"].items() if name != "steps"}
        common = common or protocol
        if protocol != common:
            name = next(name for name in protocol if protocol[name] != common.get(name))
            raise ValueError(
                f"{key} was made with {name} {protocol[name]}, others with {common.get(name)}: "
                "they cannot be compared. Keep them in separate folders."
            )
    return common


def summarise(folder: Path) -> dict[str, Any]:
    """All records of a folder, compared: the content of its summary.json.

    Raises:
        ValueError: there are no records, they are of another protocol version, or were made under
            different conditions.
    """
    runs = dict(sorted(read_folder(folder).items(), key=lambda item: item[0].key))
    if not runs:
        raise ValueError(f"{folder} holds no records: run the benchmark first.")
    protocol = common_protocol({run.key: record for run, record in runs.items()})
    by_condition: dict[tuple[str, str, str], dict[str, BySeed]] = defaultdict(
        lambda: defaultdict(dict)
    )
    for run, record in runs.items():
        by_condition[run.condition][run.arm][run.seed] = record
    tasks: dict[str, Any] = {}
    for task in AMOUNTS:
        conditions = [
            (task, amount, setting)
            for amount in AMOUNTS[task]
            for setting in SETTINGS
            if (task, amount, setting) in by_condition
        ]
        if not conditions:
            continue
        test = json.loads((folder / f"test-{task}.json").read_text(encoding="utf-8"))
        amounts = {
            f"{amount} {setting}": compare_arms(task, by_condition[task, amount, setting], test)
            for task, amount, setting in conditions
        }
        tasks[task] = {
            "test": len(test["names"]),
            "classes": test["classes"],
            "amounts": amounts,
        }
    records = list(runs.values())
    return {
        "tasks": tasks,
        "versions": records[-1]["versions"],
        "date": max(record["date"] for record in records),
        "protocol": protocol,
        "commits": sorted({record["commit"][:10] for record in records}),
        "hardware": sorted({record["hardware"] for record in records}),
        "runs": len(records),
        "core hours": round(sum(record["cpu_seconds"] for record in records) / 3600, 2),
    }


def write_summary(folder: Path) -> None:
    """Write summary.json, and the figures where there is enough to plot."""
    summary = summarise(folder)
    write_json(folder / "summary.json", summary, indent=1)
    plot_dose_response(summary, folder / "dose.png")
    plot_learning_curves(summary, folder / "curves.png")
    print(f"{summary['runs']} runs, {summary['core hours']} core-hours: {folder / 'summary.json'}")
