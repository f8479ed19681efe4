"""`report.html` and `results.csv`: the findings, written down for people and for other programs."""

import csv
import html
import math
from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from synthderm.study import plots
from synthderm.study.analyse import ALPHA, HASTY, Finding, Findings, analyse
from synthderm.study.files import Study
from synthderm.study.measures import RESAMPLES, Interval
from synthderm.study.results import COLUMNS
from synthderm.study.store import NotSaved, Store

NAMES = {"yesno": "Real or generated?", "two": "Which one is generated?", "add": "Which one was edited? (eczema added)",
         "remove": "Which one was edited? (eczema removed)"}  # fmt: skip
SENTENCES = {
    "can't tell": "People could not tell: their accuracy is within the margin of chance.",
    "small difference": "Accuracy differs from chance, but by less than the margin.",
    "can tell": (
        "People could tell better than chance, and a difference as large as the margin can't be"
        " excluded."
    ),
    "fooled": (
        "People were wrong more often than chance, and a difference as large as the margin can't be"
        " excluded."
    ),
    "undecided": (
        "Undecided: the answers fit both chance and a difference as large as the margin. More"
        " participants are needed."
    ),
}
STYLE = """
body { max-width: 72rem; margin: 2rem auto; padding: 0 1rem; font: 1rem/1.5 system-ui, sans-serif; color: #1b1b1b; background: #fff; }
table { border-collapse: collapse; margin: 1rem 0; font-size: .9rem; display: block; overflow-x: auto; }
th, td { padding: .25rem .6rem; border-bottom: 1px solid #ccc; text-align: right; white-space: nowrap; }
th:first-child, td:first-child { text-align: left; }
th { border-bottom: 2px solid #555; vertical-align: bottom; white-space: normal; }
caption { text-align: left; font-weight: 600; padding: .25rem 0; }
img { max-width: 100%; height: auto; }
.note { background: #fff4d6; padding: .5rem 1rem; }
"""


def report(
    folder: str | Path,
    out: str | Path | None = None,
    margin: float | None = None,
    max_failed_checks: int | None = None,
) -> str:
    """Analyse a study; write `report.html` and `results.csv` into `out` (the study's folder where
    None); return a summary.

    Raises:
        FileNotFoundError: no study, or no answers; ValueError: nothing to analyse yet, or a value
            out of range.
    """
    study = Study(folder)
    if not study.database.is_file():
        raise FileNotFoundError(
            f"{study.folder} has no answers yet: run `synthderm study serve {study.folder}` and"
            " invite participants."
        )
    try:
        store = Store(study.database)
        answers, participants = store.answers(), store.participants()
        store.close()
    except NotSaved as error:
        raise OSError(f"{study.database} can't be read: {error}.") from None
    found = analyse(study, answers, margin, max_failed_checks)
    out = Path(out or study.folder)
    out.mkdir(parents=True, exist_ok=True)
    with open(out / "results.csv", "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow([*COLUMNS, "counted"])
        counted = set(found.people.index[found.people.counted])
        writer.writerows(
            [*row, int(row[0] in counted)] for row in found.table.itertuples(index=False)
        )
    (out / "report.html").write_text(render(found, participants), encoding="utf-8")
    return summary(found, out)


def summary(found: Findings, out: Path) -> str:
    """The findings in a few lines of text."""
    lines = [
        f"{found.people.counted.sum()} participants counted, of {len(found.people)} who answered;"
        f" margin {found.margin:.0%}."
    ]
    for finding in found.kinds:
        interval = show(finding.people, percent=True)
        lines += [f"{NAMES[finding.kind]:<40} {interval}  {SENTENCES[finding.conclusion]}"]
    return "\n".join([*lines, f"Written: {out / 'report.html'}, {out / 'results.csv'}"])


def render(found: Findings, participants: dict[int, bool]) -> str:
    """The report as one HTML page that needs nothing else; `participants`: number to whether
    withdrawn."""
    title = html.escape(found.study.settings.title)
    parts = [
        f"<h1>{title}</h1>",
        _changes(found),
        "<h2>Findings</h2>",
        *(
            f"<p><b>{NAMES[finding.kind]}</b> {show(finding.people, percent=True)} correct."
            f" {SENTENCES[finding.conclusion]}</p>"
            for finding in found.kinds
        ),
        plots.accuracy(found.kinds, found.margin, NAMES),
        _accuracies(found),
        _tests(found),
        "<h2>Participants</h2>",
        _counts(found, participants),
        plots.people(found),
        _sensitivity(found),
        "<h2>How they answered</h2>",
        _answers(found),
        table(
            "Reaction times, seconds",
            ("question", "median", "quartiles", "median when right", "median when wrong"),
            map(_times, found.kinds),
        ),
        plots.times(found),
        "<h2>Images</h2>",
        plots.images(found),
        *(_hardest(kind, rows) for kind, rows in found.images.groupby("kind", sort=False)),
        _methods(found),
    ]
    head = (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}:'
        f" report</title><style>{STYLE}</style></head><body>"
    )
    return head + "\n".join(parts) + "</body></html>\n"


