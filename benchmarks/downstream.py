"""Does it help? Classifiers trained with and without generated images, compared fairly.

    python benchmarks/downstream.py --data ../shared/data/isic2017 --out benchmarks/results/

Tasks: (A) three diagnoses and (C) lesion segmentation on --data, (B) inflamed against healthy skin
on --patches (a folder `padufes` beside --data where there is one). docs/downstream.md says what is
compared and why that is fair. One record is written for each run into OUT/downstream/MODEL-SIZE/; a
run that has its record is never repeated, so the same command goes on where it was stopped, and
`--task`, `--fraction`, `--positives`, `--only` and `--seeds` choose runs, to spread them over
machines. Afterwards summary.json and two figures are made from all records there are.

With weights from a file, as there may be no network:

    ... --weights mobilenetv2_100.safetensors --model-args pad_type=same --mean 0.5 --std 0.5

Expect 55 images/s in training on one AVX-512 core with mobilenetv2_100 at 128 px, about 6
core-hours in all, and 33 images/s on an AVX2 core; --quick takes 3 minutes and shows that
everything works, not what helps. On a GPU the same command, with --device cuda.
"""

import argparse
import csv
import json
import sys
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from dataclasses import replace
from multiprocessing import get_context
from pathlib import Path

import torch

from benchmarks.trial.arms import ARMS, BEST, Arm
from benchmarks.trial.compare import summarise
from benchmarks.trial.data import read_rows
from benchmarks.trial.learner import ModelSpec
from benchmarks.trial.plan import (
    AMOUNTS,
    Run,
    arm_of,
    make_plan,
    rates_of,
    read_records,
    write_record,
)
from benchmarks.trial.plots import dose_response, learning_curves
from benchmarks.trial.runs import (
    Settings,
    carry_out,
    check_leaks,
    conditions,
    cost,
    describe_test,
    pool_of,
    take_subset,
)

QUICK = {
    "A": ("real", "oversample", "balancing"),
    "B": ("real", "oversample", "eczema edit 0.5"),
    "C": ("real", "synthetic x1"),
}


def parse() -> argparse.Namespace:
    p = argparse.ArgumentParser(
        description=__doc__.split("\n\n")[0], formatter_class=argparse.ArgumentDefaultsHelpFormatter
    )
    p.add_argument(
        "--data",
        required=True,
        help=(
            "dermoscopy with diagnoses and lesion masks: a metadata.csv with splits train, val,"
            " test"
        ),
    )
    p.add_argument(
        "--patches",
        help=(
            "close-ups with lesion masks for task B; where not given, the folder padufes beside"
            " --data"
        ),
    )
    p.add_argument(
        "--out", type=Path, default=Path(__file__).parent / "results", help="folder of the results"
    )
    p.add_argument(
        "--cache",
        type=Path,
        default=Path("runs/cache"),
        help="folder for decoded photographs and generated images; may be removed",
    )
    p.add_argument("--model", default="mobilenetv2_100", help="any timm model")
    p.add_argument(
        "--weights", default="hub", help="FILE.safetensors; hub: timm's own; random: none"
    )
    p.add_argument(
        "--model-args",
        nargs="*",
        default=[],
        metavar="KEY=VALUE",
        help="further arguments of timm.create_model",
    )
    p.add_argument(
        "--mean",
        type=float,
        nargs="+",
        help="of the weights' input, 1 or 3 numbers, where timm's config has others",
    )
    p.add_argument("--std", type=float, nargs="+", help="likewise")
    p.add_argument(
        "--generator",
        default="lesions",
        help="bundled name, directory (./x) or Hub id of a generator of lesions",
    )
    p.add_argument(
        "--own",
        nargs="*",
        default=[],
        metavar="FRACTION=DIR",
        help="setting own: a generator trained on that fraction alone, see --write-subset",
    )
    p.add_argument(
        "--write-subset",
        nargs=2,
        metavar=("FRACTION", "DIR"),
        help="write the photographs that such a generator may see as a metadata.csv, and end",
    )
    p.add_argument(
        "--seen",
        nargs="*",
        default=[],
        help="folders that the generators' training records name, if not beside --data",
    )
    p.add_argument("--size", type=int, default=128, help="side of all images in pixels")
    p.add_argument("--task", nargs="*", default=["A", "B", "C"], choices=["A", "B", "C"])
    p.add_argument(
        "--fraction",
        type=float,
        nargs="*",
        help="tasks A and C: these shares of the photographs only, as 0.1",
    )
    p.add_argument(
        "--positives",
        nargs="*",
        help="task B: these numbers of inflamed photographs only: 0, 5, 20, all",
    )
    p.add_argument("--only", nargs="*", metavar="ARM", help="these arms only")
    p.add_argument("--seeds", type=int, nargs="*", help="these seeds only")
    p.add_argument("--n-seeds", type=int, default=5, help="seeds of the protocol")
    p.add_argument("--jobs", type=int, default=1, help="processes, of one thread each")
    p.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    p.add_argument(
        "--quick",
        action="store_true",
        help="a few steps of a few arms at 64 px, into OUT/downstream/quick",
    )
    p.add_argument(
        "--report", action="store_true", help="no runs: the summary of the records there are"
    )
    return p.parse_args()


