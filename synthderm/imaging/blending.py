"""The composite of `compositing`, laid over images of any dtype in place, where a mask is.

Most of an edit's time goes into passes over memory. So the maps are enlarged and the image is
edited only in the window that holds the mask, strip by strip, and what is worked out is written
where its operands were.
"""

import numpy as np
import torch
from torch import Tensor

from synthderm.imaging.compositing import FINE_DETAIL, LARGEST, Layers, restore
from synthderm.imaging.resize import ALL, enlarge_columns, enlarge_rows
from synthderm.imaging.tiles import COVERS, cut_heights

STRIP = 100_000  # pixels composited at once on a CPU: about 12 MB of float maps, which stay cached
NOWHERE = slice(0, 0), slice(0, 0)
LUMA = (0.299, 0.587, 0.114)  # ITU-R BT.601, as Pillow turns RGB into L


@torch.no_grad()
def blend(
    images: Tensor,
    masks: Tensor,
    is_edited: Tensor,
    layers: Layers,
    offset: Tensor | None = None,
    tiles: Tensor | None = None,
) -> Tensor:
    """A copy of the images with an edit inside the masks; every other pixel stays bit for bit.

    Args:
        images: (B, C, H, W) of any dtype that images have; C = 1 (grey), 3, or 4 (alpha is kept).
        masks: (B, 1, H, W) bool.
        is_edited: (B,) bool; the other images are left alone.
        layers: for images of this dtype.
        offset, tiles: as in `cut_heights`, for a drawing; None for a restoration.
    """
    edited = images.clone(memory_format=torch.preserve_format)
    if not _is_one_by_one(images):
        inside = masks & is_edited.view(-1, 1, 1, 1)
        _blend_window(edited, inside, ALL, layers, offset, tiles)
        return edited
    for index in is_edited.nonzero()[:, 0].tolist():
        one = slice(index, index + 1)
        _blend_window(
            edited[one],
            masks[one],
            _bounding_box(masks[one]),
            Layers(*(part[one] for part in layers)),
            None if offset is None else offset[one],
            None if tiles is None else tiles[one],
        )
    return edited


def _is_one_by_one(images: Tensor) -> bool:
    """On a CPU images are edited one at a time, each only where its mask is. A GPU would have to
    wait to know where that is."""
    return images.device.type == "cpu"


def _blend_window(
    images: Tensor,
    masks: Tensor,
    window: tuple[slice, slice],
    layers: Layers,
    offset: Tensor | None,
    tiles: Tensor | None,
) -> None:
    """Edit a window of images in place, on a CPU strip by strip."""
    height, width = images.shape[-2:]
    colours = images[:, :3]
    top, bottom, _ = window[0].indices(height)
    left, right, _ = window[1].indices(width)
    if top == bottom or left == right:
        return
    columns = slice(left, right)
    coarse = enlarge_columns(layers.coarse, width, columns)
    fine = enlarge_columns(layers.fine, width, columns)
    strip = max(16, STRIP // (right - left)) if _is_one_by_one(images) else bottom - top
    for start in range(top, bottom, strip):
        rows = slice(start, min(start + strip, bottom))
        part = layers._replace(
            coarse=enlarge_rows(coarse, height, rows), fine=enlarge_rows(fine, height, rows)
        )
        old = colours[:, :, rows, columns]
        new = _as_float(old)
        if offset is None or tiles is None:
            new = restore(part, new)
        else:
            draw_in_place(part, new, cut_heights(offset, tiles, height, width, (rows, columns)))
        if old.shape[1] == 1:
            new = (new * new.new_tensor(LUMA).view(1, 3, 1, 1)).sum(1, keepdim=True)
        put_inside(old, masks[:, :, rows, columns], _as_dtype(new, images.dtype))


def draw_in_place(layers: Layers, images: Tensor, heights: Tensor) -> None:
    """As `compositing.draw`, to the same images, in fewer passes over memory. Writes to all that it
    is given, and takes no new memory: it would have to be fetched."""
    sharpness, deepen, dried, white, follow = layers.numbers[:, :, None, None].split(
        (len(COVERS), 1, 3, 3, 1), dim=1
    )
    level, light = layers.fine.split(1, dim=1)
    levels, absorption, flush, gain = layers.coarse.split((len(COVERS) - 1, 3, 1, 1), dim=1)
    heights.mul_(sharpness)
    heights[:, :1] += level
    heights[:, 1:] += levels
    plaque, papules, wounds, scale = heights.clamp_(0, 1).split(1, dim=1)
    green = images[:, 1:2]
    detail = light.mul_(green).sub_(1).clamp_(-FINE_DETAIL, FINE_DETAIL)
    lit = torch.mul(green, follow, out=level).add_(1)
    shade = detail.mul_(gain).mul_(plaque).add_(1).clamp_(0.35, 1.6)
    blood = plaque.add_(flush).addcmul_(papules, deepen).mul_(shade)
    spare = absorption.mul_(blood)  # of three channels, for what follows
    images.mul_(torch.sub(shade, spare, out=spare))
    images.mul_(torch.mul(wounds, -dried, out=spare).add_(1))
    images.lerp_(torch.mul(lit, white, out=spare), scale)


def _as_float(images: Tensor) -> Tensor:
    """A copy in float32 of three channels, clamped to what its dtype's white is."""
    result = images.to(torch.float32, memory_format=torch.contiguous_format, copy=True)
    if images.is_floating_point():  # bicubic resizing leaves values a little outside [0, 1]
        result.clamp_(0, 1)
    return result if images.shape[1] == 3 else result.repeat(1, 3, 1, 1)


def _as_dtype(images: Tensor, dtype: torch.dtype) -> Tensor:
    """Float images in units of `dtype`, clamped, rounded and converted. Writes to `images`."""
    images = images.clamp_(0, LARGEST[dtype])
    if not dtype.is_floating_point:
        # By way of a signed integer: many times as fast as straight to an unsigned one.
        images = images.round_().to(torch.int16 if dtype == torch.uint8 else torch.int32)
    return images.to(dtype)


def put_inside(images: Tensor, mask: Tensor, new: Tensor) -> None:
    """Write `new` to the images where the mask is True, chosen as bits: for any dtype, and on a CPU
    many times as fast as `torch.where`. Writes to `new`, too."""
    bits = {1: torch.uint8, 2: torch.int16, 4: torch.int32, 8: torch.int64}[new.element_size()]
    chosen = (mask.view(torch.uint8) if bits == torch.uint8 else mask.to(bits)).neg()
    images, new = images.view(bits), new.view(bits)
    images.bitwise_xor_(new.bitwise_xor_(images).bitwise_and_(chosen))


def _bounding_box(mask: Tensor) -> tuple[slice, slice]:
    """Rows and columns of a (1, 1, H, W) mask that hold all of it."""
    array = mask[0, 0].numpy()  # whose any() is many times as fast as torch's
    rows = np.flatnonzero(array.any(1))
    if len(rows) == 0:
        return NOWHERE
    high = slice(int(rows[0]), int(rows[-1]) + 1)
    columns = np.flatnonzero(array[high].any(0))
    return high, slice(int(columns[0]), int(columns[-1]) + 1)
