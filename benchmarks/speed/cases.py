"""What is timed, and what is compared with what."""

from collections.abc import Callable
from importlib import import_module
from importlib.metadata import version
from importlib.util import find_spec
from itertools import cycle
from typing import NamedTuple

import torch
from PIL import Image
from torch.utils.data import BatchSampler, DataLoader
from torchvision import tv_tensors
from torchvision.transforms import v2

from benchmarks.references.cyclegan import ResNet9
from benchmarks.references.pix2pix import UNet
from benchmarks.speed.photograph import ITEMS, JpegDataset, decode, draw_photograph
from synthderm import EczemaEdit, SyntheticSkinDataset
from synthderm.imaging.io import to_pil

BATCH = 8
MEAN, STD = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]


class Case(NamedTuple):
    """Something to time."""

    run: Callable[[], object]
    images: int = 1  # in one call
    least: int = 16  # images in a turn, at least: most cases do something random to each


class Row(NamedTuple):
    """A comparison: the time of one case over that of another."""

    case: str
    against: str
    goal: float | None = None  # at most this ratio; None: no goal


def edits(small: int, large: int, data: bytes) -> tuple[dict[str, Case], list[Row]]:
    """Everything that `EczemaEdit` does, and what it is compared with.

    Args:
        small, large: sides of the images in pixels.
        data: a JPEG file.
    """
    edit, half = EczemaEdit(p=1), EczemaEdit(p=0.5)
    given = EczemaEdit(p=1, mask="given")
    image, big = draw_photograph(small, small), draw_photograph(large, large)
    pil = to_pil(image)
    batch = image.expand(BATCH, -1, -1, -1).contiguous()
    middle = slice(large // 4, large // 4 + large // 2)
    quarter = torch.zeros(1, large, large, dtype=torch.bool)
    quarter[:, middle, middle] = True
    sample = tv_tensors.Image(big), tv_tensors.Mask(quarter)
    cases = {
        f"EczemaEdit, {small} px": Case(lambda: edit(image)),
        f"EczemaEdit, {small} px, batch of {BATCH}": Case(lambda: edit.batch(batch), BATCH),
        f"EczemaEdit, {small} px, PIL": Case(lambda: edit(pil)),
        f"EczemaEdit, {large} px": Case(lambda: edit(big)),
        f"EczemaEdit, {large} px, mask in a quarter": Case(lambda: given(*sample)),
        "EczemaEdit, p=0.5 on PIL in a pipeline": pipeline(data, half),
        "EczemaEdit, p=0.5 on tensors in a pipeline": pipeline(data, half, as_tensor=True),
    }
    one, many, on_pil, whole, part, pipeline_pil, pipeline_tensor = cases
    rows = [
        Row(one, f"RandAugment, {small} px", 1.5),
        Row(many, f"RandAugment, {small} px", 0.8),
        Row(one, f"ColorJitter, {small} px", 0.5),
        Row(one, f"decode a JPEG of 450x600 and resize to {small} px", 0.5),
        Row(on_pil, f"ColorJitter, {small} px, PIL", 1.0),
        Row(on_pil, f"RandAugment, {small} px, PIL"),
        Row(whole, f"RandAugment, {large} px", 0.75),
        Row(part, f"RandAugment, {large} px", 0.3),
        Row(pipeline_pil, "pipeline without", 1.25),
        Row(pipeline_tensor, "pipeline without", 1.25),
        Row(one, f"CycleGAN ResNet-9, {small} px", 1 / 400),
        Row(one, f"pix2pix U-Net, {small} px"),
    ]
    return cases, rows + [Row(one, name) for name in peers(image, small)]


def peers(image: torch.Tensor, small: int) -> dict[str, Case]:
    """ColorJitter in other libraries, as far as these are installed, on what they take.

    Args:
        image: (3, small, small) uint8.
        small: side of the image in pixels.
    """
    array, floats = image.permute(1, 2, 0).contiguous().numpy(), image[None] / 255
    amounts = (0.4, 0.4, 0.4, 0.1)
    cases = {}
    if find_spec("albumentations"):
        transform = import_module("albumentations").ColorJitter(*amounts, p=1)
        cases["albumentations"] = Case(lambda: transform(image=array))
    if find_spec("kornia"):
        jitter = import_module("kornia.augmentation").ColorJitter(*amounts, p=1)
        cases["kornia"] = Case(lambda: jitter(floats))
    return {
        f"ColorJitter of {name} {version(name)}, {small} px": case for name, case in cases.items()
    }


def pipeline(data: bytes, *edit: v2.Transform, as_tensor: bool = False) -> Case:
    """An epoch of a usual training pipeline in this process, as one worker does it.

    Args:
        data: a JPEG file.
        edit: one more transform, on PIL images or on tensors.
        as_tensor: whether `edit` gets tensors.
    """
    crop = [v2.RandomResizedCrop(224), v2.RandomHorizontalFlip()]
    finish = [v2.ToDtype(torch.float32, scale=True), v2.Normalize(MEAN, STD)]
    middle = [v2.ToImage(), *edit] if as_tensor else [*edit, v2.ToImage()]
    dataset = JpegDataset(data, v2.Compose([*crop, *middle, *finish]))
    loader = DataLoader(dataset, batch_size=ITEMS, shuffle=True)
    return Case(lambda: list(loader), ITEMS)


def references(small: int, large: int, data: bytes, width: int) -> dict[str, Case]:
    """What pipelines do already, a CycleGAN, and pix2pix in five of its eight levels.

    Args:
        small, large: sides of the images in pixels.
        data: a JPEG file.
        width: of both, at their first level; 64 in their papers.
    """
    image, big = draw_photograph(small, small), draw_photograph(large, large)
    pil, network = to_pil(image), ResNet9(width).eval().requires_grad_(False)
    unet = UNet(4, 3, [times * width for times in (1, 2, 4, 8, 8)]).eval().requires_grad_(False)
    augment, jitter = v2.RandAugment(), v2.ColorJitter(0.4, 0.4, 0.4, 0.1)
    signal = (image[None] / 127.5 - 1).float()
    with_mask = torch.cat([signal, signal[:, :1]], dim=1)

    def decode_and_resize() -> Image.Image:
        return decode(data).resize((small, small), Image.Resampling.BILINEAR)

    return {
        f"RandAugment, {small} px": Case(lambda: augment(image)),
        f"ColorJitter, {small} px": Case(lambda: jitter(image)),
        f"decode a JPEG of 450x600 and resize to {small} px": Case(decode_and_resize),
        f"ColorJitter, {small} px, PIL": Case(lambda: jitter(pil)),
        f"RandAugment, {small} px, PIL": Case(lambda: augment(pil)),
        f"RandAugment, {large} px": Case(lambda: augment(big)),
        "pipeline without": pipeline(data),
        f"CycleGAN ResNet-9, {small} px": Case(lambda: network(signal), least=1),
        f"pix2pix U-Net, {small} px": Case(lambda: unet(with_mask), least=1),
    } | peers(image, small)


def generated(data: bytes) -> tuple[dict[str, Case], list[Row]]:
    """Items of a `SyntheticSkinDataset` in a DataLoader's batches, against photographs that are
    decoded and cropped."""
    cases, rows = {}, []
    for side, goal in ((64, 0.75), (128, 0.8)):
        made = f"a generated lesion, {side} px"
        read = f"decode a JPEG of 450x600, RandomResizedCrop({side}), flip"
        crop = v2.Compose([v2.RandomResizedCrop(side), v2.RandomHorizontalFlip()])
        cases[made] = next_batch(SyntheticSkinDataset("lesions", length=4096, size=side))
        cases[read] = next_batch(JpegDataset(data, crop))
        rows.append(Row(made, read, goal))
    return cases, rows


def next_batch(dataset: JpegDataset | SyntheticSkinDataset) -> Case:
    """A batch of items, other ones each time."""
    batches = cycle(BatchSampler(range(len(dataset)), ITEMS, drop_last=True))
    fetch = getattr(dataset, "__getitems__", lambda rows: [dataset[row] for row in rows])
    return Case(lambda: fetch(next(batches)), ITEMS)
