"""`EczemaEditor`: a small network that says how skin changes where eczema is added or removed.

It looks at a 64 px copy of the image and predicts smooth maps and a few numbers;
`synthderm.imaging.compositing` lays them over the full image. So the network costs the same for
an image of any size.
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from synthderm.hub.pretrained import Pretrained
from synthderm.imaging.color import to_density
from synthderm.imaging.compositing import Drawing, Restoration
from synthderm.imaging.lesions import FIELDS, Latents
from synthderm.imaging.signs import SIGNS
from synthderm.imaging.tiles import TILES

ADD, REMOVE, FIND = 1, -1, 0  # what an edit does

# Numbers of a drawing: how many, and the largest; the least is 0.
NUMBERS = {
    "sharpness": (4, 2.0),
    "deepen": (1, 1.0),
    "dried": (3, 1.0),
    "white": (4, 1.0),
}
# Maps on a 32 px grid: how many, and the unit in which they are predicted, about their deviation.
COARSE = {
    "levels": (4, 0.4),
    "absorption": (3, 0.3),
    "flush": (1, 0.12),
    "gain": (1, 0.5),
    "texture": (1, 1.0),
    "found": (1, 1.0),
}
FINE = {"density": (3, 0.3), "matte": (1, 1.0)}  # the same on a 64 px grid
MAX_TEXTURE = 1.5


class Maps(NamedTuple):
    """What the editor predicts."""

    drawing: Drawing
    restoration: Restoration
    found: Tensor  # (B, 1, 32, 32), the logit of eczema being there already


class EczemaEditor(Pretrained):
    """Adds eczema to skin, removes it, and finds it: one network, told apart by an input.

    A residual U-Net of two levels, 16 and 8 px, between patches of 4 px. The convolutions are plain
    ones over few positions: on a CPU the number of operations costs as much as the arithmetic, and
    depthwise convolutions cost more than they save. What is asked for scales and shifts the
    features of both levels (FiLM, Perez et al., AAAI 2018).

    Args:
        widths: channels at 16 and at 8 px.

    Example:
        >>> from synthderm import EczemaEdit, EczemaEditor
        >>> editor = EczemaEditor.from_pretrained("eczema")
        >>> edit = EczemaEdit(model=editor)  # or a folder or a Hub id; "eczema" is the default
    """

    mask_meaning = "True = eczema: where to add or remove it, or where it was found"
    pipeline_tag = "image-to-image"

    def __init__(self, widths: Sequence[int] = (64, 96)) -> None:
        super().__init__()
        self.config = {"widths": list(widths)}
        a, b = widths
        asked = 2 + 3 + 3 + len(SIGNS) + TILES
        self.stem = nn.Conv2d(16 * (3 + 1) + 4 * FIELDS, a, 1)
        self.film_near = nn.Linear(asked, 2 * a)
        self.near = nn.Conv2d(a, a, 3, padding=1)
        self.down = nn.Conv2d(a, b, 2, stride=2)
        self.film_far = nn.Linear(asked, 2 * b)
        self.far1 = nn.Conv2d(b, b, 3, padding=1)
        self.far2 = nn.Conv2d(b, b, 3, padding=1)
        self.up = nn.Conv2d(b, a, 1)
        self.last = nn.Conv2d(a, a, 3, padding=1)
        coarse_maps, fine_maps = (
            sum(count for count, _ in maps.values()) for maps in (COARSE, FINE)
        )
        self.coarse = _Head(a, 32, FIELDS + 4, 40, coarse_maps)
        self.fine = _Head(a, 16, 4, 16, fine_maps)
        self.numbers = nn.Sequential(
            nn.Linear(asked, 64),
            nn.Hardswish(),
            nn.Linear(64, sum(count for count, _ in NUMBERS.values())),
        )
        for layer in (self.film_near, self.film_far):
            nn.init.normal_(layer.weight, std=0.05)
            nn.init.zeros_(layer.bias)

    def forward(
        self,
        thumbnails: Tensor,
        masks: Tensor,
        *,
        severity: Tensor,
        direction: Tensor,
        latents: Latents,
    ) -> Maps:
        """Predict the change.

        Args:
            thumbnails: (B, 3, 64, 64) float in [0, 1], the images shrunk.
            masks: (B, 1, 64, 64) float in [0, 1], the share of each cell to be edited; zeros to
                find eczema.
            severity: (B,) float in [0, 1].
            direction: (B,) float: `ADD`, `REMOVE` or `FIND`.
            latents: of B lesions. Read only when adding.
        """
        density = to_density(thumbnails)
        mean_density = density.mean((2, 3), keepdim=True)
        area = masks.mean((2, 3)).clamp_min(1e-3)
        mean_skin = (thumbnails * masks).mean((2, 3)) / area  # 0 where the mask is empty
        is_adding = (direction > 0).to(density.dtype)[:, None]
        tiles = F.one_hot(latents.tiles, TILES).to(density.dtype)
        asked = torch.cat(
            [
                severity[:, None],
                direction[:, None],
                2 * mean_density.flatten(1) - 1,
                mean_skin,
                latents.signs * is_adding,
                tiles * is_adding,
            ],
            dim=1,
        )
        seen = torch.cat([3 * (density - mean_density), masks], dim=1)
        noise = latents.noise * is_adding[:, :, None, None]
        patches = torch.cat([F.pixel_unshuffle(seen, 4), F.pixel_unshuffle(noise, 2)], dim=1)
        x = self._features(patches, asked)
        coarse = self.coarse(x, torch.cat([noise, F.avg_pool2d(seen, 2)], dim=1))
        return _as_maps(coarse, self.fine(x, seen), self.numbers(asked), severity)

    def _features(self, patches: Tensor, asked: Tensor) -> Tensor:
        """(B, 80, 16, 16) and (B, 26) to (B, a, 16, 16)."""
        patches = patches.contiguous(memory_format=torch.channels_last)
        x = F.hardswish(_film(self.stem(patches), self.film_near(asked)))
        near = F.hardswish(self.near(x)) + x
        x = F.hardswish(_film(self.down(near), self.film_far(asked)))
        x = x + F.hardswish(self.far1(x))
        x = x + F.hardswish(self.far2(x))
        x = F.interpolate(self.up(x), scale_factor=2.0) + near
        return F.hardswish(self.last(x)) + x


class _Head(nn.Module):
    """Maps from features: these are enlarged smoothly, and each position then also sees what was
    there in the input. So fine detail need not pass through the features, and no grid shows.

    Args:
        channels: of the features.
        kept: channels of the enlarged features.
        seen: channels of the input.
        width: channels in between.
        maps: how many are predicted.
    """

    def __init__(self, channels: int, kept: int, seen: int, width: int, maps: int) -> None:
        super().__init__()
        self.keep = nn.Conv2d(channels, kept, 1)
        self.look = nn.Conv2d(kept + seen, width, 1)
        self.maps = nn.Conv2d(width, maps, 1)

    def forward(self, features: Tensor, seen: Tensor) -> Tensor:
        """(B, C, h, w) features and (B, seen, H, W) to (B, maps, H, W)."""
        size = seen.shape[-2:]
        x = F.interpolate(self.keep(features), size=size, mode="bilinear", align_corners=False)
        return self.maps(F.hardswish(self.look(torch.cat([x, seen], dim=1))))


def _as_maps(coarse_maps: Tensor, fine_maps: Tensor, numbers: Tensor, severity: Tensor) -> Maps:
    """What the heads predict as maps and numbers, each in its unit and range."""
    coarse, fine = _split(coarse_maps, COARSE), _split(fine_maps, FINE)
    number = _split(numbers.sigmoid(), NUMBERS)
    s = severity.view(-1, 1, 1, 1)
    # What the plaque is made of grows with severity by construction: 0 changes nothing.
    plaque, covers = coarse["levels"].split((1, 3), dim=1)
    drawing = Drawing(
        levels=torch.cat([plaque, covers * s**0.6], dim=1).clamp(-1.5, 2.5),
        absorption=(s * coarse["absorption"]).clamp(-0.3, 0.8),
        flush=coarse["flush"].clamp(0, 0.6),
        gain=(s * coarse["gain"]).clamp(-1, 3),
        sharpness=number["sharpness"],
        deepen=number["deepen"],
        dried=number["dried"],
        white=number["white"],
    )
    restoration = Restoration(
        density=fine["density"].clamp(-2, 2),
        matte=fine["matte"].sigmoid(),
        texture=MAX_TEXTURE * coarse["texture"].sigmoid(),
    )
    return Maps(drawing, restoration, coarse["found"])


def _film(x: Tensor, asked: Tensor) -> Tensor:
    gain, bias = asked[:, :, None, None].chunk(2, dim=1)
    return torch.addcmul(bias, x, 1 + gain)


def _split(x: Tensor, parts: dict[str, tuple[int, float]]) -> dict[str, Tensor]:
    """Channels by name, each in its unit."""
    counts = [count for count, _ in parts.values()]
    values = x.split(counts, dim=1)
    return {name: unit * value for (name, (_, unit)), value in zip(parts.items(), values)}
