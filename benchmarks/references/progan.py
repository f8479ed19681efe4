"""Progressive growing (Karras, Aila, Laine and Lehtinen, "Progressive growing of GANs for improved
quality, stability, and variation", ICLR 2018).

Training starts at 4 px; at every new resolution the new layers of both networks are faded in:
alpha goes from 0 to 1 between the doubled old image and the new one. Equalized learning rate,
pixelwise feature normalization, minibatch standard deviation, and the loss of WGAN-GP with a drift
of 0.001.

Reduced from the paper: widths of 128 to 16 instead of 512 to 32. The schedule is in shares of the
time, instead of 600,000 images each for fading and for settling.
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

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

WIDTHS = (128, 128, 96, 48, 24, 16)  # of 4, 8, 16, 32, 64 and 128 px
STAGE = 0.1  # share of the time of each stage but the last; its first half fades in
PENALTY, DRIFT = 10.0, 0.001


class EqualizedConv(nn.Module):
    """A convolution whose weights are N(0, 1) and are scaled by He's constant at run time
    (equalized learning rate)."""

    def __init__(self, width_in: int, width_out: int, side: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(width_out, width_in, side, side))
        self.bias = nn.Parameter(torch.zeros(width_out))
        self.scale = math.sqrt(2 / (width_in * side**2))
        self.padding = side // 2 if side % 2 else side - 1

    def forward(self, x: Tensor) -> Tensor:
        return F.conv2d(x, self.weight * self.scale, self.bias, padding=self.padding)


def normalize_pixels(x: Tensor) -> Tensor:
    """Every pixel's feature vector at unit length (pixelwise feature normalization)."""
    return x * (x.float().square().mean(1, keepdim=True) + 1e-8).rsqrt().to(x.dtype)


def act(x: Tensor) -> Tensor:
    return F.leaky_relu(x, 0.2)


def fade(old: Tensor, new: Tensor, alpha: float) -> Tensor:
    """The old image at alpha 0, the new one at 1, and a blend between."""
    return torch.lerp(old, new, alpha)


def stage(progress: float, levels: int) -> tuple[int, float]:
    """The level, 0 for 4 px, and alpha, after a share of the time."""
    level = min(levels - 1, int(progress / STAGE))
    if level == 0:
        return 0, 1.0
    return level, min(1.0, (progress / STAGE - level) * 2)


class GrowingGenerator(Generator):
    """A pair of convolutions at every level.

    Args:
        size: 4 times a power of 2, at most 128.
    """

    def __init__(self, size: int) -> None:
        super().__init__()
        self.widths = WIDTHS[: (size // 4).bit_length()]
        first = nn.ModuleList(
            [
                EqualizedConv(LATENT_DIM, self.widths[0], 4),
                EqualizedConv(self.widths[0], self.widths[0], 3),
            ]
        )
        pairs = zip(self.widths, self.widths[1:])
        others = [nn.ModuleList([EqualizedConv(a, b, 3), EqualizedConv(b, b, 3)]) for a, b in pairs]
        self.blocks = nn.ModuleList([first, *others])
        self.to_rgb = nn.ModuleList(EqualizedConv(width, 3, 1) for width in self.widths)

    def grow(self, latents: Tensor, level: int, alpha: float) -> Tensor:
        """Images of 4 * 2 ** level pixels."""
        x = old = normalize_pixels(latents)[:, :, None, None]
        for k in range(level + 1):
            if k:
                old = x
                x = F.interpolate(x, scale_factor=2.0)
            for conv in self.blocks[k]:
                x = normalize_pixels(act(conv(x)))
        image = self.to_rgb[level](x)
        if alpha == 1:
            return image
        return fade(F.interpolate(self.to_rgb[level - 1](old), scale_factor=2.0), image, alpha)

    def forward(self, wanted: Wanted) -> Tensor:
        return self.grow(wanted.latents, len(self.widths) - 1, 1.0).clamp(-1, 1)


class GrowingDiscriminator(nn.Module):
    """The generator's mirror image."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.widths = WIDTHS[: (size // 4).bit_length()]
        self.from_rgb = nn.ModuleList(EqualizedConv(3, width, 1) for width in self.widths)
        pairs = zip(self.widths, self.widths[1:])
        self.blocks = nn.ModuleList(
            nn.ModuleList([EqualizedConv(b, b, 3), EqualizedConv(b, a, 3)]) for a, b in pairs
        )
        width = self.widths[0]
        self.last = EqualizedConv(width + 1, width, 3)
        self.logit = nn.Linear(width * 16, 1)

    def forward(self, image: Tensor, level: int, alpha: float) -> Tensor:
        """Critic's values (B,) of images of 4 * 2 ** level pixels."""
        x = act(self.from_rgb[level](image))
        for k in range(level, 0, -1):
            for conv in self.blocks[k - 1]:
                x = act(conv(x))
            x = F.avg_pool2d(x, 2)
            if k == level and alpha < 1:
                x = fade(act(self.from_rgb[level - 1](F.avg_pool2d(image, 2))), x, alpha)
        spread = (x.var(0, unbiased=False) + 1e-8).sqrt().mean().expand(len(x), 1, 4, 4)
        return self.logit(act(self.last(torch.cat([x, spread], 1))).flatten(1))[:, 0]


class ProGAN(System):
    def __init__(self, setup: Setup) -> None:
        super().__init__(setup)
        self.generator = GrowingGenerator(setup.size).to(setup.device)
        self.critic = GrowingDiscriminator(setup.size).to(setup.device)
        self.optimizer_g = adam(self.generator, lr=1e-3, betas=(0.0, 0.99))
        self.optimizer_d = adam(self.critic, lr=1e-3, betas=(0.0, 0.99))

    def step(self, progress: float) -> Losses:
        level, alpha = stage(progress, len(self.generator.widths))
        self.is_growing = alpha < 1
        real, labels = self.setup.sample()
        real = F.adaptive_avg_pool2d(real[:, :3], 4 * 2**level)
        if alpha < 1:
            real = fade(F.interpolate(F.avg_pool2d(real, 2), scale_factor=2.0), real, alpha)
        with self.setup.cast:
            fake = self.generator.grow(self.ask(labels).latents, level, alpha)
            seen_real, seen_fake = (self.setup.augmented(x).float() for x in (real, fake.detach()))
            on_real, on_fake = (
                self.critic(x, level, alpha).float() for x in (seen_real, seen_fake)
            )
        penalty = self.penalize(seen_real, seen_fake, level, alpha)
        loss_d = (on_fake - on_real).mean() + PENALTY * penalty + DRIFT * on_real.square().mean()
        update(self.optimizer_d, loss_d)
        with fixed(self.critic), self.setup.cast:
            loss_g = -self.critic(self.setup.augmented(fake), level, alpha).float().mean()
        update(self.optimizer_g, loss_g)
        return {"D": loss_d, "G": loss_g}

    def penalize(self, real: Tensor, fake: Tensor, level: int, alpha: float) -> Tensor:
        """(|dD/dx| - 1)^2 at random points between real and fake (WGAN-GP, Gulrajani et al.,
        NeurIPS 2017)."""
        share = torch.rand(len(real), 1, 1, 1, device=real.device)
        between = torch.lerp(real, fake, share).requires_grad_()
        values = self.critic(between, level, alpha)
        (gradient,) = torch.autograd.grad(values.sum(), between, create_graph=True)
        return (gradient.flatten(1).norm(dim=1) - 1).square().mean()
