"""Patches of inflamed and of healthy skin, cut from the same close-ups."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor
from tqdm import tqdm

from benchmarks.editing.windows import INFLAMED
from benchmarks.heads.images import SIDE, Images, make_images
from synthderm.datasets.tables import read_table
from synthderm.imaging.io import read_image, read_mask, to_tensor
from synthderm.imaging.masks import clear_windows, skin_region

HEALTHY_EACH = 3  # patches of healthy skin from one photograph, at most
STEP = 4  # pixels from one place to the next that are compared
COLUMNS = ("file_name", "label", "split")
OPTIONAL = ("mask_file_name", "patient_id")

Corner = tuple[int, int]
Patch = tuple[Tensor, Tensor, int, str]  # pixels, lesion, label and patient


def read_patches(padufes: Path, splits: Sequence[str]) -> Images:
    """One patch on each inflamed lesion, 1, and up to three that do not touch it or each other, 0;
    groups are patients.

    A patch is a third of the photograph's shorter side wide. Photographs without a mask are left
    out, and so are those of other diagnoses: healthy patches come from the photographs that the
    inflamed ones come from, or a classifier could learn cameras and body sites instead.

    Raises:
        ValueError: a split has no inflamed photograph with a mask.
    """
    patches = [patch for split in splits for patch in _of_split(padufes, split)]
    pixels, lesions, labels, patients = zip(*patches)
    return make_images(torch.stack(pixels), torch.stack(lesions), labels, patients)


def _of_split(padufes: Path, split: str) -> list[Patch]:
    rows = [
        row
        for row in read_table(padufes / "metadata.csv", *COLUMNS, optional=OPTIONAL)
        if row["split"] == split and row["label"] in INFLAMED and row.get("mask_file_name")
    ]
    patches: list[Patch] = []
    for row in tqdm(rows, desc=f"patches {padufes.name} {split}", disable=None):
        photograph = read_image(padufes / row["file_name"])
        mask = to_tensor(read_mask(padufes / row["mask_file_name"], photograph.size)) > 0
        if mask.any():
            rng = torch.Generator().manual_seed(len(patches))
            patient = row.get("patient_id") or row["file_name"]
            patches += _of_photograph(to_tensor(photograph), mask, patient, rng)
    if not patches:
        raise ValueError(
            f"{padufes}: split {split!r} has no photograph of {', '.join(INFLAMED)} with a mask."
        )
    return patches


def _of_photograph(
    image: Tensor, mask: Tensor, patient: str, rng: torch.Generator
) -> Iterator[Patch]:
    side = min(image.shape[1:]) // 3
    healthy = skin_region(image[None].float() / 255)[0] & ~mask
    yield *cut(image, mask, place_on_lesion(mask, side), side, SIDE), 1, patient
    for corner in place_beside_lesion(mask, healthy, side, rng):
        yield *cut(image, mask, corner, side, SIDE), 0, patient


def cut(image: Tensor, mask: Tensor, corner: Corner, side: int, size: int) -> tuple[Tensor, Tensor]:
    """A square of an image and its mask, scaled: (3, size, size) uint8 and (1, size, size) bool."""
    top, left = corner
    window = (slice(None), slice(top, top + side), slice(left, left + side))
    scaled = F.interpolate(image[window][None].float(), size=size, mode="bilinear", antialias=True)
    inside = F.interpolate(mask[window][None].float(), size=size, mode="bilinear")
    return scaled[0].round().clamp(0, 255).byte(), inside[0] > 0.5


def place_on_lesion(mask: Tensor, side: int) -> Corner:
    """The top left corner of a square around the middle of a lesion, within the photograph."""
    middle = mask[0].nonzero().float().mean(0).long().tolist()
    top, left = (
        min(max(0, at - side // 2), extent - side) for at, extent in zip(middle, mask.shape[1:])
    )
    return top, left


def place_beside_lesion(
    mask: Tensor, healthy: Tensor, side: int, rng: torch.Generator
) -> list[Corner]:
    """Top left corners of up to three random squares that hold no lesion, nine tenths skin, and no
    part of each other.

    Args:
        mask, healthy: (1, H, W) bool, the lesion and the skin without it.
        side: width of a square in pixels.
        rng: random state.
    """
    # On a grid of 4 pixels. A square may end within a cell, so whole cells are asked for.
    width = -(-side // STEP)
    taken, skin = F.max_pool2d(mask.float(), STEP), F.avg_pool2d(healthy.float(), STEP)
    corners: list[Corner] = []
    for _ in range(HEALTHY_EACH):
        if min(taken.shape[-2:]) < width:
            break
        places = clear_windows(taken, skin, width).nonzero()
        if not len(places):
            break
        top, left = places[torch.randint(len(places), (), generator=rng)].tolist()
        taken[..., top : top + width, left : left + width] = 1
        corners.append((STEP * top, STEP * left))
    return corners
