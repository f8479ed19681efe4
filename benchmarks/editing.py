"""What adding, removing and finding eczema is worth on photographs that the editor has not seen.

    python -m benchmarks.editing --padufes DIR --hands DIR --extractor timm:mobilenetv2_100=FILE
        --classifier mobilenetv2_100=FILE \\ --paired runs/paired/model --masked runs/masked/model
        --unpaired runs/unpaired/model
    python -m benchmarks.editing --padufes DIR --hands DIR --choose-threshold --paired
    runs/paired/model     on `val` alone

Writes benchmarks/results/editing.json, with the CPU time that it took. Three editors, trained three
ways, beside the renderer that taught them and a red tint in the mask; the bundled editor stands for
the paired one where none is named.

Patches are 112 px. Guarantees, the dial, removing and finding: windows of healthy skin in
PAD-UFES-20 `test`, with drawn masks, and as many hands of `test`. Likeness to real lesions: windows
on inflamed lesions (ACK, BCC, SCC) of `val` and `test`, since `test` alone has 40 with masks, and
as many healthy windows, with masks of other patients' lesions. Classifiers are trained on windows
of `train`.
"""

import argparse
import hashlib
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import mean, stdev
from typing import NamedTuple

import torch
import torch.nn.functional as F
from scipy.stats import t as student
from torch import Tensor
from torchmetrics.functional import spearman_corrcoef

from benchmarks import closeups, realism
from benchmarks.fidelity import RESULTS, provenance
from synthderm.imaging.color import ciede2000, to_lab
from synthderm.imaging.eczema_renderer import draw_eczema
from synthderm.imaging.masks import sample_masks, skin_region
from synthderm.imaging.textures import cut_texture
from synthderm.metrics import load_extractor
from synthderm.models.editor import EczemaEditor
from synthderm.transforms.functional import (
    add_eczema,
    sample_latents,
    find_eczema,
    load_editor,
    remove_eczema,
)

WAYS = ("paired", "masked", "unpaired")
DIAL = 64  # images of either kind that the dial is turned on, in each tone
RED = (204.0, 38.0, 38.0)


class Row(NamedTuple):
    """A line of the table: its key and text, its goal ("least" or "most", and the bound, for each
    way of training where they differ), and whether an editor must be better than the renderer and
    the tint as well."""

    key: str
    text: str
    kind: str | None = None
    bound: float | dict[str, float] | None = None
    beats_baselines: bool = False


PARTS = ("close-ups", "hands")
IOU = {"paired": 0.7, "masked": 0.7, "unpaired": 0.5}
ROWS = [
    Row("untouched", "pixels outside the mask unchanged, share", "least", 1.0),
    *(
        Row(
            f"dial {tone}",
            f"severity and CIEDE2000: images with Spearman of 0.98 or more, share, {tone} skin",
            "least",
            0.95,
        )
        for tone in closeups.TONES
    ),
    *(
        Row(
            f"removed {part}",
            f"added, then removed: PSNR inside the mask, median dB, {part}",
            "least",
            30.0,
        )
        for part in PARTS
    ),
    *(
        Row(f"gained {part}", f"the same, above leaving it, median dB, {part}", "least", 6.0)
        for part in PARTS
    ),
    *(
        Row(
            f"found {part}",
            f"found in what was added: mean IoU with the mask, {part}",
            "least",
            IOU,
        )
        for part in PARTS
    ),
    Row(
        "kid added",
        "KID to real inflamed patches: of added / of untouched healthy patches",
        "most",
        0.4,
        True,
    ),
    Row(
        "kid removed", "KID to healthy patches: of real lesions after removal / before", "most", 0.4
    ),
    Row("told apart", "linear probe told real inflamed from added patches: AUROC", "most", 0.85),
    Row(
        "classifier",
        "classifier trained on healthy against added, tested on healthy against real: AUROC",
        "least",
        0.85,
        True,
    ),
    Row("probe", "linear probe trained and tested likewise: AUROC"),
]


class Column(NamedTuple):
    """A way to add eczema, `add(images uint8, masks, severity (B,), seed) -> images`, and the
    editor that also removes and finds."""

    add: Callable[[Tensor, Tensor, Tensor, int], Tensor]
    editor: EczemaEditor | None = None


def editing(model: str) -> Column:
    editor = load_editor(model)
    return Column(
        lambda images, masks, severity, seed: (
            add_eczema(images, masks, severity, seed=seed, model=editor).images
        ),
        editor,
    )


def draw(images: Tensor, masks: Tensor, severity: Tensor, seed: int) -> Tensor:
    seeds = sample_latents(len(images), torch.Generator().manual_seed(seed))
    drawn = draw_eczema(
        images.float() / 255,
        masks,
        severity,
        seeds.noise,
        cut_texture(seeds.offset, *images.shape[-2:]),
        seeds.signs,
    )
    return (drawn * 255).round().to(torch.uint8)


