"""`synthderm render`: a generated data set written to disk, for tools that want files."""

import csv
import json
import os
from pathlib import Path

from tqdm import tqdm

from synthderm import __version__
from synthderm.datasets.synthetic import SyntheticSkinDataset
from synthderm.imaging.io import to_pil, write_image


def render(dataset: SyntheticSkinDataset, out: Path, batch: int = 16) -> Path:
    """Write `images/*.png`, `masks/*.png`, `metadata.csv` (as `SkinFolder` reads it) and
    `manifest.json`.

    The manifest says what made the images: source, resolved revision, seed, size, version. It and
    the metadata are written last, so a folder with a manifest is whole.

    Args:
        dataset: its images are written before any transform.
        out: folder; one with the manifest of another data set is refused.
        batch: images generated at once.

    Raises:
        ValueError: the folder holds another rendered data set.
    """
    out = Path(out)
    manifest = {
        "source": str(dataset.source), "revision": dataset.revision, "seed": dataset.seed, "length": len(dataset), "size": dataset.size,
        "classes": dataset.classes, "severity": list(dataset.severity), "targets": dataset.targets, "synthderm": __version__,
    }  # fmt: skip
    plan = out / "plan.json"  # what the folder is being filled with, from the first image on
    if plan.is_file() and json.loads(plan.read_text(encoding="utf-8")) != manifest:
        raise ValueError(
            f"{out} holds images of another source, seed, size or number: choose a new folder."
        )
    out.mkdir(parents=True, exist_ok=True)
    _write(plan, json.dumps(manifest))
    names = [f"{index:07d}.png" for index in range(len(dataset))]
    missing = [
        index
        for index, name in enumerate(names)
        if not ((out / "images" / name).is_file() and (out / "masks" / name).is_file())
    ]
    for start in tqdm(range(0, len(missing), batch), desc="render", disable=None):
        rows = missing[start : start + batch]
        for index, image, mask in zip(rows, *dataset.generate(rows)):
            write_image(to_pil(image), out / "images" / names[index])
            write_image(to_pil(mask), out / "masks" / names[index])
    part = out / "metadata.csv.part"
    with open(part, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["file_name", "mask_file_name", "label"])
        writer.writerows(
            [f"images/{name}", f"masks/{name}", dataset.classes[target]]
            for name, target in zip(names, dataset.targets)
        )
    os.replace(part, out / "metadata.csv")
    _write(out / "manifest.json", json.dumps(manifest, indent=2) + "\n")
    return out


def _write(path: Path, text: str) -> None:
    part = path.with_name(path.name + ".part")
    part.write_text(text, encoding="utf-8")
    os.replace(part, path)
