"""Our generator: the step of recipes/train_gan.py in the comparison's loop.

`GANStep` as the bundled lesions were trained: a discriminator of pixels and one of frozen features
(Projected GAN), reconstruction of encoded photographs, a square of noise, augmentation without
colour. Its schedule is in shares of the time instead of images: the first 45% at half the side,
classes come in between 10% and 25%. It makes masks too.
"""

from argparse import Namespace

import torch
from torch import Tensor

from benchmarks.references.system import Generator, Losses, Setup, System, Wanted
from recipes.train_gan import GANStep
from synthderm.models.generator import SkinGenerator
from synthderm.training.devices import Devices
from synthderm.training.gan_run import CODE_DIM

CHANNELS = (192, 160, 96, 48, 32)  # as in recipes/train_gan.py
DISC_CHANNELS = (192, 160, 96, 48, 24, 12)
HALF_SIZE, CLASSES = 0.45, (0.1, 0.25)  # shares of the time
SMALLEST = 32  # px that the discriminator on features can look at
UNIT = 1000  # images in which the weight of classes is told to the recipe


class OurGenerator(Generator):
    """A `SkinGenerator` as the comparison asks for images; with masks.

    Args:
        network: the generator.
    """

    def __init__(self, network: SkinGenerator) -> None:
        super().__init__()
        self.network, self.latent_dim = network, network.latent_dim

    def forward(self, wanted: Wanted) -> Tensor:
        return self.network(wanted.latents, wanted.labels)

    def finish(self) -> None:
        self.network.freeze()


class OurGAN(System):
    def __init__(self, setup: Setup) -> None:
        super().__init__(setup)
        pool, levels = setup.photographs, (setup.size // 4).bit_length() - 1
        noise = setup.size // 2
        network = SkinGenerator(
            setup.size, CHANNELS[:levels], pool.classes, CODE_DIM + noise**2, noise=noise
        )
        network.to(setup.device, memory_format=torch.channels_last)
        self.args = Namespace(
            seed=0,
            size=setup.size,
            batch=setup.batch,
            disc_channels=list(DISC_CHANNELS[: levels + 1]),
            features=setup.features,
            skin_tone=False,
            recon_weight=4.0 if setup.features else 0.0,
            lr=[2e-4, 2e-4],
            compile=False,
            augment="0.7" if setup.augment else "0",
            augment_color=0.0,
            flips=setup.flips,
            balance=False,
            loss="hinge",
            r1=0.0,
            r2=0.0,
            penalty_interval=16,
            classify_weight=0.0,
            ema_images=4000,
        )
        self.recipe = GANStep(self.args, pool, network, Devices(str(setup.device)))
        self.generator = OurGenerator(network)
        self.shown = 0

    def step(self, progress: float) -> Losses:
        start, end = CLASSES
        weight = min(1.0, max(0.0, (progress - start) / (end - start)))
        begun = self.shown - round(weight * UNIT)
        self.args.condition_images = [begun, begun + UNIT]
        is_half = progress < HALF_SIZE and self.setup.size // 2 >= SMALLEST
        self.args.half_res_images = self.shown + 1 if is_half else 0
        self.recipe(self.shown)
        self.shown += self.batch
        return dict(zip(("D", "G"), self.recipe.means[:2]))
