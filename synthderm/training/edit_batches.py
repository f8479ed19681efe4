"""Batches for training the editor: eczema drawn on healthy patches, and patches with real lesions
beside healthy ones."""

from collections.abc import Sequence
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from synthderm.imaging.compositing import THUMBNAIL
from synthderm.imaging.eczema_renderer import draw_eczema
from synthderm.imaging.lesions import Latents, sample_latents
from synthderm.imaging.masks import sample_masks, skin_region
from synthderm.training.augment import Changes, sample_changes
from synthderm.training.lesion_patches import Photograph, sample_healthy, sample_lesions

AUGMENT = 0.3  # probability of each augmentation of what discriminators see
LOOKS = 6  # times in a step: four to learn, and two for the editor to learn


class EditBatch(NamedTuple):
    """Healthy patches, and patches with a lesion: the same ones with eczema drawn on them, or
    others with a real lesion."""

    healthy: Tensor  # (B, 3, S, S) float in [0, 1]
    known: Tensor  # (B, 1, S, S) bool: where the healthy patches have no lesion
    mask: Tensor  # (B, 1, S, S) bool: where a lesion is to be added to them
    severity: Tensor  # (B,) float in [0, 1], of what is added
    lesional: Tensor  # (B, 3, S, S) float in [0, 1]
    lesion_mask: Tensor  # (B, 1, S, S) bool; all True where it is unknown
    latents: Latents
    whole: Tensor  # (N, 1, S, S) bool: `mask` of the whole batch of which these are a part

    def to(self, device: torch.device) -> "EditBatch":
        return self._replace(**{name: part.to(device) for name, part in self._asdict().items()})

    def rows(self, rows: Tensor) -> "EditBatch":
        """A part of the batch."""
        parts = {name: part[rows] for name, part in self._asdict().items() if name in PER_IMAGE}
        return self._replace(**parts, latents=Latents(*(part[rows] for part in self.latents)))


PER_IMAGE = {"healthy", "known", "mask", "severity", "lesional", "lesion_mask"}


class EditStepBatches(NamedTuple):
    """What one step trains on, and the random numbers of its losses."""

    pairs: EditBatch | None  # not drawn yet, see `draw_pairs`
    # (B, 1, 1, 1) bool: removal learns from the drawing, and not from what the editor adds.
    from_drawing: Tensor | None
    lesional: EditBatch | None
    changes: list[Changes]  # augmentations, one for each time that discriminators look

    def rows(self, rows: Tensor) -> "EditStepBatches":
        """A part of the batch, with what is drawn on it."""
        return EditStepBatches(
            None if self.pairs is None else self.pairs.rows(rows),
            None if self.from_drawing is None else self.from_drawing[rows],
            None if self.lesional is None else self.lesional.rows(rows),
            [changes.rows(rows) for changes in self.changes],
        )


class EditSampler:
    """Draws what a step trains on.

    Args:
        healthy: photographs of healthy skin, of one or more folders.
        lesions: photographs of lesional skin; for masked with their masks, for paired none.
        batch: number of patches of each kind.
        size: their side in pixels.
        supervision: "paired", "masked" or "unpaired".
        has_pairs: whether a step has pairs.
        device: where the batches are.
    """

    def __init__(
        self,
        healthy: Sequence[Sequence[Photograph]],
        lesions: Sequence[Photograph],
        *,
        batch: int,
        size: int,
        supervision: str,
        has_pairs: bool,
        device: torch.device,
    ) -> None:
        self.healthy, self.lesions, self.batch, self.size = healthy, lesions, batch, size
        self.supervision, self.has_pairs, self.device = supervision, has_pairs, device

    def sample(self) -> EditStepBatches:
        """A whole batch, from torch's global random state."""
        lesional, pairs, from_drawing, changes = None, None, None, list[Changes]()
        if self.supervision != "paired":
            lesional = self.sample_lesional()
            changes = [sample_changes(self.batch, AUGMENT, self.device) for _ in range(LOOKS)]
        if self.has_pairs:
            pairs = self.sample_pairs()
            from_drawing = torch.rand(self.batch, 1, 1, 1, device=self.device) < 0.5
        return EditStepBatches(pairs, from_drawing, lesional, changes)

    def sample_pairs(self) -> EditBatch:
        """Pairs, not drawn yet."""
        return sample_pairs(self.healthy, self.batch, self.size, self.device)

    def sample_lesional(self) -> EditBatch:
        """Healthy patches and real lesions."""
        is_masked = self.supervision == "masked"
        batch = sample_lesional(
            self.healthy[0], self.lesions, self.batch, self.size, masked=is_masked
        )
        return batch.to(self.device)


def sample_pairs(
    folders: Sequence[Sequence[Photograph]], batch: int, size: int, device: torch.device
) -> EditBatch:
    """Random healthy patches, and for each an eczema of random shape, severity and signs, which
    `draw_pairs` draws.

    Args:
        folders, batch, size: as in `sample_healthy`.
        device: where the batch is.
    """
    healthy, allowed = sample_healthy(folders, batch, size)
    mask = _sample_masks(allowed, 0.05, 0.9)
    latents = sample_latents(batch)
    severity = torch.rand(batch) * 0.95 + 0.05
    known = allowed | ~skin_region(healthy)
    return EditBatch(healthy, known, mask, severity, healthy, mask, latents, mask).to(device)


def draw_pairs(batch: EditBatch) -> EditBatch:
    """The batch with its eczema drawn."""
    drawn = draw_eczema(batch.healthy, batch.mask, batch.severity, batch.latents)
    return batch._replace(lesional=drawn)


def sample_lesional(
    healthy: Sequence[Photograph],
    lesions: Sequence[Photograph],
    batch: int,
    size: int,
    *,
    masked: bool,
) -> EditBatch:
    """Random healthy patches and random patches with a lesion.

    Args:
        healthy: photographs of one folder, best of the same cameras as `lesions`.
        lesions: as in `sample_lesions`.
        batch: number of patches of each kind.
        size: their side in pixels.
        masked: lesions are to be added under the mask of another lesion, instead of a random one.
    """
    images, allowed = sample_healthy([healthy], batch, size)
    lesional, lesion_mask = sample_lesions(lesions, batch, size)
    mask = lesion_mask.roll(1, 0) & allowed if masked else _sample_masks(allowed, 0.15, 0.6)
    latents = sample_latents(batch)
    severity = torch.rand(batch) * 0.5 + 0.5
    known = allowed | ~skin_region(images)
    return EditBatch(images, known, mask, severity, lesional, lesion_mask, latents, mask)


def _sample_masks(allowed: Tensor, lowest: float, highest: float) -> Tensor:
    """Random lesion masks that cover a share between `lowest` and `highest` of where they are
    allowed, (B, 1, S, S) bool."""
    coverage = torch.empty(len(allowed)).uniform_(lowest, highest)
    skin = F.adaptive_avg_pool2d(allowed.float(), THUMBNAIL) > 0.5
    return sample_masks((allowed.shape[2], allowed.shape[3]), coverage, skin) & allowed
