"""`synthderm show`: a contact sheet of a source or of a folder of photographs."""

import argparse
from pathlib import Path
from typing import Any

from synthderm.cli.ranges import add_ranges


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    add = parser.add_argument
    add(
        "source",
        help="lesions, hands, skin, eczema, a model's folder (./x), a Hub id, diffusers:org/name,"
        " or a folder of photographs (./x)",
    )
    add("--out", type=Path, default=Path("show.png"), help="the picture to write (show.png)")
    add("-n", "--number", type=int, default=16, help="how many images (16)")
    add("--columns", type=int, help="images in a row")
    add("--side", type=int, default=256, help="longest side of an image on the sheet (256)")
    add("--no-masks", action="store_true", help="without the masks' outlines")
    add("--labels", nargs="+", help="classes, in turn; all of them by default")
    add("--seed", type=int, help="which generated images (0)")
    add("--size", type=int, help="side of generated images in pixels; the generator's by default")
    add_ranges(parser)
    add("--truncation", type=float, help="in (0, 1]; below 1 is less varied")
    add("--classes", nargs="+", help="the classes of a diffusers pipeline")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> None:
    """Make the items and write the sheet."""
    from synthderm.imaging.io import check_suffix, write_image

    check_suffix(args.out)
    if args.number < 1:
        raise ValueError(f"-n {args.number}: show at least 1 image.")
    data = _photographs(args) if _is_photographs(args.source) else _generated(args)
    sheet = data.show(args.number, columns=args.columns, side=args.side, masks=not args.no_masks)
    write_image(sheet, args.out)
    print(f"{args.out}: {min(args.number, len(data))} images of {args.source}")


def _is_photographs(source: str) -> bool:
    """Whether this is a folder without a model. As elsewhere, a folder starts with /, . or ~."""
    folder = Path(source).expanduser()
    if not source.startswith(("/", ".", "~")) or not folder.is_dir():
        return False
    return not any((folder / name).is_file() for name in ("config.json", "model/config.json"))


def _photographs(args: argparse.Namespace) -> Any:
    from synthderm.datasets.folder import SkinFolder

    unfit = ("seed", "size", "severity", "skin_tone", "truncation")
    given = [f"--{name.replace('_', '-')}" for name in unfit if getattr(args, name) is not None]
    if given:
        raise ValueError(
            f"{', '.join(given)} is for generated images, and {args.source} holds photographs:"
            " leave it out."
        )
    return SkinFolder(Path(args.source).expanduser(), classes=args.labels or args.classes)


def _generated(args: argparse.Namespace) -> Any:
    from synthderm.datasets.synthetic import SyntheticSkinDataset

    return SyntheticSkinDataset(
        args.source,
        length=args.number,
        labels=args.labels,
        seed=args.seed or 0,
        size=args.size,
        severity=args.severity,
        skin_tone=args.skin_tone,
        truncation=1.0 if args.truncation is None else args.truncation,
        classes=args.classes,
    )
