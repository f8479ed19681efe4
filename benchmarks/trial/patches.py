"""Task B's pictures: patches of inflamed skin and of healthy skin, cut from the same close-ups."""

from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor
from tqdm import tqdm

from benchmarks.closeups import INFLAMED
from benchmarks.trial.data import Pictures, group_of, read_rows
from synthderm.imaging.color import ita
from synthderm.imaging.io import read_image, read_mask, to_tensor
from synthderm.imaging.masks import skin_region

CLASSES = ["healthy", "inflamed"]
HEALTHY_EACH = 3  # patches of healthy skin from one photograph, at most


def read_patches(directory: Path, split: str, size: int) -> Pictures:
    """One patch on each inflamed lesion and up to three that do not touch it or each other.

    Patches are a third of the photograph's shorter side wide. Photographs without a mask are left
    out, and so are those of
    other diagnoses: healthy patches come from the photographs that the inflamed ones come from, or
    a classifier could learn cameras and body sites instead. `tones` is that of the healthy skin of
    the photograph.
    """
    images, masks, labels, tones, groups, names = [], [], [], [], [], []
    rows = [
        row
        for row in read_rows(directory)
        if row["split"] == split and row["label"] in INFLAMED and row.get("mask_file_name")
    ]
    for row in tqdm(rows, desc=f"patches {directory.name} {split}", disable=None):
        photograph = read_image(directory / row["file_name"])
        mask = to_tensor(read_mask(directory / row["mask_file_name"], photograph.size)) > 0
        image = to_tensor(photograph)
        if not mask.any():
            continue
        side = min(image.shape[1:]) // 3
        healthy = skin_region(image[None].float() / 255)[0] & ~mask
        tone = ita(image[None, :, ::2, ::2].float() / 255, healthy[None, :, ::2, ::2])
        middle = mask[0].nonzero().float().mean(0).long().tolist()
        corners = [
            tuple(
                min(max(0, at - side // 2), extent - side)
                for at, extent in zip(middle, mask.shape[1:])
            )
        ]
        corners += find_healthy(mask, healthy, side, torch.Generator().manual_seed(len(images)))
        for label, (top, left) in zip([1] + [0] * HEALTHY_EACH, corners):
            window = (slice(None), slice(top, top + side), slice(left, left + side))
            images.append(
                F.interpolate(
                    image[window][None].float(), size=size, mode="bilinear", antialias=True
                )[0]
                .round()
                .clamp(0, 255)
                .byte()
            )
            masks.append(
                F.interpolate(mask[window][None].float(), size=size, mode="bilinear")[0] > 0.5
            )
            labels.append(label)
            tones.append(tone)
            groups.append(group_of(row))
            names.append(row["file_name"])
    if not images:
        raise ValueError(
            f"{directory}: split {split!r} has no masked photograph of {', '.join(INFLAMED)}."
        )
    return Pictures(
        torch.stack(images),
        torch.stack(masks),
        torch.tensor(labels),
        torch.cat(tones),
        groups,
        names,
        CLASSES,
    )


def find_healthy(
    mask: Tensor, healthy: Tensor, side: int, rng: torch.Generator
) -> list[tuple[int, int]]:
    """Top left corners of up to three random squares that hold no lesion, nine tenths skin, and no
    part of each other.

    Args:
        mask, healthy: (1, H, W) bool, the lesion and the skin without it.
        side: width of a square in pixels.
    """
    # On a grid of 4 pixels; a square may reach 3 pixels further than its cells, so whole cells are
    # asked for.
    width = -(-side // 4)
    taken, skin, corners = (
        F.max_pool2d(mask[None].float(), 4),
        F.avg_pool2d(healthy[None].float(), 4),
        [],
    )
    for _ in range(HEALTHY_EACH):
        if min(taken.shape[-2:]) < width:
            break
        free = (F.max_pool2d(taken, width, 1) == 0) & (F.avg_pool2d(skin, width, 1) > 0.9)
        places = free[0, 0].nonzero()
        if not len(places):
            break
        top, left = places[torch.randint(len(places), (), generator=rng)].tolist()
        taken[..., top : top + width, left : left + width] = 1
        corners.append((4 * top, 4 * left))
    return corners
