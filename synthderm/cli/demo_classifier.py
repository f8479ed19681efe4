"""The demo's classifier: can one that has seen edits of some hands tell edits of others?

A linear head on fixed features: statistics of optical density at four scales, which nothing was
trained for. So the result is the same on every run, and takes seconds.
"""

from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor
from torchvision.transforms import v2

from synthderm.datasets.folder import SkinFolder
from synthderm.datasets.synthetic import SyntheticSkinDataset
from synthderm.determinism import one_thread
from synthderm.imaging.color import to_density
from synthderm.imaging.io import to_tensor
from synthderm.transforms.functional import add_eczema

SIDE = 64  # of the images that the classifier sees, in pixels
WEIGHT_DECAY = 0.01
SEEDS = {"train": (10, 1000), "test": (20, 2000)}  # of the hands, and of their edits
COUNTS = {"train": 320, "test": 160}


@one_thread()
def measure(data: Path | None, smoke: bool) -> str:
    """Train on images with and without eczema, test on others.

    Args:
        data: a folder of photographs, of which every third is kept for the test; generated hands
            where None.
        smoke: a few images alone.

    Returns:
        the accuracy on what was kept, with its 95% interval.
    """
    if data is None:
        train, test = (_hands(SEEDS[part][0], 8 if smoke else COUNTS[part]) for part in SEEDS)
    else:
        images = _photographs(data, 12 if smoke else sum(COUNTS.values()))
        if len(images) < 3:
            return f"not measured: {data} has {len(images)} photographs, and 3 are needed"
        kept = torch.arange(len(images)) % 3 == 2
        train, test = images[~kept], images[kept]
    weights = _fit(*_pairs(train, SEEDS["train"][1]))
    features, labels, subjects = _pairs(test, SEEDS["test"][1])
    right = ((_score(weights, features) > 0) == labels.bool()).double()
    low, high = _interval(right, subjects)
    return (
        f"{right.mean():.0%} [{low:.0%}, {high:.0%}] of {len(right)} images, edited and not, of"
        f" {len(test)} {'hands' if data is None else 'photographs'} that it had not seen (chance is"
        " 50%; says nothing about patients)"
    )


def _hands(seed: int, count: int) -> Tensor:
    hands = SyntheticSkinDataset("hands", length=count, seed=seed, size=SIDE)
    return torch.from_numpy(hands.arrays(progress=False).images).permute(0, 3, 1, 2).contiguous()


def _photographs(folder: Path, most: int) -> Tensor:
    """The middle squares of a folder's photographs, (N, 3, SIDE, SIDE) uint8."""
    data = SkinFolder(folder)
    crop = v2.Compose([v2.Resize(SIDE, antialias=True), v2.CenterCrop(SIDE)])
    return torch.stack([crop(to_tensor(data.read(k)[0])) for k in range(min(most, len(data)))])


def _pairs(images: Tensor, seed: int) -> tuple[Tensor, Tensor, Tensor]:
    """Features, labels (1 with eczema) and subjects, of images and their edits that changed."""
    rng = torch.Generator().manual_seed(seed)
    severity = 0.5 + 0.5 * torch.rand(len(images), generator=rng)
    coverage = 0.2 + 0.4 * torch.rand(len(images), generator=rng)
    parts = []
    for start in range(0, len(images), 16):
        part = slice(start, start + 16)
        edit = add_eczema(
            images[part], severity=severity[part], coverage=coverage[part], seed=seed + start
        )
        parts.append(edit.images)
    edited = torch.cat(parts)
    changed = (edited != images).flatten(1).any(1)
    subjects = torch.arange(len(images))
    labels = torch.cat([torch.zeros(len(images)), torch.ones(int(changed.sum()))])
    features = torch.cat([_features(images), _features(edited[changed])])
    return features, labels, torch.cat([subjects, subjects[changed]])


def _features(images: Tensor) -> Tensor:
    """Mean, deviation and quantiles of optical density, of its colour differences and of its fine
    detail, at four scales."""
    density = to_density(images.float() / 255)
    found = []
    for step in (1, 2, 4, 8):
        y = F.avg_pool2d(density, step)
        detail = y - F.avg_pool2d(y, 3, 1, 1, count_include_pad=False)
        colours = y[:, 1:2] - y[:, ::2]  # haemoglobin absorbs in green most
        x = torch.cat([y, colours, detail, detail.abs()], 1).flatten(2)
        levels = x.quantile(torch.tensor([0.1, 0.5, 0.9]), 2).permute(1, 0, 2).flatten(1)
        found += [x.mean(2), x.std(2), levels]
    return torch.cat(found, 1)


def _fit(features: Tensor, labels: Tensor, _: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Logistic regression by L-BFGS: the features' mean and deviation, and the weights, the bias
    first."""
    mean, deviation = features.mean(0), features.std(0) + 1e-6
    x = (features - mean) / deviation
    weights = torch.zeros(x.shape[1] + 1, requires_grad=True)
    optimizer = torch.optim.LBFGS([weights], max_iter=100, line_search_fn="strong_wolfe")

    def loss() -> Tensor:
        optimizer.zero_grad()
        logits = x @ weights[1:] + weights[0]
        decay = WEIGHT_DECAY * (weights[1:] ** 2).sum()
        total = F.binary_cross_entropy_with_logits(logits, labels) + decay
        total.backward()
        return total

    optimizer.step(loss)
    return mean, deviation, weights.detach()


def _score(fitted: tuple[Tensor, Tensor, Tensor], features: Tensor) -> Tensor:
    mean, deviation, weights = fitted
    return (features - mean) / deviation @ weights[1:] + weights[0]


def _interval(right: Tensor, subjects: Tensor, draws: int = 2000) -> tuple[float, float]:
    """95% bootstrap interval of a share. Whole subjects are drawn: an image and its edit are
    alike."""
    count = int(subjects.max()) + 1
    sums = torch.zeros(count, dtype=torch.double).index_add(0, subjects, right)
    sizes = torch.zeros(count, dtype=torch.double).index_add(0, subjects, torch.ones_like(right))
    drawn = torch.randint(count, (draws, count), generator=torch.Generator().manual_seed(0))
    shares = sums[drawn].sum(1) / sizes[drawn].sum(1)
    low, high = shares.quantile(torch.tensor([0.025, 0.975], dtype=torch.double)).tolist()
    return low, high
