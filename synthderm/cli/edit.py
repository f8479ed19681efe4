"""`synthderm edit`: eczema added to photographs, or removed from them.

A JPEG that is written is compressed anew, also outside the mask: write PNG to keep those pixels.
"""

import argparse
import os
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from synthderm.cli.edit_file import apply_edit, edit_photograph
from synthderm.cli.edit_folder import edit_folder
from synthderm.cli.outputs import check_outputs
from synthderm.hub.resolve import pin
from synthderm.imaging.io import WRITABLE, check_suffix
from synthderm.imaging.lesions import LOOKS, SIGNS
from synthderm.imaging.originals import Original

SAMPLE = (210, 160, 140)  # a colour of skin, to try arguments on
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
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Edit one photograph, or all of a folder.

    Returns:
        0, or 1 if some photographs of a folder could not be edited: these are named at the end.
    """
    options = _options(args)
    if not args.input.exists():
        raise FileNotFoundError(f"{args.input} does not exist: name a photograph or a folder.")
    # Arguments out of range and a model that can't be had show before the first photograph.
    sample = torch.tensor(SAMPLE, dtype=torch.uint8).view(3, 1, 1).repeat(1, 8, 8)
    apply_edit(args.mode, sample, None, options)
    if args.input.is_dir():
        return edit_folder(args, options)
    if args.save_masks:
        raise ValueError("--save-masks is for a folder; of one photograph it is --save-mask FILE.")
    target = _target(args.input, args.output)
    reads = [path for path in (args.input, args.mask) if path is not None]
    writes = [path for path in (target, args.save_mask) if path is not None]
    for path in writes:
        check_suffix(path)
    check_outputs(reads, writes)
    photograph = edit_photograph(Original(args.input), args.mode, options, args.mask)
    photograph.write(target, args.save_mask, exif=not args.no_exif)
    print(f"{target}: {photograph.summary}")
    return 0


def _options(args: argparse.Namespace) -> dict[str, Any]:
    """The options of the edit that is asked for, without those that it does not have."""
    usual = ADDING if args.mode == "add" else REMOVING
    given = {name for name in ADDING if getattr(args, name) is not None}
    for name in given - set(usual):
        raise ValueError(f"--{name} is of eczema that is added; leave it out of --mode remove.")
    if args.mask and "coverage" in given:
        raise ValueError("--coverage is of a random mask; leave it out beside --mask.")
    options = usual | {name: getattr(args, name) for name in given}
    if "signs" in given:
        options["signs"] = _parse_signs(args.signs)
    return options | {"model": pin(args.model)}


def _target(source: Path, output: str) -> Path:
    """The file to write: OUT itself, or the photograph's name in OUT if that is a folder."""
    is_folder = os.path.isdir(output) or output.endswith((os.sep, "/"))
    if not output:
        raise ValueError("OUT is empty: name a picture or a folder.")
    target = Path(output) / source.name if is_folder else Path(output)
    if is_folder and target.exists() and not target.samefile(source):
        raise ValueError(
            f"{target} is there already: move it away, or name the file to write to replace it."
        )
    if not is_folder and not target.suffix:
        raise ValueError(
            f"{target} is not there and has no suffix: for a folder write {target}/, for a picture"
            f" one of {', '.join(WRITABLE)}."
        )
    return target


def _parse_signs(entries: list[str]) -> Tensor:
    """(11,) amounts from NAME=AMOUNT each."""
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
    return torch.tensor(list(amounts.values()))
