"""One run: a subset, a training set by the arm, a fine-tuned network, and its one test."""

import time
from functools import lru_cache
from pathlib import Path
from typing import Any

import timm
import torch
from torch import Tensor

from benchmarks.common import provenance
from benchmarks.downstream import leakage
from benchmarks.downstream.arms import ARMS, Arm, assemble
from benchmarks.downstream.batches import make_batches
from benchmarks.downstream.measures import (
    SCORES,
    by_tone,
    calibration_error,
    mean_of,
    score_input,
)
from benchmarks.downstream.network import TaskNetwork, parse_spec
from benchmarks.downstream.protocol import Run
from benchmarks.downstream.settings import (
    Settings,
    generated_for,
    required_of,
    take_subset,
    task_data,
)
from benchmarks.downstream.training import predict, train
from synthderm.evaluation.measures import balanced_accuracy, macro_auroc, recalls
from synthderm.training.image_pool import ImagePool

FIDELITY_IMAGES = 100  # of each class, on which the label fidelity is measured


@lru_cache(maxsize=1)
def made_with() -> dict[str, Any]:
    """Commit, versions, hardware. They are asked for once, since the files on the disk may change
    while a long benchmark runs."""
    result = provenance()
    return result | {"versions": result["versions"] | {"timm": timm.__version__}}


def check_leaks(settings: Settings, run: Run, arm: Arm) -> None:
    """Refuse a model that was trained on a test photograph, or an "own" generator that was trained
    on more than the subset.

    Raises:
        ValueError: as the functions of `leakage`.
    """
    data, real = task_data(settings, run.task), take_subset(settings, run)
    test = {name: data.files[name] for name in data.splits["test"].names}
    subset = {name: data.files[name] for name in real.names}
    leakage.check_unseen("the training subset", set(subset.values()), test)
    weights = parse_spec(settings.classifier).file
    if weights is not None:
        leakage.check_unseen(str(weights), leakage.training_files_of_weights(weights), test)
    for model in settings.models_of(run, arm):
        seen = _training_files(model, known_folders(settings))
        leakage.check_unseen(f"generator {model!r}", seen, test)
        if run.setting == "own":
            leakage.check_only_subset(f"generator {model!r}", seen, subset)


def known_folders(settings: Settings) -> tuple[str, ...]:
    """Folders of photographs to which a training record may refer: those named, and those beside
    the data."""
    parent = Path(settings.data).resolve().parent
    beside = [str(path) for path in sorted(parent.iterdir()) if path.is_dir()]
    return tuple(
        path for path in (*settings.seen, settings.data, settings.patches, *beside) if path
    )


@lru_cache(maxsize=8)
def _training_files(model: str, known: tuple[str, ...]) -> frozenset[str]:
    return frozenset(leakage.training_files(model, [Path(path) for path in known]))


def fit(
    settings: Settings, run: Run, arm: Arm, training: ImagePool, rate: float
) -> tuple[TaskNetwork, float, int]:
    """A fine-tuned network, its best figure on val and the step of that. One seed gives every arm
    the same first weights."""
    torch.manual_seed(run.seed)
    val, steps = task_data(settings, run.task).splits["val"], settings.steps_of(run)
    once = torch.ones(1, len(val), dtype=torch.double)
    network = TaskNetwork(
        settings.classifier, len(training.classes), segments=run.task == "C", size=settings.size
    )
    batches = make_batches(arm, training, settings.batch, run.task == "B", steps)

    def validate(network: TaskNetwork) -> float:
        values = score_input(run.task, predict(network, val, settings.device))
        return SCORES[run.task](values, val.labels, once).item()

    best, step = train(network, batches, steps, rate, validate, settings.device)
    return network, best, step


