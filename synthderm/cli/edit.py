"""`synthderm edit`: eczema added to photographs, or removed from them.

A JPEG that is written is compressed anew, also outside the mask: write PNG to keep those pixels.
"""

import argparse
import errno
import os
import sys
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from synthderm.cli.messages import one_line
from synthderm.cli.outputs import check_folders, check_outputs
from synthderm.datasets.photographs import list_photographs
from synthderm.imaging.io import (
    WRITABLE,
    check_suffix,
    read_image,
    read_mask,
    to_pil,
    to_tensor,
    write_image,
)
from synthderm.imaging.lesions import LOOKS, SIGNS
from synthderm.transforms.functional import Edit, add_eczema, remove_eczema

USUAL = 0.4  # the amount of a lesion's looks that are not named
ADDING = {"severity": 0.5, "coverage": 0.3, "seed": 0, "signs": None}  # options and their defaults
REMOVING = {"severity": 1.0}
FULL_DISK = (errno.ENOSPC, errno.EDQUOT, errno.EROFS)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments; they are those of `add_eczema` and `remove_eczema`."""
    add = parser.add_argument
    add("input", type=Path, metavar="IN", help="a photograph, or a folder of them")
    add(
        "output",
        metavar="OUT",
        help="the file to write (PNG keeps every pixel outside the mask), or a folder: one that is "
        "there, or a name that ends in /",
    )
    add("--mode", choices=["add", "remove"], default="add")
    add(
        "--severity",
        type=float,
        help="how severe, or the share to remove, in [0, 1]; 0.5 to add, 1 to remove by default",
    )
    add("--coverage", type=float, help="share of the skin under a random mask; 0.3 by default")
    add("--seed", type=int, help="which lesion; 0 by default")
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
    add("--save-mask", type=Path, help="write the mask that was used to this PNG")
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
    blank = torch.zeros(3, 8, 8, dtype=torch.uint8)
    _edit(args.mode, blank, None, options)
    if args.input.is_dir():
        return _edit_folder(args, options)
    target = _target(args.input, args.output)
    reads = [path for path in (args.input, args.mask) if path is not None]
    writes = [path for path in (target, args.save_mask) if path is not None]
    for path in writes:
        check_suffix(path)
    check_outputs(reads, writes)
    print(_edit_file(args, options, args.input, target))
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
    return options | {"model": args.model}


def _target(source: Path, output: str) -> Path:
    """The file to write: OUT itself, or the photograph's name in OUT if that is a folder."""
    is_folder = os.path.isdir(output) or output.endswith((os.sep, "/"))
    if not output:
        raise ValueError("OUT is empty: name a picture or a folder.")
    target = Path(output) / source.name if is_folder else Path(output)
    if not is_folder and not target.suffix:
        raise ValueError(
            f"{target} is not there and has no suffix: for a folder write {target}/, for a picture"
            f" one of {', '.join(WRITABLE)}."
        )
    return target


def _edit_folder(args: argparse.Namespace, options: dict[str, Any]) -> int:
    """Edit all photographs of a folder; a file that can't be edited does not stop the others."""
    if args.mask or args.save_mask:
        raise ValueError("--mask and --save-mask go with one photograph, not with a folder.")
    out = Path(args.output)
    if out.suffix.lower() in WRITABLE and not out.exists():
        raise ValueError(f"{args.input} is a folder, and {out} a picture: name a folder.")
    check_folders(args.input, out)
    sources = list_photographs(args.input)
    targets = [out / path.relative_to(args.input) for path in sources]
    check_outputs(sources, targets)
    failures = []
    for source, target in zip(sources, targets):
        try:
            done = _edit_file(args, options, source, target)
        except (ValueError, OSError) as error:
            if isinstance(error, OSError) and error.errno in FULL_DISK:
                raise
            failures.append(one_line(error))
        else:
            print(done)
    if failures:
        count = f"{len(failures)} of {len(sources)} files could not be edited"
        print(f"synthderm: {count}:", *failures, sep="\n  ", file=sys.stderr)
    return 1 if failures else 0


def _edit_file(
    args: argparse.Namespace, options: dict[str, Any], source: Path, target: Path
) -> str:
    """Edit one photograph.

    Returns:
        what was done.

    Raises:
        ValueError: not a pixel would change, though one should: nobody is to take the picture for
            an edited one.
    """
    photograph = read_image(source)
    image, mask = to_tensor(photograph), None
    if args.input.is_dir() and _looks_like_mask(image):
        raise ValueError(f"{source} is black and white alone: a mask, and no photograph.")
    if args.mask is not None:
        mask = to_tensor(read_mask(args.mask, photograph.size)) > 0
        if not mask.any():
            raise ValueError(f"mask {args.mask} is empty (black everywhere): it edits nothing.")
    edit = _edit(args.mode, image, mask, options)
    is_same = torch.equal(edit.images, image)
    if is_same and options["severity"] > 0:
        _check_same(args.mode, source, edit)
    write_image(to_pil(edit.images), target)
    if args.save_mask:
        write_image(to_pil(edit.masks), args.save_mask)
    if is_same and options["severity"] > 0:
        return f"{target}: {args.mode}, no eczema was found"
    share = 0.0 if is_same else float(edit.masks.float().mean())
    return (
        f"{target}: {args.mode}, severity {float(edit.severity):.2f}, "
        f"{share:.1%} of the image edited"
    )


def _looks_like_mask(image: Tensor) -> bool:
    return bool(((image == 0) | (image == 255)).all() and (image == image[:1]).all())


def _check_same(mode: str, source: Path, edit: Edit) -> None:
    """Refuse an edit that changes no pixel, except where eczema was to be removed and none was
    found."""
    if edit.masks.any():
        raise ValueError(
            f"{source} would stay as it is under this mask: choose a higher --severity, other"
            " --signs or another mask."
        )
    if mode == "add":
        raise ValueError(f"{source} shows no skin to edit; say where with --mask.")


def _edit(mode: str, image: Tensor, mask: Tensor | None, options: dict[str, Any]) -> Edit:
    edit = add_eczema if mode == "add" else remove_eczema
    return edit(image, mask, **options)


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
