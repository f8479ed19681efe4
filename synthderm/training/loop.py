"""What the training recipes share beside their method: the loop with its clock and progress bar,
autocast and frozen parameters."""

import math
import time
from argparse import Namespace
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import nn
from tqdm import tqdm

from synthderm.files import held, remove_parts
from synthderm.models.layers import has_bf16
from synthderm.training.checkpoint import CHECKPOINT, Part, log_metrics
from synthderm.training.lost_process import exit_when_one_dies
from synthderm.training.run import RunState, TrainingRun

FIRST_CHECKPOINT = 30  # seconds of the clock: who stops a new run early has something to go on from
CHECKPOINT_EVERY = 300  # seconds, where validations are rarer
LINE_EVERY = 30  # seconds, where no terminal shows a progress bar


class Clock:
    """The time of training, with its progress bar; a line every so often where no terminal shows
    one.

    Args:
        state: its `seconds` are counted here.
        minutes: the length of the bar.
        silent: neither a bar nor lines.
    """

    def __init__(self, state: RunState, minutes: float, silent: bool = False) -> None:
        self.state, self.silent = state, silent
        self.bar = tqdm(
            total=minutes * 60,
            initial=state.seconds,
            unit="s",
            bar_format="{l_bar}{bar}| {elapsed}<{remaining} {postfix}",
            disable=True if silent else None,
        )
        self.printed = time.perf_counter()
        self.restart()

    @property
    def images_per_s(self) -> float:
        """Since the run started, went on, or was last validated."""
        shown, seconds = self.since
        return (self.state.shown - shown) / max(1e-9, self.state.seconds - seconds)

    def skip(self) -> None:
        """What was done since the last `tick` is not training."""
        self.time = time.perf_counter()

    def restart(self) -> None:
        """Skip, and measure the pace anew."""
        self.skip()
        self.since = self.state.shown, self.state.seconds

    def tick(self, text: str) -> None:
        """Add the time since the last tick to `state.seconds`, and move the bar.

        Args:
            text: what the bar says beside images and pace, such as the losses.
        """
        now = time.perf_counter()
        self.state.seconds += now - self.time
        self.time = now
        self.bar.update(min(self.state.seconds, self.bar.total) - self.bar.n)
        line = f"{self.state.shown:,} images, {self.images_per_s:.0f}/s, {text}"
        self.bar.set_postfix_str(line)
        if self.bar.disable and not self.silent and now >= self.printed + LINE_EVERY:
            self.printed = now
            print(
                f"{self.state.seconds / 60:.1f} of {self.bar.total / 60:g} min: {line}", flush=True
            )


class Step(Protocol):
    """One step of a recipe's training.

    Args:
        args: the command line of the recipe.
        parts: what a checkpoint holds, by name.
    """

    args: Namespace
    parts: dict[str, Part]

    def __call__(self, shown: int) -> None:
        """Train on one batch, after `shown` images."""

    def report(self, shown: int) -> str:
        """Wait for the device; the losses, for the progress bar. Leaves where one is NaN."""


def train(
    step: Step,
    run: TrainingRun,
    state: RunState,
    validate: Callable[[], dict[str, Any]],
    started: float,
) -> None:
    """Resume a run, and repeat a step until all is done, or until it is time to pause. Of several
    processes the main one keeps the time, prints, measures and writes.

    Args:
        step: its `parts` and torch's random state are read from the checkpoint, where there is one.
        run: new, or with a checkpoint.
        state: of a new run; changed in place.
        validate: writes samples and models; gives what it measured.
        started: `time.perf_counter()` when the recipe started; `--pause` counts from there.
    """
    devices = run.devices
    with ExitStack() as stack:
        if devices.count > 1:
            stack.enter_context(exit_when_one_dies(run.recipe, run.folder))
        with exit_on_error(run.recipe):
            if devices.is_main:
                stack.enter_context(held(run.folder))
                remove_parts(run.folder)
            run.restore(step.parts, state)
            devices.check_equal(
                state.shown, f"{run.folder} must be one folder that all processes see."
            )
        _repeat(step, run, state, validate, started)
        devices.close()


def _repeat(
    step: Step,
    run: TrainingRun,
    state: RunState,
    validate: Callable[[], dict[str, Any]],
    started: float,
) -> None:
    """As `train`, of a run that was resumed."""
    args, out, devices = step.args, run.folder, run.devices
    is_main, is_paused = devices.is_main, False
    clock = Clock(state, args.minutes, silent=not is_main)
    checkpoint_due = started + (FIRST_CHECKPOINT if run.is_new else CHECKPOINT_EVERY)

    def save() -> None:
        nonlocal checkpoint_due
        with exit_on_error(run.recipe, (OSError,)):
            run.save(step.parts, state)
        clock.skip()
        checkpoint_due = time.perf_counter() + CHECKPOINT_EVERY

    def validate_and_save() -> None:
        state.validated = state.shown
        with exit_on_error(run.recipe, (OSError,)):
            measured = {"images_per_s": clock.images_per_s, **validate()}
            log_metrics(out, {**asdict(state), **measured})
        save()
        clock.restart()

    def goes_on() -> bool:
        is_done = state.shown >= args.images or state.seconds >= args.minutes * 60
        return bool(devices.agree(not is_paused and not is_done))

    while goes_on():
        step(state.shown)
        state.shown += args.batch
        is_validation_due = state.shown % args.val_interval < args.batch
        # Reading the losses waits for the device, which costs a GPU time.
        if is_validation_due or run.device.type == "cpu" or state.shown // args.batch % 20 == 0:
            clock.tick(step.report(state.shown))
        if not is_main:
            continue
        if is_validation_due:
            validate_and_save()
        elif time.perf_counter() >= checkpoint_due:
            clock.tick(step.report(state.shown))
            save()
        elapsed = time.perf_counter() - started
        is_paused = args.pause is not None and elapsed > 60 * args.pause
    if not is_main:
        return
    if is_paused:
        clock.tick(step.report(state.shown))
        save()
    elif state.validated != state.shown:
        validate_and_save()
    clock.bar.close()
    end = "paused: the same command goes on" if is_paused else f"the model is in {out / 'model'}"
    print(f"{state.shown:,} images in {state.seconds / 60:.1f} min of training; {end}.")


def autocast(device: torch.device) -> torch.autocast:
    """bf16 where that is faster (`has_bf16`), for the networks of a training step."""
    return torch.autocast(device.type, torch.bfloat16, enabled=has_bf16(device))


@contextmanager
def exit_on_error(
    recipe: str, kinds: tuple[type[Exception], ...] = (ValueError, OSError)
) -> Iterator[None]:
    """Leave with one line, without a traceback, where the data or the arguments do not fit.

    Args:
        recipe: its name, for the line.
        kinds: of errors.
    """
    try:
        yield
    except kinds as error:
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
def frozen(parameters: Sequence[nn.Parameter]) -> Iterator[None]:
    """Parameters get no gradients from what is computed inside the block."""
    for parameter in parameters:
        parameter.requires_grad_(False)
    try:
        yield
    finally:
        for parameter in parameters:
            parameter.requires_grad_(True)
