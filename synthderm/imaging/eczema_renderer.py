"""Eczema drawn on skin by rule, with exact mask and severity: what the editor learns from.

    erythema        EASI and SCORAD "erythema": blood, added in optical density; pink to brick red,
                    violet-brown on dark skin
    papulation      EASI "induration/papulation", SCORAD "oedema/papulation": small red bumps
    excoriation     EASI and SCORAD "excoriation": thin scratches, in groups
    lichenification EASI and SCORAD "lichenification": the skin's lines deepened, darker by melanin
    scale           SCORAD "dryness": whitish torn sheets with cracks between them
    crust           SCORAD "oozing/crusts": dried serum and blood
    oozing          SCORAD "oozing/crusts": a yellowish film and small wet highlights
    pigment         brown that inflammation leaves behind
    diffuseness     how slowly the plaque fades in from its border (eczema's is poorly defined:
                    Hanifin and Rajka, Acta Derm. Venereol. Suppl. 92, 1980)
    patchiness      how far the plaque breaks up into islands
    warmth          red towards brick, instead of pink

Colour is worked out in optical density, where absorbers add on every skin tone (Tsumura et al.,
JOSA A 16(9), 1999). All that is decided here is smooth, so that the editor can learn it; what is
crisp is the composite's work.
"""

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from synthderm.imaging.color import MELANIN, to_density
from synthderm.imaging.compositing import GRID, THUMBNAIL, Drawing, composite, prepare_drawing
from synthderm.imaging.lesions import Latents
from synthderm.imaging.masks import skin_region
from synthderm.imaging.resize import shrink
from synthderm.imaging.tiles import cut_heights, is_wet

# Optical density in red, green and blue: of more blood, between inflamed and calm skin of the same
# photographs, before warmer hues are added; of these; of blood that shows through much melanin; and
# of wet serum. Then the shares of light that dried blood and serum take, and the colour of scale.
BLOOD, WARMER, VIOLET = (0.11, 1.00, 0.68), (0.18, 0.00, 0.26), (0.36, 0.80, 0.62)
SERUM = (0.05, 0.30, 1.00)
DRIED_BLOOD, DRIED_SERUM = (0.36, 0.66, 0.70), (0.16, 0.42, 0.70)
SCALE = (1.0, 0.96, 0.91)


class Amounts(NamedTuple):
    """How much of each sign there is, (B, 1, 1, 1) each in [0, 1]; in the order of `SIGNS`."""

    erythema: Tensor
    papulation: Tensor
    excoriation: Tensor
    lichenification: Tensor
    scale: Tensor
    crust: Tensor
    oozing: Tensor
    pigment: Tensor
    diffuseness: Tensor
    patchiness: Tensor
    warmth: Tensor


def draw_eczema(images: Tensor, masks: Tensor, severity: Tensor, latents: Latents) -> Tensor:
    """Draw eczema inside masks.

    Args:
        images: (B, 3, H, W) float in [0, 1], healthy skin.
        masks: (B, 1, H, W) bool.
        severity: (B,) float in [0, 1]; 0 gives the image back.
        latents: of B lesions.

    Returns:
        (B, 3, H, W) float in [0, 1]; pixels outside the mask are the input's own.
    """
    thumbnails, mask_thumbnails = shrink(images, THUMBNAIL), shrink(masks, THUMBNAIL)
    drawing = plan_drawing(thumbnails, mask_thumbnails, severity, latents)
    layers = prepare_drawing(drawing, thumbnails, mask_thumbnails)
    heights = cut_heights(latents.offset, latents.tiles, *images.shape[-2:])
    drawn = composite(layers, images, heights).clamp(0, 1)
    return torch.where(masks & (severity > 0).view(-1, 1, 1, 1), drawn, images)


