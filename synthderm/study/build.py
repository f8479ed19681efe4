"""`synthderm study build`: from folders of images to a study that is ready to serve.

Both sides are cut, resized and compressed in the same way, so that neither size nor file format
tells which is which: the smallest image of all decides the size, so that no side alone is enlarged.
"""

import csv
import hashlib
import json
import secrets
import shutil
from dataclasses import asdict
from pathlib import Path

import numpy as np
from PIL import Image

from synthderm.study.files import FORMAT, PAGES, Settings
from synthderm.study.schedule import Plan, Trial, draw_trials
from synthderm.study.sources import Pair, Picture, from_folder, from_generator, from_pairs

LARGEST = 512


def build(out: str | Path, real: str, generated: str, *, plan: Plan, add: list[str] | None = None, remove: list[str] | None = None, seed: int = 0,
          images: int = 60, size: int | None = None, quality: int = 92, seconds: float | None = None, margin: float = 0.1,
          max_failed_checks: int = 1, examples: int = 1, title: str = "Real or generated?") -> Settings:  # fmt: skip
    """Write a study.

    Args:
        out: a new folder.
        real: folder of photographs.
        generated: folder of generated images, or the name of a generator for
            `synthderm.SyntheticSkinDataset`.
        plan: numbers of trials.
        add, remove: folders for the edit block, see `sources.from_pairs`.
        seed: of every draw; image names alone are random, so that the seed doesn't give them away.
        images: images on each side of the study, and pairs of each kind; the larger, the fewer
            answers for each.
        size: pixels; the smallest image decides where None.
        quality: JPEG quality, 1 to 95.
        seconds, margin, max_failed_checks, title: see `Settings`.
        examples: labelled examples in the instructions of each block; they never come up in trials.

    Raises:
        ValueError: settings or images that do not make a study; FileExistsError: `out` is not
            empty.
    """
    out = Path(out)
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise FileExistsError(
            f"{out} exists already: a study is never overwritten. Give --out another folder."
        )
    if not 1 <= quality <= 95:
        raise ValueError(f"quality={quality} is not in 1..95.")
    if bool(plan.edit) != bool(add or remove):
        raise ValueError(
            f"edit={plan.edit} trials, add={add}, remove={remove}: edit trials and their pairs go"
            " together."
        )
    rng = np.random.default_rng(seed)
    wanted = max(images, plan.images_needed) + examples * sum(
        block in plan.blocks for block in ("yesno", "two")
    )
    singles = (
        {
            "real": from_folder(real, wanted, rng),
            "generated": from_generator(generated, wanted, rng, seed),
        }
        if plan.images_needed
        else {}
    )
    pairs = {
        kind: from_pairs(folders, kind, max(images, plan.edit) + examples, rng, seed)
        for kind, folders in (("add", add), ("remove", remove))
        if folders
    }
    size = _common_size(singles, pairs, size)
    writer = _Writer(size, quality)
    named = {
        side: [writer.add(picture, side, *_square(picture.image)) for picture in pictures]
        for side, pictures in singles.items()
    }
    named |= {kind: [writer.add_pair(pair) for pair in found] for kind, found in pairs.items()}
    shown, decks = _reserve_examples(plan, named, examples)
    trials = draw_trials(
        plan,
        decks.get("real", []),
        decks.get("generated", []),
        decks.get("add", []),
        decks.get("remove", []),
        seed,
    )
    settings = Settings(title, seed, plan, size, quality, seconds, margin, max_failed_checks, shown)

    part = out.with_name(
        out.name + ".part"
    )  # renamed once it is whole, so that half a study is never served
    shutil.rmtree(part, ignore_errors=True)
    writer.write(part / "images")
    _write_files(
        part,
        settings,
        trials,
        writer.rows,
        {name for parts in shown.values() for names, _ in parts for name in names},
    )
    if out.exists():
        out.rmdir()
    part.rename(out)
    return settings


