"""The arguments of `synthderm whence`."""

import argparse
from pathlib import Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.add_argument("files", type=Path, nargs="+", metavar="FILE", help="pictures")
    parser.add_argument("--json", action="store_true", help="one line of JSON for each file")
