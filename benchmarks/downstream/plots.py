"""The two figures: dose-response (how many generated images) and learning curves (how many
photographs)."""

from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from benchmarks.downstream.protocol import AMOUNTS, MEASURES, TITLES

COLORS = {
    "real": "#777777",
    "oversample": "#b35900",
    "copy-paste": "#8a5a9e",
    "balancing": "#1f4673",
    "synthetic x1": "#2a8f86",
    "synthetic first, then oversample": "#d0a100",
    "oversample + eczema edit 0.1, wide": "#b3204d",
    "eczema edit 0.5, wide": "#e0909a",
}
# Generated images for each real one.
DOSES = {
    "real": 0.0,
    "synthetic x0.5": 0.5,
    "synthetic x1": 1.0,
    "synthetic x2": 2.0,
    "synthetic x5": 5.0,
}

Entry = dict[str, Any]  # figures of an arm


def plot_dose_response(summary: dict[str, Any], path: Path) -> bool:
    """Tasks A and C: the measure over generated images for each real one, with 95% intervals, and
    the best classical arm as a band. False where there are fewer than three doses."""
    panels = [
        (task, amount, entry)
        for task in ("A", "C")
        for amount, entry in summary["tasks"].get(task, {"amounts": {}})["amounts"].items()
        if sum(name in entry["arms"] for name in DOSES) > 2
    ]
    if not panels:
        return False
    figure, grid = _figure(len(panels))
    for axes, (task, amount, entry) in zip(grid, panels):
        names = [name for name in DOSES if name in entry["arms"]]
        doses = [DOSES[name] for name in names]
        entries = [entry["arms"][name] for name in names]
        _line(axes, doses, entries, COLORS["balancing"], "generated, equal shares")
        best = entry["best classical on val"]
        if best is not None and best != "real":
            _band(axes, entry["arms"][best], COLORS["oversample"], f"best classical on val: {best}")
        axes.set(
            title=f"{TITLES[task]}\n{amount} of the photographs".replace(" pretrained", ""),
            xlabel="generated images for each real one",
            ylabel=MEASURES[task],
        )
        _legend(axes)
    figure.savefig(path, dpi=110)
    return True


def plot_learning_curves(summary: dict[str, Any], path: Path) -> bool:
    """The measure over the amount of photographs, with 95% intervals. False where no arm was run at
    two amounts."""
    panels = []
    for task, content in summary["tasks"].items():
        lines = learning_curves(task, content)
        if lines:
            panels.append((task, lines))
    if not panels:
        return False
    figure, grid = _figure(len(panels))
    for axes, (task, lines) in zip(grid, panels):
        amounts = amounts_of(task, summary["tasks"][task])
        for k, (arm, points) in enumerate(lines.items()):
            places = [place + 0.06 * (k - 1) for place, _ in points]
            _line(axes, places, [entry for _, entry in points], COLORS[arm], arm)
        axes.set(
            title=TITLES[task],
            xticks=range(len(amounts)),
            xticklabels=amounts,
            xlabel="inflamed photographs" if task == "B" else "photographs",
            ylabel=MEASURES[task],
        )
        _legend(axes)
    figure.savefig(path, dpi=110)
    return True


def amounts_of(task: str, content: dict[str, Any]) -> list[str]:
    """The amounts at which a task was run with a pretrained generator."""
    return [amount for amount in AMOUNTS[task] if f"{amount} pretrained" in content["amounts"]]


def learning_curves(task: str, content: dict[str, Any]) -> dict[str, list[tuple[int, Entry]]]:
    """By arm, where it was run at two amounts or more: the place of each amount, and the arm's
    figures there."""
    amounts = amounts_of(task, content)
    lines = {}
    for arm in COLORS:
        entries = [
            content["amounts"][f"{amount} pretrained"]["arms"].get(arm) for amount in amounts
        ]
        points = [(place, entry) for place, entry in enumerate(entries) if entry is not None]
        if len(points) > 1:
            lines[arm] = points
    return lines


def _figure(panels: int) -> tuple[Figure, Any]:
    figure = Figure(figsize=(4.6 * panels, 4.4), layout="constrained")
    return figure, figure.subplots(1, panels, squeeze=False)[0]


def _legend(axes: Axes) -> None:
    """Below the panel, where it covers no interval."""
    axes.legend(fontsize=8, ncols=2, frameon=False, loc="upper center", bbox_to_anchor=(0.5, -0.16))


def _band(axes: Axes, entry: Entry, color: str, label: str) -> None:
    """One mean with its 95% interval, over the whole panel."""
    low, high = entry["interval"]
    axes.axhspan(low, high, color=color, alpha=0.15, linewidth=0)
    axes.axhline(entry["mean"], color=color, linestyle="--", label=label)


def _line(axes: Axes, places: list[float], entries: list[Entry], color: str, label: str) -> None:
    """Means with their 95% intervals."""
    means = [entry["mean"] for entry in entries]
    below = [max(0, entry["mean"] - entry["interval"][0]) for entry in entries]
    above = [max(0, entry["interval"][1] - entry["mean"]) for entry in entries]
    axes.errorbar(
        places,
        means,
        yerr=[below, above],
        color=color,
        marker="o",
        markersize=4,
        capsize=3,
        label=label,
    )
