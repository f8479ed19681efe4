"""The images of the transfer benchmark: calm crops that are edited, and crops of inflamed and calm
skin on which the probe is tested.

Every crop is a square of a photograph, enlarged or reduced to 224 pixels. Crops depend on the
folders alone, so that all rows and seeds share them.
"""

import zlib
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import NamedTuple

import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from benchmarks.editing.windows import INFLAMED, STEP, place_beside_lesion
from synthderm.datasets.folder import SkinFolder
from synthderm.datasets.tables import read_table
from synthderm.imaging.io import read_image, to_tensor

SIDE, LARGEST = 224, 512  # of crops, and of photographs, in pixels
HANDS, DERMOSCOPY_SKIN, DERMOSCOPY_NAEVI = 40, 50, 30  # crops for training, at most
PER_BOX = 8
DARK = 60  # mean grey level of a corner of 8 x 8 pixels; below it the dermatoscope's rim is seen
PHOTOGRAPHED = ("ACK", "BCC", "SCC", "NEV", "SEK")

Box = tuple[float, float, float, float]  # left, top, right, bottom in pixels
Crop = tuple[Tensor, str, str]  # (3, 224, 224) uint8, kind, group


class Crops(NamedTuple):
    """Square crops.

    images: (N, 3, 224, 224) uint8.
    kinds: what each shows.
    groups: the patient or photograph of each; crops of one group are resampled together.
    """

    images: Tensor
    kinds: list[str]
    groups: list[str]


class Photograph(NamedTuple):
    """A close-up. `lesion` is (1, H, W) float, 0 or 1, or None where no mask was drawn."""

    image: Image.Image
    lesion: Tensor | None
    label: str
    patient: str


def calm_crops(padufes: str, hands: str, isic: str, limit: int) -> Crops:
    """Crops without inflammation: healthy skin and whole naevi of close-ups and of dermoscopy, and
    hands. With the naevi, a spot alone is no sign of inflammation.

    All are of `train`, and close-ups are of patients on whom nothing is tested.

    Args:
        padufes, isic: folders of photographs with lesion masks.
        hands: folder of hands.
        limit: crops of each kind at most.
    """
    rng = torch.Generator().manual_seed(0)
    parts = chain(_close_ups(padufes, rng), _hands(hands, rng), _dermoscopy(isic, rng))
    return gather(parts, limit, padufes)


def box_crops(inflamed: str, limit: int) -> Crops:
    """Random squares in boxes of "inflamed" and of "calm" skin, eight in each box.

    Args:
        inflamed: folder with boxes.csv (columns `file_name`, relative to the folder's parent;
            `kind`; `left`, `top`, `right`, `bottom`, shares of width and height).
        limit: crops of each kind at most.
    """
    root = Path(inflamed)
    rows = read_table(root / "boxes.csv", "file_name", "kind", "left", "top", "right", "bottom")
    images = {row["file_name"]: read_image(root.parent / row["file_name"]) for row in rows}

    def crops() -> Iterator[Crop]:
        rng = torch.Generator().manual_seed(1)
        for _ in range(PER_BOX):  # outermost, so that the first crops are of many boxes
            for row in rows:
                image = images[row["file_name"]]
                left, right = (float(row[edge]) * image.width for edge in ("left", "right"))
                top, bottom = (float(row[edge]) * image.height for edge in ("top", "bottom"))
                side = min(right - left, bottom - top) * _uniform(0.6, 1.0, rng)
                box = _random_square((left, top, right, bottom), side, rng)
                yield crop(image, box), row["kind"], row["file_name"]

    return gather(crops(), limit, inflamed)


def lesion_crops(padufes: str, limit: int) -> Crops:
    """Inflamed lesions, "lesion", each with as much "skin" beside it, of patients whom the probe
    has not seen. Squares are as wide as the lesion, within 0.3 to 0.45 of the shorter side."""

    def crops() -> Iterator[Crop]:
        rng = torch.Generator().manual_seed(2)
        for image, lesion, _, patient in photographs(padufes, INFLAMED, trained=False):
            if lesion is None or not lesion.any():
                continue
            places = lesion[0].nonzero()
            extent = int((places.amax(0) - places.amin(0)).max()) + 1
            shorter = min(image.size)
            side = int(min(max(extent, 0.3 * shorter), 0.45 * shorter)) // STEP * STEP
            y, x = (places.float().mean(0) - side / 2).tolist()
            top, left = min(max(y, 0), image.height - side), min(max(x, 0), image.width - side)
            for box in beside_lesion(image, lesion, side, rng):
                yield crop(image, (left, top, left + side, top + side)), "lesion", patient
                yield crop(image, box), "skin", patient

    return gather(crops(), limit, padufes)


def photograph_crops(padufes: str, limit: int) -> Crops:
    """The middle of each photograph of a patient whom the probe has not seen. The kind is the
    diagnosis: ACK, BCC, SCC, NEV or SEK."""

    def crops() -> Iterator[Crop]:
        for image, _, label, patient in photographs(padufes, PHOTOGRAPHED, trained=False):
            yield crop(image, middle(image, 0.9)), label, patient

    return gather(crops(), limit, padufes)


def is_training_patient(patient: str) -> bool:
    """Half of the patients of `train`. Not by `hash_split`, which would give 70%: the intervals
    need patients in the tests."""
    return zlib.crc32(patient.encode()) % 2 == 0


