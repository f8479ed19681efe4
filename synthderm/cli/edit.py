"""`synthderm edit`: eczema added to photographs, or removed from them.

A JPEG that is written is compressed anew, also outside the mask: write PNG to keep those pixels.
"""

import argparse
from pathlib import Path

import torch
from torch import Tensor

from synthderm.imaging.io import list_images, read_image, read_mask, to_pil, to_tensor, write_image
from synthderm.imaging.lesions import LOOKS, SIGNS
from synthderm.transforms.functional import add_eczema, remove_eczema

USUAL = 0.4  # the amount of a lesion's looks that are not named


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments; they are those of `add_eczema` and `remove_eczema`."""
    add = parser.add_argument
    add("input", type=Path, metavar="IN", help="a photograph, or a folder of them")
    add(
        "output",
        type=Path,
        metavar="OUT",
        help="the file to write (PNG keeps every pixel outside the mask), or a folder",
    )
    add("--mode", choices=["add", "remove"], default="add")
    add(
        "--severity",
        type=float,
        help="how severe, or the share to remove, in [0, 1]; 0.5 to add, 1 to remove by default",
    )
    add("--coverage", type=float, default=0.3, help="share of the skin under a random mask")
    add("--seed", type=int, default=0, help="which lesion")
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
        help="where to edit: a picture of the same size, white inside; random (add) or found by "
        "the model (remove) by default",
    )
    add("--save-mask", type=Path, help="write the mask that was used to this PNG")
    add("--model", default="eczema", help="bundled name, folder or Hub id")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> None:
    """Edit one photograph, or all of a folder."""
    if not args.input.exists():
        raise FileNotFoundError(f"{args.input} does not exist: name a photograph or a folder.")
    if not args.input.is_dir():
        _edit_file(args, args.input, args.output)
        return
    if args.mask or args.save_mask:
        raise ValueError("--mask and --save-mask go with one photograph, not with a folder.")
    for path in list_images(args.input):
        _edit_file(args, path, args.output / path.relative_to(args.input))


def _edit_file(args: argparse.Namespace, source: Path, target: Path) -> None:
    photograph = read_image(source)
    image, mask = to_tensor(photograph), None
    if args.mask is not None:
        mask = to_tensor(read_mask(args.mask, photograph.size)) > 0
    if args.mode == "remove":
        severity = 1.0 if args.severity is None else args.severity
        edit = remove_eczema(image, mask, severity, model=args.model)
    else:
        edit = add_eczema(
            image,
            mask,
            0.5 if args.severity is None else args.severity,
            coverage=args.coverage,
            seed=args.seed,
            signs=None if args.signs is None else _parse_signs(args.signs),
            model=args.model,
        )
    write_image(to_pil(edit.images), target)
    if args.save_mask:
        write_image(to_pil(edit.masks), args.save_mask)
    print(
        f"{target}: {args.mode}, severity {float(edit.severity):.2f}, "
        f"{edit.masks.float().mean():.1%} of the image edited"
    )


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
