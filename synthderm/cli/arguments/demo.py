"""The arguments of `synthderm demo`."""

import argparse
from pathlib import Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    add = parser.add_argument
    add("--out", type=Path, default=Path("demo"), help="folder for index.html and its pictures")
    add("--data", type=Path, help="a folder of your own skin photographs to edit and to train on")
    add("--smoke", action="store_true", help="a few images: does all run?")
