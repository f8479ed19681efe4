"""What an `EczemaEdit` is going to do: drawn by its `make_params`, carried out by `transform`.

A row is an image's index in the batch, a place its index in the plan.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from synthderm.imaging.lesions import Latents, no_latents, sample_latents
from synthderm.models.editor import ADD, REMOVE
from synthderm.transforms import functional
from synthderm.transforms.mask_values import computable, to_region
from synthderm.transforms.samples import take

DIRECTIONS = {ADD: "add", REMOVE: "remove"}
# "toggle" removes where more than this share of an image is eczema, and adds elsewhere.
MIN_LESIONAL_SHARE = 0.01


class Draw(NamedTuple):
    """What is random about an edit, beside its lesions and their masks."""

    rows: list[int]  # N images that are to be edited, in ascending order
    severity: Tensor  # (N,) float32 in [0, 1]
    coverage: Tensor  # (N,) float32 in (0, 1]
    seed: int  # of lesions and masks


@dataclass(frozen=True)
class EditPlan:
    """What is done to some images of a batch. Everything that is random is drawn already.

    Args:
        rows: which images, in ascending order.
        direction: `ADD` or `REMOVE`.
        masks: (N, 1, H, W) bool, one for each of these rows.
        severity: (N,) float in [0, 1].
        latents: of N lesions.
        thumbnails: (N, 3, 64, 64) float.
        drawn: the rows that lesions were drawn for, of which `rows` are those that are left.
        coverage: of the random mask of each of `drawn`; [] where masks were given or found.
    """

    rows: list[int]
    direction: int
    masks: Tensor
    severity: Tensor
    latents: Latents
    thumbnails: Tensor
    drawn: list[int]
    coverage: list[float]

    def without_empty(self) -> "EditPlan":
        """Without the images to which nothing would be done."""
        masks = self.masks.flatten(1)
        # On a CPU in numpy, which searches bytes many times as fast as torch.
        if masks.device.type == "cpu":
            has_mask = torch.from_numpy(np.any(masks.numpy(), axis=1))
        else:
            has_mask = masks.any(1)
        triples = zip(self.rows, has_mask.tolist(), self.severity.tolist())
        return self.only([row for row, mask, amount in triples if mask and amount > 0])

    def only(self, rows: Collection[int]) -> "EditPlan":
        """For these images alone, as far as they are in the plan."""
        if all(row in rows for row in self.rows):
            return self
        kept = [place for place, row in enumerate(self.rows) if row in rows]
        return replace(
            self,
            rows=[self.rows[place] for place in kept],
            masks=take(self.masks, kept),
            severity=take(self.severity, kept),
            latents=Latents(*(take(part, kept) for part in self.latents)),
            thumbnails=take(self.thumbnails, kept),
        )

    def relabelled(self) -> list[int]:
        """Places in `rows` of the images whose label and mask change: those with new eczema, and
        those that lose all of it. Where a share of it stays, so do label and mask."""
        amounts = enumerate(self.severity.tolist())
        return [place for place, amount in amounts if self.direction == ADD or amount == 1]


def make_plans(
    mode: str, draw: Draw, thumbnails: Tensor, size: Sequence[int], masks: Tensor | None
) -> list[EditPlan]:
    """One plan for the chosen images that lose their eczema, one for those that get some.

    Args:
        mode: "add", "remove" or "toggle".
        draw: for the N chosen images.
        thumbnails: (N, 3, 64, 64) float.
        size: (H, W) of the images.
        masks: (N, 1, H, W) bool, where eczema is, or with "add" is to be; drawn where None.
    """
    severity, is_lesional = draw.severity, [mode == "remove"] * len(draw.rows)
    if mode == "toggle" and masks is not None:
        is_lesional = (masks.float().mean((1, 2, 3)) > MIN_LESIONAL_SHARE).tolist()
        # Healthy or not is what "toggle" changes, so it removes all or nothing.
        severity = severity.masked_fill(torch.tensor(is_lesional), 1.0)
    plans = []
    for direction in (REMOVE, ADD):
        places = [k for k, lesional in enumerate(is_lesional) if lesional == (direction == REMOVE)]
        if not places:
            continue
        rows, chosen = [draw.rows[place] for place in places], take(thumbnails, places)
        if direction == ADD:
            generator = torch.Generator().manual_seed(draw.seed)
            latents = sample_latents(len(places), generator)
        else:
            generator, latents = None, no_latents(len(places))
        coverage: list[float] = []
        if masks is None or (mode == "toggle" and direction == ADD):
            share = take(draw.coverage, places)
            coverage = share.tolist()
            where = functional.masks_on_skin(chosen, size, share, generator)
        else:
            where = take(masks, places)
        plan = EditPlan(
            rows=rows,
            direction=direction,
            masks=where.to(thumbnails.device),
            severity=take(severity, places).to(thumbnails.device),
            latents=latents,
            thumbnails=chosen,
            drawn=rows,
            coverage=coverage,
        )
        plans.append(plan.without_empty())
    return plans


def new_labels(plans: list[EditPlan], labels: Mapping[str, int]) -> dict[int, int]:
    """The label of each image that gets another one, by row.

    Args:
        labels: for "add" and "remove", as far as labels change.
    """
    return {
        plan.rows[place]: labels[DIRECTIONS[plan.direction]]
        for plan in plans
        for place in plan.relabelled()
    }


def update_mask(mask: Tensor, plans: list[EditPlan], count: int) -> Tensor:
    """A mask joined with what was added, and without what was removed altogether.

    Args:
        mask: of `count` images, any dtype; what its values mean says `to_region`. The result has
            its dtype and its value for eczema (1, or 255).
    """
    dtype, value = mask.dtype, 1
    if dtype != torch.bool and mask.numel():
        to_region(mask)  # refuses what has no value for eczema
        mask = computable(mask)
        value = max(1, int(mask.max()))
    for plan in plans:
        places = plan.relabelled()
        touched = plan.masks.new_zeros(count, *plan.masks.shape[1:])
        touched[[plan.rows[place] for place in places]] = take(plan.masks, places)
        new = value if plan.direction == ADD else 0
        mask = mask.masked_fill(touched.reshape(mask.shape).to(mask.device), new)
    return mask.to(dtype)


def make_record(
    plans: list[EditPlan], size: Sequence[int], mode: str, seed: int | None, revision: str | None
) -> dict[str, Any]:
    """What was done: an entry for each image of which a pixel changed.

    Args:
        plans: for these images.
        size: (H, W) of the images.
        mode, seed, revision: that the images were edited with.
    """
    rows = [row for plan in plans for row in plan.rows]
    order = sorted(range(len(rows)), key=rows.__getitem__)
    severity = [amount for plan in plans for amount in plan.severity.tolist()]
    directions = [DIRECTIONS[plan.direction] for plan in plans for _ in plan.rows]
    adding = [plan for plan in plans if plan.direction == ADD]
    masks = torch.zeros(0, 1, *size, dtype=torch.bool)
    if plans:
        masks = torch.cat([plan.masks for plan in plans])[order]
    return {
        "edited": [rows[k] for k in order],
        "mode": mode if plans else "none",
        "direction": [directions[k] for k in order],
        "severity": [severity[k] for k in order],
        "masks": masks,
        "mask_area": masks.float().mean((1, 2, 3)).tolist(),
        "seed": seed if plans else None,
        "drawn": [row for plan in adding for row in plan.drawn],
        "coverage": [share for plan in adding for share in plan.coverage],
        "model_revision": revision if plans else None,
    }
