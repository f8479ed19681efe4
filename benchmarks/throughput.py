"""What an edit and a generated image cost, beside what training pipelines do already.

    python -m benchmarks.throughput                               all rows, about 3 minutes of one
    core python -m benchmarks.throughput --only "EczemaEdit, 224 px"   the rows with this in their
    names, printed alone python -m benchmarks.throughput --cuda
    `EczemaEdit.batch` on a GPU, half a minute

Writes throughput.json, or throughput-cuda.json, to benchmarks/results. One thread, one process, and
turns: every case runs for a moment, one after the other, round after round, so that what else the
machine is doing falls on all of them alike. Counted is CPU time; a ratio is the median of the
rounds' ratios. The photograph is drawn, all skin, and as large a file as a real one.
"""

import argparse
import io
import json
import time
from collections.abc import Callable
from itertools import cycle
from pathlib import Path
from statistics import median, quantiles
from typing import NamedTuple

import torch
import torch.nn.functional as F
from PIL import Image
from synthderm.models.fast import is_installed
from torch.utils.data import BatchSampler, DataLoader, Dataset
from torchvision import tv_tensors
from torchvision.transforms import v2
from tqdm import tqdm

from benchmarks.cyclegan import ResNet9
from benchmarks.fidelity import RESULTS, provenance
from synthderm import EczemaEdit, SyntheticSkinDataset
from synthderm.datasets.sources import one_thread
from synthderm.imaging.io import to_pil

BATCH = 8
ITEMS = 16  # photographs in a DataLoader's batch


def variants() -> dict[str, dict]:
    """Ways to install the library, each as options of `EczemaEdit`."""
    return {"default": {"backend": "torch"}} | (
        {"fast": {"backend": "onnx"}} if is_installed() else {}
    )


class Case(NamedTuple):
    """Something to time: one call, how many images that is, and how many a turn has at least: what
    most cases do is drawn anew for each image."""

    run: Callable[[], object]
    images: int = 1
    least: int = 16


class Row(NamedTuple):
    """A comparison: the time of one case over that of another, and at most how much that should be
    (None: no goal)."""

    case: str
    against: str
    goal: float | None = None
    variant: str | None = None


def photograph(height: int, width: int) -> torch.Tensor:
    """(3, height, width) uint8: skin under uneven light, with as much fine detail as makes JPEG
    files of a usual size."""
    rng = torch.Generator().manual_seed(0)

    def noise(cells: int) -> torch.Tensor:
        field = torch.randn(1, 1, cells, cells, generator=rng)
        return F.interpolate(field, size=(height, width), mode="bicubic", align_corners=False)[0]

    melanin, blood = 0.08 * noise(3) + 0.02 * noise(12), 0.06 * noise(4) + 0.03 * noise(25)
    relief = (
        0.04 * noise(60) + 0.04 * noise(90) + 0.01 * torch.randn(1, height, width, generator=rng)
    )
    base, brown, red = (
        torch.tensor(colour).view(3, 1, 1)
        for colour in ((0.22, 0.52, 0.68), (0.6, 0.9, 1.2), (0.1, 1.0, 0.8))
    )
    return (
        (255 * torch.exp(-base - brown * melanin - red * blood - relief))
        .clamp(0, 255)
        .to(torch.uint8)
    )


def jpeg(image: torch.Tensor) -> bytes:
    file = io.BytesIO()
    to_pil(image).save(file, format="JPEG", quality=95)
    return file.getvalue()


def decode(data: bytes) -> Image.Image:
    return Image.open(io.BytesIO(data)).convert("RGB")


class Photographs(Dataset):
    """A folder of photographs without the disk: decoded from memory, then transformed."""

    def __init__(self, data: bytes, transform: Callable):
        self.data, self.transform = data, transform

    def __len__(self) -> int:
        return ITEMS

    def __getitem__(self, index: int):
        return self.transform(decode(self.data)), index % 2


def loader(data: bytes, *edit: v2.Transform, as_tensor: bool = False) -> Case:
    """An epoch of the usual pipeline in this process, as one worker does it: with the edit on PIL
    images or on tensors."""
    crop = [v2.RandomResizedCrop(224), v2.RandomHorizontalFlip()]
    finish = [
        v2.ToDtype(torch.float32, scale=True),
        v2.Normalize([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]),
    ]
    transform = v2.Compose(
        [*crop, v2.ToImage(), *edit, *finish]
        if as_tensor
        else [*crop, *edit, v2.ToImage(), *finish]
    )
    loop = DataLoader(Photographs(data, transform), batch_size=ITEMS, shuffle=True)
    return Case(lambda: list(loop), ITEMS)


