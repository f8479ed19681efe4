"""`synthderm render`: a generated data set written to disk, for tools that read files."""

import argparse
import json
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from tqdm import tqdm

from synthderm import __version__
from synthderm.cli.journal import Journal, Row, read_rows, write_rows
from synthderm.datasets.rendered import IMAGES, MANIFEST, MASKS, PLAN, read_record
from synthderm.datasets.synthetic import SyntheticSkinDataset
from synthderm.files import is_litter, remove_parts, write_text
from synthderm.imaging.io import check_suffix, to_pil, write_image
from synthderm.imaging.provenance import Provenance, name_model, provenance_options

TABLE, JOURNAL = "metadata.csv", "unfinished.csv"
SUFFIXES = {"png": ".png", "jpeg": ".jpg", "webp": ".webp"}
# A format without loss that timm and torchvision do not take for an image to train on, whichever
# folder they are given.
MASK_SUFFIX = ".gif"
PART = ".part"  # instead of its suffix, until all files are there
COLUMNS = ("label", "severity", "skin_tone", "seed", "model", "weights_hash")


def run(args: argparse.Namespace) -> None:
    """Make the data set and write it."""
    dataset = SyntheticSkinDataset(
        args.source,
        length=args.length,
        labels=args.labels,
        seed=args.seed,
        size=args.size,
        severity=args.severity,
        skin_tone=args.skin_tone,
        truncation=args.truncation,
        device=args.device,
        classes=args.classes,
    )
    try:
        out = render(dataset, args.out, file_format=args.format, masks=not args.no_masks)
    except KeyboardInterrupt:
        raise KeyboardInterrupt(
            f"stopped; {args.out} is not finished, and the same command goes on."
        ) from None
    print(f"{out}: {len(dataset)} images, by class in {out / IMAGES}")


def render(
    dataset: SyntheticSkinDataset,
    out: str | os.PathLike[str],
    *,
    file_format: str = "png",
    masks: bool = True,
    batch: int = 16,
) -> Path:
    """Write `images/CLASS/*`, `masks/CLASS/*.gif`, `metadata.csv` and `manifest.json`.

    The table has a row for each image, as `SkinFolder` and Hugging Face's imagefolder read it. The
    manifest says what made the images: source, weights, seed and every other argument that changes
    a pixel; and the classes in their order, so that `SkinFolder` gives the labels that the data set
    gives. Until the last image is there, no file has a name that a reader takes for an image's.

    Args:
        dataset: its images are written before any transform.
        out: folder, new or empty; or one that this data set was rendered into, with as many images
            or fewer: these are kept.
        file_format: "png", "jpeg" or "webp".
        masks: write masks too.
        batch: images generated at once.

    Raises:
        ValueError: the folder holds something else, more images, or images of another data set.
    """
    out = Path(out)
    plan = describe(dataset) | {"format": file_format, "masks": masks}
    _check_folder(out, plan)
    items = _name_files(dataset, SUFFIXES[file_format], masks)
    columns = (*items[0]._fields[: 1 + masks], *COLUMNS)
    out.mkdir(parents=True, exist_ok=True)
    write_text(out / PLAN, json.dumps(plan))
    with Journal(out / JOURNAL, columns) as journal:
        remove_parts(out)
        rows = {row["file_name"]: row for row in read_rows(out / TABLE, columns)}
        rows |= {row["file_name"]: row for row in journal.rows}
        missing = [k for k, item in enumerate(items) if not _is_made(out, item, rows)]
        for start in tqdm(range(0, len(missing), batch), desc="render", disable=None):
            numbers = missing[start : start + batch]
            for row in _make(dataset, numbers, [items[k] for k in numbers], out):
                journal.append(row)
                rows[row["file_name"]] = row
        _finish(out, items, columns, rows)
        write_text(out / MANIFEST, json.dumps(plan, indent=2) + "\n")
        (out / JOURNAL).unlink()
        (out / PLAN).unlink()
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
        "reject_copies": None if dataset.reject_copies is None else repr(dataset.reject_copies),
        "targets": dataset.targets,
        "synthderm": __version__,
    }


