"""Dual GANs (Guibas, Virdi and Li, "Synthetic medical images from dual generative adversarial
networks", arXiv 1709.01872, 2017): first the mask from noise, then the image from the mask.

Stage I is a DCGAN of segmentation masks; stage II a conditional GAN in the manner of pix2pix, which
translates masks into images. Each is simple on its own: geometry first, then light and texture.

Reduced from the paper: networks and side as in the other systems. The paper trains the stages one
after the other; here both learn from every batch, each alone, so that neither has to be given a
share of the time.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from benchmarks.references.dcgan import draw_weights, make_discriminator
from benchmarks.references.pix2pix import WEIGHT, PatchDiscriminator, UNet
from benchmarks.references.plain_gan import WIDTH, LatentDCGAN
from benchmarks.references.system import (
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


class DualGenerator(Generator):
    """Both stages.

    Args:
        size: side of the images in pixels.
    """

    def __init__(self, size: int) -> None:
        super().__init__()
        self.stage_1 = LatentDCGAN(size, channels=1)
        self.stage_2 = UNet(1)

    def forward(self, wanted: Wanted) -> Tensor:
        mask = self.stage_1(wanted)
        is_inside = (mask > 0).to(mask.dtype) * 2 - 1  # stage II was trained on sharp masks
        return torch.cat([self.stage_2(is_inside), mask], dim=1)


class DualGAN(System):
    def __init__(self, setup: Setup) -> None:
        super().__init__(setup)
        self.generator = DualGenerator(setup.size).to(setup.device)
        discriminator = make_discriminator(setup.size, WIDTH)
        draw_weights(discriminator)
        self.discriminator_1 = discriminator.to(setup.device)
        self.discriminator_2 = PatchDiscriminator(4).to(setup.device)
        self.optimizer_g = adam(self.generator, lr=2e-4)
        self.optimizer_d = adam(self.discriminator_1, self.discriminator_2, lr=2e-4)

    def step(self, progress: float) -> Losses:
        real, labels = self.setup.sample()
        image, mask = real.split((3, 1), dim=1)
        with self.setup.cast:
            fake_mask = self.generator.stage_1(self.ask(labels))
            fake_image = self.generator.stage_2(mask)
            pairs = [(mask, fake_mask), (real, torch.cat([fake_image, mask], dim=1))]
            logits = [
                (D(self.see(a)), D(self.see(b.detach()))) for D, (a, b) in zip(self.both(), pairs)
            ]
        loss_d = torch.stack([discriminator_loss(a, b) for a, b in logits]).sum()
        update(self.optimizer_d, loss_d)
        with fixed(self.discriminator_1, self.discriminator_2), self.setup.cast:
            on_fake = [D(self.see(b)) for D, (_, b) in zip(self.both(), pairs)]
        loss_g = torch.stack([generator_loss(x) for x in on_fake]).sum()
        error = F.l1_loss(fake_image.float(), image)
        update(self.optimizer_g, loss_g + WEIGHT * error)
        return {"D": loss_d, "G": loss_g, "L1": error}

    def both(self) -> tuple[torch.nn.Module, torch.nn.Module]:
        return self.discriminator_1, self.discriminator_2

    def see(self, x: Tensor) -> Tensor:
        """What a discriminator sees; a mask alone is augmented as a grey image, and its
        discriminator has three channels."""
        return self.setup.augmented(x if x.shape[1] == 4 else x.expand(-1, 3, -1, -1))