def _changes(found: Findings) -> str:
    settings = found.study.settings
    rules = (
        ("margin", found.margin, settings.margin),
        ("failed checks allowed", found.max_failed_checks, settings.max_failed_checks),
    )
    changed = "; ".join(
        f"{name} {used} instead of {planned}" for name, used, planned in rules if used != planned
    )
    return f'<p class="note">Changed after the study was built: {changed}.</p>' if changed else ""


def _accuracies(found: Findings) -> str:
    heads = (
        "question",
        "people",
        "correct",
        "if answers are independent (exact)",
        "for other people (bootstrap)",
        "for other people and images",
    )
    rows = []
    for finding in found.kinds:
        intervals = (finding.exact, finding.people, finding.people_and_images)
        rows.append(
            (
                NAMES[finding.kind],
                finding.participants,
                f"{finding.correct} of {finding.trials}",
                *(show(interval, True) for interval in intervals),
            )
        )
    return table("Accuracy with 95 % intervals", heads, rows)


def _tests(found: Findings) -> str:
    heads = (
        "question",
        "difference: people (t)",
        "the same, Holm",
        "difference: answers (binomial)",
        "equivalence: people (t)",
        "equivalence: answers (binomial)",
    )
    rows = []
    for finding in found.kinds:
        people, answers = finding.people_tests, finding.answers_tests
        values = (
            people.chance,
            finding.chance_holm,
            answers.chance,
            people.equivalence,
            answers.equivalence,
        )
        rows.append((NAMES[finding.kind], *map(p_value, values)))
    return table(
        f"p values: difference from 50 %, and equivalence to 50 % &plusmn; {found.margin:.1%}"
        " (TOST)",
        heads,
        rows,
    )


def _counts(found: Findings, participants: dict[int, bool]) -> str:
    people = found.people
    excluded = (
        f"finished, but failed more than {found.max_failed_checks} attention checks (excluded)"
    )
    return table("Who is counted", ("", "number"), (
        ("joined", len(participants)),
        ("withdrew (answers deleted)", sum(participants.values())),
        ("answered at least once", len(people)),
        (f"finished all {found.study.settings.plan.length} trials", people.finished.sum()),
        (excluded, (people.finished & ~people.counted).sum()),
        ("counted", people.counted.sum()),
    ))  # fmt: skip


def _sensitivity(found: Findings) -> str:
    rows = (
        (
            row.rule,
            row.kind,
            row.participants,
            show(Interval(row.accuracy, row.low, row.high), True),
            p_value(row.p_chance),
            p_value(row.p_equivalence),
        )
        for row in found.sensitivity.itertuples()
    )
    return table(
        "The same under other rules",
        ("rule", "kind", "people", "accuracy", "difference p", "equivalence p"),
        rows,
    )


