"""Photographs that generated images are compared with: `CopyIndex`.

Two steps. Whitened features of several layers (`features`) name the photographs that an image
resembles; `structure` says whether it shows what one of them shows. Features alone do not
tell: two photographs of naevi are as near to each other as a photograph and its JPEG of quality 50.
"""

import hashlib
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor
from tqdm import tqdm

from synthderm.audit import structure
from synthderm.audit.features import LayerFeatures, Whitening, extract
from synthderm.determinism import one_thread, usual_torch

CANDIDATES = 10  # photographs whose structure is looked at
CROP = 0.85  # share of the side of a photograph that a crop keeps
FLIPS = ((-1,), (-2,), (-1, -2))
ROWS = 64  # images compared at once


class Matches(NamedTuple):
    """What images resemble most.

    Args:
        scores: (N,) in [-1, 1], 1 for a copy.
        nearest: (N,) the photograph.
        mirrored: (N,) the highest score of any mirror image.
        distances: (N,) to the nearest photograph in whitened features, upright; 0 to itself.
        neighbours: (N,) the photograph that is nearest in features.
        mutual: (N,) whether this image is the nearest of all N to that photograph too.
    """

    scores: Tensor
    nearest: Tensor
    mirrored: Tensor
    distances: Tensor
    neighbours: Tensor
    mutual: Tensor


class Layers(NamedTuple):
    """Features of images: as they are, and turned by a quarter."""

    upright: list[Tensor]
    turned: list[Tensor]


