"""The discriminators of an editor's training with real lesions."""

import torch
from torch import Tensor

from synthderm.training.augment import Changes, diff_augment
from synthderm.training.discriminators import make_discriminators
from synthderm.training.edit_batches import EditBatch, EditStepBatches
from synthderm.training.edits import Edited, Edits
from synthderm.training.lesion_patches import normalize_skin
from synthderm.training.losses import discriminator_hinge

CHANNELS = [96, 64, 48, 24]
LESIONAL, HEALTHY = 0, 1  # what a discriminator is asked: a real lesion, or healthy skin?


class EditDiscriminators:
    """They compare real lesions with added ones, and healthy skin with removed ones.

    Args:
        size: side of the patches in pixels.
        features: as in `make_discriminators`.
        masked: they see the masks of the lesions.
        device: of the networks.
    """

    def __init__(self, size: int, features: str | None, masked: bool, device: torch.device) -> None:
        self.masked = masked
        self.networks = make_discriminators(size, CHANNELS, 2, features=features).to(device)
        self.trained = [p for p in self.networks.parameters() if p.requires_grad]
        self.optimizer = torch.optim.Adam(self.trained, lr=2e-4, betas=(0.0, 0.99))

    def loss(self, part: Edited) -> tuple[Tensor, Tensor]:
        """The loss of the discriminators, twice: to learn from, and to know."""
        batch, changes, edits = _lesional(part[0]), part[0].changes, part[1]
        assert edits is not None
        loss = discriminator_hinge(
            self._look(LESIONAL, batch.lesional, batch.lesion_mask, changes[0]),
            self._look(LESIONAL, edits.added.detach(), batch.mask, changes[1]),
        )
        loss = loss + discriminator_hinge(
            self._look(HEALTHY, batch.healthy, batch.mask, changes[2]),
            self._look(HEALTHY, edits.removed.detach(), batch.lesion_mask, changes[3]),
        )
        return loss, loss[None]

    def __call__(self, batches: EditStepBatches, edits: Edits) -> tuple[Tensor, Tensor]:
        """Logits (B, K) of added lesions being real, and of removed ones being healthy skin."""
        batch, changes = _lesional(batches), batches.changes
        return (
            self._look(LESIONAL, edits.added, batch.mask, changes[4]),
            self._look(HEALTHY, edits.removed, batch.lesion_mask, changes[5]),
        )

    def _look(self, kind: int, image: Tensor, mask: Tensor, changes: Changes) -> Tensor:
        """Logits (B, K) of images being `LESIONAL` or `HEALTHY`."""
        if self.masked:
            x = torch.cat([normalize_skin(image, mask), mask.float() * 2 - 1], dim=1)
        else:
            x = torch.cat([normalize_skin(image), torch.zeros_like(image[:, :1])], dim=1)
        x = diff_augment(x, changes=changes)
        labels = torch.full((len(image),), kind, device=image.device)
        return torch.cat([network(x, labels).real for network in self.networks], dim=1)


def _lesional(batches: EditStepBatches) -> EditBatch:
    assert batches.lesional is not None
    return batches.lesional
