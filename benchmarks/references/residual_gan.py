"""The noise-to-image GAN of the paper that synthderm follows (Furger, Amruthalingam, Navarini and
Pouly, "Applications of generative adversarial networks to dermatologic imaging", ANNPR 2020), after
its published code.

A generator of residual blocks that double the side with strided transposed convolutions, and a
multi-scale discriminator: the same strided network, with dropout of 0.3 and one dense layer at the
end, looks at the image and at half of its size, and the mean of both logits counts. The loss is
the cross-entropy of Goodfellow et al. that does not saturate.

Reduced from the paper: 64 px instead of 128 to 512 px, widths of 128 to 16. The code has several
generators, and which gave which figure of the paper could not be found out: blocks here are its
residual ones, with kernels of 4 instead of 5 where the side doubles.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from benchmarks.references.plain_gan import PlainGAN
from benchmarks.references.system import Generator, Setup, Wanted

WIDTH = 16  # channels at the largest level
SCALES = (1, 2)  # of the multi-scale discriminator: the image, and half of it
DROPOUT = 0.3


class ResidualUp(nn.Module):
    """conv - norm - act - transposed conv - norm, added to a transposed 1x1 convolution of the
    input."""

    def __init__(self, a: int, b: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(a, b, 3, padding=1, bias=False),
            nn.BatchNorm2d(b),
            nn.LeakyReLU(0.2),
            nn.ConvTranspose2d(b, b, 4, 2, 1, bias=False),
            nn.BatchNorm2d(b),
        )
        self.short = nn.Sequential(
            nn.ConvTranspose2d(a, b, 1, 2, output_padding=1, bias=False), nn.BatchNorm2d(b)
        )

    def forward(self, x: Tensor) -> Tensor:
        return F.leaky_relu(self.layers(x) + self.short(x), 0.2)


class ResidualGenerator(Generator):
    """From 4 px.

    Args:
        size: 4 times a power of 2.
    """

    def __init__(self, size: int) -> None:
        super().__init__()
        levels = (size // 4).bit_length() - 1
        widths = [min(8, 2 ** (levels - k)) * WIDTH for k in range(levels + 1)]
        self.stem = nn.Linear(self.latent_dim, widths[0] * 16, bias=False)
        self.norm = nn.BatchNorm1d(widths[0] * 16)
        self.blocks = nn.Sequential(*(ResidualUp(a, b) for a, b in zip(widths, widths[1:])))
        self.to_image = nn.Conv2d(widths[-1], 3, 5, padding=2)

    def forward(self, wanted: Wanted) -> Tensor:
        x = F.relu(self.norm(self.stem(wanted.latents))).unflatten(1, (-1, 4, 4))
        return self.to_image(self.blocks(x)).tanh()


def make_scale(side: int) -> nn.Sequential:
    """The discriminator of one scale, from images of this side to logits (B, 1)."""
    layers: list[nn.Module] = []
    width_in, width = 3, WIDTH
    while side > 4:
        layers += [nn.Conv2d(width_in, width, 5, 2, 2), nn.BatchNorm2d(width)]
        layers += [nn.LeakyReLU(0.2), nn.Dropout(DROPOUT)]
        width_in, width, side = width, min(2 * width, 8 * WIDTH), side // 2
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(width_in * side**2, 1, bias=False))


class MultiScaleDiscriminator(nn.Module):
    """Logits (B, 1): the mean over scales."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.scales = nn.ModuleList(make_scale(size // scale) for scale in SCALES)

    def forward(self, x: Tensor) -> Tensor:
        logits = [D(F.avg_pool2d(x, scale)) for D, scale in zip(self.scales, SCALES)]
        return torch.stack(logits).mean(0)


class ResidualGAN(PlainGAN):
    def __init__(self, setup: Setup) -> None:
        super().__init__(setup, ResidualGenerator(setup.size), MultiScaleDiscriminator(setup.size))
