"""A small BigGAN (Brock, Donahue and Simonyan, "Large scale GAN training for high fidelity natural
image synthesis", ICLR 2019).

Residual generator with class-conditional batch norm, whose gain and bias are linear in the shared
class embedding and a chunk of the latents; spectral norm in both networks (Miyato et al., ICLR
2018); self-attention at 16 px (SAGAN, Zhang et al., ICML 2019); a discriminator with projection;
the hinge loss; and the truncation trick: latents whose size is above a threshold are drawn again
once training is over.

Reduced from the paper: 16 channels instead of 96, one step of the discriminator instead of two,
batches of tens instead of 2048, the same learning rate for both, no orthogonal regularization.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm

from benchmarks.references.system import (
    LATENT_DIM,
    Generator,
    Losses,
    Setup,
    System,
    Wanted,
    adam,
    fixed,
    update,
)
from synthderm.training.losses import discriminator_hinge, generator_hinge

WIDTH = 16
CLASS_DIM = 32
TRUNCATION = 1.5
ATTENTION_SIDE = 16


def truncated_normal(
    shape: tuple[int, ...], threshold: float, rng: torch.Generator | None = None
) -> Tensor:
    """Standard normal numbers; those larger than the threshold are drawn again."""
    values = torch.randn(shape, generator=rng)
    while (large := values.abs() > threshold).any():
        values[large] = torch.randn(int(large.sum()), generator=rng)
    return values


class ClassBatchNorm(nn.Module):
    """Batch norm whose gain and bias are linear in a condition (class-conditional batch norm)."""

    def __init__(self, width: int, condition: int) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(width, affine=False)
        self.gain = spectral_norm(nn.Linear(condition, width, bias=False))
        self.bias = spectral_norm(nn.Linear(condition, width, bias=False))

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        gain, bias = (layer(condition)[:, :, None, None] for layer in (self.gain, self.bias))
        return self.norm(x) * (1 + gain) + bias


class SelfAttention(nn.Module):
    """gamma * attention + x, with keys and values at half the side; gamma starts at 0."""

    def __init__(self, width: int) -> None:
        super().__init__()
        inner = max(1, width // 8)
        self.query, self.key = (spectral_norm(nn.Conv2d(width, inner, 1)) for _ in range(2))
        self.value = spectral_norm(nn.Conv2d(width, width // 2, 1))
        self.out = spectral_norm(nn.Conv2d(width // 2, width, 1))
        self.gamma = nn.Parameter(torch.zeros(()))

    def forward(self, x: Tensor) -> Tensor:
        query = self.query(x).flatten(2).transpose(1, 2)
        key, value = (F.max_pool2d(layer(x), 2).flatten(2) for layer in (self.key, self.value))
        share = (query @ key).softmax(2)
        attended = (share @ value.transpose(1, 2)).transpose(1, 2).unflatten(2, x.shape[2:])
        return x + self.gamma * self.out(attended)


class UpBlock(nn.Module):
    """A residual block that doubles the side."""

    def __init__(self, a: int, b: int, condition: int) -> None:
        super().__init__()
        self.norms = nn.ModuleList([ClassBatchNorm(a, condition), ClassBatchNorm(b, condition)])
        self.first = spectral_norm(nn.Conv2d(a, b, 3, padding=1))
        self.second = spectral_norm(nn.Conv2d(b, b, 3, padding=1))
        self.short = spectral_norm(nn.Conv2d(a, b, 1))

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        hidden = F.interpolate(F.relu(self.norms[0](x, condition)), scale_factor=2.0)
        hidden = F.relu(self.norms[1](self.first(hidden), condition))
        return self.second(hidden) + F.interpolate(self.short(x), scale_factor=2.0)


class DownBlock(nn.Module):
    """A residual block that halves the side."""

    def __init__(self, a: int, b: int) -> None:
        super().__init__()
        self.first = spectral_norm(nn.Conv2d(a, b, 3, padding=1))
        self.second = spectral_norm(nn.Conv2d(b, b, 3, padding=1))
        self.short = spectral_norm(nn.Conv2d(a, b, 1))

    def forward(self, x: Tensor) -> Tensor:
        hidden = self.second(F.relu(self.first(F.relu(x))))
        return F.avg_pool2d(hidden, 2) + self.short(F.avg_pool2d(x, 2))


class BigGenerator(Generator):
    """From 4 px; every block gets a chunk of the latents of its own.

    Args:
        size: 4 times a power of 2.
        num_classes: number of classes.
    """

    def __init__(self, size: int, num_classes: int) -> None:
        super().__init__()
        levels = (size // 4).bit_length() - 1
        widths = [min(8, 2 ** (levels - k)) * WIDTH for k in range(levels + 1)]
        self.chunk = LATENT_DIM // (levels + 1)
        self.embedding = nn.Embedding(num_classes, CLASS_DIM)
        first = LATENT_DIM - levels * self.chunk
        self.stem = spectral_norm(nn.Linear(first, widths[0] * 16))
        condition = CLASS_DIM + self.chunk
        self.blocks = nn.ModuleList(UpBlock(a, b, condition) for a, b in zip(widths, widths[1:]))
        self.attention = SelfAttention(widths[2])
        self.norm = nn.BatchNorm2d(widths[-1])
        self.to_image = spectral_norm(nn.Conv2d(widths[-1], 3, 3, padding=1))

    def sample_latents(self, count: int, rng: torch.Generator | None = None) -> Tensor:
        return truncated_normal((count, self.latent_dim), TRUNCATION, rng)

    def forward(self, wanted: Wanted) -> Tensor:
        rest = len(self.blocks) * self.chunk
        first, others = wanted.latents.split([LATENT_DIM - rest, rest], dim=1)
        x = self.stem(first).unflatten(1, (-1, 4, 4))
        embedded = self.embedding(wanted.labels)
        for block, chunk in zip(self.blocks, others.split(self.chunk, dim=1)):
            x = block(x, torch.cat([embedded, chunk], dim=1))
            if x.shape[-1] == ATTENTION_SIDE:
                x = self.attention(x)
        return self.to_image(F.relu(self.norm(x))).tanh()


class BigDiscriminator(nn.Module):
    def __init__(self, size: int, num_classes: int) -> None:
        super().__init__()
        levels = (size // 4).bit_length() - 1
        widths = [3, *(min(8, 2 ** (k + 1)) * WIDTH for k in range(levels))]
        self.blocks = nn.ModuleList(DownBlock(a, b) for a, b in zip(widths, widths[1:]))
        self.attention = SelfAttention(widths[levels - 2])
        self.logit = spectral_norm(nn.Linear(widths[-1], 1))
        self.projection = spectral_norm(nn.Embedding(num_classes, widths[-1]))

    def forward(self, x: Tensor, labels: Tensor) -> Tensor:
        for block in self.blocks:
            x = block(x)
            if x.shape[-1] == ATTENTION_SIDE:
                x = self.attention(x)
        hidden = F.relu(x).sum((2, 3))
        return self.logit(hidden)[:, 0] + (hidden * self.projection(labels)).sum(1)


class BigGAN(System):
    def __init__(self, setup: Setup) -> None:
        super().__init__(setup)
        classes = len(setup.photographs.classes)
        self.generator = BigGenerator(setup.size, classes).to(setup.device)
        self.discriminator = BigDiscriminator(setup.size, classes).to(setup.device)
        self.optimizer_g = adam(self.generator, lr=2e-4, betas=(0.0, 0.999))
        self.optimizer_d = adam(self.discriminator, lr=2e-4, betas=(0.0, 0.999))

    def step(self, progress: float) -> Losses:
        real, labels = self.setup.sample()
        D = self.discriminator
        with self.setup.cast:
            fake = self.generator(self.ask(labels))
            on_real = D(self.setup.augmented(real[:, :3]), labels)
            on_fake = D(self.setup.augmented(fake.detach()), labels)
        loss_d = discriminator_hinge(on_real.float(), on_fake.float())
        update(self.optimizer_d, loss_d)
        with fixed(D), self.setup.cast:
            loss_g = generator_hinge(D(self.setup.augmented(fake), labels).float())
        update(self.optimizer_g, loss_g)
        return {"D": loss_d, "G": loss_g}
