"""The option `--artifacts KIND=SHARE ...`, as `SyntheticSkinDataset` takes it."""

import argparse
from collections.abc import Sequence
from typing import Any

from synthderm.imaging.artifact_shares import KINDS, check_shares

NONE = "none"


class Shares(argparse.Action):
    """Keeps a dict of shares, which is empty for `none`."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: str | Sequence[Any] | None,
        option_string: str | None = None,
    ) -> None:
        words = list(values or ())
        pairs = [] if words == [NONE] else [self._pair(word) for word in words]
        shares = dict(pairs)
        if len(shares) < len(pairs):
            raise argparse.ArgumentError(self, f"{' '.join(words)}: give each kind once")
        try:
            setattr(namespace, self.dest, check_shares("artifacts", shares))
        except ValueError as error:
            raise argparse.ArgumentError(self, str(error)) from None

    def _pair(self, word: str) -> tuple[str, float]:
        kind, _, share = word.partition("=")
        try:
            return kind, float(share)
        except ValueError:
            raise argparse.ArgumentError(
                self, f"{word!r}: write KIND=SHARE, as in hair=0.5, or {NONE}"
            ) from None


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
