"""The composite: how an edit, decided on a small grid, is laid over an image of any size.

What an editor decides is smooth, on a 32 or 64 px grid, or a number per image. What is crisp comes
from two cheap sources: the image's own fine detail, and a fixed tile of heights
(`synthderm.imaging.tiles`).

Adding, `Drawing`. A sign covers a pixel where its level lifts the tile's height above zero:

    cover = clamp(level + sharpness * height, 0, 1)     of plaque, papules, wounds and scale
    shade = 1 + gain * plaque * clamp(G / G0 - 1)
    out   = image * shade * (1 - absorption * (plaque + flush + deepen * papules))
    out   = out * (1 - dried * wounds)
    out   = out + scale * (white * (1 + follow * G) - out)

with G the green channel and G0 that of the enlarged thumbnail. In turn: the skin's own lines; blood
and melanin, more of them in papules; dried blood and serum; scale and wet highlights, lit as the
skin beneath them. Towards the border of the mask the plaque's level sinks, so that the border
itself is not seen.

Removing, `Restoration`. Blood absorbs little red light, so the skin's own texture is read off the
red channel R, and its colour off the thumbnail:

    healthy = enlarged (thumbnail * exp(density)) * (1 + texture * clamp(R / R0 - 1))
    out     = image + severity * matte * (healthy - image)
"""

from typing import NamedTuple

import torch
from torch import Tensor

from synthderm.imaging.resize import enlarge
from synthderm.imaging.tiles import COVERS, STEPS

THUMBNAIL = 64  # side in pixels of the copy of an image that an editor looks at
GRID = THUMBNAIL // 2  # side of most maps
# The dtypes that images have, and the value of white in each.
LARGEST = {
    torch.uint8: 255.0,
    torch.uint16: 65535.0,
    torch.float16: 1.0,
    torch.bfloat16: 1.0,
    torch.float32: 1.0,
    torch.float64: 1.0,
}
DARKEST = 0.02  # of the thumbnail, below which detail is only the sensor's noise
FINE_DETAIL = 0.22  # the most that own detail counts, relative to the light around
BORDER = 1.4  # how far the plaque's level sinks outside the mask


class Drawing(NamedTuple):
    """Eczema to be added. Maps are (B, C, 32, 32), numbers (B, C), float."""

    levels: Tensor  # `COVERS`, in [-1.5, 2.5]: a sign shows where level + sharpness * height > 0
    absorption: Tensor  # red, green, blue, in [-0.3, 0.8]: the share of light that the plaque takes
    flush: Tensor  # one map in [0, 0.6]: redness without a border, around and under the plaque
    gain: Tensor  # one map in [-1, 3]: how much more of its own fine detail the skin shows
    sharpness: Tensor  # numbers, `COVERS`, in [0, 2]: how steep the borders of the covers are
    deepen: Tensor  # one number in [0, 1]: how much papules add to what the plaque absorbs
    dried: Tensor  # three numbers in [0, 1]: the share of light that dried blood and serum take
    white: Tensor  # four numbers in [0, 1]: the colour of scale, and how much it follows the light


class Restoration(NamedTuple):
    """Eczema to be removed."""

    density: Tensor  # (B, 3, 64, 64) in [-2, 2]: the optical density that the skin loses
    matte: Tensor  # (B, 1, 64, 64) in [0, 1]: where the skin changes
    texture: Tensor  # (B, 1, 32, 32) in [0, 1.5]: how much of its texture the skin keeps


class Layers(NamedTuple):
    """An edit that is ready to be laid over images of one dtype. Maps are contiguous."""

    coarse: Tensor  # (B, C, 32, 32)
    fine: Tensor  # (B, C, 64, 64)
    numbers: Tensor  # (B, 12): sharpness, deepen, dried, white; (B, 0) of a restoration


