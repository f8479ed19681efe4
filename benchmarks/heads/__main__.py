"""Do generated images help a classifier? Heads on frozen features, trained to convergence.

    python -m benchmarks.heads --data DIR/isic2017 --other DIR/padufes \
        --generator lesions lesions-256 --classifier mobilenetv2_100=FILE.safetensors

Photographs of ISIC 2017 `train` are drawn 20 times, 5, 10 or 20 of each class, 10%, and all; heads
are tested on `val` and `test` (A), and on the nevi, melanomas and seborrheic keratoses of
PAD-UFES-20 (A-OOD). The generator was trained on `train` alone. What is compared, and why it is
fair, is in docs/downstream.md. Features are computed once and kept in --cache; after that it takes
some minutes on two cores. --quick writes to --out alone.
"""

import argparse
import sys
from pathlib import Path
from typing import Any

from benchmarks.common import RESULTS, provenance, write_json
from benchmarks.heads.plan import AMOUNTS, CURVE, HEADLINE
from benchmarks.heads.run import Outcomes, read_material, read_tests, run_all
from benchmarks.heads.simulations import simulate
from benchmarks.heads.summary import Scores, score_all, summarise
from synthderm.evaluation.features import FeatureNetwork
from synthderm.files import to_json, write_text


def main() -> None:
    args = parse()
    network = FeatureNetwork(args.classifier, args.cache)
    tests = read_tests(network, args.data, args.other)
    images = 300 if args.quick else args.images
    materials = {}
    for label, source in (named(entry) for entry in args.generator):
        material, groups = read_material(network, args.data, source, images)
        materials[label] = material
    amounts = ("10",) if args.quick else (*AMOUNTS, *CURVE)
    draws = range(4 if args.quick else args.draws)
    outcomes = run_all(materials, groups, tests, amounts, draws, args.jobs)
    scores = score_all(outcomes, tests)
    summary = summarise(outcomes, scores, list(materials))
    summary["null"] = simulate(
        next(iter(materials.values())),
        groups,
        tests["A"],
        pool=10 if args.quick else 100,
        studies=20 if args.quick else 400,
        draws=len(draws),
        jobs=args.jobs,
    )
    summary |= describe(args, network, materials, tests)
    write_json(args.out / "summary.json", summary)
    write_text(args.out / "runs.jsonl", run_lines(outcomes, scores))
    print(args.out / "summary.json")


def named(entry: str) -> tuple[str, str]:
    """LABEL=SOURCE as the two; a source alone is its own label."""
    label, _, source = entry.rpartition("=")
    return label or source, source


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add = parser.add_argument
    add("--data", type=Path, required=True, help="ISIC 2017, with splits train, val and test")
    add("--other", type=Path, required=True, help="PAD-UFES-20")
    add("--generator", nargs="+", default=["lesions"], help="NAME, or LABEL=FOLDER")
    add("--classifier", default="mobilenetv2_100", help="a timm network, NAME or NAME=FILE")
    add("--images", type=int, default=1600, help="generated with each generator (1600)")
    add("--draws", type=int, default=20, help="of the photographs (20)")
    add("--cache", type=Path, default=Path("features"), help="folder of features (features)")
    add("--out", type=Path, default=RESULTS / "heads")
    add("--jobs", type=int, default=1, help="processes")
    add("--quick", action="store_true", help="few draws and images: does all run?")
    args = parser.parse_args()
    if args.quick and args.out == RESULTS / "heads":
        sys.exit("--quick would write over the results: give another folder with --out.")
    return args


def describe(
    args: argparse.Namespace, network: FeatureNetwork, materials: Any, tests: Any
) -> dict[str, Any]:
    """The settings, as the summary holds them."""
    return {
        "headline": HEADLINE,
        "classifier": network.spec.partition("=")[0],
        "side": network.side,
        "weights": network.weights[:16],
        "draws": args.draws,
        "generated images": args.images,
        "test images": {name: len(test.groups) for name, test in tests.items()},
        "photographs": len(next(iter(materials.values())).real.labels),
        "sources": list(materials),
        **provenance(),
    }


def run_lines(outcomes: Outcomes, scores: Scores) -> str:
    """One line of JSON for each source, amount and arm, with the figures of each draw."""
    lines = []
    for condition, draws in outcomes.items():
        entry: dict[str, Any] = condition._asdict()
        entry["penalties"] = [draw.penalty for draw in draws]
        entry["inner loss"] = [round(draw.inner_loss, 4) for draw in draws]
        for (other, test, measure), score in scores.items():
            if other == condition:
                entry[f"{test}: {measure}"] = [round(x, 4) for x in score.draws.tolist()]
        lines.append(to_json(entry))
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
