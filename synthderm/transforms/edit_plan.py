"""What an `EczemaEdit` is going to do: drawn by its `make_params`, carried out by `transform`.

A row is an image's index in the batch, a place its index in the plan.
"""

from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from synthderm.imaging.lesions import Latents
from synthderm.models.editor import ADD
from synthderm.transforms.samples import take


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
    """

    rows: list[int]
    direction: int
    masks: Tensor
    severity: Tensor
    latents: Latents
    thumbnails: Tensor

    def without_empty(self) -> "EditPlan":
        """Without the images of which no pixel would change: these keep their label and mask."""
        has_mask = self.masks.flatten(1).any(1).tolist()
        amounts = self.severity.tolist()
        kept = [place for place, amount in enumerate(amounts) if has_mask[place] and amount > 0]
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


def update_mask(mask: Tensor, plans: list[EditPlan], count: int) -> Tensor:
    """A mask joined with what was added, and without what was removed altogether.

    Args:
        mask: of `count` images, any dtype; where it is not False or 0 there is eczema. The result
            has its dtype and its value for eczema (1, or 255).
    """
    value: int = True
    if mask.dtype != torch.bool:
        value = max(1, int(mask.max())) if mask.numel() else 1
    for plan in plans:
        places = plan.relabelled()
        touched = plan.masks.new_zeros(count, *plan.masks.shape[1:])
        touched[[plan.rows[place] for place in places]] = take(plan.masks, places)
        new = value if plan.direction == ADD else 0
        mask = mask.masked_fill(touched.reshape(mask.shape).to(mask.device), new)
    return mask


def make_record(
    plans: list[EditPlan], mode: str = "none", seed: int | None = None, revision: str | None = None
) -> dict[str, Any]:
    """What was done, one entry for each edited image: rows, severity and mask area."""
    entries = sorted(
        entry
        for plan in plans
        for entry in zip(
            plan.rows, plan.severity.tolist(), plan.masks.float().mean((1, 2, 3)).tolist()
        )
    )
    return {
        "edited": [row for row, _, _ in entries],
        "mode": mode,
        "severity": [severity for _, severity, _ in entries],
        "mask_area": [area for _, _, area in entries],
        "seed": seed,
        "model_revision": revision,
    }
