"""The arguments of the downstream benchmark, as settings and as a choice of runs."""

import argparse
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import torch

from benchmarks.common import RESULTS
from benchmarks.downstream.arms import ARMS
from benchmarks.downstream.protocol import AMOUNTS, Run
from benchmarks.downstream.settings import Settings

# The arms of --quick.
QUICK = {
    "A": ("real", "oversample", "balancing"),
    "B": ("real", "oversample", "eczema edit 0.5"),
    "C": ("real", "synthetic x1"),
}


def parse(argv: Sequence[str] | None, description: str) -> argparse.Namespace:
    p = argparse.ArgumentParser(
        description=description, formatter_class=argparse.ArgumentDefaultsHelpFormatter
    )
    add_inputs(p.add_argument_group("what is trained on what"))
    add_choice(p.add_argument_group("which runs"))
    add = p.add_argument
    add("--out", type=Path, default=RESULTS, help="folder of the results")
    add(
        "--cache",
        type=Path,
        default=Path("runs/cache"),
        help="folder for decoded photographs and generated images; may be removed",
    )
    add("--jobs", type=int, default=1, help="processes, of one thread each")
    add("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    add("--report", action="store_true", help="no runs: only the summary of the records there are")
    add(
        "--write-subset",
        nargs=2,
        metavar=("FRACTION", "DIR"),
        help="write a metadata.csv of the photographs that a generator for --own may be trained "
        "on, and stop",
    )
    return p.parse_args(argv)


def add_inputs(group: argparse._ArgumentGroup) -> None:
    add = group.add_argument
    add(
        "--data",
        required=True,
        help="dermoscopy with diagnoses and lesion masks: a metadata.csv "
        "with splits train, val, test",
    )
    add(
        "--patches",
        help="close-ups with lesion masks for task B; the folder padufes beside "
        "--data where left out",
    )
    add(
        "--model",
        default="lesions",
        help="a generator of lesions: bundled name, folder (./x) or Hub id",
    )
    add(
        "--own",
        nargs="*",
        default=[],
        metavar="FRACTION=DIR",
        help="setting own: a generator that was trained on that fraction alone, see --write-subset",
    )
    add(
        "--seen",
        nargs="*",
        default=[],
        help="folders that the generators' training records name, if not beside --data",
    )
    add(
        "--classifier",
        default="mobilenetv2_100",
        help="timm network: NAME, "
        "NAME=FILE.safetensors, or NAME=random for weights that are not pretrained",
    )
    add("--size", type=int, default=128, help="side of all images in pixels")


def add_choice(group: argparse._ArgumentGroup) -> None:
    add = group.add_argument
    add("--task", nargs="*", default=["A", "B", "C"], choices=["A", "B", "C"])
    add(
        "--fraction",
        type=float,
        nargs="*",
        help="tasks A and C: only these shares of the photographs, as 0.1",
    )
    add(
        "--positives",
        nargs="*",
        help="task B: only these numbers of inflamed photographs: 0, 5, 20, all",
    )
    add("--only", nargs="*", metavar="ARM", help="only these arms")
    add("--seeds", type=int, nargs="*", help="only these seeds")
    add("--n-seeds", type=int, default=5, help="seeds of the protocol")
    add(
        "--quick",
        action="store_true",
        help="a few steps of a few arms at 64 px, into OUT/downstream/quick",
    )


def read_settings(args: argparse.Namespace) -> Settings:
    """The settings that arguments name.

    Raises:
        ValueError: a fraction that the protocol does not have.
    """
    beside = Path(args.data).resolve().parent / "padufes"
    own = (entry.partition("=") for entry in args.own)
    settings = Settings(
        data=args.data,
        patches=args.patches or (str(beside) if beside.is_dir() else None),
        cache=args.cache,
        classifier=args.classifier,
        model=args.model,
        own=tuple((amount_of(share), folder) for share, _, folder in own),
        seen=tuple(args.seen),
        size=args.size,
        device=args.device,
    )
    return replace(settings, size=64, steps=8, batch=8) if args.quick else settings


def amount_of(fraction: str | float) -> str:
    """An amount of tasks A and C.

    Raises:
        ValueError: the protocol does not have it.
    """
    amount = f"{100 * float(fraction):g}%"
    if amount not in AMOUNTS["A"]:
        raise ValueError(
            f"fraction {float(fraction):g} is not part of the protocol, which has "
            f"{', '.join(AMOUNTS['A'])}."
        )
    return amount


def choose(runs: list[Run], args: argparse.Namespace, settings: Settings) -> list[Run]:
    """The runs asked for.

    Raises:
        ValueError: an arm, amount or seed that the protocol does not have, or no run is left.
    """
    check_choice(args)
    fractions = None if args.fraction is None else [amount_of(share) for share in args.fraction]
    if "B" in args.task and not settings.patches:
        print(
            "task B is left out: there is no folder padufes beside --data; name one with --patches",
            file=sys.stderr,
        )

    def is_wanted(run: Run) -> bool:
        amounts = args.positives if run.task == "B" else fractions
        wanted = (
            (run.task, args.task),
            (run.arm, args.only),
            (run.seed, args.seeds),
            (run.amount, amounts),
        )
        if any(choice is not None and value not in choice for value, choice in wanted):
            return False
        is_anchor = run.condition == run.anchor.condition
        return not args.quick or (run.arm in QUICK[run.task] and is_anchor)

    chosen = [run for run in runs if is_wanted(run)]
    if not chosen:
        raise ValueError(
            "no run of the protocol is left by --task, --fraction, --positives, --only and --seeds "
            "together: widen one of them."
        )
    return chosen


def check_choice(args: argparse.Namespace) -> None:
    """Arms, amounts and seeds are those of the protocol.

    Raises:
        ValueError: one is not.
    """
    for name in args.only or ():
        if name not in ARMS:
            raise ValueError(f"--only {name!r} is none of the arms: {', '.join(sorted(ARMS))}.")
    for count in args.positives or ():
        if count not in AMOUNTS["B"]:
            raise ValueError(f"--positives {count!r} is none of {', '.join(AMOUNTS['B'])}.")
    for seed in args.seeds or ():
        if not 0 <= seed < args.n_seeds:
            raise ValueError(f"--seeds {seed} is not below --n-seeds {args.n_seeds}.")
