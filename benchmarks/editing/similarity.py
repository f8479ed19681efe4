"""How similar added eczema is to real lesions: distances of features, a probe that has to tell them
apart, and classifiers trained on edited images."""

import torch
from torch import Tensor

from benchmarks.editing.classifiers import (
    Classifier,
    auroc,
    cross_validated_auroc,
    fine_tune,
    fit_probe,
    probe_scores,
)
from benchmarks.editing.methods import Method
from benchmarks.editing.windows import cut_windows, lend_masks
from synthderm.metrics import Extractor, kid
from synthderm.training.image_pool import ImagePool
from synthderm.transforms.functional import remove_eczema


class Similarity:
    """Real lesions and healthy skin of one seed, with which edits are compared.

    Args:
        data: folder of close-ups with lesion masks.
        extractor: of features for KID and for the probe that has to tell real from edited.
        spec: timm network to train, as for `load_backbone`.
        seed: of the windows, masks, severities and the order of training.
        limit: patches of each kind at most.
        steps: of training a classifier.
    """

    def __init__(
        self, data: str, extractor: Extractor, spec: str, seed: int, limit: int, steps: int
    ) -> None:
        self.extractor, self.spec, self.seed, self.steps = extractor, spec, seed, steps
        self.rng = torch.Generator().manual_seed(seed)
        self.healthy, self.real = self.sample(data, ("val", "test"), limit)
        self.masks = lend_masks(self.healthy, self.real, self.rng)
        self.severity = self.sample_severity(self.healthy)
        self.train, lesions = self.sample(data, ("train",), limit)
        self.train_masks = lend_masks(self.train, lesions, self.rng)
        self.train_severity = self.sample_severity(self.train)
        self.healthy_features = self.features(self.healthy.images)
        self.real_features = self.features(self.real.images)
        self.counts = {
            "inflamed": len(self.real),
            "healthy": len(self.healthy),
            "inflamed train": len(lesions),
        }
        self.kid_before = kid_of(self.healthy_features, self.real_features)
        self.classifier = Classifier(spec)
        self.early = self.classifier.early_mirrored(self.train.images)
        self.tests = (
            self.classifier.early(self.healthy.images),
            self.classifier.early(self.real.images),
        )
        self.late = self.classifier.features(self.early[0])
        self.late_tests = [self.classifier.features(part) for part in self.tests]
        self.reference = self.train_on(lesions.images)

    def sample(self, data: str, splits: tuple[str, ...], limit: int) -> tuple[ImagePool, ImagePool]:
        """As many healthy windows as inflamed ones."""
        pools = cut_windows(data, splits, self.rng)
        count = min(limit, *(len(pool) for pool in pools))
        healthy, inflamed = (
            pool.rows(torch.randperm(len(pool), generator=self.rng)[:count]) for pool in pools
        )
        return healthy, inflamed

    def sample_severity(self, pool: ImagePool) -> Tensor:
        return torch.empty(len(pool)).uniform_(0.5, 1.0, generator=self.rng)

    def features(self, images: Tensor) -> Tensor:
        return torch.cat([self.extractor(part) for part in images.split(32)])

    def train_on(self, inflamed: Tensor) -> dict[str, float]:
        """Classifiers that learn healthy windows of `train` against these images, tested on real
        windows.

        Args:
            inflamed: (N, 3, S, S) uint8.
        """
        early = self.classifier.early_mirrored(inflamed)
        truth = torch.cat([torch.zeros(len(self.late)), torch.ones(len(inflamed))])
        features = torch.cat([self.late, self.classifier.features(early[0])])
        probe = fit_probe(features, truth)
        tuned = fine_tune(self.spec, self.early, early, self.seed, self.steps)
        return {
            "classifier": auroc(*(tuned.scores(part) for part in self.tests)),
            "probe": auroc(*(probe_scores(probe, part) for part in self.late_tests)),
        }

    def measure(self, method: Method) -> dict[str, float]:
        """Every figure of one method, by the key of its row."""
        added = method.add(self.healthy.images, self.masks, self.severity, self.seed)
        features = self.features(added)
        row = {"kid added": kid_of(features, self.real_features) / self.kid_before}
        if method.editor is not None:
            masks = self.real.masks > 127
            removed = remove_eczema(self.real.images, masks, model=method.editor).images
            distance = kid_of(self.features(removed), self.healthy_features)
            row["kid removed"] = distance / self.kid_before
        patients = (self.real.groups, self.healthy.groups)
        row["real or edited"] = cross_validated_auroc(
            self.real_features, features, patients, self.seed
        )
        train = method.add(self.train.images, self.train_masks, self.train_severity, self.seed)
        return row | self.train_on(train)


def kid_of(a: Tensor, b: Tensor) -> float:
    """KID of two sets of features, of one subset as large as the smaller set: the unbiased estimate
    that uses most images."""
    return kid(a, b, subsets=1 if len(a) == len(b) else 20)[0]
