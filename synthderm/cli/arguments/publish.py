"""The arguments of `synthderm publish`."""

import argparse
from pathlib import Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Give a parser the arguments of `synthderm publish`."""
    parser.add_argument(
        "folder",
        type=Path,
        metavar="RUN",
        help="folder of a training run (with model/ in it), or of a model",
    )
    parser.add_argument(
        "--repo",
        required=True,
        metavar="org/name",
        help="repository on the Hub; it is created if it does not exist",
    )
    parser.add_argument(
        "--card",
        type=Path,
        metavar="FILE",
        help="JSON with licence, data and metrics; default: RUN/card.json, if there is one",
    )
    parser.add_argument(
        "--audit",
        type=Path,
        metavar="FILE",
        help="report.json of `synthderm audit`; default: RUN/audit/report.json, if there is one."
        " Without one the card says that there was none",
    )
    parser.add_argument("--private", action="store_true", help="keep the repository private")
    parser.add_argument(
        "--dry-run",
        action="store_true",
        help="check everything and print the card, without network",
    )
