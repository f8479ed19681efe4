"""Whether added eczema changes skin as inflammation does: its crispness, its hue and its extremes.

    python -m benchmarks.editing.appearance --padufes DIR --inflamed DIR \\
        --model paired=./runs/paired/model

Writes benchmarks/results/appearance.json.

Real inflamed skin is compared with calm skin of the *same photograph*, so that camera and light are
the same. The same calm crops are then edited all over, at severities of 0.3 to 1, and compared with
themselves. Three things are measured, each as the mean over photographs:

- *crispness*: how much more power the skin has at each scale than calm skin, in dB. The power is of
  the optical density of green light, under a Hann window, in rings of the spectrum.
- *hue*: the optical density that is added to red, green and blue, for light and for dark skin.
- *extremes*: the share of pixels that are saturated (a channel of 250 or more) or nearly black (all
  channels 25 or less).
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor

from benchmarks.common import RESULTS, mean_interval, provenance, write_json
from benchmarks.editing import transfer_crops
from benchmarks.editing.methods import (
    Method,
    add_model_argument,
    describe_editors,
    editor_method,
    render,
    tint,
)
from benchmarks.editing.transfer_crops import Crops
from synthderm.imaging.color import ita, to_density
from synthderm.models.cache import load_editor

SEVERITY = (0.3, 1.0)
# Rings of the spectrum, in waves a crop of 224 px; a wave of the last is 2 to 3.5 px long.
BANDS = ((2, 4), (4, 8), (8, 16), (16, 32), (32, 64), (64, 112))
SATURATED, NEARLY_BLACK = 250, 25
DARK = 10.0  # ITA in degrees below which skin is dark
INFLAMED, CALM = ("inflamed", "lesion"), ("calm", "skin")  # kinds of crops


class Pair(NamedTuple):
    """Crops of one photograph: (N, 3, 224, 224) and (M, 3, 224, 224) uint8."""

    inflamed: Tensor
    calm: Tensor


def make_pairs(crops: Crops) -> list[Pair]:
    """The photographs of which there are both inflamed and calm crops."""
    pairs = []
    for group in sorted(set(crops.groups)):
        rows = [index for index, name in enumerate(crops.groups) if name == group]
        inflamed = [index for index in rows if crops.kinds[index] in INFLAMED]
        calm = [index for index in rows if crops.kinds[index] in CALM]
        if inflamed and calm:
            pairs.append(Pair(crops.images[inflamed], crops.images[calm]))
    return pairs


def band_power(images: Tensor) -> Tensor:
    """(N, 6) power of the optical density of green light in `BANDS`, of (N, 3, S, S) uint8."""
    density = to_density(images.float() / 255)[:, 1]
    side = density.shape[-1]
    window = torch.hann_window(side, periodic=False)
    density = (density - density.mean((1, 2), keepdim=True)) * window[:, None] * window
    power = torch.fft.fft2(density).abs().square()
    waves = torch.fft.fftfreq(side) * side
    radius = torch.hypot(waves[:, None], waves)
    rings = [(radius >= low) & (radius < high) for low, high in BANDS]
    return torch.stack([power[:, ring].mean(1) for ring in rings], dim=1)


def extremes(images: Tensor) -> Tensor:
    """(N, 2) shares of saturated and of nearly black pixels of (N, 3, H, W) uint8 images."""
    saturated = (images >= SATURATED).any(1).float().mean((1, 2))
    black = (images <= NEARLY_BLACK).all(1).float().mean((1, 2))
    return torch.stack([saturated, black], dim=1)


def is_dark(calm: Tensor) -> bool:
    """Whether the skin of (N, 3, H, W) uint8 crops is dark."""
    return ita(calm.float().mean((0, 2, 3)).view(1, 3, 1, 1) / 255).item() < DARK


def compare(skin: Tensor, calm: Tensor) -> dict[str, float]:
    """What sets crops apart from calm crops of the same photograph."""
    gain = 10 * (band_power(skin).mean(0) / band_power(calm).mean(0)).log10()
    row = {f"{low} to {high} waves": value for (low, high), value in zip(BANDS, gain.tolist())}
    density, before = (to_density(x.float() / 255).mean((0, 2, 3)) for x in (skin, calm))
    tone = "dark" if is_dark(calm) else "light"
    for colour, value in zip(("red", "green", "blue"), (density - before).tolist()):
        row[f"{colour}, {tone}"] = value
    row["saturated"], row["nearly black"] = (100 * extremes(skin).mean(0)).tolist()
    return row


def edit_all_over(method: Method, calm: Tensor, seed: int) -> Tensor:
    """Eczema on the whole of (N, 3, H, W) uint8 crops."""
    rng = torch.Generator().manual_seed(seed)
    severity = torch.empty(len(calm)).uniform_(*SEVERITY, generator=rng)
    masks = torch.ones_like(calm[:, :1], dtype=torch.bool)
    return method.add_to_all(calm, masks, severity, seed)


def summarise(rows: list[dict[str, float]]) -> dict[str, dict[str, float | None]]:
    """The mean over photographs and its 95% interval; a tone's rows over those of the tone."""
    keys = dict.fromkeys(key for row in rows for key in row)
    cells = {key: mean_interval([row[key] for row in rows if key in row]) for key in keys}
    return {
        key: {"mean": cell["mean"], "half_width": cell["half_width"]} for key, cell in cells.items()
    }


def measure(pairs: list[Pair], methods: dict[str, Method], seeds: list[int]) -> dict[str, Any]:
    """The rows of one source of photographs."""
    result = {"real": summarise([compare(pair.inflamed, pair.calm) for pair in pairs])}
    for name, method in methods.items():
        rows = [
            compare(edit_all_over(method, pair.calm, 1000 * seed + k), pair.calm)
            for seed in seeds
            for k, pair in enumerate(pairs)
        ]
        result[name] = summarise(rows)
    return result


def main(argv: Sequence[str] | None = None) -> None:
    p = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    p.add_argument("--padufes", required=True, help="folder of close-ups with lesion masks")
    p.add_argument("--inflamed", required=True, help="folder with boxes.csv")
    add_model_argument(p)
    p.add_argument("--seeds", type=int, nargs="+", default=[0, 1])
    p.add_argument("--quick", action="store_true", help="6 crops of each kind: a test that it runs")
    p.add_argument("--out", type=Path, default=RESULTS, help="folder of the result")
    args = p.parse_args(argv)
    limit = 6 if args.quick else sys.maxsize
    editors = {way: load_editor(model) for way, model in args.model.items()}
    methods = {"renderer": Method(render), "tint": Method(tint)}
    methods |= {way: editor_method(editor) for way, editor in editors.items()}
    sources = {
        "boxes": make_pairs(transfer_crops.box_crops(args.inflamed, limit)),
        "lesions": make_pairs(transfer_crops.lesion_crops(args.padufes, limit)),
    }
    result = {
        "editors": describe_editors(args.model, editors),
        "seeds": args.seeds,
        "photographs": {name: len(pairs) for name, pairs in sources.items()},
        "rows": {name: measure(pairs, methods, args.seeds) for name, pairs in sources.items()},
        **provenance(),
    }
    write_json(args.out / "appearance.json", result)
    for name, rows in result["rows"].items():
        for method, row in rows.items():
            print(name, method, ", ".join(f"{key} {c['mean']:.2f}" for key, c in row.items()))


if __name__ == "__main__":
    main()
