"""Which runs there are, in the order in which they are worth most, and their records: one small
JSON file for each run."""

import json
import os
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from statistics import mean

from benchmarks.trial.arms import (
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
)

VERSION = 1  # of the protocol: raised whenever a change makes old results incomparable
AMOUNTS = {"A": ("5%", "10%", "25%", "100%"), "B": ("0", "5", "20", "all"), "C": ("10%", "100%")}
ANCHOR = {
    "A": "10%",
    "B": "5",
    "C": "10%",
}  # where an arm's learning rate is chosen, with the first seed
TITLES = {
    "A": "three diagnoses, dermoscopy",
    "B": "inflamed against healthy skin, close-ups",
    "C": "lesion segmentation, dermoscopy",
}
MEASURES = {"A": "balanced accuracy", "B": "AUROC", "C": "Dice"}
# Optimizer steps of every run, whatever its arm. Set so that the whole protocol takes about 12
# core-hours at the 33 images a core-second that mobilenetv2_100 trains at 128 px (AVX2, batch 16).
STEPS = {
    "A": {"5%": 140, "10%": 140, "25%": 160, "100%": 320},
    "B": {"0": 120, "5": 120, "20": 120, "all": 120},
    "C": {"10%": 120, "100%": 200},
}


@dataclass(frozen=True)
class Run:
    """One training. setting: "pretrained", the bundled generator, which saw all of train; or "own",
    one that saw the classifier's subset alone, which is then the subset of seed 0 for every
    seed."""

    task: str
    amount: str
    setting: str
    arm: str
    seed: int

    @property
    def key(self) -> str:
        words = [self.task, self.amount, self.setting, self.arm, f"seed {self.seed}"]
        return (
            " ".join(words)
            .replace("%", "pc")
            .replace(" + ", "+")
            .replace(",", "")
            .replace(" ", "-")
        )

    @property
    def anchor(self) -> "Run":
        """The run that chooses this one's learning rate."""
        return Run(self.task, ANCHOR[self.task], "pretrained", self.arm, 0)


def make_plan(seeds: int, own: tuple[str, ...] = ()) -> list[Run]:
    """All runs of the protocol, the most informative first.

    Args:
        seeds: how many.
        own: amounts of task A for which there is a generator of the setting "own".
    """
    names = {task: [arm.name for arm in arms] for task, arms in ARMS.items()}
    edits = (EDITS[0].name, WIDE[0].name)
    # What makes a learning curve, beside the amounts that every arm is run at.
    curve, few, pairs = (
        (*MAIN, FIRST.name),
        ("real", "oversample", WIDE[-1].name),
        ("real", "copy-paste", "synthetic x1"),
    )
    tenth = [name for name in names["A"] if name not in MAIN]
    whole = [name for name in names["A"] if name != FILTERED.name]
    blocks = [
        ("A", "10%", MAIN),
        ("B", "5", names["B"]),
        ("C", "10%", names["C"]),
        ("A", "10%", tenth),
    ]
    blocks += [("B", "0", edits), ("B", "20", few), ("A", "100%", whole)]
    blocks += [("A", "5%", curve), ("A", "25%", curve), ("B", "all", few), ("C", "100%", pairs)]
    runs = [
        Run(task, amount, "pretrained", arm, seed)
        for task, amount, arms in blocks
        for seed in range(seeds)
        for arm in arms
    ]
    mine = [
        Run("A", amount, "own", arm, seed)
        for amount in own
        for seed in range(seeds)
        for arm in (*curve, "synthetic x1", "synthetic only")
    ]
    place = next(k for k, run in enumerate(runs) if run.amount in ("0", "20"))
    return runs[:place] + mine + runs[place:]


def arm_of(run: Run, records: dict[Run, dict], plan: list[Run]) -> Arm | None:
    """What a run's arm does; None while the results that decide it are missing.

    "best classical + best of ours" joins the two arms with the highest mean on val over all seeds,
    `synthetic only` and the arms that were added later aside. What was joined for one seed holds
    for all, also when seeds are added later.
    """
    arm = next(arm for arm in ARMS[run.task] if arm.name == run.arm)
    if run.arm != BEST:
        return arm
    for other, record in records.items():
        if (other.task, other.amount, other.setting, other.arm) == (
            run.task,
            run.amount,
            run.setting,
            BEST,
        ):
            return Arm(**record["arm"])
    best = []
    for ours in (False, True):
        candidates = [
            a
            for a in ARMS[run.task]
            if a.ours == ours and a.name != BEST and a.real and a.keep == 1 and a not in LATER
        ]
        scores = {}
        for candidate in candidates:
            needed = [
                other
                for other in plan
                if (other.task, other.amount, other.setting, other.arm)
                == (run.task, run.amount, run.setting, candidate.name)
            ]
            if not needed or any(other not in records for other in needed):
                return None
            scores[candidate] = mean(records[other]["val"] for other in needed)
        best.append(max(scores, key=scores.get))
    return combine(*best)


def rates_of(
    run: Run, records: dict[Run, dict], rates: tuple[float, ...]
) -> tuple[float, ...] | None:
    """The learning rates that a run tries: all of them if it is the one that chooses, else what was
    chosen; None before that."""
    if run == run.anchor:
        return rates
    return (records[run.anchor]["rate"],) if run.anchor in records else None


def settings_of(arm: Arm) -> dict:
    """An arm's settings that are not the default, as a record holds them."""
    return {f.name: getattr(arm, f.name) for f in fields(Arm) if getattr(arm, f.name) != f.default}


def write_record(folder: Path, run: Run, record: dict) -> None:
    """Beside its place first, then renamed: a killed run leaves no half record."""
    path = folder / run.task / f"{run.key}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(f".{os.getpid()}.part")
    part.write_text(
        json.dumps({"run": asdict(run), **record}, separators=(",", ":")) + "\n", encoding="utf-8"
    )
    part.replace(path)


def read_record(path: Path) -> dict:
    """A record.

    Raises:
        ValueError: it is no record, or of another protocol version.
    """
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        version = record["protocol"]["version"]
    except (ValueError, KeyError, TypeError):
        raise ValueError(f"{path} is not a record of this benchmark: move it away.") from None
    if version != VERSION:
        raise ValueError(
            f"{path} is of protocol version {version}, this is version {VERSION}: results can't be"
            " mixed. Move it away, or take another --out."
        )
    return record


def read_records(folder: Path, plan: list[Run], must_equal) -> dict[Run, dict]:
    """The records of these runs that are there.

    Args:
        must_equal: function of a run and the arm in its record: entries that the record must have,
            with their values.

    Raises:
        ValueError: a record made under other conditions, with the first that differs.
    """
    records = {}
    for run in plan:
        path = folder / run.task / f"{run.key}.json"
        if not path.is_file():
            continue
        record = read_record(path)
        for key, value in must_equal(run, Arm(**record["arm"])).items():
            if record.get(key) != value:
                raise ValueError(
                    f"{path} was made with another {key}: {differences(record.get(key), value)}."
                    " Move it away, or take another --out."
                )
        records[run] = record
    return records


def differences(old, new) -> str:
    """What differs, for a sentence."""
    if not (isinstance(old, dict) and isinstance(new, dict)):
        return f"{old}, now {new}"
    return "; ".join(
        f"{key} {old.get(key)}, now {new.get(key)}"
        for key in {**old, **new}
        if old.get(key) != new.get(key)
    )
