"""`report.html`: an audit for people who were not there."""

import html
import string
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from synthderm import __version__

FOLDER = Path(__file__).parent


def table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """A table; cells are escaped."""

    def cells(row: Sequence[object], tag: str) -> str:
        return "".join(f"<{tag}>{html.escape(str(cell))}</{tag}>" for cell in row)

    body = "".join(f"<tr>{cells(row, 'td')}</tr>" for row in rows)
    return f"<table><tr>{cells(head, 'th')}</tr>{body}</table>"


def paragraph(text: str) -> str:
    """Plain text as a paragraph."""
    return f"<p>{html.escape(text)}</p>"


def share_text(share: Mapping[str, Any], digits: int = 1) -> str:
    """As in "3 of 500 (0.6%, 0.1% to 1.7%)"."""
    low, high = (f"{100 * share[key]:.{digits}f}%" for key in ("low", "high"))
    return (
        f"{share['found']:,} of {share['total']:,} ({100 * share['share']:.{digits}f}%, {low} to"
        f" {high})"
    )


def render_page(report: Mapping[str, Any], sections: Mapping[str, str]) -> str:
    """The page.

    Args:
        report: what `report.json` holds.
        sections: HTML of each section, by its title.
    """
    template = string.Template((FOLDER / "report.html").read_text(encoding="utf-8"))
    kinds = ("samples", "real", "holdout")
    rows = [
        (kind, one["place"], f"{one['images']:,}", one["sizes"], len(one["unreadable"]))
        for kind in kinds
        if (one := report[kind]) is not None
    ]
    head = ["", "from", "images", "sizes of files", "unreadable files"]
    passed = report["passed"]
    return template.substitute(
        source=html.escape(str(report["samples"]["place"])),
        style=(FOLDER / "report.css").read_text(encoding="utf-8"),
        verdict="passed" if passed else "failed",
        verdict_text="Passed." if passed else "Failed.",
        reason=html.escape(report["reason"]),
        notes="".join(map(paragraph, report["notes"])),
        inputs=table(head, rows),
        sections="".join(
            f"<h2>{html.escape(title)}</h2>{body}" for title, body in sections.items()
        ),
        version=__version__,
        extractor=html.escape(report["settings"]["extractor"]),
        seed=report["settings"]["seed"],
        side=report["settings"]["size"],
        seconds=f"{report['seconds']:.0f}",
    )
