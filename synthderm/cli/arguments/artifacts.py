"""The option `--artifacts KIND=SHARE ...`, as `SyntheticSkinDataset` takes it."""

import argparse
from collections.abc import Sequence
from typing import Any

from synthderm.imaging.artifact_shares import KINDS, NONE, parse_shares


class Shares(argparse.Action):
    """Keeps a dict of shares, which is empty for `none`."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: str | Sequence[Any] | None,
        option_string: str | None = None,
    ) -> None:
        try:
            setattr(namespace, self.dest, parse_shares(list(values or ())))
        except ValueError as error:
            parser.error(str(error))


def add_artifacts(parser: argparse.ArgumentParser) -> None:
    """Add `--artifacts`."""
    parser.add_argument(
        "--artifacts",
        nargs="+",
        action=Shares,
        metavar="KIND=SHARE",
        help=f"of dermoscopy, and the share of images that have each ({', '.join(KINDS)}), or"
        f" {NONE}; as in its photographs by default",
    )
