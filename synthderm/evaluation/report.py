"""The page of an evaluation: verdict, table, curves and what was compared; one HTML file."""

import html
import io
import string
from collections.abc import Mapping
from pathlib import Path

from synthderm import __version__
from synthderm.evaluation.bootstrap import Interval
from synthderm.evaluation.findings import CLASSICAL, Evaluation, Figure
from synthderm.files import inline_picture, write_text

TEMPLATE = Path(__file__).with_name("report.html")
COLOURS = ("#777777", "#1f4673", "#4c9a8a", "#e0a030", "#b35900")


def write_page(found: Evaluation, path: Path) -> Path:
    """Write the page; its folder is made where it is missing."""
    facts = found.facts
    classes = ", ".join(
        f"{name} ({count}{'' if name in facts['generated of'] else '; none generated'})"
        for name, count in facts["classes"].items()
    )
    gap = Interval(found.difference.estimate, found.difference.low, found.difference.high)
    text = string.Template(TEMPLATE.read_text(encoding="utf-8")).substitute(
        verdict=html.escape(found.verdict[0].upper() + found.verdict[1:]),
        ours=html.escape(found.ours),
        classical=html.escape(found.classical),
        difference=_points(gap, "+.1f"),
        curves=_curves(found),
        rows="\n".join(_row(figure) for figure in found.figures),
        folder=html.escape(str(facts["folder"])),
        classes=html.escape(classes),
        images=found.difference.test_images,
        groups=facts["groups"],
        source=html.escape(facts["source"]),
        size=facts["size"],
        generated=facts["generated"],
        artifacts=_drawn(facts["artifacts"]),
        classifier=html.escape(facts["classifier"]),
        folds=facts["folds"],
        repeats=facts["repeats"],
        copies=facts["copies"],
        version=__version__,
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    write_text(path, text)
    return path


def _drawn(artifacts: Mapping[str, float]) -> str:
    """The shares of generated images that have artifacts, in words."""
    shares = [f"{kind} on {100 * share:g}%" for kind, share in artifacts.items()]
    return f", with {', '.join(shares)} of them" if shares else ""


def _row(figure: Figure) -> str:
    cells = (
        f"{figure.share:.0%}",
        str(figure.photographs),
        html.escape(figure.arm),
        _points(figure.balanced_accuracy),
        _points(figure.auroc),
    )
    return f"<tr>{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>"


def _points(interval: Interval, form: str = ".1f") -> str:
    middle, low, high = (format(100 * value, form) for value in interval)
    return f"{middle} [{low}, {high}]"


def _curves(found: Evaluation) -> str:
    """Balanced accuracy over the number of photographs, a line for each way to train."""
    from matplotlib.figure import Figure as Canvas

    canvas = Canvas(figsize=(8, 4), layout="constrained")
    axes = canvas.subplots()
    names = list(dict.fromkeys(figure.arm for figure in found.figures))
    for place, (name, colour) in enumerate(zip(names, COLOURS)):
        own = [figure for figure in found.figures if figure.arm == name]
        x = [figure.photographs * (1 + 0.02 * (place - 2)) for figure in own]
        y = [100 * figure.balanced_accuracy.estimate for figure in own]
        below = [value - 100 * one.balanced_accuracy.low for value, one in zip(y, own)]
        above = [100 * one.balanced_accuracy.high - value for value, one in zip(y, own)]
        style = "--" if name in CLASSICAL else "-"
        axes.errorbar(x, y, (below, above), label=name, color=colour, linestyle=style, capsize=2)
        axes.plot(x, y, "o", color=colour, markersize=4)
    axes.set(xscale="log", xlabel="photographs trained on", ylabel="balanced accuracy, %")
    sizes = sorted({figure.photographs for figure in found.figures})
    axes.minorticks_off()
    axes.set_xticks(sizes, [f"{size:,}" for size in sizes])
    axes.legend(fontsize=8)
    buffer = io.BytesIO()
    canvas.savefig(buffer, format="png", dpi=120)
    said = "Balanced accuracy over the number of photographs; the figures are in the table below."
    return inline_picture(buffer.getvalue(), said)
