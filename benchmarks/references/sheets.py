"""Contact sheets that may be shown: of generated images, and of edits of generated skin.

    python -m benchmarks.references.sheets DIR

Makes docs/systems-GROUP.jpg from the sheets that run.py wrote into DIR. The sheets of one system
need not be kept.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

import torch
import torch.nn.functional as F
from PIL import Image, ImageDraw
from torch import Tensor

from benchmarks.references.systems import GROUPS
from synthderm.datasets.synthetic import SyntheticSkinDataset
from synthderm.imaging.io import read_image, to_pil, write_image
from synthderm.imaging.lesions import sample_latents
from synthderm.imaging.masks import sample_masks
from synthderm.training.edit_batches import EditBatch, draw_pairs

PATCHES = 10  # images in a row of each sheet
KEPT = {"noise": (8, 1), "mask": (8, 2), "edit": (4, 4)}  # columns and rows that are shown
MARGIN, GAP = 14, 4  # pixels of a title, and between systems
SPACE = 2  # pixels between images
QUALITY = 80
SMALL_QUALITY = 68  # of what is shown in the documentation
DOCS = Path(__file__).parents[2] / "docs"


def sample_patches(size: int, device: torch.device) -> EditBatch:
    """Generated close-ups of healthy skin with eczema drawn on them, always the same."""
    data = SyntheticSkinDataset("skin", length=PATCHES, seed=5, artifacts={})
    images = data.generate(list(range(PATCHES)))[0].float() / 255
    images = F.interpolate(images, size=size, mode="area")
    with torch.random.fork_rng():
        torch.manual_seed(6)
        mask = sample_masks((size, size), torch.linspace(0.2, 0.6, PATCHES))
        latents = sample_latents(PATCHES)
    severity = torch.linspace(0.4, 1.0, PATCHES)
    known = torch.ones_like(mask)
    batch = EditBatch(images, known, mask, severity, images, mask, latents, mask)
    return draw_pairs(batch.to(device))


def save_sheet(sheet: Tensor, path: Path) -> None:
    """Write a contact sheet (3, H, W) uint8."""
    write_image(to_pil(sheet), path, quality=QUALITY)


def crop(sheet: Image.Image, columns: int, rows: int) -> Image.Image:
    """The first columns and rows of a sheet."""
    side = (sheet.width + SPACE) // PATCHES  # of an image and the space after it
    return sheet.crop((0, 0, columns * side - SPACE, rows * side - SPACE))


def join_sheets(sheets: dict[str, Image.Image]) -> Image.Image:
    """Sheets under each other, each under its name."""
    width = max(sheet.width for sheet in sheets.values())
    height = sum(sheet.height + MARGIN + GAP for sheet in sheets.values())
    page = Image.new("RGB", (width, height), "white")
    draw, top = ImageDraw.Draw(page), 0
    for name, sheet in sheets.items():
        draw.text((2, top + 1), name, "black")
        page.paste(sheet, (0, top + MARGIN))
        top += sheet.height + MARGIN + GAP
    return page


def main(argv: Sequence[str] | None = None) -> None:
    p = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    p.add_argument("folder", type=Path, help="--out of run.py")
    p.add_argument("--docs", type=Path, default=DOCS, help="where the pages are")
    args = p.parse_args(argv)
    for group, systems in GROUPS.items():
        files = {name: args.folder / f"{name}.jpg" for name in systems}
        sheets = {
            name: crop(read_image(file), *KEPT[group])
            for name, file in files.items()
            if file.is_file()
        }
        if sheets:
            path = args.docs / f"systems-{group}.jpg"
            write_image(join_sheets(sheets), path, quality=SMALL_QUALITY)
            print(path)


if __name__ == "__main__":
    main()
