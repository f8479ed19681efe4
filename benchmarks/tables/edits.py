"""The section of docs/benchmarks.md on task B: inflamed or healthy skin, with edits."""

from typing import Any

from benchmarks.heads.edit_arms import ARMS, OURS
from benchmarks.heads.edit_summary import CLOSE_UPS
from benchmarks.tables.heads import points
from benchmarks.tables.markdown import describe_run, paragraph, table, verdict
from benchmarks.tables.tones import sentence

GOAL = 0.85  # AUROC without an inflamed photograph
MEANINGS = {
    "patches": "patches of `val` and `test` of PAD-UFES-20",
    "boxes": "boxes of photographs of other sources",
}


def edits_section(result: dict[str, Any]) -> list[str]:
    """The lines of the section, from the content of edits.json."""
    healthy = ", ".join(f"{count} of {name}" for name, count in result["healthy"].items())
    text = (
        f"Heads on {result['classifier']} at {result['side']} px learn from healthy skin"
        f" ({healthy}) and 0, 5, 20 or all {result['inflamed']} inflamed patches of PAD-UFES-20"
        f" `train`, {result['draws']} draws by patient (3 of all). AUROC in points with 95%"
        " intervals over draws and patients or photographs. Arms with made images choose their"
        " share of the inflamed images by cross-validation within the draw. Hands and dermoscopy"
        " show no inflamed skin: all that these heads know of it are edits."
    )
    lines = ["## B: inflamed or healthy skin, with edits", "", *paragraph(text), ""]
    for name, entries in result["tables"].items():
        counts = result["tests"][name]
        lines += [f"### B, tested on {MEANINGS[name]}", ""]
        lines += paragraph(
            f"{counts['inflamed']} inflamed and {counts['images'] - counts['inflamed']} healthy"
            f" images of {counts['groups']} patients or photographs. The goal without an inflamed"
            f" photograph: {100 * GOAL:g}."
        )
        lines += ["", *arm_table(entries, result["amounts"])]
        lines += [*paragraph(f"*{OURS}* against:"), ""]
        lines += comparison_table(result["comparisons"][name])
    return [*lines, *paragraph(sentence(describe_run(result))), ""]


def arm_table(entries: list[dict[str, Any]], amounts: list[str]) -> list[str]:
    """A row for each source and arm, a column for each number of inflamed photographs."""
    cells = {(one["source"], one["arm"], one["amount"]): figure_cell(one) for one in entries}
    sources = dict.fromkeys(one["source"] for one in entries)
    rows = [
        [arm, source, *(cells.get((source, arm, amount), "") for amount in amounts)]
        for source in sorted(sources, key=lambda name: name != CLOSE_UPS)
        for arm in ARMS
        if any((source, arm, amount) in cells for amount in amounts)
    ]
    return table(["arm", "healthy skin", *(f"{amount} inflamed" for amount in amounts)], rows)


def figure_cell(entry: dict[str, Any]) -> str:
    text = f"{100 * entry['mean']:.1f} [{100 * entry['low']:.1f}, {100 * entry['high']:.1f}]"
    is_goal = entry["amount"] == "0" and entry["arm"] == OURS
    return f"{text}, {verdict(entry['mean'] >= GOAL)}" if is_goal else text


def comparison_table(entries: list[dict[str, Any]]) -> list[str]:
    rows = [
        [
            entry["source"],
            entry["amount"],
            entry["against"] + (f" ({entry['is']})" if entry["is"] != entry["against"] else ""),
            points(entry),
            f"{entry['p holm']:.3f}",
        ]
        for entry in entries
    ]
    return table(["healthy skin", "inflamed", "against", "AUROC", "p (Holm)"], rows)
