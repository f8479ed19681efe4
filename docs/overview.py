"""Makes docs/overview.png, the README's picture, from the bundled models.

python -m docs.overview
"""

from pathlib import Path

import torch
from torch import Tensor

from synthderm import SyntheticSkinDataset
from synthderm.imaging.contact_sheet import grid, outline
from synthderm.imaging.io import to_pil, write_image
from synthderm.transforms.functional import add_eczema

COLUMNS, SIDE = 8, 112


def sample_row(source: str, labels: list[str] | None, seed: int, outlined: bool = True) -> Tensor:
    """A row of generated images, with the border of their masks where wanted: (COLUMNS, 3, SIDE,
    SIDE) float in [0, 1]."""
    data = SyntheticSkinDataset(source, length=COLUMNS, labels=labels, seed=seed, size=SIDE)
    images, masks = data.generate(list(range(COLUMNS)))
    pixels = images.float() / 255
    return outline(pixels, masks) if outlined else pixels


def severity_row() -> Tensor:
    """One generated hand with eczema of rising severity."""
    hand, _ = SyntheticSkinDataset("hands", length=1, labels="5", seed=31, size=SIDE).generate([0])
    edits = [
        add_eczema(hand, severity=severity, coverage=0.5, seed=2).images
        for severity in torch.linspace(0, 1, COLUMNS)
    ]
    return torch.cat(edits).float() / 255


def main() -> None:
    rows = [
        sample_row("lesions", None, 1),
        sample_row("lesions", None, 2, outlined=False),
        sample_row("eczema", ["mild", "moderate", "severe"], 3),
        severity_row(),
    ]
    write_image(to_pil(grid(torch.cat(rows), COLUMNS)), Path(__file__).with_name("overview.png"))


if __name__ == "__main__":
    main()
