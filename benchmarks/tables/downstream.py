"""The section of docs/benchmarks.md on classifiers trained with generated images: which goals were
met, two figures, and a table for each task, amount and setting."""

from pathlib import Path
from typing import Any, NamedTuple

from benchmarks.downstream.protocol import MEASURES, TITLES
from benchmarks.tables.markdown import paragraph, table, verdict

# Figures that are shown beside the main one, by task.
OTHERS = {"A": ("AUROC", "ECE", "recall"), "B": ("balanced accuracy", "ECE"), "C": ()}


class Goal(NamedTuple):
    """What our best arm should gain over the best classical one, in points."""

    gain: float
    significant: bool  # whether the interval has to lie above 0


GOALS = {
    ("A", "10%"): Goal(3.0, True),
    ("A", "100%"): Goal(-0.5, False),
    ("B", "5"): Goal(5.0, False),
    ("C", "10%"): Goal(2.0, False),
}


def downstream_section(summary: dict[str, Any], folder: Path) -> list[str]:
    """The lines of the section.

    Args:
        summary: content of summary.json.
        folder: of the summary, which holds the two figures as well.
    """
    lines = [*introduction(summary), *goal_table(summary["tasks"])]
    for figure in ("dose", "curves"):
        if (folder / f"{figure}.png").is_file():
            path = f"../benchmarks/results/downstream/{folder.name}/{figure}.png"
            lines += [f"![{figure}]({path})", ""]
    for task, content in summary["tasks"].items():
        for amount, entry in content["amounts"].items():
            lines += arm_table(task, amount, content, entry)
    commits = ", ".join(f"`{commit}`" for commit in summary["commits"])
    hardware = "; ".join(summary["hardware"])
    torch = summary["versions"]["torch"]
    closing = f"Commits {commits}, {summary['date']}, torch {torch}, {hardware}."
    return [*lines, *paragraph(closing), ""]


def introduction(summary: dict[str, Any]) -> list[str]:
    protocol, runs, hours = summary["protocol"], summary["runs"], summary["core hours"]
    size = protocol["size"]
    text = (
        "What is compared and why it is fair: [downstream.md](downstream.md). All figures are in "
        "percent. Differences are in points, with 95% intervals over test photographs and seeds; p "
        "values are corrected for the number of arms (Holm). *pretrained*: the generator was "
        "trained on all of `train`. *own*: it was trained on nothing but the classifier's training "
        "photographs."
    )
    return [
        f"## Classifiers: `{protocol['model']}` at {size} px, {runs} runs, {hours:.1f} core-hours",
        "",
        *paragraph(text),
        "",
    ]


def goal_table(tasks: dict[str, Any]) -> list[str]:
    """The goals. Both arms are chosen on val, so that luck on test does not choose them."""
    rows = []
    for (task, amount), goal in GOALS.items():
        entry = tasks.get(task, {"amounts": {}})["amounts"].get(f"{amount} pretrained")
        ours = entry and entry["best of ours on val"]
        gain = ours and entry["arms"][ours].get("vs best classical")
        if gain:
            is_clear = gain["low"] > 0 or not goal.significant
            rows.append(
                [
                    f"{task}, {amount}",
                    MEASURES[task],
                    ours,
                    entry["best classical on val"],
                    f"≥ {goal.gain:+g}{', interval above 0' if goal.significant else ''}",
                    gain_text(gain),
                    verdict(100 * gain["difference"] >= goal.gain and is_clear),
                ]
            )
    head = [
        "",
        "measure",
        "our best arm on `val`",
        "best classical arm on `val`",
        "goal",
        "difference on `test`",
        "",
    ]
    return table(head, rows) if rows else []


def arm_table(task: str, amount: str, content: dict[str, Any], entry: dict[str, Any]) -> list[str]:
    """The lines on one task, amount and setting."""
    head = [
        "arm",
        "seeds",
        MEASURES[task],
        "against real",
        "against best classical",
        "p",
        *OTHERS[task],
        "worst skin tone group",
    ]
    best = entry["best classical on val"]
    lines = [
        f"### {task}: {TITLES[task]}, {amount}",
        "",
        f"{content['test']} test images; best classical arm on `val`: {best}.",
        "",
        *table(head, [arm_row(task, name, arm) for name, arm in entry["arms"].items()]),
    ]
    fidelity = entry["arms"].get("real", {}).get("label fidelity")
    if fidelity:
        shares = ", ".join(
            f"{name} {100 * share:.0f}%" for name, share in zip(content["classes"], fidelity)
        )
        text = (
            "Generated images that the classifier of the arm `real` takes for the class asked for"
        )
        lines += [*paragraph(f"{text}: {shares}."), ""]
    return lines


def arm_row(task: str, name: str, arm: dict[str, Any]) -> list[str]:
    spread = "" if arm["sd"] is None else f" ± {100 * arm['sd']:.1f}"
    gain = arm.get("vs best classical")
    row = [
        name,
        str(len(arm["seeds"])),
        f"{100 * arm['mean']:.1f}{spread}",
        gain_text(arm.get("vs real")),
        gain_text(gain),
        "" if gain is None else f"{gain['p holm']:.3f}",
    ]
    for key in OTHERS[task]:
        value = arm["others"][key]
        if isinstance(value, dict):
            row.append(" / ".join(f"{100 * part:.0f}" for part in value.values()))
        else:
            row.append(f"{100 * value:.1f}")
    worst = arm["others"]["worst tone"]
    if worst is None:
        return [*row, ""]
    return [*row, f"{100 * worst['value']:.1f}, {worst['group'].partition(' (')[0]}"]


def gain_text(gain: dict[str, Any] | None) -> str:
    """A difference with its interval, in points."""
    if gain is None:
        return ""
    low, high = 100 * gain["low"], 100 * gain["high"]
    return f"{100 * gain['difference']:+.1f} [{low:+.1f}, {high:+.1f}]"
