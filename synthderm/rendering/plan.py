"""What is to be rendered into a folder, and whether the folder is one for it."""

import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from synthderm.datasets.rendered import MANIFEST, PLAN, read_record
from synthderm.datasets.rendered_names import SHARD_SUFFIXES, SUFFIXES, Shards
from synthderm.files import held, is_litter, write_text
from synthderm.hub.model_folder import short
from synthderm.rendering.items import Items
from synthderm.rendering.work import Work
from synthderm.rendering.writers import Writer

SHARD_SIZE = 1000
# What a manifest has beside the plan.
FOUND = ("bytes", "left_out")


def make_plan(
    items: Items, file_format: str, encoding: str, masks: bool, shard_size: int
) -> dict[str, Any]:
    """Everything that decides what the files are.

    Raises:
        ValueError: what can't be written.
    """
    formats = (*SUFFIXES, *SHARD_SUFFIXES)
    if file_format not in formats:
        raise ValueError(f"format {file_format!r} is none of {', '.join(formats)}.")
    if encoding not in SUFFIXES:
        raise ValueError(f"encoding {encoding!r} is none of {', '.join(SUFFIXES)}.")
    if shard_size < 1:
        raise ValueError(f"shard_size={shard_size} must be at least 1.")
    plan = items.describe() | {"format": file_format, "masks": masks, "shard_size": shard_size}
    if file_format in SHARD_SUFFIXES:
        plan["encoding"] = encoding
    if file_format == "parquet" and not -(2**63) <= plan["seed"] < 2**63:
        raise ValueError(f"seed={plan['seed']} is no number of 64 bits, as Parquet has them.")
    return plan


def open_folder(out: Path, plan: dict[str, Any], writer: Writer) -> bool:
    """Make a folder ready to be filled.

    Returns:
        Whether it is filled already.

    Raises:
        ValueError: the folder holds something else, more images, or images of another data set.
    """
    _check_folder(out, plan)
    out.mkdir(parents=True, exist_ok=True)
    work = Work(out)
    with held(out, patience=math.inf):
        _check_folder(out, plan)  # another job may have been here
        before = read_record(out / PLAN)
        if before is None:
            work.clear()
            work.folder.mkdir()
            manifest = read_record(out / MANIFEST)
            if (
                manifest is not None
                and writer.reopen(manifest)
                and manifest["length"] == plan["length"]
            ):
                work.clear()
                return True
        elif before["length"] < plan["length"]:
            # It may have been the last one, with fewer items.
            work.forget_record(Shards(before["length"], plan["shard_size"]).count - 1)
        work.folder.mkdir(exist_ok=True)
        if before != plan:
            write_text(out / PLAN, json.dumps(plan))
    return False


def _check_folder(out: Path, plan: dict[str, Any]) -> None:
    """Refuse a folder with anything but the first images of this data set."""
    old = read_record(out / PLAN) or read_record(out / MANIFEST)
    if old is None:
        others = (
            [path for path in out.iterdir() if not is_litter(path.name)] if out.exists() else []
        )
        # What a run that was killed at once has made.
        if others and not (others == [Work(out).folder] and not any(others[0].iterdir())):
            raise ValueError(f"{out} holds other files ({others[0].name}): choose a new folder.")
        return
    if plan["length"] < old["length"]:
        raise ValueError(
            f"{out} is for {old['length']:,} images, and --length {plan['length']:,} is less: it"
            " can be raised, not lowered; choose a new folder."
        )
    for key in dict.fromkeys((*plan, *old)):
        if key in ("length", *FOUND):
            continue
        value, now = old.get(key), plan.get(key)
        is_same = value == now
        if key == "targets" and value and now:
            is_same = _begins_alike(value, now, old["length"])
        if not is_same:
            raise ValueError(
                f"{out} holds images made with another {key} ({short(value, 80)},"
                f" now {short(now, 80)}): choose a new folder."
            )


def _begins_alike(turn: Sequence[int], other: Sequence[int], length: int) -> bool:
    """Whether two lists of labels, each repeated, are the same for so many items."""
    count = min(length, len(turn) * len(other))
    return all(turn[k % len(turn)] == other[k % len(other)] for k in range(count))
