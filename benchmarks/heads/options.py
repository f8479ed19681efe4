"""The options that the three commands of this folder share."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks.common import RESULTS

OUT = RESULTS / "heads"
# Of a trial: images of each folder and split or kind of patch, generated images, and draws.
MOST, GENERATED, DRAWS = 60, 90, 4


def make_parser(description: str, draws: int) -> argparse.ArgumentParser:
    """A parser of what every command needs, but for the photographs.

    Args:
        description: the docstring of the command, of which the first line is shown.
        draws: of the photographs, where --draws is not given.
    """
    parser = argparse.ArgumentParser(description=description.splitlines()[0])
    add = parser.add_argument
    add("--classifier", default="mobilenetv2_100", help="a timm network, NAME or NAME=FILE")
    add("--draws", type=int, default=draws, help=f"of the photographs ({draws})")
    add("--cache", type=Path, default=Path("features"), help="folder of features (features)")
    add("--out", type=Path, default=OUT)
    add("--jobs", type=int, default=1, help="processes")
    add("--quick", action="store_true", help="few images and draws: does all run?")
    return parser


def add_skin(parser: argparse.ArgumentParser) -> None:
    """The folders and the editor of the two commands that change skin."""
    add = parser.add_argument
    add("--padufes", type=Path, required=True, help="close-ups with lesion masks")
    add("--isic", type=Path, required=True, help="dermoscopy with lesion masks: ISIC 2017")
    add("--inflamed", type=Path, required=True, help="folder with boxes.csv")
    add("--model", default="eczema", help="editor: bundled name, folder or Hub id")


def parse(parser: argparse.ArgumentParser, argv: Sequence[str] | None) -> argparse.Namespace:
    """The options, with `most`: how many images of each folder are read; all where None. A quick
    run has few of everything, and may not write over the results."""
    args = parser.parse_args(argv)
    args.most = MOST if args.quick else None
    if args.quick:
        if args.out.resolve() == OUT.resolve():
            sys.exit("--quick would write over the results: give another folder with --out.")
        args.draws = min(args.draws, DRAWS)
        if "images" in args:
            args.images = min(args.images, GENERATED)
    return args
