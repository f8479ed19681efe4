"""Folders that `synthderm render` writes: what made the images, and how classes are numbered."""

import json
from collections.abc import Collection
from pathlib import Path
from typing import Any

from synthderm.callers import warn_caller
from synthderm.datasets.metadata import find_metadata
from synthderm.datasets.rendered_names import IMAGES, SHARD_SUFFIXES
from synthderm.datasets.tables import clean
from synthderm.files import is_litter

PLAN = "unfinished.json"  # while the folder is being filled
MANIFEST = "manifest.json"  # once it is


def read_record(path: Path) -> dict[str, Any] | None:
    """What `render` wrote into a plan or a manifest; None where it did not write this file.

    Raises:
        ValueError: it is damaged.
    """
    if not path.is_file():
        return None
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(record, dict) or "synthderm" not in record:
            return None
        classes, length = record.get("classes"), record.get("length")
        if not isinstance(classes, list) or not all(isinstance(name, str) for name in classes):
            raise ValueError(f"classes are {classes!r:.40}")
        if type(length) is not int:
            raise ValueError(f"length is {length!r:.40}")
    except (ValueError, RecursionError) as error:
        raise ValueError(
            f"{path} is damaged ({error}): render the images again, into a new folder, or delete"
            " it, and the classes are sorted by name."
        ) from None
    return record


def refuse_unfinished(root: Path) -> None:
    """Refuse a folder that `render` has not filled yet, or that has one as a split; and one of
    shards, which hold images, but not as files.

    Args:
        root: the folder, or the `images` in it.

    Raises:
        ValueError: it is one.
    """
    above = [root.parent] if root.name == IMAGES else []
    below = [path for path in root.iterdir() if not is_litter(path.name)] if root.is_dir() else []
    for folder in [root, *above, *below]:
        if read_record(folder / PLAN) is not None:
            raise ValueError(
                f"{folder} is not rendered to the end: give `synthderm render` the same command"
                " again, it goes on."
            )
    record = read_record(root / MANIFEST)
    if record is not None and record.get("format") in SHARD_SUFFIXES:
        raise ValueError(
            f"{root} holds {record['format']} shards: read it with"
            f" SyntheticSkinDataset.from_rendered({str(root)!r})."
        )


def warn_of_left_out(root: Path) -> None:
    """Warn of items that could not be made when data sets were rendered into this folder, or into
    its splits."""
    for manifest in (root / MANIFEST, *sorted(root.glob(f"*/{MANIFEST}"))):
        record = read_record(manifest) or {}
        reasons = record.get("left_out")
        if isinstance(reasons, dict) and reasons:
            number, reason = next(iter(reasons.items()))
            warn_caller(
                f"{manifest.parent}: {len(reasons):,} of {record['length']:,} items are not there,"
                f" since they could not be made, as item {number}: {str(reason).rstrip('.')};"
                f" {MANIFEST} names all of them."
            )


def rendered_classes(root: Path, labels: Collection[str]) -> list[str] | None:
    """The classes of the data set that was rendered into a folder, or of those that were rendered
    into its splits, also classes without an image; None for any other folder.

    Args:
        root: the folder.
        labels: the classes that its tables have.

    Raises:
        ValueError: a manifest is damaged, or a table has other classes.
    """
    manifests = [table.parent / MANIFEST for table in find_metadata(root)]
    records = [read_record(path) for path in manifests]
    lists = [record["classes"] for record in records if record is not None]
    if not lists or len(lists) < len(records) or any(other != lists[0] for other in lists):
        return None
    classes = [clean(name) for name in lists[0]]
    others = sorted(set(labels) - set(classes))
    if others:
        raise ValueError(
            f"{root} has images of {', '.join(map(repr, others))}, but {manifests[0]} has the"
            f" classes {', '.join(classes)}: give SkinFolder classes=[...] in your order, or delete"
            " the manifest."
        )
    return classes
