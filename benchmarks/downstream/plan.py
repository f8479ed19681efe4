"""The protocol: which runs there are, in the order in which they are worth most, and what a run
waits for."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import mean
from typing import Any

from benchmarks.downstream.arms import (
    ARMS,
    BEST,
    EDITS,
    FILTERED,
    FIRST,
    LATER,
    MAIN,
    WIDE,
    Arm,
    combine,
    find_arm,
)

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


def make_plan(seeds: int, own: Sequence[str] = ()) -> list[Run]:
    """All runs of the protocol, the most informative first.

    Args:
        seeds: how many.
        own: amounts of task A for which there is a generator of the setting "own".
    """
    names = {task: [arm.name for arm in arms] for task, arms in ARMS.items()}
    edits = (EDITS[0].name, WIDE[0].name)
    # What makes a learning curve, beside the amounts at which every arm is run.
    curve = (*MAIN, FIRST.name)
    few = ("real", "oversample", WIDE[-1].name)
    pairs = ("real", "copy-paste", "synthetic x1")
    blocks = [
        ("A", "10%", MAIN),
        ("B", "5", names["B"]),
        ("C", "10%", names["C"]),
        ("A", "10%", [name for name in names["A"] if name not in MAIN]),
        ("B", "0", edits),
        ("B", "20", few),
        ("A", "100%", [name for name in names["A"] if name != FILTERED.name]),
        ("A", "5%", curve),
        ("A", "25%", curve),
        ("B", "all", few),
        ("C", "100%", pairs),
    ]
    runs = [
        Run(task, amount, "pretrained", arm, seed)
        for task, amount, arms in blocks
        for seed in range(seeds)
        for arm in arms
    ]
    own_runs = [
        Run("A", amount, "own", arm, seed)
        for amount in own
        for seed in range(seeds)
        for arm in (*curve, "synthetic x1", "synthetic only")
    ]
    place = next(k for k, run in enumerate(runs) if run.amount in ("0", "20"))
    return runs[:place] + own_runs + runs[place:]


def arm_of(run: Run, records: Records, plan: Sequence[Run]) -> Arm | None:
    """What a run's arm does; None while the results that decide it are missing.

    "best classical + best of ours" joins the two arms with the highest mean on val over all seeds;
    `synthetic only` and the arms that were added later are no candidates. What was joined for one
    seed holds for all, also when seeds are added later.
    """
    if run.arm != BEST:
        return find_arm(run.task, run.arm)
    for other, record in records.items():
        if other.condition == run.condition and other.arm == BEST:
            return Arm(**record["arm"])
    best = []
    for ours in (False, True):
        scores = {}
        for candidate in joined_candidates(run.task, ours):
            needed = [
                other
                for other in plan
                if other.condition == run.condition and other.arm == candidate.name
            ]
            if not needed or any(other not in records for other in needed):
                return None
            scores[candidate] = mean(records[other]["val"] for other in needed)
        best.append(max(scores, key=scores.get))
    return combine(*best)


def joined_candidates(task: str, ours: bool) -> list[Arm]:
    """The arms of which the best is joined with the best of the others."""
    return [
        arm
        for arm in ARMS[task]
        if arm.ours == ours and arm.name != BEST and arm.real and arm.keep == 1 and arm not in LATER
    ]


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
