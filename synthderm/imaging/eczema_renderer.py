"""Eczema drawn on skin by rule: the teacher of the editor, with exact mask, severity and answer.

What is drawn are the signs that the clinical scores rate, each with an amount: `SIGNS`.

    erythema        EASI and SCORAD "erythema": blood, added in optical density; pink to brick,
    violet-brown on dark skin papulation      EASI "induration/papulation", SCORAD
    "oedema/papulation": small red bumps, lit from one side excoriation     EASI and SCORAD
    "excoriation": thin, grouped, dark red scratches lichenification EASI and SCORAD
    "lichenification": the skin's lines deepened, thick skin, darker by melanin scale
    SCORAD "dryness": whitish sheets with cracks between them crust           SCORAD
    "oozing/crusts": dried serum and blood, yellow-brown to dark red oozing          SCORAD
    "oozing/crusts": a yellowish film with small wet highlights diffuseness     eczema's border is
                    poorly defined (Hanifin and Rajka, Acta Derm. Venereol. Suppl. 92, 1980): how
                    far the plaque fades towards the border of its mask; 0 draws a sharp border

EASI: Hanifin et al., Exp. Dermatol. 10 (2001). SCORAD: European Task Force on Atopic Dermatitis,
Dermatology 186 (1993). Colour is drawn in optical density, so that it is right on every skin tone
(Tsumura et al., JOSA A 16(9), 1999). What varies from pixel to pixel is the image itself and
`synthderm.imaging.textures`; all else is smooth, so that the editor can learn it.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from synthderm.imaging.color import HAEMOGLOBIN, MELANIN, to_density
from synthderm.imaging.resize import shrink
from synthderm.imaging.compositing import SIGNS, Maps, composite

FIELD = 64  # side of the grid on which all smooth fields are worked out
VIOLET = (
    0.40,
    0.62,
    0.48,
)  # how inflamed dark skin darkens: red light is absorbed as well, blue less than green


def blur(x: Tensor, radius: int) -> Tensor:
    """Two box blurs of (B, C, H, W), which is close to a Gaussian of standard deviation 0.8 *
    radius."""
    side = 2 * radius + 1
    for _ in range(2):
        x = F.avg_pool2d(x, side, 1, radius, count_include_pad=False)
    return x


def draw_eczema(
    image: Tensor,
    mask: Tensor,
    severity: Tensor,
    noise: Tensor,
    texture: Tensor,
    signs: Tensor | None = None,
) -> Tensor:
    """Draw eczema inside a mask.

    Args:
        image: (B, 3, H, W) float in [0, 1], healthy skin.
        mask: (B, 1, H, W) bool.
        severity: (B,) float in [0, 1]; 0 gives the image back.
        noise: (B, 2, 64, 64), smooth standard normal fields: they make the plaque ragged, vary its
            hue, and say where in it each sign is.
        texture: (B, 3, H, W) in [-1, 1]: `synthderm.imaging.textures.cut_texture`.
        signs: (B, 8) in [0, 1], how much of each of `SIGNS` there is beside the others; 0.5 each
            where None.

    Returns:
        (B, 3, H, W) float in [0, 1]; pixels outside the mask are the input's own.
    """
    if signs is None:
        signs = torch.full((len(image), len(SIGNS)), 0.5, device=image.device)
    redness, papules, scratches, lichen, scale, crust, oozing, diffuse = signs.T[
        :, :, None, None, None
    ]
    # Squared, so that of signs drawn evenly most are faint and one or two stand out: lesions then
    # differ from each other.
    papules, scratches, scale, crust, oozing = (
        papules**2,
        scratches**2,
        scale**2,
        crust**2,
        oozing**2,
    )
    s = severity.view(-1, 1, 1, 1)
    shape, mottle = noise.split(1, dim=1)
    look, where = shrink(image, FIELD), shrink(mask, FIELD)
    colour = lambda rgb: image.new_tensor(rgb).view(1, 3, 1, 1)  # noqa: E731

    # The plaque: even up to the mask's border, or fading towards it; fainter in places where the
    # noise is low.
    deep = blur(where, FIELD // 10)
    deep = deep / deep.amax((2, 3), keepdim=True).clamp_min(1e-3)
    fading = ((deep - 0.4) / 0.5).clamp(0, 1)
    edge = (2 * blur(where, 1) - 0.1).clamp(0, 1)
    plaque = edge + diffuse ** (1 / 3) * (fading - edge)
    plaque = plaque * (
        0.15 + 0.85 * torch.sigmoid((4 - 2.5 * diffuse) * (shape + 1.1 + 0.6 * s - 0.8 * papules))
    )

    # Colour, in optical density. Where melanin is much already, blood shows violet-brown instead of
    # red.
    own = blur(to_density(look), 3)
    dark = torch.sigmoid(6 * (own[:, :1] - 0.65))
    blood = (
        colour(HAEMOGLOBIN) / HAEMOGLOBIN[1] * (1 - dark) + colour(VIOLET) / VIOLET[1] * 0.8 * dark
    )
    brown, yellow = colour(MELANIN) / MELANIN[1], colour((0.1, 0.35, 1.0))
    hue = torch.tanh(0.8 * mottle - 0.5 * shape)
    patchy = (1 + 0.2 * mottle).clamp(0.4, 1.6)
    density = patchy * (0.15 + 0.5 * redness**1.5) * (blood + 0.18 * hue * colour((0.2, 0.0, 1.0)))
    # Thick skin and old inflammation are darker by melanin, the more of it there is.
    density = (
        density
        + (0.04 + 0.30 * lichen**2) * (0.6 + 0.8 * dark) * (1 - 0.4 * shape).clamp(0, 2) * brown
    )
    # Thick skin stands out: the plaque's flank is bright towards the light and dark away from it.
    flank = blur(plaque.roll((-2, -2), (2, 3)) - plaque.roll((2, 2), (2, 3)), 1)
    density = density - (0.25 * lichen + 0.25 * papules) * flank
    film = torch.sigmoid(3 * (mottle - 0.3))
    density = density + film * (0.35 * oozing + 0.25 * crust) * yellow

    # Where in the plaque which texture lies: each of the noises parts it between two signs that
    # share a channel.
    dry = torch.sigmoid(4 * (shape + 2 * (scale - oozing)))
    scabs = torch.sigmoid(4 * (mottle + 2 * (crust + papules - scratches)))
    light = dry * (0.05 + 0.95 * scale) - (1 - dry) * oozing
    worn = scabs * (0.5 * papules + 1.1 * crust * s) - (1 - scabs) * 1.1 * scratches * s
    relief = 0.3 * lichen**2 + 0.15 * papules
    # Swollen skin is smooth, its grain stretched away; thick and dry skin shows more of it.
    detail = (
        1.5 * lichen**2
        + 0.3 * scale
        - (1 - lichen) * (0.1 + 0.5 * torch.sigmoid(2 * mottle + shape))
    )

    # Laid on by the editor's own composite: whatever is drawn here, the editor can learn to draw.
    maps = Maps(plaque, density, detail, relief, light, worn, found=where)
    drawn = composite(image, look, maps, severity, where, texture)
    return torch.where(mask & (s > 0), drawn.clamp(0, 1), image)
