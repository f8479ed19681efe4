"""What learns from edited crops in the transfer benchmark: a linear probe, the same one without the
cameras of the close-ups, and a fine-tuned network."""

from typing import NamedTuple

import torch
from sklearn.pipeline import Pipeline
from torch import Tensor

from benchmarks.common import BATCH
from benchmarks.editing.classifiers import Classifier, fine_tune, fit_probe, probe_scores
from synthderm.metrics import Extractor

DECAY = 1e4  # of the probe's weights: strong, since there are more features than crops
STEPS = 200  # of fine-tuning, 12 crops each
LEARNERS = {
    "probe": "a linear probe",
    "other cameras": "the same probe, which has seen no close-up: hands and dermoscopy alone",
    "fine-tuned": f"the network, fine-tuned in {STEPS} steps of 12 crops of 96 px",
}


class Features(NamedTuple):
    """What learners see of N crops.

    late: (N, D), for probes.
    early: (2, N, C, h, w) of crops and their mirror images, for fine-tuning.
    """

    late: Tensor
    early: Tensor


class Learners:
    """Learn to tell calm crops from the same crops with added eczema.

    Args:
        spec: timm network, as for `load_backbone`.
        extractor: of features for the probes.
        steps: of fine-tuning.
    """

    def __init__(self, spec: str, extractor: Extractor, steps: int = STEPS) -> None:
        self.spec, self.extractor, self.steps = spec, extractor, steps
        self.classifier = Classifier(spec)

    def features(self, images: Tensor) -> Features:
        """Of (N, 3, H, W) uint8 crops."""
        late = torch.cat([self.extractor(part) for part in images.split(BATCH)])
        return Features(late, self.classifier.early_mirrored(images))

    def scores(
        self,
        calm: Features,
        edited: Features,
        is_close_up: Tensor,
        tests: dict[str, Features],
        seed: int,
    ) -> dict[str, dict[str, Tensor]]:
        """By learner and test the (M,) scores of its crops, high where there is inflammation.

        Args:
            calm, edited: the same N crops, before and after.
            is_close_up: (N,) bool.
            tests: by name, of M crops each.
            seed: of the order of fine-tuning.
        """
        probe = _fit(calm.late, edited.late)
        other = _fit(calm.late[~is_close_up], edited.late[~is_close_up])
        tuned = fine_tune(self.spec, calm.early, edited.early, seed, self.steps)
        return {
            "probe": {key: probe_scores(probe, test.late) for key, test in tests.items()},
            "other cameras": {key: probe_scores(other, test.late) for key, test in tests.items()},
            "fine-tuned": {key: tuned.scores(test.early[0]) for key, test in tests.items()},
        }


def _fit(calm: Tensor, edited: Tensor) -> Pipeline:
    truth = torch.arange(2).repeat_interleave(len(calm))
    return fit_probe(torch.cat([calm, edited]), truth, DECAY)
