"""`synthderm audit`: does a generator give its photographs back?"""

import argparse
from pathlib import Path
from typing import Any

from synthderm.cli.outputs import check_folders

EXTRA = ("torchmetrics", "sklearn", "matplotlib")

Place = tuple[Path, str | None]  # a folder and its split


def run(args: argparse.Namespace) -> int:
    """Audit a source.

    Returns:
        0 where the gate is passed, 1 where it is not.
    """
    _check_extra()
    from synthderm.audit.features import LayerFeatures
    from synthderm.audit.run import audit

    real = _real(args)
    holdout = _holdout(args, real)
    _check_places(args, real, holdout)
    discriminators = _discriminators(args, real, holdout)
    network = LayerFeatures(args.extractor)
    photographs = _read(real, args.size)
    result = audit(
        _samples(args, photographs),
        photographs,
        _read(holdout, args.size) if holdout else None,
        network,
        settings={"extractor": network.name, "size": args.size, "seed": args.seed},
        pictures=not args.no_pictures,
        edits=args.source == "eczema",
        discriminators=discriminators,
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


def _real(args: argparse.Namespace) -> list[Place]:
    from synthderm.datasets.folder import training_split

    folders = [Path(folder).expanduser() for folder in args.real]
    for k, folder in enumerate(folders):
        if any(_is_same(folder, other) for other in folders[:k]):
            raise ValueError(f"--real names {folder} twice: each photograph would be there twice.")
    return [(folder, args.real_split or training_split(folder)) for folder in folders]


def _holdout(args: argparse.Namespace, real: list[Place]) -> list[Place]:
    """Folders and splits of the holdout; [] where there is none."""
    if args.holdout is None:
        places = [(folder, _test_split(args, folder)) for folder, _ in real]
        own = [place for place in places if place[1] is not None and place not in real]
        if own and len(own) < len(real):
            lacking = next(folder for folder, split in places if (folder, split) not in own)
            raise ValueError(
                f"{lacking} has no split test, as other folders of --real have: name photographs"
                " that were not trained on with --holdout, for each folder."
            )
        return own
    if len(args.holdout) != len(real):
        raise ValueError(
            f"--real is given {len(real)} times and --holdout {len(args.holdout)} times: name for"
            " each folder one of the same kind, in the same order, or leave --holdout out for their"
            " splits test."
        )
    folders = [Path(folder).expanduser() for folder in args.holdout]
    places = [(folder, _test_split(args, folder)) for folder in folders]
    for folder, split in places:
        if any(_is_same(folder, other) and split == known for other, known in real):
            raise ValueError(
                f"--holdout {folder} is --real over again: name photographs that the generator has"
                " not seen, or a split of them with --holdout-split."
            )
    return places


def _test_split(args: argparse.Namespace, folder: Path) -> str | None:
    from synthderm.datasets.folder import find_splits

    return args.holdout_split or ("test" if "test" in find_splits(folder) else None)


def _is_same(folder: Path, other: Path) -> bool:
    return folder.exists() and other.exists() and folder.samefile(other)


def _check_places(args: argparse.Namespace, real: list[Place], holdout: list[Place]) -> None:
    for place, _ in (*real, *holdout):
        check_folders(place, args.out)
    if _is_folder_of_images(args.source):
        source = Path(args.source).expanduser()
        check_folders(source, args.out)
        if any(_is_same(source, place) for place, _ in real):
            raise ValueError(f"{source} is --real over again: all of it would be a copy of itself.")


def _read(places: list[Place], size: int) -> Any:
    from synthderm.audit.images import join, read_photographs

    return join([read_photographs(folder, split, size) for folder, split in places])


def _discriminators(args: argparse.Namespace, real: list[Place], holdout: list[Place]) -> Any:
    """What tells from the generated images what the discriminators of a run remember: that of
    --run, or the source itself where it is one. None where there is no run."""
    from functools import partial

    from synthderm.audit.membership import RunDiscriminators, measure_membership
    from synthderm.training.checkpoint import CHECKPOINT

    run = args.training
    if run is None and args.source.startswith(("/", ".", "~")):
        source = Path(args.source).expanduser()
        run = source if holdout and (source / CHECKPOINT).is_file() else None
    if run is None:
        if args.run_features is not None:
            raise ValueError("--run-features is the frozen network of --run: name the run too.")
        return None
    if not holdout:
        raise ValueError(
            "--run: what discriminators remember shows against photographs that they were not"
            " trained on: name these with --holdout."
        )
    discriminators = RunDiscriminators(run, args.run_features)
    return partial(measure_membership, discriminators, real, holdout)


def _check_options(args: argparse.Namespace) -> None:
    """Refuse what has no effect on a folder of images."""
    unfit = ("truncation", "artifacts", "classes")
    given = [name for name in unfit if getattr(args, name) is not None]
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
        "artifacts": args.artifacts,
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
