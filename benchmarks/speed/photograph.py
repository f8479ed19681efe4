"""A drawn photograph: all skin, and as large a file as a real one."""

import io
from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor
from torch.utils.data import Dataset

from synthderm.imaging.io import parse_image, to_pil

ITEMS = 16  # images in a DataLoader's batch

# Optical density (red, green, blue) of skin, and of the melanin and haemoglobin that vary in it.
BASE = (0.22, 0.52, 0.68)
MELANIN = (0.6, 0.9, 1.2)
HAEMOGLOBIN = (0.1, 1.0, 0.8)


def draw_photograph(height: int, width: int) -> Tensor:
    """(3, height, width) uint8: skin under uneven light, with as much fine detail as makes JPEG
    files of a usual size."""
    rng = torch.Generator().manual_seed(0)

    def noise(cells: int) -> Tensor:
        field = torch.randn(1, 1, cells, cells, generator=rng)
        return F.interpolate(field, size=(height, width), mode="bicubic", align_corners=False)[0]

    melanin = 0.08 * noise(3) + 0.02 * noise(12)
    haemoglobin = 0.06 * noise(4) + 0.03 * noise(25)
    grain = 0.04 * noise(60) + 0.04 * noise(90)
    grain = grain + 0.01 * torch.randn(1, height, width, generator=rng)
    base, brown, red = (torch.tensor(color).view(3, 1, 1) for color in (BASE, MELANIN, HAEMOGLOBIN))
    image = torch.exp(-base - brown * melanin - red * haemoglobin - grain)
    return (255 * image).clamp(0, 255).to(torch.uint8)


def encode(image: Tensor) -> bytes:
    """A JPEG file of a (3, H, W) uint8 image."""
    file = io.BytesIO()
    to_pil(image).save(file, format="JPEG", quality=95)
    return file.getvalue()


def decode(data: bytes) -> Image.Image:
    return parse_image(data, "the drawn photograph")


class JpegDataset(Dataset[tuple[Any, int]]):
    """A folder of JPEG files without the disk: decoded from memory, then transformed.

    Args:
        data: one JPEG file, which stands for all.
        transform: of the decoded image.
    """

    def __init__(self, data: bytes, transform: Callable[[Image.Image], Any]) -> None:
        self.data, self.transform = data, transform

    def __len__(self) -> int:
        return ITEMS

    def __getitem__(self, index: int) -> tuple[Any, int]:
        return self.transform(decode(self.data)), index % 2
