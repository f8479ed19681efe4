"""The ways to train that are compared, as batches. In all of them images are rotated, flipped,
zoomed and shifted."""

from collections.abc import Callable, Iterator

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor
from torchvision.transforms import v2

from benchmarks.tuned.photographs import Images
from benchmarks.tuned.training import Batch

BATCH = 16
DOSE = 5  # further images for each photograph, in diagnosis
Rows = NDArray[np.int64]
# (train, generated, rows of the draw, seed) -> batches
Arm = Callable[[Images, Images, Rows, int], Iterator[Batch]]


def oversampled(train: Images, generated: Images, rows: Rows, seed: int) -> Iterator[Batch]:
    """Photographs alone, each class equally often."""
    return balanced_batches(train.take(rows))


def randaugment(train: Images, generated: Images, rows: Rows, seed: int) -> Iterator[Batch]:
    """Oversampling, with RandAugment."""
    return balanced_batches(train.take(rows), v2.RandAugment())


def with_generated(train: Images, generated: Images, rows: Rows, seed: int) -> Iterator[Batch]:
    """Oversampling of photographs and five generated images for each."""
    return balanced_batches(join(train.take(rows), draw(generated, DOSE * len(rows), seed)))


def with_retrieved(train: Images, generated: Images, rows: Rows, seed: int) -> Iterator[Batch]:
    """Five further photographs of the generator's own training set for each, of the same class, at
    random: the honest rival, for whoever can have them."""
    rng = np.random.default_rng(seed)
    free = np.setdiff1d(np.arange(len(train)), rows)
    labels = train.labels.numpy()
    added = []
    for label in np.unique(labels[rows]):
        count = DOSE * int((labels[rows] == label).sum())
        added.append(rng.permutation(free[labels[free] == label])[:count])
    return balanced_batches(train.take(np.concatenate([rows, *added])))


DIAGNOSIS: dict[str, Arm] = {
    "oversampling": oversampled,
    "RandAugment": randaugment,
    "generated x5": with_generated,
    "retrieval x5": with_retrieved,
}


def photographs_alone(train: Images, generated: Images, rows: Rows, seed: int) -> Iterator[Batch]:
    """Photographs in turn."""
    return batches_in_turn(train.take(rows))


def twice(train: Images, generated: Images, rows: Rows, seed: int) -> Iterator[Batch]:
    """Batches twice as large, of photographs alone: the same work as with generated pairs."""
    return side_by_side(batches_in_turn(train.take(rows)), batches_in_turn(train.take(rows)))


def with_pairs(train: Images, generated: Images, rows: Rows, seed: int) -> Iterator[Batch]:
    """To each batch of photographs as many generated pairs are added, so that photographs are seen
    as often as without."""
    return side_by_side(batches_in_turn(train.take(rows)), batches_in_turn(generated))


SEGMENTATION: dict[str, Arm] = {
    "photographs": photographs_alone,
    "photographs, twice as many in a batch": twice,
    "generated pairs added": with_pairs,
}


def draw(images: Images, count: int, seed: int) -> Images:
    """Random images of a set that holds its classes equally often, without repetition."""
    order = np.random.default_rng(seed).permutation(len(images))
    return images.take(order[: min(count, len(images))])


def join(first: Images, second: Images) -> Images:
    return Images(
        torch.cat([first.pixels, second.pixels]),
        torch.cat([first.masks, second.masks]),
        torch.cat([first.labels, second.labels]),
        np.concatenate([first.groups, second.groups]),
    )


def balanced_batches(
    images: Images, change: Callable[[Tensor], Tensor] | None = None
) -> Iterator[Batch]:
    """Batches without end that hold each class equally often, from torch's random state.

    Args:
        images: what to draw from.
        change: of one (3, S, S) uint8 image, before it is moved.
    """
    weights = 1.0 / torch.bincount(images.labels).clamp_min(1)[images.labels]
    while True:
        rows = torch.multinomial(weights, BATCH, replacement=True)
        pixels = images.pixels[rows]
        if change is not None:
            pixels = torch.stack([change(image) for image in pixels])
        yield make_batch(pixels, images.masks[rows], images.labels[rows])


def batches_in_turn(images: Images) -> Iterator[Batch]:
    """Batches without end; every image once a round."""
    queue = torch.empty(0, dtype=torch.long)
    while True:
        while len(queue) < BATCH:
            queue = torch.cat([queue, torch.randperm(len(images))])
        rows, queue = queue[:BATCH], queue[BATCH:]
        yield make_batch(images.pixels[rows], images.masks[rows], images.labels[rows])


def side_by_side(first: Iterator[Batch], second: Iterator[Batch]) -> Iterator[Batch]:
    """Two batches as one."""
    for one, other in zip(first, second):
        images, masks, labels = (torch.cat(parts) for parts in zip(one, other))
        yield images, masks, labels


def make_batch(pixels: Tensor, masks: Tensor, labels: Tensor) -> Batch:
    """Images (B, 3, S, S) float in [0, 1], masks (B, 1, S, S) float, 0 or 1, and labels (B,)."""
    images, masks = move(pixels.float() / 255, masks.float())
    return images, masks, labels


def move(images: Tensor, masks: Tensor) -> tuple[Tensor, Tensor]:
    """Each image and its mask rotated by any angle, flipped, zoomed by 0.8 to 1.25 and shifted by
    up to a tenth, with mirrored borders.

    Args:
        images: (B, 3, S, S) float in [0, 1].
        masks: (B, 1, S, S) float, 0 or 1.
    """
    count = len(images)
    angle = torch.rand(count) * 2 * torch.pi
    zoom = 0.8 * (1.25 / 0.8) ** torch.rand(count)
    flip = torch.where(torch.rand(count) < 0.5, -1.0, 1.0)
    shift = (torch.rand(2, count) - 0.5) * 0.4
    cos, sin = angle.cos() / zoom, angle.sin() / zoom
    first = torch.stack([cos * flip, -sin, shift[0]], -1)
    second = torch.stack([sin * flip, cos, shift[1]], -1)
    theta = torch.stack([first, second], 1)
    grid = F.affine_grid(theta, [count, 1, *images.shape[-2:]], align_corners=False)
    both = torch.cat([images, masks], 1)
    moved = F.grid_sample(both, grid, padding_mode="reflection", align_corners=False)
    return moved[:, :3].clamp(0, 1), (moved[:, 3:] > 0.5).float()
