"""The arguments of `synthderm render`."""

import argparse
from pathlib import Path

from synthderm.cli.arguments.ranges import add_ranges, check_from_1, check_share


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
    add("--length", type=int, required=True, help="number of images; can be raised later")
    add("--labels", nargs="+", help="classes, in turn; all of them by default")
    add("--seed", type=int, default=0)
    add("--size", type=int, help="side in pixels; the generator's own by default")
    add_ranges(parser)
    add("--truncation", type=float, default=1.0, help="in (0, 1]; below 1 is less varied")
    add("--device", default="cpu", help="where to generate")
    add("--classes", nargs="+", help="the classes of a diffusers pipeline")
    add(
        "--format",
        choices=["png", "jpeg", "webp"],
        default="png",
        help="of the images; jpeg and webp are smaller and change pixels a little, and timm does"
        " not read webp",
    )
    add("--no-masks", action="store_true", help="write images alone")
    parser.set_defaults(check=check)


def check(args: argparse.Namespace) -> None:
    """Refuse numbers out of range."""
    check_from_1("length", args.length)
    check_from_1("size", args.size)
    check_share("severity", args.severity)
    check_share("truncation", args.truncation, open_low=True)
