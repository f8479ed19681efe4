"""`synthderm whence`: what files say of where they come from."""

import argparse
import json
from collections.abc import Mapping

from synthderm.imaging.provenance import read_provenance


def run(args: argparse.Namespace) -> int:
    """Print what is known of each file.

    Returns:
        0, or 1 where a file says nothing: it may still be synthetic.
    """
    silent = 0
    for path in args.files:
        found = read_provenance(path)
        silent += found is None
        if args.json:
            known: Mapping[str, str | None] = found or {"digital source type": None}
            print(json.dumps({"file": str(path), **known}))
        elif found is None:
            print(f"{path}: says nothing of where it comes from")
        else:
            print(f"{path}: " + "; ".join(f"{key} {value}" for key, value in found.items()))
    return 1 if silent else 0
