"""Batches for training a generator: photographs, and all random numbers of one step."""

from typing import NamedTuple

import torch
from torch import Tensor

from synthderm.training.augment import Changes


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
        )
