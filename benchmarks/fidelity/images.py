"""The real and the generated images of one measurement, and their features."""

import argparse
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from benchmarks import common
from benchmarks.references.dcgan import DCGANSource
from synthderm import metrics
from synthderm.datasets.folder import SkinFolder
from synthderm.datasets.function_source import Function
from synthderm.datasets.synthetic import SyntheticSkinDataset
from synthderm.hub.model_folder import read_config
from synthderm.models.generator import SkinGenerator
from synthderm.training.image_pool import ImagePool, Region, load_image_pool


class RealAndGenerated:
    """Real images, generated images and their features, each made when first asked for.

    Args:
        args: of `python -m benchmarks.fidelity`.
    """

    def __init__(self, args: argparse.Namespace) -> None:
        self.args = args
        folder = SkinFolder(args.data, split="train")
        has_masks = bool(folder.masks)
        self.region: Region = args.region or ("given" if has_masks else "skin")
        self.source: str | Function = args.model
        self.options: dict[str, Any] = {"device": args.device, "truncation": args.truncation}
        self.tones: list[float] | None = None
        if is_dcgan(args.model):
            if args.truncation != 1:
                raise SystemExit("--truncation has no effect on a DCGAN: leave it out.")
            self.source = DCGANSource(args.model)
            self.options = {"classes": ["skin"] if self.region == "close-up" else folder.classes}
        else:
            self.tones = SkinGenerator.from_pretrained(args.model).tones
            self.options["artifacts"] = args.artifacts
        first = SyntheticSkinDataset(self.source, length=1, **self.options)
        assert first.size is not None  # generators and DCGANs have one
        self.size, self.revision, self.artifacts = first.size, first.revision, first.artifacts
        self._samples: dict[int, ImagePool] = {}
        self._features: dict[str | int, Tensor] = {}

    def load(self, split: str) -> ImagePool:
        """A split in random order, at the generator's size: sharpness alone should not tell real
        and generated images apart."""
        pool = load_image_pool(self.args.data, split, self.size, self.region)
        return pool.rows(torch.randperm(len(pool), generator=torch.Generator().manual_seed(0)))

    @cached_property
    def test(self) -> ImagePool:
        return self.load("test")

    @cached_property
    def train(self) -> ImagePool:
        return self.load("train")

    def generate(self, labels: list[int], seed: int, **options: Any) -> ImagePool:
        """Images of these classes of `train`; the generator may have them in another order."""
        names = [self.train.classes[label] for label in labels]
        images, masks = common.generate(
            self.source, names, seed, f"generated, seed {seed}", **self.options, **options
        )
        tones = torch.zeros(len(labels))
        return ImagePool(
            images, masks.byte() * 255, torch.tensor(labels), tones, self.train.classes
        )

    def samples(self, seed: int) -> ImagePool:
        """Generated images whose classes are as frequent as in `train`: a distance should not come
        from the shares of the classes."""
        if seed not in self._samples:
            train = self.train
            labels: list[int] = []
            for label, count in enumerate(torch.bincount(train.labels).tolist()):
                labels += [label] * round(self.args.n * count / len(train))
            rng = torch.Generator().manual_seed(seed)
            order = torch.randperm(len(labels), generator=rng).tolist()
            self._samples[seed] = self.generate([labels[k] for k in order], seed)
        return self._samples[seed]

    @cached_property
    def extractor(self) -> metrics.Extractor:
        if self.args.extractor is None:
            raise SystemExit(
                "kid, prdc and is need --extractor: timm:NAME, timm:NAME=FILE.safetensors, or "
                "FILE.safetensors with FILE.py beside it."
            )
        return metrics.load_extractor(self.args.extractor).to(self.args.device)

    @property
    def extractor_name(self) -> str:
        """What is quoted beside a figure."""
        return self.extractor.name + (", bf16" if self.args.bf16 else "")

    def features(self, key: str | int) -> Tensor:
        """Features of "test", of "train" (of as many images as are generated), or of a seed."""
        if key not in self._features:
            if isinstance(key, int):
                images = self.samples(key).images
            else:
                images = self.test.images if key == "test" else self.train.images[: self.args.n]
            batches = images.split(common.BATCH)
            device = torch.device(self.args.device)
            with torch.autocast(device.type, torch.bfloat16, enabled=self.args.bf16):
                self._features[key] = metrics.features(
                    (part.to(device) for part in batches),
                    self.extractor,
                    total=len(batches),
                    desc=f"features, {key}",
                ).cpu()
        return self._features[key]


def is_dcgan(model: str) -> bool:
    """Whether this is the folder of a run of `benchmarks.references.dcgan`."""
    if not model.startswith((".", "/", "~")):
        return False
    return read_config(Path(model).expanduser()).get("architecture") == "DCGAN"
