"""Eczema drawn on skin by rule, with exact mask and severity: what the editor learns from.

What is drawn are the signs that the clinical scores rate, each with an amount: `SIGNS`.

    erythema         EASI and SCORAD "erythema": blood, added in optical density; pink to brick,
                     violet-brown on dark skin
    papulation       EASI "induration/papulation", SCORAD "oedema/papulation": small red bumps, lit
                     from one side
    excoriation      EASI and SCORAD "excoriation": thin, grouped, dark red scratches
    lichenification  EASI and SCORAD "lichenification": the skin's lines deepened, thick skin,
                     darker by melanin
    scale            SCORAD "dryness": whitish sheets with cracks between them
    crust            SCORAD "oozing/crusts": dried serum and blood, yellow-brown to dark red
    oozing           SCORAD "oozing/crusts": a yellowish film with small wet highlights
    diffuseness      eczema's border is poorly defined (Hanifin and Rajka, Acta Derm. Venereol.
                     Suppl. 92, 1980): how far the plaque fades towards the border of its mask; 0
                     draws a sharp border

EASI: Hanifin et al., Exp. Dermatol. 10 (2001). SCORAD: European Task Force on Atopic Dermatitis,
Dermatology 186 (1993). Colour is drawn in optical density, so that it is right on every skin tone
(Tsumura et al., JOSA A 16(9), 1999). What varies from pixel to pixel is the image itself and
`synthderm.imaging.textures`; all else is smooth, so that the editor can learn it.
"""

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from synthderm.imaging.color import HAEMOGLOBIN, MELANIN, to_density
from synthderm.imaging.compositing import SIGNS, THUMBNAIL, Maps, composite
from synthderm.imaging.resize import shrink

# How inflamed dark skin darkens: red light is absorbed as well, blue less than green.
VIOLET = (0.40, 0.62, 0.48)
YELLOW = (0.1, 0.35, 1.0)  # dried and wet serum
ORANGE = (0.2, 0.0, 1.0)  # what the hue of redness varies along


class Amounts(NamedTuple):
    """How much of each sign there is, (B, 1, 1, 1) each in [0, 1]; in the order of `SIGNS`."""

    erythema: Tensor
    papulation: Tensor
    excoriation: Tensor
    lichenification: Tensor
    scale: Tensor
    crust: Tensor
    oozing: Tensor
    diffuseness: Tensor


def draw_eczema(
    images: Tensor,
    masks: Tensor,
    severity: Tensor,
    noise: Tensor,
    texture: Tensor,
    signs: Tensor | None = None,
) -> Tensor:
    """Draw eczema inside masks.

    Args:
        images: (B, 3, H, W) float in [0, 1], healthy skin.
        masks: (B, 1, H, W) bool.
        severity: (B,) float in [0, 1]; 0 gives the image back.
        noise: (B, 2, 64, 64), smooth standard normal fields: they make the plaque ragged, vary its
            hue, and decide where in it each sign is.
        texture: (B, 3, H, W) in [-1, 1]: `synthderm.imaging.textures.cut_texture`.
        signs: (B, 8) in [0, 1], how much of each of `SIGNS` there is beside the others; 0.5 each
            where None.

    Returns:
        (B, 3, H, W) float in [0, 1]; pixels outside the mask are the input's own.
    """
    if signs is None:
        signs = torch.full((len(images), len(SIGNS)), 0.5, device=images.device)
    amounts = Amounts(*signs.T[:, :, None, None, None])
    # Squared, so that of evenly drawn signs most are faint and one or two stand out: lesions then
    # differ from each other.
    amounts = amounts._replace(
        papulation=amounts.papulation**2,
        excoriation=amounts.excoriation**2,
        scale=amounts.scale**2,
        crust=amounts.crust**2,
        oozing=amounts.oozing**2,
    )
    s = severity.view(-1, 1, 1, 1)
    shape, mottle = noise.split(1, dim=1)
    thumbnails, grid_masks = shrink(images, THUMBNAIL), shrink(masks, THUMBNAIL)
    plaque = _plaque(grid_masks, amounts, s, shape)
    density = _density(thumbnails, amounts, plaque, shape, mottle)
    light, dark = _textures(amounts, s, shape, mottle)
    relief = 0.3 * amounts.lichenification**2 + 0.15 * amounts.papulation
    # Swollen skin is smooth, its grain stretched away; thick and dry skin shows more of it.
    swelling = 0.1 + 0.5 * torch.sigmoid(2 * mottle + shape)
    thick = 1.5 * amounts.lichenification**2 + 0.3 * amounts.scale
    detail = thick - (1 - amounts.lichenification) * swelling

    # Laid on by the editor's own composite: whatever is drawn here, the editor can learn to draw.
    maps = Maps(plaque, density, detail, relief, light, dark, found=grid_masks)
    drawn = composite(images, thumbnails, maps, severity, grid_masks, texture)
    return torch.where(masks & (s > 0), drawn.clamp(0, 1), images)


