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

from torch import nn

from synthderm.models.generator import SkinGenerator
from synthderm.training.image_pool import ImagePool
from synthderm.training.run import RunState, TrainingRun
from synthderm.training.schedule import schedule
from synthderm.training.validation import SampleSheet, Validation
from synthderm.training.warm_start import start_from

CODE_DIM = 128  # latents beside the noise


class Trained(Protocol):
    """What is measured of a step of training."""

    args: Namespace
    pool: ImagePool
    ema: SkinGenerator
    discriminators: nn.ModuleList

    def read_means(self, shown: int) -> dict[str, float]:
        """The running means of what is logged."""


@dataclass
class TrainState(RunState):
    """What a run counts, and its best model."""

    best_kid: float | None = None
    best_shown: int | None = None


def make_generator(args: Namespace, pool: ImagePool, is_new: bool) -> SkinGenerator:
    noise = args.size // 2 if args.noise else 0
    tones = pool.tone_quantiles() if args.skin_tone else None
    generator = SkinGenerator(
        args.size, args.channels, pool.classes, CODE_DIM + noise**2, tones=tones, noise=noise
    )
    if args.init and is_new:
        start_from(generator, SkinGenerator.from_pretrained(args.init))
    return generator


def validate(
    step: Trained,
    run: TrainingRun,
    state: TrainState,
    validation: Validation | None,
    samples: SampleSheet,
) -> dict[str, Any]:
    """Measure the averaged weights; write samples and models."""
    args, out = step.args, run.folder
    condition, size = schedule(args, state.shown)
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
