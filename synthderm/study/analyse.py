"""From answers to findings.

The primary analysis counts participants who finished and failed no more attention checks than the
study allows. Of their trials it counts the first showings. `analyse_sensitivity` repeats it under
other exclusion rules.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd
from statsmodels.stats.multitest import multipletests

from synthderm.study import measures
from synthderm.study.findings import Finding, Findings
from synthderm.study.measures import Interval
from synthderm.study.plan import KINDS
from synthderm.study.results import COLUMNS, result_rows
from synthderm.study.store import Answer
from synthderm.study.study_folder import Study

HASTY = 250  # milliseconds; nobody looks and decides faster


def analyse(
    study: Study,
    answers: Sequence[Answer],
    margin: float | None = None,
    max_failed_checks: int | None = None,
) -> Findings:
    """Analyse the answers to a study.

    Args:
        study: what was asked.
        answers: (participant, position, choice, milliseconds) each.
        margin, max_failed_checks: the study's where None.

    Raises:
        ValueError: no participant can be counted yet, or a value out of range.
    """
    rules = study.settings
    if margin is not None:
        rules = replace(rules, margin=margin)
    if max_failed_checks is not None:
        rules = replace(rules, max_failed_checks=max_failed_checks)
    allowed = rules.max_failed_checks
    length = study.settings.plan.length
    table = pd.DataFrame(result_rows(study, answers), columns=COLUMNS)
    people = describe_people(table, length, allowed)
    counted = people.index[people.counted]
    if not len(counted):
        raise ValueError(
            f"none of the {len(people)} participants who answered has finished all {length} trials"
            f" with at most {allowed} failed checks: wait for more, or allow more with"
            " --max-failed-checks."
        )
    # What counts for accuracy: no attention checks, no repeats.
    first = table[(table.kind != "check") & (table.repeat_of == "")]
    rows = first[first.participant.isin(counted)]
    repeats = table[(table.repeat_of != "") & table.participant.isin(counted)]
    kinds = [
        describe_kind(
            kind, rows[rows.kind == kind], repeats[repeats.kind == kind], table, rules.margin
        )
        for kind in KINDS
        if (rows.kind == kind).any()
    ]
    # Holm's correction of the tests against chance, over the kinds of question.
    corrected = multipletests([finding.people_tests.chance for finding in kinds], method="holm")[1]
    return Findings(
        study=study,
        rules=rules,
        table=table,
        people=people,
        answers=rows,
        kinds=[replace(finding, chance_holm=float(p)) for finding, p in zip(kinds, corrected)],
        images=describe_images(rows),
        sensitivity_analysis=analyse_sensitivity(first, people, allowed, rules.margin),
    )


def describe_people(table: pd.DataFrame, length: int, allowed: int) -> pd.DataFrame:
    """One row for each participant; `counted` are those of the primary analysis."""
    groups = table.groupby("participant")
    is_failed_check = (table.kind == "check") & (table.correct == 0)
    people = pd.DataFrame(
        {
            "answers": groups.size(),
            "failed_checks": is_failed_check.groupby(table.participant).sum(),
            "median_ms": groups.milliseconds.median(),
        }
    )
    people["finished"] = people.answers == length
    people["counted"] = people.finished & (people.failed_checks <= allowed)
    return people


def describe_kind(
    kind: str, rows: pd.DataFrame, repeats: pd.DataFrame, table: pd.DataFrame, margin: float
) -> Finding:
    """The finding of one kind of question.

    Args:
        kind: one of `plan.KINDS`.
        rows: its first showings.
        repeats: its repeats.
        table: all answers; the first showings of the repeats are looked up here.
        margin: of the equivalence tests.
    """
    correct, trials = count_per_person(rows)
    total_correct, total = int(correct.sum()), int(trials.sum())
    is_yesno = kind == "yesno"
    if is_yesno:
        dprime, bias = _yesno_indices(rows)
    else:
        dprime = measures.bootstrap(measures.dprime_of_pairs, correct, trials)
        bias = measures.share(int((rows.choice == "a").sum()), len(rows))
    low, middle, high = rows.milliseconds.quantile([0.25, 0.5, 0.75])
    return Finding(
        kind=kind,
        participants=len(correct),
        correct=total_correct,
        trials=total,
        exact=measures.share(total_correct, total),
        people=measures.bootstrap(measures.accuracy, correct, trials),
        people_and_images=measures.people_and_images(rows.correct, rows.participant, rows.target),
        answers_tests=measures.tests_of_answers(total_correct, total, margin),
        people_tests=measures.tests_of_people(correct, trials, margin),
        chance_holm=float("nan"),
        dprime=dprime,
        bias=bias,
        bias_name="criterion c" if is_yesno else "share of A",
        consistency=measures.share(_count_consistent(repeats, table, is_yesno), len(repeats)),
        repeats=len(repeats),
        agreement=measures.agreement(
            rows.target, rows.choice == "generated" if is_yesno else rows.correct == 1
        ),
        milliseconds=(float(low), float(middle), float(high)),
        milliseconds_right=float(rows.milliseconds[rows.correct == 1].median()),
        milliseconds_wrong=float(rows.milliseconds[rows.correct == 0].median()),
    )


def count_per_person(rows: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """(correct answers, answers) of each participant."""
    groups = rows.groupby("participant").correct
    return groups.sum().to_numpy(), groups.size().to_numpy()


def _yesno_indices(rows: pd.DataFrame) -> tuple[Interval, Interval]:
    """d' and criterion c of yes/no trials."""
    is_signal = rows.answer == "generated"
    is_called = rows.choice == "generated"
    counts = [
        is_counted.groupby(rows.participant).sum().to_numpy()
        for is_counted in (is_called & is_signal, is_signal, is_called & ~is_signal, ~is_signal)
    ]
    return (
        measures.bootstrap(measures.dprime, *counts),
        measures.bootstrap(measures.criterion, *counts),
    )


