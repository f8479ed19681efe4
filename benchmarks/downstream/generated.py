"""Generated images with masks, made once for each generator and kept in a cache."""

import hashlib
import json
from pathlib import Path

import torch

from benchmarks.common import generate
from benchmarks.downstream.data import load_pools, save_pools
from synthderm.hub.model_folder import read_config
from synthderm.hub.resolve import resolve
from synthderm.training.image_pool import ImagePool


def sample_by_class(pool: ImagePool, counts: list[int], rng: torch.Generator) -> ImagePool:
    """Random images without repetition, as many of each class as `counts` says.

    Raises:
        ValueError: there are not so many of a class.
    """
    chosen = []
    for label, count in enumerate(counts):
        rows = (pool.labels == label).nonzero().flatten()
        if count > len(rows):
            raise ValueError(
                f"{count} generated images of class {label} were asked for, the pool has "
                f"{len(rows)}."
            )
        chosen.append(rows[torch.randperm(len(rows), generator=rng)[:count]])
    return pool.rows(torch.cat(chosen))


def identify(*models: str) -> str:
    """A hash of the weights and arguments of models, which decide what they make: the weights of a
    bundled name may change, and a card may change without them.

    It is not `weights_hash`: two models of the same weights may differ in their arguments.
    """
    digest = hashlib.sha256()
    for model in models:
        directory = resolve(model).directory
        config = read_config(directory)
        digest.update((directory / "model.safetensors").read_bytes())
        arguments = [config["architecture"], config["arguments"]]
        digest.update(json.dumps(arguments, sort_keys=True).encode())
    return digest.hexdigest()[:16]


def load_generated(
    source: str, models: tuple[str, ...], classes: list[str], each: int, size: int, cache: Path
) -> ImagePool:
    """`each` images of each of `classes`, from the cache where this generator has made them
    already.

    Args:
        source: as for `SyntheticSkinDataset`.
        models: the models behind it.
        classes: of the source.
        each: images a class.
        size: side in pixels.
        cache: folder.
    """
    name = f"{Path(source).name}-{identify(*models)}-{size}-{len(classes)}x{each}"
    path = cache / f"generated-{name}.pt"
    if not path.is_file():
        parts = [
            generate(source, [label] * each, seed, f"generate {label}", size=size)
            for seed, label in enumerate(classes)
        ]
        images, masks = (torch.cat(part) for part in zip(*parts))
        labels = torch.arange(len(classes)).repeat_interleave(each)
        tones = torch.zeros(len(labels))
        pool = ImagePool(images, masks.byte() * 255, labels, tones, classes)
        save_pools({"generated": pool}, path)
    return load_pools(path)["generated"]
