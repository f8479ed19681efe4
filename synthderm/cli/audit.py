"""`synthderm audit`: does a generator give its photographs back?"""

import argparse
from pathlib import Path
from typing import Any

from synthderm.cli.outputs import check_folders

EXTRA = ("torchmetrics", "sklearn", "matplotlib")


def run(args: argparse.Namespace) -> int:
    """Audit a source.

    Returns:
        0 where the gate is passed, 1 where it is not.
    """
    _check_extra()
    from synthderm.audit.features import LayerFeatures
    from synthderm.audit.run import audit

    place, split = _real(args)
    holdout = _holdout(args, place, split)
    _check_places(args, place, holdout)
    network = LayerFeatures(args.extractor)
    real_images, holdout_images = _read(args, place, split, holdout)
    result = audit(
        _samples(args, real_images),
        real_images,
        holdout_images,
        network,
        settings={"extractor": network.name, "size": args.size, "seed": args.seed},
        pictures=not args.no_pictures,
        edits=args.source == "eczema",
    )
    result.write(args.out)
    verdict = "passed" if result.passed else "FAILED"
    print(f"{verdict}: {result.report['reason']}")
    print(f"{args.out / 'report.html'}, {args.out / 'report.json'}")
    return 0 if result.passed else 1


def _check_extra() -> None:
    from importlib.util import find_spec

    missing = [name for name in EXTRA if find_spec(name) is None]
    if missing:
        raise ImportError(f"the audit needs {', '.join(missing)}: pip install 'synthderm[audit]'.")


def _real(args: argparse.Namespace) -> tuple[Path, str | None]:
    from synthderm.datasets.folder import training_split

    place = Path(args.real).expanduser()
    return place, args.real_split or training_split(place)


def _holdout(
    args: argparse.Namespace, real: Path, real_split: str | None
) -> tuple[Path, str | None] | None:
    """Folder and split of the holdout; None where there is none."""
    from synthderm.datasets.folder import find_splits

    place = real if args.holdout is None else Path(args.holdout).expanduser()
    splits = find_splits(place)
    split = args.holdout_split or ("test" if "test" in splits else None)
    if args.holdout is None and (split is None or split == real_split):
        return None
    if place.exists() and place.samefile(real) and split == real_split:
        raise ValueError(
            f"--holdout {args.holdout} is --real over again: name photographs that the generator"
            " has not seen, or a split of them with --holdout-split."
        )
    return place, split


def _check_places(
    args: argparse.Namespace, real: Path, holdout: tuple[Path, str | None] | None
) -> None:
    for place in (real, *([] if holdout is None else [holdout[0]])):
        check_folders(place, args.out)
    if _is_folder_of_images(args.source):
        source = Path(args.source).expanduser()
        check_folders(source, args.out)
        if source.samefile(real):
            raise ValueError(f"{source} is --real over again: all of it would be a copy of itself.")


def _read(args: argparse.Namespace, real: Path, split: str | None, holdout: Any) -> tuple[Any, Any]:
    from synthderm.audit.images import read_photographs

    photographs = read_photographs(real, split, args.size)
    if holdout is None:
        return photographs, None
    return photographs, read_photographs(holdout[0], holdout[1], args.size)


def _check_options(args: argparse.Namespace) -> None:
    """Refuse what has no effect on a folder of images."""
    given = [name for name in ("truncation", "classes") if getattr(args, name) is not None]
    if given:
        raise ValueError(
            f"--{given[0]} is for generated images, and {args.source} holds files: leave it out."
        )


def _samples(args: argparse.Namespace, real: Any) -> Any:
    """The generated images."""
    from synthderm.audit.images import generate, match_labels, read_photographs
    from synthderm.datasets.synthetic import SyntheticSkinDataset

    if _is_folder_of_images(args.source):
        _check_options(args)
        return read_photographs(args.source, None, args.size, args.length)
    options: dict[str, Any] = {
        "length": 1000 if args.length is None else args.length,
        "seed": args.seed,
        "truncation": 1.0 if args.truncation is None else args.truncation,
        "device": args.device,
        "classes": args.classes,
    }
    dataset = SyntheticSkinDataset(args.source, **options)
    labels = match_labels(dataset, real)
    if labels is not None:
        dataset = SyntheticSkinDataset(args.source, labels=labels, **options)
    return generate(dataset, args.size)


def _is_folder_of_images(source: str) -> bool:
    """Whether this is a folder without a model. As elsewhere, a folder starts with /, . or ~."""
    folder = Path(source).expanduser()
    if not source.startswith(("/", ".", "~")) or not folder.is_dir():
        return False
    return not any((folder / name).is_file() for name in ("config.json", "model/config.json"))
