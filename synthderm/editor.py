"""`EczemaEditor`: a small network that says *how* skin changes, and the composite that changes it.

The network looks at a 64 px copy of the image and predicts maps on a 32 px grid: a matte, a change of colour in optical
density, a gain for the skin's own detail, and amounts of the three textures. Enlarged, they become a multiplication, an
addition and three blends per pixel of the full image, so an edit costs about as much as a colour jitter at any size.
"""

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from synthderm.color import to_density
from synthderm.pretrained import Pretrained
from synthderm.resize import ALL, enlarge_columns, enlarge_rows

LOOK = 64  # side of the copy that the network sees
GRID = LOOK // 2  # side of the maps that it predicts
# What the clinical scores rate (EASI, SCORAD), and how softly it fades into healthy skin; drawn by `synthderm.renderer`.
SIGNS = ("erythema", "papulation", "excoriation", "lichenification", "scale", "crust", "oozing", "diffuseness")


class Maps(NamedTuple):
    """What the editor predicts, each (B, C, 32, 32). Light, dark and relief are amounts of `synthderm.textures`."""

    matte: Tensor  # in [0, 1]
    density: Tensor  # three channels: the change of optical density, in [-2, 2]
    detail: Tensor  # gain of the skin's own detail, in [-1, 2]
    relief: Tensor  # how much the skin's drawn lines and bumps stand out, in [-0.6, 0.6]
    light: Tensor  # scale (positive) or wet highlights (negative), in [-1.3, 1.3]
    dark: Tensor  # papules and crusts (positive) or scratches (negative), in [-1.3, 1.3]
    found: Tensor  # the logit of eczema being there


# The channels of the network's output, their ranges, and where untrained they start.
CHANNELS = {"matte": 1, "density": 3, "detail": 1, "relief": 1, "light": 1, "dark": 1, "found": 1}
LOWEST = (0.0, -2.0, -2.0, -2.0, -1.0, -0.6, -1.3, -1.3)
RANGE = (1.0, 4.0, 4.0, 4.0, 3.0, 1.2, 2.6, 2.6)
START = (1.0, 0.0, 0.0, 0.0, -0.7, 0.0, 0.0, 0.0, 0.0)


class EczemaEditor(Pretrained):
    """Adds eczema to skin, removes it, and finds it.

    A residual U-Net of two levels, 16 and 8 px, between a stem of 4 px patches and an output of 2 px patches: plain
    convolutions over few positions, since on a CPU the count of operations costs as much as the arithmetic, and
    depthwise ones cost more than they save. Add, remove and find are one network, told apart by an input.

    Args:
        widths: channels at 16 and 8 px.
    """

    mask_meaning = "True = eczema: where to add or remove it, or where it was found"
    pipeline_tag = "image-to-image"

    def __init__(self, widths: list[int] = (40, 64)):
        super().__init__()
        self.config = {"widths": list(widths)}
        a, b = widths
        self.stem = nn.Conv2d(6, a, 4, stride=4)
        self.knobs = nn.Linear(3 + len(SIGNS), a)
        self.near = nn.Conv2d(a, a, 3, padding=1)
        self.down = nn.Conv2d(a, b, 2, stride=2)
        self.far1 = nn.Conv2d(b, b, 3, padding=1)
        self.far2 = nn.Conv2d(b, b, 3, padding=1)
        self.up = nn.Conv2d(b, a, 1)
        self.last = nn.Conv2d(a, a, 3, padding=1)
        self.out = nn.Conv2d(a, 4 * len(START), 1)
        nn.init.normal_(self.out.weight, std=0.05)
        self.out.bias.data = torch.tensor(START).repeat_interleave(4)

    def forward(self, image: Tensor, mask: Tensor, severity: Tensor, direction: Tensor, noise: Tensor, signs: Tensor) -> Maps:
        """Predict the change.

        Args:
            image: (B, 3, 64, 64) float in [0, 1], the image shrunk to the network's look.
            mask: (B, 1, 64, 64) float in [0, 1], the share of each cell to be edited; zeros to find eczema.
            severity: (B,) float in [0, 1].
            direction: (B,) float: +1 to add, -1 to remove, 0 to find.
            noise: (B, 2, 64, 64) float, smooth, standard normal: the seed of the lesion's shape. Read only when adding.
            signs: (B, 8) float in [0, 1], the amount of each clinical sign (`SIGNS`). Read only when adding.

        Returns:
            `Maps`, each (B, C, 32, 32).
        """
        return self.read(self.predict(*self.inputs(image, mask, severity, direction, noise, signs)))

    def inputs(self, image: Tensor, mask: Tensor, severity: Tensor, direction: Tensor, noise: Tensor, signs: Tensor) -> tuple[Tensor, Tensor]:
        """What the convolutions see: (B, 6, 64, 64), and the knobs, (B, 3 + signs)."""
        density = to_density(image)
        # The network judges skin against the picture's own colour and is told only faintly how dark that is.
        own = density.mean((2, 3), keepdim=True)
        adds = (direction > 0).to(density.dtype)[:, None]
        knobs = torch.cat([severity[:, None], direction[:, None], 2 * own.mean((1, 2)) - 1, signs * adds], dim=1)
        return torch.cat([3 * (density - own), mask, noise * adds[:, :, None, None]], dim=1), knobs

    def predict(self, seen: Tensor, knobs: Tensor) -> Tensor:
        """The network alone: (B, 9, 32, 32) of raw numbers, in the order of `CHANNELS`."""
        seen = seen.contiguous(memory_format=torch.channels_last)
        x = F.hardswish(self.stem(seen) + self.knobs(knobs)[:, :, None, None])
        near = F.hardswish(self.near(x)) + x
        x = F.hardswish(self.down(near))
        x = x + F.hardswish(self.far1(x))
        x = x + F.hardswish(self.far2(x))
        x = F.interpolate(self.up(x), scale_factor=2.0) + near
        x = F.hardswish(self.last(x)) + x
        return F.pixel_shuffle(self.out(x).contiguous(), 2)

    @staticmethod
    def read(raw: Tensor) -> Maps:
        """The raw numbers as maps, in their ranges."""
        lowest, span = (raw.new_tensor(values).view(1, -1, 1, 1) for values in (LOWEST, RANGE))
        bounded = torch.addcmul(lowest, torch.sigmoid(raw[:, :-1]), span)
        return Maps(*bounded.split(list(CHANNELS.values())[:-1], dim=1), raw[:, -1:])


