"""Skin colour: optical density, CIE L*a*b*, and skin tone as ITA.

Skin is coloured by two absorbers, melanin and haemoglobin. By Beer-Lambert their effects *add* in
optical density, `-log(image)`, so "more blood" is the same vector on light and on dark skin
(Tsumura et al., JOSA A 16(9), 1999). Images here are float tensors (..., 3, H, W) in [0, 1] unless
a function says otherwise.
"""

import math

import torch
from torch import Tensor

# Below one grey level of 8 bits the logarithm only measures the sensor's noise.
FLOOR = 1.0 / 255.0

# Unit direction of haemoglobin in (R, G, B) optical density: absorption is highest in green
# (540-580 nm), some in blue, little in red. Melanin falls off smoothly from blue to red. Rounded
# from the spectra tabulated by Jacques, "Optical properties of biological tissues", Phys. Med.
# Biol. 58 (2013), weighted by broad R, G, B bands.
HAEMOGLOBIN = (0.12, 0.80, 0.59)
MELANIN = (0.38, 0.58, 0.72)


def to_density(image: Tensor) -> Tensor:
    """Optical density of an image in [0, 1]: `-ln(max(image, 1/255))`, in [0, 5.54], the same
    shape."""
    return -image.clamp_min(FLOOR).log()


def from_density(density: Tensor) -> Tensor:
    """The image in [0, 1] of an optical density; the inverse of `to_density` for values of at least
    1/255."""
    return torch.exp(-density).clamp(0.0, 1.0)


def to_lab(image: Tensor) -> Tensor:
    """sRGB (..., 3, H, W) in [0, 1] to CIE L*a*b* (D65, 2 degrees): L* in [0, 100], a* and b* about
    [-128, 127]."""
    linear = torch.where(
        image <= 0.04045, image / 12.92, ((image + 0.055) / 1.055).clamp_min(0) ** 2.4
    )
    red, green, blue = linear.unbind(-3)
    x = (0.4124564 * red + 0.3575761 * green + 0.1804375 * blue) / 0.95047
    y = 0.2126729 * red + 0.7151522 * green + 0.0721750 * blue
    z = (0.0193339 * red + 0.1191920 * green + 0.9503041 * blue) / 1.08883
    fx, fy, fz = (
        torch.where(t > 0.008856, t.clamp_min(1e-8) ** (1 / 3), 7.787 * t + 16 / 116)
        for t in (x, y, z)
    )
    return torch.stack((116 * fy - 16, 500 * (fx - fy), 200 * (fy - fz)), dim=-3)


def ita(image: Tensor, mask: Tensor | None = None) -> Tensor:
    """Individual typology angle in degrees, one per image: `atan2(L* - 50, b*)` of the median skin
    colour.

    Chardon et al., Int. J. Cosmet. Sci. 13 (1991): above 55 very light, 41-55 light, 28-41
    intermediate, 10-28 tan, -30-10 brown, below -30 dark.

    Args:
        image: (B, 3, H, W), float in [0, 1].
        mask: (B, 1, H, W) bool, where skin is; the whole image where None. An empty mask gives NaN.

    Returns:
        (B,) float, degrees.
    """
    lab = to_lab(image).flatten(-2)
    if mask is not None:
        lab = lab.masked_fill(~mask.flatten(-2), torch.nan)
    median = lab.nanmedian(dim=-1).values
    return torch.rad2deg(torch.atan2(median[..., 0] - 50, median[..., 2]))


def ciede2000(a: Tensor, b: Tensor) -> Tensor:
    """CIEDE2000 colour difference of two images in CIE L*a*b*, (..., 3, H, W) each: (..., H, W),
    about 1 where just noticeable.

    Sharma, Wu and Dalal, Color Res. Appl. 30 (2005), with k_L = k_C = k_H = 1. Angles are in
    radians.
    """
    (l1, a1, b1), (l2, a2, b2) = a.unbind(-3), b.unbind(-3)
    seventh = 25.0**7

    # Greys are stretched along a*, then hue and chroma are read off.
    c7 = ((torch.hypot(a1, b1) + torch.hypot(a2, b2)) / 2) ** 7
    stretch = 1.5 - 0.5 * (c7 / (c7 + seventh)).sqrt()
    a1, a2 = a1 * stretch, a2 * stretch
    c1, c2 = torch.hypot(a1, b1), torch.hypot(a2, b2)
    h1, h2 = (torch.atan2(y, x).remainder(2 * math.pi) for y, x in ((b1, a1), (b2, a2)))

    grey = c1 * c2 == 0
    turn = h2 - h1
    turn = torch.where(
        turn > math.pi, turn - 2 * math.pi, torch.where(turn < -math.pi, turn + 2 * math.pi, turn)
    )
    turn = turn.masked_fill(grey, 0.0)
    lightness, chroma, hue = l2 - l1, c2 - c1, 2 * (c1 * c2).sqrt() * torch.sin(turn / 2)

    # The mean hue lies on the shorter arc; of a grey and a colour it is the colour's.
    mean = torch.where(
        grey,
        h1 + h2,
        torch.where((h1 - h2).abs() > math.pi, (h1 + h2) / 2 + math.pi, (h1 + h2) / 2),
    )
    l_mean, c_mean = (l1 + l2) / 2, (c1 + c2) / 2
    waves = ((1, -30, -0.17), (2, 0, 0.24), (3, 6, 0.32), (4, -63, -0.20))
    t = 1 + sum(
        height * torch.cos(times * mean + math.radians(shift)) for times, shift, height in waves
    )
    s_l = 1 + 0.015 * (l_mean - 50) ** 2 / (20 + (l_mean - 50) ** 2).sqrt()
    s_c, s_h = 1 + 0.045 * c_mean, 1 + 0.015 * c_mean * t
    blue = torch.exp(-(((mean.remainder(2 * math.pi).rad2deg() - 275) / 25) ** 2)).mul(60).deg2rad()
    rotation = -2 * (c_mean**7 / (c_mean**7 + seventh)).sqrt() * torch.sin(blue)
    lightness, chroma, hue = lightness / s_l, chroma / s_c, hue / s_h
    return (lightness**2 + chroma**2 + hue**2 + rotation * chroma * hue).clamp_min(0).sqrt()
