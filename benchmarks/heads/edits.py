"""Does `EczemaEdit` help to tell inflamed from healthy skin, with few inflamed photographs or none?

    python -m benchmarks.heads.edits --padufes DIR --hands DIR --isic DIR --inflamed DIR \\
        --classifier mobilenetv2_100=FILE.safetensors

Heads learn from patches of PAD-UFES-20 `train`: all healthy ones, and 0, 5, 20 or all inflamed
ones. They are tested on patches of `val` and `test` (B), and on boxes of other photographs (B-OOD).
Others learn from edits of hands and dermoscopy alone (B-OOD). What is compared is in
docs/downstream.md. Writes benchmarks/results/heads/edits.json; features are kept in --cache.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from joblib import Parallel, delayed
from numpy.typing import NDArray

from benchmarks.common import provenance, write_json
from benchmarks.editing.transfer import CLOSE_UPS as KINDS_OF_CLOSE_UPS
from benchmarks.editing.transfer_crops import calm_crops
from benchmarks.heads import edit_arms as names
from benchmarks.heads.edit_arms import AMOUNTS, ARMS, WITHOUT, draw, made_of
from benchmarks.heads.edit_changes import RANDAUGMENT, edited, pasted_on, tinted
from benchmarks.heads.edit_summary import CLOSE_UPS, ELSEWHERE, Cell, Chosen, Examined, summarise
from benchmarks.heads.images import EVERY, Images, boxes, copies, features, few, from_crops
from benchmarks.heads.options import add_skin, make_parser, parse
from benchmarks.heads.patches import read_patches
from benchmarks.heads.plan import DRAWS_OF_ALL
from synthderm.evaluation import arms
from synthderm.evaluation.arms import Arm, Material, Rows
from synthderm.evaluation.features import FeatureNetwork, Features, Pool
from synthderm.evaluation.heads import PENALTIES, balanced_log_loss, train_path
from synthderm.evaluation.protocol import (
    INNER_FOLDS,
    USUAL_PENALTY,
    Outcome,
    predict,
    split_grouped,
)

COPIES = 2


class Source(NamedTuple):
    """What heads learn from, as `Material` of healthy, 0, and inflamed images, 1."""

    material: Material
    groups: NDArray[np.int64]


def made_copies(
    network: FeatureNetwork, images: Images, args: argparse.Namespace
) -> dict[str, Features]:
    """Edits and tints of healthy images."""
    changes = {names.EDIT: edited(args.model), names.TINT: tinted()}
    return {name: copies(network, images, one, args.copies) for name, one in changes.items()}


def read_close_ups(network: FeatureNetwork, args: argparse.Namespace) -> Source:
    train = few(read_patches(args.padufes, ("train",)), args.most)
    healthy, inflamed = (np.flatnonzero(train.labels == label) for label in (0, 1))
    calm = train.take(healthy)
    made = {name: (healthy, rows) for name, rows in made_copies(network, calm, args).items()}
    lesions = copies(network, train.take(inflamed), pasted_on(calm), args.copies)
    made[names.PASTE] = (inflamed, lesions)
    real = Pool(features(network, train), train.labels)
    by_row = {names.RANDAUGMENT: copies(network, train, RANDAUGMENT, 2)}
    for name, (places, rows) in made.items():
        by_row[name] = np.zeros((len(train.labels), *rows.shape[1:]), rows.dtype)
        by_row[name][places] = rows
    return Source(Material(2, real, real, by_row), train.groups)


def read_elsewhere(network: FeatureNetwork, args: argparse.Namespace) -> Source:
    """Calm crops of the transfer benchmark, but for the close-ups."""
    crops = calm_crops(str(args.padufes), str(args.hands), str(args.isic), EVERY)
    rows = [k for k, kind in enumerate(crops.kinds) if kind not in KINDS_OF_CLOSE_UPS]
    calm = few(from_crops(crops).take(np.array(rows)), args.most)
    pool = Pool(features(network, calm), calm.labels)
    return Source(Material(2, pool, pool, made_copies(network, calm, args)), calm.groups)


def run_cell(cell: Cell, source: Source, test: Features, draws: Sequence[int]) -> list[Chosen]:
    """One arm on each draw, with the share of made images that the draw chooses."""
    material, groups = source
    chosen = []
    for number in draws[:DRAWS_OF_ALL] if cell.amount == "all" else draws:
        if cell.amount == "0":
            chosen.append(Chosen(1.0, without_inflamed(cell, source, test, number)))
            continue
        rows = draw(cell.amount, material.real.labels, groups, number)
        share = choose_share(ARMS[cell.arm], source, rows, number)
        arm = ARMS[cell.arm][share]
        chosen.append(Chosen(share, predict(arm, material, rows, groups, test, number)))
    return chosen


def choose_share(variants: dict[float, Arm], source: Source, rows: Rows, number: int) -> float:
    """The share with the least loss in cross-validation within the draw, at the usual penalty; the
    first where there is one alone, or where inflamed photographs are too few to choose."""
    material, groups = source
    folds = split_grouped(material.real.labels, groups, rows, INNER_FOLDS, number)
    if len(variants) == 1 or not folds:
        return next(iter(variants))
    penalty = PENALTIES[USUAL_PENALTY : USUAL_PENALTY + 1]
    losses = dict.fromkeys(variants, 0.0)
    for share, arm in variants.items():
        for fold, (train, held_out) in enumerate(folds):
            training = arm(material, train, np.random.default_rng([number, 1 + fold]))
            held = material.real.take(held_out)
            (predicted,) = train_path(training, held.features, material.classes, penalty)
            losses[share] += balanced_log_loss(predicted, held.labels)
    return min(losses, key=lambda share: losses[share])


def without_inflamed(cell: Cell, source: Source, test: Features, number: int) -> Outcome:
    """A head that learns healthy skin from what was made of it; the penalty is chosen on these."""
    healthy = np.flatnonzero(source.material.real.labels == 0)
    made = {name: source.material.copies[name][healthy] for name in (names.EDIT, names.TINT)}
    before = source.material.real.features[healthy]
    task = made_of(before, made, source.groups[healthy], cell.arm, number)
    rows = np.arange(len(task.groups))
    return predict(arms.oversampled, task.material, rows, task.groups, test, number)


def cells(amounts: Sequence[str]) -> list[Cell]:
    """All that is run. Hands and dermoscopy show no inflamed skin."""
    found = [Cell(ELSEWHERE, "0", arm) for arm in WITHOUT] if "0" in amounts else []
    return found + [
        Cell(CLOSE_UPS, amount, arm)
        for amount in amounts
        for arm in (WITHOUT if amount == "0" else ARMS)
    ]


def options(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = make_parser(__doc__, draws=20)
    add_skin(parser)
    add = parser.add_argument
    add("--hands", type=Path, required=True, help="hands")
    add("--amount", nargs="+", choices=AMOUNTS, default=[*AMOUNTS], help="of inflamed photographs")
    add("--copies", type=int, default=COPIES, help=f"of each image, made ({COPIES})")
    return parse(parser, argv)


def main(argv: Sequence[str] | None = None) -> None:
    args = options(argv)
    network = FeatureNetwork(args.classifier, args.cache)
    images = {
        "patches": few(read_patches(args.padufes, ("val", "test")), args.most),
        "boxes": few(boxes(args.inflamed), args.most),
    }
    tests = {
        name: Examined(features(network, one), one.labels, one.groups)
        for name, one in images.items()
    }
    sources = {CLOSE_UPS: read_close_ups(network, args), ELSEWHERE: read_elsewhere(network, args)}
    rows = np.concatenate([test.features for test in tests.values()])
    wanted = cells(args.amount)
    outcomes = Parallel(n_jobs=args.jobs, verbose=5)(
        delayed(run_cell)(cell, sources[cell.source], rows, range(args.draws)) for cell in wanted
    )
    result = {
        "classifier": args.classifier.partition("=")[0],
        "side": network.side,
        "draws": args.draws,
        "healthy": {
            name: int((one.material.real.labels == 0).sum()) for name, one in sources.items()
        },
        "inflamed": int((sources[CLOSE_UPS].material.real.labels == 1).sum()),
        **summarise(dict(zip(wanted, outcomes)), tests),
        **provenance(),
    }
    write_json(args.out / "edits.json", result)
    print(args.out / "edits.json")


if __name__ == "__main__":
    main()