def carry_out(settings: Settings, run: Run, arm: Arm, rates: tuple[float, ...]) -> dict[str, Any]:
    """Train, choose by val, test once.

    Args:
        settings: of the benchmark.
        run: which one.
        arm: what to do to the training set.
        rates: learning rates to choose from, by val.

    Returns:
        the record: conditions, what was trained on, val, predictions and figures on test.

    Raises:
        ValueError: a leak, a missing class, or a network whose weights do not fit.
    """
    started, cpu_started = time.perf_counter(), time.process_time()
    made_with()
    check_leaks(settings, run, arm)
    real = take_subset(settings, run)
    generated = generated_for(settings, run, real) if arm.generates else None
    rng = torch.Generator().manual_seed(run.seed)
    label_probability = None
    if arm.keep < 1:
        teacher, _, _ = fit(settings, run, ARMS["real"], real, rates[0])

        def label_probability(pool: ImagePool) -> Tensor:
            logs = predict(teacher, pool, settings.device)
            return logs.gather(1, pool.labels[:, None])[:, 0].exp()

    training, counts = assemble(arm, real, generated, rng, label_probability)
    tried = [(rate, *fit(settings, run, arm, training, rate)) for rate in rates]
    rate, network, val, step = max(tried, key=lambda entry: entry[2])
    record = required_of(settings, run, arm) | {
        "trained on": counts,
        "rate": rate,
        "tried": {str(entry[0]): entry[2] for entry in tried},
        "val": val,
        "step": step,
    }
    if run.task == "A" and arm == ARMS["real"]:
        pool = generated_for(settings, run, real)
        record["label fidelity"] = label_fidelity(network, pool, settings.device)
    record |= test_once(settings, run, network)
    seconds = {
        "seconds": round(time.perf_counter() - started, 1),
        "cpu_seconds": round(time.process_time() - cpu_started, 1),
    }
    return record | seconds | made_with()


def label_fidelity(network: TaskNetwork, generated: ImagePool, device: str) -> list[float]:
    """Share of generated images of each class that a classifier trained on photographs alone takes
    for that class."""
    result = []
    for label in range(len(generated.classes)):
        rows = (generated.labels == label).nonzero().flatten()[:FIDELITY_IMAGES]
        predicted = predict(network, generated.rows(rows), device).argmax(1)
        result.append(round((predicted == label).double().mean().item(), 4))
    return result


def test_once(settings: Settings, run: Run, network: TaskNetwork) -> dict[str, Any]:
    """Predictions on test, and all figures made from them."""
    test = task_data(settings, run.task).splits["test"]
    once = torch.ones(1, len(test), dtype=torch.double)
    # Rounded first, so that figures here agree with those that are computed from the record.
    # Logarithms keep the order of small probabilities.
    predictions = predict(network, test, settings.device).mul(1000).round().div(1000)
    values = score_input(run.task, predictions)
    figures: dict[str, Any]
    if run.task == "C":
        figures = {"Dice": mean_of(values, test.labels, once).item()}
    else:
        figures = {
            "balanced accuracy": balanced_accuracy(values, test.labels, once).item(),
            "AUROC": macro_auroc(values, test.labels, once).item(),
            "ECE": calibration_error(values, test.labels, once).item(),
            "recall": dict(zip(test.classes, recalls(values, test.labels, once)[0].tolist())),
        }
    figures["tone"] = by_tone(SCORES[run.task], values, test.labels, test.skin_tones)
    return {"test": figures, "predictions": predictions.tolist()}


def describe_test(settings: Settings, task: str) -> dict[str, Any]:
    """The test photographs in the order of the predictions, so that results can be computed anew
    without the photographs."""
    data = task_data(settings, task)
    test = data.splits["test"]
    numbers = {group: k for k, group in enumerate(dict.fromkeys(test.groups))}
    return {
        "identity": data.identity,
        "classes": test.classes,
        "names": test.names,
        "labels": test.labels.tolist(),
        "groups": [numbers[group] for group in test.groups],
        "tones": [round(tone, 1) for tone in test.skin_tones.tolist()],
    }
