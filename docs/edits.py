"""Makes docs/edits-WAY.jpg from generated hands and drawn skin, nobody's photograph: what each way
of training adds and removes.

    python -m docs.edits --paired runs/paired/model --masked runs/masked/model --unpaired
    runs/unpaired/model

One picture an editor, of two blocks side by side, light skin and dark: skin, eczema at severity
0.3, 0.6 and 1, and the last removed again. Rows are generated hands and skin drawn at the scale of
a close-up; the mask is outlined in the first column.
"""

import argparse
from pathlib import Path

import torch
import torch.nn.functional as F
from PIL import Image, ImageDraw

from benchmarks.closeups import at_tone
from synthderm import SyntheticSkinDataset
from synthderm.imaging.io import grid, outline, to_pil, write_image
from synthderm.imaging.masks import sample_masks, skin_region
from synthderm.imaging.resize import enlarge
from synthderm.imaging.textures import cut_texture
from synthderm.transforms.functional import add_eczema, remove_eczema

SIDE, HANDS, CLOSEUPS = 112, 2, 2
SEED = 12
WAYS = ("paired", "masked", "unpaired")
TONES = {"light": 50.0, "dark": -40.0}  # ITA in degrees
LEVELS = (0.3, 0.6, 1.0)


def draw_skin(count: int) -> torch.Tensor:
    """Close-ups of healthy skin: mean colour, uneven light, mottling and the skin's own lines; (N,
    3, SIDE, SIDE) in [0, 1]."""
    rng = torch.Generator().manual_seed(4)
    broad = enlarge(torch.randn(count, 1, 5, 5, generator=rng), SIDE, SIDE, kind="cubic")
    mottle = enlarge(torch.randn(count, 3, 20, 20, generator=rng), SIDE, SIDE, kind="cubic")
    lines = cut_texture(torch.rand(count, 2, generator=rng), SIDE, SIDE)[:, 2:]
    grain = F.avg_pool2d(torch.randn(count, 1, SIDE + 2, SIDE + 2, generator=rng), 3, 1)
    colour = torch.tensor([0.78, 0.60, 0.50]).view(1, 3, 1, 1)
    return (colour * (1 + 0.04 * broad + 0.012 * mottle + 0.06 * lines + 0.03 * grain)).clamp(0, 1)


def block(model: str, skin: torch.Tensor, masks: torch.Tensor) -> torch.Tensor:
    """(N * 5, 3, SIDE, SIDE) uint8: each row skin with the mask's outline, three severities, and
    the last one removed."""
    added = [add_eczema(skin, masks, level, seed=SEED, model=model).images for level in LEVELS]
    cleared = remove_eczema(added[-1], masks, model=model).images
    first = (outline(skin.float() / 255, masks) * 255).round().to(torch.uint8)
    return torch.stack([first, *added, cleared], dim=1).flatten(0, 1)


def main() -> None:
    p = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    for way in WAYS:
        p.add_argument(f"--{way}", help=f"directory or name of the {way} editor")
    p.add_argument(
        "--out", type=Path, default=Path(__file__).parent, help="folder for the pictures"
    )
    args = p.parse_args()
    models = {way: getattr(args, way) for way in WAYS if getattr(args, way)} or {"paired": "eczema"}

    hands = SyntheticSkinDataset(
        "hands", length=HANDS, labels=["5", "4"], seed=21, size=SIDE
    ).generate(list(range(HANDS)))[0]
    images = torch.cat([hands, (draw_skin(CLOSEUPS) * 255).round().to(torch.uint8)])
    look = skin_region(F.interpolate(images.float() / 255, size=64, mode="area"))
    masks = sample_masks(
        (SIDE, SIDE),
        torch.tensor([0.6] * HANDS + [0.3] * CLOSEUPS),
        look,
        torch.Generator().manual_seed(SEED),
    )
    columns, margin = 2 + len(LEVELS), 18
    width, height = (columns * (SIDE + 2) - 2, len(images) * (SIDE + 2) - 2)
    for way, model in models.items():
        page = Image.new("RGB", (2 * width + 10, height + margin), "white")
        text = ImageDraw.Draw(page)
        for side, (tone, angle) in enumerate(TONES.items()):
            left = side * (width + 10)
            for column, name in enumerate(
                (f"{way}, {tone}", *(f"severity {level}" for level in LEVELS), "removed")
            ):
                text.text((left + column * (SIDE + 2) + 2, 3), name, fill="black")
            page.paste(
                to_pil(grid(block(model, at_tone(images, angle)[0], masks), columns)),
                (left, margin),
            )
        path = args.out / f"edits-{way}.jpg"
        write_image(page, path)
        print(f"{path}: {page.size[0]} x {page.size[1]}, {path.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
