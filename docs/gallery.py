"""Makes the pictures of docs/gallery.md: docs/gallery-*.jpg, from the bundled models.

python -m docs.gallery
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from synthderm import SyntheticSkinDataset
from synthderm.datasets.sources import fit
from synthderm.imaging.contact_sheet import grid
from synthderm.imaging.io import to_pil, write_image

SIDE, COLUMNS = 200, 6

LESIONS: dict[str, Any] = {"source": "lesions", "size": 256}
CLINICAL: dict[str, Any] = {"source": "clinical", "size": 128}
OPEN_HANDS: dict[str, Any] = {"source": "hands", "labels": ["5"], "size": 128}
ECZEMA: dict[str, Any] = {"source": "eczema", "labels": ["mild", "moderate", "severe"], "size": 256}

# Not chosen: the first items of a seed.
FIRST = {
    "lesions": (LESIONS, 4, 18),
    "clinical": (CLINICAL, 4, 18),
    "hands": (OPEN_HANDS, 4, 12),
    "eczema": (ECZEMA, 4, 18),
}
# Chosen, because something is wrong with them: options, seed, and which items.
FAILURES = [
    (LESIONS | {"artifacts": {}}, 11, [3, 8, 31, 37, 46, 52]),
    (CLINICAL | {"artifacts": {}}, 2, [12, 24, 28, 34, 66, 75]),
    (OPEN_HANDS, 5, [11, 40, 47, 81, 92, 101]),
    (ECZEMA, 3, [7, 8, 16, 29, 32, 35]),
]
# The same lesions with other artifacts in each row, every kind of a row on each image.
ARTIFACTS = [(), ("hair",), ("ruler", "ink"), ("stubble", "bubbles"), ("patch", "corners")]


def pictures(options: dict[str, Any], seed: int, items: Sequence[int]) -> Tensor:
    """(N, 3, SIDE, SIDE) float in [0, 1]: these items of a data set."""
    data = SyntheticSkinDataset(length=max(items) + 1, seed=seed, **options)
    images, masks = data.generate(list(items))
    return fit(images.float() / 255, masks, SIDE)[0].clamp(0, 1)


def write(name: str, images: Tensor) -> None:
    path = Path(__file__).with_name(f"gallery-{name}.jpg")
    write_image(to_pil(grid(images, COLUMNS)), path)


def main() -> None:
    for name, (options, seed, count) in FIRST.items():
        write(name, pictures(options, seed, range(count)))
    rows = [LESIONS | {"artifacts": dict.fromkeys(kinds, 1.0)} for kinds in ARTIFACTS]
    write("artifacts", torch.cat([pictures(row, 4, range(COLUMNS)) for row in rows]))
    write("failures", torch.cat([pictures(*row) for row in FAILURES]))


if __name__ == "__main__":
    main()
