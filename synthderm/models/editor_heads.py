"""What the editor's network predicts from its features: maps and numbers, each in its unit and
range."""

import math
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class Scale(NamedTuple):
    """What some maps are measured in."""

    maps: int  # how many
    unit: float  # in which they are predicted, about their deviation
    least: float = -math.inf
    largest: float = math.inf
    powers: tuple[float, ...] = ()  # of the severity, by which each is multiplied; 0 where ()


# Maps on a 32 px grid. Those of a drawing come first, in its order. What the plaque is made of
# grows with severity by construction: 0 changes nothing.
COARSE = {
    "levels": Scale(4, 0.4, -1.5, 2.5, (0.0, 0.6, 0.6, 0.6)),
    "absorption": Scale(3, 0.3, -0.3, 0.8, (1.0, 1.0, 1.0)),
    "flush": Scale(1, 0.12, 0.0, 0.6),
    "gain": Scale(1, 0.5, -1.0, 3.0, (1.0,)),
    "texture": Scale(1, 1.0),
    "found": Scale(1, 1.0),
}
FINE = {"density": Scale(3, 0.3, -2.0, 2.0), "matte": Scale(1, 1.0)}  # the same on a 64 px grid
# Numbers of a drawing, in its order: how many, and the largest; the least is 0.
NUMBERS = {
    "sharpness": (4, 2.0),
    "deepen": (1, 1.0),
    "dried": (3, 1.0),
    "white": (4, 1.0),
}


class MapHead(nn.Module):
    """Maps from features: these are enlarged smoothly, and each position then also sees what was
    there in the input. So fine detail need not pass through the features, and no grid shows.

    Args:
        channels: of the features.
        kept: channels of the enlarged features.
        seen: channels of the input.
        width: channels in between.
        scales: of the maps, by name.
    """

    unit: Tensor
    power: Tensor
    least: Tensor
    largest: Tensor

    def __init__(
        self, channels: int, kept: int, seen: int, width: int, scales: dict[str, Scale]
    ) -> None:
        super().__init__()
        self.counts = {name: scale.maps for name, scale in scales.items()}
        self.keep = nn.Conv2d(channels, kept, 1)
        self.look = nn.Conv2d(kept + seen, width, 1)
        self.maps = nn.Conv2d(width, sum(self.counts.values()), 1)
        for name in ("unit", "least", "largest"):
            values = [getattr(scale, name) for scale in scales.values() for _ in range(scale.maps)]
            _add_constant(self, name, values)
        powers = [scale.powers or (0.0,) * scale.maps for scale in scales.values()]
        _add_constant(self, "power", [power for some in powers for power in some])

    def forward(self, features: Tensor, seen: Tensor, severity: Tensor) -> dict[str, Tensor]:
        """Maps (B, count, H, W) by name, of (B, C, h, w) features, (B, seen, H, W) and (B,)."""
        # Enlarging and 1x1 convolutions commute. So `keep`, and what `look` makes of it, are one
        # convolution before the enlargement: of fewer positions.
        kept, weight = self.keep.out_channels, self.look.weight
        folded = weight[:, :kept, 0, 0]
        x = F.conv2d(features, (folded @ self.keep.weight[:, :, 0, 0])[:, :, None, None])
        x = F.interpolate(x, size=seen.shape[-2:], mode="bilinear", align_corners=False)
        assert self.look.bias is not None and self.keep.bias is not None  # both are made with one
        bias = torch.addmv(self.look.bias, folded, self.keep.bias)
        x = F.hardswish(F.conv2d(seen, weight[:, kept:], bias) + x)
        assert self.maps.bias is not None
        # As a matrix product it takes half of what a convolution to so few channels does.
        maps = (self.maps.weight.flatten(1) @ x.flatten(2)).unflatten(2, x.shape[-2:])
        maps = maps + self.maps.bias[:, None, None]
        amount = self.unit * severity[:, None] ** self.power
        maps = maps * amount[:, :, None, None]
        maps = maps.clamp(self.least[:, None, None], self.largest[:, None, None])
        return dict(zip(self.counts, maps.split(list(self.counts.values()), dim=1)))


class NumberHead(nn.Sequential):
    """The numbers of a drawing, from what is asked for.

    Args:
        asked: how many numbers say what is asked for.
    """

    largest: Tensor

    def __init__(self, asked: int) -> None:
        counts = [count for count, _ in NUMBERS.values()]
        super().__init__(nn.Linear(asked, 64), nn.Hardswish(), nn.Linear(64, sum(counts)))
        _add_constant(self, "largest", [most for n, most in NUMBERS.values() for _ in range(n)])

    def forward(self, asked: Tensor) -> tuple[Tensor, ...]:
        """(B, asked) to those of `NUMBERS`, (B, count) each."""
        numbers = self.largest * super().forward(asked).sigmoid()
        return numbers.split([count for count, _ in NUMBERS.values()], dim=1)


def _add_constant(module: nn.Module, name: str, values: list[float]) -> None:
    """Numbers that go where the module goes, and are not saved."""
    module.register_buffer(name, torch.tensor(values, dtype=torch.float32), persistent=False)
