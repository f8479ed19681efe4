"""`synthderm render`: a generated data set written to disk, for tools that read files."""

import argparse
import csv
import json
from pathlib import Path
from typing import Any

from tqdm import tqdm

from synthderm import __version__
from synthderm.datasets.rendered import MANIFEST, PLAN, read_record
from synthderm.datasets.synthetic import SyntheticSkinDataset
from synthderm.files import atomic_path, write_text
from synthderm.imaging.io import to_pil, write_image


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments; they are those of `SyntheticSkinDataset`."""
    add = parser.add_argument
    add(
        "source",
        help="lesions, hands, skin, eczema, a folder (./x), a Hub id, or diffusers:org/name",
    )
    add(
        "out",
        type=Path,
        metavar="OUT",
        help="folder to write; images that are there are kept, so a run that was stopped goes on",
    )
    add("--length", type=int, required=True, help="number of images")
    add("--labels", nargs="+", help="classes, in turn; all of them by default")
    add("--seed", type=int, default=0)
    add("--size", type=int, help="side in pixels; the generator's own by default")
    pair: dict[str, Any] = {"type": float, "nargs": "+", "metavar": ("LOW", "HIGH")}
    add("--severity", help="of eczema, within [0, 1]; all of it by default", **pair)
    add("--skin-tone", help="ITA in degrees; as in training by default", **pair)
    add("--truncation", type=float, default=1.0, help="in (0, 1]; below 1 is less varied")
    add("--device", default="cpu", help="where to generate")
    add("--classes", nargs="+", help="the classes of a diffusers pipeline")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> None:
    """Make the data set and write it."""
    dataset = SyntheticSkinDataset(
        args.source,
        length=args.length,
        labels=args.labels,
        seed=args.seed,
        size=args.size,
        severity=_number_or_pair(args.severity),
        skin_tone=_number_or_pair(args.skin_tone),
        truncation=args.truncation,
        device=args.device,
        classes=args.classes,
    )
    print(f"{render(dataset, args.out)}: {len(dataset)} images")


def _number_or_pair(values: list[float] | None) -> Any:
    return values[0] if values is not None and len(values) == 1 else values


def render(dataset: SyntheticSkinDataset, out: Path, batch: int = 16) -> Path:
    """Write `images/*.png`, `masks/*.png`, `metadata.csv` (as `SkinFolder` reads it) and
    `manifest.json`.

    The manifest says what made the images: source, weights, seed and every other argument that
    changes a pixel; and the classes in their order, so that `SkinFolder` gives the labels that the
    data set gives. It and the metadata are written last, so a folder with a manifest is whole.

    Args:
        dataset: its images are written before any transform.
        out: folder. Images that this data set has written there already are kept.
        batch: images generated at once.

    Raises:
        ValueError: the folder holds images of another data set.
    """
    out = Path(out)
    manifest = describe(dataset)
    old = read_record(out / PLAN) or manifest
    for key, value in manifest.items():
        if old.get(key) != value:
            raise ValueError(
                f"{out} holds images made with another {key} ({str(old.get(key)):.60}, now "
                f"{str(value):.60}): choose a new folder."
            )
    out.mkdir(parents=True, exist_ok=True)
    write_text(out / PLAN, json.dumps(manifest))
    names = [f"{index:07d}.png" for index in range(len(dataset))]
    written = {path.name for path in (out / "images").glob("*.png")}
    written &= {path.name for path in (out / "masks").glob("*.png")}
    missing = [index for index, name in enumerate(names) if name not in written]
    for start in tqdm(range(0, len(missing), batch), desc="render", disable=None):
        rows = missing[start : start + batch]
        for index, image, mask in zip(rows, *dataset.generate(rows)):
            write_image(to_pil(image), out / "images" / names[index])
            write_image(to_pil(mask), out / "masks" / names[index])
    with (
        atomic_path(out / "metadata.csv") as part,
        open(part, "w", newline="", encoding="utf-8") as file,
    ):
        writer = csv.writer(file)
        writer.writerow(["file_name", "mask_file_name", "label"])
        for name, target in zip(names, dataset.targets):
            writer.writerow([f"images/{name}", f"masks/{name}", dataset.classes[target]])
    write_text(out / MANIFEST, json.dumps(manifest, indent=2) + "\n")
    return out


def describe(dataset: SyntheticSkinDataset) -> dict[str, Any]:
    """Everything that decides what the images of a data set are."""
    severity, skin_tone = dataset.severity, dataset.skin_tone
    return {
        "source": dataset.source,
        "revision": dataset.revision,
        "weights": dataset.weights,
        "seed": dataset.seed,
        "length": len(dataset),
        "size": dataset.size,
        "classes": dataset.classes,
        "severity": None if severity is None else list(severity),
        "skin_tone": None if skin_tone is None else list(skin_tone),
        "truncation": dataset.truncation,
        "targets": dataset.targets,
        "synthderm": __version__,
    }
