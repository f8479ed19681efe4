"""CycleGAN (Zhu, Park, Isola and Efros, "Unpaired image-to-image translation using cycle-consistent
adversarial networks", ICCV 2017), with gradient consistency where wanted (Hiasa et al.,
"Cross-modality image synthesis from unpaired data using CycleGAN", SASHIMI 2018).

Two generators translate healthy skin into skin with eczema and back, without pairs and without
masks: what went there and back should be the same (cycle consistency, weight 10), what is there
already should stay (identity, weight 5), and discriminators of patches look at both ends with the
least-squares loss and at a history of 50 images. Gradient consistency is 1 - the normalized
correlation of the gradients before and after: edges should stay where they are.

The generator is that of Johnson, Alahi and Fei-Fei (ECCV 2016) with nine residual blocks, as Zhu et
al. use it for 256 px: 11.4 M parameters. At that size it is timed by the benchmark of speed. In the
comparison it has 16 channels at full resolution instead of 64. The weight of gradient consistency,
1, is ours: the paper's could not be found.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

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

WIDTH = 16
CYCLE, IDENTITY, GRADIENT = 10.0, 5.0, 1.0  # weights
HISTORY = 50
CHANGED = 0.1  # a change of a removal, of 1, that counts as found


def convolution(width_in: int, width_out: int, side: int, stride: int = 1) -> list[nn.Module]:
    """Convolution, instance norm and ReLU; at stride 1 the border is mirrored, as in the paper."""
    padding = nn.ReflectionPad2d(side // 2) if stride == 1 else nn.ZeroPad2d(1)
    return [
        padding,
        nn.Conv2d(width_in, width_out, side, stride),
        nn.InstanceNorm2d(width_out),
        nn.ReLU(inplace=True),
    ]


class ResidualBlock(nn.Module):
    """Two convolutions that are added to their input.

    Args:
        width: channels.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        second = convolution(width, width, 3)[:-1]
        self.layers = nn.Sequential(*convolution(width, width, 3), *second)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.layers(x)


class ResNet9(nn.Module):
    """(B, channels_in, H, W) to (B, 3, H, W), both in [-1, 1]; H and W are multiples of 4.

    Args:
        width: channels at full resolution; 64 in the paper.
        blocks: residual blocks at a quarter of the resolution; 9 in the paper for 256 px.
        channels_in: 3, or more where it sees a mask.
    """

    def __init__(self, width: int = 64, blocks: int = 9, channels_in: int = 3) -> None:
        super().__init__()
        layers = [
            *convolution(channels_in, width, 7),
            *convolution(width, 2 * width, 3, stride=2),
            *convolution(2 * width, 4 * width, 3, stride=2),
        ]
        layers += [ResidualBlock(4 * width) for _ in range(blocks)]
        for wide in (4 * width, 2 * width):
            up = nn.ConvTranspose2d(wide, wide // 2, 3, stride=2, padding=1, output_padding=1)
            layers += [up, nn.InstanceNorm2d(wide // 2), nn.ReLU(inplace=True)]
        layers += [nn.ReflectionPad2d(3), nn.Conv2d(width, 3, 7), nn.Tanh()]
        self.layers = nn.Sequential(*layers)

    def forward(self, image: Tensor) -> Tensor:
        return self.layers(image)


def gradient_consistency(a: Tensor, b: Tensor) -> Tensor:
    """1 - the mean over both directions of the normalized correlation of two images' gradients, 0
    where edges agree; images are (B, 3, H, W)."""
    correlations = []
    for dim in (2, 3):
        x, y = (image.float().mean(1, keepdim=True).diff(dim=dim).flatten(1) for image in (a, b))
        correlations.append(F.cosine_similarity(x - x.mean(1, True), y - y.mean(1, True), dim=1))
    return 1 - torch.stack(correlations).mean()


class History:
    """A history of generated images: half of what a discriminator sees is older (Shrivastava et
    al., CVPR 2017)."""

    def __init__(self) -> None:
        self.images: list[Tensor] = []

    def swap(self, images: Tensor) -> Tensor:
        """A batch in which images are swapped for older ones with a chance of a half."""
        shown = []
        for image in images:
            if len(self.images) < HISTORY:
                self.images.append(image)
            elif torch.rand(()) < 0.5:
                place = int(torch.randint(HISTORY, ()))
                image, self.images[place] = self.images[place], image
            shown.append(image)
        return torch.stack(shown)


class CycleEditor(Editor):
    """One network a direction."""

    def __init__(self) -> None:
        super().__init__()
        self.adding, self.removing = ResNet9(WIDTH), ResNet9(WIDTH)

    def add(self, batch: EditBatch) -> Tensor:
        return (self.adding(batch.healthy * 2 - 1) + 1) / 2

    def remove(self, lesional: Tensor, mask: Tensor, batch: EditBatch) -> Tensor:
        return (self.removing(lesional * 2 - 1) + 1) / 2

    def find(self, lesional: Tensor, batch: EditBatch) -> Tensor:
        change = (self.remove(lesional, batch.mask, batch) - lesional).abs()
        return change.amax(1, keepdim=True) > CHANGED


class CycleGAN(System):
    """Without gradient consistency."""

    gradient = 0.0

    def __init__(self, setup: Setup) -> None:
        super().__init__(setup)
        self.generator = CycleEditor().to(setup.device)
        self.discriminators = nn.ModuleList(PatchDiscriminator(3) for _ in range(2))
        self.discriminators.to(setup.device)
        self.histories = History(), History()
        self.optimizer_g = adam(self.generator, lr=2e-4)
        self.optimizer_d = adam(self.discriminators, lr=2e-4)

    def step(self, progress: float) -> Losses:
        batch = self.setup.sample_pairs()
        # The eczema of other patches: nothing is to be learnt from pairs.
        ends = [batch.lesional.roll(1, 0) * 2 - 1, batch.healthy * 2 - 1]
        G, see = (self.generator.adding, self.generator.removing), self.setup.augmented
        with self.setup.cast:
            made = [G[0](ends[1]), G[1](ends[0])]
            back = [G[1](made[0]), G[0](made[1])]
            same = [network(image) for network, image in zip(G, ends)]
            with fixed(self.discriminators):
                on_fake = [D(see(image)) for D, image in zip(self.discriminators, made)]
        starts = ends[::-1]
        adversarial = 2 * generator_least_squares(on_fake)
        cycle = sum(F.l1_loss(a.float(), b) for a, b in zip(back, starts))
        identity = sum(F.l1_loss(a.float(), b) for a, b in zip(same, ends))
        loss_g = adversarial + CYCLE * cycle + IDENTITY * identity
        if self.gradient:
            kept = sum(gradient_consistency(a, b) for a, b in zip(made, starts))
            loss_g = loss_g + self.gradient * kept
        update(self.optimizer_g, loss_g)
        old = [history.swap(image.detach()) for history, image in zip(self.histories, made)]
        with self.setup.cast:
            on_real = [D(see(image)) for D, image in zip(self.discriminators, ends)]
            on_old = [D(see(image)) for D, image in zip(self.discriminators, old)]
        loss_d = discriminator_least_squares(on_real, on_old)
        update(self.optimizer_d, loss_d)
        return {"D": loss_d, "G": adversarial, "cycle": cycle}


class GradientCycleGAN(CycleGAN):
    """With gradient consistency."""

    gradient = GRADIENT
