"""The arguments of `synthderm show`."""

import argparse
from pathlib import Path

from synthderm.cli.arguments.artifacts import add_artifacts
from synthderm.cli.arguments.ranges import add_ranges, check_from_1, check_share
from synthderm.cli.arguments.sources import SOURCES


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    add = parser.add_argument
    add("source", help=f"{SOURCES}, or a folder of photographs (./x)")
    add("--out", type=Path, default=Path("show.png"), help="the picture to write (show.png)")
    add("-n", "--number", type=int, default=16, help="how many images (16)")
    add("--columns", type=int, help="images in a row")
    add("--side", type=int, default=256, help="longest side of an image on the sheet (256)")
    add("--no-masks", action="store_true", help="without the masks' outlines")
    add("--labels", nargs="+", help="classes, in turn; all of them by default")
    add("--seed", type=int, help="which generated images (0)")
    add("--size", type=int, help="side of generated images in pixels; the generator's by default")
    add_ranges(parser)
    add_artifacts(parser)
    add("--truncation", type=float, help="in (0, 1]; below 1 is less varied")
    add("--classes", nargs="+", help="the classes of a diffusers pipeline")
    parser.set_defaults(check=check)


def check(args: argparse.Namespace) -> None:
    """Refuse numbers out of range."""
    for name in ("columns", "side", "size"):
        check_from_1(name, getattr(args, name))
    check_share("severity", args.severity)
    check_share("truncation", args.truncation, open_low=True)
