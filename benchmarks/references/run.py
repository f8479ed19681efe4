"""The systems of the paper and of today side by side: the same photographs, the same minutes.

    python benchmarks/references/run.py --minutes 20 --data LESIONS CLOSE-UPS \\
        --extractor FILE.safetensors --features mobilenetv2_100=FILE.safetensors --out DIR

Three groups: images from noise, images with masks, and edits of healthy skin. Every system is a
file of this folder, whose docstring names the paper and what differs from it. All are trained on
`split=train` by one loop (`training.py`) and measured on `split=test` by their averaged weights.
--minutes are each system's, on a CPU of the process's own time on one thread; two cores do all of
it with --minutes 20 overnight, a GPU with --minutes 0.5 in about 10 minutes.

Writes into --out `systems.jsonl`, a line a system, and SYSTEM.jpg, its contact sheet. A run that
was stopped goes on with the next system when the same command is given again. The page
docs/benchmarks.md is made from benchmarks/results/references/.
"""

import argparse
import json
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import torch

from benchmarks.common import RESULTS, provenance
from benchmarks.references.edited import EditMeasures
from benchmarks.references.generated import GeneratedMeasures
from benchmarks.references.sheets import sample_patches, save_sheet
from benchmarks.references.system import Setup
from benchmarks.references.systems import GROUPS
from benchmarks.references.training import train
from synthderm.files import write_text
from synthderm.imaging.contact_sheet import grid
from synthderm.metrics import load_extractor
from synthderm.training.image_pool import load_image_pool, match_classes
from synthderm.training.lesion_patches import load_healthy
from synthderm.training.loop import exit_on_error

