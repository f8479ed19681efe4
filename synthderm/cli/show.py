"""`synthderm show`: a contact sheet of a source or of a folder of photographs."""

import argparse
from pathlib import Path
from typing import Any


def run(args: argparse.Namespace) -> None:
    """Make the items and write the sheet."""
    from synthderm.cli.origins import origin_of_data, origin_of_file, origin_of_sheet
    from synthderm.imaging.io import check_suffix, write_image

    check_suffix(args.out)
    if args.number < 1:
        raise ValueError(f"-n {args.number}: show at least 1 image.")
    is_folder = _is_photographs(args.source)
    data = _photographs(args) if is_folder else _generated(args)
    sheet = data.show(args.number, columns=args.columns, side=args.side, masks=not args.no_masks)
    if is_folder:
        shown = data.choose_shown(min(args.number, len(data)))
        files = [data.samples[index][0] for index in shown]
        origin = origin_of_sheet([origin_of_file(path) for path in files])
    else:
        origin = origin_of_data(data)
    write_image(sheet, args.out, provenance=origin)
    print(f"{args.out}: {min(args.number, len(data))} images of {args.source}")


def _is_photographs(source: str) -> bool:
    """Whether this is a folder without a model. As elsewhere, a folder starts with /, . or ~."""
    folder = Path(source).expanduser()
    if not source.startswith(("/", ".", "~")) or not folder.is_dir():
        return False
    return not any((folder / name).is_file() for name in ("config.json", "model/config.json"))


def _photographs(args: argparse.Namespace) -> Any:
    from synthderm.datasets.folder import SkinFolder

    unfit = ("seed", "size", "severity", "skin_tone", "artifacts", "truncation")
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
        artifacts=args.artifacts,
        classes=args.classes,
    )