def plan_drawing(
    thumbnails: Tensor, mask_thumbnails: Tensor, severity: Tensor, latents: Latents
) -> Drawing:
    """The rules: what is drawn, before it is laid over an image.

    Args:
        thumbnails: (B, 3, 64, 64) float in [0, 1].
        mask_thumbnails: (B, 1, 64, 64) float in [0, 1], the share of each cell under the mask.
        severity: (B,) float in [0, 1].
        latents: of B lesions.
    """
    amounts = Amounts(*latents.signs.T[:, :, None, None, None])
    s = severity.view(-1, 1, 1, 1)
    wet = is_wet(latents.tiles).to(s.dtype).view(-1, 1, 1, 1)
    grid_masks = F.avg_pool2d(mask_thumbnails, 2)
    shape, hue, here, there = latents.noise.split(1, dim=1)
    skin = F.avg_pool2d(skin_region(thumbnails).to(s.dtype), 2)
    inner, depth = _depths(grid_masks, skin, amounts.diffuseness)

    plaque = 0.75 + (0.08 + 0.3 * amounts.patchiness) * shape - 0.12 * amounts.patchiness**2
    plaque = 0.08 * inner + depth * plaque - 0.08 - 0.1 * (1 - s)
    flush = (0.12 + 0.28 * amounts.diffuseness) * inner * (1 + 0.3 * shape).clamp(0.4, 1.6)
    red_density = shrink(to_density(thumbnails), GRID)[:, :1]
    is_dark = torch.sigmoid(7 * (_blur(red_density, 3) - 0.75))
    density = _density(amounts, is_dark, hue, here, there)
    steepness, covers = _covers(amounts, wet, here, there)
    visible = (1.5 * depth).clamp(0, 1) * s**0.6
    levels = [cover * visible * steep for cover, steep in zip(covers, steepness)]
    thick = 0.1 + 1.0 * amounts.lichenification**1.5 + 0.3 * amounts.scale
    gain = thick - 0.4 * amounts.erythema * (1 - amounts.lichenification)
    dark_share = is_dark.mean((2, 3), keepdim=True)
    dried = torch.lerp(_colour(DRIED_BLOOD, s), _colour(DRIED_SERUM, s), amounts.oozing * wet)
    # Scale has less light to scatter on dark skin, and looks ashy there.
    area = grid_masks.sum((2, 3), keepdim=True).clamp_min(1e-3)
    red = F.avg_pool2d(thumbnails[:, :1], 2)
    light = (red * grid_masks).sum((2, 3), keepdim=True) / area
    scale = torch.cat([(0.36 + 0.44 * light) * _colour(SCALE, s), torch.full_like(s, 0.6)], dim=1)
    return Drawing(
        levels=torch.cat([plaque, *levels], dim=1),
        absorption=1 - torch.exp(-s * density),
        flush=flush,
        gain=s * gain * (1 + 0.3 * shape).clamp(0.3, 1.7),
        sharpness=_numbers(0.17 + 0.24 * amounts.patchiness, *steepness),
        deepen=_numbers((0.5 + 0.5 * amounts.papulation) * (1 - 0.6 * amounts.oozing)),
        dried=_numbers(dried * (1 - 0.35 * dark_share)),
        white=_numbers(scale),
    )


def _depths(masks: Tensor, skin: Tensor, diffuseness: Tensor) -> tuple[Tensor, Tensor]:
    """How deep in the mask each cell is, (B, 1, 32, 32): 0 outside, 1 well inside. Once as sharp as
    the mask, and once for the plaque, which fades in more slowly where it is diffuse."""
    # Of the skin around, how much is under the mask: at the edge of a finger nothing fades.
    skin = torch.maximum(skin, masks)
    near, far = (_blur(masks, r) / _blur(skin, r).clamp_min(1e-3) for r in (1, 3))
    inner = (2.3 * near - 0.9).clamp(0, 1)
    soft = ((far - 0.45) / 0.5).clamp(0, 1) * (2 * near).clamp(0, 1)
    return inner, torch.lerp(inner, soft, (1.4 * diffuseness).clamp(0, 1))


def _density(amounts: Amounts, is_dark: Tensor, hue: Tensor, here: Tensor, there: Tensor) -> Tensor:
    """The plaque's optical density at full severity, (B, 3, 32, 32)."""
    warmth = amounts.warmth - 0.35 + 0.25 * hue
    blood = _colour(BLOOD, hue) + _colour(WARMER, hue) * warmth
    blood = torch.lerp(blood, _colour(VIOLET, hue), is_dark)
    brown = _colour(MELANIN, hue) / MELANIN[1] * (0.9 - 0.4 * is_dark)
    # Dark skin gets less dark, by as much as it reflects less.
    red = (0.18 + 0.40 * amounts.erythema**1.3) * (1 - 0.2 * is_dark)
    density = red * (1 + 0.28 * hue).clamp(0.3, 1.7) * blood
    tan = 0.38 * amounts.pigment**1.5 + 0.08 * amounts.lichenification
    density = density + tan * (1 - 0.25 * here).clamp(0.3, 1.7) * brown
    return density + 0.22 * amounts.oozing**2 * torch.sigmoid(3 * there) * _colour(SERUM, hue)


def _covers(
    amounts: Amounts, wet: Tensor, here: Tensor, there: Tensor
) -> tuple[list[Tensor], list[Tensor]]:
    """How steep papules, wounds and scale are, and how much of each there is and where."""
    wound = torch.where(wet > 0, amounts.crust, amounts.excoriation)
    pale = torch.where(wet > 0, amounts.oozing, amounts.scale)
    one, other = torch.sigmoid(2.5 * here + 0.6), torch.sigmoid(2.5 * there + 0.6)
    ones = torch.ones_like(wet)
    steepness = [1.7 * ones, 1.6 * ones, 0.5 + 0.8 * pale]
    covers = [
        (0.5 + 0.8 * amounts.papulation) * (0.35 + 0.65 * one),
        0.95 * wound * (1.2 - one) * other,
        (0.4 + 0.55 * pale) * torch.sigmoid(0.8 - 2.5 * there),
    ]
    return steepness, covers


def _colour(rgb: tuple[float, float, float], like: Tensor) -> Tensor:
    return like.new_tensor(rgb).view(1, 3, 1, 1)


def _numbers(*parts: Tensor) -> Tensor:
    """(B, C, 1, 1) parts as (B, C) numbers."""
    return torch.cat(torch.broadcast_tensors(*parts) if len(parts) > 1 else parts, 1)[:, :, 0, 0]


def _blur(x: Tensor, radius: int) -> Tensor:
    """Two box blurs of (B, C, H, W): close to a Gaussian of standard deviation 1.2 at radius 1 and
    2.8 at radius 3."""
    side = 2 * radius + 1
    for _ in range(2):
        x = F.avg_pool2d(x, side, 1, radius, count_include_pad=False)
    return x
