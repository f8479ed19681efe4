"""A variational autoencoder around the generator, against mode collapse.

A discriminator alone is content with few kinds of images. An encoder gives each photograph a place
among the latents, and the generator has to reconstruct that photograph there, roughly: the
features of a frozen network and the coarse colours must agree (VAE/GAN, Larsen et al., ICML 2016;
against mode collapse as in Inclusive GAN, Yu et al., ECCV 2020).
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from synthderm.training.discriminators import backbone_features

BETA = 0.05  # where the weight of the KL divergence starts


class Encoder(nn.Module):
    """A photograph and its mask to the distribution of its latents.

    Args:
        code_dim: number of latents; for a generator its `code_dim`.
        widths: channels after each of four strided convolutions, from 64 px to 4 px.
    """

    def __init__(self, code_dim: int, widths: tuple[int, ...] = (24, 48, 96, 128)) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for width_in, width_out in zip((4, *widths), widths):
            layers.append(nn.Conv2d(width_in, width_out, 4, stride=2, padding=1))
            layers.append(nn.BatchNorm2d(width_out))
            layers.append(nn.LeakyReLU(0.2))
        self.trunk = nn.Sequential(*layers, nn.Flatten())
        self.code = nn.Linear(widths[-1] * 16, 2 * code_dim)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """(B, 4, S, S) in [-1, 1] to mean and log variance, (B, code_dim) each."""
        code = self.code(self.trunk(F.interpolate(x, size=64, mode="area")))
        mean, log_variance = code.float().chunk(2, dim=1)
        return mean, log_variance.clamp(-8, 8)


def reparameterize(mean: Tensor, log_variance: Tensor, noise: Tensor | None = None) -> Tensor:
    """A sample of N(mean, variance) with gradients to both, (B, D) (Kingma and Welling, ICLR
    2014); of standard normal `noise` where that was drawn before."""
    noise = torch.randn_like(mean) if noise is None else noise
    return mean + noise * (log_variance / 2).exp()


def kl_divergence(mean: Tensor, log_variance: Tensor) -> Tensor:
    """KL(N(mean, variance), N(0, 1)) in nats, mean over the images of (B, D) (Kingma and Welling,
    appendix B)."""
    return 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance).sum(1).mean()


def update_beta(beta: Tensor, kl: Tensor, target: float) -> Tensor:
    """The next weight of the KL divergence: a hundredth up while it is above `target` nats, else a
    hundredth down (after Rezende and Viola, arXiv 1810.00597)."""
    return beta * torch.where(kl.detach() > target, 1.01, 1 / 1.01)


def reconstruction_loss(backbone: nn.Module, fake: Tensor, real: Tensor) -> Tensor:
    """How far reconstructions are from their photographs.

    The squared distance of the backbone's feature maps, scaled to unit length at each place (LPIPS
    without its weights, Zhang et al., CVPR 2018), mean over maps; plus four times the mean
    absolute difference of colours and mask at an eighth of the side, to which the maps are all but
    blind.

    Args:
        backbone: as in `FeatureDiscriminator`.
        fake, real: (B, 4, S, S) in [-1, 1].
    """
    with torch.no_grad():
        wanted = [F.normalize(m, dim=1) for m in backbone_features(backbone, real[:, :3])]
    maps = [F.normalize(m, dim=1) for m in backbone_features(backbone, fake[:, :3])]
    distances = [(a - b).square().sum(1).mean() for a, b in zip(maps, wanted)]
    distance = sum(distances) / len(distances)
    return distance + 4 * F.l1_loss(F.avg_pool2d(fake, 8), F.avg_pool2d(real, 8))
