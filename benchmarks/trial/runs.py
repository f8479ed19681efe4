"""One run: a subset, a training set by the arm, a fine-tuned model, one look at the test
photographs."""

import math
import time
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import timm
import torch

from benchmarks.fidelity import provenance
from benchmarks.trial import guard
from benchmarks.trial.arms import Arm, assemble, batches
from benchmarks.trial.data import Pictures, TaskData, load, take_fraction, take_positives
from benchmarks.trial.generated import Pool, identify, load_pool
from benchmarks.trial.learner import Learner, ModelSpec, hash_weights, predict, train
from benchmarks.trial.measures import (
    SCORES,
    balanced_accuracy,
    by_tone,
    calibration_error,
    macro_auroc,
    mean_of,
    readable,
    recalls,
)
from benchmarks.trial.patches import read_patches
from benchmarks.trial.plan import STEPS, VERSION, Run, settings_of

LARGEST = 5  # the largest ratio of generated to real images among the arms
ECZEMA = (
    "clear",
    "severe",
)  # classes of generated eczema that stand for healthy and inflamed in task B
BEHIND = ("hands", "skin", "eczema")  # the models that make it


@dataclass(frozen=True)
class Settings:
    """All that decides a result beside the run itself. own: directory of a generator by amount of
    task A."""

    data: str
    patches: str | None
    cache: Path
    model: ModelSpec
    generator: str = "lesions"
    own: tuple[tuple[str, str], ...] = ()
    seen: tuple[str, ...] = ()
    size: int = 128
    batch: int = 16
    rates: tuple[float, ...] = (3e-4, 1e-3)
    steps: int | None = None  # instead of STEPS
    device: str = "cpu"

    def steps_of(self, run: Run) -> int:
        return self.steps or STEPS[run.task][run.amount]

    def source_of(self, run: Run) -> str:
        """The generator of a run: of hands and skin with eczema in task B, of lesions else."""
        return (
            "eczema"
            if run.task == "B"
            else dict(self.own)[run.amount]
            if run.setting == "own"
            else self.generator
        )


def task_data(settings: Settings, task: str) -> TaskData:
    if task == "B":
        return _load(settings.patches, settings.size, settings.cache, "patches")
    return _load(settings.data, settings.size, settings.cache, "whole")


@lru_cache(maxsize=3)
def _load(directory: str, size: int, cache: Path, kind: str) -> TaskData:
    return load(directory, size, cache, read_patches if kind == "patches" else None, kind)


def take_subset(settings: Settings, run: Run) -> Pictures:
    """The real photographs of a run: another subset for each seed, or seed 0's in the setting
    "own"."""
    whole, seed = (
        task_data(settings, run.task).splits["train"],
        0 if run.setting == "own" else run.seed,
    )
    if run.task == "B":
        return whole.rows(
            take_positives(whole, None if run.amount == "all" else int(run.amount), seed)
        )
    return whole.rows(take_fraction(whole, float(run.amount.rstrip("%")) / 100, seed))


@lru_cache(maxsize=4)
def _pool(
    source: str,
    models: tuple[str, ...],
    classes: tuple[str, ...],
    each: int,
    size: int,
    cache: Path,
) -> Pool:
    return load_pool(source, models, list(classes), each, size, cache)


def pool_of(settings: Settings, run: Run, real: Pictures) -> Pool:
    """Images for every arm at this amount; below 100% twice as many, so that seeds differ in them
    too."""
    source = settings.source_of(run)
    if run.task == "B":
        return _pool(
            source,
            BEHIND,
            ECZEMA,
            int((task_data(settings, "B").splits["train"].labels == 0).sum()),
            settings.size,
            settings.cache,
        )
    each = math.ceil(LARGEST * len(real) / len(real.classes)) * (1 if run.amount == "100%" else 2)
    return _pool(source, (source,), tuple(real.classes), each, settings.size, settings.cache)


def models_of(settings: Settings, run: Run, arm: Arm) -> tuple[str, ...]:
    """The generators and the editor that an arm uses."""
    if not arm.generates:
        return ("eczema",) if arm.edit else ()
    return BEHIND if run.task == "B" else (settings.source_of(run),)


