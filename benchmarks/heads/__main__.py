"""Do generated images help a classifier? Heads on frozen features, trained to convergence.

    python -m benchmarks.heads --data DIR/isic2017 --other DIR/padufes \
        --generator lesions lesions-256 --classifier mobilenetv2_100=FILE.safetensors

Photographs of ISIC 2017 `train` are drawn 20 times, 5, 10 or 20 of each class, 10%, and all; heads
are tested on `val` and `test` (A), and on the nevi, melanomas and seborrheic keratoses of
PAD-UFES-20 (A-OOD). The reverse is run too: trained on these, tested on the same photographs of
ISIC 2017. The generator was trained on ISIC 2017 `train` alone. What is compared, what it costs and
why it is fair, is in docs/downstream.md. Features are computed once and kept in --cache. --quick
writes to --out alone.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from benchmarks.common import provenance, write_json
from benchmarks.heads.options import make_parser, parse
from benchmarks.heads.plan import DESIGNS, HEADLINE, ISIC, Design
from benchmarks.heads.run import Outcomes, Study, read_studies, run_all
from benchmarks.heads.simulations import simulate
from benchmarks.heads.summary import Scores, score_all, summarise
from synthderm.evaluation.features import FeatureNetwork
from synthderm.files import to_json, write_text


class Size(NamedTuple):
    """How much is run, but for what `options` says.

    Args:
        designs: what is run with the photographs of each collection.
        pool: draws that simulated studies choose from.
        studies: that are simulated.
    """

    designs: dict[str, Design]
    pool: int
    studies: int


def size_of(args: argparse.Namespace) -> Size:
    if not args.quick:
        return Size(DESIGNS, pool=100, studies=400)
    few = {name: design._replace(amounts=("5",), curve=()) for name, design in DESIGNS.items()}
    return Size(few, pool=args.draws, studies=5)


def main(argv: Sequence[str] | None = None) -> None:
    args = options(argv)
    size = size_of(args)
    network = FeatureNetwork(args.classifier, args.cache)
    sources = dict(map(named, args.generator))
    studies = read_studies(network, args.data, args.other, sources, args.images, args.most)
    outcomes: Outcomes = {}
    scores: Scores = {}
    for name, study in studies.items():
        found = run_all(name, study, size.designs[name], range(args.draws), args.jobs)
        outcomes |= found
        scores |= score_all(found, study.tests)
    summary = summarise(outcomes, scores, list(sources))
    summary["null"] = simulate(studies[ISIC], size.pool, size.studies, args.draws, args.jobs)
    summary |= describe(args, network, studies)
    write_json(args.out / "summary.json", summary)
    write_text(args.out / "runs.jsonl", run_lines(outcomes, scores))
    print(args.out / "summary.json")


def named(entry: str) -> tuple[str, str]:
    """LABEL=SOURCE as the two; a source alone is its own label."""
    label, _, source = entry.rpartition("=")
    return label or source, source


def options(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = make_parser(__doc__, draws=20)
    add = parser.add_argument
    add("--data", type=Path, required=True, help="ISIC 2017, with splits train, val and test")
    add("--other", type=Path, required=True, help="PAD-UFES-20")
    add("--generator", nargs="+", default=["lesions"], help="NAME, or LABEL=FOLDER")
    add("--images", type=int, default=1600, help="generated with each generator (1600)")
    return parse(parser, argv)


def describe(
    args: argparse.Namespace, network: FeatureNetwork, studies: dict[str, Study]
) -> dict[str, Any]:
    """The settings, as the summary holds them."""
    tests = {name: test for study in studies.values() for name, test in study.tests.items()}
    return {
        "headline": HEADLINE,
        "classifier": network.spec.partition("=")[0],
        "side": network.side,
        "weights": network.weights[:16],
        "draws": args.draws,
        "generated images": args.images,
        "test images": {name: len(test.groups) for name, test in tests.items()},
        "photographs": {
            name: np.bincount(study.material(None).real.labels).tolist()
            for name, study in studies.items()
        },
        "sources": [named(entry)[0] for entry in args.generator],
        **provenance(),
    }


def run_lines(outcomes: Outcomes, scores: Scores) -> str:
    """One line of JSON for each collection, source, amount and arm, with the figures of each
    draw."""
    lines = []
    for condition, draws in outcomes.items():
        entry: dict[str, Any] = condition._asdict()
        entry["penalties"] = [draw.penalty for draw in draws]
        # A loss is not known where the photographs of a draw were too few to choose.
        losses = [draw.inner_loss for draw in draws]
        entry["inner loss"] = [None if np.isnan(x) else round(x, 4) for x in losses]
        for (other, test, measure), score in scores.items():
            if other == condition:
                entry[f"{test}: {measure}"] = [round(x, 4) for x in score.draws.tolist()]
        lines.append(to_json(entry))
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
