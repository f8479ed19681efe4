"""`synthderm render`: a data set written to disk, for tools that read files."""

import argparse
import errno
import sys
from pathlib import Path
from typing import Any

from synthderm.datasets.rendered import MANIFEST, PLAN, read_record
from synthderm.datasets.rendered_names import IMAGES, SHARD_SUFFIXES
from synthderm.datasets.synthetic import SyntheticSkinDataset
from synthderm.rendering.items import GeneratedItems, Items
from synthderm.rendering.photographs import EditedPhotographs
from synthderm.rendering.render import render
from synthderm.rendering.verify import verify
from synthderm.rendering.work import Work

FULL_DISK = (errno.ENOSPC, errno.EDQUOT)


def run(args: argparse.Namespace) -> int:
    """Make the data set and write it, or check one that was written.

    Returns:
        0, or 1 where something is wrong with the folder, or an item could not be made: it is named.
    """
    if args.verify is not None:
        return _verify(args)
    items = _edited(args) if args.edit is not None else _generated(args)
    try:
        out = render(
            items,
            args.out,
            file_format=args.format,
            encoding=args.encoding or "png",
            masks=not args.no_masks,
            shard_size=args.shard_size,
            part=args.shard,
            workers=args.workers,
        )
    except KeyboardInterrupt:
        raise KeyboardInterrupt(
            f"stopped; {args.out} is not finished, and the same command goes on."
        ) from None
    except OSError as error:
        if error.errno not in FULL_DISK:
            raise
        way_out = f"{error.strerror}; make room, and the same command goes on"
        raise OSError(error.errno, way_out, error.filename) from None
    return _report(out)


def _generated(args: argparse.Namespace) -> Items:
    """The items of a data set. It has one turn of labels alone, so that a thousand million items
    take no memory."""
    options: dict[str, Any] = {
        "labels": args.labels,
        "seed": args.seed,
        "size": args.size,
        "severity": args.severity,
        "skin_tone": args.skin_tone,
        "truncation": args.truncation,
        "artifacts": args.artifacts,
        "device": args.device,
        "classes": args.classes,
    }
    dataset = SyntheticSkinDataset(args.source, length=1, **options)
    turn = len(args.labels or dataset.labels)
    dataset = SyntheticSkinDataset(args.source, length=min(turn, args.length), **options)
    return GeneratedItems(dataset, args.length)


def _edited(args: argparse.Namespace) -> Items:
    return EditedPhotographs(
        args.images,
        args.edit,
        length=args.length,
        labels=args.labels,
        seed=args.seed,
        size=args.size,
        severity=args.severity,
    )


def _report(out: Path) -> int:
    """Say what is there."""
    plan = read_record(out / PLAN)
    if plan is not None:
        shards = -(-plan["length"] // plan["shard_size"])
        there = Work(out).count_records()
        print(f"{out}: {there:,} of {shards:,} shards are there; the other jobs make the rest")
        return 0
    manifest = read_record(out / MANIFEST) or {}
    left_out = manifest["left_out"]
    place = f"by class in {out / IMAGES}"
    if manifest["format"] in SHARD_SUFFIXES:
        count = len(manifest["bytes"])
        place = f"in {count:,} files, {sum(manifest['bytes']) / 1e6:,.1f} MB"
    print(f"{out}: {manifest['length'] - len(left_out):,} images, {place}")
    if left_out:
        summary = f"{len(left_out):,} of {manifest['length']:,} items could not be made"
        reasons = [f"{number}: {reason}" for number, reason in left_out.items()]
        print(f"synthderm: {summary}:", *reasons, sep="\n  ", file=sys.stderr)
    return 1 if left_out else 0


def _verify(args: argparse.Namespace) -> int:
    wrong = verify(args.verify, threads=args.workers)
    if wrong:
        print(f"synthderm: {args.verify} is not as it was written:", file=sys.stderr)
        print(*(f"  {line}" for line in wrong), sep="\n", file=sys.stderr)
        return 1
    print(f"{args.verify}: all files are as they were written")
    return 0
