"""Whether generated eczema looks the more severe the more severe it was asked for."""

import math
from typing import Any, NamedTuple

import torch
from torch import Tensor

from synthderm.audit.images import AuditImages
from synthderm.audit.page import paragraph, table
from synthderm.imaging.color import to_lab
from synthderm.imaging.masks import skin_region
from synthderm.intervals import rank_correlation

FEWEST = 20  # images with eczema
LEAST = 0.01  # share of the picture that is inside the mask, and of skin outside it
BATCH = 64
MEASURE = "mean a* (CIELAB) inside the mask less that of the skin outside it"


class SeverityFindings(NamedTuple):
    """What was found.

    Args:
        skipped: why nothing was measured; None where it was.
        images: images with enough eczema, and enough skin beside it.
        correlation: Spearman's, of the severity that was asked for and the redness, with its
            interval.
        by_class: of each class the mean redness, and of how many images.
    """

    skipped: str | None
    images: int = 0
    correlation: dict[str, float] | None = None
    by_class: dict[str, dict[str, float]] = {}

    def as_json(self) -> dict[str, Any]:
        """For `report.json`."""
        return self._asdict() | {"measure": MEASURE}


def measure_severity(samples: AuditImages) -> SeverityFindings:
    """Compare the severity that was asked for with how red the eczema is.

    Redness is measured on the pixels and knows nothing of the editor: erythema is what the eye
    judges severity by first. Scale, crusts and thickness are not in it.

    Args:
        samples: generated images with masks; `facts["severity"]` where their source has a dial.
    """
    asked = samples.facts.get("severity")
    if not asked or samples.masks is None:
        return SeverityFindings("the source has no dial for severity")
    redness = torch.cat(
        [
            measure_redness(images, masks)
            for images, masks in zip(samples.images.split(BATCH), samples.masks.split(BATCH))
        ]
    )
    known = ~redness.isnan()
    count = int(known.sum())
    if count < FEWEST:
        return SeverityFindings(
            f"{count} images show enough eczema beside enough skin, and {FEWEST} are needed"
        )
    found = rank_correlation(torch.tensor(asked)[known], redness[known])
    if math.isnan(found.value):
        return SeverityFindings("all images were asked for with one severity, or are equally red")
    labels = torch.tensor(samples.labels)
    by_class = {}
    for label, name in enumerate(samples.classes):
        values = redness[known & (labels == label)]
        if len(values):
            by_class[name] = {"images": float(len(values)), "redness": float(values.mean())}
    return SeverityFindings(None, count, found._asdict(), by_class)


def measure_redness(images: Tensor, masks: Tensor) -> Tensor:
    """How much redder images are inside their masks than the skin outside: the difference of a*,
    (N,); NaN where one of the two is hardly there.

    Args:
        images: (N, 3, S, S) uint8.
        masks: (N, 1, S, S) bool.
    """
    x = images.float() / 255
    redness = to_lab(x)[:, 1:2]
    outside = skin_region(x) & ~masks
    means = []
    for region in (masks, outside):
        share = region.float().mean((1, 2, 3))
        mean = (redness * region).mean((1, 2, 3)) / share.clamp_min(1e-9)
        means.append(torch.where(share >= LEAST, mean, torch.nan))
    return means[0] - means[1]


def severity_section(findings: SeverityFindings) -> str:
    """The part of the report."""
    head = "<h3>Severity</h3>"
    if findings.skipped is not None or findings.correlation is None:
        return head + paragraph(f"Not measured: {findings.skipped}.")
    found = findings.correlation
    rows = [
        (name, f"{values['images']:.0f}", f"{values['redness']:.1f}")
        for name, values in findings.by_class.items()
    ]
    return (
        head
        + paragraph(
            f"Of {findings.images:,} images with eczema, the severity that was asked for and the"
            f" {MEASURE} have a Spearman correlation of {found['value']:.2f}"
            f" ({found['low']:.2f} to {found['high']:.2f}). Erythema is one sign of severity;"
            " scale, crusts and thickness are not measured here."
        )
        + table(["class", "images", "mean difference of a*"], rows)
    )