def tint(images: Tensor, masks: Tensor, severity: Tensor, seed: int) -> Tensor:
    red = torch.lerp(
        images.float(), torch.tensor(RED).view(1, 3, 1, 1), 0.4 * severity.view(-1, 1, 1, 1)
    )
    return torch.where(masks, red.round().to(torch.uint8), images)


def inside_mean(values: Tensor, masks: Tensor) -> Tensor:
    """The mean of (B, 1, H, W) inside each mask, (B,)."""
    return (values * masks).sum((1, 2, 3)) / masks.sum((1, 2, 3)).clamp_min(1)


def inside_lab(images: Tensor, masks: Tensor) -> Tensor:
    """CIE L*a*b* of the P pixels of (B, 3, H, W) uint8 that are inside the masks, (3, 1, P)."""
    return to_lab(images.movedim(1, -1)[masks[:, 0]].T[:, None].float() / 255)


def psnr(a: Tensor, b: Tensor, masks: Tensor) -> Tensor:
    """Of (B, 3, H, W) uint8 inside each mask, dB, (B,)."""
    error = inside_mean(((a.float() - b.float()) / 255).square().mean(1, keepdim=True), masks)
    return -10 * torch.log10(error.clamp_min(1e-10))


def drawn_masks(images: Tensor, rng: torch.Generator) -> Tensor:
    look = F.interpolate(images.float() / 255, size=64, mode="area")
    return sample_masks(
        tuple(images.shape[-2:]),
        torch.empty(len(images)).uniform_(0.15, 0.5, generator=rng),
        skin_region(look),
        rng,
    )


def overlap(found: Tensor, masks: Tensor) -> float:
    return (
        ((found & masks).sum((1, 2, 3)) / (found | masks).sum((1, 2, 3)).clamp_min(1)).mean().item()
    )


def edits(
    column: Column, parts: dict[str, Tensor], tones: dict[str, Tensor], seed: int
) -> dict[str, float]:
    """What is promised, the dial, removing and finding, on healthy images: `parts` of two kinds,
    and `tones` made of both."""
    row, same, of = {}, [], 0
    for part, images in parts.items():
        rng = torch.Generator().manual_seed(seed)
        masks, severity = (
            drawn_masks(images, rng),
            torch.empty(len(images)).uniform_(0.3, 1.0, generator=rng),
        )
        added = column.add(images, masks, severity, seed)
        outside = ~masks.expand_as(images)
        same.append((added == images)[outside].sum().item())
        of += outside.sum().item()
        if column.editor is not None:
            cleared = psnr(remove_eczema(added, masks, model=column.editor).images, images, masks)
            row[f"removed {part}"] = cleared.median().item()
            row[f"gained {part}"] = (cleared - psnr(added, images, masks)).median().item()
            row[f"found {part}"] = overlap(find_eczema(added, model=column.editor), masks)
    row["untouched"] = sum(same) / of
    levels = torch.linspace(0, 1, 6)
    for tone, images in tones.items():
        masks = drawn_masks(images, torch.Generator().manual_seed(seed))
        at = masks.nonzero()[:, 0]
        lab, colour = inside_lab(images, masks), []
        for level in levels:
            change = ciede2000(
                lab, inside_lab(column.add(images, masks, level.expand(len(images)), seed), masks)
            )[0]
            colour.append(
                torch.zeros(len(images)).index_add_(0, at, change)
                / masks.sum((1, 2, 3)).clamp_min(1)
            )
        ranks = spearman_corrcoef(
            torch.stack(colour), levels[:, None].expand(-1, len(images)).contiguous()
        )
        row[f"dial {tone}"] = (ranks >= 0.98).float().mean().item()
    return row


def choose_threshold(column: Column, parts: dict[str, Tensor], seed: int) -> dict[str, float]:
    """Mean IoU of what is found in added eczema at each threshold, over all parts."""
    values = {}
    for images in parts.values():
        rng = torch.Generator().manual_seed(seed)
        masks, severity = (
            drawn_masks(images, rng),
            torch.empty(len(images)).uniform_(0.3, 1.0, generator=rng),
        )
        added = column.add(images, masks, severity, seed)
        for step in range(1, 15):
            values.setdefault(f"{step / 20:.2f}", []).append(
                overlap(find_eczema(added, threshold=step / 20, model=column.editor), masks)
            )
    return {threshold: mean(part) for threshold, part in values.items()}


def healthy_images(args: argparse.Namespace, split: str, seed: int) -> dict[str, Tensor]:
    """Close-ups and as many hands of one split."""
    closeup = closeups.windows(args.padufes, (split,), torch.Generator().manual_seed(seed))[
        0
    ].images[: args.limit]
    return {"close-ups": closeup, "hands": closeups.read_hands(args.hands, len(closeup), split)}


def summary(values: list[float]) -> dict:
    """Mean of the seeds, half the width of its 95% interval (Student's t), and the values."""
    half = (
        student.ppf(0.975, len(values) - 1) * stdev(values) / len(values) ** 0.5
        if len(values) > 1
        else None
    )
    return {"mean": mean(values), "half_width": half, "values": values}


