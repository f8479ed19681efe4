"""Training batches of an arm: their order, and what is done to their images."""

from collections.abc import Iterator
from itertools import islice

import torch
import torch.nn.functional as F
from torch import Tensor
from torchvision.transforms import v2

from benchmarks.downstream.arms import Arm
from synthderm.training.image_pool import ImagePool
from synthderm.transforms.eczema_edit import EczemaEdit

Batch = tuple[Tensor, Tensor, Tensor]


def row_batches(labels: Tensor, oversample: bool, batch: int) -> Iterator[Tensor]:
    """Row numbers of one batch after the other, without end: every image once a round, or every
    class equally often."""
    queue = torch.empty(0, dtype=torch.long)
    weights = 1.0 / torch.bincount(labels).clamp_min(1)[labels]
    while True:
        while len(queue) < batch:
            if oversample:
                more = torch.multinomial(weights, len(labels), replacement=True)
            else:
                more = torch.randperm(len(labels))
            queue = torch.cat([queue, more])
        yield queue[:batch]
        queue = queue[batch:]


def staged_row_batches(arm: Arm, train: ImagePool, batch: int, steps: int) -> Iterator[Tensor]:
    """Row numbers of one batch after the other: of all images; or first of generated ones, which
    have no name, and then of real ones."""
    if not arm.generated_first:
        yield from row_batches(train.labels, arm.oversample, batch)
    is_real = torch.tensor([bool(name) for name in train.names])
    for part, count in ((~is_real, round(arm.generated_first * steps)), (is_real, None)):
        rows = part.nonzero().flatten()
        batches = row_batches(train.labels[rows], arm.oversample, batch)
        yield from (rows[chosen] for chosen in islice(batches, count))


def make_batches(
    arm: Arm, train: ImagePool, batch: int, paste_on_any: bool, steps: int = 0
) -> Iterator[Batch]:
    """Training batches without end, from torch's global random state.

    Args:
        arm: what to do.
        train: the training set.
        batch: images in a batch.
        paste_on_any: pasted lesions go on images of any class and bring their label, as on healthy
            skin; else on images of their class.
        steps: how many batches will be used, for an arm whose batches change on the way.

    Yields:
        images (B, 3, S, S) float in [0, 1], masks (B, 1, S, S) float, 0 or 1, and targets (B, K)
        float that sum to 1.

    Raises:
        ValueError: the arm needs masks, and there is none.
    """
    change = v2.RandAugment() if arm.randaugment else v2.RandomPhotometricDistort(p=1.0)
    edit = make_edit(arm)
    if arm.paste and not (train.masks > 127).any():
        raise ValueError(f"arm {arm.name!r} needs lesion masks, and no photograph has one.")
    for rows in staged_row_batches(arm, train, batch, steps):
        images, masks, labels = train.images[rows], train.masks[rows] > 127, train.labels[rows]
        if arm.paste:
            images, masks, labels = paste(images, masks, labels, train, arm.paste, paste_on_any)
        healthy = (labels == 0).nonzero().flatten()
        if edit is not None and len(healthy):
            images, labels = images.clone(), labels.clone()
            images[healthy], labels[healthy] = edit.batch(images[healthy], labels=labels[healthy])
        if arm.randaugment or arm.photometric:
            images = torch.stack([change(image) for image in images])
        pixels, moved = move(images.float() / 255, masks.float())
        targets = F.one_hot(labels, len(train.classes)).float()
        if arm.mixup:
            share = torch.distributions.Beta(arm.mixup, arm.mixup).sample()
            pixels = share * pixels + (1 - share) * pixels.flip(0)
            targets = share * targets + (1 - share) * targets.flip(0)
        yield pixels, moved, targets


def make_edit(arm: Arm) -> EczemaEdit | None:
    """The edit of an arm, or None."""
    if not arm.edit:
        return None
    severity, coverage = ((0.6, 1.0), (0.3, 0.95)) if arm.wide else ((0.3, 1.0), (0.1, 0.6))
    return EczemaEdit(p=arm.edit, severity=severity, coverage=coverage, label=1)


def paste(
    images: Tensor, masks: Tensor, labels: Tensor, train: ImagePool, chance: float, on_any: bool
) -> Batch:
    """Lesions of other images, cut out by their masks with a soft edge, shifted and flipped, pasted
    on these (Ghiasi et al., CVPR 2021).

    Args:
        images: (B, 3, S, S) uint8.
        masks: (B, 1, S, S) bool.
        labels: (B,).
        train: where the lesions come from.
        chance: that an image gets one.
        on_any: as `paste_on_any` in `make_batches`.
    """
    images, masks, labels = images.clone(), masks.clone(), labels.clone()
    has_mask = (train.masks > 127).flatten(1).any(1)
    for k in range(len(images)):
        fits = train.labels > 0 if on_any else train.labels == labels[k]
        donors = (has_mask & fits).nonzero().flatten()
        # A lesion on a lesion would hide it: where images of any class may get one, only healthy
        # skin does.
        if torch.rand(()) >= chance or not len(donors) or (on_any and labels[k] > 0):
            continue
        donor = int(donors[torch.randint(len(donors), ())])
        lesion = flip_and_shift(train.images[donor], train.masks[donor] > 127)
        if not (lesion[3] > 0.5).any():
            continue
        # The edge fades inwards: what is outside the mask of the donor is not the lesion.
        soft = (2 * F.avg_pool2d(lesion[None, 3:], 5, 1, 2)[0] - 1).clamp_min(0)
        images[k] = torch.lerp(images[k].float(), lesion[:3], soft).round().byte()
        masks[k] |= lesion[3:] > 0.5
        labels[k] = train.labels[donor]
    return images, masks, labels


def flip_and_shift(image: Tensor, mask: Tensor) -> Tensor:
    """An image with its mask as fourth channel, (4, S, S) float, flipped at random and shifted by
    up to a quarter; black where nothing is left."""
    both = torch.cat([image.float(), mask.float()])
    both = both.flip([axis for axis in (1, 2) if torch.rand(()) < 0.5])
    side = both.shape[-1]
    down, right = (torch.rand(2) - 0.5).mul(side / 2).long().tolist()
    both = F.pad(both, (max(right, 0), max(-right, 0), max(down, 0), max(-down, 0)))
    top, left = max(-down, 0), max(-right, 0)
    return both[:, top : top + side, left : left + side]


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
