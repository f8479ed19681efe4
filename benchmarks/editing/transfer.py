"""How well added eczema prepares a classifier for real inflamed skin.

    python -m benchmarks.editing.transfer --padufes DIR --hands DIR --isic DIR --inflamed DIR \\
        --classifier mobilenetv2_100=FILE --model paired=./runs/paired/model

Writes benchmarks/results/transfer.json.

A learner (see `LEARNERS`: linear probes on the features of a frozen network, and that network
fine-tuned, on skin as it is and with half of it made dark) learns to tell calm crops of skin from
the same crops with added eczema. Then it has to tell real inflamed from calm skin: see `TESTS`. The
figure is the AUROC; 0.5 is chance. No patient of a test is one whose skin is learnt from. Editors
trained on real lesions of `train` may have seen some that are tested here.

Rows: unchanged crops, of which nothing can be learnt; a red tint in the mask; the renderer of the
editors' training images; editors; and drawings of your own (--drawing). Masks cover 30 to 80% of
the skin, and severities are 0.3 to 1. They depend on the seed alone, so that all rows share them.

No test is of eczema alone: no open set of it is large enough. In `boxes` and `lesions` the calm
side is plain skin, so any red spot is rewarded. In `photographs` and `keratoses` both sides show a
spot; they order known methods more as real eczema does.
"""

import argparse
import sys
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from statistics import mean
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from benchmarks.common import RESULTS, provenance, write_json
from benchmarks.editing import transfer_crops
from benchmarks.editing.learners import LEARNERS, STEPS, Features, Learners, Pairs
from benchmarks.editing.methods import (
    Method,
    add_model_argument,
    describe_editors,
    editor_method,
    load_drawing,
    random_masks,
    render,
    tint,
)
from benchmarks.editing.transfer_crops import Crops
from benchmarks.editing.windows import INFLAMED, TONES, shift_tone
from synthderm.evaluation.bootstrap import interval_of, resample
from synthderm.intervals import weighted_auroc
from synthderm.metrics import load_extractor
from synthderm.models.cache import load_editor

RESAMPLES = 4000
COVERAGE, SEVERITY = (0.3, 0.8), (0.3, 1.0)
CLOSE_UPS = ("skin", "naevus")  # kinds of calm crops that the cameras of the tests took


class Comparison(NamedTuple):
    """What has to be told apart: kinds of crops of one source, and what they mean."""

    source: str
    inflamed: tuple[str, ...]
    calm: tuple[str, ...]
    meaning: str


TESTS = {
    "boxes": Comparison(
        "boxes", ("inflamed",), ("calm",), "boxes of inflamed against boxes of calm skin"
    ),
    "boxes, darkened": Comparison(
        "darkened", ("inflamed",), ("calm",), "the same boxes, their skin made dark by melanin"
    ),
    "lesions": Comparison(
        "lesions", ("lesion",), ("skin",), "ACK, BCC and SCC against healthy skin beside them"
    ),
    "photographs": Comparison(
        "photographs", INFLAMED, ("NEV",), "whole photographs: ACK, BCC and SCC against naevi"
    ),
    "keratoses": Comparison(
        "photographs",
        ("ACK", "SCC"),
        ("NEV", "SEK"),
        "whole photographs: ACK and SCC against naevi and seborrhoeic keratoses",
    ),
}


class Test(NamedTuple):
    """The crops of one comparison.

    features: of N crops.
    is_inflamed: (N,) bool.
    groups: (N,) int64 in [0, G), the patient or photograph of each.
    """

    features: Features
    is_inflamed: Tensor
    groups: Tensor

    def counts(self) -> dict[str, int]:
        inflamed = int(self.is_inflamed.sum())
        calm, groups = len(self.is_inflamed) - inflamed, len(self.groups.unique())
        return {"inflamed": inflamed, "calm": calm, "groups": groups}


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    p = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    add = p.add_argument
    add("--padufes", required=True, help="folder of close-ups with lesion masks")
    add("--hands", required=True, help="folder of hands")
    add("--isic", required=True, help="folder of dermoscopy with lesion masks")
    add("--inflamed", help="folder with boxes.csv; without it the test `boxes` is left out")
    add("--classifier", required=True, help="timm network: NAME or NAME=FILE.safetensors")
    add(
        "--drawing",
        nargs="*",
        default=[],
        metavar="FILE",
        help="Python files with a function draw(images, seed) to compare with, from (B, 3, S, S) "
        "float in [0, 1] to the same; they choose masks and severities themselves",
    )
    add_model_argument(p)
    add("--seeds", type=int, nargs="+", default=[0, 1])
    add("--quick", action="store_true", help="6 crops of each kind: a test that it runs")
    add("--out", type=Path, default=RESULTS, help="folder of the result")
    args = p.parse_args(argv)
    args.limit = 6 if args.quick else sys.maxsize
    args.steps = 2 if args.quick else STEPS
    return args


def read_tests(args: argparse.Namespace, learners: Learners) -> dict[str, Test]:
    """The crops of every comparison whose folder was given, by its name."""
    sources = {
        "lesions": transfer_crops.lesion_crops(args.padufes, args.limit),
        "photographs": transfer_crops.photograph_crops(args.padufes, args.limit),
    }
    if args.inflamed:
        boxes = transfer_crops.box_crops(args.inflamed, args.limit)
        darkened, _ = shift_tone(boxes.images, TONES["dark"][0])
        sources |= {"boxes": boxes, "darkened": boxes._replace(images=darkened)}
    features = {name: learners.features(crops.images) for name, crops in sources.items()}
    return {
        name: make_test(name, sources[comparison.source], features[comparison.source])
        for name, comparison in TESTS.items()
        if comparison.source in sources
    }


