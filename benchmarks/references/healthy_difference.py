"""Segmentation by the difference to a healthy image (Andermatt, Horvath, Pezold and Cattin,
"Pathology segmentation using distributional differences to images of healthy origin", BrainLes
workshop at MICCAI 2018, arXiv 1805.10344).

A CycleGAN that is told of each image only whether it is healthy. Its generators are residual: they
do not redraw the image but predict a segmentation and an inpainting, and the healthy image is
x + s (inpainting - x). The way to pathology is not unique, so it is a variational autoencoder: the
code of a pathological image says which pathology is drawn on a healthy one, and new ones can be
sampled.

Written from the paper's abstract. Ours, since its equations could not be read: the networks, which
are small convolutional ones; the least-squares loss; all weights; that the segmentation found in
what was drawn has to be the one it was drawn with; and a small price on its area, without which it
covers everything.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from benchmarks.references.cyclegan import convolution
from benchmarks.references.pix2pix import PatchDiscriminator
from benchmarks.references.system import (
    Editor,
    Losses,
    Setup,
    System,
    adam,
    discriminator_least_squares,
    fixed,
    generator_least_squares,
    update,
)
from synthderm.training.edit_batches import EditBatch
from synthderm.training.reconstruction import kl_divergence, reparameterize

WIDTH = 24
CODE = 16
CYCLE, SEGMENTATION, KL, AREA = 10.0, 1.0, 0.01, 0.1  # weights


class ResidualTranslator(nn.Module):
    """A segmentation (B, 1, S, S) in [0, 1] and what is to be there (B, 3, S, S) in [-1, 1].

    Args:
        code: length of a vector that the image is drawn from; 0 for none.
    """

    def __init__(self, code: int = 0) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            *convolution(3 + code, WIDTH, 5),
            *convolution(WIDTH, 2 * WIDTH, 3, stride=2),
            *convolution(2 * WIDTH, 4 * WIDTH, 3, stride=2),
            *convolution(4 * WIDTH, 4 * WIDTH, 3),
            nn.Upsample(scale_factor=2.0),
            *convolution(4 * WIDTH, 2 * WIDTH, 3),
            nn.Upsample(scale_factor=2.0),
            *convolution(2 * WIDTH, WIDTH, 3),
            nn.Conv2d(WIDTH, 4, 3, padding=1),
        )
        nn.init.constant_(self.layers[-1].bias[3:], -2.0)  # little is segmented at first

    def forward(self, image: Tensor, code: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """The translated image x + s (inpainting - x), and s."""
        seen = image
        if code is not None:
            planes = code[:, :, None, None].expand(-1, -1, *image.shape[2:])
            seen = torch.cat([image, planes.to(image.dtype)], dim=1)
        paint, logits = self.layers(seen).float().split((3, 1), dim=1)
        segmentation = logits.sigmoid()
        return image + segmentation * (paint.tanh() - image), segmentation


class CodeEncoder(nn.Module):
    """A pathological image to the mean and the log variance of its code, (B, CODE) each."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            *convolution(3, WIDTH, 3, stride=2),
            *convolution(WIDTH, 2 * WIDTH, 3, stride=2),
            nn.Conv2d(2 * WIDTH, 4 * WIDTH, 3, 2, 1),
            nn.ReLU(),
        )
        self.code = nn.Linear(4 * WIDTH, 2 * CODE)

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor]:
        mean, log_variance = self.code(self.layers(image).mean((2, 3))).float().chunk(2, dim=1)
        return mean, log_variance.clamp(-8, 8)


class DifferenceEditor(Editor):
    """The way to health, the way to pathology, and the encoder of pathologies."""

    def __init__(self) -> None:
        super().__init__()
        self.removing, self.adding = ResidualTranslator(), ResidualTranslator(CODE)
        self.encoder = CodeEncoder()

    def add(self, batch: EditBatch) -> Tensor:
        image = batch.healthy * 2 - 1
        code = torch.randn(len(image), CODE, device=image.device)
        return (self.adding(image, code)[0] + 1) / 2

    def remove(self, lesional: Tensor, mask: Tensor, batch: EditBatch) -> Tensor:
        return (self.removing(lesional * 2 - 1)[0] + 1) / 2

    def find(self, lesional: Tensor, batch: EditBatch) -> Tensor:
        return self.removing(lesional * 2 - 1)[1] > 0.5


class HealthyDifference(System):
    def __init__(self, setup: Setup) -> None:
        super().__init__(setup)
        self.generator = DifferenceEditor().to(setup.device)
        self.discriminators = nn.ModuleList(PatchDiscriminator(3) for _ in range(2))
        self.discriminators.to(setup.device)
        self.optimizer_g = adam(self.generator, lr=4e-4)
        self.optimizer_d = adam(self.discriminators, lr=2e-4)

    def step(self, progress: float) -> Losses:
        batch, G = self.setup.sample_pairs(), self.generator
        # The eczema of other patches: nothing is to be learnt from pairs.
        healthy, lesional = batch.healthy * 2 - 1, batch.lesional.roll(1, 0) * 2 - 1
        with self.setup.cast:
            mean, log_variance = G.encoder(lesional)
            removed, found = G.removing(lesional)
            restored, again = G.adding(removed, reparameterize(mean, log_variance))
            added, drawn = G.adding(healthy, torch.randn_like(mean))
            cleaned, refound = G.removing(added)
            with fixed(self.discriminators):
                on_fake = [self.look(k, x) for k, x in enumerate((added, removed))]
        adversarial = 2 * generator_least_squares(on_fake)
        cycle = F.l1_loss(restored, lesional) + F.l1_loss(cleaned, healthy)
        segmentation = F.l1_loss(refound, drawn) + F.l1_loss(again, found)
        area = found.mean() + drawn.mean()
        kl = kl_divergence(mean, log_variance)
        total = adversarial + CYCLE * cycle + SEGMENTATION * segmentation + KL * kl + AREA * area
        update(self.optimizer_g, total)
        with self.setup.cast:
            on_real = [self.look(k, x) for k, x in enumerate((lesional, healthy))]
            on_fake = [self.look(k, x.detach()) for k, x in enumerate((added, removed))]
        loss_d = discriminator_least_squares(on_real, on_fake)
        update(self.optimizer_d, loss_d)
        return {"D": loss_d, "G": adversarial, "cycle": cycle, "segmentation": segmentation}

    def look(self, which: int, image: Tensor) -> Tensor:
        """Logits of images being pathological (0) or healthy (1)."""
        return self.discriminators[which](self.setup.augmented(image))
