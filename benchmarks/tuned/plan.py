"""What is run: tasks, amounts of photographs, arms, and the comparisons that were planned."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from benchmarks.heads.plan import draw
from benchmarks.tuned.arms import DIAGNOSIS, SEGMENTATION, Arm
from benchmarks.tuned.photographs import Images


class Task(NamedTuple):
    """What is learnt.

    arms: by name.
    amounts: of photographs, as the heads' draws name them: "10" of each class, "5%" of all.
    tests: sets of photographs.
    measure: name of the figure.
    ours, against: the planned comparison.
    """

    arms: dict[str, Arm]
    amounts: tuple[str, ...]
    tests: tuple[str, ...]
    measure: str
    ours: str
    against: tuple[str, ...]


TASKS = {
    "A": Task(
        DIAGNOSIS,
        ("10",),
        ("test", "other"),
        "balanced accuracy",
        "generated x5",
        ("oversampling", "RandAugment", "retrieval x5"),
    ),
    "C": Task(
        SEGMENTATION,
        ("5%", "10%"),
        ("test",),
        "Dice",
        "generated pairs added",
        ("photographs", "photographs, twice as many in a batch"),
    ),
}


class Run(NamedTuple):
    """One training; the first part of its record."""

    task: str
    amount: str
    arm: str
    draw: int


def all_runs(draws: int) -> list[Run]:
    """Every run, whole draws first, so that an early end leaves whole comparisons."""
    return [
        Run(name, amount, arm, number)
        for number in range(draws)
        for name, task in TASKS.items()
        for amount in task.amounts
        for arm in task.arms
    ]


def rows_of(train: Images, run: Run) -> NDArray[np.int64]:
    """The photographs of a run: the same for every arm, and those of the heads."""
    return draw(run.amount, train.labels.numpy(), train.groups, run.draw)
