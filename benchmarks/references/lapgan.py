"""LAPGAN: one small conditional GAN at every level of a Laplacian pyramid (Denton, Chintala, Szlam
and Fergus, "Deep generative image models using a Laplacian pyramid of adversarial networks",
NeurIPS 2015).

A generator draws a coarse image from noise. At every finer level another one looks at the
enlarged image and at a plane of noise, and draws the band-pass residual that is added to it. Each
level has its own discriminator, which is shown the enlarged image beside the sum, and each is
trained alone, on the photographs' own pyramid.

Reduced from the paper: widths of 32 instead of 64 to 128, three levels of convolutions at each
scale; means of 2x2 pixels and bilinear enlargement stand for its blur and decimation; no classes.
"""

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
    discriminator_loss,
    fixed,
    generator_loss,
    update,
)

WIDTH = 32
LEVELS = 2  # residuals above the coarse image


def shrink(x: Tensor) -> Tensor:
    """d(.): half the side."""
    return F.avg_pool2d(x, 2)


def enlarge(x: Tensor) -> Tensor:
    """u(.): twice the side."""
    return F.interpolate(x, scale_factor=2.0, mode="bilinear", align_corners=False)


def laplacian_pyramid(image: Tensor, levels: int) -> tuple[Tensor, list[Tensor]]:
    """The coarse image, and the residuals h_k = I_k - u(d(I_k)) from the coarsest to the finest."""
    residuals = []
    for _ in range(levels):
        coarse = shrink(image)
        residuals.append(image - enlarge(coarse))
        image = coarse
    return image, residuals[::-1]


def reconstruct(image: Tensor, residuals: list[Tensor]) -> Tensor:
    """The image of a pyramid, exactly: I_k = u(I_k+1) + h_k."""
    for residual in residuals:
        image = enlarge(image) + residual
    return image


def convolutions(channels_in: int, channels_out: int) -> nn.Sequential:
    """Three convolutions at one scale."""
    return nn.Sequential(
        nn.Conv2d(channels_in, WIDTH, 5, padding=2),
        nn.BatchNorm2d(WIDTH),
        nn.ReLU(),
        nn.Conv2d(WIDTH, WIDTH, 5, padding=2),
        nn.BatchNorm2d(WIDTH),
        nn.ReLU(),
        nn.Conv2d(WIDTH, channels_out, 3, padding=1),
    )


class LevelDiscriminator(nn.Module):
    """Logits (B, 1) of the sum I = l + h with the enlarged image l beside it, as channels; at the
    coarsest level of the image alone."""

    def __init__(self, side: int, has_condition: bool) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        width = 6 if has_condition else 3
        while side > 4:
            layers += [nn.Conv2d(width, 2 * WIDTH, 4, 2, 1), nn.LeakyReLU(0.2), nn.Dropout(0.25)]
            width, side = 2 * WIDTH, side // 2
        self.layers = nn.Sequential(*layers, nn.Flatten(), nn.Linear(width * side**2, 1))

    def forward(self, x: Tensor) -> Tensor:
        return self.layers(x)


class LaplacianGenerator(Generator):
    """All levels, one after the other.

    Args:
        size: side of the image in pixels, a multiple of 8.
    """

    def __init__(self, size: int) -> None:
        super().__init__()
        self.coarse_side = size // 2**LEVELS
        self.sides = [self.coarse_side * 2 ** (k + 1) for k in range(LEVELS)]
        self.latent_dim = LATENT_DIM + sum(side**2 for side in self.sides)
        hidden = 8 * WIDTH
        self.coarse = nn.Sequential(
            nn.Linear(LATENT_DIM, hidden),
            nn.ReLU(),
            nn.Linear(hidden, hidden),
            nn.ReLU(),
            nn.Linear(hidden, 3 * self.coarse_side**2),
            nn.Tanh(),
        )
        self.levels = nn.ModuleList(convolutions(4, 3) for _ in self.sides)

    def draw_coarse(self, latents: Tensor) -> Tensor:
        image = self.coarse(latents[:, :LATENT_DIM])
        return image.unflatten(1, (3, self.coarse_side, self.coarse_side))

    def draw_residual(self, level: int, low: Tensor, noise: Tensor) -> Tensor:
        """The residual of a level from the enlarged image and a plane of noise."""
        return self.levels[level](torch.cat([low, noise], dim=1))

    def forward(self, wanted: Wanted) -> Tensor:
        image = self.draw_coarse(wanted.latents)
        planes = wanted.latents[:, LATENT_DIM:].split([side**2 for side in self.sides], dim=1)
        for level, (side, plane) in enumerate(zip(self.sides, planes)):
            low = enlarge(image)
            image = low + self.draw_residual(level, low, plane.unflatten(1, (1, side, side)))
        return image.clamp(-1, 1)


class LAPGAN(System):
    """Every level learns from every batch, alone."""

    def __init__(self, setup: Setup) -> None:
        super().__init__(setup)
        self.generator = LaplacianGenerator(setup.size).to(setup.device)
        sides = [self.generator.coarse_side, *self.generator.sides]
        self.discriminators = nn.ModuleList(
            LevelDiscriminator(side, level > 0) for level, side in enumerate(sides)
        ).to(setup.device)
        self.optimizer_g = adam(self.generator, lr=2e-4)
        self.optimizer_d = adam(self.discriminators, lr=2e-4)

    def step(self, progress: float) -> Losses:
        real, _ = self.setup.sample()
        image, residuals = laplacian_pyramid(real[:, :3], LEVELS)
        latents = torch.randn(len(real), LATENT_DIM, device=real.device)
        with self.setup.cast:
            seen = [(image, self.generator.draw_coarse(latents))]
            for level, residual in enumerate(residuals):
                low = enlarge(image)
                image = low + residual
                fake = low + self.generator.draw_residual(level, low, torch.randn_like(low[:, :1]))
                seen.append((torch.cat([image, low], 1), torch.cat([fake, low], 1)))
            pairs = [
                (D(self.setup.augmented(a)), D(self.setup.augmented(b.detach())))
                for D, (a, b) in zip(self.discriminators, seen)
            ]
        loss_d = torch.stack([discriminator_loss(a, b) for a, b in pairs]).sum()
        update(self.optimizer_d, loss_d)
        with fixed(self.discriminators), self.setup.cast:
            logits = [D(self.setup.augmented(b)) for D, (_, b) in zip(self.discriminators, seen)]
        loss_g = torch.stack([generator_loss(x) for x in logits]).sum()
        update(self.optimizer_g, loss_g)
        return {"D": loss_d, "G": loss_g}
