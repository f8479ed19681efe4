"""The protocol: which runs there are, the most informative first, and what a run waits for."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import mean
from typing import Any

from benchmarks.downstream.arms import ADDED_LATER, ARMS, BEST, TASK_ARMS, Arm, combine

VERSION = 1  # of the protocol: raised whenever a change makes old results incomparable
AMOUNTS = {"A": ("5%", "10%", "25%", "100%"), "B": ("0", "5", "20", "all"), "C": ("10%", "100%")}
# The amount at which an arm's learning rate is chosen, with the first seed.
ANCHOR = {"A": "10%", "B": "5", "C": "10%"}
TITLES = {
    "A": "three diagnoses, dermoscopy",
    "B": "inflamed against healthy skin, close-ups",
    "C": "lesion segmentation, dermoscopy",
}
MEASURES = {"A": "balanced accuracy", "B": "AUROC", "C": "Dice"}
# Optimizer steps of every run, whatever its arm. With these the whole protocol takes about 12
# core-hours at the 33 images a core-second that mobilenetv2_100 trains at 128 px (AVX2, batch 16).
STEPS = {
    "A": {"5%": 140, "10%": 140, "25%": 160, "100%": 320},
    "B": {"0": 120, "5": 120, "20": 120, "all": 120},
    "C": {"10%": 120, "100%": 200},
}

# Groups of arms that are run together.
FOR_IMBALANCE = ("real", "oversample", "balancing")
FOR_LEARNING_CURVES = (*FOR_IMBALANCE, "synthetic first, then oversample")
FOR_OWN_GENERATOR = (*FOR_LEARNING_CURVES, "synthetic x1", "synthetic only")
FOR_NO_INFLAMED = ("eczema edit 0.5", "eczema edit 0.5, wide")
FOR_MORE_INFLAMED = ("real", "oversample", "oversample + eczema edit 0.1, wide")
FOR_ALL_MASKS = ("real", "copy-paste", "synthetic x1")


@dataclass(frozen=True)
class Run:
    """One training.

    Args:
        task: "A", "B" or "C".
        amount: of the photographs, one of `AMOUNTS`.
        setting: "pretrained", the bundled generator, which was trained on all of train; or "own",
            one that was trained on the classifier's subset alone. That is then the subset of seed 0
            for every seed.
        arm: its name.
        seed: of the subset, the first weights and the batches.
    """

    task: str
    amount: str
    setting: str
    arm: str
    seed: int

    @property
    def key(self) -> str:
        """A short name without blanks."""
        words = [self.task, self.amount, self.setting, self.arm, f"seed {self.seed}"]
        key = " ".join(words).replace("%", "pc").replace(" + ", "+")
        return key.replace(",", "").replace(" ", "-")

    @property
    def anchor(self) -> "Run":
        """The run that chooses this one's learning rate."""
        return Run(self.task, ANCHOR[self.task], "pretrained", self.arm, 0)

    @property
    def condition(self) -> tuple[str, str, str]:
        """Task, amount and setting."""
        return self.task, self.amount, self.setting


Records = Mapping[Run, dict[str, Any]]
Block = tuple[str, str, str, tuple[str, ...]]  # task, amount, setting, arms


def list_runs(seeds: int, own: Sequence[str] = ()) -> list[Run]:
    """All runs of the protocol, the most informative first.

    Args:
        seeds: how many.
        own: amounts of task A for which there is a generator of the setting "own".
    """
    blocks: list[Block] = [
        ("A", "10%", "pretrained", FOR_IMBALANCE),
        ("B", "5", "pretrained", TASK_ARMS["B"]),
        ("C", "10%", "pretrained", TASK_ARMS["C"]),
        ("A", "10%", "pretrained", arms_but("A", *FOR_IMBALANCE)),
        *(("A", amount, "own", FOR_OWN_GENERATOR) for amount in own),
        ("B", "0", "pretrained", FOR_NO_INFLAMED),
        ("B", "20", "pretrained", FOR_MORE_INFLAMED),
        ("A", "100%", "pretrained", arms_but("A", "balancing, surest half")),
        ("A", "5%", "pretrained", FOR_LEARNING_CURVES),
        ("A", "25%", "pretrained", FOR_LEARNING_CURVES),
        ("B", "all", "pretrained", FOR_MORE_INFLAMED),
        ("C", "100%", "pretrained", FOR_ALL_MASKS),
    ]
    return [
        Run(task, amount, setting, arm, seed)
        for task, amount, setting, arms in blocks
        for seed in range(seeds)
        for arm in arms
    ]


def arms_but(task: str, *left_out: str) -> tuple[str, ...]:
    """The arms of a task without some of them."""
    return tuple(arm for arm in TASK_ARMS[task] if arm not in left_out)


def arm_of(run: Run, records: Records, runs: Sequence[Run]) -> Arm | None:
    """What a run's arm does; None while the results that decide it are missing.

    "best classical + best of ours" joins the two arms with the highest mean on val over all seeds;
    `synthetic only` and the arms that were added later are no candidates. What was joined for one
    seed holds for all, also when seeds are added later.

    Args:
        run: one of `runs`.
        records: of the runs that are done.
        runs: all runs of the protocol.
    """
    if run.arm != BEST:
        return ARMS[run.arm]
    for other, record in records.items():
        if other.condition == run.condition and other.arm == BEST:
            return Arm(**record["arm"])
    best = []
    for ours in (False, True):
        scores: dict[str, float] = {}
        for candidate in joined_candidates(run.task, ours):
            needed = [
                other
                for other in runs
                if other.condition == run.condition and other.arm == candidate
            ]
            if not needed or any(other not in records for other in needed):
                return None
            scores[candidate] = mean(records[other]["val"] for other in needed)
        best.append(ARMS[max(scores, key=lambda arm: scores[arm])])
    return combine(*best)


def joined_candidates(task: str, ours: bool) -> list[str]:
    """The arms of a task that may be joined: the classical ones, or ours."""
    arms = [ARMS[name] for name in arms_but(task, BEST, *ADDED_LATER)]
    return [arm.name for arm in arms if arm.ours == ours and arm.real and arm.keep == 1]


def rates_of(run: Run, records: Records, rates: tuple[float, ...]) -> tuple[float, ...] | None:
    """The learning rates that a run tries: all of them if it is the one that chooses, else what was
    chosen; None before that."""
    if run == run.anchor:
        return rates
    return (records[run.anchor]["rate"],) if run.anchor in records else None


def waits_for(run: Run) -> str:
    """What has to be done before a run, in words."""
    if run == run.anchor:
        return "all seeds of the other arms at this amount"
    others = ", and all seeds of the other arms" if run.arm == BEST else ""
    return f"{run.anchor.key} for its learning rate{others}"
