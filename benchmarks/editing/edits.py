"""What an edit guarantees, measured on healthy images: unchanged pixels outside the mask, a change
that rises with the severity, and eczema that can be removed and found again."""

from statistics import mean

import torch
from torch import Tensor
from torchmetrics.functional import spearman_corrcoef

from benchmarks.editing.methods import Method, random_masks
from synthderm.imaging.color import ciede2000, to_lab
from synthderm.metrics import iou
from synthderm.models.editor import EczemaEditor
from synthderm.transforms.functional import add_eczema, find_eczema, remove_eczema

LEVELS = 6  # severities from 0 to 1 at which the change is measured
CLEAR = 0.5  # severity from which on eczema should be found
MONOTONIC = 0.98  # Spearman correlation from which on an image counts as monotonic


def mean_inside(values: Tensor, masks: Tensor) -> Tensor:
    """The mean of (B, 1, H, W) inside each mask, (B,)."""
    return (values * masks).sum((1, 2, 3)) / masks.sum((1, 2, 3)).clamp_min(1)


def lab_inside(images: Tensor, masks: Tensor) -> Tensor:
    """CIE L*a*b* of the P pixels of (B, 3, H, W) uint8 that are inside the masks, (3, 1, P)."""
    return to_lab(images.movedim(1, -1)[masks[:, 0]].T[:, None].float() / 255)


def psnr_inside(a: Tensor, b: Tensor, masks: Tensor) -> Tensor:
    """Peak signal-to-noise ratio of (B, 3, H, W) uint8 inside each mask, in dB, (B,)."""
    squares = ((a.float() - b.float()) / 255).square().mean(1, keepdim=True)
    return -10 * torch.log10(mean_inside(squares, masks).clamp_min(1e-10))


def sample_edit(images: Tensor, seed: int) -> tuple[Tensor, Tensor]:
    """Random masks and severities for images, which depend on the seed alone."""
    rng = torch.Generator().manual_seed(seed)
    masks = random_masks(images, rng)
    return masks, torch.empty(len(images)).uniform_(0.3, 1.0, generator=rng)


def measure_edits(
    method: Method, kinds: dict[str, Tensor], tones: dict[str, Tensor], seed: int
) -> dict[str, float]:
    """Every figure of one method and seed, by the key of its row.

    Args:
        method: a way to add eczema.
        kinds: healthy images (N, 3, H, W) uint8 of each kind, "close-ups" and "hands".
        tones: images of both kinds, by the tone that their skin was shifted to.
        seed: of masks, severities and edits.
    """
    row: dict[str, float] = {}
    unchanged, outside_count = 0, 0
    for kind, images in kinds.items():
        masks, severity = sample_edit(images, seed)
        added = method.add(images, masks, severity, seed)
        outside = ~masks.expand_as(images)
        unchanged += int((added == images)[outside].sum())
        outside_count += int(outside.sum())
        changed = (added != images).any(1, keepdim=True)
        row[f"changed {kind}"] = iou(changed, masks).mean().item()
        if method.editor is not None:
            removed = remove_eczema(added, masks, model=method.editor).images
            psnr = psnr_inside(removed, images, masks)
            row[f"psnr {kind}"] = psnr.median().item()
            gain = psnr - psnr_inside(added, images, masks)
            row[f"psnr gain {kind}"] = gain.median().item()
            found = iou(find_eczema(added, model=method.editor), masks)
            row[f"iou {kind}"] = found.mean().item()
            row[f"iou clear {kind}"] = found[severity >= CLEAR].mean().item()
    row["unchanged outside"] = unchanged / outside_count
    for tone, images in tones.items():
        row[f"monotonic {tone}"] = monotonic_share(method, images, seed)
    return row


def monotonic_share(method: Method, images: Tensor, seed: int) -> float:
    """Share of images whose colour change (CIEDE2000, mean inside the mask) rises with the
    severity."""
    masks = random_masks(images, torch.Generator().manual_seed(seed))
    image_of_pixel = masks.nonzero()[:, 0]
    area = masks.sum((1, 2, 3)).clamp_min(1)
    before = lab_inside(images, masks)
    levels = torch.linspace(0, 1, LEVELS)
    changes = []
    for level in levels:
        edited = method.add(images, masks, level.expand(len(images)), seed)
        change = ciede2000(before, lab_inside(edited, masks))[0]
        total = torch.zeros(len(images)).index_add_(0, image_of_pixel, change)
        changes.append(total / area)
    expected = levels[:, None].expand(-1, len(images)).contiguous()
    ranks = spearman_corrcoef(torch.stack(changes), expected)
    return (ranks >= MONOTONIC).float().mean().item()


def iou_by_threshold(editor: EczemaEditor, kinds: dict[str, Tensor], seed: int) -> dict[str, float]:
    """Mean IoU of the eczema that `find_eczema` finds in edited images, at each threshold."""
    values: dict[str, list[float]] = {}
    for images in kinds.values():
        masks, severity = sample_edit(images, seed)
        added = add_eczema(images, masks, severity, seed=seed, model=editor).images
        for step in range(1, 15):
            predicted = find_eczema(added, threshold=step / 20, model=editor)
            values.setdefault(f"{step / 20:.2f}", []).append(iou(predicted, masks).mean().item())
    return {threshold: mean(part) for threshold, part in values.items()}
