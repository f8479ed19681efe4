"""DCGAN (Radford, Metz and Chintala, "Unsupervised representation learning with deep convolutional
generative adversarial networks", ICLR 2016) in the comparison of systems.

Networks, first weights, Adam(0.5, 0.999) at 2e-4 and the loss as in the paper; 16 channels at the
largest level instead of 64. What the comparison gives to all, averaged weights and augmented
images, the paper does not have.
"""

from torch import Tensor, nn

from benchmarks.references.dcgan import DCGAN, draw_weights, make_discriminator
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

WIDTH = 16


class LatentDCGAN(Generator):
    """A DCGAN as the comparison asks for images.

    Args:
        size: side of the images in pixels.
        channels: of the images; one where they are masks.
    """

    def __init__(self, size: int, channels: int = 3) -> None:
        super().__init__()
        self.network = DCGAN(size, WIDTH, self.latent_dim)
        if channels != 3:
            self.network.layers[-2] = nn.ConvTranspose2d(WIDTH, channels, 4, 2, 1)
        draw_weights(self)

    def forward(self, wanted: Wanted) -> Tensor:
        return self.network(wanted.latents[:, : self.latent_dim, None, None])


class PlainGAN(System):
    """A generator and a discriminator that take turns.

    Args:
        setup: of the comparison.
        generator, discriminator: new networks.
    """

    def __init__(self, setup: Setup, generator: Generator, discriminator: nn.Module) -> None:
        super().__init__(setup)
        self.generator = generator.to(setup.device)
        self.discriminator = discriminator.to(setup.device)
        self.optimizer_g = adam(self.generator, lr=2e-4)
        self.optimizer_d = adam(self.discriminator, lr=2e-4)

    def step(self, progress: float) -> Losses:
        real, labels = self.setup.sample()
        with self.setup.cast:
            fake = self.generator(self.ask(labels))
            on_real = self.discriminator(self.setup.augmented(real[:, :3]))
            on_fake = self.discriminator(self.setup.augmented(fake.detach()))
        loss_d = discriminator_loss(on_real, on_fake)
        update(self.optimizer_d, loss_d)
        with fixed(self.discriminator), self.setup.cast:
            loss_g = generator_loss(self.discriminator(self.setup.augmented(fake)))
        update(self.optimizer_g, loss_g)
        return {"D": loss_d, "G": loss_g}


class PlainDCGAN(PlainGAN):
    def __init__(self, setup: Setup) -> None:
        generator = LatentDCGAN(setup.size)
        discriminator = make_discriminator(setup.size, WIDTH)
        draw_weights(discriminator)
        super().__init__(setup, generator, discriminator)
