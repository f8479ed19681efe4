"""`synthderm demo`: a page of pictures, and a timm classifier trained for a minute, all without
network or data."""

import html
import os
import time
from pathlib import Path

import torch
from torch.utils.data import ConcatDataset, DataLoader, Dataset, Subset
from torchvision.transforms import v2
from tqdm import tqdm

from synthderm.datasets.folder import SkinFolder
from synthderm.datasets.synthetic import SyntheticSkinDataset
from synthderm.imaging.io import grid, outline, to_pil, to_tensor, write_image
from synthderm.transforms.eczema_edit import EczemaEdit
from synthderm.transforms.functional import add_eczema, remove_eczema

SEVERITIES = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)
SIDE = 64  # of the images that the classifier sees

SICK = ["moderate", "severe"]  # what the classifier is to tell from healthy skin


class Labelled(Dataset):
    """A dataset's images, all with one label, through joint transforms of (image, label)."""

    def __init__(self, images: Dataset, label: int, transforms):
        self.images, self.label, self.transforms = images, label, transforms

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int):
        return self.transforms(self.images[index][0], self.label)

    def __getitems__(self, indices: list[int]) -> list:
        """A batch at once where the dataset can."""
        batch = (
            self.images.__getitems__(indices)
            if hasattr(self.images, "__getitems__")
            else [self.images[i] for i in indices]
        )
        return [self.transforms(item[0], self.label) for item in batch]


def run_demo(out: Path, data: Path | None = None, seconds: float = 60, smoke: bool = False) -> Path:
    """Write `out/index.html` with its pictures, train, print what was measured; the path of the
    page.

    Args:
        out: folder to write to.
        data: folder of photographs to edit and train on; generated hands where None.
        seconds: training time.
        smoke: few images, no workers.
    """
    out = Path(out)
    out.mkdir(parents=True, exist_ok=True)
    if not os.access(out, os.W_OK):
        raise PermissionError(f"{out} can't be written to; choose another folder with --out.")
    side = 2 if smoke else 8
    sections = []
    for source, text in (
        (
            "lesions",
            (
                "Generated skin lesions with the outlines of their generated masks, by class from"
                " top to bottom"
            ),
        ),
        ("hands", "Generated hands in ten poses, with the outlines of their masks"),
        (
            "eczema",
            (
                "Generated hands and close-ups of skin with eczema added by the editor, inside the"
                " outlines"
            ),
        ),
    ):
        write_image(_samples(source, side), out / f"{source}.png")
        sections.append((f"{source}.png", text))
    photograph = _photograph(data)
    added, removed = _edits(photograph)
    write_image(added, out / "added.png")
    write_image(removed, out / "removed.png")
    of = "a photograph of yours" if data else "one generated hand"
    sections.append(
        (
            "added.png",
            (
                f"Eczema added to {of}: severity {', '.join(map(str, SEVERITIES))} from left to"
                " right, one seed a row"
            ),
        )
    )
    sections.append(
        (
            "removed.png",
            "The same pictures after the editor removed the eczema again, under the same masks",
        )
    )
    figures = _train(data, seconds, smoke)
    note = (
        "None shows a patient."
        if data is None
        else "The edited photograph is yours; the others show nobody."
    )
    page = out / "index.html"
    part = page.with_suffix(".part")
    part.write_text(_page(sections, figures, note), encoding="utf-8")
    os.replace(part, page)
    for name, value in figures:
        print(f"{name}: {value}")
    print(f"page: {page.resolve()}")
    return page


def _samples(source: str, side: int):
    dataset = SyntheticSkinDataset(source, length=side * side, seed=1, size=128, return_mask=True)
    by_class = sorted(range(len(dataset)), key=lambda index: (dataset.targets[index], index))
    images, masks = [], []
    for rows in tqdm(
        [by_class[start : start + side] for start in range(0, len(by_class), side)],
        desc=f"make {source}",
        disable=None,
    ):
        image, mask = dataset.generate(rows)
        images.append(image)
        masks.append(mask)
    return to_pil(grid(outline(torch.cat(images).float() / 255, torch.cat(masks)), side))


def _photograph(data: Path | None) -> torch.Tensor:
    """(3, 256, 256) uint8: the first of the user's photographs, or a generated hand."""
    if data is None:
        return SyntheticSkinDataset("hands", length=20, labels="5", seed=5, size=256).generate([0])[
            0
        ][0]
    image, _, _ = SkinFolder(data).read(0)
    return v2.functional.center_crop(
        v2.functional.resize(to_tensor(image), 256, antialias=True), 256
    )


def _edits(photograph: torch.Tensor):
    added, removed = [], []
    for seed in (1, 2, 3):
        for severity in SEVERITIES:
            edit = add_eczema(photograph, severity=severity, coverage=0.45, seed=seed)
            added.append(edit.images)
            removed.append(
                remove_eczema(edit.images, edit.masks).images if severity else edit.images
            )
    return (to_pil(grid(torch.stack(images), len(SEVERITIES))) for images in (added, removed))


