"""Batches for training a generator: photographs, and all random numbers of one step."""

from argparse import Namespace
from typing import NamedTuple

import torch
from torch import Tensor

from synthderm.models.generator import SkinGenerator
from synthderm.training.artifact_pool import ArtifactPool
from synthderm.training.augment import Changes, sample_changes
from synthderm.training.image_pool import ImagePool


class GANBatch(NamedTuple):
    """Photographs, and what is drawn for the images that are generated beside them."""

    real: Tensor  # (B, 4, S, S) in [-1, 1], photographs with their masks
    labels: Tensor  # (B,) int64
    skin_tone: Tensor  # (B,) ITA in degrees
    latents: Tensor  # (B, latent_dim)
    # (E, code_dim): the first E photographs are encoded, and this is the noise of their codes.
    code_noise: Tensor
    changes_real: Changes  # augmentations of the photographs
    changes_fake: Changes  # of the generated images, where the discriminators learn
    changes_judged: Changes  # of the same, where the generator learns
    artifacts: Tensor | None = None  # (B, 4, S, S) in [0, 1], to be laid over the generated images

    @property
    def encoded(self) -> Tensor:
        """The photographs whose codes the first latents get, (E, 4, S, S)."""
        return self.real[: len(self.code_noise)]

    def rows(self, rows: Tensor) -> "GANBatch":
        """A part of the batch, of (N,) ascending rows."""
        return GANBatch(
            real=self.real[rows].contiguous(memory_format=torch.channels_last),
            labels=self.labels[rows],
            skin_tone=self.skin_tone[rows],
            latents=self.latents[rows],
            code_noise=self.code_noise[rows[rows < len(self.code_noise)]],
            changes_real=self.changes_real.rows(rows),
            changes_fake=self.changes_fake.rows(rows),
            changes_judged=self.changes_judged.rows(rows),
            artifacts=None if self.artifacts is None else self.artifacts[rows],
        )


def sample_batch(
    args: Namespace,
    pool: ImagePool,
    generator: SkinGenerator,
    augment_p: Tensor,
    size: int,
    artifacts: ArtifactPool | None = None,
) -> GANBatch:
    """Draw a whole batch, from torch's global random state.

    Args:
        args: of the command line.
        pool: the photographs; the batch is on their device.
        generator: for which latents are drawn.
        augment_p: probability of each augmentation.
        size: side of the images in pixels.
        artifacts: to be laid over the generated images.
    """
    real, labels, skin_tone = pool.sample(
        args.batch, flips=args.flips, size=size, balance=args.balance
    )
    latents = torch.randn(args.batch, generator.latent_dim, device=real.device)
    encoded = args.batch // 2 if args.recon_weight else 0
    code_noise = torch.randn(encoded, generator.code_dim, device=real.device)
    on_real, on_fake, judged = (
        sample_changes(args.batch, augment_p, real.device) for _ in range(3)
    )
    drawn = None
    if artifacts is not None:
        drawn = artifacts.sample(args.batch, flips=args.flips, size=size)
    return GANBatch(real, labels, skin_tone, latents, code_noise, on_real, on_fake, judged, drawn)
