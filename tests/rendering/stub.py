"""A data set that costs nothing, and the files of a rendering."""

from pathlib import Path

import torch

from synthderm import SyntheticSkinDataset


def noise(seeds: torch.Tensor, labels: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Noise from the seed, the label in the first channel; a mask that depends on the seed."""
    images = torch.stack(
        [
            torch.rand(3, 8, 8, generator=torch.Generator().manual_seed(seed))
            for seed in seeds.tolist()
        ]
    )
    images[:, 0] = labels.view(-1, 1, 1) / 10
    return images, images[:, 1:2] > 0.5


def data(length: int, **options) -> SyntheticSkinDataset:
    return SyntheticSkinDataset(noise, **{"classes": ["b", "a", "c"], "length": length} | options)


def files(out: Path) -> dict[str, bytes]:
    """All files below a folder, by name."""
    paths = [path for path in out.rglob("*") if path.is_file()]
    return {path.relative_to(out).as_posix(): path.read_bytes() for path in paths}
