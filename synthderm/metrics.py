"""How close generated images are to real ones, and how varied: on the features of any network, FID
and KID by torchmetrics.

A figure means something only beside its extractor, its tap and the numbers of images: two
extractors are two scales.
"""

import importlib.util
import warnings
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from tqdm import tqdm

from synthderm.models.backbones import input_config, load_backbone


class Extractor(nn.Module):
    """A frozen network that turns (B, 3, H, W) uint8 images into (B, D) features.

    Args:
        name: to quote beside the figures.
        network: from what `prepare` gives to features.
        prepare: from (B, 3, H, W) float images in [0, 1] to what the network expects.
        head: from features to logits; None where the network has no classes of its own.
    """

    def __init__(
        self,
        name: str,
        network: nn.Module,
        prepare: Callable[[Tensor], Tensor],
        head: nn.Module | None = None,
    ) -> None:
        super().__init__()
        self.name, self.prepare = name, prepare
        self.head = None if head is None else head.eval().requires_grad_(False)
        network = network.eval().requires_grad_(False)
        # On a CPU nearly twice as fast.
        self.network = network.to(memory_format=torch.channels_last)

    @torch.no_grad()
    def forward(self, images: Tensor) -> Tensor:
        return self.network(self.prepare(images.float() / 255)).float()


def load_extractor(spec: str) -> Extractor:
    """A feature extractor.

    Args:
        spec: `timm:NAME`, with weights from the Hub; `timm:NAME=FILE.safetensors`; or
            `FILE.safetensors` with a `FILE.py` beside it that has `load(path)`, giving a network
            from images in [0, 1] to a dict of taps, of which the deepest is used. Only name a `.py`
            that you trust: it is run.

    Raises:
        ValueError: none of these.
    """
    if spec.startswith("timm:"):
        return _load_timm(spec.removeprefix("timm:"))
    path = Path(spec)
    code = path.with_suffix(".py")
    module_spec = importlib.util.spec_from_file_location(path.stem, code)
    is_there = path.suffix == ".safetensors" and path.is_file() and code.is_file()
    if not is_there or module_spec is None or module_spec.loader is None:
        raise ValueError(
            f"extractor {spec!r}: give timm:NAME, or a FILE.safetensors with FILE.py beside it."
        )
    module = importlib.util.module_from_spec(module_spec)
    module_spec.loader.exec_module(module)
    network = module.load(path)
    tap = max(network(torch.zeros(1, 3, 75, 75)))
    return Extractor(f"{path.stem}, tap {tap}", _Tap(network, tap), prepare=nn.Identity())


def _load_timm(spec: str) -> Extractor:
    from torchvision.transforms import v2

    network: Any = load_backbone(spec)
    config = input_config(network, spec)
    head = network.get_classifier()
    network.reset_classifier(0)
    prepare = v2.Compose(
        [v2.Resize((config.side, config.side)), v2.Normalize(config.mean, config.std)]
    )
    return Extractor(f"timm {spec.partition('=')[0]}", network, prepare, head)


class _Tap(nn.Module):
    """One of the outputs of a network that gives a dict of them."""

    def __init__(self, network: nn.Module, tap: int) -> None:
        super().__init__()
        self.network, self.tap = network, tap

    def forward(self, images: Tensor) -> Tensor:
        return self.network(images)[self.tap]


def features(
    batches: Iterable[Tensor],
    extractor: Extractor,
    total: int | None = None,
    desc: str = "features",
) -> Tensor:
    """(N, D) features of batches of (B, 3, H, W) uint8 images."""
    bar = tqdm(batches, total=total, desc=desc, disable=None)
    return torch.cat([extractor(batch) for batch in bar])


