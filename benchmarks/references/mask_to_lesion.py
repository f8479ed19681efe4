"""Lesions from masks (Bissoto, Perez, Valle and Avila, "Skin lesion synthesis with generative
adversarial networks", ISIC workshop at MICCAI 2018): pix2pixHD (Wang et al., CVPR 2018) that
translates a map of where skin, lesion and border are into an image.

A generator of strided convolutions, residual blocks and transposed convolutions; discriminators at
two scales; the least-squares loss, and feature matching: the discriminators' layers should say the
same of real and generated images. Images start from the masks of photographs, so their shapes are
none but the photographs' own.

Reduced from the paper: the global generator alone, of 16 to 64 channels and three residual blocks
instead of 64 to 1024 and nine; two scales instead of three; no loss on VGG. The paper's maps also
have five dermoscopic attributes and superpixels, which our data does not.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from benchmarks.references.cyclegan import ResNet9
from benchmarks.references.pix2pix import PatchDiscriminator
from benchmarks.references.system import (
    Generator,
    Losses,
    Setup,
    System,
    Wanted,
    adam,
    discriminator_least_squares,
    fixed,
    generator_least_squares,
    update,
)

WIDTH, BLOCKS = 16, 3
MATCHING = 10.0  # weight of feature matching
CLASSES = 3  # skin, border, lesion


def semantic_map(mask: Tensor) -> Tensor:
    """Skin, border and lesion as one-hot channels in [-1, 1] of a mask (B, 1, S, S) in [-1, 1]."""
    inside = (mask > 0).float()
    widened = F.max_pool2d(inside, 5, 1, 2)
    shrunk = -F.max_pool2d(-inside, 5, 1, 2)
    return torch.cat([1 - widened, widened - shrunk, shrunk], dim=1) * 2 - 1


class LesionGenerator(Generator):
    """The image of a mask, with that mask."""

    def __init__(self) -> None:
        super().__init__()
        self.network = ResNet9(WIDTH, BLOCKS)

    def forward(self, wanted: Wanted) -> Tensor:
        image = self.network(semantic_map(wanted.masks))
        return torch.cat([image, wanted.masks.to(image.dtype)], dim=1)


class MultiScale(nn.Module):
    """PatchGANs of the image and of half of its size."""

    def __init__(self, channels_in: int) -> None:
        super().__init__()
        self.scales = nn.ModuleList(PatchDiscriminator(channels_in) for _ in range(2))

    def features(self, x: Tensor) -> list[list[Tensor]]:
        """For each scale what every layer says."""
        return [D.features(F.avg_pool2d(x, 2**k)) for k, D in enumerate(self.scales)]

    def forward(self, x: Tensor) -> list[Tensor]:
        return [found[-1] for found in self.features(x)]


def feature_matching(real: list[list[Tensor]], fake: list[list[Tensor]]) -> Tensor:
    """Mean absolute difference of all layers but the logits, mean over layers and scales."""
    terms = [
        F.l1_loss(b.float(), a.detach().float())
        for scale_real, scale_fake in zip(real, fake)
        for a, b in zip(scale_real[:-1], scale_fake[:-1])
    ]
    return torch.stack(terms).mean()


class MaskToLesion(System):
    def __init__(self, setup: Setup) -> None:
        super().__init__(setup)
        self.generator = LesionGenerator().to(setup.device)
        self.discriminator = MultiScale(3 + CLASSES).to(setup.device)
        self.optimizer_g = adam(self.generator, lr=2e-4)
        self.optimizer_d = adam(self.discriminator, lr=2e-4)

    def step(self, progress: float) -> Losses:
        real, labels = self.setup.sample()
        image, mask = real.split((3, 1), dim=1)
        D, given = self.discriminator, semantic_map(mask)
        with self.setup.cast:
            fake = self.generator(self.ask(labels, mask))[:, :3]
            seen_real, seen_fake = (torch.cat([x, given], dim=1) for x in (image, fake))
            on_real = D(self.setup.augmented(seen_real))
            on_fake = D(self.setup.augmented(seen_fake.detach()))
        loss_d = discriminator_least_squares(on_real, on_fake)
        update(self.optimizer_d, loss_d)
        with fixed(D), self.setup.cast:
            loss_g = generator_least_squares(D(self.setup.augmented(seen_fake)))
            # Compared place by place, and so without augmentation.
            matching = feature_matching(D.features(seen_real), D.features(seen_fake))
        update(self.optimizer_g, loss_g + MATCHING * matching)
        return {"D": loss_d, "G": loss_g, "matching": matching}
