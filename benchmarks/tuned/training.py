"""Fine-tuning until the figure on `val` no longer rises.

With few photographs the loss on `val` turns within some twenty steps, while the network still gets
better at telling the classes apart: it only gets too sure. So the figure is the AUROC.
"""

import copy
from collections.abc import Iterator
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from benchmarks.common import segmentation_loss
from benchmarks.tuned.network import TaskNetwork
from benchmarks.tuned.photographs import Images
from synthderm.evaluation.measures import macro_auroc
from synthderm.metrics import dice

RATE = 3e-4
WARM_UP = 20  # steps
EVERY = 20  # steps between two looks at `val`
# Looks without a higher figure, after which training ends; the Dice of `val` rises unevenly.
PATIENCE, PATIENCE_SEGMENTING = 4, 10
SMOOTHING = 0.1  # of labels, as timm's own training does
LONGEST = 1200  # steps

Batch = tuple[Tensor, Tensor, Tensor]  # images, masks, labels; see `batches`


class Fit(NamedTuple):
    """When training ended.

    steps: of the optimizer, all of them.
    best_step: the step whose weights were kept.
    figure: on `val`, with these weights.
    """

    steps: int
    best_step: int
    figure: float


def fit(network: TaskNetwork, batches: Iterator[Batch], val: Images, device: str) -> Fit:
    """Fine-tune in place: AdamW at a constant rate after a warm-up, until the figure on `val` has
    not risen for some looks. The weights with the highest figure are kept.

    Args:
        network: a new one.
        batches: without end.
        val: photographs.
        device: where to train.

    Raises:
        ValueError: what the network predicts is not finite.
    """
    network.to(device).to(memory_format=torch.channels_last)
    optimizer = torch.optim.AdamW(network.parameters(), lr=RATE, weight_decay=0.02)
    warm_up = torch.optim.lr_scheduler.LinearLR(optimizer, 0.05, 1.0, WARM_UP)
    patience = PATIENCE_SEGMENTING if network.segments else PATIENCE
    best, best_step, step = -1.0, 0, 0
    best_state: dict[str, Tensor] = {}
    while step < LONGEST and step - best_step < EVERY * patience:
        train_mode(network)
        for _ in range(EVERY):
            take_step(network, optimizer, next(batches), device)
            warm_up.step()
            step += 1
        found = predict(network, val, device)
        if not found.isfinite().all():
            raise ValueError(f"training diverged at step {step}: take a lower rate than {RATE}.")
        figure = validate(found, val)
        if figure > best:
            best, best_step = figure, step
            best_state = copy.deepcopy(network.state_dict())
    network.load_state_dict(best_state)
    return Fit(step, best_step, best)


def train_mode(network: TaskNetwork) -> None:
    """Train, but keep the backbone's batch statistics: batches of a few photographs, again and
    again, would replace those of ImageNet by their own."""
    network.train()
    for module in network.backbone.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.eval()


def take_step(
    network: TaskNetwork, optimizer: torch.optim.Optimizer, batch: Batch, device: str
) -> None:
    images, masks, labels = (part.to(device) for part in batch)
    logits = network(images)
    if network.segments:
        loss = segmentation_loss(logits, masks)
    else:
        loss = F.cross_entropy(logits, labels, label_smoothing=SMOOTHING)
    optimizer.zero_grad(set_to_none=True)
    loss.backward()
    optimizer.step()


def validate(found: Tensor, val: Images) -> float:
    """The figure that is to rise: macro AUROC of class probabilities, or the mean Dice."""
    if found.ndim == 1:
        return found.mean().item()
    once = torch.ones(1, len(val), dtype=torch.double)
    return macro_auroc(found, val.labels, once).item()


@torch.no_grad()
def predict(network: TaskNetwork, images: Images, device: str, batch: int = 64) -> Tensor:
    """Class probabilities, (N, K) double, or the Dice of each predicted mask, (N,)."""
    network.eval()
    parts = []
    for pixels, masks in zip(images.pixels.split(batch), images.masks.split(batch)):
        logits = network(pixels.to(device).float() / 255).cpu()
        parts.append(dice(logits > 0, masks) if network.segments else logits.double().softmax(1))
    return torch.cat(parts)