def _check_folder(out: Path, plan: dict[str, Any]) -> None:
    """Refuse a folder with anything but the first images of this data set."""
    old = read_record(out / PLAN) or read_record(out / MANIFEST)
    if old is None:
        others = (
            [path for path in out.iterdir() if not is_litter(path.name)] if out.exists() else []
        )
        if others:
            raise ValueError(f"{out} holds other files ({others[0].name}): choose a new folder.")
        return
    if plan["length"] < old["length"]:
        raise ValueError(
            f"{out} is for {old['length']:,} images, and --length {plan['length']:,} is less: it"
            " can be raised, not lowered; choose a new folder."
        )
    first = plan | {"length": old["length"], "targets": plan["targets"][: old["length"]]}
    for key, value in first.items():
        if old.get(key) != value:
            raise ValueError(
                f"{out} holds images made with another {key} ({str(old.get(key)):.60}, now "
                f"{str(value):.60}): choose a new folder."
            )


class _Names(NamedTuple):
    """The files of an item, relative to the folder."""

    file_name: str
    mask_file_name: str | None


def _name_files(dataset: SyntheticSkinDataset, suffix: str, masks: bool) -> list[_Names]:
    folders = folder_names(dataset.classes)
    stems = [f"{folders[target]}/{k:07d}" for k, target in enumerate(dataset.targets)]
    return [
        _Names(f"{IMAGES}/{stem}{suffix}", f"{MASKS}/{stem}{MASK_SUFFIX}" if masks else None)
        for stem in stems
    ]


def folder_names(classes: Sequence[str]) -> list[str]:
    """A folder for each class, of its name as far as any file system can have it."""
    names: list[str] = []
    for label in classes:
        name = re.sub(r'[\x00-\x1f\x7f/\\:*?"<>|]', "_", label).strip().rstrip(".")[:60]
        name = re.sub(r"^(\.|$)", "_", name)
        taken = {other.casefold() for other in names}
        while name.casefold() in taken:  # one folder, where case does not count
            name += "_"
        names.append(name)
    return names


def _is_made(out: Path, item: _Names, rows: Mapping[str, Row]) -> bool:
    files = [out / name for name in item if name]
    return item.file_name in rows and all(path.is_file() or _part(path).is_file() for path in files)


def _part(path: Path) -> Path:
    """The file until all images are there, of a name that no reader takes for an image's."""
    return path.with_suffix(PART)


def _make(
    dataset: SyntheticSkinDataset, numbers: list[int], items: list[_Names], out: Path
) -> Iterator[Row]:
    """Make these items, write their files, and give a row of the table after each."""
    made = dataset.sample(numbers)
    source = {"seed": str(dataset.seed), "model": dataset.source, "weights_hash": dataset.weights}
    model = name_model(dataset.source)
    for k, (number, item) in enumerate(zip(numbers, items)):
        pictures = (made.images[k], made.masks[k])
        for name, picture in zip(item, pictures):
            if name:
                path = out / name
                file_format = check_suffix(path)
                # Optimised, a mask would be a palette's indices, 0 and 1, and not 0 and 255.
                options: dict[str, Any] = {"optimize": False}
                if name == item.file_name:
                    origin = Provenance("generated", model, dataset.weights, dataset.seed, number)
                    options = provenance_options(origin, file_format)
                write_image(to_pil(picture), _part(path), file_format=file_format, **options)
        yield {
            "file_name": item.file_name,
            "mask_file_name": item.mask_file_name or "",
            "label": dataset.classes[dataset.targets[number]],
            "severity": _decimals(made.severity, k, 4),
            "skin_tone": _decimals(made.skin_tone, k, 2),
            **source,
        }


def _decimals(values: list[float] | None, k: int, digits: int) -> str:
    return "" if values is None else f"{values[k]:.{digits}f}"


def _finish(
    out: Path, items: Sequence[_Names], columns: Sequence[str], rows: Mapping[str, Row]
) -> None:
    """Give all files their names, masks first, and write the table."""
    for path in [out / name for names in reversed(list(zip(*items))) for name in names if name]:
        if _part(path).is_file():
            os.replace(_part(path), path)
    write_rows(out / TABLE, columns, [rows[item.file_name] for item in items])
