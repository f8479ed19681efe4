"""Marks that generated images have and photographs do not: what a training's augmentation, or the
generator itself, has left in them.

Each mark is a number for an image. The bound is what 1% of the real photographs exceed, so a mark
that photographs have too, such as a ruler, is no leak.
"""

import math
from collections.abc import Collection
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from synthderm.audit import structure
from synthderm.audit.page import paragraph, share_text, table
from synthderm.audit.pictures import image_figure
from synthderm.imaging.color import to_lab
from synthderm.intervals import exact_share

MORE = 1.5  # times the roughness of photographs
RARE = 0.01  # share of photographs above the bound
ANGLES = 12  # in which strokes are looked for
SHOWN = 3  # images of each leak
BATCH = 128
WINDOW = 9  # pixels a side of a flat patch
FLAT = 1.0  # grey levels


class Mark(NamedTuple):
    """One mark.

    Args:
        generated, holdout: shares of images above the bound; the second None without a holdout.
        is_leak: whether more generated images have it than chance brings.
        strongest: the generated images with the highest values.
    """

    generated: dict[str, float]
    holdout: dict[str, float] | None
    is_leak: bool
    strongest: list[int]


class LeakFindings(NamedTuple):
    """What was found.

    Args:
        marks: by name.
        means: of each set the mean strength of its fine structure, (S, S): marks at fixed places
            show in it.
        fixed: of each set how rough that mean is; 1 where images have nothing at fixed places in
            common, and more with the number of images where they do.
        is_fixed: whether generated images have much more of it than photographs.
    """

    marks: dict[str, Mark]
    means: dict[str, Tensor]
    fixed: dict[str, float]
    is_fixed: bool

    def as_json(self) -> dict[str, Any]:
        """For `report.json`."""
        marks = {name: mark._asdict() for name, mark in self.marks.items()}
        return {"marks": marks, "fixed": self.fixed, "is_fixed": self.is_fixed}


def measure_leaks(images: dict[str, Tensor]) -> LeakFindings:
    """Look for marks in sets of images.

    Args:
        images: (N, 3, S, S) uint8 of "generated", "real", and "holdout" where there is one.
    """
    values = {name: measure_marks(one) for name, one in images.items()}
    marks = {}
    for name, real in values["real"].items():
        bound = real.quantile(1 - RARE)
        shares = {
            kind: exact_share(int((one[name] > bound).sum()), len(one[name]))
            for kind, one in values.items()
        }
        holdout = shares.get("holdout")
        most = shares["real"].high if holdout is None else holdout.high
        generated = shares["generated"]
        order = values["generated"][name].argsort(descending=True)
        marks[name] = Mark(
            generated._asdict(),
            None if holdout is None else holdout._asdict(),
            generated.low > most,
            order[:SHOWN].tolist(),
        )
    count = min(len(one) for one in images.values())
    strengths = {name: _fine(_some(one, count)).abs() for name, one in images.items()}
    fixed = {name: _roughness(one) for name, one in strengths.items()}
    most = max(value for name, value in fixed.items() if name != "generated")
    means = {name: one.mean(0) for name, one in strengths.items()}
    return LeakFindings(marks, means, fixed, fixed["generated"] > MORE * most)


def _some(images: Tensor, count: int) -> Tensor:
    """So many of them, at random: roughness grows with the number."""
    rng = torch.Generator().manual_seed(0)
    return images[torch.randperm(len(images), generator=rng)[:count]]


def _roughness(strengths: Tensor) -> float:
    """How much the mean of images varies from pixel to pixel, over what chance would make of it.

    Neighbours are compared, so that what lies in the middle of most images is no mark.

    Args:
        strengths: (N, S, S).
    """
    fine = strengths - F.avg_pool2d(strengths[:, None], 5, 1, 2, count_include_pad=False)[:, 0]
    inner = fine[:, 4:-4, 4:-4]
    expected = (inner.var(0).mean() / len(inner)).sqrt()
    return float((inner.mean(0) ** 2).mean().sqrt() / expected.clamp_min(1e-9))


def measure_marks(images: Tensor) -> dict[str, Tensor]:
    """The marks of images (N, 3, S, S) uint8, by name, (N,) each."""
    parts = [_measure_batch(batch) for batch in images.split(BATCH)]
    return {name: torch.cat([part[name] for part in parts]) for name in parts[0]}


def _measure_batch(images: Tensor) -> dict[str, Tensor]:
    x = images.float()
    return {
        "border": _border(x),
        "flat patch (cut-out)": _flat(x),
        "ruled stroke": _stroke(images),
        "cast of the corners": _cast(x / 255),
    }


