"""One training loop for all systems: the same minutes, and averaged weights."""

import copy
import math
import time
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import nn

from benchmarks.references.system import Setup, System
from synthderm.training.ema import ema_decay, update_ema

HALF_LIFE = 2000  # of the average of weights, in images
LINE_EVERY = 20  # seconds of training from one line to the next


class Stopwatch:
    """Seconds of training. On a CPU they are the process's own, so that what else the machine does
    counts for no system; on a GPU those of the clock.

    Args:
        device: where the networks are.
    """

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self.begun = self._now()

    def _now(self) -> float:
        if self.device.type == "cpu":
            return time.process_time()
        torch.cuda.synchronize(self.device)
        return time.perf_counter()

    def read(self) -> float:
        return self._now() - self.begun


@dataclass(frozen=True)
class Trained:
    """A system after its minutes.

    Args:
        system: the system; its `generator` has the last weights.
        average: the generator with averaged weights, in eval mode: what is measured.
        images: how many were shown.
        seconds: how long it took, without what a system prepares before its first step.
        losses: the last step's.
    """

    system: System
    average: nn.Module
    images: int
    seconds: float
    losses: dict[str, float]


def train(
    make: Callable[[Setup], System], setup: Setup, minutes: float, name: str, seed: int = 0
) -> Trained:
    """Make a system and train it.

    Args:
        make: its class.
        setup: what all systems are given alike.
        minutes: of training; one step is made at least.
        name: for the lines of progress.
        seed: of weights and sampling.

    Raises:
        FloatingPointError: a loss is not finite.
    """
    torch.manual_seed(seed)
    system = make(setup)
    system.generator.train()
    average = copy.deepcopy(system.generator).eval().requires_grad_(False)
    watch, images, grown, printed, seconds = Stopwatch(setup.device), 0, 0, 0.0, 0.0
    while not images or seconds < 60 * minutes:
        losses = system.step(min(1.0, seconds / (60 * minutes)))
        grown = images if system.is_growing else grown
        update_ema(average, system.generator, ema_decay(images - grown, system.batch, HALF_LIFE))
        images += system.batch
        seconds = watch.read()
        if seconds >= printed + LINE_EVERY:
            printed = seconds
            print(progress(name, images, seconds, minutes, read(name, images, losses)), flush=True)
    return Trained(system, average, images, seconds, read(name, images, losses))


def read(name: str, images: int, losses: dict[str, torch.Tensor]) -> dict[str, float]:
    """The losses as numbers, all finite."""
    numbers = {key: float(loss.detach()) for key, loss in losses.items()}
    for key, number in numbers.items():
        if not math.isfinite(number):
            raise FloatingPointError(f"{name}: the loss {key} is {number} after {images} images.")
    return numbers


def progress(
    name: str, images: int, seconds: float, minutes: float, losses: dict[str, float]
) -> str:
    """A line of progress."""
    shown = " ".join(f"{key} {number:.2f}" for key, number in losses.items())
    return f"{name}: {seconds / 60:.1f} of {minutes:g} min, {images:,} images, {shown}"
