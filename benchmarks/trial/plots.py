"""The two figures: dose-response (how many generated images) and learning curves (how many
photographs)."""

from pathlib import Path

from benchmarks.trial.arms import FIRST, WIDE
from benchmarks.trial.plan import AMOUNTS, MEASURES, TITLES

COLOURS = {
    "real": "#777777", "oversample": "#b35900", "copy-paste": "#8a5a9e", "balancing": "#1f4673", "synthetic x1": "#2a8f86",
    FIRST.name: "#d0a100", WIDE[-1].name: "#b3204d", WIDE[0].name: "#e0909a",
}  # fmt: skip
DOSES = {
    "real": 0.0,
    "synthetic x0.5": 0.5,
    "synthetic x1": 1.0,
    "synthetic x2": 2.0,
    "synthetic x5": 5.0,
}


def dose_response(summary: dict, path: Path) -> bool:
    """Tasks A and C: the measure over generated images for each real one, with 95% intervals, and
    the best classical arm as a band.
    False where there are no doses to draw: fewer than three make no curve."""
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
        _line(
            axes,
            [DOSES[name] for name in names],
            [entry["arms"][name] for name in names],
            COLOURS["balancing"],
            "generated, equal shares",
        )
        best = entry["best classical on val"]
        if best is not None and best != "real":
            low, high = entry["arms"][best]["interval"]
            axes.axhspan(low, high, color=COLOURS["oversample"], alpha=0.15, linewidth=0)
            axes.axhline(
                entry["arms"][best]["mean"],
                color=COLOURS["oversample"],
                linestyle="--",
                label=f"best classical on val: {best}",
            )
        axes.set(
            title=f"{TITLES[task]}\n{amount} of the photographs".replace(" pretrained", ""),
            xlabel="generated images for each real one",
            ylabel=MEASURES[task],
        )
        _legend(axes)
    figure.savefig(path, dpi=110)
    return True


def learning_curves(summary: dict, path: Path) -> bool:
    """Each task: the measure over the amount of real photographs, one line an arm. False where no
    task has two amounts."""
    panels = []
    for task, content in summary["tasks"].items():
        amounts = [
            amount for amount in AMOUNTS[task] if f"{amount} pretrained" in content["amounts"]
        ]
        lines = {}
        for arm in COLOURS:
            points = [
                (amounts.index(a), content["amounts"][f"{a} pretrained"]["arms"].get(arm))
                for a in amounts
            ]
            points = [(place, entry) for place, entry in points if entry is not None]
            if len(points) > 1:
                lines[arm] = points
        if lines:
            panels.append((task, amounts, lines))
    if not panels:
        return False
    figure, grid = _figure(len(panels))
    for axes, (task, amounts, lines) in zip(grid, panels):
        for k, (arm, points) in enumerate(lines.items()):
            _line(
                axes,
                [place + 0.06 * (k - 1) for place, _ in points],
                [entry for _, entry in points],
                COLOURS[arm],
                arm,
            )
        what = "inflamed photographs" if task == "B" else "photographs"
        axes.set(
            title=TITLES[task],
            xticks=range(len(amounts)),
            xticklabels=amounts,
            xlabel=what,
            ylabel=MEASURES[task],
        )
        _legend(axes)
    figure.savefig(path, dpi=110)
    return True


def _figure(panels: int):
    from matplotlib.figure import Figure

    figure = Figure(figsize=(4.6 * panels, 4.4), layout="constrained")
    return figure, figure.subplots(1, panels, squeeze=False)[0]


def _legend(axes) -> None:
    """Below the panel, where it covers no interval."""
    axes.legend(fontsize=8, ncols=2, frameon=False, loc="upper center", bbox_to_anchor=(0.5, -0.16))


def _line(axes, places: list[float], entries: list[dict], colour: str, label: str) -> None:
    """Means with their 95% intervals."""
    means = [entry["mean"] for entry in entries]
    reach = [
        [mean - entry["interval"][0] for mean, entry in zip(means, entries)],
        [entry["interval"][1] - mean for mean, entry in zip(means, entries)],
    ]
    axes.errorbar(
        places,
        means,
        yerr=[[max(0, value) for value in side] for side in reach],
        color=colour,
        marker="o",
        markersize=4,
        capsize=3,
        label=label,
    )