class _Writer:
    """Prepares images, names them at random and remembers which is which."""

    def __init__(self, size: int, quality: int):
        self.size, self.quality = size, quality
        self.rows: list[dict[str, str]] = []
        self.prepared: dict[str, Image.Image] = {}
        self.seen: dict[tuple[bytes, str], str] = {}

    def add(self, picture: Picture, side: str, left: int, top: int, edge: int) -> str:
        """Cut out the square, resize it, and return its new name."""
        square = picture.image.resize(
            (self.size, self.size),
            Image.Resampling.LANCZOS,
            box=(left, top, left + edge, top + edge),
        )
        digest = hashlib.sha256(square.tobytes()).digest()
        opposite = {"real": "generated", "generated": "real"}.get(side)
        if (digest, opposite) in self.seen:
            raise ValueError(
                f"{picture.origin} ({side}) shows the same pixels as {self.seen[digest, opposite]}"
                f" ({opposite}): no answer is right. Remove one."
            )
        self.seen[digest, side] = picture.origin
        name = secrets.token_hex(16) + ".jpg"
        self.prepared[name] = square
        self.rows.append({"name": name, "side": side, "origin": picture.origin})
        return name

    def add_pair(self, pair: Pair) -> tuple[str, str]:
        """Both sides of a pair, cut in the same place: where the edit is."""
        if pair.before.image.size != pair.after.image.size:
            raise ValueError(
                f"{pair.before.origin} is {pair.before.image.size} before and"
                f" {pair.after.image.size} after the edit: a pair must have one size."
            )
        before, after = (np.asarray(side.image, dtype=np.int16) for side in pair)
        if (before == after).all():
            raise ValueError(
                f"{pair.after.origin} is the same before and after: nothing was edited. Leave it"
                " out."
            )
        square = _square(pair.before.image, np.abs(before - after).sum(2))
        return self.add(pair.before, "before", *square), self.add(pair.after, "after", *square)

    def write(self, folder: Path) -> None:
        """All images, in the order of their random names: neither the order nor the time of writing
        tells the side."""
        folder.mkdir(parents=True)
        for name in sorted(self.prepared):
            self.prepared[name].save(
                folder / name, quality=self.quality, subsampling=0, optimize=True
            )


def _square(image: Image.Image, weight: np.ndarray | None = None) -> tuple[int, int, int]:
    """(left, top, edge) of the largest square, around the middle or around the centre of a (H, W)
    weight."""
    width, height = image.size
    edge = min(width, height)
    centre = (width / 2, height / 2)
    if weight is not None and weight.any():
        rows, columns = weight.sum(1), weight.sum(0)
        centre = (
            np.average(np.arange(width), weights=columns),
            np.average(np.arange(height), weights=rows),
        )
    left, top = (
        int(np.clip(round(middle - edge / 2), 0, whole - edge))
        for middle, whole in zip(centre, image.size, strict=True)
    )
    return left, top, edge


def _common_size(
    singles: dict[str, list[Picture]], pairs: dict[str, list[Pair]], size: int | None
) -> int:
    """The size asked for, or the smallest edge of all images."""
    everything = [picture for found in singles.values() for picture in found] + [
        side for found in pairs.values() for pair in found for side in pair
    ]
    smallest = min(everything, key=lambda picture: min(picture.image.size))
    edge, what = (
        min(smallest.image.size),
        f"{smallest.origin} ({smallest.image.size[0]}x{smallest.image.size[1]})",
    )
    if size is None:
        size = min(edge, LARGEST)
    if size < 16:
        raise ValueError(
            f"size={size}: images below 16 pixels can't be judged; the smallest is {what}."
        )
    if size > edge:
        raise ValueError(
            f"size={size} would enlarge {what}, and blur would betray it: take at most {edge}."
        )
    return size


def _reserve_examples(plan: Plan, named: dict[str, list], examples: int) -> tuple[dict, dict]:
    """(examples of each block, images left for trials)."""
    shown: dict[str, list[tuple[list[str], str]]] = {block: [] for block in plan.blocks}
    decks = {side: list(names) for side, names in named.items()}
    for number in range(examples):
        if "yesno" in plan.blocks:
            shown["yesno"] += [
                ([_take(decks, "real")], "real"),
                ([_take(decks, "generated")], "generated"),
            ]
        if "two" in plan.blocks:
            pair = [_take(decks, "real"), _take(decks, "generated")]
            shown["two"].append((pair, "b") if number % 2 == 0 else (pair[::-1], "a"))
        for kind in ("add", "remove"):
            if kind in decks:
                pair = _take(decks, kind)
                shown["edit"].append(
                    (list(pair), "b") if kind == "add" else (list(pair[::-1]), "a")
                )
    return shown, decks


def _take(decks: dict[str, list], side: str):
    if not decks[side]:
        raise ValueError(
            f"too few images ({side}) for the examples: add images, or give --examples a smaller"
            " number."
        )
    return decks[side].pop()


def _write_files(
    folder: Path,
    settings: Settings,
    trials: list[Trial],
    rows: list[dict[str, str]],
    reserved: set[str],
) -> None:
    values = {"format": FORMAT} | asdict(settings)
    (folder / "study.json").write_text(json.dumps(values, indent=2) + "\n", encoding="utf-8")
    with open(folder / "trials.csv", "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(asdict(trials[0])))
        writer.writeheader()
        writer.writerows(asdict(trial) | {"swapped": int(trial.swapped)} for trial in trials)
    with open(folder / "images.csv", "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, ["name", "side", "origin", "use"])
        writer.writeheader()
        writer.writerows(
            row | {"use": "example" if row["name"] in reserved else "trial"} for row in rows
        )
    for name in ("texts.json", "consent.txt"):
        shutil.copyfile(PAGES / name, folder / name)