def _train(data: Path | None, seconds: float, smoke: bool) -> list[tuple[str, str]]:
    """Train a classifier of healthy skin against eczema; the figures to print."""
    import timm

    length = 64 if smoke else 1024
    healthy = SkinFolder(data) if data else SyntheticSkinDataset("hands", length=length, seed=10)
    eczema = SyntheticSkinDataset("eczema", length=length, labels=SICK, seed=11)
    finish = [
        v2.ToImage(),
        v2.ToDtype(torch.float32, scale=True),
        v2.Normalize([0.5] * 3, [0.5] * 3),
    ]
    edit = EczemaEdit(p=0.3, severity=(0.5, 1.0), coverage=(0.2, 0.6), label=1)
    crop = [v2.RandomResizedCrop(SIDE, scale=(0.6, 1.0)), v2.RandomHorizontalFlip()]
    train = ConcatDataset(
        [
            Labelled(healthy, 0, v2.Compose([*crop, edit, *finish])),
            Labelled(eczema, 1, v2.Compose([*crop, *finish])),
        ]
    )
    loader = DataLoader(
        train,
        batch_size=32,
        shuffle=True,
        num_workers=0 if smoke else 2,
        persistent_workers=not smoke,
        drop_last=True,
    )

    torch.manual_seed(0)
    model = timm.create_model("resnet10t", num_classes=2)
    optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3)
    shown, end, started = 0, time.monotonic() + seconds, time.monotonic()
    bar = tqdm(
        total=round(seconds),
        desc="train",
        unit="s",
        bar_format="{l_bar}{bar}| {elapsed}<{remaining} {postfix}",
        disable=None,
    )
    while time.monotonic() < end:
        for images, labels in loader:
            loss = torch.nn.functional.cross_entropy(model(images), labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            shown += len(images)
            bar.n = min(bar.total, round(time.monotonic() - started))
            bar.set_postfix_str(
                f"{shown / (time.monotonic() - started):.0f} images/s, loss {loss.item():.2f}"
            )
            if time.monotonic() > end:
                break
    taken = time.monotonic() - started
    bar.close()

    count = 8 if smoke else 100
    look = [v2.Resize((SIDE, SIDE)), *finish]
    unseen = (
        Subset(healthy, range(min(count, len(healthy))))
        if data
        else SyntheticSkinDataset("hands", length=count, seed=20)
    )
    always = EczemaEdit(p=1, severity=(0.5, 1.0), coverage=(0.2, 0.6))
    test = ConcatDataset(
        [Labelled(unseen, 0, v2.Compose(look)), Labelled(unseen, 1, v2.Compose([always, *look]))]
    )
    model.eval()
    with torch.no_grad():
        right = sum(
            (model(images).argmax(1) == labels).sum().item()
            for images, labels in DataLoader(test, batch_size=50)
        )
    return [
        (
            "classifier",
            f"timm resnet10t, healthy skin against eczema, {shown:,} images in {taken:.0f} s",
        ),
        ("training speed", f"{shown / taken:.0f} images/s"),
        ("EczemaEdit's share of the loader's time", f"{_share(healthy, crop, edit, finish):.0%}"),
        (
            "accuracy on healthy and newly edited images after that",
            f"{right / len(test):.0%} (chance is 50%; says nothing about patients)",
        ),
    ]


def _share(healthy: Dataset, crop: list, edit: EczemaEdit, finish: list, count: int = 48) -> float:
    """The time in `edit` over the time of whole items, in one process and one thread, as a loader's
    worker has it."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    before, after, editing = v2.Compose(crop), v2.Compose(finish), 0.0
    started = time.perf_counter()
    for index in range(count):
        image = before(healthy[index % len(healthy)][0])
        mark = time.perf_counter()
        image, _ = edit(image, 0)
        editing += time.perf_counter() - mark
        after(image)
    share = editing / (time.perf_counter() - started)
    torch.set_num_threads(threads)
    return share


def _page(sections: list[tuple[str, str]], figures: list[tuple[str, str]], note: str) -> str:
    pictures = "\n".join(
        f'<figure><img src="{name}"'
        f' alt="{html.escape(text)}"><figcaption>{html.escape(text)}.</figcaption></figure>'
        for name, text in sections
    )
    rows = "\n".join(
        f"<tr><th scope=row>{html.escape(name)}</th><td>{html.escape(value)}</td></tr>"
        for name, value in figures
    )
    return f"""<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>synthderm demo</title>
<style>
body {{ font: 16px/1.5 system-ui, sans-serif; max-width: 70rem; margin: 2rem auto; padding: 0 1rem; color: #222 }}
figure {{ margin: 2rem 0 }} img {{ max-width: 100%; height: auto }} figcaption {{ color: #555 }}
th {{ text-align: left; padding-right: 2rem; font-weight: 600 }} table {{ border-spacing: 0 .3rem }}
</style>
<h1>synthderm demo</h1>
<p>Every picture on this page was generated or edited on this machine. {note} For research and augmentation only; not for diagnosis.</p>
{pictures}
<h2>A classifier trained with it</h2>
<table>{rows}</table>
<p>Can people tell? The page docs/study.md of the project says how to ask them, with <code>synthderm study</code>.</p>
</html>
"""
