"""What lies between: even steps, latents on an arc, a mask that grows."""

import numpy as np
import torch
import torch.nn.functional as F
from scipy.ndimage import distance_transform_edt
from torch import Tensor


def even_steps(frames: int, end: float) -> Tensor:
    """Even steps from 0 to `end`; of one frame, the end."""
    if frames < 1:
        raise ValueError(f"frames={frames}: a walk has at least one.")
    return torch.linspace(0, end, frames) if frames > 1 else torch.tensor([float(end)])


def slerp(start: Tensor, end: Tensor, t: Tensor) -> Tensor:
    """Spherical interpolation (Shoemake, SIGGRAPH 1985). Of normal latents it keeps the length that
    the generator knows; a straight line would pass near the origin (White, arXiv 1609.04468).

    Args:
        start, end: (D,).
        t: (F,) in [0, 1].

    Returns:
        (F, D); a straight line where the ends point the same way, or opposite ways, where no arc is
        singled out.
    """
    t = t[:, None]
    angle = F.cosine_similarity(start, end, dim=0).clamp(-1, 1).acos()
    if angle.sin() < 1e-4:
        return (1 - t) * start + t * end
    return ((1 - t) * angle).sin() / angle.sin() * start + (t * angle).sin() / angle.sin() * end


def grow(mask: Tensor, frames: int) -> Tensor:
    """A mask from nothing to itself: the distance to its border, cut at even steps.

    Args:
        mask: (1, H, W) bool.
        frames: F, at least one.

    Returns:
        (F, 1, H, W) bool.
    """
    # All outside the picture counts as outside the mask. The border lies half a pixel before the
    # first centre outside.
    inside = np.pad(mask[0].numpy(), 1)
    distance = torch.from_numpy(distance_transform_edt(inside)[1:-1, 1:-1])[None] - 0.5
    deepest = distance.max().clamp_min(0)
    return torch.stack([distance > (1 - t) * deepest for t in even_steps(frames, 1)])
