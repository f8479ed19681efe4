"""What the values of a mask tensor mean: one rule for samples, batches and other libraries' arrays.

It is that of mask files (`synthderm.imaging.mask_files`) as far as both hold the same.
"""

import torch
from torch import Tensor

from synthderm.transforms.checks import check_dense

WIDE = (torch.uint16, torch.uint32, torch.uint64)  # torch hardly computes with these


def to_region(mask: Tensor) -> Tensor:
    """Where a mask is inside, as bool of the same shape.

    0 is outside. Inside is True, or the one other value that there is (1, 255, or another). Floats
    in [0, 1], as soft masks and probabilities are, are inside from 0.5 on.

    Raises:
        TypeError: a sparse, nested or meta tensor.
        ValueError: several values beside 0, which may be classes or shades; negative ones; NaN.
    """
    check_dense("the mask", mask)
    if mask.dtype == torch.bool or mask.numel() == 0:
        return mask.to(torch.bool)
    dtype, mask = str(mask.dtype).removeprefix("torch."), computable(mask)
    low, high = (end.item() for end in mask.aminmax())
    if mask.is_floating_point() and low >= 0 and high <= 1:
        return mask >= 0.5
    region = mask != 0
    if low >= 0 and (high <= 1 or bool(((mask == high) == region).all())):
        return region
    seen = "values below 0" if low < 0 else "more than 0 and one other value"
    raise ValueError(
        f"the mask is of {dtype} and holds {seen}, from {low:g} to {high:g}, which could be classes"
        " or shades: write mask == value for a class, or mask >= half of white for shades."
    )


def check_masks(masks: Tensor, batch: Tensor) -> Tensor:
    """The regions of a batch's masks, (B, 1, H, W) bool on the images' device.

    Args:
        masks: (B, 1, H, W), or (1, H, W) for one image, of any dtype.
        batch: (B, C, H, W).

    Raises:
        TypeError: no tensor, or one whose values can't be read.
        ValueError: another shape, or values that mean no region; see `to_region`.
    """
    if not isinstance(masks, Tensor):
        raise TypeError(
            f"masks must be a tensor, not {type(masks).__name__}; torch.from_numpy makes one of an"
            " array."
        )
    check_dense("masks", masks)
    masks = masks[None] if masks.ndim == 3 else masks
    expected = (len(batch), 1, *batch.shape[-2:])
    if masks.shape != expected:
        raise ValueError(
            f"masks have shape {tuple(masks.shape)}; "
            f"images of {tuple(batch.shape)} need {expected}."
        )
    return to_region(masks.detach()).to(batch.device)


def computable(mask: Tensor) -> Tensor:
    """A mask of a wide unsigned dtype as int64, with the same bits; others as they are."""
    return mask.to(torch.int64) if mask.dtype in WIDE else mask
