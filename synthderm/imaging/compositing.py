"""The composite: how an edit, decided on a small grid, is laid over an image of any size.

An edit is a set of `Maps` on a 32 px grid. `prepare` turns them into the few small maps that the
pixels need, once an edit. `apply` enlarges these and spends one multiplication and addition and
three blends on each pixel. `blend` does so in the image's own dtype, and only inside the mask.

With m = severity * matte * grid mask, D the change of density and g the detail gain:

    out = image * exp(-m D) * (1 + m g) - small * exp(-m D) * m g       colour, the skin's own lines
    out = out * (1 + m relief * lines)                                  drawn lines and bumps
    out = out + clamp(m dark * crusts) * (dried - out)                  crusts, papules or scratches
    out = out + clamp(m light * flakes) * (white - out)                 scale or wet highlights
"""

from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from synthderm.imaging.resize import ALL, enlarge_columns, enlarge_rows
from synthderm.imaging.textures import cut_texture

THUMBNAIL = 64  # side in pixels of the copy of an image that an editor looks at
GRID = THUMBNAIL // 2  # side of the maps
# What the clinical scores rate (EASI, SCORAD), and how softly a lesion fades into healthy skin.
# `synthderm.imaging.eczema_renderer` says how each is drawn.
SIGNS = (
    "erythema",
    "papulation",
    "excoriation",
    "lichenification",
    "scale",
    "crust",
    "oozing",
    "diffuseness",
)

STRIP = 200_000  # pixels composited at once on a CPU: about 16 MB of float maps, which stay cached
NOWHERE = slice(0, 0), slice(0, 0)
# The dtypes that images have, and the value of white in each.
LARGEST = {
    torch.uint8: 255.0,
    torch.uint16: 65535.0,
    torch.float16: 1.0,
    torch.bfloat16: 1.0,
    torch.float32: 1.0,
    torch.float64: 1.0,
}
LUMA = (0.299, 0.587, 0.114)  # ITU-R BT.601, as Pillow turns RGB into L

DRIED = (0.50, 0.12, 0.07)  # what a crust of serum and blood leaves of red, green and blue light
WHITE = (0.95, 0.93, 0.88)  # the colour of scale and of wet highlights in bright light


class Maps(NamedTuple):
    """What an editor predicts or the renderer draws, each (B, C, 32, 32) float.

    `relief`, `light` and `dark` are amounts of the textures in `synthderm.imaging.textures`.
    """

    matte: Tensor  # in [0, 1]: where the change shows
    density: Tensor  # three channels, in [-2, 2]: the change of optical density
    detail: Tensor  # in [-1, 2]: gain of the skin's own detail
    relief: Tensor  # in [-0.6, 0.6]: how much drawn lines and bumps stand out
    light: Tensor  # in [-1.3, 1.3]: scale (positive) or wet highlights (negative)
    dark: Tensor  # in [-1.3, 1.3]: papules and crusts (positive) or scratches (negative)
    found: Tensor  # logit of eczema being there already


class Layers(NamedTuple):
    """An edit that is ready to be laid over an image."""

    maps: Tensor  # (B, 9, h, w): factor (3), offset (3), relief, dark and light
    dried: Tensor  # (B, 3, 1, 1): the colour of crusts
    white: Tensor  # (B, 3, 1, 1): the colour of scale


def prepare(
    small: Tensor, maps: Maps, severity: Tensor, grid_masks: Tensor, white: float = 1.0
) -> Layers:
    """Maps as a multiplication and an addition per pixel; see the module.

    Args:
        small: (B, 3, h, w) float in [0, 1], the images shrunk to the maps' grid.
        maps: (B, C, h, w) each.
        severity: (B,) float in [0, 1].
        grid_masks: (B, 1, h, w) float in [0, 1], the masks on the maps' grid.
        white: the value of white in the images that the layers are for.
    """
    m = severity.view(-1, 1, 1, 1) * grid_masks * maps.matte
    colour = torch.exp(-m * maps.density)
    detail = colour * (m * maps.detail)
    layers = torch.cat(
        [
            colour + detail,
            detail * small * -white,
            m * maps.relief,
            m * maps.dark,
            m * maps.light,
        ],
        dim=1,
    )
    # Blood dries darker on dark skin, and scale has less light to scatter there.
    area = grid_masks.sum((2, 3), keepdim=True).clamp_min(1e-3)
    mean_skin = (small * grid_masks).sum((2, 3), keepdim=True) / area
    brightness = 0.3 + 0.7 * mean_skin.mean(1, keepdim=True).clamp_min(1e-3).sqrt()
    dried_colour, white_colour = mean_skin.new_tensor((DRIED, WHITE)).view(2, 1, 3, 1, 1)
    return Layers(layers, mean_skin * dried_colour * white, brightness * white_colour * white)


def apply(
    layers: Layers, images: Tensor, texture: Tensor, height: int, rows: slice = ALL[0]
) -> Tensor:
    """Lay an edit over images, or over some of their rows.

    Args:
        layers: with maps that are as wide as `images` already.
        images: (B, 3, len(rows), W) float.
        texture: (B, 3, len(rows), W), from `cut_texture`.
        height: of the whole images.
        rows: which of these rows `images` holds.
    """
    enlarged = enlarge_rows(layers.maps, height, rows)
    factor, offset, relief, dark, light = enlarged.split((3, 3, 1, 1, 1), dim=1)
    flakes, crusts, lines = texture.split(1, dim=1)
    out = torch.addcmul(offset, images, factor)
    out = out * torch.addcmul(lines.new_ones(()), relief, lines)
    out = torch.lerp(out, layers.dried, (dark * crusts).clamp(0, 0.9))
    return torch.lerp(out, layers.white, (light * flakes).clamp(0, 0.9))


