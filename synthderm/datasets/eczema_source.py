"""Generated hands and close-ups of skin, edited: images of eczema with exact masks."""

from collections.abc import Sequence
from functools import cached_property

import torch
from torch import Tensor

from synthderm.arguments import Range, as_range
from synthderm.datasets.sources import Generated, GeneratorSource
from synthderm.determinism import one_thread
from synthderm.hub.resolve import weights_hash
from synthderm.imaging.lesions import sample_latents
from synthderm.imaging.masks import sample_masks
from synthderm.imaging.resize import shrink
from synthderm.models.cache import load_editor
from synthderm.models.editor import ADD
from synthderm.transforms.functional import edit_eczema, thumbnail

SEVERITY_CLASSES = ("clear", "mild", "moderate", "severe")
# Upper ends of severity for the first three classes; severity 0 alone is clear.
SEVERITY_BOUNDS = (0.0, 1 / 3, 2 / 3)
FAINTEST = 0.05  # a lesion too faint to see would be labelled mild
CANVASES = ("hands", "skin")  # the bundled generators of skin without a lesion
COVERAGE = (0.1, 0.6)  # of the skin by a lesion


class EczemaSource:
    """Hands and close-ups of skin, one as often as the other, with eczema. The mask is the eczema.

    Args:
        size: side of the images in pixels; the generators' own where None.
        device: where to generate; the edit runs on the CPU.
        skin_tone: ITA in degrees, a number or a range. A canvas that has not seen it is left out.
        truncation: in (0, 1], see `SkinGenerator.generate`.
        severity: a number or a range within [0, 1].

    Raises:
        ValueError: a skin tone that no canvas has seen.
    """

    name = "eczema"
    classes = list(SEVERITY_CLASSES)

    def __init__(
        self,
        *,
        size: int | None = None,
        device: str = "cpu",
        skin_tone: Range | None = None,
        truncation: float = 1.0,
        severity: Range = (0.0, 1.0),
    ) -> None:
        ranges = [severity_range(k, *as_range("severity", severity)) for k in range(4)]
        self.ranges = {k: ends for k, ends in enumerate(ranges) if ends is not None}
        self.labels: Sequence[int] = list(self.ranges)
        self.canvases: list[GeneratorSource] = []
        refusals = []
        for name in CANVASES:
            try:
                canvas = GeneratorSource(
                    name,
                    size=size,
                    device=device,
                    skin_tone=skin_tone,
                    truncation=truncation,
                    artifacts={},  # hair drawn before the edit would be inflamed with the skin
                )
                self.canvases.append(canvas)
            except ValueError as error:
                if skin_tone is None:
                    raise
                refusals.append(str(error))
        if not self.canvases:
            raise ValueError(" ".join(refusals))
        self.size, self.revision = self.canvases[0].size, self.canvases[0].revision

    @cached_property
    def weights(self) -> str:
        names = [*(canvas.name for canvas in self.canvases), "eczema"]
        return "+".join(weights_hash(name) for name in names)

    @one_thread()
    def sample(self, labels: list[int], rngs: list[torch.Generator]) -> Generated:
        images, skin, skin_tone = self._sample_canvases(rngs)
        masks, severities = torch.zeros_like(skin), []
        # One by one: the editor is quick, and its small matrix products would otherwise depend on
        # the batch.
        for row, (label, rng) in enumerate(zip(labels, rngs)):
            one = slice(row, row + 1)
            severity = _uniform(*self.ranges[label], rng)
            coverage = _uniform(*COVERAGE, rng)
            severities.append(float(severity))
            if severity > 0:
                on_skin = shrink(skin[one]) > 0.5
                masks[one] = sample_masks((self.size, self.size), coverage, on_skin, rng)
                masks[one] &= skin[one]
                images[one] = edit_eczema(
                    load_editor("eczema"),
                    images[one],
                    masks[one],
                    severity,
                    ADD,
                    sample_latents(1, rng),
                    thumbnail(images[one]),
                )
        return Generated(images, masks, severities, skin_tone)

    def _sample_canvases(
        self, rngs: list[torch.Generator]
    ) -> tuple[Tensor, Tensor, list[float] | None]:
        """Healthy hands and close-ups (B, 3, size, size) uint8, their skin, (B, 1, size, size)
        bool, and its tone."""
        chosen = [int(torch.randint(len(self.canvases), (), generator=rng)) for rng in rngs]
        images = torch.empty(len(rngs), 3, self.size, self.size, dtype=torch.uint8)
        skin = torch.empty(len(rngs), 1, self.size, self.size, dtype=torch.bool)
        tones: dict[int, float] = {}
        for k, canvas in enumerate(self.canvases):
            rows = [row for row, choice in enumerate(chosen) if choice == k]
            if rows:
                own = [rngs[row] for row in rows]
                count = len(canvas.classes)
                poses = [int(torch.randint(count, (), generator=rng)) for rng in own]
                made = canvas.sample(poses, own)
                images[rows], skin[rows] = made.images, made.masks
                tones |= dict(zip(rows, made.skin_tone or []))
        all_known = len(tones) == len(rngs)
        return images, skin, [tones[row] for row in range(len(rngs))] if all_known else None


def _uniform(low: float, high: float, rng: torch.Generator) -> Tensor:
    """(1,) float32, a random number within a range."""
    return low + (high - low) * torch.rand(1, generator=rng, dtype=torch.float32)


def severity_range(label: int, low: float, high: float) -> tuple[float, float] | None:
    """The part of [low, high] that has this severity class, or None."""
    if label == 0:
        return (0.0, 0.0) if low == 0 else None
    bottom = max(low, SEVERITY_BOUNDS[label - 1])
    top = min(high, SEVERITY_BOUNDS[label] if label < 3 else 1.0)
    bottom = max(bottom, min(FAINTEST, top))
    return (bottom, top) if top > bottom or (top == bottom and low == high and top > 0) else None