class CopyIndex:
    """Photographs, as they are, cropped and flipped, ready to be compared with.

    It holds small copies of the photographs: keep it where they are kept.

    Args:
        images: (N, 3, S, S) uint8, at least 2.
        network: the layers that are compared.
        groups: for each photograph its patient or lesion, None where unknown.

    Attributes:
        layers: of the photographs as they are.
        threshold: the score from which on an image is named a copy; see
            `synthderm.audit.calibration.calibrate`.
    """

    def __init__(
        self,
        images: Tensor,
        network: LayerFeatures,
        groups: Sequence[str | None] = (),
        threshold: float = 1.0,
    ) -> None:
        self.images, self.network, self.threshold = images, network, threshold
        self.groups = list(groups) or [None] * len(images)
        parts = [images, _crop(images), *(images.flip(flip) for flip in FLIPS)]
        desc = "features of real photographs"
        layers = [extract(part, network, f"{desc} {k + 1}/5") for k, part in enumerate(parts)]
        self.layers = layers[0]
        self.whitening = Whitening(self.layers)
        self._rows = [self.whitening(one) for one in layers]
        fields = [structure.reduce(images, scale) for scale in structure.SCALES]
        self.spectra = structure.Spectra(fields[0])
        # In half precision, and without their spectra, which take four times as much memory.
        self._fields = torch.stack(fields, dim=1).half()

    def __len__(self) -> int:
        return len(self.images)

    def __repr__(self) -> str:
        """The same for the same photographs, network and threshold."""
        digest = hashlib.sha256(self.images.numpy().tobytes()).hexdigest()[:12]
        return (
            f"CopyIndex({len(self)} photographs, {digest}, {self.network.name}, threshold"
            f" {self.threshold:.6f})"
        )

    @property
    def rows(self) -> Tensor:
        """(N, D) whitened features of the photographs."""
        return self._rows[0]

    def describe(self, images: Tensor, desc: str = "features") -> Layers:
        """What `match` needs of images (N, 3, S, S) uint8."""
        quarter = images.rot90(1, (-2, -1))
        return Layers(
            extract(images, self.network, desc), extract(quarter, self.network, f"{desc}, turned")
        )

    def describe_own(self, own: Sequence[int]) -> Layers:
        """As `describe`, of photographs of the index, in half the time."""
        rows = torch.as_tensor(own)
        quarter = self.images[rows].rot90(1, (-2, -1))
        turned = extract(quarter, self.network, "features of real photographs, turned")
        return Layers([layer[rows] for layer in self.layers], turned)

    @usual_torch()
    def match(
        self,
        images: Tensor,
        layers: Layers | None = None,
        *,
        groups: Sequence[str | None] = (),
        own: Sequence[int] | None = None,
        desc: str = "compare",
    ) -> Matches:
        """Compare images with the photographs.

        Args:
            images: (N, 3, S, S) uint8.
            layers: of `describe`; made where None.
            groups: patients or lesions of the images: they are not compared with photographs of the
                same.
            own: for images that are photographs of the index, which they are: they are not compared
                with themselves.
            desc: text of the progress bar.
        """
        layers = layers or self.describe(images)
        forbidden = self._forbidden(len(images), groups, own)
        upright = self.whitening(layers.upright)
        similar = (upright @ self.rows.T).masked_fill(forbidden, -2)
        top, neighbours = similar.max(1)
        mutual = similar.argmax(0)[neighbours] == torch.arange(len(images))
        best = similar
        for turned in layers:
            row = self.whitening(turned)
            best = torch.stack([best, *(row @ rows.T for rows in self._rows)]).amax(0)
            for flip in FLIPS:  # of crops: flipped maps are near enough to maps of flipped images
                row = self.whitening([layer.flip(flip) for layer in turned])
                best = torch.maximum(best, row @ self._rows[1].T)
        best = best.masked_fill(forbidden, -2)
        values, candidates = best.topk(min(CANDIDATES, len(self)), dim=1)
        scores = self._compare(images, candidates, desc).masked_fill(values[..., None] < -1, 0.0)
        highest, place = scores.amax(2).max(1)
        return Matches(
            highest,
            candidates.gather(1, place[:, None])[:, 0],
            scores[:, :, list(structure.MIRRORED)].amax((1, 2)),
            (2 - 2 * top).clamp_min(0).sqrt(),
            neighbours,
            mutual,
        )

    @usual_torch()
    def is_copy(self, image: Tensor) -> bool:
        """Whether an image (3, S, S) uint8 scores at or above the threshold, whatever the number
        of threads."""
        with one_thread():
            images = fit_square(image[None], self.images.shape[-1])
            layers = Layers(*(self.network(one) for one in (images, images.rot90(1, (-2, -1)))))
            return bool(self.match(images, layers).scores[0] >= self.threshold)

    def _forbidden(
        self, count: int, groups: Sequence[str | None], own: Sequence[int] | None
    ) -> Tensor:
        """(count, N) bool: what is not compared."""
        forbidden = torch.zeros(count, len(self), dtype=torch.bool)
        known = sorted({group for group in groups if group is not None})
        if known:
            number = {group: k for k, group in enumerate(known)}
            mine = torch.tensor([number.get(group or "", -1) for group in groups])
            theirs = torch.tensor([number.get(group or "", -2) for group in self.groups])
            forbidden |= mine[:, None] == theirs
        if own is not None:
            forbidden[torch.arange(count), torch.as_tensor(own)] = True
        return forbidden

    def _compare(self, images: Tensor, candidates: Tensor, desc: str) -> Tensor:
        """Scores of images and their candidates (N, K) in each orientation, (N, K, 8)."""
        bar = tqdm(
            total=len(images), desc=desc, unit="image", disable=None if len(images) > 1 else True
        )
        scores = torch.zeros(*candidates.shape, structure.ORIENTATIONS)
        with bar:
            for rows in torch.arange(len(images)).split(ROWS):
                turned = self.spectra(structure.turn(structure.reduce(images[rows])))
                for k in range(candidates.shape[1]):
                    fields = self._fields[candidates[rows, k]].float()
                    for scale in range(len(structure.SCALES)):
                        spectra = self.spectra(fields[:, scale])[:, None]
                        found = structure.correlate(turned, spectra)
                        scores[rows, k] = torch.maximum(scores[rows, k], found)
                bar.update(len(rows))
        return scores


def fit_square(images: Tensor, side: int) -> Tensor:
    """Images (N, 3, H, W) uint8 squeezed to a square, as generators see photographs."""
    if images.shape[-2:] == (side, side):
        return images
    scaled = torch.nn.functional.interpolate(
        images.float(), size=(side, side), mode="bilinear", antialias=True
    )
    return scaled.round().clamp(0, 255).byte()


def _crop(images: Tensor) -> Tensor:
    """The middle of images."""
    side = images.shape[-1]
    kept = round(side * CROP)
    start = (side - kept) // 2
    return images[..., start : start + kept, start : start + kept]
