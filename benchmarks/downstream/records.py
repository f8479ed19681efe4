"""The records of runs: one file for each task, TASK.jsonl, with one run a line.

A line is appended whole or not at all, by any number of processes. A line that a killed process
left unfinished is dropped.
"""

import json
import os
import sys
from collections.abc import Callable, Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from filelock import FileLock

from benchmarks.downstream.arms import Arm
from benchmarks.downstream.protocol import VERSION, Run

Record = dict[str, Any]
# What a line begins with; other entries follow, and the predictions are last.
BEGINNING = ("run", "arm", "val", "test", "rate", "step", "tried", "trained on", "label fidelity")
LAST = "predictions"


def path_of(folder: Path, task: str) -> Path:
    """The file of a task's records."""
    return folder / f"{task}.jsonl"


def format_line(run: Run, record: Record) -> str:
    """A record as a line: what one wants to read first, the predictions last."""
    entries = {"run": asdict(run), **record}
    beginning = [key for key in BEGINNING if key in entries]
    middle = [key for key in entries if key not in (*BEGINNING, LAST)]
    last = [LAST] if LAST in entries else []
    return json.dumps({key: entries[key] for key in beginning + middle + last}) + "\n"


def append_record(folder: Path, run: Run, record: Record) -> None:
    """Add a run to the file of its task."""
    path = path_of(folder, run.task)
    path.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(f"{path}.lock"), open(path, "a+b") as file:
        file.seek(0)
        content = file.read()
        whole = content.rfind(b"\n") + 1
        if whole < len(content):  # a process was killed while it wrote
            warn_of_unfinished_line(path)
            file.truncate(whole)
        file.write(format_line(run, record).encode())
        file.flush()
        os.fsync(file.fileno())


def read_file(path: Path) -> dict[Run, Record]:
    """All records of a file; of two of the same run, the later one.

    Raises:
        ValueError: a line is no record, or of another protocol version.
    """
    if not path.is_file():
        return {}
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    if lines and not lines[-1].endswith("\n"):
        warn_of_unfinished_line(path)
        lines.pop()
    records = {}
    for number, line in enumerate(lines, start=1):
        try:
            record = json.loads(line)
            run, version = Run(**record["run"]), record["protocol"]["version"]
        except (ValueError, KeyError, TypeError):
            raise ValueError(
                f"{path}, line {number} is not a record of this benchmark: remove it."
            ) from None
        if version != VERSION:
            raise ValueError(
                f"{path}, line {number} ({run.key}) is of protocol version {version}, this is "
                f"version {VERSION}: results cannot be mixed. Remove it, or take another --out."
            )
        records[run] = record
    return records


def warn_of_unfinished_line(path: Path) -> None:
    print(
        f"{path} ends in an unfinished line, which is dropped: its run will be repeated.",
        file=sys.stderr,
    )


def read_folder(folder: Path, tasks: Iterable[str] = "ABC") -> dict[Run, Record]:
    """The records of all these tasks."""
    records: dict[Run, Record] = {}
    for task in tasks:
        records |= read_file(path_of(folder, task))
    return records


def read_records(
    folder: Path, runs: list[Run], required: Callable[[Run, Arm], dict[str, Any]]
) -> dict[Run, Record]:
    """The records of these runs that are there.

    Args:
        folder: of the records.
        runs: those to look for.
        required: function of a run and the arm in its record: entries that the record must have,
            with their values.

    Raises:
        ValueError: a record made under other conditions, with the first that differs.
    """
    stored = read_folder(folder, sorted({run.task for run in runs}))
    records = {run: stored[run] for run in runs if run in stored}
    for run, record in records.items():
        for key, value in required(run, Arm(**record["arm"])).items():
            if record.get(key) != value:
                raise ValueError(
                    f"{run.key} in {path_of(folder, run.task)} was made with another {key}: "
                    f"{describe_difference(record.get(key), value)}. Remove its line, or take "
                    "another --out."
                )
    return records


def describe_difference(old: Any, new: Any) -> str:
    """What differs, for a sentence."""
    if not (isinstance(old, dict) and isinstance(new, dict)):
        return f"{old}, now {new}"
    keys = [key for key in {**old, **new} if old.get(key) != new.get(key)]
    return "; ".join(f"{key} {old.get(key)}, now {new.get(key)}" for key in keys)
