"""Edits with gradients, for training the editor: one edit, the losses of finding, and a sheet of
samples."""

from pathlib import Path
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from synthderm.imaging.compositing import GRID, composite, prepare_drawing, prepare_restoration
from synthderm.imaging.contact_sheet import grid
from synthderm.imaging.io import to_pil, write_image
from synthderm.imaging.resize import shrink
from synthderm.imaging.tiles import cut_heights
from synthderm.models.editor import ADD, FIND, REMOVE, Maps
from synthderm.training.edit_batches import EditBatch, EditStepBatches
from synthderm.training.losses import soft_iou

FAINT = 0.3  # severity below which eczema need not be found


class Edits(NamedTuple):
    """What a discriminator compares with real images."""

    added: Tensor  # (B, 3, S, S): lesions added to healthy patches
    removed: Tensor  # (B, 3, S, S): real lesions removed
    maps: Maps  # of the removal


Edited = tuple[EditStepBatches, Edits | None]  # a part of a batch, and its edits of real lesions


def edit(
    editor: nn.Module, image: Tensor, mask: Tensor, direction: int, batch: EditBatch
) -> tuple[Tensor, Maps]:
    """One edit, as `synthderm.transforms.functional.edit_eczema` does it, with gradients: the
    edited image and the predicted maps."""
    thumbnail, mask_thumbnail = shrink(image), shrink(mask)
    ones = torch.ones_like(batch.severity)
    maps = editor(
        thumbnail,
        mask_thumbnail,
        severity=batch.severity if direction == ADD else ones,
        direction=direction * ones,
        latents=batch.latents,
    )
    if direction == ADD:
        layers = prepare_drawing(maps.drawing, thumbnail, mask_thumbnail)
        heights = cut_heights(batch.latents.offset, batch.latents.tiles, *image.shape[-2:])
        edited = composite(layers, image, heights)
    else:
        edited = composite(prepare_restoration(maps.restoration, thumbnail, ones), image)
    return torch.where(mask, edited.clamp(1 / 255, 1), image), maps


def finding_losses(
    editor: nn.Module, lesional: Tensor, mask: Tensor, known: Tensor, batch: EditBatch
) -> dict[str, Tensor]:
    """Half of the images are the batch's healthy ones, and nothing is to be found in them. Where
    `known` is False there may be other lesions, and what is found there does not count."""
    is_lesional = torch.arange(len(lesional), device=lesional.device) % 2 == 0
    chosen = is_lesional.view(-1, 1, 1, 1)
    zeros = torch.zeros(len(lesional), device=lesional.device)
    found = editor(
        shrink(torch.where(chosen, lesional, batch.healthy)),
        torch.zeros_like(shrink(mask)),
        severity=zeros,
        direction=zeros + FIND,
        latents=batch.latents,
    ).found
    # Faint eczema cannot be told from uneven skin: it need not be found.
    is_faint = (batch.severity < FAINT).view(-1, 1, 1, 1)
    weight = shrink(known & ~(mask & chosen & is_faint), GRID)
    truth = shrink(mask, GRID) * chosen
    iou = soft_iou((found.sigmoid() * weight)[is_lesional], truth[is_lesional])
    return {
        "find": 8 * F.binary_cross_entropy_with_logits(found, truth, weight=weight),
        "find_iou": 2.4 * (1 - iou),
    }


@torch.no_grad()
def draw_edits(
    editor: nn.Module, pairs: EditBatch, lesional: EditBatch | None, path: Path
) -> float:
    """Write a sheet of edits, a row each: healthy, drawn, added, drawn and
    removed, added and removed; then of real lesions healthy, added, lesional, removed.

    Returns:
        the median PSNR inside the masks of what was drawn and removed.
    """
    healthy, mask = pairs.healthy, pairs.mask
    added, _ = edit(editor, healthy, mask, ADD, pairs)
    removed, _ = edit(editor, pairs.lesional, mask, REMOVE, pairs)
    undone, _ = edit(editor, added, mask, REMOVE, pairs)
    rows = [healthy, pairs.lesional, added, removed, undone]
    if lesional is not None:
        rows += [
            lesional.healthy,
            edit(editor, lesional.healthy, lesional.mask, ADD, lesional)[0],
        ]
        real, real_mask = lesional.lesional, lesional.lesion_mask
        rows += [real, edit(editor, real, real_mask, REMOVE, lesional)[0]]
    write_image(to_pil(grid(torch.cat(rows).cpu(), len(healthy))), path)
    pixels = mask.sum((1, 2, 3)).clamp_min(1) * 3
    error = ((removed - healthy) ** 2).sum((1, 2, 3)) / pixels
    return -10 * torch.log10(error.clamp_min(1e-8)).median().item()