def conditions(settings: Settings, run: Run, arm: Arm) -> dict:
    """What a record must agree in before it counts as this run's."""
    model = {
        "model": settings.model.name,
        "weights": hash_of(settings.model),
        "arguments": dict(settings.model.arguments),
    }
    model |= {
        "mean": settings.model.mean and list(settings.model.mean),
        "std": settings.model.std and list(settings.model.std),
    }
    training = {
        "size": settings.size,
        "batch": settings.batch,
        "steps": settings.steps_of(run),
        "rates": list(settings.rates),
    }
    models = models_of(settings, run, arm)
    return {
        "protocol": {"version": VERSION, **model, **training},
        "data": {
            "name": Path(settings.patches if run.task == "B" else settings.data).name,
            "identity": task_data(settings, run.task).identity,
        },
        "generator": (
            {"name": Path(models[-1]).name, "identity": _identify(*models)} if models else None
        ),
        "arm": settings_of(arm),
    }


@lru_cache(maxsize=1)
def made_with() -> dict:
    """Commit, versions, hardware; asked for once, since what is on the disk may change while a long
    benchmark runs."""
    found = provenance()
    return found | {"versions": found["versions"] | {"timm": timm.__version__}}


hash_of = lru_cache(maxsize=4)(lambda spec: hash_weights(spec))
_identify = lru_cache(maxsize=16)(identify)


def cost(settings: Settings, run: Run) -> float:
    """Of a run, in training images: looking at an image takes about a third of training on it."""
    splits = task_data(settings, run.task).splits
    trainings = len(settings.rates) if run == run.anchor else 1
    return (
        trainings * (settings.steps_of(run) * settings.batch + len(splits["val"]))
        + len(splits["test"]) / 3
    )


def check_leaks(settings: Settings, run: Run, arm: Arm) -> None:
    """Refuse a model that saw a test photograph, or an "own" generator that saw more than the
    subset."""
    data, real = task_data(settings, run.task), take_subset(settings, run)
    test = {name: data.files[name] for name in data.splits["test"].names}
    guard.check_unseen("the training subset", {data.files[name] for name in real.names}, test)
    if settings.model.weights not in ("hub", "random"):
        guard.check_unseen(
            settings.model.weights, guard.seen_by_weights(Path(settings.model.weights)), test
        )
    beside = [
        str(path)
        for path in sorted(Path(settings.data).resolve().parent.iterdir())
        if path.is_dir()
    ]
    known = tuple(
        path for path in (*settings.seen, settings.data, settings.patches, *beside) if path
    )
    for name in models_of(settings, run, arm):
        seen = _seen(name, known)
        guard.check_unseen(f"generator {name!r}", seen, test)
        if run.setting == "own":
            guard.check_own(
                f"generator {name!r}", seen, {name: data.files[name] for name in real.names}
            )


@lru_cache(maxsize=8)
def _seen(name: str, known: tuple[str, ...]) -> frozenset[str]:
    return frozenset(guard.seen_by_generator(name, [Path(path) for path in known]))


def fit(
    settings: Settings, run: Run, arm: Arm, training: Pictures, rate: float
) -> tuple[Learner, float, int]:
    """A learner, its best figure on val and the step of that. One seed gives every arm the same
    first weights."""
    torch.manual_seed(run.seed)
    val = task_data(settings, run.task).splits["val"]
    weights = torch.ones(1, len(val), dtype=torch.double)
    learner = Learner(
        settings.model, len(training.classes), segments=run.task == "C", size=settings.size
    )
    feed = batches(arm, training, settings.batch, run.task == "B", settings.steps_of(run))
    score = lambda model: SCORES[run.task](
        readable(run.task, predict(model, val, settings.device)), val.labels, weights
    ).item()  # noqa: E731
    best, step = train(learner, feed, settings.steps_of(run), rate, score, settings.device)
    return learner, best, step


