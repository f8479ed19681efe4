"""Pieces of Markdown that all sections of docs/benchmarks.md use."""

import textwrap
from collections.abc import Sequence
from statistics import mean, stdev
from typing import Any


def table(head: Sequence[Any], rows: Sequence[Sequence[Any]]) -> list[str]:
    """The lines of a table, with an empty line after it."""
    lines = [head, ["---"] * len(head), *rows]
    return ["| " + " | ".join(map(str, line)) + " |" for line in lines] + [""]


def paragraph(text: str) -> list[str]:
    """The lines of a paragraph, or of an item of a list, of at most 100 characters where words
    allow it; with no empty line after it."""
    indent = "  " if text.startswith("- ") else ""
    return textwrap.wrap(
        text, 100, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False
    )


def describe_run(result: dict[str, Any]) -> str:
    """What `benchmarks.common.provenance` recorded, as a sentence."""
    return (
        f"commit `{result['commit'][:10]}`, {result['date']}, torch {result['versions']['torch']}, "
        f"{result['hardware']}."
    )


def mean_text(values: Sequence[float], digits: int = 3) -> str:
    """The mean, with the standard deviation over the seeds where there are several."""
    text = f"{mean(values):.{digits}f}"
    return text if len(values) == 1 else f"{text} ± {stdev(values):.{digits}f}"


def verdict(met: bool) -> str:
    """Whether a goal was met."""
    return "met" if met else "**missed**"
