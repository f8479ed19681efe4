"""The arguments of `synthderm audit`."""

import argparse
from pathlib import Path

from synthderm.cli.arguments.artifacts import add_artifacts
from synthderm.cli.arguments.ranges import check_from_1, check_share
from synthderm.cli.arguments.sources import SOURCES


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    add = parser.add_argument
    add(
        "source",
        help=f"{SOURCES}, or a folder of images (./x) that any tool made",
    )
    add(
        "--real",
        required=True,
        action="append",
        metavar="DIR",
        help="the photographs that it was trained on; once for each folder",
    )
    add(
        "--holdout",
        action="append",
        metavar="DIR",
        help="photographs that it has not seen; by default the split"
        " test of --real, where there is one",
    )
    add("--real-split", help="by default train, where the folder has it")
    add("--holdout-split", help="by default test, where the folder has it")
    add("--out", type=Path, required=True, help="folder for report.json and report.html")
    add("--length", type=int, help="generated images (1000), or images of a folder (all)")
    add(
        "--extractor",
        default="timm:mobilenetv2_100",
        help="timm:NAME, with weights from the Hub, or timm:NAME=FILE.safetensors",
    )
    add(
        "--run",
        dest="training",
        type=Path,
        metavar="DIR",
        help="the folder of its training by train_gan.py: whether the discriminators there remember"
        " their photographs",
    )
    add(
        "--run-features",
        metavar="NAME=FILE",
        help="the frozen network of that run, where its file lies elsewhere now",
    )
    add("--size", type=int, default=128, help="side of the compared images in pixels (128)")
    add("--seed", type=int, default=0, help="of generated images, and of what is drawn (0)")
    add("--truncation", type=float, help="of a generator, in (0, 1]")
    add_artifacts(parser)
    add("--classes", nargs="+", help="the classes of a diffusers pipeline")
    add("--device", default="cpu", help="where to generate")
    add("--no-pictures", action="store_true", help="leave photographs out of report.html")
    parser.set_defaults(check=check)


def check(args: argparse.Namespace) -> None:
    """Refuse numbers out of range."""
    if not 64 <= args.size <= 512:
        raise ValueError(f"--size {args.size}: compare images of 64 to 512 pixels.")
    check_from_1("length", args.length)
    check_share("truncation", args.truncation, open_low=True)