LINES = "systems.jsonl"
PATHS = ("data", "extractor", "features")  # what is recorded of them is the file's name alone


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    p = argparse.ArgumentParser(
        description=__doc__.split("\n\n")[0], formatter_class=argparse.ArgumentDefaultsHelpFormatter
    )
    add = p.add_argument
    add("--minutes", type=float, default=20, help="of training, for each system")
    add("--group", choices=list(GROUPS), nargs="+", default=list(GROUPS))
    add("--only", nargs="+", default=[], metavar="SYSTEM", help="these systems of the groups")
    add(
        "--data",
        nargs="+",
        required=True,
        help="photographs of the groups noise and mask, and after them those of the group edit, "
        "with a metadata.csv that has the splits train and test; one folder serves all",
    )
    add(
        "--extractor",
        required=True,
        help="of features for KID and coverage: timm:NAME, timm:NAME=FILE.safetensors, or "
        "FILE.safetensors with FILE.py beside it",
    )
    add(
        "--features",
        default="mobilenetv2_100",
        help="frozen timm network of rs-imle, drifting and ours: NAME or NAME=FILE",
    )
    add("--size", type=int, default=64, help="side of the images in pixels: 32, 64 or 128")
    add("--batch", type=int, default=16, help="images in a step")
    add("--images", type=int, default=400, help="generated, or edited, for each measure")
    add("--no-augment", action="store_true", help="discriminators see images as they are")
    add("--seed", type=int, default=0, help="of weights and sampling")
    add("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    add("--out", type=Path, default=RESULTS / "references", help="folder of lines and sheets")
    return p.parse_args(argv)


def describe(args: argparse.Namespace) -> dict[str, Any]:
    """The settings that have to be equal for lines to be compared."""
    left_out = ("group", "only", "out")
    settings = {key: value for key, value in vars(args).items() if key not in left_out}
    settings["device"] = torch.device(args.device).type
    for key in PATHS:
        value = settings[key]
        settings[key] = [shorten(v) for v in value] if isinstance(value, list) else shorten(value)
    return settings


def shorten(text: str) -> str:
    """A name without the folders of files in it: NAME=FILE, or FILE."""
    name, sign, file = text.rpartition("=")
    return f"{name}{sign}{Path(file).name}"


def read_lines(
    path: Path, settings: dict[str, Any], groups: Sequence[str]
) -> dict[str, dict[str, Any]]:
    """The finished systems by name; those of groups that are not asked for stay as they are.

    Raises:
        ValueError: a system of these groups was trained with other settings.
    """
    if not path.is_file():
        return {}
    lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    for line in lines:
        for key, value in settings.items() if line["group"] in groups else ():
            if line["settings"].get(key) != value:
                raise ValueError(
                    f"{path.name} has {line['system']} with {key} {line['settings'].get(key)!r}, "
                    f"and now it is {value!r}: give the same, or another --out."
                )
    return {line["system"]: line for line in lines}


class Comparison:
    """The data and measures of a run, each made when first asked for.

    Args:
        args: of the command line.
    """

    def __init__(self, args: argparse.Namespace) -> None:
        self.args, self.device = args, torch.device(args.device)

    def setup(self, group: str) -> Setup:
        common = {
            "size": self.args.size,
            "batch": self.args.batch,
            "device": self.device,
            "augment": not self.args.no_augment,
            "features": self.args.features,
        }
        if group == "edit":
            return Setup(**common, healthy=self.healthy)
        return Setup(**common, pool=self.pools[0])

    @cached_property
    def pools(self) -> tuple[Any, Any]:
        data = self.args.data[0]
        train, test = (load_image_pool(data, split, self.args.size) for split in ("train", "test"))
        train, test = match_classes(train, test)
        return train.to(self.device), test.to(self.device)

    @cached_property
    def healthy(self) -> Any:
        return load_healthy(self.args.data[-1], self.args.size, "train")

    @cached_property
    def extractor(self) -> Any:
        return load_extractor(self.args.extractor).to(self.device)

    @cached_property
    def generated(self) -> GeneratedMeasures:
        setup = self.setup("noise")
        return GeneratedMeasures(setup, self.pools[1], self.extractor, self.args.images)

    @cached_property
    def edited(self) -> EditMeasures:
        test = load_healthy(self.args.data[-1], self.args.size, "test")
        return EditMeasures(self.setup("edit"), test, self.extractor, self.args.images)

    def photographs(self, group: str) -> dict[str, Any]:
        """What photographs, or the renderer, reach themselves."""
        measures = self.edited if group == "edit" else self.generated
        return {"figures": measures.photographs()}

    def run(self, group: str, name: str) -> dict[str, Any]:
        """Train and measure a system, and write its contact sheet."""
        args = self.args
        trained = train(GROUPS[group][name], self.setup(group), args.minutes, name, args.seed)
        if group == "edit":
            figures = self.edited.measure(trained.average)
            patches = sample_patches(args.size, self.device)
            rows = self.edited.sheet_rows(trained.average, patches)
            sheet = grid((rows * 255).round().to(torch.uint8).cpu(), len(patches.healthy))
        else:
            figures, sheet = self.generated.measure(trained.average)
        save_sheet(sheet, args.out / f"{name}.jpg")
        return {
            "images": trained.images,
            "seconds": trained.seconds,
            "images_per_minute": trained.images / trained.seconds * 60,
            "losses": trained.losses,
            "figures": figures,
        }


def main(argv: Sequence[str] | None = None) -> None:
    args = parse(argv)
    if torch.device(args.device).type == "cpu":
        torch.set_num_threads(1)
    settings, path = describe(args), args.out / LINES
    comparison = Comparison(args)
    with exit_on_error("run.py"):
        names = sorted({name for group in GROUPS.values() for name in group})
        unknown = set(args.only) - set(names)
        if unknown:
            raise ValueError(
                f"--only {min(unknown)}: there is no such system, only {', '.join(names)}."
            )
        done = read_lines(path, settings, args.group)
        for group in args.group:
            first = "photographs-edit" if group == "edit" else "photographs"
            chosen = [name for name in GROUPS[group] if name in args.only or not args.only]
            for name in [first, *chosen]:
                if name in done:
                    print(f"{name}: done already")
                    continue
                is_first = name == first
                found = comparison.photographs(group) if is_first else comparison.run(group, name)
                line = {"system": name, "group": group, "settings": settings}
                done[name] = {**line, **found, **provenance()}
                args.out.mkdir(parents=True, exist_ok=True)
                write_text(path, "".join(json.dumps(line) + "\n" for line in done.values()))
                shown = " ".join(
                    f"{k} {v:.4g}" for k, v in found["figures"].items() if v is not None
                )
                print(f"{name}: {shown}", flush=True)


if __name__ == "__main__":
    main()
