"""What a `SyntheticSkinDataset` draws from: a generator, or generated skin on which the editor lays eczema.

A source makes images of given classes from given random numbers, a generator of them for each image, and from nothing else.
"""

import os
from contextlib import contextmanager
from functools import lru_cache

import torch
import torch.nn.functional as F
from torch import Tensor

from synthderm.edit import apply_edit, draw_seeds, load_editor
from synthderm.hub import COMMIT, bundled_names
from synthderm.masks import random_mask
from synthderm.nets import SkinGenerator
from synthderm.resize import shrink

SEVERITY_CLASSES = ("clear", "mild", "moderate", "severe")
# Upper ends of severity for the first three classes; severity 0 alone is clear.
SEVERITY_BOUNDS = (0.0, 1 / 3, 2 / 3)
CANVASES = ("hands", "skin")  # the bundled generators of skin without a lesion


@lru_cache(maxsize=4)
def load_generator(name: str | os.PathLike, revision: str | None, device: str) -> SkinGenerator:
    """The frozen generator of this name, loaded once a process and device."""
    return SkinGenerator.from_pretrained(name, revision).freeze().to(device)


def generator_names() -> list[str]:
    """Bundled generators, by name: the sources that are not made by editing."""
    return [name for name in bundled_names() if name != "eczema"]


