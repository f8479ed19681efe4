"""Coverage: what makes a generator's variety that of the photographs, where a discriminator alone
is content with few kinds.

An encoder gives each photograph a place among the latents, and the generator must draw that
photograph there, roughly: the features of a frozen network and the coarse colours must agree
(VAE/GAN, Larsen et al., ICML 2016; coverage against mode collapse as in Inclusive GAN, Yu et al.,
ECCV 2020).
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from synthderm.training.discriminators import look


class Encoder(nn.Module):
    """Image and mask, (B, 4, S, S) in [-1, 1], to mean and log variance of its latents, each (B,
    code_dim). Looks at 64 px."""

    def __init__(self, code_dim: int, widths: tuple[int, ...] = (24, 48, 96, 128)):
        super().__init__()
        layers = []
        for a, b in zip((4, *widths), widths):
            layers += [
                nn.Conv2d(a, b, 4, stride=2, padding=1),
                nn.BatchNorm2d(b),
                nn.LeakyReLU(0.2),
            ]
        self.trunk = nn.Sequential(*layers, nn.Flatten())
        self.code = nn.Linear(widths[-1] * 16, 2 * code_dim)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        mean, log_variance = (
            self.code(self.trunk(F.interpolate(x, size=64, mode="area"))).float().chunk(2, dim=1)
        )
        return mean, log_variance.clamp(-8, 8)


def draw_codes(mean: Tensor, log_variance: Tensor) -> tuple[Tensor, Tensor]:
    """Latents (B, D) drawn from N(mean, variance), and how much they tell: KL from N(0, 1) in nats,
    mean over images (Kingma and Welling, ICLR 2014, appendix B)."""
    told = 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance).sum(1).mean()
    return mean + torch.randn_like(mean) * (log_variance / 2).exp(), told


def adapt_price(price: Tensor, told: Tensor, target: float) -> Tensor:
    """The weight of `told`, a hundredth up while codes tell more than `target` nats, else down
    (after Rezende and Viola, arXiv 1810.00597)."""
    return price * torch.where(told.detach() > target, 1.01, 1 / 1.01)


def resemblance(backbone: nn.Module, made: Tensor, real: Tensor) -> Tensor:
    """How far generated images are from the photographs that they should be: squared distance of
    the backbone's feature maps, scaled to unit length at each place (LPIPS without its weights,
    Zhang et al., CVPR 2018), mean over maps, plus four times the mean absolute difference of
    colours and mask at an eighth of the side, to which the maps are all but blind.

    Args:
        backbone: as in `FeatureDiscriminator`.
        made, real: (B, 4, S, S) in [-1, 1].
    """
    with torch.no_grad():
        wanted = [F.normalize(m, dim=1) for m in look(backbone, real[:, :3])]
    found = [F.normalize(m, dim=1) for m in look(backbone, made[:, :3])]
    distance = sum((a - b).square().sum(1).mean() for a, b in zip(found, wanted)) / len(found)
    return distance + 4 * F.l1_loss(F.avg_pool2d(made, 8), F.avg_pool2d(real, 8))