def verdict(row: Row, way: str, means: dict[str, float]) -> bool | None:
    """Whether an editor's mean meets its goal; None where there is none."""
    if row.kind is None or way not in WAYS:
        return None
    bound, sign = (
        row.bound[way] if isinstance(row.bound, dict) else row.bound,
        1 if row.kind == "least" else -1,
    )
    others = (
        [means[name] for name in ("renderer", "tint") if name in means]
        if row.beats_baselines
        else []
    )
    return sign * means[way] >= sign * bound and all(
        sign * means[way] > sign * other for other in others
    )


def main(argv: list[str] | None = None) -> None:
    p = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    p.add_argument("--padufes", required=True, help="folder of close-ups with lesion masks")
    p.add_argument("--hands", required=True, help="folder of hands")
    p.add_argument(
        "--extractor", help="for KID and the probe that is told real from added: as for fidelity.py"
    )
    p.add_argument("--classifier", help="timm network to train: NAME, or NAME=FILE.safetensors")
    for way in WAYS:
        p.add_argument(
            f"--{way}", help=f"the {way} editor: a bundled name, a directory or a Hub id"
        )
    p.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    p.add_argument(
        "--steps", type=int, default=200, help="of training a classifier, 12 patches each"
    )
    p.add_argument("--limit", type=int, default=10**6, help="images of each kind at most")
    p.add_argument(
        "--quick",
        action="store_true",
        help="6 images of each kind and 3 steps: shows that it runs, measures nothing",
    )
    p.add_argument(
        "--choose-threshold",
        action="store_true",
        help="print the IoU of find_eczema at each threshold on `val`, and stop",
    )
    p.add_argument("--out", type=Path, default=RESULTS)
    args = p.parse_args(argv)
    if args.quick:
        args.limit, args.steps = 6, 3
    models = {way: getattr(args, way) for way in WAYS if getattr(args, way)} or {"paired": "eczema"}
    columns = {way: editing(model) for way, model in models.items()}
    if args.choose_threshold:
        parts = healthy_images(args, "val", 0)
        print(
            json.dumps(
                {way: choose_threshold(column, parts, 0) for way, column in columns.items()},
                indent=2,
            )
        )
        return
    if not args.extractor or not args.classifier:
        p.error("--extractor and --classifier are needed.")
    columns |= {"renderer": Column(draw), "tint": Column(tint)}
    extractor, started, measured, reference, counts = (
        load_extractor(args.extractor),
        time.process_time(),
        {},
        {},
        {},
    )
    for seed in args.seeds:
        parts = healthy_images(args, "test", seed)
        tones = {}
        for tone, (target, low, high) in closeups.TONES.items():
            shifted, reached = closeups.at_tone(
                torch.cat([images[: min(DIAL, args.limit)] for images in parts.values()]), target
            )
            tones[tone] = shifted[(reached > low) & (reached < high)]
        likeness = realism.Likeness(
            args.padufes, extractor, args.classifier, seed, args.limit, args.steps
        )
        counts[seed] = {
            **{name: len(images) for name, images in (parts | tones).items()},
            **likeness.counts,
        }
        for key, value in likeness.reference.items():
            reference.setdefault(key, []).append(value)
        for name, column in columns.items():
            for key, value in (edits(column, parts, tones, seed) | likeness.judge(column)).items():
                measured.setdefault(key, {}).setdefault(name, []).append(value)
            print(
                f"seed {seed}, {name}: {time.process_time() - started:.0f} s of CPU time so far",
                file=sys.stderr,
            )

    rows = []
    for row in ROWS:
        cells = {name: summary(values) for name, values in measured.get(row.key, {}).items()}
        means = {name: cell["mean"] for name, cell in cells.items()}
        for name, cell in cells.items():
            cell["met"] = verdict(row, name, means)
        real = summary(reference[row.key]) if row.key in reference else None
        rows.append({**row._asdict(), "columns": cells, "trained on real": real})
    named = {way: {"model": Path(model).name if Path(model).is_dir() else model, "revision": columns[way].editor.revision,
                   "weights": fingerprint(columns[way].editor)} for way, model in models.items()}  # fmt: skip
    result = {"columns": list(columns), "editors": named, "seeds": args.seeds, "counts": counts, "steps": args.steps, "extractor": extractor.name,
              "classifier": args.classifier.partition("=")[0], "cpu_s": round(time.process_time() - started), "rows": rows} | provenance()  # fmt: skip
    args.out.mkdir(parents=True, exist_ok=True)
    (args.out / "editing.json").write_text(json.dumps(result, indent=2) + "\n")
    print(
        "\n".join(
            f"{row['text']}: "
            + ", ".join(f"{name} {cell['mean']:.3f}" for name, cell in row["columns"].items())
            for row in rows
        )
    )


def fingerprint(editor: EczemaEditor) -> str:
    """The first digits of the SHA-256 of all weights, by which a figure can be told to be of
    these."""
    return hashlib.sha256(
        b"".join(value.contiguous().numpy().tobytes() for value in editor.state_dict().values())
    ).hexdigest()[:12]


if __name__ == "__main__":
    main()
