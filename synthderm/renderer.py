"""Eczema drawn on skin by rule: the teacher of the editor, with exact mask, severity and answer.

What is drawn are the signs that the clinical scores rate, each with an amount that grows with severity: erythema,
oedema/papulation, excoriation, lichenification (EASI: Hanifin et al., Exp. Dermatol. 10, 2001) and oozing/crusts and
dryness (SCORAD: European Task Force on Atopic Dermatitis, Dermatology 186, 1993). Colour is drawn in optical density,
so that it is right on every skin tone (Tsumura et al., JOSA A 16(9), 1999); on darker skin inflammation shows less red
and more violet-brown, which added haemoglobin over much melanin gives by itself.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from synthderm.color import HAEMOGLOBIN, MELANIN, from_density, to_density

SIGNS = ("erythema", "papulation", "excoriation", "lichenification", "scale", "crust")


def blur(x: Tensor, radius: int) -> Tensor:
    """Two box blurs of (B, C, H, W), which is close to a Gaussian of standard deviation 0.8 * radius."""
    side = 2 * radius + 1
    for _ in range(2):
        x = F.avg_pool2d(x, side, 1, radius, count_include_pad=False)
    return x


def draw_eczema(image: Tensor, mask: Tensor, severity: Tensor, noise: Tensor, texture: Tensor, signs: Tensor | None = None) -> Tensor:
    """Draw eczema inside a mask.

    Args:
        image: (B, 3, H, W) float in [0, 1], healthy skin.
        mask: (B, 1, H, W) bool.
        severity: (B,) float in [0, 1]; 0 gives the image back.
        noise: (B, 2, h, w), smooth standard normal fields: the first makes the plaque ragged, the second mottles it.
        texture: (B, 2, H, W) in [0, 1], flakes and crusts: `synthderm.editor.cut_texture`.
        signs: (B, 6) in [0, 1], how much of each of `SIGNS` there is beside the others; 0.5 each where None.

    Returns:
        (B, 3, H, W) float in [0, 1]; pixels outside the mask are the input's own.
    """
    size = image.shape[-2:]
    if signs is None:
        signs = torch.full((len(image), 6), 0.5, device=image.device)
    redness, papules, scratches, lichen, scale, crust = signs.T[:, :, None, None, None]
    s = severity.view(-1, 1, 1, 1)
    shape, mottle = F.interpolate(noise, size=size, mode="bilinear", align_corners=False).split(1, dim=1)
    radius = max(1, min(size) // 32)

    # The plaque: soft towards the mask's border, with a ragged inner edge, sharper where it is severe.
    inner = (2 * blur(mask.float(), radius) - 0.8).clamp(0, 1)
    plaque = inner * torch.sigmoid(2 * (shape + 1.0 + s)) * mask
    patchy = (1 + 0.25 * mottle).clamp(0.4, 1.6)

    density = to_density(image)
    detail = density - blur(density, max(1, min(size) // 48))
    haemoglobin = image.new_tensor(HAEMOGLOBIN).view(1, 3, 1, 1) / HAEMOGLOBIN[1]
    melanin = image.new_tensor(MELANIN).view(1, 3, 1, 1) / MELANIN[1]

    # Erythema: more blood, and with it some of melanin's colour, which turns pink into the salmon of inflamed skin.
    density = density + s * plaque * patchy * (0.15 + 0.45 * redness) * (0.8 * haemoglobin + 0.2 * melanin)
    density = density + s * plaque * (0.10 * lichen) * melanin
    # Thick skin shows its own lines more; they are dark on every tone.
    density = density + s * plaque * (2.2 * lichen) * detail.clamp(min=-0.05, max=0.3)
    # Papules: small bumps, redder in the middle. The crusts' texture, softened, gives their places.
    bumps = blur(texture[:, 1:].roll(37, 2), max(1, radius // 2))
    density = density + s * plaque * (0.5 * papules) * bumps * haemoglobin
    # Scratches and crusts are dark red-brown: dried blood and serum.
    dried = (1.3 * crust * texture[:, 1:] * (s > 0.3) + 0.5 * scratches * (texture[:, :1].roll(91, 3) > 0.8)) * s
    density = density + s * plaque * dried * (0.5 * haemoglobin + 0.6 * melanin)
    drawn = from_density(density)
    # Scale lies on top and scatters light: whitish on every tone.
    drawn = drawn + s * plaque * (0.08 + 0.4 * scale) * texture[:, :1] * (0.9 - drawn).clamp(min=0)
    return torch.where(mask & (s > 0), drawn.clamp(0, 1), image)
