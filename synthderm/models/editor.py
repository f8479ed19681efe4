"""`EczemaEditor`: a small network that says how skin changes where eczema is added or removed.

It looks at a 64 px copy of the image and predicts `Maps` on a 32 px grid;
`synthderm.imaging.compositing` lays them over the full image. So the network costs the same for
an image of any size.
"""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from synthderm.hub.pretrained import Pretrained
from synthderm.imaging.color import to_density
from synthderm.imaging.compositing import SIGNS, Maps

ADD, REMOVE, FIND = 1, -1, 0  # what an edit does

# Of each channel of the output, in the order of `Maps`: range, and where an untrained network
# starts. `found`, the last one, has no range.
LOWEST = (0.0, -2.0, -2.0, -2.0, -1.0, -0.6, -1.3, -1.3)
RANGE = (1.0, 4.0, 4.0, 4.0, 3.0, 1.2, 2.6, 2.6)
START = (1.0, 0.0, 0.0, 0.0, -0.7, 0.0, 0.0, 0.0, 0.0)


class EczemaEditor(Pretrained):
    """Adds eczema to skin, removes it, and finds it: one network, told apart by an input.

    A residual U-Net of two levels, 16 and 8 px, between a stem of 4 px patches and an output of
    2 px patches. The convolutions are plain ones over few positions: on a CPU the number of
    operations costs as much as the arithmetic, and depthwise convolutions cost more than they save.

    Args:
        widths: channels at 16 and at 8 px.
    """

    mask_meaning = "True = eczema: where to add or remove it, or where it was found"
    pipeline_tag = "image-to-image"

    def __init__(self, widths: Sequence[int] = (40, 64)) -> None:
        super().__init__()
        self.config = {"widths": list(widths)}
        a, b = widths
        self.stem = nn.Conv2d(6, a, 4, stride=4)
        self.conditioning = nn.Linear(3 + len(SIGNS), a)
        self.near = nn.Conv2d(a, a, 3, padding=1)
        self.down = nn.Conv2d(a, b, 2, stride=2)
        self.far1 = nn.Conv2d(b, b, 3, padding=1)
        self.far2 = nn.Conv2d(b, b, 3, padding=1)
        self.up = nn.Conv2d(b, a, 1)
        self.last = nn.Conv2d(a, a, 3, padding=1)
        self.out = nn.Conv2d(a, 4 * len(START), 1)
        nn.init.normal_(self.out.weight, std=0.05)
        self.out.bias = nn.Parameter(torch.tensor(START).repeat_interleave(4))

    def forward(
        self,
        thumbnails: Tensor,
        masks: Tensor,
        *,
        severity: Tensor,
        direction: Tensor,
        noise: Tensor,
        signs: Tensor,
    ) -> Maps:
        """Predict the change.

        Args:
            thumbnails: (B, 3, 64, 64) float in [0, 1], the images shrunk.
            masks: (B, 1, 64, 64) float in [0, 1], the share of each cell to be edited; zeros to
                find eczema.
            severity: (B,) float in [0, 1].
            direction: (B,) float: `ADD`, `REMOVE` or `FIND`.
            noise: (B, 2, 64, 64) float, smooth, standard normal: the shape of the lesion. Read
                only when adding.
            signs: (B, 8) float in [0, 1], the amount of each of `SIGNS`. Read only when adding.

        Returns:
            `Maps`, each (B, C, 32, 32).
        """
        density = to_density(thumbnails)
        # The network compares skin with the image's own mean colour, and is told only faintly
        # how dark that is.
        mean_density = density.mean((2, 3), keepdim=True)
        darkness = 2 * mean_density.mean((1, 2)) - 1
        is_adding = (direction > 0).to(density.dtype)[:, None]
        conditioning = torch.cat(
            [severity[:, None], direction[:, None], darkness, signs * is_adding], dim=1
        )
        seen = torch.cat(
            [3 * (density - mean_density), masks, noise * is_adding[:, :, None, None]], dim=1
        )
        raw = self._predict(seen, conditioning)
        lowest, span = (raw.new_tensor(values).view(1, -1, 1, 1) for values in (LOWEST, RANGE))
        bounded = torch.addcmul(lowest, torch.sigmoid(raw[:, :-1]), span)
        parts = bounded.split([1, 3, 1, 1, 1, 1], dim=1)
        return Maps._make([*parts, raw[:, -1:]])

    def _predict(self, seen: Tensor, conditioning: Tensor) -> Tensor:
        """(B, 6, 64, 64) and (B, 11) to (B, 9, 32, 32) of raw numbers, in the order of `Maps`."""
        seen = seen.contiguous(memory_format=torch.channels_last)
        x = F.hardswish(self.stem(seen) + self.conditioning(conditioning)[:, :, None, None])
        near = F.hardswish(self.near(x)) + x
        x = F.hardswish(self.down(near))
        x = x + F.hardswish(self.far1(x))
        x = x + F.hardswish(self.far2(x))
        x = F.interpolate(self.up(x), scale_factor=2.0) + near
        x = F.hardswish(self.last(x)) + x
        return F.pixel_shuffle(self.out(x).contiguous(), 2)
