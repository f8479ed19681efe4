"""Makes docs/edits-WAY.jpg, which shows what each way of training an editor adds and removes, from
generated hands and drawn skin: no photographs.

    python -m docs.edits --model paired=./runs/paired/model masked=./runs/masked/model

One picture an editor, of two blocks side by side, light skin and dark: skin, eczema at severity
0.3, 0.6 and 1, and the last removed again. Rows are generated hands and skin drawn at the scale of
a close-up; the mask is outlined in the first column.
"""

import argparse
from pathlib import Path

import torch
import torch.nn.functional as F
from PIL import Image, ImageDraw
from torch import Tensor

from benchmarks.editing.methods import add_model_argument
from benchmarks.editing.windows import shift_tone
from synthderm import SyntheticSkinDataset
from synthderm.imaging.compositing import THUMBNAIL
from synthderm.imaging.contact_sheet import grid, outline
from synthderm.imaging.io import to_pil, write_image
from synthderm.imaging.masks import sample_masks, skin_region
from synthderm.imaging.resize import enlarge
from synthderm.imaging.tile_parts import skin_lines, smooth
from synthderm.transforms.functional import add_eczema, remove_eczema

SIDE, HANDS, CLOSE_UPS = 112, 2, 2
SEED = 12
TONES = {"light": 50.0, "dark": -40.0}  # ITA in degrees
LEVELS = (0.3, 0.6, 1.0)
COLUMNS = 2 + len(LEVELS)
GAP, MARGIN, BETWEEN = 2, 18, 10  # pixels between images, for the text, and between blocks


def draw_skin(count: int) -> Tensor:
    """Close-ups of healthy skin: mean color, uneven light, mottling and skin lines; (N, 3, SIDE,
    SIDE) in [0, 1]."""
    rng = torch.Generator().manual_seed(4)
    broad = enlarge(torch.randn(count, 1, 5, 5, generator=rng), SIDE, SIDE, kind="cubic")
    mottle = enlarge(torch.randn(count, 3, 20, 20, generator=rng), SIDE, SIDE, kind="cubic")
    lines = smooth(skin_lines(9.0, rng), 0.5)[None, None, :SIDE, :SIDE] - 1
    grain = F.avg_pool2d(torch.randn(count, 1, SIDE + 2, SIDE + 2, generator=rng), 3, 1)
    color = torch.tensor([0.78, 0.60, 0.50]).view(1, 3, 1, 1)
    return (color * (1 + 0.04 * broad + 0.012 * mottle + 0.06 * lines + 0.03 * grain)).clamp(0, 1)


def make_images() -> tuple[Tensor, Tensor]:
    """Healthy skin (N, 3, SIDE, SIDE) uint8, and masks (N, 1, SIDE, SIDE) bool."""
    data = SyntheticSkinDataset("hands", length=HANDS, labels=["5", "4"], seed=21, size=SIDE)
    hands, _ = data.generate(list(range(HANDS)))
    images = torch.cat([hands, (draw_skin(CLOSE_UPS) * 255).round().to(torch.uint8)])
    skin = skin_region(F.interpolate(images.float() / 255, size=THUMBNAIL, mode="area"))
    coverage = torch.tensor([0.6] * HANDS + [0.3] * CLOSE_UPS)
    rng = torch.Generator().manual_seed(SEED)
    return images, sample_masks((SIDE, SIDE), coverage, skin, rng)


def edit_block(model: str, skin: Tensor, masks: Tensor) -> Tensor:
    """(N * COLUMNS, 3, SIDE, SIDE) uint8: each row skin with the mask's outline, three severities,
    and the last one removed."""
    added = [add_eczema(skin, masks, level, seed=SEED, model=model).images for level in LEVELS]
    removed = remove_eczema(added[-1], masks, model=model).images
    first = (outline(skin.float() / 255, masks) * 255).round().to(torch.uint8)
    return torch.stack([first, *added, removed], dim=1).flatten(0, 1)


def make_page(way: str, model: str, images: Tensor, masks: Tensor) -> Image.Image:
    """The picture of one editor."""
    width, height = (count * (SIDE + GAP) - GAP for count in (COLUMNS, len(images)))
    page = Image.new("RGB", (2 * width + BETWEEN, height + MARGIN), "white")
    text = ImageDraw.Draw(page)
    for block, (tone, angle) in enumerate(TONES.items()):
        left = block * (width + BETWEEN)
        titles = [f"{way}, {tone}", *(f"severity {level}" for level in LEVELS), "removed"]
        for column, title in enumerate(titles):
            text.text((left + column * (SIDE + GAP) + 2, 3), title, fill="black")
        skin, _ = shift_tone(images, angle)
        page.paste(to_pil(grid(edit_block(model, skin, masks), COLUMNS)), (left, MARGIN))
    return page


def main() -> None:
    p = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    add_model_argument(p)
    p.add_argument(
        "--out", type=Path, default=Path(__file__).parent, help="folder for the pictures"
    )
    args = p.parse_args()
    images, masks = make_images()
    for way, model in args.model.items():
        page = make_page(way, model, images, masks)
        path = args.out / f"edits-{way}.jpg"
        write_image(page, path)
        print(f"{path}: {page.size[0]} x {page.size[1]}, {path.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
