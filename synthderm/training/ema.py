"""Exponential moving average of a model's weights, which makes better images than the last ones."""

import torch
from torch import nn


@torch.no_grad()
def update_ema(ema: nn.Module, model: nn.Module, decay: float) -> None:
    """One step of the average: `ema = decay * ema + (1 - decay) * model`.

    All floating point tensors are averaged, buffers too; others, such as counts, are copied.

    Args:
        ema: the average; changed in place.
        model: a network of the same tensors.
        decay: in [0, 1].
    """
    for average, value in zip(ema.state_dict().values(), model.state_dict().values()):
        if average.is_floating_point():
            average.lerp_(value, 1 - decay)
        else:
            average.copy_(value)


def ema_decay(shown: int, batch: int, half_life: float) -> float:
    """The decay of one step, lower at the start, when the weights still change fast.

    Args:
        shown: images shown so far.
        batch: images in a step.
        half_life: of the average, in images.
    """
    return min(0.5 ** (batch / half_life), shown / (shown + 10 * batch))