def _border(x: Tensor) -> Tensor:
    """How much the outermost two pixels differ from the next two, in grey levels."""
    grey = x.mean(1)
    sides = [grey, grey.flip(1), grey.transpose(1, 2), grey.flip(2).transpose(1, 2)]
    steps = [(one[:, :2] - one[:, 2:4]).mean(1) for one in sides]
    return torch.stack([step.mean(1).abs() for step in steps]).mean(0)


def _flat(x: Tensor) -> Tensor:
    """The share of the picture in patches of one colour that are not black: frames of a
    dermoscope are."""
    mean = F.avg_pool2d(x, WINDOW, 1)
    spread = (F.avg_pool2d(x**2, WINDOW, 1) - mean**2).clamp_min(0).amax(1)
    is_flat = (spread < FLAT**2) & (mean.amax(1) > 16)
    return is_flat.float().mean((1, 2))


def _stroke(images: Tensor) -> Tensor:
    """The strongest dark straight line: the lowest mean of the fine structure along a line, over
    the chord's length, in any direction."""
    fields = _fine(images)
    side = fields.shape[-1]
    place = torch.linspace(-1, 1, side)
    disc = (place[:, None] ** 2 + place**2 <= 1).float()
    length = disc.sum(1)
    strongest = torch.zeros(len(images))
    for k in range(ANGLES):
        angle = math.pi * k / ANGLES
        turn = torch.tensor(
            [[math.cos(angle), -math.sin(angle), 0.0], [math.sin(angle), math.cos(angle), 0.0]]
        )
        grid = F.affine_grid(turn[None], [1, 1, side, side], align_corners=False)
        # As channels of one image: where they are sampled is reckoned once.
        turned = F.grid_sample(fields[None], grid, align_corners=False)[0] * disc
        along = turned.sum(2) / length.clamp_min(side / 3).sqrt()
        strongest = torch.maximum(strongest, (-along).amax(1))
    return strongest


def _cast(x: Tensor) -> Tensor:
    """How far the colour of the corners is from skin and from grey: towards green and blue, in
    CIE a* and b*."""
    side = x.shape[-1] // 8
    corners = torch.cat([x[..., :side], x[..., -side:]], dim=3)
    corners = torch.cat([corners[..., :side, :], corners[..., -side:, :]], dim=2)
    lab = to_lab(corners).mean((2, 3))
    return torch.relu(-lab[:, 1]) + torch.relu(-lab[:, 2])


def _fine(images: Tensor) -> Tensor:
    return torch.cat([structure.reduce(batch) for batch in images.split(BATCH)])


def leak_section(findings: LeakFindings, generated: Tensor, hidden: Collection[int] = ()) -> str:
    """Table and pictures of the report.

    Args:
        findings: what was found.
        generated: the images, (N, 3, S, S) uint8; no photograph is shown.
        hidden: images that are not shown either, such as copies of photographs.
    """
    rows = [
        (
            name,
            share_text(mark.generated),
            "" if mark.holdout is None else share_text(mark.holdout),
            "more than photographs" if mark.is_leak else "",
        )
        for name, mark in findings.marks.items()
    ]
    parts = [
        paragraph(
            "Images with a mark that is stronger than in 99% of the real photographs. Where more"
            " generated images have it than photographs of the holdout, it does not come from the"
            " photographs: the training's augmentation or the generator has left it."
        ),
        table(["", "generated", "holdout", ""], rows),
    ]
    for name, mark in findings.marks.items():
        if mark.is_leak:
            open_ones = [k for k in mark.strongest if k not in hidden]
            shown = [image_figure(generated[k], f"{name}: item {k}") for k in open_ones]
            parts.append(f'<div class="pairs">{"".join(shown)}</div>')
    top = max(float(mean.quantile(0.99)) for mean in findings.means.values())
    maps = [
        image_figure((mean / top).clamp(0, 1)[None].expand(3, -1, -1), f"mean structure: {name}")
        for name, mean in findings.means.items()
    ]
    told = ", ".join(f"{name} {value:.1f}" for name, value in findings.fixed.items())
    text = (
        "Where the fine structure lies on average: marks at fixed places show as lines. How rough"
        f" that is, over what chance would make of it: {told}."
    )
    if findings.is_fixed:
        text += " Generated images have marks at fixed places that photographs lack."
    return "".join([*parts, paragraph(text), f'<div class="pairs">{"".join(maps)}</div>'])