def edits(
    options: dict, variant: str, small: int, large: int, data: bytes
) -> tuple[dict[str, Case], list[Row]]:
    """Everything `EczemaEdit` does, timed, and what it is compared with."""
    edit, half = EczemaEdit(p=1, **options), EczemaEdit(p=0.5, **options)
    given = EczemaEdit(p=1, mask="given", **options)
    image, big = photograph(small, small), photograph(large, large)
    pil, batch = to_pil(image), image.expand(BATCH, -1, -1, -1).contiguous()
    quarter = torch.zeros(1, large, large, dtype=torch.bool)
    quarter[:, large // 4 : large // 4 + large // 2, large // 4 : large // 4 + large // 2] = True
    sample = tv_tensors.Image(big), tv_tensors.Mask(quarter)

    def name(what: str) -> str:
        return f"EczemaEdit, {what}" if variant == "default" else f"EczemaEdit, {what}, {variant}"

    cases = {
        name(f"{small} px"): Case(lambda: edit(image)),
        name(f"{small} px, batch of {BATCH}"): Case(lambda: edit.batch(batch), BATCH),
        name(f"{small} px, PIL"): Case(lambda: edit(pil)),
        name(f"{large} px"): Case(lambda: edit(big)),
        name(f"{large} px, mask in a quarter"): Case(lambda: given(*sample)),
        name("p=0.5 on PIL in a pipeline"): loader(data, half),
        name("p=0.5 on tensors in a pipeline"): loader(data, half, as_tensor=True),
    }
    one, many, on_pil, whole, part, piped_pil, piped_tensor = cases
    rows = [
        Row(one, f"RandAugment, {small} px", 1.6 if variant == "default" else 1.0),
        Row(many, f"RandAugment, {small} px", 1.0),
        Row(one, f"ColorJitter, {small} px", 0.5),
        Row(one, f"decode a JPEG of 450x600 and resize to {small} px", 0.5),
        Row(on_pil, f"ColorJitter, {small} px, PIL", 1.0),
        Row(on_pil, f"RandAugment, {small} px, PIL"),
        Row(whole, f"RandAugment, {large} px", 0.75),
        Row(part, f"RandAugment, {large} px", 0.3),
        Row(piped_pil, "pipeline without", 1.3),
        Row(piped_tensor, "pipeline without", 1.3),
        Row(one, f"CycleGAN ResNet-9, {small} px", 1 / 400),
    ]
    return cases, [row._replace(variant=variant) for row in rows]


def others(small: int, large: int, data: bytes, width: int) -> dict[str, Case]:
    """What pipelines do already."""
    image, big = photograph(small, small), photograph(large, large)
    pil, network = to_pil(image), ResNet9(width).eval()
    augment, jitter = v2.RandAugment(), v2.ColorJitter(0.4, 0.4, 0.4, 0.1)
    signal = (image[None] / 127.5 - 1).float()
    return {
        f"RandAugment, {small} px": Case(lambda: augment(image)),
        f"ColorJitter, {small} px": Case(lambda: jitter(image)),
        f"decode a JPEG of 450x600 and resize to {small} px": Case(
            lambda: decode(data).resize((small, small), Image.Resampling.BILINEAR)
        ),
        f"ColorJitter, {small} px, PIL": Case(lambda: jitter(pil)),
        f"RandAugment, {small} px, PIL": Case(lambda: augment(pil)),
        f"RandAugment, {large} px": Case(lambda: augment(big)),
        "pipeline without": loader(data),
        f"CycleGAN ResNet-9, {small} px": Case(lambda: network(signal), least=1),
    }


def generated(data: bytes) -> tuple[dict[str, Case], list[Row]]:
    """Items of a `SyntheticSkinDataset` in a DataLoader's batches, against photographs that are
    read and cropped."""
    cases, rows = {}, []
    for side, goal in ((64, 0.8), (128, 1.15)):
        new, old = (
            f"a generated lesion, {side} px",
            f"decode a JPEG of 450x600, RandomResizedCrop({side}), flip",
        )
        cases[new] = drawn(SyntheticSkinDataset("lesions", length=4096, size=side))
        cases[old] = drawn(
            Photographs(data, v2.Compose([v2.RandomResizedCrop(side), v2.RandomHorizontalFlip()]))
        )
        rows.append(Row(new, old, goal))
    return cases, rows


def drawn(dataset: Dataset) -> Case:
    """A batch of items, other ones each time."""
    batches = cycle(BatchSampler(range(len(dataset)), ITEMS, drop_last=True))
    fetch = getattr(dataset, "__getitems__", lambda rows: [dataset[row] for row in rows])
    return Case(lambda: fetch(next(batches)), ITEMS)


def measure(cases: dict[str, Case], rounds: int, turn: float) -> dict[str, list[float]]:
    """CPU seconds per image of every case in every round; in a round each case runs for about
    `turn` seconds."""
    calls, times = {}, {name: [] for name in cases}
    for name, case in cases.items():
        case.run()  # the first call loads models and fills caches
        start = time.process_time()
        case.run()
        calls[name] = (
            max(round(turn / (time.process_time() - start)), -(-case.least // case.images))
            if turn
            else 1
        )
    for _ in tqdm(range(rounds), desc="rounds", disable=None):
        for name, case in cases.items():
            start = time.process_time()
            for _ in range(calls[name]):
                case.run()
            times[name].append((time.process_time() - start) / calls[name] / case.images)
    return times


def spread(values: list[float]) -> dict:
    """Median and quartiles."""
    low, _, high = quantiles(values, n=4, method="inclusive")
    return {"median": median(values), "quartiles": [low, high]}


def on_cuda(device: torch.device, count: int = 256, side: int = 224, seconds: float = 3.0) -> dict:
    """Images a second of `EczemaEdit.batch` on uint8 images that are on the device, and of copying
    the same bytes there.

    This is wall time, the device's work waited for; turns as above.
    """
    wait = torch.cuda.synchronize if device.type == "cuda" else lambda: None
    images = photograph(side, side).to(device).expand(count, -1, -1, -1).contiguous()
    edit, copy = EczemaEdit(p=1), torch.empty_like(images)
    rates: dict[str, list[float]] = {"edit": [], "copy": []}
    cases = {"edit": (lambda: edit.batch(images), 4), "copy": (lambda: copy.copy_(images), 100)}
    edit.batch(images)
    start = time.perf_counter()
    while len(rates["copy"]) < 2 or time.perf_counter() - start < seconds:
        for name, (run, calls) in cases.items():
            wait()
            begin = time.perf_counter()
            for _ in range(calls):
                run()
            wait()
            rates[name].append(calls * count / (time.perf_counter() - begin))
    result = {
        "device": torch.cuda.get_device_name(device) if device.type == "cuda" else "CPU",
        "batch": count,
        "side": side,
    }
    result |= {"images_per_s": spread(rates["edit"]), "copies_per_s": spread(rates["copy"])}
    return (
        result
        | {"share_of_copy_bandwidth": median(rates["edit"]) / median(rates["copy"])}
        | provenance()
    )


def write(result: dict, folder: Path, name: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(json.dumps(result, indent=2) + "\n")


def main(arguments: list[str] | None = None) -> None:
    p = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    p.add_argument("--rounds", type=int, default=30)
    p.add_argument("--turn", type=float, default=0.1, help="seconds that a case runs in each round")
    p.add_argument("--only", default="", help="measure only rows with this in one of their names")
    p.add_argument("--cuda", action="store_true", help="measure batches on a GPU instead")
    p.add_argument(
        "--smoke", action="store_true", help="small images and a call each, to see that it runs"
    )
    p.add_argument(
        "--out",
        type=Path,
        help=f"folder of throughput.json; {RESULTS.name}/ for a whole measurement, else none",
    )
    args = p.parse_args(arguments)
    out = args.out or (None if args.only or args.smoke else RESULTS)
    rounds, turn, small, large = (
        (2, 0.0, 32, 64) if args.smoke else (args.rounds, args.turn, 224, 1024)
    )

    torch.manual_seed(0)
    if args.cuda:
        if not torch.cuda.is_available():
            raise SystemExit("skipped: there is no CUDA here.")
        result = on_cuda(torch.device("cuda"))
        write(result, args.out or RESULTS, "throughput-cuda.json")
        print(json.dumps(result, indent=2))
        return
    with one_thread():
        data = jpeg(photograph(600, 450))
        cases, rows = generated(data)
        cases |= others(small, large, data, width=8 if args.smoke else 64)
        for variant, options in variants().items():
            more, compared = edits(options, variant, small, large, data)
            cases, rows = cases | more, rows + compared
        rows = [row for row in rows if args.only in row.case or args.only in row.against]
        if not rows:
            raise SystemExit(f"no row has {args.only!r} in its names.")
        wanted = {name for row in rows for name in (row.case, row.against)}
        times = measure(
            {name: case for name, case in cases.items() if name in wanted}, rounds, turn
        )
        result = {"rounds": rounds, "jpeg_bytes": len(data), "rows": []}
        for row in rows:
            ratios = [a / b for a, b in zip(times[row.case], times[row.against])]
            result["rows"].append(row._asdict() | {"ratio": spread(ratios)})
        result["cpu_ms_per_image"] = {
            name: spread([1000 * value for value in values]) for name, values in times.items()
        }
        result |= provenance()
    if out is not None:
        write(result, out, "throughput.json")
    for row in result["rows"]:
        goal = (
            ""
            if row["goal"] is None
            else (
                f"at most {row['goal']:.4g}:"
                f" {'met' if row['ratio']['median'] <= row['goal'] else 'missed'}"
            )
        )
        ms = [result["cpu_ms_per_image"][row[key]]["median"] for key in ("case", "against")]
        print(
            f"{row['ratio']['median']:8.4f}  {goal:22}  {row['case']} ({ms[0]:.2f} ms) /"
            f" {row['against']} ({ms[1]:.2f} ms)"
        )


if __name__ == "__main__":
    main()