class _Known(nn.Identity):
    """Stands for the extractor where features are known already, so that the network runs once on
    each image."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.num_features = width


def fid(real: Tensor, fake: Tensor) -> float:
    """Frechet distance (Heusel et al., NeurIPS 2017) of two sets of features (N, D) and (M, D).

    It is biased upward for small N: compare figures of the same N alone.
    """
    from torchmetrics.image.fid import FrechetInceptionDistance

    metric = FrechetInceptionDistance(feature=_Known(real.shape[1])).set_dtype(torch.float64)
    metric.update(real.double(), real=True)
    metric.update(fake.double(), real=False)
    return float(metric.compute())


def mifid(real: Tensor, fake: Tensor) -> float:
    """FID, raised where fake rows lie near to real ones (Bai et al., "On training sample
    memorization", KDD 2021); features as for `fid`. Without a near one it is FID."""
    from torchmetrics.image.mifid import MemorizationInformedFrechetInceptionDistance

    metric = MemorizationInformedFrechetInceptionDistance(feature=_Known(real.shape[1]))
    metric.set_dtype(torch.float64)
    metric.update(real.double(), real=True)
    metric.update(fake.double(), real=False)
    return float(metric.compute())


def vendi_score(rows: Tensor) -> float:
    """How many different images a set amounts to: exp of the entropy of the eigenvalues of the
    cosine similarities (Friedman and Dieng, TMLR 2023); 1 where all are one.

    Args:
        rows: features (N, D). The score depends on N: compare sets of the same.
    """
    unit = nn.functional.normalize(rows.double(), dim=1)
    values = torch.linalg.eigvalsh(unit.T @ unit / len(unit)).clamp_min(0)
    values = values[values > 0] / values.sum()
    return float(torch.exp(-(values * values.log()).sum()))


def kid(real: Tensor, fake: Tensor, subsets: int = 50, seed: int = 0) -> tuple[float, float]:
    """Kernel distance (Binkowski et al., ICLR 2018), unbiased: mean and standard deviation over
    random subsets."""
    from torchmetrics.image.kid import KernelInceptionDistance

    size = min(1000, len(real), len(fake))
    with torch.random.fork_rng(devices=[]), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*will save all extracted features")
        torch.manual_seed(seed)
        metric = KernelInceptionDistance(
            feature=_Known(real.shape[1]), subsets=subsets, subset_size=size
        )
        metric.update(real, real=True)
        metric.update(fake, real=False)
        mean, deviation = metric.compute()
    return float(mean), float(deviation)


def prdc(real: Tensor, fake: Tensor, k: int = 5) -> dict[str, float]:
    """Precision and recall (Kynkaanniemi et al., NeurIPS 2019), density and coverage (Naeem et al.,
    ICML 2020).

    Around each row is a ball that reaches to its k-th neighbour in its own set. Precision: the
    share of fake rows inside a ball of a real one; recall: of real rows inside a ball of a fake
    one; density: balls of real rows around a fake one, over k; coverage: the share of real rows
    whose ball holds a fake one. All depend on the numbers of rows, precision and
    recall strongly: compare figures of the same numbers alone.

    Args:
        real, fake: features (N, D) and (M, D), both of more than k rows.
    """
    real, fake = real.double(), fake.double()
    if min(len(real), len(fake)) <= k:
        raise ValueError(
            f"{len(real)} real and {len(fake)} fake rows: more than k = {k} of each are needed."
        )
    real_radius, fake_radius = (
        torch.cdist(rows, rows).kthvalue(k + 1, dim=1).values for rows in (real, fake)
    )
    distance = torch.cdist(real, fake)
    near_real = distance <= real_radius[:, None]
    return {
        "precision": near_real.any(0).double().mean().item(),
        "recall": (distance <= fake_radius).any(1).double().mean().item(),
        "density": near_real.double().sum(0).mean().item() / k,
        "coverage": near_real.any(1).double().mean().item(),
    }


def inception_score(logits: Tensor) -> float:
    """exp(mean KL(p(y | x), p(y))) of (N, K) logits (Salimans et al., NeurIPS 2016), all images in
    one group: between 1 and K, larger where images are of clearly one class each and of many
    classes together."""
    log_p = logits.double().log_softmax(1)
    log_mean = log_p.exp().mean(0).log()
    return (log_p.exp() * (log_p - log_mean).nan_to_num(0.0)).sum(1).mean().exp().item()


def ms_ssim_among(images: Tensor, labels: Tensor, pairs: int = 200, seed: int = 0) -> float:
    """Mean multi-scale structural similarity (Wang et al., 2003) of random pairs of the same class:
    1 where all images are one, and so a sign of collapse (Odena et al., ICML 2017).

    Args:
        images: (N, 3, S, S) uint8; enlarged to 176 px where smaller, which five scales need.
        labels: (N,) classes, of which at least one has two images.
    """
    from torchmetrics.functional.image import multiscale_structural_similarity_index_measure

    rng = torch.Generator().manual_seed(seed)
    chosen: list[tuple[int, int]] = []
    while len(chosen) < pairs:
        first = int(torch.randint(len(labels), (), generator=rng))
        same = (labels == labels[first]).nonzero()[:, 0]
        second = int(same[torch.randint(len(same), (), generator=rng)])
        if first != second:
            chosen.append((first, second))
    side = max(176, images.shape[-1])
    values = []
    for part in torch.tensor(chosen).split(16):
        a, b = (
            nn.functional.interpolate(images[rows] / 255, size=side, mode="bilinear")
            for rows in part.T
        )
        values.append(
            multiscale_structural_similarity_index_measure(
                a, b, data_range=1.0, reduction="none"
            ).view(-1)
        )
    return torch.cat(values).mean().item()


def dice(a: Tensor, b: Tensor) -> Tensor:
    """Overlap of pairs of masks, 2 |A and B| / (|A| + |B|); 1 where both are empty.

    Args:
        a, b: (N, 1, H, W) bool.

    Returns:
        (N,) double.
    """
    both = (a & b).sum((1, 2, 3)).double()
    total = (a.sum((1, 2, 3)) + b.sum((1, 2, 3))).double()
    return torch.where(total > 0, 2 * both / total.clamp_min(1), 1.0)


def iou(a: Tensor, b: Tensor) -> Tensor:
    """Intersection over union of pairs of masks, |A and B| / |A or B|; 1 where both are empty.

    Args:
        a, b: (N, 1, H, W) bool.

    Returns:
        (N,) double.
    """
    both = (a & b).sum((1, 2, 3)).double()
    either = (a | b).sum((1, 2, 3)).double()
    return torch.where(either > 0, both / either.clamp_min(1), 1.0)
