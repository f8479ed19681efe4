"""What the tests of the benchmark of classifiers share."""

import csv
from pathlib import Path

from benchmarks.trial import arms, learner

TINY = learner.ModelSpec("test_efficientnet", "random")


def write_rows(folder: Path, rows: list[dict]) -> None:
    with open(folder / "metadata.csv", "w", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)


def arm(task: str, name: str) -> arms.Arm:
    return next(arm for arm in arms.ARMS[task] if arm.name == name)