def _answers(found: Findings) -> str:
    heads = (
        "question",
        "d&prime;",
        "bias",
        "same answer to a repeat",
        "Fleiss' kappa",
        "images &times; raters",
    )
    rows = (
        (NAMES[finding.kind], show(finding.dprime), f"{finding.bias_name} {show(finding.bias)}", f"{show(finding.consistency, True)} of {finding.repeats}",
         number(finding.agreement.kappa), f"{finding.agreement.images} &times; {finding.agreement.raters}")
        for finding in found.kinds
    )  # fmt: skip
    return table("Sensitivity, bias, consistency, agreement", heads, rows)


def _hardest(kind: str, images) -> str:
    rows = (
        (
            html.escape(row.origin),
            row.answers,
            show(Interval(row.accuracy, row.low, row.high), True),
            number(row.median_ms / 1000),
        )
        for row in images.head(10).itertuples()
    )
    return table(
        f"{NAMES[kind]} The hardest images",
        ("image", "answers", "accuracy", "median seconds"),
        rows,
    )


def _times(finding: Finding) -> tuple:
    low, middle, high = (number(value / 1000) for value in finding.milliseconds)
    return (
        NAMES[finding.kind],
        middle,
        f"{low} to {high}",
        number(finding.milliseconds_right / 1000),
        number(finding.milliseconds_wrong / 1000),
    )


def _methods(found: Findings) -> str:
    settings = found.study.settings
    plan = settings.plan
    limit = "without a time limit" if settings.seconds is None else f"for {settings.seconds:g} s"
    return f"""<h2>Methods</h2>
<p>Each participant was planned {plan.yesno} yes/no, {plan.two} two-alternative and {plan.edit} edit trials, {plan.repeats} repeats and {plan.checks} attention
checks. Images were {settings.size} px squares, JPEG quality {settings.quality}, shown {limit}. Blocks were ordered by a Latin square; sides were balanced
within participants, images over participants (seed {settings.seed}). Repeats and checks do not count for accuracy.</p>
<p>Margin: {found.margin:.1%}. The conclusions use &alpha; = {ALPHA:g} and the tests of people. Exact intervals: Clopper-Pearson. Tests of answers: exact
binomial, and its TOST; they take answers as independent, and are too sure of themselves where people differ. Tests of people: one-sample t tests of
participants' accuracies, and their TOST; Holm's correction is over the kinds of question. Bootstrap: {RESAMPLES} resamples of participants, widened
percentiles (Hesterberg 2015). People and images: two-way clustered errors. d&prime; and c are pooled over participants with the log-linear correction; c above
0 is a leaning towards "real". Fleiss' kappa uses equally many raters for each image; 0 is agreement by chance. "Hasty" is a median below {HASTY} ms.</p>
<p>{", ".join(f"{name} {_version(name)}" for name in ("synthderm", "scipy", "statsmodels", "numpy"))}.</p>"""


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "(not installed)"


def table(caption: str, heads: Iterable[str], rows: Iterable[Iterable]) -> str:
    """An HTML table; cells are HTML."""
    head = "".join(f"<th scope=col>{name}</th>" for name in heads)
    body = "".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in rows)
    return f"<table><caption>{caption}</caption><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def show(interval: Interval, percent: bool = False) -> str:
    """ "52.1 % (47.0 to 57.3)", or the same as plain numbers."""
    if math.isnan(interval.estimate):
        return "-"
    scale, unit = (100, " %") if percent else (1, "")
    digits = 1 if percent else 2
    ends = (
        ""
        if math.isnan(interval.low)
        else f" ({interval.low * scale:.{digits}f} to {interval.high * scale:.{digits}f})"
    )
    return f"{interval.estimate * scale:.{digits}f}{unit}{ends}"


def number(value: float) -> str:
    return "-" if math.isnan(value) else f"{value:.2f}"


def p_value(value: float) -> str:
    return "-" if math.isnan(value) else "&lt; 0.001" if value < 0.001 else f"{value:.3f}"
