"""pix2pix (Isola, Zhu, Zhou and Efros, "Image-to-image translation with conditional adversarial
networks", CVPR 2017), here from skin and a mask to skin with eczema, and back.

A U-Net translates, its only noise is dropout, which stays on once training is over; a PatchGAN
looks at input and output together; the loss is that of a conditional GAN plus 100 times the mean
absolute error. It needs pairs, which a renderer gives and a clinic does not.

Reduced from the paper: 24 to 96 channels instead of 64 to 512; five levels for 64 px, where it has
eight for 256; instance norm, as for its batches of one image. One network a direction.
"""

from collections.abc import Callable, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from benchmarks.references.system import (
    Editor,
    Losses,
    Setup,
    System,
    adam,
    discriminator_loss,
    fixed,
    generator_loss,
    update,
)
from synthderm.training.edit_batches import EditBatch

WIDTHS = (24, 48, 96, 96, 96)
WEIGHT = 100.0  # of the mean absolute error


class DropoutAlways(nn.Module):
    """Dropout of a half, at test time too."""

    def forward(self, x: Tensor) -> Tensor:
        return F.dropout(x, 0.5, training=True)


class UNet(nn.Module):
    """(B, channels_in, S, S) to (B, channels_out, S, S) in [-1, 1]; S is a multiple of 32.

    Args:
        channels_in, channels_out: of the images.
        widths: of the five levels.
    """

    def __init__(
        self, channels_in: int, channels_out: int = 3, widths: Sequence[int] = WIDTHS
    ) -> None:
        super().__init__()
        self.down, self.up = nn.ModuleList(), nn.ModuleList()
        for k, (a, b) in enumerate(zip((channels_in, *widths), widths)):
            is_inner = 0 < k < len(widths) - 1  # the first has no norm, the last may have one pixel
            norm = nn.InstanceNorm2d(b) if is_inner else nn.Identity()
            act = nn.LeakyReLU(0.2) if k else nn.Identity()
            self.down.append(nn.Sequential(act, nn.Conv2d(a, b, 4, 2, 1), norm))
        for k in range(len(widths) - 1, 0, -1):
            width_in = widths[k] if k == len(widths) - 1 else 2 * widths[k]
            layers = [nn.ReLU(), nn.ConvTranspose2d(width_in, widths[k - 1], 4, 2, 1)]
            layers.append(nn.InstanceNorm2d(widths[k - 1]))
            if k > len(widths) - 3:
                layers.append(DropoutAlways())
            self.up.append(nn.Sequential(*layers))
        self.last = nn.ConvTranspose2d(2 * widths[0], channels_out, 4, 2, 1)

    def forward(self, x: Tensor) -> Tensor:
        levels = []
        for block in self.down:
            x = block(x)
            levels.append(x)
        for block, skip in zip(self.up, levels[-2::-1]):
            x = torch.cat([block(x), skip], dim=1)
        return self.last(F.relu(x)).tanh()


class PatchDiscriminator(nn.Module):
    """PatchGAN: logits of overlapping patches, (B, 1, H, W).

    Args:
        channels_in: of what it sees.
        width: channels of its first layer.
    """

    def __init__(self, channels_in: int, width: int = 32) -> None:
        super().__init__()
        first = nn.Sequential(nn.Conv2d(channels_in, width, 4, 2, 1), nn.LeakyReLU(0.2))
        second = nn.Sequential(
            nn.Conv2d(width, 2 * width, 4, 2, 1), nn.InstanceNorm2d(2 * width), nn.LeakyReLU(0.2)
        )
        self.layers = nn.ModuleList([first, second, nn.Conv2d(2 * width, 1, 3, padding=1)])

    def features(self, x: Tensor) -> list[Tensor]:
        """What every layer says; the logits come last."""
        found = []
        for layer in self.layers:
            x = layer(x)
            found.append(x)
        return found

    def forward(self, x: Tensor) -> Tensor:
        return self.features(x)[-1]


def with_mask(image: Tensor, mask: Tensor) -> Tensor:
    """An image in [0, 1] and its mask as channels in [-1, 1]."""
    return torch.cat([image, mask.to(image.dtype)], dim=1) * 2 - 1


class PairedEditor(Editor):
    """One network a direction; both see the mask.

    Args:
        make: a new network, from four channels in [-1, 1] to three.
    """

    def __init__(self, make: Callable[[], nn.Module]) -> None:
        super().__init__()
        self.adding, self.removing = make(), make()

    def add(self, batch: EditBatch) -> Tensor:
        return (self.adding(with_mask(batch.healthy, batch.mask)) + 1) / 2

    def remove(self, lesional: Tensor, mask: Tensor, batch: EditBatch) -> Tensor:
        return (self.removing(with_mask(lesional, mask)) + 1) / 2


class Pix2Pix(System):
    def __init__(self, setup: Setup) -> None:
        super().__init__(setup)
        self.generator = PairedEditor(lambda: UNet(4)).to(setup.device)
        self.discriminators = nn.ModuleList(PatchDiscriminator(7) for _ in range(2))
        self.discriminators.to(setup.device)
        self.optimizer_g = adam(self.generator, lr=2e-4)
        self.optimizer_d = adam(self.discriminators, lr=2e-4)

    def step(self, progress: float) -> Losses:
        batch = self.setup.sample_pairs()
        pairs = ((batch.healthy, batch.lesional), (batch.lesional, batch.healthy))
        given = [with_mask(image, batch.mask) for image, _ in pairs]
        wanted = [image * 2 - 1 for _, image in pairs]
        networks = (self.generator.adding, self.generator.removing)
        with self.setup.cast:
            made = [network(x) for network, x in zip(networks, given)]
            logits = [
                (D(self.see(x, real)), D(self.see(x, fake.detach())))
                for D, x, real, fake in zip(self.discriminators, given, wanted, made)
            ]
        loss_d = torch.stack([discriminator_loss(a, b) for a, b in logits]).mean()
        update(self.optimizer_d, loss_d)
        with fixed(self.discriminators), self.setup.cast:
            on_fake = [D(self.see(x, fake)) for D, x, fake in zip(self.discriminators, given, made)]
        loss_g = torch.stack([generator_loss(x) for x in on_fake]).mean()
        error = torch.stack([F.l1_loss(a.float(), b) for a, b in zip(made, wanted)]).mean()
        update(self.optimizer_g, loss_g + WEIGHT * error)
        return {"D": loss_d, "G": loss_g, "L1": error}

    def see(self, given: Tensor, image: Tensor) -> Tensor:
        """What a discriminator sees: output first, whose colours are augmented, then input."""
        return self.setup.augmented(torch.cat([image, given], dim=1))
