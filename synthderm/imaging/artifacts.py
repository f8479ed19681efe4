"""Artifacts of dermoscopy: what a photograph shows beside skin and lesion.

Hair, stubble, rulers, ticks at the edge, ink, patches, gel bubbles, glare and dark corners are in
most photographs of the collections at hand (Bissoto et al., CVPR Workshops 2020, list them as what
classifiers take for a diagnosis). A small generator does not learn to draw a straight ruler, so
they are drawn, each kind with random numbers of its own: without one, the others stay as they are.
A generator that is trained with them on its images learns what is beneath (AmbientGAN, Bora et al.,
ICLR 2018).
"""

import random
from collections.abc import Iterable, Mapping

import torch
from torch import Tensor

from synthderm.imaging.artifact_drawings import DRAWINGS, Canvas
from synthderm.imaging.io import to_tensor


def draw_artifacts(seed: int, side: int, shares: Mapping[str, float]) -> Tensor:
    """Random artifacts, each kind or none of it.

    Args:
        seed: any integer: the same one gives the same artifacts at every size, and those of a kind
            whatever the shares of the others.
        side: of the square image in pixels.
        shares: for each kind in `KINDS` the share of images that have it, in [0, 1]; 0 for those
            that are left out.

    Returns:
        (4, side, side) uint8: red, green, blue, and opacity.
    """
    canvas = Canvas(side)
    for kind, draw in DRAWINGS.items():
        rng = random.Random(f"{seed} {kind}")  # nosec B311, it draws a picture
        if rng.random() < shares.get(kind, 0.0):
            draw(canvas, rng)
    return to_tensor(canvas.image)


def lay_over(images: Tensor, artifacts: Tensor) -> Tensor:
    """Images (B, 3, S, S) in [0, 1] with artifacts on them.

    Args:
        images: float.
        artifacts: (B, 4, S, S) float in [0, 1], of `draw_artifacts`.
    """
    color, opacity = artifacts.split((3, 1), dim=1)
    return torch.lerp(images, color, opacity)


def cover_at_random(
    images: Tensor, shares: Mapping[str, float], rngs: Iterable[torch.Generator]
) -> Tensor:
    """Images (B, 3, S, S) float in [0, 1] with random artifacts on each, from its own random state
    alone. `shares` as in `draw_artifacts`."""
    seeds = [int(torch.randint(2**53, (), generator=rng)) for rng in rngs]
    drawn = torch.stack([draw_artifacts(seed, images.shape[-1], shares) for seed in seeds])
    return lay_over(images, drawn.to(images.dtype) / 255)
