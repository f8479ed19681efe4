"""Skin of other tones: renderings to an ITA in optical density, and ways to jitter the tone of
training images.

`shift_tone` and `jitter_skin_tone` change what `skin_region` finds. In dermoscopy that is often the
lesion alone, and beside a wooden table it is the wood. Here an image is skin all over, as close-ups
and dermoscopy nearly are; its tone is measured on the skin that is known to be healthy.
"""

import torch
from torch import Tensor

from benchmarks.editing.windows import find_melanin
from benchmarks.heads.images import Change
from synthderm.imaging.color import MELANIN, from_density, ita, to_density, to_lab

# ITA in degrees that an image is rendered to, one within each group of Chardon et al. (1991).
LEVELS = {
    "very light": 60.0,
    "light": 48.0,
    "intermediate": 34.0,
    "tan": 19.0,
    "brown": -10.0,
    "dark": -42.0,
}
LIGHT = ("very light", "light")
AMOUNT = (-0.3, 1.3)  # of melanin, as the editor's training has it
# As wide in lightness as that: what the two ends of AMOUNT do to skin of L* 66.
LIGHTNESS = (-31.0, 8.0)
TARGET = (-50.0, 65.0)  # ITA in degrees, a little beyond the levels
STEP = 4  # the tone is measured at every fourth pixel
WHITE = (0.95047, 1.0, 1.08883)
FROM_XYZ = (
    (3.2404542, -1.5371385, -0.4985314),
    (-0.9692660, 1.8760108, 0.0415560),
    (0.0556434, -0.2040259, 1.0572252),
)


def add_melanin(pixels: Tensor, amount: Tensor) -> Tensor:
    """Skin (N, 3, H, W) in [0, 1] with more or less melanin, (N,) in optical density."""
    melanin = pixels.new_tensor(MELANIN).view(1, 3, 1, 1) * amount.view(-1, 1, 1, 1)
    return from_density((to_density(pixels) + melanin).clamp_min(0))


def render_tone(images: Tensor, healthy: Tensor, target: float | Tensor) -> Tensor:
    """Images whose healthy skin has another tone, as far as it goes: (N, 3, H, W) uint8.

    Args:
        images: (N, 3, H, W) uint8, skin all over.
        healthy: (N, 1, H, W) bool, where the tone is measured.
        target: ITA in degrees, of all or (N,).
    """
    amount, _ = melanin_to(images, healthy, target)
    return _to_uint8(add_melanin(images.float() / 255, amount))


def melanin_to(images: Tensor, healthy: Tensor, target: float | Tensor) -> tuple[Tensor, Tensor]:
    """How much melanin `render_tone` adds to each image, (N,), and the ITA that it reaches, (N,):
    very dark photographs do not get very light."""
    pixels, where = images[..., ::STEP, ::STEP].float() / 255, healthy[..., ::STEP, ::STEP]

    def tone_of(amount: Tensor) -> Tensor:
        return ita(add_melanin(pixels, amount), where)

    amount = find_melanin(tone_of, len(images), target)
    return amount, tone_of(amount)


def shift_lightness(images: Tensor, amount: Tensor) -> Tensor:
    """Images (N, 3, H, W) uint8 whose L* is higher by `amount`, (N,); a* and b* stay."""
    lab = to_lab(images.float() / 255)
    lab[:, 0] = (lab[:, 0] + amount.view(-1, 1, 1)).clamp(0, 100)
    return _to_uint8(from_lab(lab))


def from_lab(lab: Tensor) -> Tensor:
    """CIE L*a*b* (N, 3, H, W) to sRGB in [0, 1]: the inverse of `to_lab`, clipped."""
    lightness, a, b = lab.unbind(-3)
    fy = (lightness + 16) / 116
    parts = torch.stack((fy + a / 500, fy, fy - b / 200), dim=-3)
    linear = torch.where(parts > 6 / 29, parts**3, (parts - 16 / 116) / 7.787)
    xyz = linear * lab.new_tensor(WHITE).view(3, 1, 1)
    rgb = torch.einsum("ij,...jhw->...ihw", lab.new_tensor(FROM_XYZ), xyz).clamp(0, 1)
    return torch.where(rgb <= 0.0031308, 12.92 * rgb, 1.055 * rgb ** (1 / 2.4) - 0.055)


def to_level(target: float) -> Change:
    """Every image rendered to one tone."""

    def apply(images: Tensor, healthy: Tensor, rng: torch.Generator) -> Tensor:
        return render_tone(images, healthy, target)

    return Change(f"to ITA {target:g}", apply)


def _jitter_amount(images: Tensor, healthy: Tensor, rng: torch.Generator) -> Tensor:
    amount = torch.empty(len(images)).uniform_(*AMOUNT, generator=rng)
    return _to_uint8(add_melanin(images.float() / 255, amount))


def _jitter_target(images: Tensor, healthy: Tensor, rng: torch.Generator) -> Tensor:
    target = torch.empty(len(images)).uniform_(*TARGET, generator=rng)
    return render_tone(images, healthy, target)


def _jitter_lightness(images: Tensor, healthy: Tensor, rng: torch.Generator) -> Tensor:
    return shift_lightness(images, torch.empty(len(images)).uniform_(*LIGHTNESS, generator=rng))


def _lightness_target(images: Tensor, healthy: Tensor, rng: torch.Generator) -> Tensor:
    """To a random ITA by L* alone: L* - 50 has to be b* times the tangent."""
    target = torch.empty(len(images)).uniform_(*TARGET, generator=rng)
    lab = to_lab(images.float() / 255).masked_fill(~healthy, torch.nan).flatten(2)
    lightness, _, b = lab.nanmedian(2).values.unbind(1)
    wanted = 50 + b.clamp_min(5) * torch.deg2rad(target).tan()
    return shift_lightness(images, wanted.clamp(5, 95) - lightness)


def _to_uint8(pixels: Tensor) -> Tensor:
    return (pixels * 255).round().to(torch.uint8)


TONE_JITTER = Change(f"melanin {AMOUNT}", _jitter_amount)
ITA_JITTER = Change(f"melanin to ITA {TARGET}", _jitter_target)
LAB_SHIFT = Change(f"lightness {LIGHTNESS}", _jitter_lightness)
LAB_ITA_SHIFT = Change(f"lightness to ITA {TARGET}", _lightness_target)
