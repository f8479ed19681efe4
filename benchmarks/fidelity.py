"""How close a generator's images are to real photographs that it has not seen, how varied, and what
can be learnt from them.

    python -m benchmarks.fidelity --model lesions --data DIR --extractor FILE.safetensors --n 5000
    --seeds 0 1 2 python -m benchmarks.fidelity --model lesions --data DIR --classifier
    mobilenetv2_100 --parts class dice

Writes benchmarks/results/fidelity-NAME.json, part by part, so that parts can be measured at
different times. Parts that were measured with other weights are dropped:
  kid    KID and FID to `test`, and of `train` to `test`: no generator trained on `train` can be
  expected to come closer prdc   precision, recall, density and coverage (k = 5), of as many
  generated images as there are of `train` is     Inception Score, where the extractor has classes
  of its own (timm:NAME) msssim MS-SSIM of pairs of one class, among generated and among real
  images: higher is less varied class  a classifier trained on real `train`: how often it gives the
  class asked for, and its accuracy on real `test` pose   a classifier trained on generated images
  alone, on real `test`, beside one trained on real `train` dice   a U-Net trained on generated
  images and masks alone, on real `test`, beside one trained on real `train` tone   skin tone asked
  and measured (ITA), for generators that can be asked
All real figures that cost training are of one seed; generated ones of each of --seeds.
"""

import argparse
import hashlib
import json
import platform
import subprocess
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path

import torch
import torchvision
from tqdm import tqdm

import synthderm
from benchmarks import probes
from benchmarks.dcgan import DCGANSource
from synthderm import metrics
from synthderm.datasets.folder import SkinFolder
from synthderm.datasets.synthetic import SyntheticSkinDataset
from synthderm.hub.pretrained import read_config
from synthderm.hub.resolve import resolve
from synthderm.models.generator import SkinGenerator
from synthderm.training.image_pool import Photographs, load_photographs, measure_tones

RESULTS = Path(__file__).parent / "results"


def provenance() -> dict:
    """What a figure needs beside it: commit, versions, hardware."""
    commit = subprocess.run(
        ["git", "rev-parse", "HEAD"], capture_output=True, text=True, cwd=Path(__file__).parent
    ).stdout.strip()
    return {
        "commit": commit or "unknown",
        "date": datetime.now(UTC).date().isoformat(),
        "versions": {
            "synthderm": synthderm.__version__,
            "torch": torch.__version__,
            "torchvision": torchvision.__version__,
            "python": platform.python_version(),
        },
        "hardware": (
            f"{platform.machine()}, {torch.backends.cpu.get_cpu_capability()},"
            f" {torch.get_num_threads()} threads"
        ),
    }


def read_result(path: Path) -> dict:
    """A fidelity-*.json; those of version 0.1, which had KID alone, as one part."""
    result = json.loads(path.read_text())
    return (
        result
        if "parts" in result
        else {
            "model": result["model"],
            "revision": result.get("revision", "bundled"),
            "parts": {"kid": result},
        }
    )


