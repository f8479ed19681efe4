"""Photographs for training a generator: all of a split in memory, with regions and skin tones,
drawn in batches."""

import sys
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor
from tqdm import tqdm

from synthderm.datasets.folder import SkinFolder, training_split
from synthderm.imaging.color import ita
from synthderm.imaging.io import to_tensor
from synthderm.imaging.masks import skin_region

CLOSE_UPS = 4  # at most, from one photograph: more would overlap


class Photographs(NamedTuple):
    """Training images on one device.

    images: (N, 4, S, S) uint8; the fourth channel is the region, 0 or 255 (grey where it was
    shrunk).
    labels: (N,) int64, index into `classes`.
    tones: (N,) float, ITA of the skin in degrees: of the region where that is skin, else of what is
    outside it.
    """

    images: Tensor
    labels: Tensor
    tones: Tensor
    classes: list[str]

    def to(self, device: torch.device) -> "Photographs":
        return self._replace(
            images=self.images.to(device),
            labels=self.labels.to(device),
            tones=self.tones.to(device),
        )

    def deciles(self) -> list[float]:
        """11 tones in degrees, from the 1st to the 99th percentile: what a generator may be asked
        for."""
        return [
            round(value, 2)
            for value in self.tones.quantile(
                torch.linspace(0.01, 0.99, 11, device=self.tones.device)
            ).tolist()
        ]

    def draw(
        self, batch: int, flips: str = "all", size: int | None = None, balance: bool = False
    ) -> tuple[Tensor, Tensor, Tensor]:
        """A random batch: images (B, 4, size, size) in [-1, 1], labels and tones.

        Args:
            flips: orientations that mean the same: "none", "horizontal" or "all" (8). Each image is
                in one of them.
            size: side in pixels, at most S.
            balance: every class equally often, instead of every photograph.
        """
        weights = (
            torch.bincount(self.labels, minlength=len(self.classes))
            .float()
            .reciprocal()[self.labels]
            if balance
            else torch.ones_like(self.tones)
        )
        index = torch.multinomial(weights, batch, replacement=True)
        x = self.images[index].float() / 127.5 - 1
        if flips != "none":
            x = torch.where(torch.rand(batch, 1, 1, 1, device=x.device) < 0.5, x.flip(3), x)
        if flips == "all":
            x = torch.where(torch.rand(batch, 1, 1, 1, device=x.device) < 0.5, x.flip(2), x)
            x = torch.where(torch.rand(batch, 1, 1, 1, device=x.device) < 0.5, x.transpose(2, 3), x)
        if size not in (None, x.shape[-1]):
            x = F.interpolate(x, size=size, mode="area")
        return (
            x.contiguous(memory_format=torch.channels_last),
            self.labels[index],
            self.tones[index],
        )


def load_photographs(data: str, split: str | None, size: int, region: str = "given") -> Photographs:
    """The photographs of a split, read as `SkinFolder` reads them.

    Args:
        split: as in `SkinFolder`; all where None.
        size: side in pixels; photographs are squeezed to a square.
        region: "given", the data set's masks; "skin", where `skin_region` finds skin; or
            "close-up": squares of healthy skin beside the lesions, cut about as large as they are
            used, which are all region and of one class, "skin".

    Raises:
        ValueError, OSError: as `SkinFolder`; or no photograph has enough healthy skin beside its
            lesion.
    """
    folder = SkinFolder(data, split=split, return_mask=region != "skin")
    images, labels = [], []
    for index in tqdm(
        range(len(folder)), desc=f"read {split or 'all'}", file=sys.stderr, disable=None
    ):
        image, mask, label = folder.read(index)
        if region == "close-up":
            found = close_ups(image, mask, size)
            images += found
            labels += [0] * len(found)
            continue
        pixels = to_tensor(image.resize((size, size), resample=3, reducing_gap=3))
        if region == "given":
            inside = to_tensor(mask.resize((size, size), resample=4))
        else:
            inside = skin_region(pixels[None].float() / 255)[0].byte() * 255
        images.append(torch.cat([pixels, inside]))
        labels.append(label)
    if not images:
        raise ValueError(
            f"no photograph in {data} has a square of {size} px of healthy skin beside its lesion:"
            " try a smaller --size."
        )
    images = torch.stack(images)
    return Photographs(
        images,
        torch.tensor(labels),
        measure_tones(images, region),
        ["skin"] if region == "close-up" else folder.classes,
    )


def load_validation(data: str, size: int, region: str = "given") -> Photographs | None:
    """The `val` split, or None where there is none apart from the training photographs."""
    if training_split(data) is None:
        return None
    try:
        train, val = SkinFolder(data, split="train"), SkinFolder(data, split="val")
    except ValueError:
        return None
    if {path for path, *_ in train.samples} & {path for path, *_ in val.samples}:
        return None  # a folder without a sub-folder val
    return load_photographs(data, "val", size, region)


def close_ups(image, mask, size: int) -> list[Tensor]:
    """Up to four squares (4, size, size) uint8 of a PIL photograph that show skin and no lesion;
    the lesion's border is left out with it.

    They are taken at the photograph's own scale, or at 2.5 times `size` for the shorter side where
    it is larger, and far from each other.
    """
    scale = max(size / min(image.size), min(1.0, 2.5 * size / min(image.size)))
    shape = tuple(max(size, round(side * scale)) for side in image.size)
    pixels = to_tensor(image.resize(shape, resample=2))
    lesion = (to_tensor(mask.resize(shape, resample=0)) > 0).float()[None]
    grown = F.max_pool2d(lesion, 9, 1, 4)
    healthy = skin_region(pixels[None].float() / 255).float() * (1 - grown)
    stride = max(1, size // 8)
    clean = (F.avg_pool2d(healthy, size, stride) > 0.98) & (F.avg_pool2d(grown, size, stride) == 0)
    places = clean[0, 0].nonzero() * stride
    chosen = places[:1]
    while len(chosen) and len(chosen) < CLOSE_UPS:
        distance = torch.cdist(places.float(), chosen.float()).amin(1)
        if distance.max() < size / 2:
            break
        chosen = torch.cat([chosen, places[distance.argmax()][None]])
    whole = torch.full((1, size, size), 255, dtype=torch.uint8)
    return [
        torch.cat([pixels[:, top : top + size, left : left + size], whole])
        for top, left in chosen.tolist()
    ]


def measure_tones(images: Tensor, region: str) -> Tensor:
    """ITA in degrees of (N, 4, S, S) uint8 images' skin, (N,); the median of the rest where an
    image shows none."""
    tones = []
    for part in images.split(256):
        inside = part[:, 3:] > 127
        tones.append(ita(part[:, :3].float() / 255, ~inside if region == "given" else inside))
    tones = torch.cat(tones)
    return torch.where(tones.isnan(), tones.nanmedian(), tones).nan_to_num(0.0)
