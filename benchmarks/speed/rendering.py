"""What `synthderm render` costs: CPU time and bytes of an image, and what a second process gains.

python -m benchmarks.speed.rendering

It writes benchmarks/results/rendering.json, which docs/scale.md tells of.
"""

import resource
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path
from statistics import median
from typing import Any, TypeVar

import torch

from benchmarks.common import RESULTS, median_quartiles, provenance, write_json
from synthderm import SyntheticSkinDataset
from synthderm.rendering.items import BATCH, Encoder, GeneratedItems, Item
from synthderm.rendering.render import render

Result = TypeVar("Result")
SOURCES = {
    "lesions, 128 px": ("lesions", 128),
    "lesions, 256 px": ("lesions", 256),
    "hands, 128 px": ("hands", 128),
    "eczema, 128 px": ("eczema", 128),
}
ENCODERS = {"png": Encoder("png", "png"), "jpeg": Encoder("jpeg", "png")}
ROUNDS, BATCHES = 5, 4
TURNS = 3  # of one process, then of two


def measure_source(source: str, size: int) -> dict[str, Any]:
    """CPU ms of an image, generated and encoded, on one thread, and its bytes."""
    items = GeneratedItems(SyntheticSkinDataset(source, length=10**6, size=size))
    items.make(range(BATCH))  # loads the models
    generated: list[float] = []
    encoded: dict[str, list[float]] = {name: [] for name in ENCODERS}
    sizes: dict[str, list[int]] = {name: [] for name in ENCODERS}
    for k in range(ROUNDS):
        numbers = range(k * BATCH * BATCHES, (k + 1) * BATCH * BATCHES)
        batches = [numbers[start : start + BATCH] for start in range(0, len(numbers), BATCH)]
        parts, spent = timed(map(items.make, batches))
        made = [item for part in parts for item in part if isinstance(item, Item)]
        generated.append(spent / len(made))
        for name, encoder in ENCODERS.items():
            files, spent = timed(map(encoder.encode, made))
            encoded[name].append(spent / len(made))
            sizes[name] += [len(file.image) + len(file.mask) for file in files]
    return {
        "generate_ms": median_quartiles(generated),
        "encode_ms": {name: median_quartiles(times) for name, times in encoded.items()},
        "bytes": {name: median(values) for name, values in sizes.items()},
    }


def timed(results: Iterable[Result]) -> tuple[list[Result], float]:
    """What an iterator gives, and the CPU time of this process that it took, in milliseconds."""
    start = time.process_time()
    found = list(results)
    return found, 1000 * (time.process_time() - start)


def measure_workers(length: int = 1200) -> dict[str, Any]:
    """Images a second of one process and of two, by turns, and the CPU time that each spends."""
    data = SyntheticSkinDataset("lesions", length=length)
    options: dict[str, Any] = {"file_format": "webdataset", "shard_size": 50}
    rates: dict[int, list[float]] = {1: [], 2: []}
    seconds: dict[int, list[float]] = {1: [], 2: []}
    with tempfile.TemporaryDirectory() as folder:
        render(SyntheticSkinDataset("lesions", length=50), Path(folder) / "first", **options)
        for k in range(TURNS):
            for workers in rates:
                start, before = time.perf_counter(), cpu_seconds()
                render(data, Path(folder) / f"{k}-{workers}", workers=workers, **options)
                rates[workers].append(length / (time.perf_counter() - start))
                seconds[workers].append(cpu_seconds() - before)
    return {
        "images_per_s": {str(workers): median_quartiles(rates[workers]) for workers in rates},
        "ratio": median_quartiles([two / one for one, two in zip(rates[1], rates[2])]),
        "cpu_ratio": median_quartiles([two / one for one, two in zip(seconds[1], seconds[2])]),
    }


def cpu_seconds() -> float:
    """CPU time of this process and of those that it started and that have ended."""
    kinds = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    used = [resource.getrusage(kind) for kind in kinds]
    return sum(one.ru_utime + one.ru_stime for one in used)


def main() -> None:
    torch.set_num_threads(1)  # others that wait for work would count as CPU time
    result = {
        "sources": {name: measure_source(*facts) for name, facts in SOURCES.items()},
        "workers": measure_workers(),
        **provenance(),
    }
    write_json(RESULTS / "rendering.json", result)
    print(RESULTS / "rendering.json")


if __name__ == "__main__":
    main()
