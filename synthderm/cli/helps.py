"""`synthderm helps`: do generated images help a classifier of one's own photographs?"""

import argparse


def run(args: argparse.Namespace) -> None:
    """Compare, write the page and print the verdict."""
    from synthderm.cli.outputs import check_folders
    from synthderm.datasets.folder import SkinFolder
    from synthderm.evaluation.evaluate import evaluate
    from synthderm.evaluation.report import write_page

    data = SkinFolder(args.data.expanduser(), split=args.split, classes=args.classes)
    check_folders(args.data.expanduser(), args.out)
    found = evaluate(
        data,
        args.source,
        classifier=args.classifier,
        mapping=_read_mapping(args.map),
        size=args.size,
        artifacts=args.artifacts,
        seen=args.seen,
        cache=args.out / "features",
        seed=args.seed,
        quick=args.quick,
    )
    last = [figure for figure in found.figures if figure.share == found.figures[-1].share]
    for figure in last:
        middle, low, high = (100 * value for value in figure.balanced_accuracy)
        print(f"{figure.arm}: balanced accuracy {middle:.1f}% [{low:.1f}, {high:.1f}]")
    print(f"{found.ours} against {found.classical}: {found.verdict}")
    print(write_page(found, args.out / "index.html"))


def _read_mapping(entries: list[str]) -> dict[str, str | None]:
    """CLASS=GENERATED as a dict; CLASS= as None."""
    return {own: other or None for own, _, other in (entry.partition("=") for entry in entries)}
