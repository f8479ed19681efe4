"""Do decisions depend on skin tone? Every test image is rendered in six tones.

    python -m benchmarks.heads.tones --padufes DIR --isic DIR --inflamed DIR \\
        --classifier mobilenetv2_100=FILE.safetensors

Two tasks: inflamed or healthy skin (patches of PAD-UFES-20 and boxes of other photographs), and the
three diagnoses of ISIC 2017. Heads learn from photographs of `train` alone, or with copies in other
tones, by melanin in optical density or by L* in CIE L*a*b*. See docs/downstream.md for what is
measured. Writes benchmarks/results/heads/tones.json; features are kept in --cache.
"""

import argparse
import sys
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from joblib import Parallel, delayed
from numpy.typing import NDArray

from benchmarks.common import generate, provenance, write_json
from benchmarks.heads import tone_arms as names
from benchmarks.heads.edit_changes import after, edited
from benchmarks.heads.images import (
    SIDE,
    Change,
    Images,
    boxes,
    copies,
    dermoscopy,
    features,
    few,
    make_images,
)
from benchmarks.heads.options import add_skin, make_parser, parse
from benchmarks.heads.patches import read_patches
from benchmarks.heads.run import CLASSES, SEED
from benchmarks.heads.tone_arms import ARMS, PLAIN, STEADY, WEIGHTS, scale, steadying
from benchmarks.heads.tone_changes import (
    ITA_JITTER,
    LAB_ITA_SHIFT,
    LAB_SHIFT,
    LEVELS,
    TONE_JITTER,
    melanin_to,
    to_level,
)
from benchmarks.heads.tone_measures import is_met, score, summarise
from synthderm.evaluation.arms import Arm, Material
from synthderm.evaluation.features import FeatureNetwork, Features, Pool
from synthderm.evaluation.protocol import draw_share, predict

JITTERS = {
    names.LAB: LAB_SHIFT,
    names.MELANIN: TONE_JITTER,
    names.LAB_ITA: LAB_ITA_SHIFT,
    names.MELANIN_ITA: ITA_JITTER,
}
COPIES = 1
NEAR = 3.0  # degrees of ITA
SHARE = 0.5  # of the training photographs, in each draw
POOL = 0.15  # of ISIC 2017 `train`, that draws are made from


class Rendered(NamedTuple):
    """Images on which heads are tested.

    Args:
        features: (L + 1, N, D) of each rendering and, last, of the images themselves.
        labels, groups: (N,).
        reached: for each tone the share of the images that come within `NEAR` degrees of it.
    """

    features: Features
    labels: NDArray[np.int64]
    groups: NDArray[np.int64]
    reached: dict[str, float]


class Task(NamedTuple):
    """What arms may use, and what they are tested on."""

    material: Material
    groups: NDArray[np.int64]
    tests: dict[str, Rendered]


def rendered(network: FeatureNetwork, images: Images) -> Rendered:
    """Test images in all tones."""
    changes: list[Change | None] = [*map(to_level, LEVELS.values()), None]
    rows = np.stack([features(network, images, change) for change in changes])
    reached = {}
    for name, level in LEVELS.items():
        _, tones = melanin_to(images.pixels, images.healthy, level)
        reached[name] = ((tones - level).abs() < NEAR).float().mean().item()
    return Rendered(rows, images.labels, images.groups, reached)


def jittered(network: FeatureNetwork, images: Images, count: int) -> dict[str, Features]:
    return {name: copies(network, images, change, count) for name, change in JITTERS.items()}


def inflamed_task(network: FeatureNetwork, args: argparse.Namespace) -> Task:
    """Inflamed or healthy patches."""
    train = few(read_patches(args.padufes, ("train",)), args.most)
    made = jittered(network, train, args.copies)
    healthy = np.flatnonzero(train.labels == 0)
    eczema = edited(args.model)
    edits = {
        names.EDIT: eczema,
        names.EDIT_MELANIN: after(TONE_JITTER, eczema),
        names.EDIT_ITA: after(ITA_JITTER, eczema),
    }
    for name, change in edits.items():
        rows = copies(network, train.take(healthy), change, args.copies)
        made[name] = np.zeros((len(train.labels), *rows.shape[1:]), rows.dtype)
        made[name][healthy] = rows
    real = Pool(features(network, train), train.labels)
    tests = {
        "patches": rendered(network, few(read_patches(args.padufes, ("val", "test")), args.most)),
        "boxes": rendered(network, few(boxes(args.inflamed), args.most)),
    }
    nothing = real.take(np.arange(0))
    return Task(Material(2, real, nothing, made), train.groups, tests)


