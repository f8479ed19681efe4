"""What is measured of edits: how well a removal gives the skin back, what changes outside the mask,
and how like the renderer's eczema the added one looks."""

from functools import cached_property

import torch
from torch import Tensor

from benchmarks.references.costs import measure_costs
from benchmarks.references.system import Editor, Setup
from synthderm import metrics
from synthderm.training.edit_batches import EditBatch, draw_pairs, sample_pairs
from synthderm.training.lesion_patches import Photograph

BATCH = 32
Figures = dict[str, float | None]


class EditMeasures:
    """Patches of `test` with eczema drawn on them, made once for all systems.

    Args:
        setup: what all systems are given alike.
        healthy: photographs that nobody trained on.
        extractor: of features.
        count: patches.
    """

    def __init__(
        self, setup: Setup, healthy: list[Photograph], extractor: metrics.Extractor, count: int
    ) -> None:
        self.setup, self.extractor = setup, extractor
        with torch.random.fork_rng():
            torch.manual_seed(3)
            self.batches, others = (
                [self._sample(healthy, part) for part in batch_sizes(count)] for _ in range(2)
            )
        # Other patches of the same photographs: a system is not measured against its own answer.
        self.drawn = torch.cat([batch.lesional for batch in others])

    def _sample(self, healthy: list[Photograph], count: int) -> EditBatch:
        return draw_pairs(sample_pairs([healthy], count, self.setup.size, self.setup.device))

    @cached_property
    def real(self) -> Tensor:
        return self.features(self.drawn)

    def features(self, images: Tensor) -> Tensor:
        pixels = (images * 255).round().to(torch.uint8)
        with self.setup.cast:
            parts = [self.extractor(part).float().cpu() for part in pixels.split(BATCH)]
        return torch.cat(parts)

    def kid(self, images: Tensor) -> float:
        """KID x1000 of edited patches to patches on which the renderer drew."""
        return 1000 * metrics.kid(self.real, self.features(images))[0]

    def photographs(self) -> Figures:
        """The same of the renderer itself, and of patches that nobody edited."""
        healthy, drawn = (
            torch.cat([getattr(batch, name) for batch in self.batches])
            for name in ("healthy", "lesional")
        )
        quality = torch.cat([psnr(b.lesional, b.healthy, b.mask) for b in self.batches])
        return {
            "kid_x1000": self.kid(drawn),
            "kid_x1000_unedited": self.kid(healthy),
            "removal_psnr": quality.median().item(),  # of eczema that is left where it is
        }

    @torch.no_grad()
    def measure(self, editor: Editor) -> Figures:
        """All figures of an editor."""
        added, quality, changed, overlaps = [], [], [], []
        for batch in self.batches:
            edited = editor.add(batch).float().clamp(0, 1)
            removed = editor.remove(batch.lesional, batch.mask, batch).float().clamp(0, 1)
            found = editor.find(batch.lesional, batch)
            added.append(edited)
            quality.append(psnr(removed, batch.healthy, batch.mask))
            changed.append(changed_outside(edited, batch.healthy, batch.mask))
            changed.append(changed_outside(removed, batch.lesional, batch.mask))
            if found is not None:
                overlaps.append(metrics.dice(found, batch.mask))
        first = self.batches[0].rows(torch.arange(1))
        figures = measure_costs(editor, lambda: editor.add(first), self.setup.device)
        return {
            **figures,
            "kid_x1000": self.kid(torch.cat(added)),
            "removal_psnr": torch.cat(quality).median().item(),
            "changed_outside": torch.cat(changed).mean().item(),
            "dice": torch.cat(overlaps).mean().item() if overlaps else None,
        }

    @torch.no_grad()
    def sheet_rows(self, editor: Editor, batch: EditBatch) -> Tensor:
        """Patches, the renderer's eczema on them, a system's, and the renderer's removed again; a
        row each, (4 N, 3, S, S) in [0, 1]."""
        removed = editor.remove(batch.lesional, batch.mask, batch)
        rows = [batch.healthy, batch.lesional, editor.add(batch), removed]
        return torch.cat([row.float().clamp(0, 1) for row in rows])


def batch_sizes(count: int) -> list[int]:
    """Batches that are `count` images together."""
    return [len(part) for part in torch.arange(count).split(BATCH)]


def psnr(edited: Tensor, wanted: Tensor, mask: Tensor) -> Tensor:
    """PSNR (B,) in dB inside masks (B, 1, H, W) bool."""
    error = ((edited - wanted).square() * mask).sum((1, 2, 3))
    return -10 * (error / (3 * mask.sum((1, 2, 3))).clamp_min(1)).clamp_min(1e-8).log10()


def changed_outside(edited: Tensor, image: Tensor, mask: Tensor) -> Tensor:
    """Share (B,) of the pixels outside a mask whose 8 bit value is another one."""
    before, after = ((x * 255).round() for x in (image, edited))
    changed = (before != after).any(1, keepdim=True) & ~mask
    return changed.sum((1, 2, 3)) / (~mask).sum((1, 2, 3)).clamp_min(1)
