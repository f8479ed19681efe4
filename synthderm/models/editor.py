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
from synthderm.imaging.lesions import FIELDS, Latents, no_latents
from synthderm.imaging.signs import SIGNS
from synthderm.imaging.tiles import TILES
from synthderm.models.editor_heads import COARSE, FINE, MapHead, NumberHead

ADD, REMOVE, FIND = 1, -1, 0  # what an edit does

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
        self.coarse = MapHead(a, 32, FIELDS + 4, 40, COARSE)
        self.fine = MapHead(a, 16, 4, 16, FINE)
        self.numbers = NumberHead(asked)
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
        """Predict everything, as training needs it. An edit needs one of `draw`, `restore` and
        `find`, which cost less.

        Args:
            thumbnails: (B, 3, 64, 64) float in [0, 1], the images shrunk.
            masks: (B, 1, 64, 64) float in [0, 1], the share of each cell to be edited; zeros to
                find eczema.
            severity: (B,) float in [0, 1].
            direction: (B,) float: `ADD`, `REMOVE` or `FIND`.
            latents: of B lesions. Read only when adding.
        """
        sight = self._look(thumbnails, masks, severity, direction, latents)
        return Maps(self._drawing(sight), self._restoration(sight), sight.coarse["found"])

    def draw(
        self, thumbnails: Tensor, masks: Tensor, severity: Tensor, latents: Latents
    ) -> Drawing:
        """The eczema that is added; arguments as of `forward`."""
        direction = torch.full_like(severity, ADD)
        return self._drawing(self._look(thumbnails, masks, severity, direction, latents))

    def restore(self, thumbnails: Tensor, masks: Tensor) -> Restoration:
        """What removes eczema, all of it; arguments as of `forward`."""
        ones, latents = torch.ones_like(thumbnails[:, 0, 0, 0]), no_latents(len(thumbnails))
        latents = latents.to(thumbnails.device)
        return self._restoration(self._look(thumbnails, masks, ones, REMOVE * ones, latents))

    def find(self, thumbnails: Tensor) -> Tensor:
        """(B, 1, 32, 32), the logit of eczema being there; arguments as of `forward`."""
        zeros, latents = torch.zeros_like(thumbnails[:, 0, 0, 0]), no_latents(len(thumbnails))
        masks, latents = torch.zeros_like(thumbnails[:, :1]), latents.to(thumbnails.device)
        return self._look(thumbnails, masks, zeros, zeros + FIND, latents).coarse["found"]

    def _look(
        self,
        thumbnails: Tensor,
        masks: Tensor,
        severity: Tensor,
        direction: Tensor,
        latents: Latents,
    ) -> "_Sight":
        """What all edits have in common; arguments as of `forward`."""
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
        features = self._features(patches, asked)
        halved = torch.cat([noise, F.avg_pool2d(seen, 2)], dim=1)
        return _Sight(asked, seen, features, self.coarse(features, halved, severity))

    def _drawing(self, sight: "_Sight") -> Drawing:
        names = ("levels", "absorption", "flush", "gain")
        maps = (sight.coarse[name] for name in names)
        return Drawing(*maps, *self.numbers(sight.asked))

    def _restoration(self, sight: "_Sight") -> Restoration:
        fine = self.fine(sight.features, sight.seen, sight.asked[:, 0])
        texture = MAX_TEXTURE * sight.coarse["texture"].sigmoid()
        return Restoration(fine["density"], fine["matte"].sigmoid(), texture)

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


class _Sight(NamedTuple):
    """What the network sees in an image, before it is asked for maps."""

    asked: Tensor  # (B, 25), what is asked for
    seen: Tensor  # (B, 4, 64, 64), optical density and mask
    features: Tensor  # (B, a, 16, 16)
    coarse: dict[str, Tensor]  # maps (B, count, 32, 32), those of `COARSE`


def _film(x: Tensor, asked: Tensor) -> Tensor:
    gain, bias = asked[:, :, None, None].chunk(2, dim=1)
    return torch.addcmul(bias, x, 1 + gain)
