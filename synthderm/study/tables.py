"""The tables of the report, as HTML."""

import html
import math
from collections.abc import Iterable, Mapping

import pandas as pd

from synthderm.study.findings import Findings
from synthderm.study.measures import Interval

NAMES = {
    "yesno": "Real or generated?",
    "two": "Which one is generated?",
    "add": "Which one was edited? (eczema added)",
    "remove": "Which one was edited? (eczema removed)",
}


def table(caption: str, heads: Iterable[str], rows: Iterable[Iterable[object]]) -> str:
    """An HTML table; all texts are HTML already."""
    head = "".join(f"<th scope=col>{name}</th>" for name in heads)
    body = "".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in rows)
    return (
        f"<table><caption>{caption}</caption><thead><tr>{head}</tr></thead>"
        f"<tbody>{body}</tbody></table>"
    )


def format_interval(interval: Interval, scale: int = 1, digits: int = 2, unit: str = "") -> str:
    """ "0.52 (0.47 to 0.57)", "0.52" where there is no interval, or "-" without an estimate."""
    if math.isnan(interval.estimate):
        return "-"
    estimate, low, high = (f"{value * scale:.{digits}f}" for value in interval)
    ends = "" if math.isnan(interval.low) else f" ({low} to {high})"
    return f"{estimate}{unit}{ends}"


def format_percent(interval: Interval) -> str:
    """ "52.1 % (47.0 to 57.3)"."""
    return format_interval(interval, 100, 1, " %")


def format_number(value: float) -> str:
    """Two decimals, or "-" for nan."""
    return "-" if math.isnan(value) else f"{value:.2f}"


def format_seconds(milliseconds: float) -> str:
    """Seconds with two decimals, or "-" for nan."""
    return format_number(milliseconds / 1000)


def format_p(value: float) -> str:
    """A p value with three decimals, or "-" for nan."""
    if math.isnan(value):
        return "-"
    return "&lt; 0.001" if value < 0.001 else f"{value:.3f}"


def accuracy_table(findings: Findings) -> str:
    """Accuracy with its three intervals."""
    return table(
        "Accuracy with 95 % intervals",
        heads=(
            "question",
            "people",
            "correct",
            "if answers are independent (exact)",
            "for other people (bootstrap)",
            "for other people and images",
        ),
        rows=(
            (
                NAMES[finding.kind],
                finding.participants,
                f"{finding.correct} of {finding.trials}",
                format_percent(finding.exact),
                format_percent(finding.people),
                format_percent(finding.people_and_images),
            )
            for finding in findings.kinds
        ),
    )


def tests_table(findings: Findings) -> str:
    """The p values of all tests."""
    return table(
        "p values: difference from 50 %, and equivalence to 50 % &plusmn;"
        f" {findings.rules.margin:.1%} (TOST)",
        heads=(
            "question",
            "difference: people (t)",
            "the same, Holm",
            "difference: answers (binomial)",
            "equivalence: people (t)",
            "equivalence: answers (binomial)",
        ),
        rows=(
            (
                NAMES[finding.kind],
                format_p(finding.people_tests.chance),
                format_p(finding.chance_holm),
                format_p(finding.answers_tests.chance),
                format_p(finding.people_tests.equivalence),
                format_p(finding.answers_tests.equivalence),
            )
            for finding in findings.kinds
        ),
    )


def participants_table(findings: Findings, participants: Mapping[int, bool]) -> str:
    """Who is counted; `participants` tells for each number whether they have withdrawn."""
    people = findings.people
    allowed = findings.rules.max_failed_checks
    rows = (
        ("joined", len(participants)),
        ("withdrew (answers deleted)", sum(participants.values())),
        ("answered at least once", len(people)),
        (f"finished all {findings.study.settings.plan.length} trials", people.finished.sum()),
        (
            f"finished, but failed more than {allowed} attention checks (excluded)",
            (people.finished & ~people.counted).sum(),
        ),
        ("counted", people.counted.sum()),
    )
    return table("Who is counted", ("", "number"), rows)


def sensitivity_table(findings: Findings) -> str:
    """The accuracy under other exclusion rules."""
    return table(
        "The same under other rules",
        heads=("rule", "kind", "people", "accuracy", "difference p", "equivalence p"),
        rows=(
            (
                row.rule,
                row.kind,
                row.participants,
                format_percent(Interval(row.accuracy, row.low, row.high)),
                format_p(row.p_chance),
                format_p(row.p_equivalence),
            )
            for row in findings.sensitivity_analysis.itertuples()
        ),
    )


def answers_table(findings: Findings) -> str:
    """Sensitivity, bias, consistency and agreement."""
    return table(
        "Sensitivity, bias, consistency, agreement",
        heads=(
            "question",
            "d&prime;",
            "bias",
            "same answer to a repeat",
            "Fleiss' kappa",
            "images &times; raters",
        ),
        rows=(
            (
                NAMES[finding.kind],
                format_interval(finding.dprime),
                f"{finding.bias_name} {format_interval(finding.bias)}",
                f"{format_percent(finding.consistency)} of {finding.repeats}",
                format_number(finding.agreement.kappa),
                f"{finding.agreement.images} &times; {finding.agreement.raters}",
            )
            for finding in findings.kinds
        ),
    )


def times_table(findings: Findings) -> str:
    """Reaction times."""
    return table(
        "Reaction times, seconds",
        heads=("question", "median", "quartiles", "median when right", "median when wrong"),
        rows=(
            (
                NAMES[finding.kind],
                format_seconds(finding.milliseconds[1]),
                f"{format_seconds(finding.milliseconds[0])} to"
                f" {format_seconds(finding.milliseconds[2])}",
                format_seconds(finding.milliseconds_right),
                format_seconds(finding.milliseconds_wrong),
            )
            for finding in findings.kinds
        ),
    )


def hardest_images_table(kind: str, images: pd.DataFrame, count: int = 10) -> str:
    """The images of one kind of question that participants got wrong most often."""
    return table(
        f"{NAMES[kind]} The hardest images",
        heads=("image", "answers", "accuracy", "median seconds"),
        rows=(
            (
                html.escape(row.origin),
                row.answers,
                format_percent(Interval(row.accuracy, row.low, row.high)),
                format_seconds(row.median_ms),
            )
            for row in images.head(count).itertuples()
        ),
    )
