"""Whether added lesions pass for real ones: distances, a probe that is told both, and classifiers
trained on what was added.

The classifier is a timm network whose first blocks stay as ImageNet left them: their output, of
every patch and of its mirror image, is computed once, and the rest trained from there. Batch norm
keeps its statistics, so that nothing is learnt of the test patches. Every classifier has the same
patches, steps and learning rate.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torchmetrics.functional.classification import binary_auroc

from benchmarks import closeups
from benchmarks.closeups import Patches
from benchmarks.probes import load_network
from synthderm.metrics import Extractor, kid
from synthderm.transforms.functional import remove_eczema

LOOK = 96  # side at which classifiers see patches
FROZEN = 3  # blocks


class Classifier(nn.Module):
    """A timm network of inverted residuals, cut in two: `early` is frozen."""

    def __init__(self, spec: str):
        """`spec`: NAME, with weights from the Hub, or NAME=FILE.safetensors (of TensorFlow's
        padding, mean and deviation 0.5)."""
        super().__init__()
        import timm

        self.name, _, weights = spec.partition("=")
        network = load_network(spec)
        network.reset_classifier(1)
        data = timm.data.resolve_model_data_config(network)
        mean, std = ((0.5,) * 3, (0.5,) * 3) if weights else (data["mean"], data["std"])
        self.mean, self.std = (torch.tensor(values).view(1, 3, 1, 1) for values in (mean, std))
        self.network = network.eval().to(memory_format=torch.channels_last)
        nn.init.zeros_(network.classifier.weight)
        nn.init.zeros_(network.classifier.bias)

    @torch.no_grad()
    def early(self, images: Tensor) -> Tensor:
        """(N, 3, S, S) uint8 through the frozen blocks."""
        parts = []
        for part in images.split(32):
            seen = F.interpolate(part.float() / 255, size=LOOK, mode="bilinear", antialias=True)
            seen = ((seen - self.mean) / self.std).contiguous(memory_format=torch.channels_last)
            parts.append(
                self.network.blocks[:FROZEN](self.network.bn1(self.network.conv_stem(seen)))
            )
        return torch.cat(parts)

    def late(self, seen: Tensor) -> Tensor:
        """(N, D) features from what `early` gave."""
        seen = self.network.blocks[FROZEN:](seen)
        return self.network.forward_head(
            self.network.bn2(self.network.conv_head(seen)), pre_logits=True
        )

    @torch.no_grad()
    def features(self, seen: Tensor) -> Tensor:
        return torch.cat([self.late(part) for part in seen.split(32)])

    def trained(self) -> list[nn.Parameter]:
        return [
            p
            for part in (
                self.network.blocks[FROZEN:],
                self.network.conv_head,
                self.network.bn2,
                self.network.classifier,
            )
            for p in part.parameters()
        ]


def auroc(healthy: Tensor, sick: Tensor) -> float:
    """Chance that a sick score is above a healthy one."""
    truth = torch.cat([torch.zeros(len(healthy)), torch.ones(len(sick))]).long()
    return binary_auroc(torch.cat([healthy, sick]).double().sigmoid(), truth).item()


def logistic(features: Tensor, truth: Tensor, decay: float = 1.0) -> nn.Module:
    """Logistic regression of (N, D) features, standardised, on N truths of 0 and 1: the sum of the
    log losses and `decay` / 2 times the square of the weights, at its minimum by L-BFGS. Gives a
    function from features to logits."""
    mean, std = features.mean(0), features.std(0).clamp_min(1e-6)
    weight = torch.zeros(features.shape[1] + 1, requires_grad=True)
    scores = lambda x: ((x - mean) / std) @ weight[:-1] + weight[-1]  # noqa: E731
    optimizer = torch.optim.LBFGS([weight], max_iter=100, line_search_fn="strong_wolfe")

    def closure() -> Tensor:
        optimizer.zero_grad()
        loss = (
            F.binary_cross_entropy_with_logits(scores(features), truth.float(), reduction="sum")
            + decay / 2 * weight[:-1].square().sum()
        )
        loss.backward()
        return loss

    optimizer.step(closure)
    return lambda x: scores(x).detach()


def told_apart(
    real: Tensor, added: Tensor, patients: tuple[list[str], list[str]], seed: int, folds: int = 5
) -> float:
    """AUROC of a linear probe that tells features of real lesions from those of added ones, the
    mean of `folds` folds; no patient is on both sides of a fold."""
    names = sorted(set(patients[0]) | set(patients[1]))
    order = torch.randperm(len(names), generator=torch.Generator().manual_seed(seed)).tolist()
    fold = {name: place % folds for name, place in zip(names, order)}
    rows, truth = (
        torch.cat([added, real]),
        torch.cat([torch.zeros(len(added)), torch.ones(len(real))]),
    )
    at = torch.tensor([fold[name] for name in [*patients[1], *patients[0]]])
    values = []
    for k in range(folds):
        test = at == k
        if truth[test].unique().numel() == 2 == truth[~test].unique().numel():
            scores = logistic(rows[~test], truth[~test])(rows[test])
            values.append(auroc(scores[truth[test] == 0], scores[truth[test] == 1]))
    return sum(values) / len(values) if values else float("nan")


def distance(a: Tensor, b: Tensor) -> float:
    """KID of two sets of features, one subset as large as the smaller set: the unbiased estimate
    that uses most images."""
    return kid(a, b, subsets=1 if len(a) == len(b) else 20)[0]


def fine_tune(
    spec: str,
    healthy: Tensor,
    sick: Tensor,
    tests: tuple[Tensor, Tensor],
    seed: int,
    steps: int,
    batch: int = 12,
) -> float:
    """AUROC on `tests` (healthy, sick) of a classifier trained to tell `healthy` from `sick`; all
    are what `early` gave, (2, N, C, h, w) for training: patches and their mirror images."""
    rng = torch.Generator().manual_seed(seed)
    classifier = Classifier(spec)
    optimizer = torch.optim.AdamW(classifier.trained(), lr=3e-4, weight_decay=1e-2)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: 1 - step / steps)
    truth = torch.arange(batch) % 2
    for _ in range(steps):
        rows = [
            (sick if one else healthy)[
                tuple(torch.randint(n, (), generator=rng) for n in healthy.shape[:2])
            ]
            for one in truth.tolist()
        ]
        scores = classifier.network.classifier(
            classifier.late(torch.stack(rows).contiguous(memory_format=torch.channels_last))
        )[:, 0]
        optimizer.zero_grad(set_to_none=True)
        F.binary_cross_entropy_with_logits(scores, truth.float()).backward()
        optimizer.step()
        schedule.step()
    with torch.no_grad():
        return auroc(
            *(classifier.network.classifier(classifier.features(seen))[:, 0] for seen in tests)
        )


class Likeness:
    """Real lesions and healthy skin of one seed, and what was added judged beside them."""

    def __init__(
        self, padufes: str, extractor: Extractor, spec: str, seed: int, limit: int, steps: int
    ):
        self.rng, self.seed, self.spec, self.steps, self.extractor = (
            torch.Generator().manual_seed(seed),
            seed,
            spec,
            steps,
            extractor,
        )
        healthy, self.real = self.sample(padufes, ("val", "test"), limit)
        self.healthy, self.masks = healthy, closeups.lend_masks(healthy, self.real, self.rng)
        self.severity = torch.empty(len(healthy.images)).uniform_(0.5, 1.0, generator=self.rng)
        self.train, lesions = self.sample(padufes, ("train",), limit)
        self.train_masks = closeups.lend_masks(self.train, lesions, self.rng)
        self.train_severity = torch.empty(len(self.train.images)).uniform_(
            0.5, 1.0, generator=self.rng
        )
        self.seen = {
            name: self.look(patches.images)
            for name, patches in (("healthy", healthy), ("real", self.real))
        }
        self.counts = {
            "inflamed": len(self.real.images),
            "healthy": len(healthy.images),
            "inflamed train": len(lesions.images),
        }
        self.before = distance(self.seen["healthy"], self.seen["real"])
        self.classifier = Classifier(spec)
        self.early = self.both_ways(self.train.images)
        self.tests = self.classifier.early(healthy.images), self.classifier.early(self.real.images)
        self.late, *self.late_tests = (
            self.classifier.features(part) for part in (self.early[0], *self.tests)
        )
        self.reference = self.train_on(lesions.images)

    def sample(self, padufes: str, splits: tuple[str, ...], limit: int) -> tuple[Patches, Patches]:
        """As many healthy windows as inflamed ones."""
        pair = closeups.windows(padufes, splits, self.rng)
        count = min(limit, *(len(patches.images) for patches in pair))
        healthy, inflamed = (
            patches.take(torch.randperm(len(patches.images), generator=self.rng)[:count].tolist())
            for patches in pair
        )
        return healthy, inflamed

    def look(self, images: Tensor) -> Tensor:
        return torch.cat([self.extractor(part) for part in images.split(32)])

    def both_ways(self, images: Tensor) -> Tensor:
        return torch.stack([self.classifier.early(images), self.classifier.early(images.flip(3))])

    def train_on(self, sick: Tensor) -> dict[str, float]:
        """Classifiers trained on healthy windows of `train` against these, tested on real ones."""
        sick = self.both_ways(sick)
        truth = torch.cat([torch.zeros(len(self.early[0])), torch.ones(len(sick[0]))])
        probe = logistic(torch.cat([self.late, self.classifier.features(sick[0])]), truth)
        tuned = fine_tune(self.spec, self.early, sick, self.tests, self.seed, self.steps)
        return {"classifier": tuned, "probe": auroc(*(probe(part) for part in self.late_tests))}

    def judge(self, column) -> dict[str, float]:
        seen = self.look(column.add(self.healthy.images, self.masks, self.severity, self.seed))
        row = {"kid added": distance(seen, self.seen["real"]) / self.before}
        if column.editor is not None:
            cleared = self.look(
                remove_eczema(self.real.images, self.real.masks, model=column.editor).images
            )
            row["kid removed"] = distance(cleared, self.seen["healthy"]) / self.before
        row["told apart"] = told_apart(
            self.seen["real"], seen, (self.real.patients, self.healthy.patients), self.seed
        )
        return row | self.train_on(
            column.add(self.train.images, self.train_masks, self.train_severity, self.seed)
        )
