"""Artifacts drawn once for a whole training: random ones of them are laid over each batch."""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from synthderm.imaging.artifacts import draw_artifacts, lay_over
from synthderm.training.image_pool import Flips, orient

COUNT = 2048  # with eight orientations, that is 16,384 pictures


@dataclass(frozen=True)
class ArtifactPool:
    """N pictures of artifacts on one device.

    Args:
        drawn: (N, 4, S, S) uint8, as `draw_artifacts` gives them.
    """

    drawn: Tensor

    def sample(self, batch: int, *, flips: Flips, size: int) -> Tensor:
        """Random ones, from torch's global random state, (batch, 4, size, size) in [0, 1].

        Args:
            batch: how many.
            flips: as in `ImagePool.sample`.
            size: side in pixels.
        """
        index = torch.randint(len(self.drawn), (batch,), device=self.drawn.device)
        return orient(self.take(index, size), flips)

    def take(self, index: Tensor, size: int) -> Tensor:
        """These ones, of (M,) int64, as (M, 4, size, size) in [0, 1]."""
        x = self.drawn[index].float() / 255
        if size == x.shape[-1]:
            return x
        # Colours count as much as they cover.
        color, opacity = x.split((3, 1), dim=1)
        shrunk = F.interpolate(torch.cat([color * opacity, opacity], 1), size=size, mode="area")
        color, opacity = shrunk.split((3, 1), dim=1)
        return torch.cat([color / opacity.clamp(min=1e-3), opacity], dim=1)


def cover(x: Tensor, artifacts: Tensor | None) -> Tensor:
    """Generated images with their masks, (B, 4, S, S) in [-1, 1], with artifacts (B, 4, S, S) on
    the images; as they are where there are none."""
    if artifacts is None:
        return x
    images, masks = x.split((3, 1), dim=1)
    return torch.cat([lay_over((images + 1) / 2, artifacts.to(x.dtype)) * 2 - 1, masks], dim=1)


def draw_pool(
    shares: Mapping[str, float] | None, size: int, count: int, seed: int, device: torch.device
) -> ArtifactPool | None:
    """Draw a pool; None where there are no `shares`, as in `draw_artifacts`.

    Args:
        size: side in pixels.
        count: how many.
        seed: any integer.
        device: where they are kept.
    """
    if shares is None:
        return None
    drawn = [draw_artifacts(seed * 2**32 + k, size, shares) for k in range(count)]
    return ArtifactPool(torch.stack(drawn).to(device))
