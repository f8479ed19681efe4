"""`EczemaEditor`: a small network that says *how* skin changes, and the composite that changes it.

The network looks at a 64 px copy of the image and predicts maps on a 32 px grid: a matte, a change of colour in optical
density, a gain for the skin's own detail, and amounts of scale and crust. Enlarged, they become one multiplication and
one addition per pixel of the full image, so an edit costs about as much as a colour jitter at any size.
"""

import math
from functools import lru_cache
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from synthderm.color import to_density
from synthderm.pretrained import Pretrained
from synthderm.resize import ALL, enlarge

LOOK = 64  # side of the copy that the network sees
GRID = LOOK // 2  # side of the maps that it predicts
TILE = 512  # side of the texture tile; larger images get it enlarged, so that scale has the same size on the skin


class Maps(NamedTuple):
    """What the editor predicts, each (B, C, 32, 32): see `EczemaEditor.forward`."""

    matte: Tensor
    density: Tensor
    detail: Tensor
    scale: Tensor
    crust: Tensor
    found: Tensor


class Separable(nn.Module):
    """A 1x1 convolution, then a depthwise 3x3 one: most of a convolution at a tenth of its cost."""

    def __init__(self, width_in: int, width_out: int):
        super().__init__()
        self.mix = nn.Conv2d(width_in, width_out, 1)
        self.spread = nn.Conv2d(width_out, width_out, 3, padding=1, groups=width_out)

    def forward(self, x: Tensor) -> Tensor:
        return F.silu(self.spread(self.mix(x)))


class EczemaEditor(Pretrained):
    """Adds eczema to skin, removes it, and finds it.

    A U-Net of three levels. Add and remove are one network, told apart by an input.

    Args:
        widths: channels at 32, 16 and 8 px.
    """

    mask_meaning = "True = eczema: where to add or remove it, or where it was found"
    pipeline_tag = "image-to-image"

    def __init__(self, widths: list[int] = (24, 48, 64)):
        super().__init__()
        self.config = {"widths": list(widths)}
        a, b, c = widths
        self.stem = nn.Conv2d(6, a, 4, stride=2, padding=1)
        self.knobs = nn.Linear(9, a)
        self.down1 = nn.Conv2d(a, b, 3, stride=2, padding=1)
        self.down2 = nn.Conv2d(b, c, 3, stride=2, padding=1)
        self.up1 = Separable(c + b, b)
        self.up2 = Separable(b + a, a)
        self.out = nn.Conv2d(a, 8, 1)
        nn.init.normal_(self.out.weight, std=0.05)
        nn.init.zeros_(self.out.bias)

    def forward(self, image: Tensor, mask: Tensor, severity: Tensor, direction: Tensor, noise: Tensor, signs: Tensor) -> Maps:
        """Predict the change.

        Args:
            image: (B, 3, 64, 64) float in [0, 1], the image shrunk to the network's look.
            mask: (B, 1, 64, 64) float in [0, 1], the share of each cell to be edited; zeros to find eczema.
            severity: (B,) float in [0, 1].
            direction: (B,) float: +1 to add, -1 to remove, 0 to find.
            noise: (B, 2, 64, 64) float, smooth, standard normal: the seed of the lesion's shape. Read only when adding.
            signs: (B, 6) float in [0, 1], the amount of each clinical sign (`renderer.SIGNS`). Read only when adding.

        Returns:
            `Maps`, each (B, C, 32, 32): matte in [0, 1], density change in [-2, 2] (three channels), detail gain in
            [-1, 2], scale and crust amounts in [0, 1], and `found`, the logit of eczema being there.
        """
        density = to_density(image)
        # The network judges skin against the picture's own colour and is told only faintly how dark that is.
        own = density.mean((2, 3), keepdim=True)
        adds = (direction > 0).to(density.dtype).view(-1, 1, 1, 1)
        knobs = torch.stack([severity, direction, 2 * own.mean((1, 2, 3)) - 1], dim=1).to(density.dtype)
        knobs = self.knobs(torch.cat([knobs, signs.to(density.dtype) * adds.flatten(1)], dim=1))
        seen = torch.cat([3 * (density - own), mask, noise * adds], dim=1).contiguous(memory_format=torch.channels_last)
        x1 = F.silu(self.stem(seen) + knobs[:, :, None, None])
        x2 = F.silu(self.down1(x1))
        x3 = F.silu(self.down2(x2))
        x = self.up1(torch.cat([F.interpolate(x3, scale_factor=2.0), x2], dim=1))
        x = self.up2(torch.cat([F.interpolate(x, scale_factor=2.0), x1], dim=1))
        matte, density, detail, scale, crust, found = self.out(x).split((1, 3, 1, 1, 1, 1), dim=1)
        return Maps(
            torch.sigmoid(matte + 1.0),
            2 * torch.tanh(density),
            1.5 * torch.tanh(detail) + 0.5 * torch.tanh(detail) ** 2,
            torch.sigmoid(scale - 3.0),
            torch.sigmoid(crust - 3.0),
            found,
        )


