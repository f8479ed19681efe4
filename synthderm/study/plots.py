"""The four figures of the report, as HTML images that contain their data and a description."""

import io
from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from synthderm.files import inline_picture
from synthderm.study.findings import Finding, Findings

BLUE, ORANGE, GREY = "#1f4673", "#b35900", "#777777"


def plot_accuracy(kinds: Sequence[Finding], margin: float, names: Mapping[str, str]) -> str:
    """Accuracy of each kind of question with its three intervals, beside chance and the margin."""
    figure, (axes,) = _panels(1, height=0.9 + 0.8 * len(kinds))
    low, high = 50 - 100 * margin, 50 + 100 * margin
    axes.axvspan(low, high, color="#dddddd", label=f"margin, 50 % ± {margin:.0%}")
    axes.axvline(50, color=GREY, linestyle="--", linewidth=1)
    for row, finding in enumerate(kinds):
        for shift, interval, colour, label in (
            (-0.2, finding.exact, GREY, "answers (exact)"),
            (0, finding.people, BLUE, "people"),
            (0.2, finding.people_and_images, ORANGE, "people and images"),
        ):
            ends = [100 * interval.low, 100 * interval.high]
            in_legend = label if row == 0 else None
            axes.plot(ends, [row + shift] * 2, color=colour, linewidth=2, label=in_legend)
            axes.plot(100 * interval.estimate, row + shift, "o", color=colour, markersize=5)
    axes.set(
        yticks=range(len(kinds)),
        yticklabels=[names[finding.kind] for finding in kinds],
        xlabel="correct, %",
        xlim=(0, 100),
        ylim=(len(kinds) - 0.5, -0.5),
    )
    axes.legend(fontsize=8, loc="upper left", bbox_to_anchor=(1, 1))
    words = "; ".join(f"{names[finding.kind]} {finding.people.estimate:.1%}" for finding in kinds)
    return _image(figure, f"Accuracy with intervals. {words}.")


def plot_people(findings: Findings) -> str:
    """The accuracy of each counted participant, for each kind of question."""
    rows = findings.answers
    figure, panels = _panels(len(findings.kinds), height=2.2)
    for axes, finding in zip(panels, findings.kinds, strict=True):
        shares = 100 * rows[rows.kind == finding.kind].groupby("participant").correct.mean()
        axes.hist(shares, bins=[5.0 * edge for edge in range(21)], color=BLUE)
        axes.axvline(50, color=GREY, linestyle="--", linewidth=1)
        axes.set(title=finding.kind, xlabel="correct, %", xlim=(0, 100))
        axes.yaxis.set_major_locator(MaxNLocator("auto", steps=[1, 2, 2.5, 5, 10], integer=True))
    panels[0].set_ylabel("participants")
    return _image(figure, "Histograms of participants' accuracy, one for each kind of question.")


def plot_images(findings: Findings) -> str:
    """The accuracy of each image with its exact interval, hardest first."""
    groups = list(findings.images.groupby("kind", sort=False))
    figure, panels = _panels(len(groups), height=2.6, sharey=True)
    for axes, (kind, rows) in zip(panels, groups, strict=True):
        place = np.arange(len(rows))
        axes.vlines(place, 100 * rows.low, 100 * rows.high, color="#bbbbbb", linewidth=1)
        axes.plot(place, 100 * rows.accuracy, ".", color=BLUE)
        axes.axhline(50, color=GREY, linestyle="--", linewidth=1)
        axes.set(title=kind, xlabel="images, hardest first", ylim=(-2, 102))
    panels[0].set_ylabel("correct, %")
    return _image(
        figure,
        "Accuracy of each image with its exact interval, hardest first, one panel for each kind of"
        " question.",
    )


def plot_times(findings: Findings) -> str:
    """Reaction times of right and of wrong answers."""
    rows = findings.answers
    figure, (axes,) = _panels(1, height=2.4)
    groups = [(finding.kind, right) for finding in findings.kinds for right in (1, 0)]
    seconds = [
        rows.milliseconds[(rows.kind == kind) & (rows.correct == right)].to_numpy() / 1000
        for kind, right in groups
    ]
    axes.boxplot(seconds, orientation="horizontal", showfliers=False, medianprops={"color": ORANGE})
    labels = [f"{kind}, {'right' if right else 'wrong'}" for kind, right in groups]
    axes.set(yticklabels=labels, xlabel="seconds", xlim=(0, None))
    axes.invert_yaxis()
    return _image(
        figure, "Box plots of reaction times of right and wrong answers, for each kind of question."
    )


def _panels(count: int, height: float, sharey: bool = False) -> tuple[Figure, list[Axes]]:
    """A figure with panels side by side."""
    figure = Figure(figsize=(8, height), layout="constrained")
    return figure, list(figure.subplots(1, count, squeeze=False, sharey=sharey)[0])


def _image(figure: Figure, description: str) -> str:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=120)
    return f"<p>{inline_picture(buffer.getvalue(), description)}</p>"
