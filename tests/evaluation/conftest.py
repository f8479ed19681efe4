"""A tiny frozen network and photographs that it can tell apart."""

from pathlib import Path

import pytest
import timm
import torch
from PIL import Image
from safetensors.torch import save_file


@pytest.fixture(scope="session")
def classifier(tmp_path_factory) -> str:
    """A timm network with random weights in a file, as `classifier=` takes it."""
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("network") / "w.safetensors"
    save_file(timm.create_model("test_efficientnet").state_dict(), path)
    return f"test_efficientnet={path}"


@pytest.fixture(scope="session")
def photographs(tmp_path_factory) -> Path:
    """Two classes, a of 18 photographs and b of 12, of two colours that overlap."""
    root = tmp_path_factory.mktemp("photographs")
    rng = torch.Generator().manual_seed(0)
    for name, count, middle in (("a", 18, 120), ("b", 12, 150)):
        (root / name).mkdir()
        for k in range(count):
            red = int(middle + 25 * torch.randn((), generator=rng))
            Image.new("RGB", (20, 16), (red, 140, 120)).save(root / name / f"{k}.png")
    return root


def coloured(seeds, labels):
    """A source: pictures of the colours of a and b."""
    rng = torch.Generator().manual_seed(int(seeds[0]) % 2**40)
    red = 120 + 30 * labels + 10 * torch.randn(len(labels), generator=rng)
    images = torch.tensor([0.0, 140.0, 120.0]).view(1, 3, 1, 1).repeat(len(labels), 1, 16, 16)
    images[:, 0] = red.view(-1, 1, 1)
    return images.to(torch.uint8)


coloured.classes = ["a", "b"]


@pytest.fixture
def source():
    return coloured