@lru_cache(maxsize=8)
def texture_tile(level: int = 0, device: torch.device | str = "cpu") -> Tensor:
    """Two textures, (2, 512 * 2**level, ...) in [0, 1]: flakes of scale, and crusts.

    Both are band-limited noise (white noise would glitter): scale is stretched along one direction and cut at a
    threshold into sheets with hard edges; crusts are rounder, larger and rarer. Fixed, so every process has the same.
    """
    rng = torch.Generator().manual_seed(7)
    fy = torch.fft.fftfreq(TILE)[:, None] * TILE
    fx = torch.fft.rfftfreq(TILE)[None, :] * TILE

    def band(low: float, high: float, stretch: float) -> Tensor:
        radius = ((fy * stretch) ** 2 + fx**2 / stretch).sqrt()
        keep = torch.exp(-((radius / high) ** 2)) - torch.exp(-((radius / low) ** 2))
        noise = torch.fft.irfft2(torch.fft.rfft2(torch.randn(TILE, TILE, generator=rng)) * keep, s=(TILE, TILE))
        return noise / noise.std()

    fine = band(40, 130, 1.4)
    flakes = torch.sigmoid(4 * (band(16, 70, 1.5) + 0.5 * fine - 1.0)) * (0.6 + 0.4 * fine.clamp(-1, 1))
    crusts = torch.sigmoid(7 * (band(6, 22, 1.0) + 0.3 * fine - 1.5)) * (0.8 + 0.2 * fine.clamp(-1, 1))
    tile = torch.stack([flakes, crusts]).clamp(0, 1)
    if level:
        tile = F.interpolate(tile[None], scale_factor=float(2**level), mode="bilinear", align_corners=False)[0]
    return tile.to(device)


def cut_texture(offset: Tensor, height: int, width: int, window: tuple[slice, slice] = ALL) -> Tensor:
    """The texture that lies over each image.

    Args:
        offset: (B, 2) float in [0, 1): where on the tile the image's corner is, as a share of the room there is.
        height, width: the image's; textures grow with it.
        window: the part of the image that is wanted.

    Returns:
        (B, 2, height, width) in [0, 1], or the window of it.
    """
    # The level is chosen so that the tile is always larger than the image, by an eighth at least. Beyond level 2 a tile
    # would take hundreds of megabytes: its part of the image is enlarged instead.
    level = max(0, round(math.log2(max(height, width, 1) / 320)))
    tile, more = texture_tile(min(level, 2), offset.device), 2 ** max(0, level - 2)
    tall, wide = -(-height // more), -(-width // more)
    room = offset.new_tensor([tile.shape[-1] - tall, tile.shape[-1] - wide])
    pieces = [tile[:, top : top + tall, left : left + wide] for top, left in (offset * room).long().tolist()]
    texture = pieces[0][None] if len(pieces) == 1 else torch.stack(pieces)
    if more > 1:
        texture = F.interpolate(texture, size=(height, width), mode="bilinear", align_corners=False)
    return texture[:, :, window[0], window[1]]


def composite(image: Tensor, look: Tensor, maps: Maps, amount: Tensor, gate: Tensor, texture: Tensor, top: float = 1.0,
              size: tuple[int, int] | None = None, window: tuple[slice, slice] = ALL) -> Tensor:  # fmt: skip
    """Apply predicted maps to an image of any size, or to a window of it.

    With m = amount * matte * gate on the maps' grid, D the density change and g the detail gain:

        out = image * exp(-m D) * (1 + m g) - exp(-m D) * m g * (image, blurred)       colour, and the skin's own lines
        out = out * (1 - m crust * crusts) + m scale * flakes                          what lies on the skin

    Args:
        image: (B, 3, H, W) float in [0, top], the window alone where there is one.
        look: (B, 3, 64, 64) float in [0, 1], the image shrunk.
        maps: from `EczemaEditor`.
        amount: (B,) float in [0, 1]: the severity.
        gate: (B, 1, 32, 32) float in [0, 1]: the mask on the maps' grid.
        texture: (B, 2, H, W) in [0, 1].
        top: white's value: 1, 255 or 65535, so that integer images need no division.
        size, window: (height, width) of the whole image and the part of it that `image` is; all of it by default.

    Returns:
        (B, 3, H, W) float, not yet clamped to [0, top]. The caller keeps the pixels outside the mask.
    """
    m = amount.view(-1, 1, 1, 1) * maps.matte * gate
    colour = torch.exp(-m * maps.density)
    gain = m * maps.detail
    blurred = F.avg_pool2d(look, 2)
    small = torch.cat([colour * (1 + gain), -top * colour * gain * blurred, (top * m) * maps.scale, m * maps.crust], dim=1)
    factor, offset, scale, crust = enlarge(small, *(size or image.shape[-2:]), window).split((3, 3, 1, 1), dim=1)
    # In place where it can be: at this size a processor spends longer on fresh memory than on the arithmetic.
    out = (image * factor).add_(offset)
    veil = (crust * texture[:, 1:]).neg_().add_(1)
    return out.mul_(veil).add_(scale * texture[:, :1])
