"""Drawn photographs for the tests of the audit, each with a structure of its own, and a tiny timm
network with random weights."""

from pathlib import Path

import torch
import torch.nn.functional as F
from PIL import Image

from synthderm.audit.images import AuditImages
from synthderm.imaging.io import to_pil


def draw(count: int, seed: int, side: int = 64) -> torch.Tensor:
    """(count, 3, side, side) uint8: skin with blotches of several sizes."""
    rng = torch.Generator().manual_seed(seed)
    skin = torch.tensor([0.8, 0.6, 0.5]).view(1, 3, 1, 1).expand(count, 3, side, side)
    for cells, depth in ((4, 0.25), (12, 0.15), (32, 0.08)):
        blotches = torch.rand(count, 1, cells, cells, generator=rng) - 0.5
        wide = F.interpolate(blotches, size=side, mode="bicubic", align_corners=False)
        skin = skin + depth * wide
    return (skin.clamp(0, 1) * 255).byte()


def draw_set(count: int, seed: int, place: str = "drawn") -> AuditImages:
    names = [f"{seed}-{k}" for k in range(count)]
    return AuditImages(place, draw(count, seed), names, [0] * count, ["image"], [None] * count)


def draw_folder(root: Path, count: int, seed: int) -> Path:
    """The same as files."""
    root.mkdir(parents=True)
    for k, image in enumerate(draw(count, seed)):
        to_pil(image).save(root / f"{k:03d}.png")
    return root


def write_network(folder: Path) -> str:
    """The specification of the network."""
    import timm
    from safetensors.torch import save_file

    torch.manual_seed(0)
    network = timm.create_model("test_efficientnet", pad_type="same")
    save_file(network.state_dict(), folder / "network.safetensors")
    return f"timm:test_efficientnet={folder / 'network.safetensors'}"


def open_files(folder: Path) -> list[Image.Image]:
    return [Image.open(path) for path in sorted(folder.glob("*.png"))]
