"""Which index finds copies among many photographs: exact search, HNSW or IVF, by faiss.

    python -m benchmarks.audit.indexes --real DIR --extractor timm:NAME=FILE.safetensors

It needs `pip install faiss-cpu`. The rows are those of `CopyIndex`, of `split=train`, filled up to
`--sizes` with mixtures of the features of two photographs, which lie where photographs do. Looked
for are copies of photographs (JPEG of quality 50, a colour cast, 3 px of shift, a blend), and
whether their photograph is among the ten candidates whose structure is compared. Writes
benchmarks/results/indexes.json; docs/scale.md quotes it.
"""

import argparse
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from benchmarks.common import RESULTS, provenance, write_json
from synthderm.audit.calibration import plant
from synthderm.audit.copy_index import CANDIDATES, CopyIndex
from synthderm.audit.features import LayerFeatures
from synthderm.audit.images import read_photographs

KINDS = ("JPEG of quality 50", "colour cast", "shifted by 3 px", "blended 0.7 with another")
QUERIES = 200
LINKS, BREADTH = 32, 64  # of HNSW: links of a row, and rows that a search keeps in sight
PROBED = 16  # cells of IVF that a search looks into


def main() -> None:
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument("--real", required=True, help="photographs, with a split train")
    p.add_argument("--extractor", default="timm:mobilenetv2_100", help="as for `synthderm audit`")
    p.add_argument("--sizes", type=int, nargs="+", default=[1_000, 10_000, 100_000])
    p.add_argument("--size", type=int, default=128, help="side of the images in pixels")
    p.add_argument("--out", type=Path, default=RESULTS, help="folder of the result")
    args = p.parse_args()
    import faiss  # here and below: everything else works without it

    faiss.omp_set_num_threads(1)
    real = read_photographs(args.real, "train", args.size)
    index = CopyIndex(real.images, LayerFeatures(args.extractor))
    queries = {
        kind: index.whitening(index.describe(made).upright).numpy()
        for kind, made in copies_of(real.images).items()
    }
    results = []
    for size in args.sizes:
        rows = fill(index.rows, size)
        for name, make in INDEXES.items():
            found = measure(make, rows, queries)
            results.append({"rows": size, "index": name, **found})
            print(results[-1], flush=True)
    dimensions = index.rows.shape[1]
    settings = {"dimensions": dimensions, "queries": QUERIES, "faiss": faiss.__version__}
    path = args.out / "indexes.json"
    write_json(path, {"results": results, **settings, **provenance()})
    print(path)


def copies_of(images: Tensor) -> dict[str, Tensor]:
    """Copies of the first photographs, of each kind."""
    rng = torch.Generator().manual_seed(0)
    made = [plant(images[k], images[-1 - k], rng) for k in range(QUERIES)]
    return {kind: torch.stack([one[kind] for one in made]) for kind in KINDS}


def fill(rows: Tensor, size: int) -> np.ndarray[Any, Any]:
    """Rows (size, D) of length 1: the photographs' own, as many as fit, and mixtures of two."""
    rng = torch.Generator().manual_seed(1)
    total = torch.empty(size, rows.shape[1])
    kept = min(size, len(rows))
    total[:kept] = rows[:kept]
    for start in range(kept, size, 10_000):
        count = min(10_000, size - start)
        first, second = torch.randint(len(rows), (2, count), generator=rng)
        share = torch.rand(count, 1, generator=rng)
        mixed = share * rows[first] + (1 - share) * rows[second]
        mixed += 0.5 * torch.randn(mixed.shape, generator=rng) / rows.shape[1] ** 0.5
        total[start : start + count] = mixed / mixed.norm(dim=1, keepdim=True)
    return total.numpy()


def flat(rows: np.ndarray[Any, Any]) -> Any:
    import faiss

    index = faiss.IndexFlatIP(rows.shape[1])
    index.add(rows)
    return index


def hnsw(rows: np.ndarray[Any, Any]) -> Any:
    import faiss

    index = faiss.IndexHNSWFlat(rows.shape[1], LINKS, faiss.METRIC_INNER_PRODUCT)
    index.hnsw.efSearch = BREADTH
    index.add(rows)
    return index


def ivf(rows: np.ndarray[Any, Any]) -> Any:
    import faiss

    cells = round(len(rows) ** 0.5)
    coarse = faiss.IndexFlatIP(rows.shape[1])
    index = faiss.IndexIVFFlat(coarse, rows.shape[1], cells, faiss.METRIC_INNER_PRODUCT)
    index.train(rows[np.random.default_rng(0).permutation(len(rows))[: 40 * cells]])
    index.add(rows)
    index.nprobe = PROBED
    return index


INDEXES: dict[str, Callable[[np.ndarray[Any, Any]], Any]] = {
    "exact": flat,
    "HNSW": hnsw,
    "IVF": ivf,
}


def measure(
    make: Callable[[np.ndarray[Any, Any]], Any],
    rows: np.ndarray[Any, Any],
    queries: dict[str, np.ndarray[Any, Any]],
) -> dict[str, Any]:
    """How long it takes to build and to search, on one thread, and which share of copies has its
    photograph among the candidates."""
    start = time.process_time()
    index = make(rows)
    built = time.process_time() - start
    shares, spent = {}, 0.0
    for kind, features in queries.items():
        start = time.process_time()
        _, candidates = index.search(features, CANDIDATES)
        spent += time.process_time() - start
        hits = (candidates == np.arange(len(features))[:, None]).any(1)
        shares[kind] = round(float(hits.mean()), 3)
    per_query = 1e3 * spent / sum(map(len, queries.values()))
    return {"build_s": round(built, 2), "search_ms": round(per_query, 3), "found": shares}


if __name__ == "__main__":
    main()