def photographs(data: str, labels: Sequence[str] | None, *, trained: bool) -> Iterator[Photograph]:
    """Photographs of these labels, of patients whose skin trains the probe, or of all others.

    Args:
        data: folder of photographs; its splits are by patient.
        labels: what to keep; all where None.
        trained: half of the patients of `train`; else the other half, `val` and `test`.
    """
    for split in ("train",) if trained else ("train", "val", "test"):
        folder = SkinFolder(data, split=split)
        for index, (path, target) in enumerate(folder.samples):
            patient, label = folder.groups[index] or Path(path).name, folder.classes[target]
            is_trained = split == "train" and is_training_patient(patient)
            if is_trained == trained and label in (labels or folder.classes):
                yield Photograph(*_read(folder, index), label, patient)


def _read(folder: SkinFolder, index: int) -> tuple[Image.Image, Tensor | None]:
    """Image, at most 512 pixels wide and high, and lesion (1, H, W)."""
    image, mask, _ = folder.read(index)
    image.thumbnail((LARGEST, LARGEST))
    if mask is None:
        return image, None
    return image, (to_tensor(mask.resize(image.size, Image.Resampling.NEAREST)) > 0).float()


def _close_ups(data: str, rng: torch.Generator) -> Iterator[Crop]:
    """Up to two windows of healthy skin from each photograph, and each naevus at three scales."""
    for image, lesion, label, patient in photographs(data, None, trained=True):
        if lesion is None or not lesion.any():
            continue
        shorter = min(image.size)
        for _ in range(2):
            side = int(_uniform(0.3, 0.55, rng) * shorter) // STEP * STEP
            for box in beside_lesion(image, lesion, side, rng):
                yield crop(image, box), "skin", patient
        if label == "NEV":
            for share in (0.6, 0.8, 1.0):
                box = _random_square((0, 0, *image.size), share * shorter, rng)
                yield crop(image, box), "naevus", patient


def _hands(data: str, rng: torch.Generator) -> Iterator[Crop]:
    folder = SkinFolder(data, split="train")
    for index in torch.randperm(len(folder), generator=rng)[:HANDS].tolist():
        image, _ = _read(folder, index)
        yield crop(image, middle(image)), "hand", folder.samples[index][0]


def _dermoscopy(data: str, rng: torch.Generator) -> Iterator[Crop]:
    """Whole naevi and windows of healthy skin, no two of one photograph. A photograph with a dark
    corner is left out: the rim of the dermatoscope is no skin."""
    folder = SkinFolder(data, split="train", return_mask=True)
    naevi = skin = 0
    for index in torch.randperm(len(folder), generator=rng).tolist():
        image, lesion = _read(folder, index)
        path, label = folder.samples[index]
        cells = F.avg_pool2d(to_tensor(image).float().mean(0, keepdim=True), 8)[0]
        if lesion is None or cells[[0, 0, -1, -1], [0, -1, 0, -1]].min() < DARK:
            continue
        if folder.classes[label] == "nevus" and naevi < DERMOSCOPY_NAEVI:
            yield crop(image, middle(image)), "naevus, dermoscopy", path
            naevi += 1
        elif skin < DERMOSCOPY_SKIN:
            side = int(0.43 * min(image.size)) // STEP * STEP
            for box in beside_lesion(image, lesion, side, rng):
                yield crop(image, box), "skin, dermoscopy", path
                skin += 1
        elif naevi == DERMOSCOPY_NAEVI:
            return


def gather(crops: Iterator[Crop], limit: int, source: str) -> Crops:
    """The first crops of each kind, `limit` at most, of a source that an error names."""
    counts, kept = Counter[str](), list[Crop]()
    for one in crops:
        counts[one[1]] += 1
        if counts[one[1]] <= limit:
            kept.append(one)
    if not kept:
        raise ValueError(f"{source} has no photograph for these crops: are there lesion masks?")
    images, kinds, groups = zip(*kept)
    return Crops(torch.stack(images), list(kinds), list(groups))


def beside_lesion(image: Image.Image, lesion: Tensor, side: int, rng: torch.Generator) -> list[Box]:
    """One random square of healthy skin of this side, or none where there is no room."""
    corners = place_beside_lesion(to_tensor(image), lesion, side, rng)[:1]
    return [(left, top, left + side, top + side) for top, left in corners]


def crop(image: Image.Image, box: Box) -> Tensor:
    """A square of a photograph, (3, 224, 224) uint8."""
    return to_tensor(image.resize((SIDE, SIDE), Image.Resampling.BICUBIC, box=box))


def middle(image: Image.Image, share: float = 1.0) -> Box:
    """The square in the middle that has this share of the shorter side."""
    side = share * min(image.size)
    left, top = (image.width - side) / 2, (image.height - side) / 2
    return left, top, left + side, top + side


def _random_square(box: Box, side: float, rng: torch.Generator) -> Box:
    """A random square of this side inside a box."""
    left = _uniform(box[0], box[2] - side, rng)
    top = _uniform(box[1], box[3] - side, rng)
    return left, top, left + side, top + side


def _uniform(low: float, high: float, rng: torch.Generator) -> float:
    return low + (high - low) * float(torch.rand((), generator=rng))
