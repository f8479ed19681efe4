"""Checks of what `EczemaEdit` and the functions of `synthderm.transforms.functional` are given."""

import torch
from torch import Tensor

from synthderm.imaging.compositing import LARGEST
from synthderm.imaging.lesions import SIGNS

MASKS = ("random", "given", "predict")


def as_batch(images: Tensor) -> Tensor:
    """Images as (B, C, H, W) of a supported kind.

    Raises:
        TypeError, ValueError: with what was seen, and what is supported.
    """
    if not isinstance(images, Tensor):
        raise TypeError(
            f"images must be a tensor, not {type(images).__name__}; "
            "for PIL images use synthderm.EczemaEdit."
        )
    if images.dtype not in LARGEST:
        raise TypeError(
            f"images have dtype {images.dtype}; "
            "supported: uint8, uint16 and floating point in [0, 1]."
        )
    batch = images[None] if images.ndim == 3 else images
    if batch.ndim != 4 or batch.shape[1] not in (1, 3, 4):
        raise ValueError(
            f"images have shape {tuple(images.shape)}; "
            "expected (B, 3, H, W) or (3, H, W), channels 1, 3 or 4."
        )
    if batch.is_floating_point() and batch.numel():
        low, high = batch.detach().aminmax()
        if not (low >= 0 and high <= 1):
            raise ValueError(
                f"float images must be in [0, 1]; these go from {low:.4g} to {high:.4g}. "
                "Divide by 255, or edit before you normalise."
            )
    return batch.detach()


def check_masks(masks: Tensor, batch: Tensor) -> Tensor:
    """Masks as (B, 1, H, W) bool on the images' device."""
    if not isinstance(masks, Tensor) or masks.dtype != torch.bool:
        seen = getattr(masks, "dtype", type(masks).__name__)
        raise TypeError(f"masks must be a bool tensor, not {seen}; write masks > 0.")
    masks = masks[None] if masks.ndim == 3 else masks
    expected = (len(batch), 1, *batch.shape[-2:])
    if masks.shape != expected:
        raise ValueError(
            f"masks have shape {tuple(masks.shape)}; "
            f"images of {tuple(batch.shape)} need {expected}."
        )
    return masks.to(batch.device)


def check_signs(signs: Tensor, count: int) -> Tensor:
    """Signs as (B, 11) float32."""
    if signs.shape[-1:] != (len(SIGNS),) or signs.min() < 0 or signs.max() > 1:
        count_signs = len(SIGNS)
        raise ValueError(
            f"signs must be (B, {count_signs}) or ({count_signs},) in [0, 1], "
            f"not {tuple(signs.shape)}."
        )
    return signs.expand(count, len(SIGNS)).float()


def check_mask_source(mode: str, mask: str | None) -> str:
    """Where masks come from, for this mode."""
    usual, impossible = ("random", "predict") if mode == "add" else ("predict", "random")
    mask = mask or usual
    if mask not in MASKS:
        raise ValueError(f"mask={mask!r} is none of {', '.join(MASKS)}.")
    if mask == impossible:
        raise ValueError(
            f"mode={mode!r} does not go with mask={mask!r}: use 'given', or {usual!r}."
        )
    return mask