def read_settings(args: argparse.Namespace) -> Settings:
    beside = Path(args.data).resolve().parent / "padufes"
    patches = args.patches or (str(beside) if beside.is_dir() else None)
    extra = tuple(
        (key, read_value(value))
        for key, _, value in (entry.partition("=") for entry in args.model_args)
    )
    mean, std = (
        None if v is None else tuple(v * 3 if len(v) == 1 else v) for v in (args.mean, args.std)
    )
    model = ModelSpec(args.model, args.weights, extra, mean, std)
    own = tuple(
        (amount_of(float(share)), folder)
        for share, _, folder in (entry.partition("=") for entry in args.own)
    )
    settings = Settings(
        args.data,
        patches,
        args.cache,
        model,
        args.generator,
        own,
        tuple(args.seen),
        args.size,
        device=args.device,
    )
    return replace(settings, size=64, steps=8, batch=8) if args.quick else settings


def read_value(text: str):
    """A number, true, false or null as such; anything else as it stands."""
    try:
        return json.loads(text)
    except ValueError:
        return text


def amount_of(fraction: float) -> str:
    amount = f"{100 * fraction:g}%"
    if amount not in AMOUNTS["A"]:
        raise ValueError(
            f"fraction {fraction:g} is not part of the protocol, which has"
            f" {', '.join(AMOUNTS['A'])}."
        )
    return amount


def choose(plan: list[Run], args: argparse.Namespace, settings: Settings) -> list[Run]:
    """The runs asked for.

    Raises:
        ValueError: an arm, amount or seed that the protocol does not have.
    """
    arms = {arm.name for task in ARMS.values() for arm in task}
    for name in args.only or ():
        if name not in arms:
            raise ValueError(f"--only {name!r} is none of the arms: {', '.join(sorted(arms))}.")
    for count in args.positives or ():
        if count not in AMOUNTS["B"]:
            raise ValueError(f"--positives {count!r} is none of {', '.join(AMOUNTS['B'])}.")
    for seed in args.seeds or ():
        if not 0 <= seed < args.n_seeds:
            raise ValueError(f"--seeds {seed} is not below --n-seeds {args.n_seeds}.")
    fractions = (
        None if args.fraction is None else [amount_of(fraction) for fraction in args.fraction]
    )
    if "B" in args.task and not settings.patches:
        print(
            "task B is left out: there is no folder padufes beside --data; name one with --patches",
            file=sys.stderr,
        )
    chosen = [
        run for run in plan
        if run.task in args.task and (args.only is None or run.arm in args.only) and (args.seeds is None or run.seed in args.seeds)
        and ((args.positives is None or run.amount in args.positives) if run.task == "B" else (fractions is None or run.amount in fractions))
        and (not args.quick or (run.arm in QUICK[run.task] and run.amount == run.anchor.amount and run.setting == "pretrained"))
    ]  # fmt: skip
    if not chosen:
        raise ValueError(
            "no run of the protocol is left by --task, --fraction, --positives, --only and --seeds"
            " together."
        )
    return chosen


class Here:
    """Stands in for a pool of one: runs at once, in this process."""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        return None

    def submit(self, function, *arguments) -> Future:
        future = Future()
        future.set_result(function(*arguments))
        return future