class Images:
    """The real and the generated images of one benchmark, and their features, each made when first
    asked for."""

    def __init__(self, args: argparse.Namespace):
        self.args = args
        folder = SkinFolder(args.data, split="train")
        self.region = args.region or (
            "given" if any(mask is not None for _, mask, _ in folder.samples) else "skin"
        )
        directory = args.model.startswith((".", "/", "~"))
        if directory and read_config(Path(args.model).expanduser()).get("architecture") == "DCGAN":
            self.source, self.options, self.tones = (
                DCGANSource(args.model),
                {"classes": ["skin"] if self.region == "close-up" else folder.classes},
                None,
            )
        else:
            self.source, self.options = (
                args.model,
                {"device": args.device, "truncation": args.truncation},
            )
            self.tones = SkinGenerator.from_pretrained(args.model).tones
        first = SyntheticSkinDataset(self.source, length=1, **self.options)
        self.size, self.revision = first.size, first.revision
        self._samples: dict[int, Photographs] = {}
        self._features: dict[int, torch.Tensor] = {}

    def load(self, split: str) -> Photographs:
        """At the generator's size, so that sharpness alone does not tell the sets apart; in random
        order."""
        photographs = load_photographs(self.args.data, split, self.size, self.region)
        order = torch.randperm(len(photographs.labels), generator=torch.Generator().manual_seed(0))
        return photographs._replace(
            images=photographs.images[order],
            labels=photographs.labels[order],
            tones=photographs.tones[order],
        )

    @cached_property
    def test(self) -> Photographs:
        return self.load("test")

    @cached_property
    def train(self) -> Photographs:
        return self.load("train")

    def generate(self, labels: list[int], seed: int, **options) -> Photographs:
        """Images of these classes of `train`, which the generator may have in another order."""
        names = [self.train.classes[label] for label in labels]
        dataset = SyntheticSkinDataset(
            self.source, length=len(names), labels=names, seed=seed, **self.options, **options
        )
        parts = []
        for start in tqdm(range(0, len(dataset), 32), desc=f"generated, seed {seed}", disable=None):
            image, mask = dataset.generate(list(range(start, min(start + 32, len(dataset)))))
            parts.append(torch.cat([image, mask.byte() * 255], 1))
        images = torch.cat(parts)
        return Photographs(
            images, torch.tensor(labels), torch.zeros(len(labels)), self.train.classes
        )

    def samples(self, seed: int) -> Photographs:
        """Classes as frequent as in `train`: the distance should not be one of class shares."""
        if seed not in self._samples:
            counts = torch.bincount(self.train.labels, minlength=len(self.train.classes))
            labels = [
                k
                for k, count in enumerate(counts.tolist())
                for _ in range(round(self.args.n * count / len(self.train.labels)))
            ]
            order = torch.randperm(
                len(labels), generator=torch.Generator().manual_seed(seed)
            ).tolist()
            self._samples[seed] = self.generate([labels[k] for k in order], seed)
        return self._samples[seed]

    @property
    def extracted_by(self) -> str:
        return self.extractor.name + (", bf16" if self.args.bf16 else "")

    @cached_property
    def extractor(self) -> metrics.Extractor:
        if self.args.extractor is None:
            raise SystemExit(
                "kid, prdc and is need --extractor: timm:NAME, timm:NAME=FILE or FILE.safetensors"
                " with FILE.py beside it."
            )
        return metrics.load_extractor(self.args.extractor).to(self.args.device)

    def features(self, key) -> torch.Tensor:
        """Of "test", of "train" (as many as are generated), or of a seed."""
        if key not in self._features:
            images = (
                self.samples(key).images
                if isinstance(key, int)
                else getattr(self, key).images[: None if key == "test" else self.args.n]
            )
            batches = (part[:, :3].to(self.args.device) for part in images.split(32))
            with torch.autocast(
                torch.device(self.args.device).type, torch.bfloat16, enabled=self.args.bf16
            ):
                self._features[key] = metrics.features(
                    batches, self.extractor, total=-(-len(images) // 32), desc=f"features, {key}"
                ).cpu()
        return self._features[key]


def measure_kid(images: Images, args: argparse.Namespace) -> dict:
    def distance(real: torch.Tensor, fake: torch.Tensor) -> dict:
        mean, deviation = metrics.kid(real, fake)
        return {
            "kid_x1000": 1000 * mean,
            "kid_x1000_std": 1000 * deviation,
            "fid": metrics.fid(real, fake),
        }

    test, train = images.features("test"), images.features("train")
    runs = [
        {"seed": seed, "n": len(images.features(seed)), **distance(test, images.features(seed))}
        for seed in args.seeds
    ]
    return {
        "extractor": images.extracted_by,
        "n_test": len(test),
        "n_train": len(train),
        "train_vs_test": distance(test, train),
        "runs": runs,
    }


def measure_prdc(images: Images, args: argparse.Namespace) -> dict:
    test, train = images.features("test"), images.features("train")
    count = min([len(train), *(len(images.features(seed)) for seed in args.seeds)])
    runs = [
        {"seed": seed, "n": count, **metrics.prdc(test, images.features(seed)[:count])}
        for seed in args.seeds
    ]
    return {
        "extractor": images.extracted_by,
        "k": 5,
        "n_test": len(test),
        "train_vs_test": metrics.prdc(test, train[:count]),
        "runs": runs,
    }


def measure_is(images: Images, args: argparse.Namespace) -> dict:
    head = images.extractor.head
    if head is None:
        return {
            "extractor": images.extracted_by,
            "skipped": "the extractor has no classes of its own",
        }

    def score(key) -> float:
        return metrics.inception_score(head(images.features(key).to(args.device)).cpu())

    runs = [
        {"seed": seed, "n": len(images.features(seed)), "score": score(seed)} for seed in args.seeds
    ]
    return {"extractor": images.extracted_by, "real_train": score("train"), "runs": runs}


def measure_msssim(images: Images, args: argparse.Namespace) -> dict:
    def among(data: Photographs) -> float:
        return metrics.ms_ssim_among(data.images[:, :3], data.labels, args.pairs)

    runs = [{"seed": seed, "ms_ssim": among(images.samples(seed))} for seed in args.seeds]
    return {
        "pairs": args.pairs,
        "side": max(176, images.size),
        "real_train": among(images.train),
        "runs": runs,
    }


def measure_class(images: Images, args: argparse.Namespace) -> dict:
    model = probes.train_classifier(
        args.classifier, images.train.to(args.device), args.steps, args.flips
    )
    real = probes.accuracy(model, images.test.to(args.device))
    runs = [
        {
            "seed": seed,
            "n": len(images.samples(seed).labels),
            **probes.accuracy(model, images.samples(seed).to(args.device)),
        }
        for seed in args.seeds
    ]
    return {
        "classifier": args.classifier.partition("=")[0],
        "steps": args.steps,
        "real_test": real,
        "runs": runs,
    }


def measure_pose(images: Images, args: argparse.Namespace) -> dict:
    def learn(data: Photographs, seed: int) -> dict:
        return probes.accuracy(
            probes.train_classifier(
                args.classifier, data.to(args.device), args.steps, args.flips, seed
            ),
            images.test.to(args.device),
        )

    runs = [
        {"seed": seed, "n": len(images.samples(seed).labels), **learn(images.samples(seed), seed)}
        for seed in args.seeds
    ]
    return {
        "classifier": args.classifier.partition("=")[0],
        "steps": args.steps,
        "real_train": learn(images.train, 0),
        "runs": runs,
    }


def measure_dice(images: Images, args: argparse.Namespace) -> dict:
    def learn(data: Photographs, seed: int) -> float:
        return probes.dice(
            probes.train_unet(data.to(args.device), args.steps, args.unet_size, seed),
            images.test.to(args.device),
            args.unet_size,
        )

    runs = [
        {
            "seed": seed,
            "n": len(images.samples(seed).labels),
            "dice": learn(images.samples(seed), seed),
        }
        for seed in args.seeds
    ]
    return {
        "steps": args.steps,
        "side": args.unet_size,
        "real_train": learn(images.train, 0),
        "runs": runs,
    }


def measure_tone(images: Images, args: argparse.Namespace) -> dict:
    if images.tones is None:
        return {"skipped": "the generator has no input for the skin tone"}
    asked = torch.linspace(images.tones[0], images.tones[-1], 11, dtype=torch.float64)[:-1].tolist()
    count, runs = max(1, min(args.n, 1000) // len(asked)), []
    for seed in args.seeds:
        errors = []
        for tone in asked:
            data = images.generate(
                [k % len(images.train.classes) for k in range(count)], seed, skin_tone=(tone, tone)
            )
            errors.append((measure_tones(data.images, "skin") - tone).abs())
        runs.append(
            {
                "seed": seed,
                "n": count * len(asked),
                "median_error": torch.cat(errors).median().item(),
                "by_tone": [e.median().item() for e in errors],
            }
        )
    return {"asked": asked, "runs": runs}


PARTS = {
    "kid": measure_kid, "prdc": measure_prdc, "is": measure_is, "msssim": measure_msssim,
    "class": measure_class, "pose": measure_pose, "dice": measure_dice, "tone": measure_tone,
}  # fmt: skip


def main() -> None:
    p = argparse.ArgumentParser(
        description=__doc__.split("\n\n")[0], formatter_class=argparse.ArgumentDefaultsHelpFormatter
    )
    p.add_argument(
        "--model",
        default="lesions",
        help=(
            "bundled name, directory (./x) or Hub id of a generator, or the directory of a"
            " dcgan.py run"
        ),
    )
    p.add_argument(
        "--name", help="the result is fidelity-NAME.json; the model's own where left out"
    )
    p.add_argument(
        "--data", required=True, help="the photographs, with a metadata.csv that has splits"
    )
    p.add_argument(
        "--region",
        choices=["given", "skin", "close-up"],
        help="as in `load_photographs`; the masks where there are any, else skin",
    )
    p.add_argument("--parts", nargs="+", choices=PARTS, default=["kid", "prdc", "is", "msssim"])
    p.add_argument(
        "--extractor", help="timm:NAME, timm:NAME=FILE or FILE.safetensors with FILE.py beside it"
    )
    p.add_argument(
        "--bf16",
        action="store_true",
        help="features in bf16: twice as fast on processors that multiply it; said in the result",
    )
    p.add_argument(
        "--classifier",
        default="mobilenetv2_100",
        help="timm:NAME or NAME=FILE.safetensors, for class and pose",
    )
    p.add_argument("--n", type=int, default=1000, help="generated images, and real ones of train")
    p.add_argument("--seeds", type=int, nargs="+", default=[0], help="seeds of sampling")
    p.add_argument("--truncation", type=float, default=1.0)
    p.add_argument("--pairs", type=int, default=200, help="pairs for MS-SSIM")
    p.add_argument(
        "--steps", type=int, default=400, help="training steps of classifiers and U-Nets"
    )
    p.add_argument(
        "--flips",
        choices=["none", "horizontal", "all"],
        default="horizontal",
        help="flips of the classifiers' training images",
    )
    p.add_argument("--unet-size", type=int, default=64, help="side of the U-Net's images in pixels")
    p.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    p.add_argument("--out", type=Path, default=RESULTS)
    args = p.parse_args()

    images = Images(args)
    args.out.mkdir(parents=True, exist_ok=True)
    path = args.out / f"fidelity-{args.name or Path(args.model).name}.json"
    result = read_result(path) if path.is_file() else {"parts": {}}
    weights = hashlib.sha256(
        (resolve(args.model).directory / "model.safetensors").read_bytes()
    ).hexdigest()[:12]
    for name in args.parts:
        figures = {
            "model": args.model,
            "revision": images.revision,
            "weights": weights,
            "size": images.size,
            "truncation": args.truncation,
        }
        figures |= PARTS[name](images, args) | provenance()
        kept = {
            other: part for other, part in result["parts"].items() if part.get("weights") == weights
        }
        result = {
            "model": args.model,
            "revision": images.revision,
            "parts": {**kept, name: figures},
        }
        path.write_text(
            json.dumps(result, indent=2) + "\n"
        )  # at once: the next part may take an hour
        print(
            name,
            json.dumps(
                {
                    key: value
                    for key, value in figures.items()
                    if key in ("train_vs_test", "real_train", "real_test", "runs", "skipped")
                }
            ),
        )


if __name__ == "__main__":
    main()
