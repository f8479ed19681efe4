"""Images of tasks T and B as tensors, and the features of changed copies of them, each computed
once."""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from benchmarks.editing.transfer_crops import Crops, box_crops
from synthderm.datasets.folder import SkinFolder
from synthderm.determinism import usual_torch
from synthderm.evaluation.features import BATCH, FeatureNetwork, Features
from synthderm.evaluation.protocol import draw_share
from synthderm.imaging.io import to_tensor

SIDE = 224
LEAST = 0.1  # share of an image that must be healthy for its tone to be measured there alone
EVERY = 10**9  # crops at most: all


class Images(NamedTuple):
    """Photographs or crops of one side.

    Args:
        pixels: (N, 3, S, S) uint8.
        healthy: (N, 1, S, S) bool, where skin is known to be healthy; everywhere where that is not
            known or is a tenth of the image at most.
        labels: (N,).
        groups: (N,) numbers the patients or photographs.
    """

    pixels: Tensor
    healthy: Tensor
    labels: NDArray[np.int64]
    groups: NDArray[np.int64]

    def take(self, rows: NDArray[Any]) -> "Images":
        chosen = torch.from_numpy(rows)
        return Images(
            self.pixels[chosen], self.healthy[chosen], self.labels[rows], self.groups[rows]
        )


class Change(NamedTuple):
    """A way to change images.

    Args:
        name: says all that it depends on, for the cache.
        apply: from pixels, where they are healthy, and a random state to pixels; see `Images`.
    """

    name: str
    apply: Callable[[Tensor, Tensor, torch.Generator], Tensor]


def make_images(
    pixels: Tensor, lesions: Tensor | None, labels: Sequence[int], names: Sequence[str]
) -> Images:
    """Images from pixels, lesions (N, 1, S, S) bool, labels and the name of each group."""
    healthy = torch.ones_like(pixels[:, :1], dtype=torch.bool) if lesions is None else ~lesions
    is_little = healthy.float().mean((1, 2, 3)) <= LEAST
    healthy = healthy | is_little.view(-1, 1, 1, 1)
    return Images(pixels, healthy, np.array(labels), np.unique(names, return_inverse=True)[1])


def few(images: Images, most: int | None) -> Images:
    """All images, or about `most` of them: whole groups, of each class in proportion."""
    if most is None or len(images.labels) <= most:
        return images
    share = most / len(images.labels)
    rows = draw_share(images.labels, images.groups, share, np.random.default_rng(0))
    part = images.take(rows)
    return part._replace(groups=np.unique(part.groups, return_inverse=True)[1])


def boxes(inflamed: Path) -> Images:
    """Crops of boxes of inflamed, 1, and calm skin, 0; groups are photographs."""
    return from_crops(box_crops(str(inflamed), EVERY), ("inflamed",))


def from_crops(crops: Crops, positive: Sequence[str] = ()) -> Images:
    """Crops of the transfer benchmark; those of the kinds `positive` are 1."""
    return make_images(
        crops.images, None, [int(kind in positive) for kind in crops.kinds], crops.groups
    )


def dermoscopy(isic: Path, splits: Sequence[str], classes: Sequence[str]) -> Images:
    """Photographs of ISIC 2017 as the networks see them; healthy is what is no lesion."""
    pixels, lesions, labels, names = [], [], [], []
    for split in splits:
        folder = SkinFolder(isic, split=split, classes=classes, return_mask=True)
        for index, (path, label) in enumerate(folder.samples):
            image, lesion, _ = folder.read(index)
            pixels.append(to_tensor(image.resize((SIDE, SIDE), resample=2)))
            mask = None if lesion is None else to_tensor(lesion.resize((SIDE, SIDE), resample=0))
            lesions.append(torch.zeros(1, SIDE, SIDE) > 0 if mask is None else mask > 0)
            labels.append(label)
            names.append(path)
    return make_images(torch.stack(pixels), torch.stack(lesions), labels, names)


def features(
    network: FeatureNetwork, images: Images, change: Change | None = None, copy: int = 0
) -> Features:
    """(N, D) of images as they are, or of one changed copy of each.

    Args:
        network: of the features.
        images: N of them.
        change: what is done to them.
        copy: which copy; each has other random numbers.
    """
    key = [change.name if change else "", str(copy), _digest(images)]

    @usual_torch()
    def changed(start: int) -> Tensor:
        rows = slice(start, start + BATCH)
        pixels, healthy = images.pixels[rows], images.healthy[rows]
        if change is None:
            return pixels
        rng = torch.Generator().manual_seed(100_000 * copy + start)
        return change.apply(pixels, healthy, rng)

    def batches() -> Iterator[Tensor]:
        return (changed(start) for start in range(0, len(images.pixels), BATCH))

    return network.kept("changed" if change else "crops", key, batches)


def copies(network: FeatureNetwork, images: Images, change: Change, count: int) -> Features:
    """(N, count, D) of changed copies."""
    return np.stack([features(network, images, change, copy) for copy in range(count)], axis=1)


def _digest(images: Images) -> str:
    digest = hashlib.sha256()
    for part in (images.pixels, images.healthy):
        digest.update(part.contiguous().numpy().tobytes())
    return digest.hexdigest()
