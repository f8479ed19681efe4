"""Networks that judge generated images by what can be learnt from them: a timm classifier and a
small U-Net.

Both are trained for a number of steps, not epochs, so that a larger set gets no more training than
a smaller one.
"""

import math
import sys

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from tqdm import trange

from synthderm.training.image_pool import Photographs


def load_network(spec: str) -> nn.Module:
    """A pretrained timm network: NAME, with weights from the Hub, or NAME=FILE.safetensors (of
    TensorFlow's padding)."""
    import timm
    from safetensors.torch import load_file

    name, _, weights = spec.partition("=")
    network = (
        timm.create_model(name, pad_type="same")
        if weights
        else timm.create_model(name, pretrained=True)
    )
    if weights:
        network.load_state_dict(load_file(weights))
    return network


def train_classifier(
    spec: str,
    data: Photographs,
    steps: int,
    flips: str,
    seed: int = 0,
    batch: int = 32,
    desc: str = "classifier",
) -> nn.Module:
    """A pretrained timm network, all of it tuned on class-balanced batches: AdamW, cosine schedule
    from 5e-4.

    Args:
        spec: see `load_network`.
    """
    torch.manual_seed(seed)
    model = load_network(spec)
    model.reset_classifier(len(data.classes))
    model.to(data.images.device).train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=5e-4, weight_decay=0.01)
    for step in trange(steps, desc=desc, file=sys.stderr, disable=None):
        set_rate(optimizer, 5e-4, step, steps)
        x, label, _ = data.draw(batch, flips, balance=True)
        loss = F.cross_entropy(model(x[:, :3]), label, label_smoothing=0.05)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return model.eval()


@torch.no_grad()
def accuracy(model: nn.Module, data: Photographs) -> dict[str, float]:
    """Share of images given their label, and its mean over classes that occur."""
    guessed = torch.cat(
        [model(part[:, :3].float() / 127.5 - 1).argmax(1) for part in data.images.split(64)]
    )
    right = (guessed == data.labels).float()
    by_class = [right[data.labels == k].mean().item() for k in data.labels.unique()]
    return {"accuracy": right.mean().item(), "balanced_accuracy": sum(by_class) / len(by_class)}


class UNet(nn.Module):
    """(B, 3, S, S) in [-1, 1] to mask logits (B, 1, S, S); S a multiple of 8. 0.5 M parameters."""

    def __init__(self, widths: tuple[int, ...] = (16, 32, 64, 128)):
        super().__init__()
        self.down = nn.ModuleList(convolutions(a, b) for a, b in zip((3, *widths), widths))
        self.up = nn.ModuleList(
            convolutions(a + b, b) for a, b in zip(widths[:0:-1], widths[-2::-1])
        )
        self.head = nn.Conv2d(widths[0], 1, 1)

    def forward(self, x: Tensor) -> Tensor:
        levels = []
        for k, block in enumerate(self.down):
            x = block(F.max_pool2d(x, 2) if k else x)
            levels.append(x)
        for block, skip in zip(self.up, levels[-2::-1]):
            x = block(torch.cat([F.interpolate(x, scale_factor=2.0, mode="nearest"), skip], 1))
        return self.head(x)


def convolutions(width_in: int, width_out: int) -> nn.Sequential:
    layers = []
    for a in (width_in, width_out):
        layers += [
            nn.Conv2d(a, width_out, 3, padding=1, bias=False),
            nn.BatchNorm2d(width_out),
            nn.ReLU(inplace=True),
        ]
    return nn.Sequential(*layers)


def train_unet(
    data: Photographs, steps: int, size: int, seed: int = 0, batch: int = 16, desc: str = "U-Net"
) -> nn.Module:
    """A U-Net that finds the region (the fourth channel): cross-entropy and Dice, Adam, cosine
    schedule from 2e-3."""
    torch.manual_seed(seed)
    model = UNet().to(data.images.device).train()
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    for step in trange(steps, desc=desc, file=sys.stderr, disable=None):
        set_rate(optimizer, 2e-3, step, steps)
        x, _, _ = data.draw(batch, "all", size)
        truth, logits = (x[:, 3:] > 0).float(), model(x[:, :3])
        found = logits.sigmoid()
        dice = (2 * (found * truth).sum((1, 2, 3)) + 1) / (
            found.sum((1, 2, 3)) + truth.sum((1, 2, 3)) + 1
        )
        loss = F.binary_cross_entropy_with_logits(logits, truth) + 1 - dice.mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return model.eval()


@torch.no_grad()
def dice(model: nn.Module, data: Photographs, size: int) -> float:
    """Mean over images of 2 |A and B| / (|A| + |B|); 1 where both are empty."""
    values = []
    for part in data.images.split(64):
        x = F.interpolate(part.float() / 127.5 - 1, size=size, mode="area")
        found, truth = model(x[:, :3]) > 0, x[:, 3:] > 0
        total = (found.sum((1, 2, 3)) + truth.sum((1, 2, 3))).float()
        values.append(
            torch.where(total > 0, 2 * (found & truth).sum((1, 2, 3)) / total.clamp_min(1), 1.0)
        )
    return torch.cat(values).mean().item()


def set_rate(optimizer: torch.optim.Optimizer, top: float, step: int, steps: int) -> None:
    for group in optimizer.param_groups:
        group["lr"] = top * min(1.0, (step + 1) / 20) * 0.5 * (1 + math.cos(math.pi * step / steps))
