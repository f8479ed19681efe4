"""Networks that show what can be learnt from a set of images: a timm classifier and a small U-Net.

Both are trained for a number of steps, not of epochs, so that a larger set gets no more training
than a smaller one.
"""

import math
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from tqdm import trange

from benchmarks.common import segmentation_loss
from synthderm import metrics
from synthderm.models.backbones import load_backbone
from synthderm.training.image_pool import Flips, ImagePool

WARM_UP = 20  # steps


def train_classifier(
    spec: str, pool: ImagePool, steps: int, flips: Flips, seed: int = 0, batch: int = 32
) -> nn.Module:
    """A pretrained timm network, all of it tuned on batches that hold every class equally often:
    AdamW, cosine schedule from 5e-4.

    Args:
        spec: as for `load_backbone`.
        pool: the training images.
        steps: optimizer steps.
        flips: as in `ImagePool.sample`.
        seed: of the head's first weights and of the batches.
        batch: images in a step.
    """
    torch.manual_seed(seed)
    network: Any = load_backbone(spec)  # timm does not type `reset_classifier`
    network.reset_classifier(len(pool.classes))
    network.to(pool.images.device).train()
    optimizer = torch.optim.AdamW(network.parameters(), lr=5e-4, weight_decay=0.01)
    for step in trange(steps, desc="classifier", disable=None):
        set_learning_rate(optimizer, 5e-4, step, steps)
        x, label, _ = pool.sample(batch, flips=flips, balance=True)
        loss = F.cross_entropy(network(x[:, :3]), label, label_smoothing=0.05)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return network.eval()


@torch.no_grad()
def accuracy(network: nn.Module, pool: ImagePool) -> dict[str, float]:
    """Share of images that are given their label, and its mean over the classes that occur."""
    batches = pool.images.split(64)
    logits = torch.cat([network(part.float() / 127.5 - 1) for part in batches])
    correct = (logits.argmax(1) == pool.labels).float()
    by_class = [correct[pool.labels == k].mean().item() for k in pool.labels.unique()]
    return {"accuracy": correct.mean().item(), "balanced_accuracy": sum(by_class) / len(by_class)}


class UNet(nn.Module):
    """(B, 3, S, S) in [-1, 1] to mask logits (B, 1, S, S); S is a multiple of 8. 0.5 M parameters
    (Ronneberger et al., MICCAI 2015).

    Args:
        widths: channels of each level, the finest first.
    """

    def __init__(self, widths: tuple[int, ...] = (16, 32, 64, 128)) -> None:
        super().__init__()
        self.down = nn.ModuleList(convolutions(a, b) for a, b in zip((3, *widths), widths))
        pairs = zip(widths[:0:-1], widths[-2::-1])
        self.up = nn.ModuleList(convolutions(a + b, b) for a, b in pairs)
        self.head = nn.Conv2d(widths[0], 1, 1)

    def forward(self, x: Tensor) -> Tensor:
        levels = []
        for k, block in enumerate(self.down):
            x = block(F.max_pool2d(x, 2) if k else x)
            levels.append(x)
        for block, skip in zip(self.up, levels[-2::-1]):
            x = F.interpolate(x, scale_factor=2.0, mode="nearest")
            x = block(torch.cat([x, skip], 1))
        return self.head(x)


def convolutions(width_in: int, width_out: int) -> nn.Sequential:
    """Two 3x3 convolutions with batch norm and ReLU."""
    layers: list[nn.Module] = []
    for width in (width_in, width_out):
        layers += [
            nn.Conv2d(width, width_out, 3, padding=1, bias=False),
            nn.BatchNorm2d(width_out),
            nn.ReLU(inplace=True),
        ]
    return nn.Sequential(*layers)


def train_unet(pool: ImagePool, steps: int, size: int, seed: int = 0, batch: int = 16) -> nn.Module:
    """A U-Net that learns to find the masks of a pool: cross-entropy and Dice, Adam, cosine
    schedule from 2e-3.

    Args:
        pool: the training images.
        steps: optimizer steps.
        size: side of the U-Net's images in pixels.
        seed: of the first weights and of the batches.
        batch: images in a step.
    """
    torch.manual_seed(seed)
    network = UNet().to(pool.images.device).train()
    optimizer = torch.optim.Adam(network.parameters(), lr=2e-3)
    for step in trange(steps, desc="U-Net", disable=None):
        set_learning_rate(optimizer, 2e-3, step, steps)
        x, _, _ = pool.sample(batch, size=size)
        loss = segmentation_loss(network(x[:, :3]), (x[:, 3:] > 0).float())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return network.eval()


@torch.no_grad()
def mean_dice(network: nn.Module, pool: ImagePool, size: int) -> float:
    """Mean Dice of the masks that a network predicts and those of the pool, at side `size`."""
    values = []
    for index in torch.arange(len(pool)).split(64):
        x = F.interpolate(pool.as_input(index), size=size, mode="area")
        values.append(metrics.dice(network(x[:, :3]) > 0, x[:, 3:] > 0))
    return torch.cat(values).mean().item()


def set_learning_rate(
    optimizer: torch.optim.Optimizer, highest: float, step: int, steps: int
) -> None:
    """A linear warm-up of 20 steps on a cosine that falls to 0."""
    cosine = 0.5 * (1 + math.cos(math.pi * step / steps))
    for group in optimizer.param_groups:
        group["lr"] = highest * min(1.0, (step + 1) / WARM_UP) * cosine