@contextmanager
def one_thread():
    """Some convolutions add up in another order on two threads than on one. Loader workers have one thread, so one is
    what every process uses: more speed comes from more workers."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def fit(image: Tensor, mask: Tensor, size: int | None) -> tuple[Tensor, Tensor]:
    """Images in [0, 1] and masks, scaled to a square of `size`, the images as uint8."""
    if size is not None and image.shape[-2:] != (size, size):
        image = F.interpolate(image, size=size, mode="bilinear", align_corners=False, antialias=True)
        mask = F.interpolate(mask.float(), size=size, mode="bilinear", align_corners=False) > 0.5
    return (image * 255).round_().clamp_(0, 255).to(torch.uint8), mask


class GeneratorSource:
    """A generator by name, directory or Hub id.

    Args:
        size: side of the images in pixels; the generator's own where None. Up to half of that is made at half its side, for a little less.
        skin_tone: range of ITA in degrees, or None for tones as frequent as in training.

    Raises:
        ValueError: a skin tone that the generator can't be asked for.
    """

    def __init__(self, name, size: int | None, device: str, skin_tone: tuple[float, float] | None, truncation: float):
        self._name, self._revision, self._device, self._truncation = name, None, device, truncation
        model = self.model()
        self.classes, self.revision, self.tones = list(model.classes), model.revision, model.tones
        if COMMIT.fullmatch(self.revision):  # a branch may move while workers start: all take the same commit
            self._name, self._revision = os.fspath(name).partition("@")[0], self.revision
        self.size = size or model.size
        self._skin_tone = check_tone(skin_tone, model.tones, name)
        self._stop = model.size // 2 if self.size <= model.size // 2 else None

    def model(self) -> SkinGenerator:
        return load_generator(self._name, self._revision, self._device)

    def make(self, labels: list[int], rngs: list[torch.Generator]) -> tuple[Tensor, Tensor]:
        """Images (B, 3, size, size) uint8 and masks (B, 1, size, size) bool, on the CPU."""
        model = self.model()
        latents = torch.stack([torch.randn(model.latent_dim, generator=rng) for rng in rngs])
        tones = None if model.tones is None else torch.stack([model.draw_tone(rng, self._skin_tone) for rng in rngs]).to(self._device)
        image, mask = model.generate(latents.to(self._device), torch.tensor(labels, device=self._device), tones, self._truncation, self._stop)
        return fit(image.cpu(), mask.cpu(), self.size)


class EczemaSource:
    """Generated hands and close-ups of skin, one as often as the other, with eczema by the editor; the mask is the eczema.

    Args:
        severity: range within [0, 1], as `check_severity` gives it.
        skin_tone: as for `GeneratorSource`; canvases that do not have this range are left out.

    Raises:
        ValueError: a skin tone that no canvas has.
    """

    classes = list(SEVERITY_CLASSES)

    def __init__(self, size: int | None, device: str, skin_tone: tuple[float, float] | None, truncation: float, severity: tuple[float, float]):
        self.severity, self.canvases, refusals = severity, [], []
        for name in CANVASES:
            try:
                self.canvases.append(GeneratorSource(name, size, device, skin_tone, truncation))
            except ValueError as error:
                if skin_tone is None:
                    raise
                refusals.append(error)
        if not self.canvases:
            raise ValueError("; ".join(map(str, refusals)))
        self.size, self.revision = self.canvases[0].size, self.canvases[0].revision

    def possible(self) -> list[int]:
        """Classes that occur within the range of severity."""
        return [k for k in range(len(self.classes)) if severity_range(k, *self.severity) is not None]

    def make(self, labels: list[int], rngs: list[torch.Generator]) -> tuple[Tensor, Tensor]:
        """As `GeneratorSource.make`."""
        chosen = [int(torch.randint(len(self.canvases), (), generator=rng)) for rng in rngs]
        images = torch.empty(len(labels), 3, self.size, self.size, dtype=torch.uint8)
        skin = torch.empty(len(labels), 1, self.size, self.size, dtype=torch.bool)
        for k, canvas in enumerate(self.canvases):
            rows = [row for row, choice in enumerate(chosen) if choice == k]
            if rows:
                classes = [int(torch.randint(len(canvas.classes), (), generator=rngs[row])) for row in rows]
                images[rows], skin[rows] = canvas.make(classes, [rngs[row] for row in rows])
        masks = torch.zeros_like(skin)
        for row, (label, rng) in enumerate(zip(labels, rngs)):
            # One by one: the editor is quick, and its small matrix products would otherwise depend on the batch.
            low, high = severity_range(label, *self.severity)
            severity = (low + (high - low) * torch.rand((), generator=rng)).view(1)
            coverage = 0.1 + 0.5 * torch.rand(1, generator=rng)
            one = slice(row, row + 1)
            if severity > 0:
                masks[one] = random_mask((self.size, self.size), coverage, shrink(skin[one]) > 0.5, rng) & skin[one]
                images[one] = apply_edit(load_editor("eczema"), images[one], masks[one], severity, +1, draw_seeds(1, rng))
        return images, masks


def check_severity(severity) -> tuple[float, float]:
    try:
        low, high = (float(value) for value in severity)
    except (TypeError, ValueError):
        raise ValueError(f"severity={severity!r} must be a pair (low, high) within [0, 1].") from None
    if not 0 <= low <= high <= 1:
        raise ValueError(f"severity={severity!r} must be a pair (low, high) within [0, 1], low first.")
    return low, high


def check_tone(skin_tone, tones: list[float] | None, source) -> tuple[float, float] | None:
    if skin_tone is None:
        return None
    if tones is None:
        raise ValueError(f"skin_tone={skin_tone!r} was given, but {source!r} has no input for the skin tone: leave it out, or train one with --tones.")
    try:
        low, high = (float(value) for value in skin_tone)
    except (TypeError, ValueError):
        raise ValueError(f"skin_tone={skin_tone!r} must be a pair (low, high), ITA in degrees.") from None
    if not tones[0] <= low <= high <= tones[-1]:
        raise ValueError(f"skin_tone={skin_tone!r} must be a pair (low, high), low first, within {tones[0]} to {tones[-1]} degrees, which {source!r} has seen.")
    return low, high


def severity_range(label: int, low: float, high: float) -> tuple[float, float] | None:
    """The part of [low, high] that has this severity class, or None."""
    if label == 0:
        return (0.0, 0.0) if low == 0 else None
    bottom = max(low, SEVERITY_BOUNDS[label - 1])
    top = min(high, SEVERITY_BOUNDS[label] if label < 3 else 1.0)
    # A lesion too faint to see would be labelled mild: mild begins at 0.05 unless the range asks for less.
    bottom = max(bottom, min(0.05, top))
    return (bottom, top) if top > bottom or (top == bottom and low == high and top > 0) else None
