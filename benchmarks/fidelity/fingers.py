"""Counting the fingers of open hands, by their masks."""

import torch
import torch.nn.functional as F
from torch import Tensor

THICKNESS = 8 / 128  # of the side: what is thinner than twice this is a finger, what is not is palm
SMALLEST = 25 / 128**2  # of the image: smaller parts are rough edges


def count_fingers(masks: Tensor) -> Tensor:
    """The fingers that stick out of each hand, (N,) int64.

    The palm and the wrist are what a disc fits into, wherever it is moved in the mask (opening);
    the parts of the hand that are left are fingers. Fingers that touch are one; one that came off
    is no part of the hand, the largest part of the mask.

    Args:
        masks: (N, 1, S, S) bool, True on the hand. The wrist leaves the image at the bottom.
    """
    side = masks.shape[-1]
    radius = round(THICKNESS * side)
    hands = torch.stack([_largest(mask) for mask in masks[:, 0].float()])[:, None]
    below = hands[:, :, -1:].expand(-1, -1, 2 * radius, -1)  # the arm goes on
    hands = F.pad(torch.cat([hands, below], dim=2), (2 * radius, 2 * radius, 2 * radius, 0))
    cores = 1 - _touched(1 - hands, radius)
    fingers = hands * (1 - _touched(cores, radius + 1))
    least = SMALLEST * side**2
    return torch.stack([(_parts(part)[2] >= least).sum() for part in fingers[:, 0]])


def _touched(x: Tensor, radius: int) -> Tensor:
    """Where a disc around a pixel touches what is 1 in (N, 1, H, W)."""
    place = torch.arange(-radius, radius + 1, device=x.device)
    disc = (place[:, None] ** 2 + place**2 <= (radius + 0.3) ** 2).to(x.dtype)
    return (F.conv2d(x, disc[None, None], padding=radius) > 0).to(x.dtype)


def _largest(mask: Tensor) -> Tensor:
    """The largest connected part of (H, W), as 1 in an equal tensor."""
    labels, names, sizes = _parts(mask)
    return mask if len(sizes) == 0 else (labels == names[sizes.argmax()]).to(mask.dtype)


def _parts(mask: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """The connected parts of (H, W), where it is 1: a number for each pixel, 0 outside; the
    numbers; and how many pixels have each."""
    numbers = torch.arange(1, mask.numel() + 1, dtype=mask.dtype, device=mask.device)
    labels, before = numbers.view_as(mask) * mask, torch.zeros_like(mask)
    while not torch.equal(labels, before):  # the largest number of each part spreads over it
        before, labels = labels, F.max_pool2d(labels[None, None], 3, 1, 1)[0, 0] * mask
    names, sizes = labels[labels > 0].unique(return_counts=True)
    return labels, names, sizes
