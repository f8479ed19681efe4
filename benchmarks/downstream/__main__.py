"""Do generated images help? Classifiers trained with and without them, compared fairly.

    python -m benchmarks.downstream --data DIR/isic2017 --classifier mobilenetv2_100=FILE

Tasks: (A) three diagnoses and (C) lesion segmentation on --data, (B) inflamed against healthy skin
on --patches (a folder `padufes` beside --data where there is one). docs/downstream.md says what is
compared and why that is fair.

Each run adds one line to OUT/downstream/NAME-SIZE/TASK.jsonl. A run that has its record is not
repeated, so the same command goes on where it was stopped, and `--task`, `--fraction`,
`--positives`, `--only` and `--seeds` choose runs, to spread them over machines. Afterwards
summary.json and two figures are made from all records there are.

Expect 55 images/s in training on one AVX-512 core with mobilenetv2_100 at 128 px, about 6
core-hours in all, and 33 images/s on an AVX2 core. --quick takes 3 minutes and shows that
everything works, not what helps. On a GPU: the same command with --device cuda.
"""

from collections.abc import Sequence
from pathlib import Path

import torch

from benchmarks.downstream import arguments
from benchmarks.downstream.network import parse_spec
from benchmarks.downstream.protocol import list_runs
from benchmarks.downstream.scheduler import carry_out_all
from benchmarks.downstream.subset import write_subset
from benchmarks.downstream.summary import write_summary


def main(argv: Sequence[str] | None = None) -> None:
    args = arguments.parse(argv, __doc__.split("\n\n")[0])
    torch.set_num_threads(1)
    try:
        settings = arguments.read_settings(args)
        name = "quick" if args.quick else f"{parse_spec(args.classifier).name}-{args.size}"
        folder = args.out / "downstream" / name
        if args.write_subset:
            fraction, directory = args.write_subset
            write_subset(settings, arguments.amount_of(fraction), Path(directory))
            return
        if not args.report:
            seeds = 2 if args.quick else args.n_seeds
            runs = list_runs(seeds, [amount for amount, _ in settings.own])
            runs = [run for run in runs if run.task != "B" or settings.patches]
            chosen = arguments.choose(runs, args, settings)
            carry_out_all(settings, folder, runs, chosen, args.jobs)
        write_summary(folder)
    except (ValueError, OSError) as error:
        raise SystemExit(f"benchmarks.downstream: {error}") from None


if __name__ == "__main__":
    main()
