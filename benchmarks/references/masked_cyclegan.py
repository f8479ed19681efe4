"""The masked CycleGAN of the paper that synthderm follows (Furger, Amruthalingam, Navarini and
Pouly, ANNPR 2020): eczema is added and removed under a segmentation mask, after its published code.

As a CycleGAN, but both generators see the mask, and two losses say what it is for. Relevancy: the
mean squared change outside the mask. Patho-reconstruction: the mean squared error inside the mask
of what went there and back, beside that of the whole image. As there, the way back is not trained
by its own cycle: each generator learns from its own output, sent through the other one. The
discriminators are multi-scale, and the loss is the cross-entropy.

Reduced from the paper: 64 px, a ResNet-9 of 16 channels, discriminators of patches instead of
dense ones. All weights are ours; its code has 0 for all but the adversarial loss as defaults.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from benchmarks.references.cyclegan import WIDTH, ResNet9
from benchmarks.references.mask_to_lesion import MultiScale
from benchmarks.references.pix2pix import PairedEditor
from benchmarks.references.system import (
    Losses,
    Setup,
    System,
    adam,
    discriminator_loss,
    fixed,
    generator_loss,
    update,
)

RELEVANCY, RECONSTRUCTION, PATHO = 50.0, 20.0, 20.0  # weights


def masked_error(a: Tensor, b: Tensor, mask: Tensor) -> Tensor:
    """Mean squared difference of images (B, 3, H, W) where a mask (B, 1, H, W) bool is True."""
    error = (a.float() - b.float()).square() * mask
    return error.sum() / (3 * mask.sum()).clamp_min(1)


def relevancy(edited: Tensor, image: Tensor, mask: Tensor) -> Tensor:
    """How much an edit changed outside its mask, where it should change nothing."""
    return masked_error(edited, image, ~mask)


def patho_reconstruction(back: Tensor, image: Tensor, mask: Tensor) -> Tensor:
    """How far the pathology is from itself after it went there and back."""
    return masked_error(back, image, mask)


class MaskedCycleGAN(System):
    def __init__(self, setup: Setup) -> None:
        super().__init__(setup)
        self.generator = PairedEditor(lambda: ResNet9(WIDTH, channels_in=4)).to(setup.device)
        self.discriminators = torch.nn.ModuleList(MultiScale(4) for _ in range(2))
        self.discriminators.to(setup.device)
        self.optimizer_g = adam(self.generator, lr=2e-4)
        self.optimizer_d = adam(self.discriminators, lr=2e-4)

    def step(self, progress: float) -> Losses:
        batch = self.setup.sample_pairs()
        # The eczema of other patches, with its masks: nothing is to be learnt from pairs.
        healthy, lesional = batch.healthy * 2 - 1, batch.lesional.roll(1, 0) * 2 - 1
        masks = (batch.mask, batch.mask.roll(1, 0))
        G, starts = (self.generator.adding, self.generator.removing), (healthy, lesional)
        planes = [mask.float() * 2 - 1 for mask in masks]
        with self.setup.cast:
            made = [g(torch.cat(x, dim=1)) for g, x in zip(G, zip(starts, planes))]
            back = [self.send_back(k, made[k], planes[k]) for k in (0, 1)]
            real = [torch.cat([lesional, planes[1]], 1), torch.cat([healthy, planes[0]], 1)]
            fake = [torch.cat(x, dim=1) for x in zip(made, planes)]
            pairs = [
                (D(self.setup.augmented(a)), D(self.setup.augmented(b.detach())))
                for D, a, b in zip(self.discriminators, real, fake)
            ]
        losses = [discriminator_loss(a, b) for on in pairs for a, b in zip(*on)]
        loss_d = torch.stack(losses).mean()
        update(self.optimizer_d, loss_d)
        with fixed(self.discriminators), self.setup.cast:
            on_fake = [D(self.setup.augmented(x)) for D, x in zip(self.discriminators, fake)]
        adversarial = torch.stack([generator_loss(x) for scales in on_fake for x in scales]).mean()
        outside = sum(relevancy(*x) for x in zip(made, starts, masks))
        whole = sum(F.mse_loss(a.float(), b) for a, b in zip(back, starts))
        inside = sum(patho_reconstruction(*x) for x in zip(back, starts, masks))
        total = adversarial + RELEVANCY * outside + RECONSTRUCTION * whole + PATHO * inside
        update(self.optimizer_g, total)
        return {"D": loss_d, "G": adversarial, "relevancy": outside, "patho": inside}

    def send_back(self, direction: int, made: Tensor, plane: Tensor) -> Tensor:
        """An edited image through the other network, which learns nothing from it."""
        other = (self.generator.removing, self.generator.adding)[direction]
        with fixed(other):
            return other(torch.cat([made, plane], dim=1))