def diagnoses_task(network: FeatureNetwork, args: argparse.Namespace) -> Task:
    """The three diagnoses of ISIC 2017."""
    train = dermoscopy(args.isic, ("train",), CLASSES)
    train = train.take(draw_share(train.labels, train.groups, POOL, np.random.default_rng(SEED)))
    train = few(train, args.most)
    made = jittered(network, train, args.copies)
    labels = [CLASSES[k % len(CLASSES)] for k in range(args.images)]
    pixels, lesions = generate("lesions", labels, SEED, "generated lesions", size=SIDE)
    numbers = [CLASSES.index(label) for label in labels]
    generated = make_images(pixels, lesions, numbers, [str(k) for k in range(len(labels))])
    made[names.GENERATED_ITA] = copies(network, generated, ITA_JITTER, 1)
    material = Material(
        classes=len(CLASSES),
        real=Pool(features(network, train), train.labels),
        generated=Pool(features(network, generated), generated.labels),
        copies=made,
    )
    test = rendered(network, few(dermoscopy(args.isic, ("test",), CLASSES), args.most))
    return Task(material, train.groups, {"dermoscopy": test})


TASKS = {"inflamed": inflamed_task, "diagnoses": diagnoses_task}


def run_arm(arm: Arm, task: Task, share: float, draws: Sequence[int]) -> list[NDArray[Any]]:
    """What an arm predicts on all images of all tests, one after the other, on each draw."""
    width = task.material.real.features.shape[1]
    rows = np.concatenate([test.features.reshape(-1, width) for test in task.tests.values()])
    predicted = []
    for number in draws:
        rng = np.random.default_rng(number)
        chosen = draw_share(task.material.real.labels, task.groups, share, rng)
        outcome = predict(arm, task.material, chosen, task.groups, rows, seed=number)
        predicted.append(outcome.probabilities)
    return predicted


def steadied(task: Task, weight: float) -> Task:
    """A task in whose features tone is small."""
    by = steadying(task.material, weight)
    tests = {name: test._replace(features=test.features @ by) for name, test in task.tests.items()}
    return task._replace(material=scale(task.material, by), tests=tests)


def measure(
    task: Task,
    arms: dict[str, Arm],
    steady: Sequence[str],
    share: float,
    draws: Sequence[int],
    jobs: int,
) -> dict[str, Any]:
    """By test, arm and measure the figures of one task.

    Args:
        task: what is learnt from and tested on.
        arms: the ways to train, by name.
        steady: arms that are also run on steadied features.
        share: of the training photographs, in each draw.
        draws: their numbers.
        jobs: processes.
    """
    runs = {name: (arm, task) for name, arm in arms.items()}
    for title, weight in WEIGHTS.items() if steady else ():
        other = steadied(task, weight)
        runs |= {f"{name}, {title}": (arms[name], other) for name in steady}
    outcomes = Parallel(n_jobs=jobs, verbose=5)(
        delayed(run_arm)(arm, of_task, share, draws) for arm, of_task in runs.values()
    )
    found: dict[str, Any] = {}
    start = 0
    for name, test in task.tests.items():
        levels, count, _ = test.features.shape
        rows = slice(start, start + levels * count)
        start = rows.stop
        labels, groups = torch.from_numpy(test.labels), torch.from_numpy(test.groups)
        scores = {
            arm: score(
                [torch.from_numpy(p[rows].reshape(levels, count, -1)) for p in predicted],
                labels,
                groups,
            )
            for arm, predicted in zip(runs, outcomes)
        }
        table = summarise(scores, PLAIN)
        for arm, entry in table.items():
            if arm != PLAIN:
                entry["met"] = is_met(entry)
        counts = {"images": count, "groups": int(test.groups.max()) + 1, "reached": test.reached}
        found[name] = {**counts, "arms": table}
    return found


def options(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = make_parser(__doc__, draws=5)
    add_skin(parser)
    add = parser.add_argument
    add("--task", nargs="+", choices=TASKS, default=[*TASKS], help="both where not given")
    add("--copies", type=int, default=COPIES, help=f"changed copies of a photograph ({COPIES})")
    add("--images", type=int, default=360, help="generated lesions (360)")
    return parse(parser, argv)


def main(argv: Sequence[str] | None = None) -> None:
    args = options(argv)
    network = FeatureNetwork(args.classifier, args.cache)
    result: dict[str, Any] = {}
    for name in args.task:
        task = TASKS[name](network, args)
        found = measure(task, ARMS[name], STEADY[name], SHARE, range(args.draws), args.jobs)
        photographs = len(task.material.real.labels)
        result[name] = {"photographs": photographs, "share": SHARE, "tests": found}
    settings = {"levels": LEVELS, "draws": args.draws, "copies": args.copies}
    classifier = {"classifier": args.classifier.partition("=")[0], "side": network.side}
    write_json(args.out / "tones.json", {**classifier, **settings, "tasks": result, **provenance()})
    print(args.out / "tones.json")


if __name__ == "__main__":
    sys.exit(main())
