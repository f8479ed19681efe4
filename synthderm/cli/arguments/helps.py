"""The arguments of `synthderm helps`."""

import argparse
from pathlib import Path

from synthderm.cli.arguments.artifacts import add_artifacts
from synthderm.cli.arguments.ranges import check_from_1


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    add = parser.add_argument
    add("--data", type=Path, required=True, help="a folder of photographs with labels")
    add("--split", help="of the folder: this one alone; all by default")
    add("--classes", nargs="+", help="of the folder: these alone; all by default")
    add("--source", default="lesions", help="of the generated images (lesions)")
    add("--size", type=int, help="side of generated images in pixels; the classifier's by default")
    add_artifacts(parser)
    add(
        "--map",
        nargs="+",
        default=[],
        metavar="CLASS=GENERATED",
        help="classes of the folder that the source calls by another name; CLASS= for none",
    )
    add(
        "--classifier",
        default="mobilenetv2_100",
        help="timm network: NAME, or NAME=FILE.safetensors (mobilenetv2_100)",
    )
    add("--seen", type=Path, help="photographs the generator was trained on: they are left out")
    add("--out", type=Path, default=Path("helps"), help="folder for index.html (helps)")
    add("--seed", type=int, default=0, help="of all draws (0)")
    add("--quick", action="store_true", help="600 photographs and few repeats: a first impression")
    parser.set_defaults(check=check)


def check(args: argparse.Namespace) -> None:
    """Refuse numbers out of range, and a mapping that is none."""
    check_from_1("size", args.size)
    wrong = [entry for entry in args.map if "=" not in entry]
    if wrong:
        raise ValueError(
            f"--map {wrong[0]}: write CLASS=GENERATED, as in bkl=seborrheic_keratosis."
        )
