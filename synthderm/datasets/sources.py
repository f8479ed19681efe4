"""What a `SyntheticSkinDataset` draws from: the protocol of a source, and generators.

A source makes images of given classes from given random states, one for each image, and from
nothing else. There are four: a generator (here), generated skin with eczema (`eczema_source`), any
function, and a diffusers pipeline (`function_source`).
"""

import os
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import NamedTuple, Protocol

import torch
import torch.nn.functional as F
from torch import Tensor

from synthderm.arguments import Range, as_range
from synthderm.determinism import one_thread
from synthderm.hub.resolve import bundled_for_side, bundled_names, pin, weights_hash
from synthderm.imaging.artifact_shares import check_shares
from synthderm.imaging.artifacts import cover_at_random
from synthderm.models.cache import load_generator


class Generated(NamedTuple):
    """What a source made: images (B, 3, H, W) uint8 and masks (B, 1, H, W) bool, on the CPU; and
    what it drew for each image, None where it has no such thing.

    Args:
        severity: of the eczema, in [0, 1].
        skin_tone: ITA in degrees.
        clean: the images without artifacts, where these were drawn.
    """

    images: Tensor
    masks: Tensor
    severity: list[float] | None = None
    skin_tone: list[float] | None = None
    clean: Tensor | None = None

    @property
    def judged(self) -> Tensor:
        """The images in which copies are looked for: without artifacts, which could hide one."""
        return self.images if self.clean is None else self.clean


class Source(Protocol):
    """Where the images of a data set come from.

    Attributes:
        name: what it is, the same in every process: a model's name, or a function's.
        classes: the names of its classes, in the order of its labels.
        labels: the classes that occur.
        revision: which weights: the Hub's commit, "bundled", "local" or "function".
    """

    name: str
    classes: list[str]
    labels: Sequence[int]
    revision: str

    @property
    def size(self) -> int | None:
        """Side of its square images in pixels; None where they come in any size."""
        ...

    @property
    def weights(self) -> str:
        """SHA-256 of the weights, or "function"."""
        ...

    def sample(self, labels: list[int], rngs: list[torch.Generator]) -> Generated:
        """Each image from its own label and random state alone."""
        ...


def fit(images: Tensor, masks: Tensor, size: int | None) -> tuple[Tensor, Tensor]:
    """Float images and masks, scaled to a square of `size`."""
    if size is not None and images.shape[-2:] != (size, size):
        images = F.interpolate(
            images, size=size, mode="bilinear", align_corners=False, antialias=True
        )
        masks = F.interpolate(masks.float(), size=size, mode="bilinear", align_corners=False) > 0.5
    return images, masks


def to_bytes(images: Tensor) -> Tensor:
    """Float images in [0, 1] as uint8."""
    # By way of a signed integer: several times as fast as straight to an unsigned one.
    return (images * 255).round_().clamp_(0, 255).to(torch.int16).to(torch.uint8)


class GeneratorSource:
    """A `SkinGenerator`.

    Args:
        model: bundled name, folder or Hub id.
        size: side of the images in pixels; the generator's own where None. Images of up to half of
            that are generated at half the side, which takes a little less. For images larger than
            its own, a bundled name stands for its sharper generator, if there is one: "lesions"
            for "lesions-256".
        device: where to generate.
        skin_tone: ITA in degrees, a number or a range; as frequent as in training where None.
        truncation: in (0, 1], see `SkinGenerator.generate`.
        artifacts: share of images that have each kind, see `synthderm.imaging.artifacts`; the
            generator's own where None.

    Raises:
        ValueError: a skin tone that the generator has not seen, or a kind of artifact that is none.
    """

    def __init__(
        self,
        model: str | os.PathLike[str],
        *,
        size: int | None = None,
        device: str = "cpu",
        skin_tone: Range | None = None,
        truncation: float = 1.0,
        artifacts: Mapping[str, float] | None = None,
    ) -> None:
        if size is not None and model in bundled_names():
            model = bundled_for_side(str(model), size)
        self.name = os.fspath(model)
        self._model, self._device, self._truncation = pin(model), device, truncation
        generator = load_generator(self._model, device)
        self.classes, self.revision = list(generator.classes), generator.revision
        self.labels: Sequence[int] = range(len(self.classes))
        self.size = size or generator.size
        self._skin_tone = _check_skin_tone(skin_tone, generator.tones, self.name)
        # A copy: the generator is one for all data sets of the process.
        shares = (generator.artifacts or {}) if artifacts is None else artifacts
        self.artifacts = check_shares("artifacts", shares)
        half = generator.size // 2
        self._generated_size = half if self.size <= half else generator.size

    @cached_property
    def weights(self) -> str:
        return weights_hash(self._model)

    @one_thread()
    def sample(self, labels: list[int], rngs: list[torch.Generator]) -> Generated:
        generator = load_generator(self._model, self._device)
        latents = torch.stack(
            [torch.randn(generator.latent_dim, generator=rng, dtype=torch.float32) for rng in rngs]
        )
        skin_tone = None
        if generator.tones is not None:
            tones = [generator.sample_skin_tone(rng, self._skin_tone) for rng in rngs]
            skin_tone = torch.stack(tones)
        images, masks = generator.generate(
            latents.to(self._device),
            torch.tensor(labels, device=self._device),
            skin_tone=None if skin_tone is None else skin_tone.to(self._device),
            size=self._generated_size,
            truncation=self._truncation,
        )
        images, masks = fit(images.cpu(), masks.cpu(), self.size)
        clean = None
        if self.artifacts:
            clean, images = to_bytes(images), cover_at_random(images, self.artifacts, rngs)
        drawn = None if skin_tone is None else skin_tone.tolist()
        return Generated(to_bytes(images), masks, None, drawn, clean)


def _check_skin_tone(
    skin_tone: Range | None, tones: list[float] | None, name: str
) -> tuple[float, float] | None:
    if skin_tone is None:
        return None
    if tones is None:
        raise ValueError(
            f"skin_tone={skin_tone!r} was given, but {name!r} has no input for the skin tone: "
            "leave it out, or train one with --skin-tone."
        )
    try:
        return as_range("skin_tone", skin_tone, tones[0], min(tones[-1], 90.0))
    except ValueError as error:
        raise ValueError(f"{error} That is what {name!r} has seen, ITA in degrees.") from None
