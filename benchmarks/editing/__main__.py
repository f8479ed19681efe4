"""How good added, removed and found eczema is on photographs that the editor has not seen.

    python -m benchmarks.editing --padufes DIR --hands DIR \\
        --extractor timm:mobilenetv2_100=FILE --classifier mobilenetv2_100=FILE \\
        --model paired=./runs/paired/model masked=./runs/masked/model
    python -m benchmarks.editing --padufes DIR --hands DIR --choose-threshold \\
        --model paired=eczema                                             on `val` alone

Writes benchmarks/results/editing.json, with the CPU time that it took. Editors that were trained in
up to three ways are compared with the renderer of their training images and with a red tint in the
mask.

Patches are 112 px wide. Guarantees, severity, removing and finding are measured on windows of
healthy skin in PAD-UFES-20 `test` and on as many hands of `test`, with random masks. Similarity to
real lesions: on windows of inflamed lesions (ACK, BCC, SCC) of `val` and `test`, since `test` alone
has 40 with masks, and on as many healthy windows, edited under masks of other patients' lesions.
Classifiers are trained on windows of `train`.
"""

import argparse
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from benchmarks.common import RESULTS, provenance, write_json
from benchmarks.editing.edits import iou_by_threshold, measure_edits
from benchmarks.editing.goals import make_rows
from benchmarks.editing.methods import (
    Method,
    add_model_argument,
    describe_editors,
    editor_method,
    render,
    tint,
)
from benchmarks.editing.similarity import Similarity
from benchmarks.editing.windows import TONES, cut_windows, read_hands, shift_tone
from synthderm.metrics import load_extractor
from synthderm.models.cache import load_editor

PER_TONE = 64  # images of either kind on which the severity is measured, for each tone


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    p = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    add = p.add_argument
    add("--padufes", required=True, help="folder of close-ups with lesion masks")
    add("--hands", required=True, help="folder of hands")
    add_model_argument(p)
    add("--extractor", help="of features, for KID and a probe; as for benchmarks.fidelity")
    add("--classifier", help="timm network to train: NAME, or NAME=FILE.safetensors")
    add("--seeds", type=int, nargs="+", default=[0, 1, 2])
    add("--steps", type=int, default=200, help="of training a classifier, 12 patches each")
    add("--limit", type=int, default=10**6, help="images of each kind at most")
    add(
        "--quick",
        action="store_true",
        help="6 images of each kind and 3 steps: a test that it runs",
    )
    add(
        "--choose-threshold",
        action="store_true",
        help="print the IoU of find_eczema at each threshold on `val`, and stop",
    )
    add("--out", type=Path, default=RESULTS, help="folder of the result")
    args = p.parse_args(argv)
    if not args.choose_threshold and not (args.extractor and args.classifier):
        p.error("--extractor and --classifier are needed.")
    if args.quick:
        args.limit, args.steps = 6, 3
    return args


def healthy_images(args: argparse.Namespace, split: str, seed: int) -> dict[str, Tensor]:
    """Close-ups and as many hands of one split."""
    healthy, _ = cut_windows(args.padufes, (split,), torch.Generator().manual_seed(seed))
    close_ups = healthy.images[: args.limit]
    return {"close-ups": close_ups, "hands": read_hands(args.hands, len(close_ups), split)}


def images_by_tone(kinds: dict[str, Tensor], limit: int) -> dict[str, Tensor]:
    """Images of both kinds whose skin could be shifted to each tone."""
    images = torch.cat([part[: min(PER_TONE, limit)] for part in kinds.values()])
    tones = {}
    for tone, (target, low, high) in TONES.items():
        shifted, reached = shift_tone(images, target)
        tones[tone] = shifted[(reached > low) & (reached < high)]
    return tones


def measure(args: argparse.Namespace, methods: dict[str, Method]) -> dict[str, Any]:
    """All seeds of all methods: the rows, the counts of images, and the CPU time."""
    extractor, started = load_extractor(args.extractor), time.process_time()
    measured: dict[str, dict[str, list[float]]] = {}
    reference: dict[str, list[float]] = {}
    counts: dict[int, dict[str, int]] = {}
    for seed in args.seeds:
        kinds = healthy_images(args, "test", seed)
        tones = images_by_tone(kinds, args.limit)
        similarity = Similarity(
            args.padufes, extractor, args.classifier, seed, args.limit, args.steps
        )
        sizes = {name: len(images) for name, images in (kinds | tones).items()}
        counts[seed] = sizes | similarity.counts
        for key, value in similarity.reference.items():
            reference.setdefault(key, []).append(value)
        for name, method in methods.items():
            row = measure_edits(method, kinds, tones, seed) | similarity.measure(method)
            for key, value in row.items():
                measured.setdefault(key, {}).setdefault(name, []).append(value)
            seconds = time.process_time() - started
            print(f"seed {seed}, {name}: {seconds:.0f} s of CPU time so far", file=sys.stderr)
    return {
        "counts": counts,
        "extractor": extractor.name,
        "cpu_s": round(time.process_time() - started),
        "rows": make_rows(measured, reference),
    }


def main(argv: Sequence[str] | None = None) -> None:
    args = parse(argv)
    editors = {way: load_editor(model) for way, model in args.model.items()}
    if args.choose_threshold:
        kinds = healthy_images(args, "val", 0)
        values = {way: iou_by_threshold(editor, kinds, 0) for way, editor in editors.items()}
        print(json.dumps(values, indent=2))
        return
    methods = {way: editor_method(editor) for way, editor in editors.items()}
    methods |= {"renderer": Method(render), "tint": Method(tint)}
    result = {
        "columns": list(methods),
        "editors": describe_editors(args.model, editors),
        "seeds": args.seeds,
        "steps": args.steps,
        "classifier": args.classifier.partition("=")[0],
        **measure(args, methods),
        **provenance(),
    }
    write_json(args.out / "editing.json", result)
    for row in result["rows"]:
        figures = [f"{name} {cell['mean']:.3f}" for name, cell in row["columns"].items()]
        print(f"{row['text']}: {', '.join(figures)}")


if __name__ == "__main__":
    main()
