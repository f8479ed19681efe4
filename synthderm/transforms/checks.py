"""Checks of what `EczemaEdit` and the functions of `synthderm.transforms.functional` are given."""

import reprlib
from typing import Any

import torch
from torch import Tensor

from synthderm.imaging.compositing import LARGEST
from synthderm.imaging.signs import SIGNS

MASKS = ("random", "given", "predict")
# How far bicubic resizing may take float images beyond [0, 1]: by 1/9 beside a straight edge from
# black to white. An edit clamps what it changes; outside the mask such values stay as they are.
OVERSHOOT = 0.125


def check_dense(name: str, tensor: Tensor) -> None:
    """Refuse tensors whose values can't be read.

    Args:
        name: of the argument, for the error.
        tensor: its value.

    Raises:
        TypeError: it is sparse, nested or on the meta device.
    """
    if tensor.is_nested:
        kind, way_out = "nested", "stack images of one size, or edit them one by one"
    elif tensor.layout != torch.strided:
        kind, way_out = "sparse", "write .to_dense()"
    elif tensor.is_meta:
        kind, way_out = "on the meta device, without data", "make it on a real one"
    else:
        return
    raise TypeError(f"{name}: a tensor that is {kind}; {way_out}.")


def as_batch(images: Tensor) -> Tensor:
    """Images as (B, C, H, W) of a supported kind.

    Raises:
        TypeError, ValueError: with what was seen, and what is supported.
    """
    if not isinstance(images, Tensor):
        raise TypeError(
            f"images must be a tensor, not {type(images).__name__}; "
            "for PIL images and arrays use synthderm.EczemaEdit."
        )
    check_dense("images", images)
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
    if 0 in batch.shape[2:]:
        raise ValueError(f"images have shape {tuple(images.shape)}, which holds no pixel.")
    if batch.is_floating_point() and batch.numel():
        _check_range(batch.detach())
    return batch.detach()


def _check_range(batch: Tensor) -> None:
    """Refuse float images that reach further outside [0, 1] than resizing takes them."""
    low, high = batch.aminmax()
    if low >= 0 and high <= 1:
        return
    means = batch.mean((1, 2, 3), dtype=torch.float32)
    # Resizing overshoots beside edges; it does not move a whole image.
    if low >= -OVERSHOOT and high <= 1 + OVERSHOOT and means.min() >= 0 and means.max() <= 1:
        return
    if not (low.isfinite() and high.isfinite()):
        way_out = "replace what is infinite or no number, as with torch.nan_to_num"
    elif high > 4:  # further than normalising takes white
        way_out = "divide by 255, or by whatever white is"
    else:
        way_out = "they look normalised; edit before you normalise"
    raise ValueError(
        f"float images must be in [0, 1], up to {OVERSHOOT} outside beside edges as bicubic"
        f" resizing leaves them; these go from {low:.4g} to {high:.4g}: {way_out}."
    )


def check_signs(signs: Any, count: int) -> Tensor:
    """Signs as (B, 11) float32.

    Raises:
        ValueError: no real numbers, another shape, or outside [0, 1].
    """
    if isinstance(signs, Tensor) and signs.is_complex():
        raise ValueError(f"signs must be {len(SIGNS)} real numbers, not {signs.dtype}.")
    try:
        signs = torch.as_tensor(signs, dtype=torch.float32)
    except (TypeError, ValueError, RuntimeError):
        raise ValueError(
            f"signs must be {len(SIGNS)} numbers, not {reprlib.repr(signs)}."
        ) from None
    shapes = [(len(SIGNS),), (1, len(SIGNS)), (count, len(SIGNS))]
    if tuple(signs.shape) not in shapes or not ((signs >= 0) & (signs <= 1)).all():
        seen = f"{tuple(signs.shape)}, {signs.flatten()[: len(SIGNS)].tolist()}"
        raise ValueError(
            f"signs must be ({count}, {len(SIGNS)}) or ({len(SIGNS)},) in [0, 1], not {seen}."
        )
    return signs.expand(count, len(SIGNS))


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
