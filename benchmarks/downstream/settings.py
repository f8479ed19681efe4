"""All that decides a result beside the run itself, and what follows from it: the photographs of a
run, its generated images, and what its record must agree with."""

import math
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from benchmarks.downstream.arms import Arm, settings_of
from benchmarks.downstream.data import (
    TaskData,
    load_task,
    read_photographs,
    take_fraction,
    take_positives,
)
from benchmarks.downstream.generated import identify, load_generated
from benchmarks.downstream.network import describe_network
from benchmarks.downstream.patches import read_patches
from benchmarks.downstream.protocol import STEPS, VERSION, Run
from synthderm.training.image_pool import ImagePool

LARGEST = 5  # the largest ratio of generated to real images among the arms
# Classes of generated eczema that stand for healthy and inflamed in task B.
ECZEMA = ("clear", "severe")
ECZEMA_MODELS = ("hands", "skin", "eczema")  # the models that make it


@dataclass(frozen=True)
class Settings:
    """All that decides a result beside the run itself.

    Args:
        data: folder of dermoscopy.
        patches: folder of close-ups for task B; None leaves it out.
        cache: folder for decoded photographs and generated images.
        classifier: timm network, see `network.NetworkSpec`.
        model: generator of lesions: bundled name, folder or Hub id.
        own: folder of a generator of the setting "own", by amount of task A.
        seen: folders that the generators' training records name.
        size: side of all images in pixels.
        batch: images in a step.
        rates: learning rates to choose from.
        steps: optimizer steps of every run; those of the protocol where None.
        device: where to train.
    """

    data: str
    patches: str | None
    cache: Path
    classifier: str
    model: str = "lesions"
    own: tuple[tuple[str, str], ...] = ()
    seen: tuple[str, ...] = ()
    size: int = 128
    batch: int = 16
    rates: tuple[float, ...] = (3e-4, 1e-3)
    steps: int | None = None
    device: str = "cpu"

    def folder_of(self, task: str) -> str:
        """The folder of a task's photographs.

        Raises:
            ValueError: task B, for which no folder was given.
        """
        if task != "B":
            return self.data
        if self.patches is None:
            raise ValueError("task B needs a folder of close-ups: name one with --patches.")
        return self.patches

    def steps_of(self, run: Run) -> int:
        return self.steps or STEPS[run.task][run.amount]

    def source_of(self, run: Run) -> str:
        """The generator of a run: of hands and skin with eczema in task B, else of lesions."""
        if run.task == "B":
            return "eczema"
        return dict(self.own)[run.amount] if run.setting == "own" else self.model

    def models_of(self, run: Run, arm: Arm) -> tuple[str, ...]:
        """The generators and the editor that an arm uses."""
        if not arm.generates:
            return ("eczema",) if arm.edit else ()
        return ECZEMA_MODELS if run.task == "B" else (self.source_of(run),)


def task_data(settings: Settings, task: str) -> TaskData:
    """The photographs of a task."""
    kind = "patches" if task == "B" else "photographs"
    return _load(settings.folder_of(task), settings.size, settings.cache, kind)


@lru_cache(maxsize=3)
def _load(directory: str, size: int, cache: Path, kind: str) -> TaskData:
    read = read_patches if kind == "patches" else read_photographs
    return load_task(directory, size, cache, read, kind)


def take_subset(settings: Settings, run: Run) -> ImagePool:
    """The real photographs of a run: another subset for each seed, or that of seed 0 in the setting
    "own"."""
    train = task_data(settings, run.task).splits["train"]
    seed = 0 if run.setting == "own" else run.seed
    if run.task == "B":
        count = None if run.amount == "all" else int(run.amount)
        return train.rows(take_positives(train, count, seed))
    return train.rows(take_fraction(train, float(run.amount.rstrip("%")) / 100, seed))


def generated_for(settings: Settings, run: Run, real: ImagePool) -> ImagePool:
    """Images for every arm at this amount; below 100% twice as many, so that seeds differ in them
    too."""
    source, size, cache = settings.source_of(run), settings.size, settings.cache
    if run.task == "B":
        healthy = int((task_data(settings, "B").splits["train"].labels == 0).sum())
        return _generated(source, ECZEMA_MODELS, ECZEMA, healthy, size, cache)
    each = math.ceil(LARGEST * len(real) / len(real.classes)) * (1 if run.amount == "100%" else 2)
    return _generated(source, (source,), tuple(real.classes), each, size, cache)


@lru_cache(maxsize=4)
def _generated(
    source: str,
    models: tuple[str, ...],
    classes: tuple[str, ...],
    each: int,
    size: int,
    cache: Path,
) -> ImagePool:
    return load_generated(source, models, list(classes), each, size, cache)


def required_of(settings: Settings, run: Run, arm: Arm) -> dict[str, Any]:
    """What a record must agree with before it counts as this run's."""
    training = {
        "size": settings.size,
        "batch": settings.batch,
        "steps": settings.steps_of(run),
        "rates": list(settings.rates),
    }
    models = settings.models_of(run, arm)
    generator = None
    if models:
        generator = {"name": Path(models[-1]).name, "identity": _identify(*models)}
    return {
        "protocol": {"version": VERSION, **_describe_network(settings.classifier), **training},
        "data": {
            "name": Path(settings.folder_of(run.task)).name,
            "identity": task_data(settings, run.task).identity,
        },
        "generator": generator,
        "arm": settings_of(arm),
    }


_describe_network = lru_cache(maxsize=4)(describe_network)
_identify = lru_cache(maxsize=16)(identify)


def cost(settings: Settings, run: Run) -> float:
    """Of a run, in training images: predicting an image takes about a third of training on it."""
    splits = task_data(settings, run.task).splits
    trainings = len(settings.rates) if run == run.anchor else 1
    training_images = settings.steps_of(run) * settings.batch + len(splits["val"])
    return trainings * training_images + len(splits["test"]) / 3
