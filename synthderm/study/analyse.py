"""From answers to findings.

The primary analysis counts participants who finished and failed no more attention checks than the
study allows, and of their trials each first showing. `sensitivity` repeats it under other rules.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from statsmodels.stats.multitest import multipletests

from synthderm.study import measures
from synthderm.study.files import Study
from synthderm.study.measures import Agreement, Interval, Tests
from synthderm.study.results import COLUMNS, result_rows
from synthderm.study.schedule import KINDS

ALPHA = 0.05
HASTY = 250  # milliseconds: faster than anyone looks and decides


@dataclass(frozen=True)
class Finding:
    """What the answers to one kind of question say; see `synthderm.study.measures` for each
    value."""

    kind: str
    participants: int
    correct: int
    trials: int
    exact: Interval
    people: Interval
    people_and_images: Interval
    answers_tests: Tests
    people_tests: Tests
    chance_holm: float
    dprime: Interval
    bias: Interval
    bias_name: str
    consistency: Interval
    repeats: int
    agreement: Agreement
    milliseconds: tuple[float, float, float]
    milliseconds_right: float
    milliseconds_wrong: float

    @property
    def conclusion(self) -> str:
        """One of "can't tell", "can tell", "fooled" (below chance), "small difference" (both tests
        significant), "undecided"."""
        different = self.people_tests.chance < ALPHA
        if self.people_tests.equivalence < ALPHA:
            return "small difference" if different else "can't tell"
        if different:
            return "can tell" if self.exact.estimate > 0.5 else "fooled"
        return "undecided"


@dataclass(frozen=True)
class Findings:
    """The whole analysis.

    Args:
        study: what was asked.
        margin, max_failed_checks: the rules used.
        table: every answer, `results.COLUMNS`.
        people: one row a participant: answers, finished, failed_checks, median_ms, counted.
        kinds: one finding for each kind that was asked.
        images: one row for each kind and target image, hardest first.
        sensitivity: accuracy and tests of each kind under each rule.
    """

    study: Study
    margin: float
    max_failed_checks: int
    table: pd.DataFrame
    people: pd.DataFrame
    kinds: list[Finding]
    images: pd.DataFrame
    sensitivity: pd.DataFrame


def analyse(
    study: Study,
    answers: list[tuple[int, int, str, int]],
    margin: float | None = None,
    max_failed_checks: int | None = None,
) -> Findings:
    """Analyse a study's answers, (participant, position, choice, milliseconds) each.

    Args:
        margin, max_failed_checks: the study's own where None.

    Raises:
        ValueError: nobody's answers can be counted yet, or a margin outside (0, 0.5).
    """
    margin = study.settings.margin if margin is None else margin
    if not 0 < margin < 0.5:
        raise ValueError(f"margin={margin} is not in (0, 0.5).")
    allowed = study.settings.max_failed_checks if max_failed_checks is None else max_failed_checks
    table = pd.DataFrame(result_rows(study, answers), columns=COLUMNS)
    people = describe_people(table, study.settings.plan.length, allowed)
    counted = people.index[people.counted]
    if not len(counted):
        raise ValueError(
            f"none of the {len(people)} participants who answered has finished all"
            f" {study.settings.plan.length} trials with at most {allowed} failed checks: wait for"
            " more, or allow more with --max-failed-checks."
        )
    first = first_showings(table)
    mine = first[first.participant.isin(counted)]
    again = table[(table.repeat_of != "") & table.participant.isin(counted)]
    found = [
        describe_kind(kind, mine[mine.kind == kind], again[again.kind == kind], table, margin)
        for kind in KINDS
        if (mine.kind == kind).any()
    ]
    adjusted = multipletests([finding.people_tests.chance for finding in found], method="holm")[1]
    found = [
        Finding(**vars(finding) | {"chance_holm": float(p)})
        for finding, p in zip(found, adjusted, strict=True)
    ]
    return Findings(
        study,
        margin,
        allowed,
        table,
        people,
        found,
        describe_images(mine),
        sensitivity(first, people, allowed, margin),
    )


def first_showings(table: pd.DataFrame) -> pd.DataFrame:
    """The trials that count for accuracy: no checks, no repeats."""
    return table[(table.kind != "check") & (table.repeat_of == "")]


def describe_people(table: pd.DataFrame, length: int, allowed: int) -> pd.DataFrame:
    """One row a participant; `counted` are those of the primary analysis."""
    groups = table.groupby("participant")
    failed = ((table.kind == "check") & (table.correct == 0)).groupby(table.participant).sum()
    people = pd.DataFrame(
        {
            "answers": groups.size(),
            "failed_checks": failed,
            "median_ms": groups.milliseconds.median(),
        }
    )
    people["finished"] = people.answers == length
    people["counted"] = people.finished & (people.failed_checks <= allowed)
    return people


def describe_kind(
    kind: str, rows: pd.DataFrame, again: pd.DataFrame, table: pd.DataFrame, margin: float
) -> Finding:
    """The finding of one kind from its first showings `rows` and its repeats `again`."""
    correct, trials = per_person(rows)
    if kind == "yesno":
        split = (_by_answer(rows, "generated"), _by_answer(rows, "real"))
        hits, signals, false_alarms, noises = (
            part.to_numpy() for side in split for part in (side["generated"], side["all"])
        )
        sensitivity_index = measures.bootstrap(measures.dprime, hits, signals, false_alarms, noises)
        bias, bias_name = (
            measures.bootstrap(measures.criterion, hits, signals, false_alarms, noises),
            "criterion c",
        )
    else:
        sensitivity_index = measures.bootstrap(measures.dprime_of_pairs, correct, trials)
        bias, bias_name = measures.share(int((rows.choice == "a").sum()), len(rows)), "share of A"
    before = table.set_index(["participant", "position"]).choice
    original = (
        before.loc[list(zip(again.participant, again.repeat_of, strict=True))].to_numpy()
        if len(again)
        else np.array([])
    )
    # A and B changed places in the repeats of pairs, so the same image is the other letter.
    same = int(((again.choice.to_numpy() == original) == (kind == "yesno")).sum())
    chosen = rows.choice == "generated" if kind == "yesno" else rows.correct == 1
    quartiles = tuple(float(value) for value in rows.milliseconds.quantile([0.25, 0.5, 0.75]))
    return Finding(
        kind=kind, participants=len(correct), correct=int(correct.sum()), trials=int(trials.sum()),
        exact=measures.share(int(correct.sum()), int(trials.sum())),
        people=measures.bootstrap(measures.accuracy, correct, trials),
        people_and_images=measures.people_and_images(rows.correct, rows.participant, rows.target),
        answers_tests=measures.tests_of_answers(int(correct.sum()), int(trials.sum()), margin),
        people_tests=measures.tests_of_people(correct, trials, margin), chance_holm=float("nan"),
        dprime=sensitivity_index, bias=bias, bias_name=bias_name,
        consistency=measures.share(same, len(again)), repeats=len(again),
        agreement=measures.agreement(rows.target, chosen),
        milliseconds=quartiles,
        milliseconds_right=float(rows.milliseconds[rows.correct == 1].median()),
        milliseconds_wrong=float(rows.milliseconds[rows.correct == 0].median()),
    )  # fmt: skip


def per_person(rows: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """(correct answers, answers) of each participant."""
    groups = rows.groupby("participant").correct
    return groups.sum().to_numpy(), groups.size().to_numpy()


def _by_answer(rows: pd.DataFrame, answer: str) -> pd.DataFrame:
    """For each participant, of the images that are `answer`: how many there were, and how many were
    called generated."""
    those = rows[rows.answer == answer]
    groups = (those.choice == "generated").groupby(those.participant)
    everyone = rows.participant.drop_duplicates()
    return pd.DataFrame({"generated": groups.sum(), "all": groups.size()}).reindex(
        everyone, fill_value=0
    )


def describe_images(rows: pd.DataFrame) -> pd.DataFrame:
    """One row for each kind and target image: answers, correct, accuracy, low, high (exact),
    median_ms; hardest first."""
    images = rows.groupby(["kind", "target", "origin"]).agg(
        answers=("correct", "size"),
        correct=("correct", "sum"),
        median_ms=("milliseconds", "median"),
    )
    images = images.reset_index()
    intervals = [measures.share(int(row.correct), int(row.answers)) for row in images.itertuples()]
    images[["accuracy", "low", "high"]] = np.array(intervals).reshape(-1, 3)
    return images.sort_values(["kind", "accuracy", "target"]).reset_index(drop=True)


def sensitivity(
    first: pd.DataFrame, people: pd.DataFrame, allowed: int, margin: float
) -> pd.DataFrame:
    """The accuracy of each kind under other exclusion rules."""
    most = int(people.failed_checks.max())
    rules = {f"finished, at most {allowed} failed checks (primary)": people.counted}
    rules |= {
        f"finished, at most {count} failed checks": (
            people.finished & (people.failed_checks <= count)
        )
        for count in range(min(most, 3) + 1)
        if count != allowed
    }
    rules["everyone who finished"] = people.finished
    rules["everyone, unfinished too"] = people.answers > 0
    rules[f"primary without the hasty (median below {HASTY} ms)"] = people.counted & (
        people.median_ms >= HASTY
    )
    rows = []
    for name, kept in rules.items():
        for kind in KINDS:
            those = first[(first.kind == kind) & first.participant.isin(people.index[kept])]
            if len(those):
                correct, trials = per_person(those)
                interval = measures.bootstrap(measures.accuracy, correct, trials)
                tests = measures.tests_of_people(correct, trials, margin)
                rows.append({"rule": name, "kind": kind, "participants": len(correct), "accuracy": interval.estimate, "low": interval.low,
                             "high": interval.high, "p_chance": tests.chance, "p_equivalence": tests.equivalence})  # fmt: skip
    return pd.DataFrame(rows)