DRIED = (0.50, 0.12, 0.07)  # what a crust of serum and blood leaves of the skin's red, green and blue
WHITE = (0.95, 0.93, 0.88)  # what scale and wet highlights tend to, in bright light


class Paint(NamedTuple):
    """An edit ready to be laid over an image: maps, (B, 9, h, w), and two colours, (B, 3, 1, 1)."""

    maps: Tensor
    dried: Tensor
    white: Tensor


def mix(blurred: Tensor, maps: Maps, amount: Tensor, gate: Tensor, top: float = 1.0) -> Paint:
    """Predicted maps as a multiplication and an addition per pixel; see `composite`."""
    m = amount.view(-1, 1, 1, 1) * gate * maps.matte
    colour = torch.exp(-m * maps.density)
    drawn = colour * (m * maps.detail)
    small = torch.cat([colour + drawn, drawn * blurred * -top, m * maps.relief, m * maps.dark, m * maps.light], dim=1)
    # Blood dries darker on dark skin, and scale has less light to scatter: both colours follow the skin's own.
    own = (blurred * gate).sum((2, 3), keepdim=True) / gate.sum((2, 3), keepdim=True).clamp_min(1e-3)
    dried, white = own.new_tensor((DRIED, WHITE)).view(2, 1, 3, 1, 1)
    return Paint(small, own * dried * top, (0.3 + 0.7 * own.mean(1, keepdim=True).clamp_min(1e-3).sqrt()) * white * top)


def lay(paint: Paint, image: Tensor, texture: Tensor, height: int, rows: slice = ALL[0]) -> Tensor:
    """Lay an edit, its maps as wide as the image already, over an image of this height or over some rows of it; see
    `composite`."""
    factor, offset, relief, dark, light = enlarge_rows(paint.maps, height, rows).split((3, 3, 1, 1, 1), dim=1)
    flakes, crusts, lines = texture.split(1, dim=1)
    out = torch.addcmul(offset, image, factor) * torch.addcmul(lines.new_ones(()), relief, lines)
    out = torch.lerp(out, paint.dried, (dark * crusts).clamp(0, 0.9))
    return torch.lerp(out, paint.white, (light * flakes).clamp(0, 0.9))


def composite(image: Tensor, blurred: Tensor, maps: Maps, amount: Tensor, gate: Tensor, texture: Tensor) -> Tensor:
    """Apply predicted maps to images of any size.

    With m = amount * matte * gate on the maps' grid, D the density change and g the detail gain:

        out = image * exp(-m D) * (1 + m g) - exp(-m D) * m g * (image, blurred)       colour, and the skin's own lines
        out = out * (1 + m relief * lines)                                             drawn lines and bumps
        out = out + clamp(m dark * crusts) * (dried - out)                             what lies on the skin: crusts or
        out = out + clamp(m light * flakes) * (white - out)                            scratches, scale or wet highlights

    The small maps are made by `mix`, once an edit; `lay` does what is done per pixel.

    Args:
        image: (B, 3, H, W) float in [0, 1].
        blurred: (B, 3, h, w) float in [0, 1], the image shrunk to the maps' grid.
        maps: (B, C, h, w) each, from `EczemaEditor` (32 px) or `synthderm.renderer`.
        amount: (B,) float in [0, 1]: the severity.
        gate: (B, 1, h, w) float in [0, 1]: the mask on the maps' grid.
        texture: (B, 3, H, W), from `synthderm.textures.cut_texture`.

    Returns:
        (B, 3, H, W) float, not yet clamped to [0, 1]. The caller keeps the pixels outside the mask.
    """
    paint = mix(blurred, maps, amount, gate)
    return lay(paint._replace(maps=enlarge_columns(paint.maps, image.shape[-1])), image, texture, image.shape[-2])