def _count_consistent(repeats: pd.DataFrame, table: pd.DataFrame, is_yesno: bool) -> int:
    """How many repeats got the same answer as the first showing."""
    if repeats.empty:
        return 0
    choices = table.set_index(["participant", "position"]).choice
    first = choices.loc[list(zip(repeats.participant, repeats.repeat_of))].to_numpy()
    # Repeats of pairs exchange A and B, so there the same image has the other letter.
    return int(((repeats.choice.to_numpy() == first) == is_yesno).sum())


def describe_images(rows: pd.DataFrame) -> pd.DataFrame:
    """One row for each kind and target image, hardest first.

    Columns: kind, target, origin, answers, correct, median_ms, accuracy, low, high (exact).
    """
    groups = rows.groupby(["kind", "target", "origin"])
    images = groups.agg(
        answers=("correct", "size"),
        correct=("correct", "sum"),
        median_ms=("milliseconds", "median"),
    ).reset_index()
    intervals = [measures.share(int(row.correct), int(row.answers)) for row in images.itertuples()]
    images[["accuracy", "low", "high"]] = np.array(intervals).reshape(-1, 3)
    return images.sort_values(["kind", "accuracy", "target"]).reset_index(drop=True)


def analyse_sensitivity(
    first: pd.DataFrame, people: pd.DataFrame, allowed: int, margin: float
) -> pd.DataFrame:
    """The accuracy and tests of each kind of question under each exclusion rule."""
    rows = []
    for rule, kept in _exclusion_rules(people, allowed).items():
        answers = first[first.participant.isin(people.index[kept])]
        for kind in KINDS:
            selected = answers[answers.kind == kind]
            if selected.empty:
                continue
            correct, trials = count_per_person(selected)
            interval = measures.bootstrap(measures.accuracy, correct, trials)
            tests = measures.tests_of_people(correct, trials, margin)
            rows.append(
                {
                    "rule": rule,
                    "kind": kind,
                    "participants": len(correct),
                    "accuracy": interval.estimate,
                    "low": interval.low,
                    "high": interval.high,
                    "p_chance": tests.chance,
                    "p_equivalence": tests.equivalence,
                }
            )
    return pd.DataFrame(rows)


def _exclusion_rules(people: pd.DataFrame, allowed: int) -> dict[str, pd.Series]:
    """For each rule its name, and for each participant whether it keeps them."""
    rules = {f"finished, at most {allowed} failed checks (primary)": people.counted}
    for count in range(min(int(people.failed_checks.max()), 3) + 1):
        if count != allowed:
            kept = people.finished & (people.failed_checks <= count)
            rules[f"finished, at most {count} failed checks"] = kept
    rules["everyone who finished"] = people.finished
    rules["everyone, unfinished too"] = people.answers > 0
    is_slow = people.median_ms >= HASTY
    rules[f"primary without the hasty (median below {HASTY} ms)"] = people.counted & is_slow
    return rules