def carry_out_all(
    settings: Settings, folder: Path, plan: list[Run], chosen: list[Run], jobs: int
) -> None:
    """Every chosen run that has no record yet, in the order of the plan, as soon as its arm and
    learning rate are decided.

    Raises:
        ValueError: what is left waits for runs that were not chosen.
    """
    records = read_records(
        folder, plan, lambda run, arm: conditions(settings, run, fixed_arm(run) or arm)
    )
    pending = [run for run in chosen if run not in records]
    for run in dict.fromkeys(Run(run.task, run.amount, run.setting, run.arm, 0) for run in pending):
        if fixed_arm(run):  # leaks are found now, not after hours
            check_leaks(settings, run, fixed_arm(run))
    for task in {run.task for run in pending}:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"test-{task}.json").write_text(
            json.dumps(describe_test(settings, task), separators=(",", ":")) + "\n",
            encoding="utf-8",
        )
    left, spent, worked = sum(cost(settings, run) for run in pending), 0.0, 0.0
    running: dict[Future, Run] = {}
    workers = (
        ProcessPoolExecutor(
            jobs, mp_context=get_context("spawn"), initializer=torch.set_num_threads, initargs=(1,)
        )
        if jobs > 1
        else Here()
    )
    print(f"{len(chosen)} runs, {len(chosen) - len(pending)} have their record", flush=True)
    with workers:
        while pending or running:
            for run in list(pending):
                arm, rates = arm_of(run, records, plan), rates_of(run, records, settings.rates)
                if len(running) == jobs or arm is None or rates is None:
                    continue
                if arm.generates:
                    pool_of(
                        settings, run, take_subset(settings, run)
                    )  # made here, or several workers might make the same
                running[workers.submit(carry_out, settings, run, arm, rates)] = run
                pending.remove(run)
                if jobs == 1:
                    break
            if not running:
                raise ValueError(
                    f"{len(pending)} runs wait for others that were not chosen; the first is"
                    f" {pending[0].key}, which needs {waits_for(pending[0])}."
                )
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                run = running.pop(future)
                records[run] = future.result()
                write_record(folder, run, records[run])
                spent, worked = spent + records[run]["seconds"], worked + cost(settings, run)
                hours = max(0.0, left - worked) * spent / worked / jobs / 3600
                place = f"{len(chosen) - len(pending) - len(running)}/{len(chosen)}"
                print(
                    f"{place} {run.key}: val {records[run]['val']:.3f},"
                    f" {records[run]['seconds']:.0f} s; {hours:.1f} h left",
                    flush=True,
                )


def fixed_arm(run: Run) -> Arm | None:
    """The arm, unless results decide what it is."""
    return None if run.arm == BEST else next(arm for arm in ARMS[run.task] if arm.name == run.arm)


def waits_for(run: Run) -> str:
    if run != run.anchor:
        return f"{run.anchor.key} for its learning rate" + (
            ", and all seeds of the other arms" if run.arm == BEST else ""
        )
    return "all seeds of the other arms at this amount"


def write_subset(settings: Settings, fraction: float, directory: Path) -> None:
    """A metadata.csv of the photographs in the subset of seed 0, by absolute path, as split
    train."""
    real = take_subset(settings, Run("A", amount_of(fraction), "own", "real", 0))
    names, source = set(real.names), Path(settings.data).resolve()
    rows = [row for row in read_rows(source) if row["file_name"] in names]
    directory.mkdir(parents=True, exist_ok=True)
    with open(directory / "metadata.csv", "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, ["file_name", "mask_file_name", "label", "split"])
        writer.writeheader()
        for row in rows:
            mask = row.get("mask_file_name")
            place = {
                "file_name": str(source / row["file_name"]),
                "mask_file_name": str(source / mask) if mask else "",
            }
            writer.writerow(place | {"label": row["label"], "split": "train"})
    print(
        f"{len(rows)} photographs in {directory}/metadata.csv; train on it with"
        f" recipes/train_gan.py, then give --own {fraction:g}=RUN/model"
    )


def report(folder: Path) -> None:
    summary = summarise(folder)
    (folder / "summary.json").write_text(json.dumps(summary, indent=1) + "\n", encoding="utf-8")
    dose_response(summary, folder / "dose.png")
    learning_curves(summary, folder / "curves.png")
    print(f"{summary['runs']} runs, {summary['core hours']} core-hours: {folder / 'summary.json'}")


def main() -> None:
    args = parse()
    torch.set_num_threads(1)
    try:
        settings = read_settings(args)
        folder = args.out / "downstream" / ("quick" if args.quick else f"{args.model}-{args.size}")
        if args.write_subset:
            return write_subset(settings, float(args.write_subset[0]), Path(args.write_subset[1]))
        if not args.report:
            plan = make_plan(
                2 if args.quick else args.n_seeds, tuple(amount for amount, _ in settings.own)
            )
            plan = [run for run in plan if run.task != "B" or settings.patches]
            carry_out_all(settings, folder, plan, choose(plan, args, settings), args.jobs)
        report(folder)
    except (ValueError, OSError) as error:
        raise SystemExit(f"downstream.py: {error}") from None


if __name__ == "__main__":
    main()
