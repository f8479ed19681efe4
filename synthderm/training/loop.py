"""What the training recipes share beside their method: the clock with its progress bar, when to
stop, autocast and frozen parameters."""

import math
import time
from argparse import Namespace
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

import torch
from torch import nn
from tqdm import tqdm

from synthderm.models.layers import has_bf16
from synthderm.training.checkpoint import CHECKPOINT

State = TypeVar("State", bound="RunState")


@dataclass
class RunState:
    """What a run counts. It is checkpointed, logged, and told by the model's card."""

    shown: int = 0  # images
    seconds: float = 0.0  # of training; validation is not counted
    validated: int | None = None  # images shown at the last validation


class Progress(Generic[State]):
    """The clock of a run, its progress bar, and what is due.

    Args:
        state: `shown` is counted by the recipe, `seconds` here.
        args: with the arguments of `add_run_arguments`.
        started: `time.perf_counter()` when the recipe started; `--pause` counts from there.
    """

    def __init__(self, state: State, args: Namespace, started: float) -> None:
        self.state, self.args, self.started = state, args, started
        self.bar = tqdm(
            total=args.minutes * 60,
            initial=state.seconds,
            unit="s",
            bar_format="{l_bar}{bar}| {elapsed}<{remaining} {postfix}",
            disable=None,
        )
        self.restart()

    @property
    def is_unfinished(self) -> bool:
        state = self.state
        return state.shown < self.args.images and state.seconds < self.args.minutes * 60

    @property
    def is_validation_due(self) -> bool:
        return self.state.shown % self.args.val_interval < self.args.batch

    @property
    def is_pause_due(self) -> bool:
        elapsed = time.perf_counter() - self.started
        return self.args.pause is not None and elapsed > 60 * self.args.pause

    @property
    def images_per_s(self) -> float:
        """Since the run started, went on, or was last validated."""
        shown, seconds = self.since
        return (self.state.shown - shown) / max(1e-9, self.state.seconds - seconds)

    def restart(self) -> None:
        """Start the clock anew: what was done since the last `tick` is not training."""
        self.clock = time.perf_counter()
        self.since = self.state.shown, self.state.seconds

    def tick(self, text: str) -> None:
        """Add the time since the last tick to `state.seconds`, and move the bar.

        Args:
            text: what the bar says beside images and pace, such as the losses.
        """
        now = time.perf_counter()
        self.state.seconds += now - self.clock
        self.clock = now
        self.bar.update(min(self.state.seconds, self.bar.total) - self.bar.n)
        self.bar.set_postfix_str(f"{self.state.shown:,} images, {self.images_per_s:.0f}/s, {text}")

    def finish(self, message: str) -> None:
        """Close the bar and say how far the run came, and `message`."""
        self.bar.close()
        minutes = self.state.seconds / 60
        print(f"{self.state.shown:,} images in {minutes:.1f} min of training; {message}")


def autocast(device: torch.device) -> torch.autocast:
    """bf16 where that is faster (`has_bf16`), for the networks of a training step."""
    return torch.autocast(device.type, torch.bfloat16, enabled=has_bf16(device))


@contextmanager
def exit_on_error(recipe: str) -> Iterator[None]:
    """Leave with one line, without a traceback, where the data or the arguments do not fit."""
    try:
        yield
    except (ValueError, OSError) as error:
        raise SystemExit(f"{recipe}: {error}") from None


def stop_unless_finite(value: float, shown: int, out: Path) -> None:
    """Leave where a loss or a weight is NaN or infinite.

    Args:
        value: a sum of what has to be finite.
        shown: images shown so far.
        out: folder of the run.
    """
    if math.isfinite(value):
        return
    kept = "no checkpoint was written yet"
    if (out / CHECKPOINT).exists():
        kept = f"the last good checkpoint is kept in {out / CHECKPOINT}"
    raise SystemExit(f"a loss is NaN after {shown} images; {kept}. Try a lower --lr.")


@contextmanager
def frozen(parameters: Iterable[nn.Parameter]) -> Iterator[None]:
    """Parameters get no gradients from what is computed inside the block."""
    parameters = list(parameters)
    for parameter in parameters:
        parameter.requires_grad_(False)
    try:
        yield
    finally:
        for parameter in parameters:
            parameter.requires_grad_(True)
