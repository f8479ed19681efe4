"""A run of a generator's training beside its method: what it starts from, counts, and measures.

Each validation logs KID x1000 to `val`, of the averaged weights as they would be used; `spread`,
the standard deviation of pixels over samples, which falls when modes collapse; and `gap`, how much
more real the discriminators find photographs they train on than those of `val`, with `gap_share`,
the same relative to generated ones: 0 is no overfitting, 1 is all memorised. KID on the network of
--features is flattered: name another with --kid (`synthderm.metrics.load_extractor`).
"""

from argparse import Namespace
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from synthderm.datasets.folder import training_split
from synthderm.hub.resolve import resolve
from synthderm.imaging.artifact_shares import name_shares
from synthderm.models.generator import SkinGenerator
from synthderm.training.artifact_pool import draw_pool
from synthderm.training.checkpoint import Part
from synthderm.training.devices import Devices
from synthderm.training.image_pool import ImagePool, load_image_pool, load_validation, match_classes
from synthderm.training.run import RunState, TrainingRun, earlier_runs
from synthderm.training.schedule import schedule
from synthderm.training.training_state import take_training_state
from synthderm.training.validation import SampleSheet, Validation
from synthderm.training.warm_start import start_from

CODE_DIM = 128  # latents beside the noise


class Trained(Protocol):
    """What is measured of a step of training."""

    args: Namespace
    pool: ImagePool
    ema: SkinGenerator
    discriminators: nn.ModuleList
    parts: dict[str, Part]
    shown_before: int

    def read_means(self, shown: int) -> dict[str, float]:
        """The running means of what is logged."""


@dataclass
class TrainState(RunState):
    """What a run counts, and its best model."""

    best_kid: float | None = None
    best_shown: int | None = None


def prepare_devices(args: Namespace) -> Devices:
    """Settings of torch, and the devices of this and other processes.

    Raises:
        ValueError: they can't share the batch.
    """
    devices = Devices(args.device)
    devices.split(args.batch, args.accumulate, multiple=2 if args.recon_weight else 1)
    if args.compile and devices.count > 1:
        raise ValueError("--compile is for one process: leave it out.")
    torch.set_num_threads(args.threads)
    torch.backends.cudnn.benchmark = devices.device.type == "cuda"
    torch.manual_seed(args.seed)
    return devices


def load_photographs(args: Namespace, run: TrainingRun) -> tuple[ImagePool, ImagePool | None]:
    """The photographs of `train`, and those of `val` if there are any.

    Raises:
        ValueError: they have other classes than the run.
    """
    pool = load_image_pool(args.data, training_split(args.data), args.size, args.region)
    val = load_validation(args.data, args.size, args.region)
    pool, val = match_classes(pool, val)
    run.settle("classes", pool.classes)
    if val is None and run.devices.is_main:
        print(f"{args.data} has no split val: no KID is measured, and model/ has the last weights.")
    return pool, val


def make_generator(args: Namespace, pool: ImagePool, run: TrainingRun) -> SkinGenerator:
    """A new generator, with what fits of the weights of --init."""
    noise = args.size // 2 if args.noise else 0
    tones = pool.tone_quantiles() if args.skin_tone else None
    generator = SkinGenerator(
        args.size,
        args.channels,
        pool.classes,
        CODE_DIM + noise**2,
        tones=tones,
        noise=noise,
        smooth=args.smooth,
        artifacts=args.artifacts or None,
    )
    if args.init and run.is_new:
        trained = SkinGenerator.from_pretrained(args.init)
        start_from(generator, trained)
        if trained.artifacts and not args.artifacts and run.devices.is_main:
            print(
                f"On images of {args.init} artifacts are drawn, on those of this run none: add"
                f" --artifacts {name_shares(trained.artifacts)} if its photographs show them."
            )
        run.settle("before", earlier_runs(trained.card))
    return generator


def make_validation(
    args: Namespace,
    val: ImagePool | None,
    generator: SkinGenerator,
    latents: Tensor,
    device: torch.device,
) -> Validation | None:
    """What measures a run on `val`, by images of `latents` as data sets show them: with artifacts,
    where the generator has them. None without `val`."""
    if val is None:
        return None
    artifacts = draw_pool(generator.artifacts, args.size, len(latents), args.seed + 1, device)
    return Validation(val.to(device), args.kid, latents.to(device), artifacts)


def begin(step: Trained, run: TrainingRun) -> None:
    """Take what fits of the training state of --init into a new run, and say in one line what that
    is; schedules of a run that goes on with it count its images too."""
    args = step.args
    if args.init and run.is_new:
        folder = resolve(args.init).directory
        shown, told = take_training_state(step.parts, args, step.ema.config, folder)
        run.settle("shown_before", shown)
        if run.devices.is_main:
            print(f"--init {args.init}: {told}.")
    step.shown_before = run.shown_before


def validate(
    step: Trained,
    run: TrainingRun,
    state: TrainState,
    validation: Validation | None,
    samples: SampleSheet,
) -> dict[str, Any]:
    """Measure the averaged weights; write samples and models."""
    args, out = step.args, run.folder
    condition, size = schedule(args, step.shown_before + state.shown)
    metrics: dict[str, Any] = step.read_means(state.shown)
    metrics["spread"] = samples.write(
        step.ema, out / "samples" / f"{state.shown:09d}.png", condition=condition, size=size
    )
    measured = None
    if validation is not None:
        metrics |= validation.measure_gap(
            step.discriminators,
            step.ema,
            step.pool,
            condition=condition,
            size=size,
            batch=args.batch,
        )
        measured = validation.measure_kid(step.ema)
    is_best = measured is None or state.best_kid is None or measured < state.best_kid
    if is_best:
        state.best_kid, state.best_shown = measured, state.shown
    for name in ("last", "model") if is_best else ("last",):
        step.ema.save_pretrained(out / name, card=run.describe(state))
    return {**metrics, "kid_x1000": measured}
