"""Generated images with masks, made once for each generator and kept."""

import hashlib
import json
import os
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor
from tqdm import tqdm

from synthderm.datasets.synthetic import SyntheticSkinDataset
from synthderm.hub.pretrained import read_config
from synthderm.hub.resolve import resolve


@dataclass(frozen=True)
class Pool:
    """M generated images of each class: images (K, M, 3, S, S) uint8 and masks (K, M, 1, S, S)
    bool."""

    images: Tensor
    masks: Tensor
    identity: str

    def draw(self, counts: list[int], rng: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
        """Random images without repetition, as many of each class as `counts` says: images, masks,
        labels.

        Raises:
            ValueError: a class has not so many.
        """
        parts = []
        for label, count in enumerate(counts):
            if count > self.images.shape[1]:
                raise ValueError(
                    f"{count} generated images of class {label} were asked for, the pool has"
                    f" {self.images.shape[1]}."
                )
            rows = torch.randperm(self.images.shape[1], generator=rng)[:count]
            parts.append(
                (self.images[label][rows], self.masks[label][rows], torch.full((count,), label))
            )
        return tuple(torch.cat(part) for part in zip(*parts))


def identify(*names: str) -> str:
    """A hash of the weights and arguments of these models, which decide what they make: bundled
    weights change without changing their name, and cards change without changing their weights."""
    digest = hashlib.sha256()
    for name in names:
        directory = resolve(name).directory
        config = read_config(directory)
        digest.update((directory / "model.safetensors").read_bytes())
        digest.update(
            json.dumps([config["architecture"], config["arguments"]], sort_keys=True).encode()
        )
    return digest.hexdigest()[:16]


def load_pool(
    source: str, models: tuple[str, ...], classes: list[str], each: int, size: int, cache: Path
) -> Pool:
    """`each` images of each of `classes`, from the cache where this generator has made them
    already.

    Args:
        source: as for `SyntheticSkinDataset`.
        models: the models behind it, whose weights make the identity.
        classes: of the source.
        each: images a class.
        size: side in pixels.
        cache: folder.
    """
    identity = identify(*models)
    path = cache / f"pool-{Path(source).name}-{identity}-{size}-{len(classes)}x{each}.pt"
    if not path.is_file():
        cache.mkdir(parents=True, exist_ok=True)
        images = torch.empty(len(classes), each, 3, size, size, dtype=torch.uint8)
        masks = torch.empty(len(classes), each, 1, size, size, dtype=torch.bool)
        for k, name in enumerate(classes):
            dataset = SyntheticSkinDataset(source, length=each, labels=name, seed=k, size=size)
            for start in tqdm(range(0, each, 32), desc=f"generate {name}", disable=None):
                stop = min(start + 32, each)
                images[k, start:stop], masks[k, start:stop] = dataset.generate(
                    list(range(start, stop))
                )
        part = path.with_suffix(f".{os.getpid()}.part")
        torch.save({"images": images, "masks": masks}, part)
        part.replace(path)
    return Pool(**torch.load(path, weights_only=True, mmap=True), identity=identity)
