"""`synthderm edit`: eczema added to photographs, or removed from them.

A JPEG that is written is compressed anew, also outside the mask: write PNG to keep those pixels.
"""

import argparse
import os
from pathlib import Path

import torch

from synthderm.cli.arguments.edit import options as edit_options
from synthderm.cli.edit_file import apply_edit, edit_photograph
from synthderm.cli.edit_folder import edit_folder
from synthderm.cli.outputs import check_outputs
from synthderm.hub.resolve import pin
from synthderm.imaging.io import WRITABLE, check_suffix
from synthderm.imaging.originals import Original

SAMPLE = (210, 160, 140)  # a colour of skin, to try arguments on


def run(args: argparse.Namespace) -> int:
    """Edit one photograph, or all of a folder.

    Returns:
        0, or 1 if some photographs of a folder could not be edited: these are named at the end.
    """
    options = edit_options(args) | {"model": pin(args.model)}
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
