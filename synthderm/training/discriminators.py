"""Discriminators: the adversaries of a `SkinGenerator` in training."""

from collections.abc import Sequence
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm

from synthderm.models.backbones import fold_norms, load_backbone
from synthderm.models.layers import scale_tone
from synthderm.training.collectives import gather_rows


class Logits(NamedTuple):
    """What a discriminator says of B images."""

    real: Tensor  # (B, K): above 0 where an image looks real
    # (B, num_classes): the class that is seen, whatever the labels say (auxiliary classifier,
    # Odena et al., ICML 2017).
    classes: Tensor


def halve(width_in: int, width_out: int) -> nn.Sequential:
    """A strided convolution that halves the side."""
    conv = nn.Conv2d(width_in, width_out, 4, stride=2, padding=1)
    return nn.Sequential(spectral_norm(conv), nn.LeakyReLU(0.2))


class Projection(nn.Module):
    """The direction in feature space, (B, width), in which images of a class and a skin tone lie.

    Its product with the features is added to the logit (Miyato and Koyama, ICLR 2018; for a
    continuous condition Ding et al., ICLR 2021).
    """

    def __init__(self, num_classes: int, width: int, skin_tone: bool) -> None:
        super().__init__()
        self.embedding = nn.Embedding(num_classes, width)
        nn.init.normal_(self.embedding.weight, std=0.1)
        self.tone = nn.Linear(1, width) if skin_tone else None

    def forward(self, labels: Tensor, skin_tone: Tensor | None) -> Tensor:
        direction: Tensor = self.embedding(labels)
        if self.tone is None or skin_tone is None:
            return direction
        return direction + self.tone(scale_tone(skin_tone))


