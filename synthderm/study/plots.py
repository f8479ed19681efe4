"""The report's four figures, each an HTML image that carries its own data and a description in
words."""

import base64
import html
import io

import numpy as np
from matplotlib.figure import Figure

from synthderm.study.analyse import Finding, Findings, first_showings

BLUE, ORANGE, GREY = "#1f4673", "#b35900", "#777777"


def accuracy(kinds: list[Finding], margin: float, names: dict[str, str]) -> str:
    """Accuracy of each kind with its three intervals, beside chance and the margin."""
    figure = Figure(figsize=(8, 0.9 + 0.8 * len(kinds)), layout="constrained")
    axes = figure.subplots()
    axes.axvspan(
        50 - 100 * margin, 50 + 100 * margin, color="#dddddd", label=f"margin, 50 % ± {margin:.0%}"
    )
    axes.axvline(50, color=GREY, linestyle="--", linewidth=1)
    for row, finding in enumerate(kinds):
        for shift, interval, colour, label in ((-0.2, finding.exact, GREY, "answers (exact)"), (0, finding.people, BLUE, "people"),
                                               (0.2, finding.people_and_images, ORANGE, "people and images")):  # fmt: skip
            axes.plot(
                [100 * interval.low, 100 * interval.high],
                [row + shift] * 2,
                color=colour,
                linewidth=2,
                label=label if row == 0 else None,
            )
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


def people(found: Findings) -> str:
    """Each counted participant's accuracy, for each kind."""
    rows = first_showings(found.table)
    rows = rows[rows.participant.isin(found.people.index[found.people.counted])]
    figure = Figure(figsize=(8, 2.2), layout="constrained")
    for axes, finding in zip(
        figure.subplots(1, len(found.kinds), squeeze=False)[0], found.kinds, strict=True
    ):
        shares = 100 * rows[rows.kind == finding.kind].groupby("participant").correct.mean()
        axes.hist(shares, bins=np.linspace(0, 100, 21), color=BLUE)
        axes.axvline(50, color=GREY, linestyle="--", linewidth=1)
        axes.set(title=finding.kind, xlabel="correct, %", xlim=(0, 100))
        axes.yaxis.get_major_locator().set_params(integer=True)
    figure.axes[0].set_ylabel("participants")
    return _image(figure, "Histograms of participants' accuracy, one for each kind of question.")


def images(found: Findings) -> str:
    """Accuracy of each image with its exact interval, hardest first."""
    figure = Figure(figsize=(8, 2.6), layout="constrained")
    groups = list(found.images.groupby("kind", sort=False))
    for axes, (kind, rows) in zip(
        figure.subplots(1, len(groups), squeeze=False, sharey=True)[0], groups, strict=True
    ):
        place = np.arange(len(rows))
        axes.vlines(place, 100 * rows.low, 100 * rows.high, color="#bbbbbb", linewidth=1)
        axes.plot(place, 100 * rows.accuracy, ".", color=BLUE)
        axes.axhline(50, color=GREY, linestyle="--", linewidth=1)
        axes.set(title=kind, xlabel="images, hardest first", ylim=(-2, 102))
    figure.axes[0].set_ylabel("correct, %")
    return _image(
        figure,
        "Accuracy of each image with its exact interval, hardest first, one panel for each kind of"
        " question.",
    )


def times(found: Findings) -> str:
    """Reaction times of right and of wrong answers."""
    rows = first_showings(found.table)
    rows = rows[rows.participant.isin(found.people.index[found.people.counted])]
    figure = Figure(figsize=(8, 2.4), layout="constrained")
    axes = figure.subplots()
    groups = [(finding.kind, right) for finding in found.kinds for right in (1, 0)]
    seconds = [
        rows.milliseconds[(rows.kind == kind) & (rows.correct == right)].to_numpy() / 1000
        for kind, right in groups
    ]
    axes.boxplot(seconds, orientation="horizontal", showfliers=False, medianprops={"color": ORANGE})
    axes.set(
        yticklabels=[f"{kind}, {'right' if right else 'wrong'}" for kind, right in groups],
        xlabel="seconds",
        xlim=(0, None),
    )
    axes.invert_yaxis()
    return _image(
        figure, "Box plots of reaction times of right and wrong answers, for each kind of question."
    )


def _image(figure: Figure, description: str) -> str:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=120)
    return (
        f'<p><img alt="{html.escape(description)}"'
        f' src="data:image/png;base64,{base64.b64encode(buffer.getvalue()).decode()}"></p>'
    )
