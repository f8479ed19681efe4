"""What the benchmarks share: where results go, what is recorded beside a figure, small statistics,
and how generated images are sampled."""

import json
import platform
import subprocess
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from statistics import mean, median, quantiles, stdev
from typing import Any

import torch
import torch.nn.functional as F
import torchvision
from torch import Tensor
from tqdm import tqdm

import synthderm
from synthderm.datasets.function_source import Function
from synthderm.datasets.synthetic import SyntheticSkinDataset
from synthderm.files import write_text

RESULTS = Path(__file__).parent / "results"
BATCH = 32  # images generated at once


def provenance() -> dict[str, Any]:
    """What is recorded beside every figure: commit, date, versions, hardware."""
    command = ["git", "rev-parse", "HEAD"]
    git = subprocess.run(command, capture_output=True, text=True, cwd=Path(__file__).parent)
    return {
        "commit": git.stdout.strip() or "unknown",
        "date": datetime.now(UTC).date().isoformat(),
        "versions": {
            "synthderm": synthderm.__version__,
            "torch": torch.__version__,
            "torchvision": torchvision.__version__,
            "python": platform.python_version(),
        },
        "hardware": f"{platform.machine()}, {torch.backends.cpu.get_cpu_capability()}, "
        f"{torch.get_num_threads()} threads",
    }


def write_json(path: Path, content: Any, indent: int | None = 2) -> None:
    """Write a JSON file, whole or not at all; its folder is made where it is missing."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_text(path, json.dumps(content, indent=indent) + "\n")


def mean_interval(values: Sequence[float]) -> dict[str, Any]:
    """The mean, half the width of its 95% interval (Student's t), and the values."""
    from scipy.stats import t as student

    half = None
    if len(values) > 1:
        half = student.ppf(0.975, len(values) - 1) * stdev(values) / len(values) ** 0.5
    return {"mean": mean(values), "half_width": half, "values": list(values)}


def holm(p_values: dict[str, float]) -> dict[str, float]:
    """p values corrected for their number (Holm, Scand. J. Stat. 6, 1979)."""
    from statsmodels.stats.multitest import multipletests

    if not p_values:
        return {}
    corrected = multipletests(list(p_values.values()), method="holm")[1]
    return dict(zip(p_values, corrected.tolist()))


def mean_sd(values: Sequence[float]) -> dict[str, float | None]:
    """The mean and the standard deviation, None where there is one value alone."""
    return {"mean": mean(values), "sd": stdev(values) if len(values) > 1 else None}


def median_quartiles(values: Sequence[float]) -> dict[str, Any]:
    """The median and the two quartiles."""
    low, _, high = quantiles(values, n=4, method="inclusive")
    return {"median": median(values), "quartiles": [low, high]}


def generate(
    source: str | Function, labels: Sequence[str], seed: int, desc: str, **options: Any
) -> tuple[Tensor, Tensor]:
    """Generated images with masks, from a `SyntheticSkinDataset` with one label for each image.

    Args:
        source: bundled name, folder, Hub id or function.
        labels: the class of each image, by name.
        seed: of the data set.
        desc: text of the progress bar.
        options: further arguments of the data set.

    Returns:
        (N, 3, S, S) uint8 and (N, 1, S, S) bool.
    """
    dataset = SyntheticSkinDataset(
        source, length=len(labels), labels=list(labels), seed=seed, **options
    )
    indices = torch.arange(len(labels)).split(BATCH)
    batches = [dataset.generate(part.tolist()) for part in tqdm(indices, desc=desc, disable=None)]
    images, masks = zip(*batches)
    return torch.cat(images), torch.cat(masks)


def segmentation_loss(logits: Tensor, masks: Tensor) -> Tensor:
    """Cross-entropy of the pixels plus the soft Dice loss (Milletari et al., 3DV 2016).

    Args:
        logits: (B, 1, H, W).
        masks: (B, 1, H, W) float, 0 or 1.
    """
    chance = logits.sigmoid()
    overlap = 2 * (chance * masks).sum((1, 2, 3)) + 1
    total = chance.sum((1, 2, 3)) + masks.sum((1, 2, 3)) + 1
    cross_entropy = F.binary_cross_entropy_with_logits(logits, masks)
    return cross_entropy + 1 - (overlap / total).mean()
