"""Makes docs/overview.png, the README's picture, from the bundled models: python
docs/overview.py"""

from pathlib import Path

import torch

from synthderm import SyntheticSkinDataset
from synthderm.imaging.io import grid, outline, to_pil, write_image
from synthderm.transforms.functional import add_eczema

COLUMNS, SIDE = 8, 112


def samples(source: str, labels, seed: int, outlined: bool = True) -> torch.Tensor:
    data = SyntheticSkinDataset(source, length=COLUMNS, labels=labels, seed=seed, size=SIDE)
    images, masks = data.generate(list(range(COLUMNS)))
    images = images.float() / 255
    return outline(images, masks) if outlined else images


def main() -> None:
    hand = SyntheticSkinDataset("hands", length=1, labels="5", seed=31, size=SIDE).generate([0])[0]
    severity = torch.linspace(0, 1, COLUMNS)
    edited = torch.cat(
        [add_eczema(hand, severity=s, coverage=0.5, seed=2).images for s in severity]
    )
    rows = [
        samples("lesions", None, 1),
        samples("lesions", None, 2, outlined=False),
        samples("eczema", ["mild", "moderate", "severe"], 3),
        edited.float() / 255,
    ]
    write_image(to_pil(grid(torch.cat(rows), COLUMNS)), Path(__file__).with_name("overview.png"))


if __name__ == "__main__":
    main()
