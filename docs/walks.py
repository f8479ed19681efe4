"""Makes docs/walks.jpg, the README's second picture, from the bundled models.

python -m docs.walks
"""

from pathlib import Path

import torch

from synthderm import SyntheticSkinDataset
from synthderm.cli.walk import growth_walk, latent_walk, severity_walk
from synthderm.imaging.contact_sheet import grid
from synthderm.imaging.io import to_pil, write_image
from synthderm.models.cache import load_generator
from synthderm.transforms.functional import add_eczema

COLUMNS, SIDE = 9, 112


def main() -> None:
    lesions = load_generator("lesions")
    nevus, melanoma, keratosis = (
        lesions.classes.index(name) for name in ("nevus", "melanoma", "seborrheic_keratosis")
    )
    hands, _ = SyntheticSkinDataset("hands", length=1, labels="5", seed=31, size=SIDE).generate([0])
    hand = hands[0]
    mask = add_eczema(hand, severity=0.0, coverage=0.5, seed=2).masks
    rows = [
        latent_walk(lesions, [8, 0, 5, 12], [nevus] * 4, COLUMNS, size=SIDE)[0],
        latent_walk(lesions, [8, 8, 8], [nevus, melanoma, keratosis], COLUMNS, size=SIDE)[0],
        severity_walk(hand, mask, COLUMNS, seed=2).images.float() / 255,
        growth_walk(hand, mask, COLUMNS, 0.9, seed=2).images.float() / 255,
    ]
    write_image(to_pil(grid(torch.cat(rows), COLUMNS)), Path(__file__).with_name("walks.jpg"))


if __name__ == "__main__":
    main()
