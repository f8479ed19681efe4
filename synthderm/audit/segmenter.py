"""Whether the masks of generated images lie where a segmenter of photographs sees what they mark.

The segmenter is logistic regression on the maps of a frozen network, cell by cell: light, and with
nothing learnt from generated images. How good it is on photographs stands beside.
"""

from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from synthderm.audit.features import LayerFeatures
from synthderm.audit.images import AuditImages
from synthderm.audit.page import paragraph, table
from synthderm.metrics import dice

CELLS = 28  # a side
TRAINED = 400  # photographs, at most
TESTED = 300  # images of each set, at most
PER_IMAGE = 60  # cells of each photograph that are learnt
FEWEST = 20  # images with a mask that is neither empty nor everything
BATCH = 32
STRENGTH = 0.01  # C of the logistic regression


class Overlap(NamedTuple):
    """Dice of masks and of what the segmenter sees.

    Args:
        images: how many.
        mean, low, high: mean over the images, and its 95% interval.
        swapped: the mean with the mask of another image, which is what size and place alone give.
    """

    images: int
    mean: float
    low: float
    high: float
    swapped: float


class MaskFindings(NamedTuple):
    """What was found.

    Args:
        skipped: why nothing was measured; None where it was.
        photographs: of `real` that the segmenter learnt from.
        overlaps: of "generated", and "holdout" where it has masks: the floor.
    """

    skipped: str | None
    photographs: int = 0
    overlaps: dict[str, Overlap] = {}

    def as_json(self) -> dict[str, Any]:
        """For `report.json`."""
        overlaps = {name: overlap._asdict() for name, overlap in self.overlaps.items()}
        return {**self._asdict(), "cells": CELLS, "overlaps": overlaps}


def judge_masks(
    samples: AuditImages, real: AuditImages, holdout: AuditImages | None, network: LayerFeatures
) -> MaskFindings:
    """Compare masks with what a segmenter sees that was trained on `real`.

    Args:
        samples: generated images.
        real: photographs with masks of the same thing; without masks nothing is measured.
        holdout: other photographs; those without masks are passed over.
        network: the maps.
    """
    for name, one in (("the generated images", samples), ("the photographs", real)):
        count = len(_rows_with_border(one, TRAINED))
        if count < FEWEST:
            reason = f"{name} have {count} masks that are neither empty nor the whole image"
            return MaskFindings(f"{reason}, and {FEWEST} are needed")
    rows = _rows_with_border(real, TRAINED)
    segmenter = Segmenter(real, rows, network)
    overlaps = {"generated": segmenter.test(samples)}
    if holdout is not None and len(_rows_with_border(holdout, TESTED)) >= FEWEST:
        overlaps["holdout"] = segmenter.test(holdout)
    return MaskFindings(None, len(rows), overlaps)


class Segmenter:
    """Logistic regression on the maps of a frozen network.

    Args:
        real: photographs with masks.
        rows: which of them are learnt.
        network: the maps.
    """

    def __init__(self, real: AuditImages, rows: Tensor, network: LayerFeatures) -> None:
        from sklearn.linear_model import LogisticRegression

        self.network = network
        rng = torch.Generator().manual_seed(0)
        features, truth = [], []
        for part in rows.split(BATCH):
            cells = _cells(real.images[part], network)
            masks = _shrink(real, part).flatten(1)
            for one, mask in zip(cells, masks):
                chosen = torch.randperm(len(one), generator=rng)[:PER_IMAGE]
                features.append(one[chosen])
                truth.append(mask[chosen])
        x, y = torch.cat(features), torch.cat(truth)
        self.mean, self.deviation = x.mean(0), x.std(0).clamp_min(1e-6)
        head = LogisticRegression(C=STRENGTH, max_iter=300)
        head.fit(((x - self.mean) / self.deviation).numpy(), y.numpy())
        self.weight = torch.from_numpy(head.coef_[0]).float() / self.deviation
        self.bias = float(head.intercept_[0]) - float(self.mean @ self.weight)

    def see(self, images: Tensor) -> Tensor:
        """Masks (N, 1, CELLS, CELLS) bool of images (N, 3, S, S) uint8."""
        logits = _cells(images, self.network) @ self.weight + self.bias
        return (logits > 0).view(-1, 1, CELLS, CELLS)

    def test(self, images: AuditImages) -> Overlap:
        """How its masks and those of images lie over each other."""
        rows = _rows_with_border(images, TESTED)
        seen = torch.cat([self.see(images.images[part]) for part in rows.split(BATCH)])
        masks = _shrink(images, rows)
        values = dice(seen, masks)
        half = float(1.96 * values.std() / len(values) ** 0.5)
        mean = float(values.mean())
        swapped = float(dice(seen, masks.roll(1, 0)).mean())
        return Overlap(len(values), mean, mean - half, mean + half, swapped)


def _rows_with_border(images: AuditImages, most: int) -> Tensor:
    """Up to so many images, evenly chosen, whose masks are neither empty nor everything."""
    if images.masks is None:
        return torch.zeros(0, dtype=torch.int64)
    share = _shrink(images, torch.arange(len(images))).float().mean((1, 2, 3))
    rows = ((share > 0) & (share < 1)).nonzero()[:, 0]
    if len(rows) > most:
        rows = rows[torch.linspace(0, len(rows) - 1, most).long()]
    return rows


def _shrink(images: AuditImages, rows: Tensor) -> Tensor:
    """The masks of images on the cells, (N, 1, CELLS, CELLS) bool."""
    assert images.masks is not None
    parts = [
        F.interpolate(images.masks[part].float(), size=CELLS, mode="area") > 0.5
        for part in rows.split(256)
    ]
    return torch.cat(parts)


def _cells(images: Tensor, network: LayerFeatures) -> Tensor:
    """The maps of all layers on the cells, (N, CELLS ** 2, C)."""
    maps = [
        F.interpolate(one, size=CELLS, mode="bilinear", align_corners=False)
        for one in network.maps(images)
    ]
    return torch.cat(maps, dim=1).flatten(2).transpose(1, 2)


def masks_section(findings: MaskFindings) -> str:
    """The part of the report."""
    head = "<h3>Masks</h3>"
    if findings.skipped is not None:
        return head + paragraph(f"Not measured: {findings.skipped}.")
    rows = [
        (
            name,
            one.images,
            f"{one.mean:.2f} ({one.low:.2f} to {one.high:.2f})",
            f"{one.swapped:.2f}",
        )
        for name, one in findings.overlaps.items()
    ]
    return (
        head
        + paragraph(
            f"A light segmenter (logistic regression on frozen features, {CELLS} x {CELLS} cells)"
            f" learnt the masks of {findings.photographs:,} real photographs. Dice of what it sees"
            " with the masks; of the holdout it says how good the segmenter is. The last column is"
            " the Dice with the masks of other images: what size and place alone give."
        )
        + table(["", "images", "Dice", "masks of other images"], rows)
    )
