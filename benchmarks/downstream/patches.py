"""Task B's images: patches of inflamed skin and of healthy skin, cut from the same close-ups."""

from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor
from tqdm import tqdm

from benchmarks.downstream.data import group_of, read_rows
from benchmarks.editing.windows import CLASSES, INFLAMED
from synthderm.imaging.color import ita
from synthderm.imaging.io import read_image, read_mask, to_tensor
from synthderm.imaging.masks import clear_windows, skin_region
from synthderm.training.image_pool import ImagePool

HEALTHY_EACH = 3  # patches of healthy skin from one photograph, at most
STEP = 4  # pixels from one place to the next that are compared

Corner = tuple[int, int]


def read_patches(directory: Path, split: str, size: int) -> ImagePool:
    """One patch on each inflamed lesion and up to three that do not touch it or each other.

    A patch is a third of the photograph's shorter side wide. Photographs without a mask are left
    out, and so are those of other diagnoses: healthy patches come from the photographs that the
    inflamed ones come from, or a classifier could learn cameras and body sites instead.

    Args:
        directory: of close-ups, with a metadata.csv.
        split: of it.
        size: side of the patches in pixels, which they are scaled to.

    Returns:
        the patches, whose skin tone is that of the healthy skin of the photograph.
    """
    rows = [
        row
        for row in read_rows(directory)
        if row["split"] == split and row["label"] in INFLAMED and row.get("mask_file_name")
    ]
    patches: list[tuple[Tensor, Tensor]] = []
    labels: list[int] = []
    tones: list[Tensor] = []
    sources: list[dict[str, str]] = []
    for row in tqdm(rows, desc=f"patches {directory.name} {split}", disable=None):
        photograph = read_image(directory / row["file_name"])
        mask = to_tensor(read_mask(directory / row["mask_file_name"], photograph.size)) > 0
        image = to_tensor(photograph)
        if not mask.any():
            continue
        side = min(image.shape[1:]) // 3
        healthy = skin_region(image[None].float() / 255)[0] & ~mask
        tone = ita(image[None, :, ::2, ::2].float() / 255, healthy[None, :, ::2, ::2])
        rng = torch.Generator().manual_seed(len(patches))
        corners = [place_on_lesion(mask, side), *place_beside_lesion(mask, healthy, side, rng)]
        patches += [_cut(image, mask, corner, side, size) for corner in corners]
        labels += [1] + [0] * (len(corners) - 1)
        tones += [tone] * len(corners)
        sources += [row] * len(corners)
    if not patches:
        raise ValueError(
            f"{directory}: split {split!r} has no photograph of {', '.join(INFLAMED)} with a mask."
        )
    images, masks = zip(*patches)
    return ImagePool(
        torch.stack(images),
        torch.stack(masks).byte() * 255,
        torch.tensor(labels),
        torch.cat(tones),
        CLASSES,
        groups=[group_of(row) for row in sources],
        names=[row["file_name"] for row in sources],
    )


def _cut(
    image: Tensor, mask: Tensor, corner: Corner, side: int, size: int
) -> tuple[Tensor, Tensor]:
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
