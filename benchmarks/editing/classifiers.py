"""Classifiers that tell healthy from inflamed skin: a linear probe, and a timm network whose first
blocks keep their ImageNet weights.

The output of the frozen blocks, of every patch and of its mirror image, is computed once, and the
rest is trained from there. Batch norm keeps its statistics, so that nothing is learnt of the test
patches. All classifiers get the same number of patches, steps and learning rate.
"""

from typing import Any

import torch
import torch.nn.functional as F
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from torch import Tensor, nn

from synthderm.models.backbones import input_config, load_backbone

SIDE = 96  # at which classifiers see patches
FROZEN = 3  # blocks
FOLDS = 5


class Classifier(nn.Module):
    """A timm network of inverted residuals (MobileNetV2, EfficientNet), cut in two.

    Args:
        spec: as for `load_backbone`.
    """

    def __init__(self, spec: str) -> None:
        super().__init__()
        network: Any = load_backbone(spec)  # timm does not type the attributes that are used here
        network.reset_classifier(1)
        config = input_config(network, spec)
        self.mean = torch.tensor(config.mean).view(1, 3, 1, 1)
        self.std = torch.tensor(config.std).view(1, 3, 1, 1)
        self.network: Any = network.to(memory_format=torch.channels_last)
        nn.init.zeros_(network.classifier.weight)
        nn.init.zeros_(network.classifier.bias)

    @torch.no_grad()
    def early(self, images: Tensor) -> Tensor:
        """(N, 3, S, S) uint8 through the frozen blocks."""
        network, parts = self.network, []
        for part in images.split(32):
            x = F.interpolate(part.float() / 255, size=SIDE, mode="bilinear", antialias=True)
            x = ((x - self.mean) / self.std).contiguous(memory_format=torch.channels_last)
            parts.append(network.blocks[:FROZEN](network.bn1(network.conv_stem(x))))
        return torch.cat(parts)

    def early_mirrored(self, images: Tensor) -> Tensor:
        """What `early` gives for images and for their mirror images, (2, N, C, h, w)."""
        return torch.stack([self.early(images), self.early(images.flip(3))])

    def late(self, x: Tensor) -> Tensor:
        """(N, D) features from what `early` gave."""
        network = self.network
        x = network.bn2(network.conv_head(network.blocks[FROZEN:](x)))
        return network.forward_head(x, pre_logits=True)

    @torch.no_grad()
    def features(self, x: Tensor) -> Tensor:
        """`late` in small batches, without gradients."""
        return torch.cat([self.late(part) for part in x.split(32)])

    def logits(self, features: Tensor) -> Tensor:
        """(N,) from (N, D)."""
        return self.network.classifier(features)[:, 0]

    @torch.no_grad()
    def scores(self, x: Tensor) -> Tensor:
        """The logits (N,) of what `early` gave."""
        return self.logits(self.features(x))

    def trained_parameters(self) -> list[nn.Parameter]:
        network = self.network
        parts = (network.blocks[FROZEN:], network.conv_head, network.bn2, network.classifier)
        return [parameter for part in parts for parameter in part.parameters()]


def auroc(negative: Tensor, positive: Tensor) -> float:
    """Chance that a positive has a higher score than a negative, both (N,)."""
    truth = [0] * len(negative) + [1] * len(positive)
    return float(roc_auc_score(truth, torch.cat([negative, positive]).double().numpy()))


def fit_probe(features: Tensor, truth: Tensor, decay: float = 1.0) -> Pipeline:
    """Logistic regression on standardised features.

    Args:
        features: (N, D).
        truth: (N,), 0 or 1.
        decay: half of it times the square of the weights is added to the sum of the log losses.
    """
    regression = LogisticRegression(C=1 / decay, max_iter=1000)
    probe = make_pipeline(StandardScaler(), regression)
    return probe.fit(features.double().numpy(), truth.numpy())


def probe_scores(probe: Pipeline, features: Tensor) -> Tensor:
    """The logits (N,) that a probe gives to (N, D) features."""
    return torch.from_numpy(probe.decision_function(features.double().numpy()))


def cross_validated_auroc(
    real: Tensor, edited: Tensor, patients: tuple[list[str], list[str]], seed: int
) -> float:
    """How well a linear probe separates real lesions from edited skin: the mean AUROC of five
    folds; no patient is on both sides of a fold.

    Args:
        real, edited: features (N, D) and (M, D).
        patients: of either.
        seed: of the folds.
    """
    names = sorted(set(patients[0]) | set(patients[1]))
    order = torch.randperm(len(names), generator=torch.Generator().manual_seed(seed)).tolist()
    fold_of = {name: place % FOLDS for name, place in zip(names, order)}
    rows = torch.cat([edited, real])
    truth = torch.cat([torch.zeros(len(edited)), torch.ones(len(real))])
    folds = torch.tensor([fold_of[name] for name in [*patients[1], *patients[0]]])
    values = []
    for fold in range(FOLDS):
        test = folds == fold
        if truth[test].unique().numel() == 2 == truth[~test].unique().numel():
            scores = probe_scores(fit_probe(rows[~test], truth[~test]), rows[test])
            values.append(auroc(scores[truth[test] == 0], scores[truth[test] == 1]))
    return sum(values) / len(values) if values else float("nan")


def fine_tune(
    spec: str,
    healthy: Tensor,
    inflamed: Tensor,
    seed: int,
    steps: int,
    batch: int = 12,
) -> Classifier:
    """A classifier that was trained to tell healthy from inflamed patches.

    Args:
        spec: as for `load_backbone`.
        healthy, inflamed: for training, what `Classifier.early_mirrored` gave.
        seed: of the order of training.
        steps: of the optimizer.
        batch: patches in a step, half of either kind.
    """
    rng = torch.Generator().manual_seed(seed)
    classifier = Classifier(spec)
    optimizer = torch.optim.AdamW(classifier.trained_parameters(), lr=3e-4, weight_decay=1e-2)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: 1 - step / steps)
    truth = torch.arange(batch) % 2
    for _ in range(steps):
        rows = []
        for label in truth.tolist():
            # Mirror image and patch are both random.
            index = [torch.randint(n, (), generator=rng) for n in healthy.shape[:2]]
            rows.append((inflamed if label else healthy)[tuple(index)])
        x = torch.stack(rows).contiguous(memory_format=torch.channels_last)
        logits = classifier.logits(classifier.late(x))
        optimizer.zero_grad(set_to_none=True)
        F.binary_cross_entropy_with_logits(logits, truth.float()).backward()
        optimizer.step()
        schedule.step()
    return classifier