def make_test(name: str, crops: Crops, features: Features) -> Test:
    """The crops of a comparison, among all crops of its source.

    Raises:
        ValueError: one side has no crops.
    """
    _, inflamed, calm, _ = TESTS[name]
    for kinds in (inflamed, calm):
        if not set(kinds) & set(crops.kinds):
            raise ValueError(f"there is no {' or '.join(kinds)} for the test {name!r}.")
    chosen = [index for index, kind in enumerate(crops.kinds) if kind in inflamed + calm]
    _, groups = np.unique([crops.groups[index] for index in chosen], return_inverse=True)
    is_inflamed = torch.tensor([crops.kinds[index] in inflamed for index in chosen])
    of_test = Features(features.late[chosen], features.early[:, chosen])
    return Test(of_test, is_inflamed, torch.from_numpy(groups))


def identity(images: Tensor, masks: Tensor, severity: Tensor, seed: int) -> Tensor:
    """No edit."""
    return images


def edit(method: Method, images: Tensor, seed: int) -> Tensor:
    """Eczema on (N, 3, H, W) uint8 images, of the same shape. Masks and severities depend on the
    seed alone."""
    rng = torch.Generator().manual_seed(seed)
    masks = random_masks(images, rng, COVERAGE)
    severity = torch.empty(len(images)).uniform_(*SEVERITY, generator=rng)
    return method.add_to_all(images, masks, severity, seed)


def measure_scores(scores: Tensor, test: Test) -> dict[str, Any]:
    """AUROC and its 95% interval: patients or photographs are resampled, with all their crops.

    Args:
        scores: (S, N), a learner's of each seed; high where it sees inflammation.
        test: the same N crops.

    Returns:
        "auroc", the mean over the seeds; "interval", of that mean; "seeds", the AUROC of each.
    """
    once = torch.ones(1, scores.shape[1], dtype=torch.double)
    values = [weighted_auroc(row, test.is_inflamed, once).item() for row in scores]
    # All methods are measured on the same resamples.
    weights = resample(test.groups, RESAMPLES, torch.Generator().manual_seed(0))
    areas = [weighted_auroc(row, test.is_inflamed, weights) for row in scores]
    resampled = torch.stack(areas).mean(0)
    # A resample that lacks one side has no AUROC.
    interval = interval_of(resampled[~resampled.isnan()])
    return {"auroc": mean(values), "interval": interval, "seeds": values}


def measure(args: argparse.Namespace, methods: dict[str, Method]) -> dict[str, Any]:
    """The rows by learner and method, the tests and the counts of crops."""
    started = time.process_time()
    learners = Learners(args.classifier, load_extractor(f"timm:{args.classifier}"), args.steps)
    tests = read_tests(args, learners)
    test_features = {key: test.features for key, test in tests.items()}
    calm = transfer_crops.calm_crops(args.padufes, args.hands, args.isic, args.limit)
    calm_features = learners.features(calm.images)
    is_close_up = torch.tensor([kind in CLOSE_UPS for kind in calm.kinds])
    rng = torch.Generator().manual_seed(0)
    dark_rows = torch.randperm(len(calm.images), generator=rng)[::2]
    dark, _ = shift_tone(calm.images[dark_rows], TONES["dark"][0])
    half_dark_features = calm_features.replace(dark_rows, learners.features(dark))
    rows: dict[str, dict[str, Any]] = {learner: {} for learner in LEARNERS}
    for name, method in methods.items():
        by_seed = []
        for seed in args.seeds:
            edited = learners.features(edit(method, calm.images, seed))
            edited_dark = learners.features(edit(method, dark, seed))
            pairs = Pairs(calm_features, edited)
            half_dark = Pairs(half_dark_features, edited.replace(dark_rows, edited_dark))
            scores = learners.scores(pairs, half_dark, is_close_up, test_features, seed)
            by_seed.append(scores)
        for learner in LEARNERS:
            row = {
                key: measure_scores(torch.stack([scores[learner][key] for scores in by_seed]), test)
                for key, test in tests.items()
            }
            rows[learner][name] = row
            figures = [f"{key} {cell['auroc']:.3f}" for key, cell in row.items()]
            print(f"{learner}, {name}: {', '.join(figures)}")
    return {
        "calm": dict(Counter(calm.kinds)),
        "learners": LEARNERS,
        "tests": {
            key: {"meaning": TESTS[key].meaning, **test.counts()} for key, test in tests.items()
        },
        "cpu_s": round(time.process_time() - started),
        "rows": rows,
    }


def main(argv: Sequence[str] | None = None) -> None:
    args = parse(argv)
    editors = {way: load_editor(model) for way, model in args.model.items()}
    methods = {"identity": Method(identity), "tint": Method(tint), "renderer": Method(render)}
    methods |= {Path(file).stem: load_drawing(Path(file)) for file in args.drawing}
    methods |= {way: editor_method(editor) for way, editor in editors.items()}
    result = {
        "classifier": args.classifier.partition("=")[0],
        "editors": describe_editors(args.model, editors),
        "seeds": args.seeds,
        **measure(args, methods),
        **provenance(),
    }
    write_json(args.out / "transfer.json", result)


if __name__ == "__main__":
    main()