def carry_out(settings: Settings, run: Run, arm: Arm, rates: tuple[float, ...]) -> dict:
    """Train, choose by val, test once.

    Args:
        arm: what to do to the training set.
        rates: learning rates to choose from, by val.

    Returns:
        the record: conditions, what was trained on, val, predictions and figures on test.

    Raises:
        ValueError: a leak, a missing class, or a model whose weights do not fit.
    """
    started, worked = time.perf_counter(), time.process_time()
    made_with()
    check_leaks(settings, run, arm)
    real = take_subset(settings, run)
    pool = pool_of(settings, run, real) if arm.generates else None
    rng = torch.Generator().manual_seed(run.seed)
    sureness = None
    if arm.keep < 1:
        teacher, _, _ = fit(settings, run, Arm("real"), real, rates[0])
        sureness = lambda images, labels: judge(teacher, images, labels, settings.device)  # noqa: E731
    training, counts = assemble(arm, real, pool, rng, sureness)
    tried = [(rate, *fit(settings, run, arm, training, rate)) for rate in rates]
    rate, learner, val, step = max(tried, key=lambda entry: entry[2])
    record = conditions(settings, run, arm) | {
        "trained on": counts, "rate": rate, "tried": {str(entry[0]): entry[2] for entry in tried}, "val": val, "step": step,
    }  # fmt: skip
    if run.task == "A" and arm == Arm("real"):
        record["label fidelity"] = label_fidelity(
            learner, pool_of(settings, run, real), settings.device
        )
    record |= test_once(settings, run, learner)
    seconds = {
        "seconds": round(time.perf_counter() - started, 1),
        "cpu_seconds": round(time.process_time() - worked, 1),
    }
    return record | seconds | made_with()


def judge(
    learner: Learner, images: torch.Tensor, labels: torch.Tensor, device: str
) -> torch.Tensor:
    """The probability of each image's label, (N,)."""
    blank = Pictures(images, images[:, :1] > 255, labels, torch.zeros(len(images)), [], [], [])
    return predict(learner, blank, device).gather(1, labels[:, None])[:, 0].exp()


def label_fidelity(learner: Learner, pool: Pool, device: str, each: int = 100) -> list[float]:
    """Share of generated images of each class that a classifier trained on photographs alone takes
    for that class."""
    result = []
    for label in range(len(pool.images)):
        images = pool.images[label][:each]
        blank = Pictures(
            images,
            images[:, :1] > 255,
            torch.full((len(images),), label),
            torch.zeros(len(images)),
            [],
            [],
            [],
        )
        result.append(
            round((predict(learner, blank, device).argmax(1) == label).double().mean().item(), 4)
        )
    return result


def test_once(settings: Settings, run: Run, learner: Learner) -> dict:
    """Predictions on test, and all figures made from them."""
    test = task_data(settings, run.task).splits["test"]
    weights = torch.ones(1, len(test), dtype=torch.double)
    # Rounded first, so that figures here and those worked out from the record agree. Logarithms
    # keep the order of small chances.
    predicted = predict(learner, test, settings.device).mul(1000).round().div(1000)
    values = readable(run.task, predicted)
    figures = {}
    if run.task != "C":
        figures = {
            "balanced accuracy": balanced_accuracy(values, test.labels, weights).item(),
            "AUROC": macro_auroc(values, test.labels, weights).item(),
            "ECE": calibration_error(values, test.labels, weights).item(),
            "recall": dict(zip(test.classes, recalls(values, test.labels, weights)[0].tolist())),
        }
    else:
        figures = {"Dice": mean_of(values, test.labels, weights).item()}
    return {
        "test": figures | {"tone": by_tone(SCORES[run.task], values, test.labels, test.tones)},
        "predictions": predicted.tolist(),
    }


def describe_test(settings: Settings, task: str) -> dict:
    """The test photographs in the order of the predictions, so that results can be worked out anew
    without the photographs."""
    data = task_data(settings, task)
    test = data.splits["test"]
    groups = {name: k for k, name in enumerate(dict.fromkeys(test.groups))}
    return {
        "identity": data.identity, "classes": test.classes, "names": test.names, "labels": test.labels.tolist(),
        "groups": [groups[name] for name in test.groups], "tones": [round(tone, 1) for tone in test.tones.tolist()],
    }  # fmt: skip
