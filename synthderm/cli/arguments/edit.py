"""The arguments of `synthderm edit`."""

import argparse
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from synthderm.cli.arguments.ranges import check_share
from synthderm.imaging.signs import LOOKS, SIGNS

USUAL = 0.4  # the amount of a lesion's looks that are not named
ADDING = {"severity": 0.5, "coverage": 0.3, "seed": 0, "signs": None}  # options and their defaults
REMOVING = {"severity": 1.0}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments; they are those of `add_eczema` and `remove_eczema`."""
    add = parser.add_argument
    add("input", type=Path, metavar="IN", help="a photograph, or a folder of them")
    add(
        "output",
        metavar="OUT",
        help="the file to write (PNG keeps every pixel outside the mask), or a folder: one that is "
        "there, or a name that ends in /; a run over a folder that was stopped goes on",
    )
    add("--mode", choices=["add", "remove"], default="add")
    add(
        "--severity",
        type=float,
        help="how severe, or the share to remove, in [0, 1]; 0.5 to add, 1 to remove by default",
    )
    add("--coverage", type=float, help="share of the skin under a random mask; 0.3 by default")
    add(
        "--seed",
        type=int,
        help="which lesion; 0 by default. In a folder each photograph gets a lesion of its own, by"
        " the seed and its name",
    )
    add(
        "--signs",
        nargs="+",
        metavar="NAME=AMOUNT",
        help=f"signs, amounts in [0, 1]: {', '.join(SIGNS)}; the others get 0, the last "
        f"{len(LOOKS)} get {USUAL}; random by default",
    )
    add(
        "--mask",
        type=Path,
        help="where to edit: a picture of the same size, white (or 1) inside; random (add) or "
        "found by the model (remove) by default",
    )
    add("--save-mask", type=Path, metavar="FILE", help="write the mask that was used, as PNG")
    add("--save-masks", type=Path, metavar="DIR", help="the same of each photograph of a folder")
    add(
        "--no-exif",
        action="store_true",
        help="leave out the photographs' EXIF data: place, time, camera",
    )
    add("--model", default="eczema", help="bundled name, folder or Hub id")
    parser.set_defaults(check=check)


def check(args: argparse.Namespace) -> None:
    """Refuse what does not fit together, and numbers out of range."""
    if not args.input.exists():
        raise FileNotFoundError(f"{args.input} does not exist: name a photograph or a folder.")
    usual = ADDING if args.mode == "add" else REMOVING
    given = {name for name in ADDING if getattr(args, name) is not None}
    for name in given - set(usual):
        raise ValueError(f"--{name} is of eczema that is added; leave it out of --mode remove.")
    if args.mask and "coverage" in given:
        raise ValueError("--coverage is of a random mask; leave it out beside --mask.")
    check_share("severity", args.severity)
    check_share("coverage", args.coverage, open_low=True)
    parse_signs(args.signs or ())


def options(args: argparse.Namespace) -> dict[str, Any]:
    """The options of the edit that is asked for, without those that it does not have; signs as a
    list of amounts."""
    usual = ADDING if args.mode == "add" else REMOVING
    given = {name for name in ADDING if getattr(args, name) is not None}
    found = usual | {name: getattr(args, name) for name in given}
    if "signs" in given:
        found["signs"] = parse_signs(args.signs)
    return found


def parse_signs(entries: Iterable[str]) -> list[float]:
    """The amounts of all signs, from NAME=AMOUNT each."""
    amounts = dict.fromkeys(SIGNS, 0.0) | dict.fromkeys(LOOKS, USUAL)
    for entry in entries:
        name, _, amount = entry.partition("=")
        if name not in amounts:
            raise ValueError(f"--signs {entry}: {name!r} is none of {', '.join(SIGNS)}.")
        try:
            amounts[name] = float(amount)
        except ValueError:
            raise ValueError(
                f"--signs {entry}: {amount!r} is no number; write {name}=0.5."
            ) from None
        check_share(f"--signs {name}", amounts[name])
    return list(amounts.values())
