"""`synthderm demo`: a page of pictures, and a small classifier of eczema, all without network or
data."""

import argparse
import html
import os
import string
import time
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from torch import Tensor
from torchvision.transforms import v2
from tqdm import tqdm

from synthderm.cli.demo_classifier import SIDE, measure
from synthderm.cli.origins import origin_of_data, origin_of_edit, origin_of_file
from synthderm.cli.outputs import check_folders
from synthderm.datasets.folder import SkinFolder
from synthderm.datasets.synthetic import SyntheticSkinDataset
from synthderm.determinism import one_thread
from synthderm.files import remove_parts, write_text
from synthderm.imaging.contact_sheet import grid, outline
from synthderm.imaging.io import to_pil, to_tensor, write_image
from synthderm.imaging.provenance import Provenance
from synthderm.transforms.eczema_edit import EczemaEdit
from synthderm.transforms.functional import add_eczema, remove_eczema

SEVERITIES = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)
SEEDS = (1, 2, 3)
PAST = {"add": "added", "remove": "removed"}
SAMPLES = {
    "lesions": "Generated skin lesions with the outlines of their masks, by class from top to"
    " bottom",
    "hands": "Generated hands in ten poses, with the outlines of their masks",
    "eczema": "Generated hands and close-ups of skin with eczema added by the editor, inside the"
    " outlines",
}


def run(args: argparse.Namespace) -> None:
    """Write `index.html` with its pictures, train a classifier, and print what was measured."""
    out: Path = args.out
    if args.data is not None and args.data.is_dir():
        check_folders(args.data, out)
    out.mkdir(parents=True, exist_ok=True)
    remove_parts(out)
    if not os.access(out, os.W_OK):
        raise PermissionError(f"{out} can't be written to; choose another folder with --out.")
    captions = _write_pictures(out, args.data, side=2 if args.smoke else 8)
    figures = _measure(args.data, args.smoke)
    write_text(out / "index.html", _page(captions, figures, is_generated=args.data is None))
    for name, value in figures.items():
        print(f"{name}: {value}")
    print(f"page: {(out / 'index.html').resolve()}")


def _write_pictures(out: Path, data: Path | None, side: int) -> dict[str, str]:
    """Captions by file name."""
    for source in SAMPLES:
        samples = SyntheticSkinDataset(source, length=side * side, seed=1, size=128)
        sheet, origin = _sample_sheet(samples, side), origin_of_data(samples)
        write_image(sheet, out / f"{source}.png", provenance=origin)
    photograph, original = _photograph(data)
    for mode, sheet in zip(("add", "remove"), _edit_sheets(photograph)):
        origin = origin_of_edit("eczema", None, original, mode)
        write_image(sheet, out / f"{PAST[mode]}.png", provenance=origin)
    subject = "a photograph of yours" if data else "one generated hand"
    levels = ", ".join(map(str, SEVERITIES))
    return {
        **{f"{source}.png": caption for source, caption in SAMPLES.items()},
        "added.png": f"Eczema added to {subject}: severity {levels} from left to right, one seed a"
        " row",
        "removed.png": "The same pictures after the editor removed the eczema again, under the same"
        " masks",
    }


def _sample_sheet(data: SyntheticSkinDataset, side: int) -> Image.Image:
    """`side` rows and columns of items, sorted by class."""
    by_class = sorted(range(len(data)), key=lambda index: (data.targets[index], index))
    rows = [by_class[start : start + side] for start in range(0, len(by_class), side)]
    made = [data.generate(row) for row in tqdm(rows, desc=f"make {data.source}", disable=None)]
    images, masks = (torch.cat(part) for part in zip(*made))
    return to_pil(grid(outline(images.float() / 255, masks), side))


def _photograph(data: Path | None) -> tuple[Tensor, Provenance | None]:
    """(3, 256, 256) uint8: the first of the user's photographs, or a generated hand; and what says
    where it comes from."""
    if data is None:
        hands = SyntheticSkinDataset("hands", length=20, labels="5", seed=5, size=256)
        return hands.generate([0])[0][0], origin_of_data(hands)
    folder = SkinFolder(data)
    image, _, _ = folder.read(0)
    pixels = v2.functional.resize(to_tensor(image), 256, antialias=True)
    return v2.functional.center_crop(pixels, 256), origin_of_file(folder.samples[0][0])


def _edit_sheets(photograph: Tensor) -> tuple[Image.Image, Image.Image]:
    """Eczema added to a photograph, and removed again: a row a seed, a column a severity."""
    added, removed = [], []
    for seed in SEEDS:
        for severity in SEVERITIES:
            edit = add_eczema(photograph, severity=severity, coverage=0.45, seed=seed)
            added.append(edit.images)
            undone = remove_eczema(edit.images, edit.masks) if severity else edit
            removed.append(undone.images)
    columns = len(SEVERITIES)
    return to_pil(grid(torch.stack(added), columns)), to_pil(grid(torch.stack(removed), columns))


CROP = (v2.RandomResizedCrop(SIDE, scale=(0.6, 1.0)), v2.RandomHorizontalFlip())
FINISH = (
    v2.ToImage(),
    v2.ToDtype(torch.float32, scale=True),
    v2.Normalize([0.5] * 3, [0.5] * 3),
)


def _measure(data: Path | None, smoke: bool) -> dict[str, str]:
    """What is measured: a classifier's accuracy, and what an edit costs."""
    healthy: Any = SkinFolder(data) if data else SyntheticSkinDataset("hands", length=48, seed=10)
    edit = EczemaEdit(p=0.3, severity=(0.5, 1.0), coverage=(0.2, 0.6), label=1)
    return {
        "classifier": "a linear head on fixed features, skin with and without added eczema",
        "accuracy": measure(data, smoke),
        "EczemaEdit's share of the loader's time": f"{_share_of_edit(healthy, edit):.0%}",
    }


@one_thread()
def _share_of_edit(healthy: Any, edit: EczemaEdit, count: int = 48) -> float:
    """The time in `edit` over the time of whole items, in one process and one thread, as a
    loader's worker has it."""
    before, after = v2.Compose(CROP), v2.Compose(FINISH)
    editing, started = 0.0, time.perf_counter()
    for index in range(count):
        image = before(healthy[index % len(healthy)][0])
        mark = time.perf_counter()
        image, _ = edit(image, 0)
        editing += time.perf_counter() - mark
        after(image)
    return editing / (time.perf_counter() - started)


def _page(captions: dict[str, str], figures: dict[str, str], is_generated: bool) -> str:
    pictures = []
    for name, caption in captions.items():
        text = html.escape(caption)
        pictures.append(
            f'<figure><img src="{name}" alt="{text}"><figcaption>{text}.</figcaption></figure>'
        )
    rows = [
        f"<tr><th scope=row>{html.escape(name)}</th><td>{html.escape(value)}</td></tr>"
        for name, value in figures.items()
    ]
    page = Path(__file__).with_name("demo.html").read_text(encoding="utf-8")
    return string.Template(page).substitute(
        note=(
            "No picture shows a real person."
            if is_generated
            else "The edited photograph is yours; the others show no real person."
        ),
        pictures="\n".join(pictures),
        figures="\n".join(rows),
    )
