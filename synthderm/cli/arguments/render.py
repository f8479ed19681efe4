"""The arguments of `synthderm render`."""

import argparse
import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from synthderm.cli.arguments.artifacts import add_artifacts
from synthderm.cli.arguments.ranges import add_ranges, check_from_1, check_share
from synthderm.cli.arguments.sources import SOURCES

PICTURES, SHARDS = ("png", "jpeg", "webp"), ("webdataset", "parquet")
SHARD_SIZE = 1000
# Options of generators, which photographs that are edited have no use for.
OF_GENERATORS = {
    "skin_tone": None,
    "artifacts": None,
    "truncation": 1.0,
    "device": "cpu",
    "classes": None,
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments; they are those of `SyntheticSkinDataset` and of `render`."""
    add = parser.add_argument
    parser.usage = (
        "%(prog)s [options] SOURCE OUT --length N\n"
        "       %(prog)s [options] --edit eczema --images DIR OUT\n"
        "       %(prog)s --verify OUT"
    )
    source = add("source", metavar="SOURCE", help=f"{SOURCES}; left out with --edit")
    out = add(
        "out",
        type=Path,
        metavar="OUT",
        help="folder to write; images that are there are kept, so a run that was stopped goes on",
    )
    length = add("--length", type=int, required=True, help="number of images; can be raised later")
    add("--labels", nargs="+", help="classes, in turn; all of them by default")
    add("--seed", type=int, default=0)
    add("--size", type=int, help="side in pixels; the generator's or photograph's own by default")
    add_ranges(parser)
    add_artifacts(parser)
    add("--truncation", type=float, default=1.0, help="in (0, 1]; below 1 is less varied")
    add("--device", default="cpu", help="where to generate")
    add("--classes", nargs="+", help="the classes of a diffusers pipeline")
    _add_files(parser)
    _add_photographs(parser, (source, out, length))
    parser.set_defaults(check=check)


def _add_files(parser: argparse.ArgumentParser) -> None:
    """What is written, and by whom."""
    add = parser.add_argument
    add(
        "--format",
        choices=[*PICTURES, *SHARDS],
        default="png",
        help="png, jpeg or webp in folders of classes (jpeg and webp are smaller and change pixels"
        " a little, and timm does not read webp); webdataset's tar files; parquet, as Hugging"
        " Face's datasets reads it",
    )
    add("--encoding", choices=PICTURES, help="of the images in shards; png by default")
    add("--no-masks", action="store_true", help="write images alone")
    add("--shard-size", type=int, help=f"images in a file of shards; {SHARD_SIZE} by default")
    add(
        "--shard",
        type=_part,
        metavar="I/N",
        default=(0, 1),
        help="this is job I of N, from 0 on, of a scheduler's array; the files are the same however"
        " the work is split, and the job that comes last finishes the folder; `rank` under"
        " `accelerate launch` or torchrun",
    )
    add("--workers", type=int, default=1, help="processes (1); of --verify, threads")


def _add_photographs(parser: argparse.ArgumentParser, freed: Sequence[argparse.Action]) -> None:
    """Photographs that are edited, and a folder that is checked."""
    add = parser.add_argument
    free: Any = {"action": Freeing, "of": freed}
    add("--edit", metavar="MODEL", help="add eczema to the photographs of --images", **free)
    add("--images", type=Path, metavar="DIR", help="photographs for --edit")
    add(
        "--verify",
        type=Path,
        metavar="OUT",
        help="compare the files of a folder with their checksums, and name what is wrong",
        **free,
    )


class Freeing(argparse.Action):
    """Keeps a value, and makes other arguments optional."""

    def __init__(self, *args: Any, of: Sequence[argparse.Action], **options: Any) -> None:
        super().__init__(*args, **options)
        self._of = of

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: str | Sequence[Any] | None,
        option_string: str | None = None,
    ) -> None:
        setattr(namespace, self.dest, values)
        for action in self._of:
            action.required = False


def _part(text: str) -> tuple[int, int]:
    """I/N as a pair; `rank` is that of the process among those that a launcher started."""
    if text == "rank":
        if not {"RANK", "WORLD_SIZE"} <= os.environ.keys():
            raise argparse.ArgumentTypeError(
                "rank: RANK and WORLD_SIZE are not set, as `accelerate launch` and torchrun do"
            )
        text = f"{os.environ['RANK']}/{os.environ['WORLD_SIZE']}"
    match = re.fullmatch(r"(\d+)/(\d+)", text, re.ASCII)
    if match is None:
        raise argparse.ArgumentTypeError(f"{text!r}: write I/N, as in 0/3")
    index, count = int(match[1]), int(match[2])
    if index >= count:
        raise argparse.ArgumentTypeError(
            f"{text!r}: the jobs of {count} are 0/{count} to {count - 1}/{count}"
            if count
            else f"{text!r}: there is at least 1 job"
        )
    return index, count


def check(args: argparse.Namespace) -> None:
    """Refuse numbers out of range, and what does not fit together."""
    check_from_1("workers", args.workers)
    if args.verify is not None:
        if args.source is not None:
            raise ValueError(f"--verify checks {args.verify} alone: leave {args.source} out.")
        return
    if args.edit is not None:
        _check_edit(args)
    elif args.images is not None:
        raise ValueError("--images are photographs to edit: add --edit eczema.")
    check_from_1("length", args.length)
    check_from_1("size", args.size)
    check_from_1("shard-size", args.shard_size)
    check_share("severity", args.severity)
    check_share("truncation", args.truncation, open_low=True)
    if args.format in PICTURES:
        for name in ("encoding", "shard_size"):
            if getattr(args, name) is not None:
                raise ValueError(
                    f"--{name.replace('_', '-')} is of shards: leave it out, or add --format"
                    " webdataset or parquet."
                )
    args.shard_size = args.shard_size or SHARD_SIZE
    if args.device == "cuda" and "LOCAL_RANK" in os.environ:  # of several on one machine
        args.device = f"cuda:{os.environ['LOCAL_RANK']}"


def _check_edit(args: argparse.Namespace) -> None:
    """What goes with photographs. Of one place, it is OUT."""
    if args.images is None:
        raise ValueError("--edit needs photographs: add --images DIR.")
    if args.out is not None:
        raise ValueError(
            f"--edit draws on the photographs of --images: leave the source {args.source} out."
        )
    if args.source is None:
        raise ValueError("--edit needs a folder to write: add OUT.")
    args.source, args.out = None, Path(args.source)
    for name, usual in OF_GENERATORS.items():
        if getattr(args, name) != usual:
            raise ValueError(
                f"--{name.replace('_', '-')} is of generators: leave it out of --edit."
            )
