"""Fine-tuning for a fixed number of steps; the state that is best on `val` is the one tested."""

import copy
from collections.abc import Callable, Iterator

import torch
import torch.nn.functional as F
from torch import Tensor

from benchmarks.common import segmentation_loss
from benchmarks.downstream.batches import Batch
from benchmarks.downstream.network import TaskNetwork
from synthderm.metrics import dice
from synthderm.training.image_pool import ImagePool

VALIDATIONS = 3  # at a half, three quarters and all of the steps


def train(
    network: TaskNetwork,
    batches: Iterator[Batch],
    steps: int,
    rate: float,
    validate: Callable[[TaskNetwork], float],
    device: str,
) -> tuple[float, int]:
    """Fine-tune in place: AdamW, warm-up over a tenth of the steps, then a cosine down to 0.

    Args:
        network: is left with the weights that are best on `val`.
        batches: see `batches.make_batches`.
        steps: of the optimizer.
        rate: the highest learning rate.
        validate: function of the network, its figure on `val`; higher is better.
        device: where to train.

    Returns:
        the best figure on `val` and the step it belongs to.

    Raises:
        ValueError: the loss is not finite.
    """
    network.to(device).to(memory_format=torch.channels_last).train()
    optimizer = torch.optim.AdamW(network.parameters(), lr=rate, weight_decay=0.02)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, rate, total_steps=steps + 1, pct_start=0.1, cycle_momentum=False
    )
    best, best_step = -1.0, 0
    best_state: dict[str, Tensor] = {}
    validation_steps = {steps - k * steps // (VALIDATIONS + 1) for k in range(VALIDATIONS)}
    for step in range(1, steps + 1):
        images, masks, targets = (part.to(device) for part in next(batches))
        logits = network(images)
        if network.segments:
            loss = segmentation_loss(logits, masks)
        else:
            loss = F.cross_entropy(logits, targets)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        schedule.step()
        if step in validation_steps:
            figure = validate(network)
            network.train()
            if figure >= best:
                best, best_step = figure, step
                best_state = copy.deepcopy(network.state_dict())
    if not loss.isfinite():
        raise ValueError(
            f"the loss became {loss.item()} at the learning rate {rate}: take a lower one."
        )
    network.load_state_dict(best_state)
    return best, best_step


@torch.no_grad()
def predict(network: TaskNetwork, pool: ImagePool, device: str, batch: int = 64) -> Tensor:
    """Logarithms of the class probabilities, (N, K), or the Dice of each predicted mask, (N,), on
    the CPU."""
    network.eval()
    parts = []
    for images, masks in zip(pool.images.split(batch), pool.masks.split(batch)):
        logits = network(images.to(device).float() / 255).cpu()
        if network.segments:
            parts.append(dice(logits > 0, masks > 127))
        else:
            parts.append(logits.double().log_softmax(1))
    return torch.cat(parts)
