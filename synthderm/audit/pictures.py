"""Pictures and plots of a report, as HTML that needs no other file."""

import html
import io
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from PIL import Image
from torch import Tensor

from synthderm.files import inline_picture
from synthderm.imaging.io import to_pil

WIDE, HIGH = 6.4, 2.6  # inches
COLOURS = ("#4c72b0", "#dd8452", "#55a868", "#c44e52", "#8172b3")


def figure(picture: bytes, kind: str, caption: str) -> str:
    """A picture inside the page.

    Args:
        picture: the bytes of its file.
        kind: as in image/png.
        caption: what it shows, in words.
    """
    image = inline_picture(picture, caption, kind)
    return f"<figure>{image}<figcaption>{html.escape(caption)}</figcaption></figure>"


def pair_figures(left: Tensor, right: Tensor, captions: Sequence[str], height: int = 128) -> str:
    """Pairs of images side by side.

    Args:
        left, right: (N, 3, S, S) uint8.
        captions: for each pair.
        height: of the pictures in pixels.
    """
    figures = []
    for a, b, caption in zip(left, right, captions):
        both = Image.new("RGB", (2 * height + 4, height), "white")
        for place, image in ((0, a), (height + 4, b)):
            both.paste(to_pil(image).resize((height, height), resample=3), (place, 0))
        figures.append(figure(_jpeg(both), "image/jpeg", caption))
    return f'<div class="pairs">{"".join(figures)}</div>'


def image_figure(image: Tensor, caption: str, height: int = 192) -> str:
    """One image (3, H, W), uint8 or float in [0, 1]."""
    picture = to_pil(image)
    width = round(picture.width * height / picture.height)
    return figure(_jpeg(picture.resize((width, height), resample=3)), "image/jpeg", caption)


def histogram(
    groups: Mapping[str, Any],
    label: str,
    caption: str,
    marks: Mapping[str, float] | None = None,
) -> str:
    """The distributions of a figure in several groups, each as a share of its group.

    Args:
        groups: name and values of each.
        label: of the horizontal axis.
        caption: what it shows, in words.
        marks: values to mark, by name.
    """
    values = {name: np.asarray(group, dtype=float) for name, group in groups.items()}
    together = np.concatenate(list(values.values()))
    edges = np.linspace(together.min(), together.max() + 1e-9, 41)
    plot, axes = _axes()
    for (name, group), colour in zip(values.items(), COLOURS):
        weights = np.full(len(group), 1 / max(1, len(group)))
        axes.hist(group, edges, weights=weights, histtype="step", lw=1.6, color=colour, label=name)
    for name, value in (marks or {}).items():
        axes.axvline(value, color="black", lw=1, ls="--")
        axes.annotate(name, (value, 0.95), xycoords=("data", "axes fraction"), fontsize=8)
    axes.set_xlabel(label)
    axes.set_ylabel("share")
    axes.legend(frameon=False, fontsize=8)
    return figure(_close(plot), "image/svg+xml", caption)


def bars(groups: Mapping[str, Mapping[str, float]], label: str, caption: str) -> str:
    """Shares side by side: for each group a bar for each name.

    Args:
        groups: the groups, each with values by name; the same names in all.
        label: of the vertical axis.
        caption: what it shows, in words.
    """
    plot, axes = _axes()
    names = list(next(iter(groups.values())))
    width = 0.8 / len(groups)
    for k, ((group, values), colour) in enumerate(zip(groups.items(), COLOURS)):
        places = np.arange(len(names)) + k * width
        axes.bar(places, [values[name] for name in names], width, color=colour, label=group)
    axes.set_xticks(np.arange(len(names)) + 0.4 - width / 2, names, fontsize=8)
    axes.set_ylabel(label)
    axes.legend(frameon=False, fontsize=8)
    return figure(_close(plot), "image/svg+xml", caption)


def _axes() -> tuple[Any, Any]:
    from matplotlib.figure import Figure

    plot = Figure(figsize=(WIDE, HIGH), layout="constrained")
    axes = plot.subplots()
    axes.spines[["top", "right"]].set_visible(False)
    return plot, axes


def _close(plot: Any) -> bytes:
    file = io.BytesIO()
    # Without the date, so that the same audit writes the same file.
    plot.savefig(file, format="svg", metadata={"Date": None})
    return file.getvalue()


def _jpeg(picture: Image.Image) -> bytes:
    file = io.BytesIO()
    picture.convert("RGB").save(file, "JPEG", quality=88)
    return file.getvalue()
