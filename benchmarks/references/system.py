"""What every system of the comparison shares: what it is given, what it is asked for, and the few
lines of adversarial training that differ in no paper."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from synthderm.training.augment import diff_augment
from synthderm.training.edit_batches import EditBatch, draw_pairs, sample_pairs
from synthderm.training.image_pool import Flips, ImagePool
from synthderm.training.lesion_patches import Photograph
from synthderm.training.loop import autocast, frozen

LATENT_DIM = 128
Losses = dict[str, Tensor]


class Wanted(NamedTuple):
    """What a generator is asked for; each takes the parts that its paper gives it."""

    latents: Tensor  # (B, latent_dim) float, standard normal
    labels: Tensor  # (B,) int64
    masks: Tensor  # (B, 1, S, S) in [-1, 1], of photographs, for systems that start from a mask


@dataclass(frozen=True)
class Setup:
    """What all systems are given alike.

    Args:
        size: side of the images in pixels.
        batch: images in a step.
        device: where to train.
        augment: whether discriminators see augmented images (`diff_augment`).
        features: frozen timm network, NAME or NAME=FILE, of the systems that use one.
        flips: orientations of photographs that mean the same.
        pool: photographs with masks, of the noise and mask groups.
        healthy: photographs of healthy skin, of the edit group.
    """

    size: int
    batch: int
    device: torch.device
    augment: bool = True
    features: str | None = None
    flips: Flips = "all"
    pool: ImagePool | None = None
    healthy: list[Photograph] = field(default_factory=list)

    @property
    def photographs(self) -> ImagePool:
        if self.pool is None:
            raise ValueError("the noise and mask groups need a pool of photographs.")
        return self.pool

    @property
    def cast(self) -> torch.autocast:
        """bf16 where the processor multiplies it, for every system alike."""
        return autocast(self.device)

    def sample(self) -> tuple[Tensor, Tensor]:
        """A batch of photographs with their masks as fourth channel, (B, 4, S, S) in [-1, 1], and
        labels (B,)."""
        images, labels, _ = self.photographs.sample(self.batch, flips=self.flips)
        return images, labels

    def sample_pairs(self) -> EditBatch:
        """A batch of healthy patches and the same with eczema drawn on them."""
        return draw_pairs(sample_pairs([self.healthy], self.batch, self.size, self.device))

    def augmented(self, x: Tensor) -> Tensor:
        """Images, and channels that go with them, as a discriminator sees them."""
        return diff_augment(x) if self.augment else x


class Generator(nn.Module):
    """A network that makes images: `forward` takes a `Wanted` and gives (B, 3, S, S), or with a
    mask (B, 4, S, S), in [-1, 1]."""

    latent_dim = LATENT_DIM

    def sample_latents(self, count: int, rng: torch.Generator | None = None) -> Tensor:
        """(count, latent_dim) float, as the paper draws them once training is over."""
        return torch.randn(count, self.latent_dim, generator=rng)

    def finish(self) -> None:
        """Training is over: what is done once for quicker images. Most do nothing."""


class Editor(nn.Module):
    """Networks that add eczema to skin and remove it; images are in [0, 1]."""

    def add(self, batch: EditBatch) -> Tensor:
        """`batch.healthy` with eczema; systems that take masks add it under `batch.mask`."""
        raise NotImplementedError

    def remove(self, lesional: Tensor, mask: Tensor, batch: EditBatch) -> Tensor:
        """Images (B, 3, S, S) without their eczema, which lies under `mask` (B, 1, S, S) bool."""
        raise NotImplementedError

    def find(self, lesional: Tensor, batch: EditBatch) -> Tensor | None:
        """Where the eczema is, (B, 1, S, S) bool; None for systems that have to be told."""
        return None


class System:
    """A system in training: `generator` is what is averaged and measured.

    Args:
        setup: what all systems are given alike.
    """

    generator: Generator | Editor
    is_growing = False  # whether layers are new: averages of weights begin when it is over

    def __init__(self, setup: Setup) -> None:
        self.setup, self.batch = setup, setup.batch

    def step(self, progress: float) -> Losses:
        """Train on one batch; `progress` is the share of the time that is over, in [0, 1]."""
        raise NotImplementedError

    def ask(self, labels: Tensor, masks: Tensor | None = None) -> Wanted:
        """What a batch of training is asked for: fresh latents, and the labels of photographs."""
        latents = torch.randn(len(labels), self.generator.latent_dim, device=labels.device)
        empty = latents.new_zeros(len(labels), 1, 1, 1)
        return Wanted(latents, labels, empty if masks is None else masks)


def adam(
    *networks: nn.Module, lr: float, betas: tuple[float, float] = (0.5, 0.999)
) -> torch.optim.Adam:
    """Adam over some networks."""
    parameters = [p for network in networks for p in network.parameters() if p.requires_grad]
    return torch.optim.Adam(parameters, lr=lr, betas=betas)


def update(optimizer: torch.optim.Optimizer, loss: Tensor) -> None:
    """One step down a loss."""
    optimizer.zero_grad(set_to_none=True)
    loss.backward()
    optimizer.step()


@contextmanager
def fixed(*networks: nn.Module) -> Iterator[None]:
    """Networks get no gradients from what is computed inside the block."""
    parameters = [p for network in networks for p in network.parameters() if p.requires_grad]
    with frozen(parameters):
        yield


def discriminator_loss(real: Tensor, fake: Tensor) -> Tensor:
    """-ln D(real) - ln(1 - D(fake)), of logits (Goodfellow et al., NeurIPS 2014)."""
    return F.softplus(-real.float()).mean() + F.softplus(fake.float()).mean()


def generator_loss(fake: Tensor) -> Tensor:
    """-ln D(fake), the generator's loss that does not saturate (Goodfellow et al.)."""
    return F.softplus(-fake.float()).mean()


def discriminator_least_squares(real: Sequence[Tensor], fake: Sequence[Tensor]) -> Tensor:
    """(D(real) - 1)^2 + D(fake)^2, mean over scales (LSGAN, Mao et al., ICCV 2017)."""
    terms = [
        (a.float() - 1).square().mean() + b.float().square().mean() for a, b in zip(real, fake)
    ]
    return torch.stack(terms).mean()


def generator_least_squares(fake: Sequence[Tensor]) -> Tensor:
    """(D(fake) - 1)^2, mean over scales (LSGAN, Mao et al., ICCV 2017)."""
    return torch.stack([(logits.float() - 1).square().mean() for logits in fake]).mean()
