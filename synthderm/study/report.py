"""`synthderm study analyse`: the findings as `report.html` and `results.csv`."""

import html
import string
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path

from synthderm import __version__
from synthderm.files import atomic_path, write_text
from synthderm.study import plots, tables
from synthderm.study.analyse import HASTY, analyse
from synthderm.study.findings import ALPHA, Findings
from synthderm.study.measures import RESAMPLES
from synthderm.study.store import open_store
from synthderm.study.study_folder import PAGES, Study, writing_to
from synthderm.study.tables import NAMES, format_percent

CONCLUSIONS = {
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


def report(
    folder: str | Path,
    out: str | Path | None = None,
    margin: float | None = None,
    max_failed_checks: int | None = None,
) -> str:
    """Analyse a study and write `report.html` and `results.csv`.

    Args:
        folder: the study's folder.
        out: where to write; the study's folder where None.
        margin, max_failed_checks: other rules than the study's; the report then says so.

    Returns:
        A summary in a few lines.

    Raises:
        FileNotFoundError: no study, or no answers.
        OSError: the answers can't be read, or `out` can't be written.
        ValueError: nothing to analyse yet, or a value out of range.
    """
    study = Study(folder)
    with open_store(study.database) as store:
        answers, participants = store.answers(), store.participants()
    findings = analyse(study, answers, margin, max_failed_checks)
    out = Path(out or study.folder)
    is_counted = findings.table.participant.map(findings.people.counted).astype(int)
    with writing_to(out):
        out.mkdir(parents=True, exist_ok=True)
        with atomic_path(out / "results.csv") as part:
            table = findings.table.assign(counted=is_counted)
            table.to_csv(part, index=False, lineterminator="\r\n")
        write_text(out / "report.html", render_report(findings, participants))
    return summarise(findings, out)


def summarise(findings: Findings, out: Path) -> str:
    """The findings in a few lines of text."""
    people = findings.people
    lines = [
        f"{people.counted.sum()} participants counted, of {len(people)} who answered;"
        f" margin {findings.rules.margin:.0%}."
    ]
    for finding in findings.kinds:
        interval = format_percent(finding.people)
        lines.append(f"{NAMES[finding.kind]:<40} {interval}  {CONCLUSIONS[finding.conclusion]}")
    lines.append(f"Written: {out / 'report.html'}, {out / 'results.csv'}")
    return "\n".join(lines)


def render_report(findings: Findings, participants: Mapping[int, bool]) -> str:
    """The report as one HTML page that needs no other file.

    Args:
        findings: what to report.
        participants: for each participant whether they have withdrawn.
    """
    template = string.Template((PAGES / "report.html").read_text(encoding="utf-8"))
    kinds = findings.kinds
    images = findings.images.groupby("kind", sort=False)
    conclusions = [
        f"<p><b>{NAMES[finding.kind]}</b> {format_percent(finding.people)} correct."
        f" {CONCLUSIONS[finding.conclusion]}</p>"
        for finding in kinds
    ]
    return template.substitute(
        _methods(findings),
        style=(PAGES / "report.css").read_text(encoding="utf-8"),
        title=html.escape(findings.study.settings.title),
        changed_rules=_changed_rules(findings),
        conclusions="\n".join(conclusions),
        accuracy_plot=plots.plot_accuracy(kinds, findings.rules.margin, NAMES),
        accuracy_table=tables.accuracy_table(findings),
        tests_table=tables.tests_table(findings),
        participants_table=tables.participants_table(findings, participants),
        people_plot=plots.plot_people(findings),
        sensitivity_table=tables.sensitivity_table(findings),
        answers_table=tables.answers_table(findings),
        times_table=tables.times_table(findings),
        times_plot=plots.plot_times(findings),
        images_plot=plots.plot_images(findings),
        images_tables="\n".join(tables.hardest_images_table(kind, rows) for kind, rows in images),
    )


def _changed_rules(findings: Findings) -> str:
    """A note on the rules that are not those of the study."""
    planned, used = findings.study.settings, findings.rules
    rules = (
        ("margin", used.margin, planned.margin),
        ("failed checks allowed", used.max_failed_checks, planned.max_failed_checks),
    )
    changed = [f"{name} {new} instead of {old}" for name, new, old in rules if new != old]
    if not changed:
        return ""
    return f'<p class="note">Changed after the study was built: {"; ".join(changed)}.</p>'


def _methods(findings: Findings) -> dict[str, object]:
    """The values that the section on methods names."""
    settings = findings.study.settings
    no_limit = settings.seconds is None
    versions = [f"{name} {version(name)}" for name in ("scipy", "statsmodels", "numpy")]
    return vars(settings.plan) | {
        "size": settings.size,
        "quality": settings.quality,
        "seed": settings.seed,
        "limit": "without a time limit" if no_limit else f"for {settings.seconds:g} s",
        "margin": f"{findings.rules.margin:.1%}",
        "alpha": f"{ALPHA:g}",
        "resamples": RESAMPLES,
        "hasty": HASTY,
        "versions": ", ".join([f"synthderm {__version__}", *versions]),
    }
