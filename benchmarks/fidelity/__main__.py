"""How close a generator's images are to photographs it has not seen, how varied they are, and what
a network learns from them.

    python -m benchmarks.fidelity --model lesions --data DIR --extractor FILE.safetensors \\
        --n 5000 --seeds 0 1 2
    python -m benchmarks.fidelity --model lesions --data DIR --classifier mobilenetv2_100 \\
        --parts class dice

Writes benchmarks/results/fidelity-NAME.json part by part, so that parts can be measured at
different times. Parts that were measured with other weights are dropped.

    kid     KID and FID of generated images to `test`, and of `train` to `test`: a generator that
            was trained on `train` cannot be expected to come closer
    prdc    precision, recall, density and coverage (k = 5), of as many generated images as `train`
            has
    is      Inception Score, where the extractor has classes of its own (timm:NAME)
    msssim  MS-SSIM of pairs of one class, generated and real: the higher, the less varied
    class   a classifier trained on real `train`: how often it finds the class asked for in
            generated images, and its accuracy on real `test`
    pose    a classifier trained on generated images alone, and one trained on real `train`; both
            tested on real `test`
    dice    a U-Net trained on generated images and masks alone, and one trained on real `train`;
            both tested on real `test`
    tone    skin tone asked for and measured (ITA), for generators that have such an input
    fingers for hands: of those of --open-class, how many have five fingers, by their masks

Figures of real images that need training are of one seed; those of generated images of each of
--seeds.
"""

import argparse
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from benchmarks.common import RESULTS, provenance, write_json
from benchmarks.fidelity.images import RealAndGenerated
from benchmarks.fidelity.measures import PARTS
from synthderm.cli.arguments.artifacts import add_artifacts
from synthderm.hub.resolve import weights_hash

# What is printed of a part.
PRINTED = ("train_vs_test", "real_train", "real_test", "runs", "skipped")


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    p = argparse.ArgumentParser(
        description=__doc__.split("\n\n")[0], formatter_class=argparse.ArgumentDefaultsHelpFormatter
    )
    add = p.add_argument
    add(
        "--model",
        default="lesions",
        help="a generator: bundled name, folder (./x) or Hub id; or "
        "the folder of a run of benchmarks.references.dcgan",
    )
    add("--name", help="the result is fidelity-NAME.json; the model's own name where left out")
    add("--data", required=True, help="photographs, with a metadata.csv that has splits")
    add(
        "--region",
        choices=["given", "skin", "close-up"],
        help="what the masks are, as in `load_image_pool`; given where there are masks, else skin",
    )
    add("--parts", nargs="+", choices=PARTS, default=["kid", "prdc", "is", "msssim"])
    add(
        "--extractor",
        help="of features: timm:NAME, timm:NAME=FILE.safetensors, or "
        "FILE.safetensors with FILE.py beside it",
    )
    add(
        "--bf16",
        action="store_true",
        help="features in bf16: twice as fast on processors that have it; noted in the result",
    )
    add(
        "--classifier",
        default="mobilenetv2_100",
        help="timm network for class and pose: NAME, or NAME=FILE.safetensors",
    )
    add("--n", type=int, default=1000, help="number of generated images, and of real ones of train")
    add("--seeds", type=int, nargs="+", default=[0], help="seeds of the generated images")
    add("--truncation", type=float, default=1.0, help="of the generator, in (0, 1]")
    add_artifacts(p)
    add("--pairs", type=int, default=200, help="pairs for MS-SSIM")
    add("--steps", type=int, default=400, help="training steps of classifiers and U-Nets")
    add(
        "--flips",
        choices=["none", "horizontal", "all"],
        default="horizontal",
        help="flips of the classifiers' training images",
    )
    add("--unet-size", type=int, default=64, help="side of the U-Net's images in pixels")
    add("--open-class", help="the class of hands with all five fingers spread, for fingers")
    add("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    add("--out", type=Path, default=RESULTS, help="folder of the result")
    return p.parse_args(argv)


def read_parts(path: Path, weights: str, artifacts: Mapping[str, float]) -> dict[str, Any]:
    """The parts of a fidelity-*.json that were measured with these weights and artifacts."""
    if not path.is_file():
        return {}
    parts = json.loads(path.read_text(encoding="utf-8"))["parts"]
    return {
        name: part
        for name, part in parts.items()
        if part["weights"] == weights and part.get("artifacts", {}) == artifacts
    }


def main(argv: Sequence[str] | None = None) -> None:
    args = parse(argv)
    images = RealAndGenerated(args)
    path = args.out / f"fidelity-{args.name or Path(args.model).name}.json"
    weights = weights_hash(args.model)[:12]
    parts = read_parts(path, weights, images.artifacts)
    for name in args.parts:
        figures = {
            "model": args.model,
            "revision": images.revision,
            "weights": weights,
            "size": images.size,
            "truncation": args.truncation,
            "artifacts": dict(images.artifacts),
        }
        figures |= PARTS[name](images, args) | provenance()
        parts.pop(name, None)
        parts[name] = figures
        # At once: the next part may take an hour.
        write_json(path, {"model": args.model, "revision": images.revision, "parts": parts})
        print(name, json.dumps({key: figures[key] for key in PRINTED if key in figures}))


if __name__ == "__main__":
    main()