def _plaque(masks: Tensor, amounts: Amounts, s: Tensor, shape: Tensor) -> Tensor:
    """Where the plaque is, (B, 1, 64, 64) in [0, 1]: even up to the mask's border, or fading
    towards it; fainter in places where the noise is low."""
    depth = blur(masks, THUMBNAIL // 10)
    depth = depth / depth.amax((2, 3), keepdim=True).clamp_min(1e-3)
    fading = ((depth - 0.4) / 0.5).clamp(0, 1)
    edge = (2 * blur(masks, 1) - 0.1).clamp(0, 1)
    plaque = edge + amounts.diffuseness ** (1 / 3) * (fading - edge)
    raggedness = 4 - 2.5 * amounts.diffuseness
    height = shape + 1.1 + 0.6 * s - 0.8 * amounts.papulation
    return plaque * (0.15 + 0.85 * torch.sigmoid(raggedness * height))


def _density(
    thumbnails: Tensor, amounts: Amounts, plaque: Tensor, shape: Tensor, mottle: Tensor
) -> Tensor:
    """The change of optical density, (B, 3, 64, 64)."""

    def colour(rgb: tuple[float, float, float]) -> Tensor:
        return thumbnails.new_tensor(rgb).view(1, 3, 1, 1)

    # Where there is much melanin, blood shows violet-brown instead of red.
    red_density = blur(to_density(thumbnails), 3)[:, :1]
    is_dark = torch.sigmoid(6 * (red_density - 0.65))
    blood = colour(HAEMOGLOBIN) / HAEMOGLOBIN[1] * (1 - is_dark)
    blood = blood + colour(VIOLET) / VIOLET[1] * 0.8 * is_dark
    hue = torch.tanh(0.8 * mottle - 0.5 * shape)
    patchy = (1 + 0.2 * mottle).clamp(0.4, 1.6)
    redness = 0.15 + 0.5 * amounts.erythema**1.5
    density = patchy * redness * (blood + 0.18 * hue * colour(ORANGE))
    # Thick skin and old inflammation are darker by melanin, the more of it there is.
    lichenification = 0.04 + 0.30 * amounts.lichenification**2
    pigment = lichenification * (0.6 + 0.8 * is_dark) * (1 - 0.4 * shape).clamp(0, 2)
    density = density + pigment * (colour(MELANIN) / MELANIN[1])
    # Thick skin stands out: the plaque's flank is bright towards the light, dark away from it.
    flank = blur(plaque.roll((-2, -2), (2, 3)) - plaque.roll((2, 2), (2, 3)), 1)
    density = density - (0.25 * amounts.lichenification + 0.25 * amounts.papulation) * flank
    film = torch.sigmoid(3 * (mottle - 0.3))
    return density + film * (0.35 * amounts.oozing + 0.25 * amounts.crust) * colour(YELLOW)


def _textures(amounts: Amounts, s: Tensor, shape: Tensor, mottle: Tensor) -> tuple[Tensor, Tensor]:
    """The amounts of light and of dark texture. Each of the noises divides the plaque between two
    signs that share a channel."""
    dryness = torch.sigmoid(4 * (shape + 2 * (amounts.scale - amounts.oozing)))
    light = dryness * (0.05 + 0.95 * amounts.scale) - (1 - dryness) * amounts.oozing
    bumps = amounts.crust + amounts.papulation - amounts.excoriation
    raised = torch.sigmoid(4 * (mottle + 2 * bumps))
    dark = raised * (0.5 * amounts.papulation + 1.1 * amounts.crust * s)
    dark = dark - (1 - raised) * 1.1 * amounts.excoriation * s
    return light, dark


def blur(x: Tensor, radius: int) -> Tensor:
    """Two box blurs of (B, C, H, W): close to a Gaussian of standard deviation 0.8 * radius."""
    side = 2 * radius + 1
    for _ in range(2):
        x = F.avg_pool2d(x, side, 1, radius, count_include_pad=False)
    return x
