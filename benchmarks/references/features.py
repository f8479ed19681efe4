"""Frozen, whitened features of a timm network: the space in which RS-IMLE and drifting compare
images."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from benchmarks.references.system import Generator, Setup, Wanted
from synthderm.models.backbones import fold_norms, load_backbone
from synthderm.models.generator import SkinGenerator
from synthderm.training.discriminators import backbone_features

COMPONENTS = 64  # of each group of features
SIDE = 4  # feature maps are averaged to at most this side
PIXELS = 8  # and the image itself to this side
CHANNELS = (192, 160, 96, 48)  # of the generator, from the smallest level on
SMALLEST = 1e-6


class WhitenedFeatures(nn.Module):
    """Images to groups of features: four maps of a frozen network and the shrunken image, each
    reduced to its principal components over the photographs and scaled to variance 1.

    Args:
        spec: timm network, NAME or NAME=FILE.
        images: (N, 3, S, S) in [-1, 1], the photographs.
    """

    def __init__(self, spec: str, images: Tensor) -> None:
        super().__init__()
        backbone = load_backbone(spec, features_only=True, out_indices=(1, 2, 3, 4))
        self.backbone = fold_norms(backbone).requires_grad_(False).to(images.device)
        with torch.no_grad():
            parts = [self.describe(part) for part in images.split(64)]
        self.count = len(parts[0])
        for k, group in enumerate(zip(*parts)):
            mean, axes = principal_axes(torch.cat(group), COMPONENTS)
            self.register_buffer(f"mean_{k}", mean)
            self.register_buffer(f"axes_{k}", axes)

    def describe(self, images: Tensor) -> list[Tensor]:
        """Groups of features before they are whitened, (B, D) each."""
        maps = backbone_features(self.backbone, images)
        small = [F.adaptive_avg_pool2d(m.float(), min(SIDE, m.shape[-1])) for m in maps]
        small.append(F.adaptive_avg_pool2d(images.float(), PIXELS))
        return [m.flatten(1) for m in small]

    def forward(self, images: Tensor) -> Tensor:
        """(B, groups, C) of images (B, 3, S, S) in [-1, 1]."""
        groups = [
            (group - self.get_buffer(f"mean_{k}")) @ self.get_buffer(f"axes_{k}")
            for k, group in enumerate(self.describe(images))
        ]
        return torch.stack(groups, dim=1)


def principal_axes(rows: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """The mean (D,) of rows (N, D), and the axes (D, count) on which they have variance 1."""
    mean = rows.mean(0)
    _, sizes, axes = torch.linalg.svd(rows - mean, full_matrices=False)
    count = min(count, len(sizes))
    deviation = (sizes[:count] / len(rows) ** 0.5).clamp_min(SMALLEST)
    return mean, (axes[:count] / deviation[:, None]).T.contiguous()


def nearest(points: Tensor, samples: Tensor) -> tuple[Tensor, Tensor]:
    """For each point (N, D) its nearest sample of (M, D): the squared distance (N,) and the index
    (N,). One matrix product: |a - b|^2 = |a|^2 - 2 ab + |b|^2."""
    squares = points.square().sum(1)[:, None] + samples.square().sum(1)
    distance, index = (squares - 2 * points @ samples.T).clamp_min(0).min(1)
    return distance, index


class ImageOnly(Generator):
    """synthderm's generator without classes and mask, for methods that have no discriminator: what
    differs from ours is the loss.

    Args:
        size: side of the images in pixels: 4 times a power of 2, at least 16.
    """

    def __init__(self, size: int) -> None:
        super().__init__()
        levels = (size // 4).bit_length() - 1
        self.network = SkinGenerator(size, CHANNELS[:levels], ["skin"], self.latent_dim)

    def forward(self, wanted: Wanted) -> Tensor:
        labels = torch.zeros_like(wanted.labels)
        return self.network(wanted.latents, labels)[:, :3]

    def finish(self) -> None:
        self.network.freeze()


def load_photographs(setup: Setup) -> tuple[Tensor, WhitenedFeatures, Tensor]:
    """All photographs (N, 3, S, S) in [-1, 1], the features, and the photographs' own (N, groups,
    C)."""
    if setup.features is None:
        raise ValueError("RS-IMLE and drifting compare images in features: name them.")
    pool = setup.photographs
    images = pool.as_input(torch.arange(len(pool), device=setup.device))[:, :3]
    features = WhitenedFeatures(setup.features, images)
    with torch.no_grad():
        known = torch.cat([features(part) for part in images.split(64)])
    return images, features, known
