"""Makes contact sheets of added eczema beside photographs of real inflamed skin, to be looked at.

    python -m docs.sheets --padufes DIR --hands DIR --isic DIR --inflamed DIR --out DIR

One PNG for each skin: light, tan and dark close-ups, a light and a dark hand. A row is a lesion
(eight of them), the columns are the skin with the mask's outline and severities of 0.2 to 1. To the
right are boxes of real inflamed skin from openly licensed photographs, whose credits are written to
credits.txt. The sheets show photographs: look at them, and keep them out of the repository.
"""

import argparse
from pathlib import Path

import torch
from torch import Tensor

from benchmarks.editing.methods import random_masks
from benchmarks.editing.transfer_crops import Crops, box_crops, calm_crops
from benchmarks.editing.windows import shift_tone
from synthderm.datasets.tables import read_table
from synthderm.imaging.contact_sheet import grid, outline
from synthderm.imaging.io import to_pil, write_image
from synthderm.transforms.functional import add_eczema

LEVELS = (0.2, 0.4, 0.6, 0.8, 1.0)
LESIONS, REAL = 8, 2  # rows, and columns of real skin
PANELS = "open_inflamed/panels/"  # the openly licensed photographs among the boxes
# By name of the sheet: the kind of crop, and the skin tone it is shifted to (ITA in degrees).
SKINS = {
    "light": ("skin", 50.0),
    "tan": ("skin", 19.0),
    "dark": ("skin", -40.0),
    "hand-light": ("hand", None),
    "hand-dark": ("hand", -40.0),
}


def make_sheet(skin: Tensor, real: Tensor, model: str) -> Tensor:
    """A sheet (3, H, W) uint8 of one skin (1, 3, S, S) uint8 and real crops (N, 3, S, S) uint8."""
    rows = []
    for lesion in range(LESIONS):
        mask = random_masks(skin, torch.Generator().manual_seed(lesion), (0.3, 0.7))
        first = (outline(skin.float() / 255, mask) * 255).round().to(torch.uint8)
        added = [add_eczema(skin, mask, level, seed=lesion, model=model).images for level in LEVELS]
        rows += [first, *added, real[REAL * lesion : REAL * (lesion + 1)]]
    return grid(torch.cat(rows), 1 + len(LEVELS) + REAL)


def openly_licensed(boxes: Crops) -> Tensor:
    """Crops of inflamed skin that may be shown, as many as a sheet holds."""
    rows = [
        row
        for row, (kind, group) in enumerate(zip(boxes.kinds, boxes.groups))
        if kind == "inflamed" and group.startswith(PANELS)
    ]
    return boxes.images[rows[: LESIONS * REAL]]


def write_credits(inflamed: Path, path: Path) -> None:
    """Name, condition, credit and licence of each openly licensed photograph."""
    rows = read_table(inflamed / "metadata.csv", "file_name", "label", "credit", "book_licence")
    lines = [
        f"{row['file_name']}: {row['label']}. {row['credit']}; {row['book_licence']}.\n"
        for row in rows
    ]
    path.write_text("".join(lines), encoding="utf-8")


def main() -> None:
    p = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    p.add_argument("--padufes", required=True, help="folder of close-ups with lesion masks")
    p.add_argument("--hands", required=True, help="folder of hands")
    p.add_argument("--isic", required=True, help="folder of dermoscopy with lesion masks")
    p.add_argument("--inflamed", type=Path, required=True, help="folder with boxes.csv")
    p.add_argument("--model", default="eczema", help="bundled name, folder (./x) or Hub id")
    p.add_argument("--side", type=int, default=224, help="of a crop in the sheet, in pixels")
    p.add_argument("--out", type=Path, required=True, help="folder for the sheets")
    args = p.parse_args()
    calm = calm_crops(args.padufes, args.hands, args.isic, limit=20)
    real = openly_licensed(box_crops(str(args.inflamed), limit=200))
    resize = torch.nn.functional.interpolate
    for number, (name, (kind, angle)) in enumerate(SKINS.items()):
        rows = [row for row, other in enumerate(calm.kinds) if other == kind]
        skin = calm.images[rows[3 * number + 1]][None]
        if angle is not None:
            skin = shift_tone(skin, angle)[0]
        parts = [
            resize(x.float(), size=args.side, mode="bicubic", antialias=True) for x in (skin, real)
        ]
        sheet = make_sheet(*(x.round().clamp(0, 255).to(torch.uint8) for x in parts), args.model)
        write_image(to_pil(sheet), args.out / f"{name}.png")
    write_credits(args.inflamed, args.out / "credits.txt")
    print(f"{len(SKINS)} sheets in {args.out}")


if __name__ == "__main__":
    main()