class Discriminator(nn.Module):
    """A discriminator of images with their masks.

    The mirror of the generator: every level also gets the image shrunk to its own size, so that it
    can go from small images to full ones with the generator. Spectral norm (Miyato et al., ICLR
    2018); class and skin tone by projection; the last layer sees the spread within the batch,
    against mode collapse (Karras et al., ICLR 2018).

    Args:
        size: the largest side in pixels.
        channels: width of each level, from the smallest on, as in the generator.
        num_classes: number of classes.
        skin_tone: whether it is conditioned on the skin tone too.
    """

    def __init__(
        self, size: int, channels: Sequence[int], num_classes: int, *, skin_tone: bool = False
    ) -> None:
        super().__init__()
        last, widths = channels[0], channels[::-1]
        self.size = size
        self.from_image = nn.ModuleList(nn.Conv2d(4, width, 1) for width in widths[:-1])
        self.blocks = nn.ModuleList(map(halve, widths, widths[1:]))
        self.last = spectral_norm(nn.Conv2d(last + 1, last, 3, padding=1))
        self.logit = nn.Linear(last, 1)
        self.projection = Projection(num_classes, last, skin_tone)
        self.classifier = nn.Linear(last, num_classes)

    def forward(
        self,
        x: Tensor,
        labels: Tensor,
        *,
        skin_tone: Tensor | None = None,
        condition: float | Tensor = 1.0,
    ) -> Logits:
        """Judge images.

        Args:
            x: (B, 4, S, S) in [-1, 1], of the full size or a level's.
            labels: (B,) int64.
            skin_tone: (B,) ITA in degrees.
            condition: weight of class and skin tone, in [0, 1].

        Returns:
            `Logits` with K = 1.
        """
        first = (self.size // x.shape[-1]).bit_length() - 1  # the level of the image's size
        hidden = self.blocks[first](self.from_image[first](x))
        for level in range(first + 1, len(self.blocks)):
            x = F.avg_pool2d(x, 2)
            hidden = self.blocks[level](hidden + self.from_image[level](x))
        seen = gather_rows(hidden) if self.training else hidden
        spread = seen.std(dim=0, unbiased=False).mean().expand(len(hidden), 1, *hidden.shape[-2:])
        hidden = F.leaky_relu(self.last(torch.cat([hidden, spread], dim=1)), 0.2).mean((2, 3))
        logit = self.logit(hidden)
        projected = (hidden * self.projection(labels, skin_tone)).sum(1, keepdim=True)
        return Logits(logit + condition * projected, self.classifier(hidden))


class FeatureDiscriminator(nn.Module):
    """A discriminator on the features of a frozen, pretrained backbone (Projected GAN, Sauer et
    al., NeurIPS 2021).

    Each feature map is mixed by a fixed random 1x1 convolution, and has a small head of its own.
    With a few thousand photographs this learns several times faster than a network that has to
    find its features first.

    Args:
        backbone: a module that maps (B, 3, S, S) images in [-1, 1] to a list of feature maps. It
            is frozen here.
        num_classes: number of classes.
        width: channels of the heads.
        skin_tone: whether it is conditioned on the skin tone too.
    """

    def __init__(
        self, backbone: nn.Module, num_classes: int, *, width: int = 64, skin_tone: bool = False
    ) -> None:
        super().__init__()
        self.backbone = backbone.eval().requires_grad_(False)
        with torch.no_grad():
            maps = backbone(torch.zeros(1, 3, 128, 128))
        mixes = [nn.Conv2d(m.shape[1], width, 1, bias=False).requires_grad_(False) for m in maps]
        self.mix = nn.ModuleList(mixes)
        self.heads = nn.ModuleList()
        for mix, m in zip(mixes, maps):
            nn.init.kaiming_normal_(mix.weight, nonlinearity="linear")
            self.heads.append(self._make_head(width, m.shape[-1]))
        self.logits = nn.ModuleList(spectral_norm(nn.Conv2d(width, 1, 1)) for _ in maps)
        self.projections = nn.ModuleList(Projection(num_classes, width, skin_tone) for _ in maps)
        self.classifier = nn.Linear(len(maps) * width, num_classes)

    @staticmethod
    def _make_head(width: int, side: int) -> nn.Sequential:
        """Convolutions from a map of this side to one of 4 px."""
        halvings = [halve(width, width) for _ in range(max(0, (side // 4).bit_length() - 1))]
        last = spectral_norm(nn.Conv2d(width, width, 3, padding=1))
        return nn.Sequential(*halvings, last, nn.LeakyReLU(0.2))

    def train(self, mode: bool = True) -> "FeatureDiscriminator":
        super().train(mode)
        self.backbone.eval()  # its batch norm statistics are part of the fixed features
        return self

    def forward(
        self,
        x: Tensor,
        labels: Tensor,
        *,
        skin_tone: Tensor | None = None,
        condition: float | Tensor = 1.0,
    ) -> Logits:
        """Judge images; the mask is left to `Discriminator`.

        Args:
            x: (B, 4 or 3, S, S) in [-1, 1].
            labels, skin_tone, condition: as in `Discriminator`.

        Returns:
            `Logits` with one column for each place of each feature map.
        """
        logits, means = [], []
        maps = backbone_features(self.backbone, x[:, :3])
        layers = zip(maps, self.mix, self.heads, self.logits, self.projections)
        for features, mix, head, to_logit, projection in layers:
            hidden = head(mix(features))
            logit = to_logit(hidden)
            direction = projection(labels, skin_tone)[:, :, None, None]
            projected = (hidden * direction).sum(1, keepdim=True)
            logits.append((logit + condition * projected).flatten(1))
            means.append(hidden.mean((2, 3)))
        return Logits(torch.cat(logits, dim=1), self.classifier(torch.cat(means, dim=1)))


def make_discriminators(
    size: int,
    channels: Sequence[int],
    num_classes: int,
    *,
    features: str | None = None,
    skin_tone: bool = False,
) -> nn.ModuleList:
    """The discriminators of a training: one of pixels, and if wanted a second one of features.

    Args:
        size, channels, num_classes, skin_tone: as in `Discriminator`.
        features: the backbone of a `FeatureDiscriminator`, which gives feature maps at four sizes:
            NAME or NAME=FILE.safetensors, as in `synthderm.models.backbones.load_backbone`; a
            model with mean = std = 0.5.

    Returns:
        one or two discriminators in training mode.
    """
    networks = nn.ModuleList([Discriminator(size, channels, num_classes, skin_tone=skin_tone)])
    if features:
        backbone = load_backbone(features, features_only=True, out_indices=(1, 2, 3, 4))
        backbone = fold_norms(backbone)
        networks.append(FeatureDiscriminator(backbone, num_classes, skin_tone=skin_tone))
    return networks.train()


def backbone_features(backbone: nn.Module, images: Tensor) -> list[Tensor]:
    """A frozen backbone's feature maps of images in [-1, 1].

    On a CPU, gradients of its depthwise convolutions take longer in bf16 than in float32.
    """
    if images.device.type != "cpu" or not images.requires_grad:
        return backbone(images)
    with torch.autocast("cpu", enabled=False):
        return backbone(images.float())