def prepare_drawing(
    drawing: Drawing, thumbnails: Tensor, mask_thumbnails: Tensor, white: float = 1.0
) -> Layers:
    """What `draw` needs of a drawing.

    Args:
        drawing: see there.
        thumbnails: (B, 3, 64, 64) float in [0, 1].
        mask_thumbnails: (B, 1, 64, 64) float in [0, 1], the share of each cell under the mask.
        white: the value of white in the images that the layers are for.
    """
    level = enlarge(drawing.levels[:, :1], THUMBNAIL, THUMBNAIL) - BORDER * (1 - mask_thumbnails)
    light = 1 / (white * thumbnails[:, 1:2].clamp_min(DARKEST))
    coarse = [drawing.levels[:, 1:], drawing.absorption, drawing.flush, drawing.gain]
    colour, follow = drawing.white.split((3, 1), dim=1)
    sharpness = drawing.sharpness * drawing.sharpness.new_tensor(STEPS)
    numbers = [sharpness, drawing.deepen, drawing.dried, colour * white, follow / white]
    return Layers(
        torch.cat(coarse, 1).contiguous(), torch.cat([level, light], 1), torch.cat(numbers, 1)
    )


def draw(layers: Layers, images: Tensor, heights: Tensor) -> Tensor:
    """Add eczema to images, or to a part of them; see the module. `blending.draw_in_place` is the
    same without gradients.

    Args:
        layers: from `prepare_drawing`, enlarged to the size of `images`.
        images: (B, 3, H, W) float.
        heights: (B, 4, H, W), from `cut_heights`.

    Returns:
        (B, 3, H, W), not yet clamped.
    """
    sharpness, deepen, dried, white, follow = layers.numbers[:, :, None, None].split(
        (len(COVERS), 1, 3, 3, 1), dim=1
    )
    level, light = layers.fine.split(1, dim=1)
    levels, absorption, flush, gain = layers.coarse.split((len(COVERS) - 1, 3, 1, 1), dim=1)
    covers = torch.cat([level, levels], dim=1)
    covers = torch.addcmul(covers, heights, sharpness).clamp(0, 1)
    plaque, papules, wounds, scale = covers.split(1, dim=1)
    green = images[:, 1:2]
    detail = (light * green - 1).clamp(-FINE_DETAIL, FINE_DETAIL)
    shade = (1 + detail * gain * plaque).clamp(0.35, 1.6)
    blood = torch.addcmul(plaque + flush, papules, deepen)
    out = images * torch.addcmul(shade, shade * blood, absorption, value=-1)
    out = torch.addcmul(out, out * dried, wounds, value=-1)
    return torch.lerp(out, torch.addcmul(white, white * follow, green), scale)


def prepare_restoration(
    restoration: Restoration,
    thumbnails: Tensor,
    severity: Tensor,
    white: float = 1.0,
) -> Layers:
    """What `restore` needs of a restoration.

    Args:
        restoration: see there.
        thumbnails: (B, 3, 64, 64) float in [0, 1].
        severity: (B,) float in [0, 1], the share of the eczema that is removed.
        white: the value of white in the images that the layers are for.
    """
    healthy = white * thumbnails * torch.exp(restoration.density)
    light = 1 / (white * thumbnails[:, :1].clamp_min(DARKEST))
    matte = restoration.matte * severity.view(-1, 1, 1, 1)
    fine = torch.cat([healthy, light, matte], dim=1)
    return Layers(restoration.texture, fine, healthy.new_zeros(len(healthy), 0))


def restore(layers: Layers, images: Tensor) -> Tensor:
    """Remove eczema from images, or from a part of them; see the module.

    Args:
        layers: from `prepare_restoration`, enlarged to the size of `images`.
        images: (B, 3, H, W) float.

    Returns:
        (B, 3, H, W), not yet clamped.
    """
    healthy, light, matte = layers.fine.split((3, 1, 1), dim=1)
    detail = (light * images[:, :1] - 1).clamp(-FINE_DETAIL, FINE_DETAIL)
    return torch.lerp(images, healthy * (1 + layers.coarse * detail), matte)


def composite(layers: Layers, images: Tensor, heights: Tensor | None = None) -> Tensor:
    """The whole composite of float images, with gradients: what training and the renderer use.

    Args:
        layers: from `prepare_drawing` or `prepare_restoration`.
        images: (B, 3, H, W) float in [0, 1].
        heights: (B, 4, H, W) for a drawing, from `cut_heights`; None for a restoration.

    Returns:
        (B, 3, H, W), not yet clamped. The caller keeps the pixels outside the mask.
    """
    height, width = images.shape[-2:]
    layers = layers._replace(
        coarse=enlarge(layers.coarse, height, width), fine=enlarge(layers.fine, height, width)
    )
    return restore(layers, images) if heights is None else draw(layers, images, heights)
