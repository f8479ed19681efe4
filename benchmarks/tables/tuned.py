"""The section of docs/benchmarks.md on fine-tuned networks."""

from typing import Any

from benchmarks.tables.heads import points
from benchmarks.tables.markdown import describe_run, paragraph, table

TITLES = {
    "A": "three diagnoses",
    "C": "where the lesion is",
}
TESTS = {"test": "the same collection", "other": "PAD-UFES-20, photographs by phone"}


def tuned_section(summary: dict[str, Any]) -> list[str]:
    """The lines of the section, from the content of summary.json."""
    text = (
        f"{summary['runs']} networks, {summary['core hours']:.1f} core-hours, images of "
        f"{summary['side']} px. Each is fine-tuned until its figure on `val` no longer rises. "
        "Figures in percent, differences in points, with 95% intervals over draws and test "
        "photographs (patients) together; p values are corrected for the number of comparisons "
        "(Holm). What is compared: [downstream.md](downstream.md#fine-tuned-networks)."
    )
    network = summary["network"]["model"]
    lines = [f"## Does it help? Fine-tuned `{network}`", "", *paragraph(text), ""]
    for name, task in summary["tasks"].items():
        for cell in task["cells"]:
            lines += cell_lines(name, task["measure"], cell)
    described = describe_run(summary)
    return [*lines, *paragraph(described[:1].upper() + described[1:]), ""]


def cell_lines(name: str, measure: str, cell: dict[str, Any]) -> list[str]:
    """One task, amount and set of test photographs."""
    title = (
        f"### {name}: {TITLES[name]}, {cell['photographs']} photographs, tested on "
        f"{TESTS[cell['test']]}"
    )
    rows = [
        [
            arm,
            f"{100 * figure['mean']:.1f} [{100 * figure['low']:.1f}, {100 * figure['high']:.1f}]",
            f"{figure['best step']:.0f}",
            *against(cell, arm),
        ]
        for arm, figure in cell["arms"].items()
    ]
    head = ["arm", measure, "steps", f"*{cell['ours']}* against it", "p (Holm)"]
    text = f"{cell['test images']} test photographs, {cell['draws']} draws."
    return [title, "", *paragraph(text), "", *table(head, rows)]


def against(cell: dict[str, Any], arm: str) -> list[str]:
    """What ours gains over an arm, and the p value."""
    entry = cell["against"].get(arm)
    return ["", ""] if entry is None else [points(entry), f"{entry['p holm']:.3f}"]
