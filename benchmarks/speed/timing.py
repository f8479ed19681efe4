"""Timing by turns: other load on the machine affects all cases alike."""

import time
from collections.abc import Callable
from statistics import median
from typing import Any

import torch
from tqdm import tqdm

from benchmarks.common import median_quartiles, provenance
from benchmarks.speed.cases import Case
from benchmarks.speed.photograph import draw_photograph
from synthderm import EczemaEdit


def measure(cases: dict[str, Case], rounds: int, turn: float) -> dict[str, list[float]]:
    """CPU seconds per image of every case in every round.

    Args:
        cases: by name.
        rounds: in each of them all cases take a turn.
        turn: seconds that a case runs in its turn; 0 is one call.
    """
    calls: dict[str, int] = {}
    for name, case in cases.items():
        case.run()  # the first call loads models and fills caches
        start = time.process_time()
        case.run()
        seconds = time.process_time() - start
        least = -(-case.least // case.images)
        calls[name] = max(round(turn / seconds), least) if turn else 1
    times: dict[str, list[float]] = {name: [] for name in cases}
    for _ in tqdm(range(rounds), desc="rounds", disable=None):
        for name, case in cases.items():
            start = time.process_time()
            for _ in range(calls[name]):
                case.run()
            seconds = time.process_time() - start
            times[name].append(seconds / calls[name] / case.images)
    return times


def measure_on(
    device: torch.device, count: int = 256, side: int = 224, seconds: float = 3.0
) -> dict[str, Any]:
    """Images a second of `EczemaEdit.batch` on images that are on the device, and of copying the
    same bytes there, by turns. This is wall time; the device's work is waited for.

    Args:
        device: usually a GPU.
        count: uint8 images in a batch.
        side: of the images in pixels.
        seconds: that the measurement takes.
    """
    images = draw_photograph(side, side).to(device).expand(count, -1, -1, -1).contiguous()
    edit, target = EczemaEdit(p=1), torch.empty_like(images)
    rates: dict[str, list[float]] = {"edit": [], "copy": []}
    cases: dict[str, tuple[Callable[[], object], int]] = {
        "edit": (lambda: edit.batch(images), 4),
        "copy": (lambda: target.copy_(images), 100),
    }
    edit.batch(images)
    start = time.perf_counter()
    while len(rates["copy"]) < 2 or time.perf_counter() - start < seconds:
        for name, (run, calls) in cases.items():
            _wait_for(device)
            begin = time.perf_counter()
            for _ in range(calls):
                run()
            _wait_for(device)
            rates[name].append(calls * count / (time.perf_counter() - begin))
    is_cuda = device.type == "cuda"
    return {
        "device": torch.cuda.get_device_name(device) if is_cuda else "CPU",
        "batch": count,
        "side": side,
        "images_per_s": median_quartiles(rates["edit"]),
        "copies_per_s": median_quartiles(rates["copy"]),
        "share_of_copy_bandwidth": median(rates["edit"]) / median(rates["copy"]),
        **provenance(),
    }


def _wait_for(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