def composite(
    images: Tensor,
    small: Tensor,
    maps: Maps,
    severity: Tensor,
    grid_masks: Tensor,
    texture: Tensor,
) -> Tensor:
    """The whole composite of float images, with gradients: what training and the renderer use.

    Args:
        images: (B, 3, H, W) float in [0, 1].
        small, maps, severity, grid_masks: as in `prepare`.
        texture: (B, 3, H, W), from `synthderm.imaging.textures.cut_texture`.

    Returns:
        (B, 3, H, W) float, not yet clamped to [0, 1]. The caller keeps the pixels outside the mask.
    """
    layers = prepare(small, maps, severity, grid_masks)
    layers = layers._replace(maps=enlarge_columns(layers.maps, images.shape[-1]))
    return apply(layers, images, texture, images.shape[-2])


@torch.no_grad()
def blend(
    images: Tensor, masks: Tensor, severity: Tensor, layers: Layers, offset: Tensor
) -> Tensor:
    """A copy of the images with an edit inside the masks; every other pixel stays bit for bit.

    Args:
        images: (B, C, H, W) of any dtype that images have; C = 1 (grey), 3, or 4 (alpha is kept).
        masks: (B, 1, H, W) bool.
        severity: (B,) float; images of severity 0 are left alone.
        layers: from `prepare`, for images of this dtype.
        offset: (B, 2) float in [0, 1), where on the texture tile each image lies.
    """
    edited = images.clone(memory_format=torch.preserve_format)
    if not _is_one_by_one(images):
        _blend_window(edited, masks & (severity > 0).view(-1, 1, 1, 1), ALL, layers, offset)
        return edited
    for row, amount in enumerate(severity.tolist()):
        one = slice(row, row + 1)
        window = _bounding_box(masks[one]) if amount > 0 else NOWHERE
        one_layers = Layers(*(part[one] for part in layers))
        _blend_window(edited[one], masks[one], window, one_layers, offset[one])
    return edited


def _is_one_by_one(images: Tensor) -> bool:
    """On a CPU images are edited one at a time, each only where its mask is. A GPU would have to
    wait to know where that is."""
    return images.device.type == "cpu"


def _blend_window(
    images: Tensor, masks: Tensor, window: tuple[slice, slice], layers: Layers, offset: Tensor
) -> None:
    """Edit a window of images in place."""
    height, width = images.shape[-2:]
    colours = min(images.shape[1], 3)
    top, bottom, _ = window[0].indices(height)
    left, right, _ = window[1].indices(width)
    if top == bottom or left == right:
        return
    layers = layers._replace(maps=enlarge_columns(layers.maps, width, slice(left, right)))
    texture = cut_texture(offset, height, width, window)
    strip = max(16, STRIP // (right - left)) if _is_one_by_one(images) else bottom - top
    for start in range(top, bottom, strip):
        rows = slice(start, min(start + strip, bottom))
        old = images[:, :colours, rows, left:right]
        inside = masks[:, :, rows, left:right]
        textured = texture[:, :, start - top : rows.stop - top]
        new = apply(layers, old.to(torch.float32), textured, height, rows)
        if colours == 1:
            new = (new * new.new_tensor(LUMA).view(1, 3, 1, 1)).sum(1, keepdim=True)
        old.copy_(keep_outside(inside, _as_dtype(new, images.dtype), old))


def _as_dtype(images: Tensor, dtype: torch.dtype) -> Tensor:
    """Float images in units of `dtype`, clamped, rounded and converted. Writes to `images`."""
    images = images.clamp_(0, LARGEST[dtype])
    if not dtype.is_floating_point:
        # By way of a signed integer: many times as fast as straight to an unsigned one.
        images = images.round_().to(torch.int16 if dtype == torch.uint8 else torch.int32)
    return images.to(dtype)


def keep_outside(mask: Tensor, new: Tensor, old: Tensor) -> Tensor:
    """`new` where the mask is True, else `old`, chosen as bits: for any dtype, and on a CPU many
    times as fast as `torch.where`. Writes to `new`."""
    bits = {1: torch.uint8, 2: torch.int16, 4: torch.int32, 8: torch.int64}[new.element_size()]
    chosen = (mask.view(torch.uint8) if bits == torch.uint8 else mask.to(bits)).neg()
    old = old.view(bits)
    new.view(bits).bitwise_xor_(old).bitwise_and_(chosen).bitwise_xor_(old)
    return new


def _bounding_box(mask: Tensor) -> tuple[slice, slice]:
    """Rows and columns of a (1, 1, H, W) mask that hold all of it."""
    array = mask[0, 0].numpy()  # whose any() is many times as fast as torch's
    rows, columns = np.flatnonzero(array.any(1)), np.flatnonzero(array.any(0))
    if len(rows) == 0:
        return NOWHERE
    return slice(int(rows[0]), int(rows[-1]) + 1), slice(int(columns[0]), int(columns[-1]) + 1)


def to_grid(thumbnails: Tensor) -> Tensor:
    """(B, C, 64, 64) thumbnails to the maps' grid, (B, C, 32, 32), by averaging."""
    return F.avg_pool2d(thumbnails, 2)
