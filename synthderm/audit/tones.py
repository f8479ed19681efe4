"""Skin tone: how many images of each group there are, real and generated, and what an editor does
to each group."""

from typing import Any, NamedTuple

import torch
from torch import Tensor

from synthderm.audit.page import paragraph, share_text, table
from synthderm.audit.pictures import bars
from synthderm.imaging.color import ciede2000, ita, to_lab
from synthderm.imaging.masks import skin_region
from synthderm.intervals import exact_share
from synthderm.metrics import dice
from synthderm.transforms.functional import add_eczema, find_eczema

# Chardon et al. (1991): the least ITA in degrees of each group, the lightest first.
GROUPS = {
    "very light": 55.0,
    "light": 41.0,
    "intermediate": 28.0,
    "tan": 10.0,
    "brown": -30.0,
    "dark": -91.0,
}
SHRUNK = 0.5  # of the real share: a group with less of the generated images is called lacking
EDITED = 40  # photographs of a group that are edited, at most
SEVERITY = 0.6
BATCH = 64


class ToneFindings(NamedTuple):
    """Skin tones.

    Args:
        tones: for each set the ITA of each image in degrees, NaN where it shows no skin.
        shares: for each set and group the share of its images.
        lacking: groups that the generator has clearly less of than the photographs.
        edits: for each group how an editor does on it; {} where none was asked for.
    """

    tones: dict[str, Tensor]
    shares: dict[str, dict[str, dict[str, float]]]
    lacking: list[str]
    edits: dict[str, dict[str, float]]

    def as_json(self) -> dict[str, Any]:
        """For `report.json`."""
        return {"shares": self.shares, "lacking": self.lacking, "edits": self.edits}


def measure_tones(images: dict[str, Tensor], edits: bool) -> ToneFindings:
    """The skin tones of sets of images.

    Args:
        images: (N, 3, S, S) uint8 of "generated", "real", and "holdout" where there is one.
        edits: edit real photographs of each group too.
    """
    tones = {name: skin_tones(one) for name, one in images.items()}
    shares: dict[str, dict[str, dict[str, float]]] = {}
    for name, values in tones.items():
        known = values[~values.isnan()]
        counts = torch.bincount(group_of(known), minlength=len(GROUPS)).tolist()
        shares[name] = {
            group: exact_share(count, len(known))._asdict() for group, count in zip(GROUPS, counts)
        }
    lacking = [
        group
        for group in GROUPS
        if shares["generated"][group]["high"] < SHRUNK * shares["real"][group]["share"]
        or (shares["real"][group]["found"] > 0 and shares["generated"][group]["found"] == 0)
    ]
    found = _edit_groups(images["real"], tones["real"]) if edits else {}
    return ToneFindings(tones, shares, lacking, found)


def skin_tones(images: Tensor) -> Tensor:
    """ITA in degrees of the skin of images (N, 3, S, S) uint8; the same way for every set. NaN
    where none is seen."""
    parts = []
    for batch in images.split(BATCH):
        x = batch.float() / 255
        parts.append(ita(x, skin_region(x)))
    return torch.cat(parts)


def group_of(tones: Tensor) -> Tensor:
    """The group of each tone, an index into `GROUPS`."""
    least = torch.tensor(list(GROUPS.values())[:-1])
    return (tones[:, None] < least).sum(1)


def _edit_groups(images: Tensor, tones: Tensor) -> dict[str, dict[str, float]]:
    """Eczema of one severity on photographs of each group: how much the skin under the mask
    changes, and how well it is found again."""
    groups = torch.where(tones.isnan(), -1, group_of(tones))
    found = {}
    for number, group in enumerate(GROUPS):
        rows = (groups == number).nonzero()[:EDITED, 0]
        if not len(rows):
            continue
        before = images[rows]
        edit = add_eczema(before, severity=SEVERITY, seed=0)
        changed = edit.masks.flatten(1).any(1)
        if not changed.any():
            continue
        before, after, masks = before[changed], edit.images[changed], edit.masks[changed]
        difference = ciede2000(to_lab(before.float() / 255), to_lab(after.float() / 255))
        inside = masks[:, 0].float()
        strength = (difference * inside).sum((1, 2)) / inside.sum((1, 2))
        found[group] = {
            "photographs": len(before),
            "strength": float(strength.mean()),
            "finder_error": 1 - float(dice(find_eczema(after), masks).mean()),
        }
    return found


def tones_section(findings: ToneFindings) -> str:
    """Table and plots of the report."""
    sets = list(findings.shares)
    rows = [
        (_name(group), *(share_text(findings.shares[one][group]) for one in sets))
        for group in GROUPS
    ]
    told = (
        f"The generator has clearly less than the photographs of: {', '.join(findings.lacking)}."
        if findings.lacking
        else "No group of the photographs is clearly rarer among the generated images."
    )
    parts = [
        paragraph(
            "The tone is ITA in degrees, of the skin as it is found in the picture: light, camera"
            " and processing move it, so compare sets, not single images. " + told
        ),
        table(["", *sets], rows),
        bars(
            {
                one: {group: findings.shares[one][group]["share"] for group in GROUPS}
                for one in sets
            },
            "share",
            "Groups of skin tone",
        ),
    ]
    if findings.edits:
        parts.append(_edits(findings.edits))
    return "".join(parts)


def _edits(edits: dict[str, dict[str, float]]) -> str:
    rows = [
        (
            group,
            f"{values['photographs']:.0f}",
            f"{values['strength']:.1f}",
            f"{values['finder_error']:.2f}",
        )
        for group, values in edits.items()
    ]
    head = ["", "photographs", "mean CIEDE2000 under the mask", "error of the finder (1 - Dice)"]
    text = f"Eczema of severity {SEVERITY:g}, added to real photographs with the bundled editor:"
    return "<h3>The editor, by group</h3>" + paragraph(text) + table(head, rows)


def _name(group: str) -> str:
    least = GROUPS[group]
    return f"{group} (below)" if least < -90 else f"{group} (from {least:.0f})"
