"""What learns from edited crops in the transfer benchmark: a linear probe, the same one without
the cameras of the close-ups, and a fine-tuned network; and probe and network where half of the
skin was made dark before it was edited."""

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
    "probe, half dark": "a linear probe; half of the calm crops were made dark by melanin",
    "fine-tuned, half dark": "the network, fine-tuned on the same crops, half of them dark",
}


class Features(NamedTuple):
    """What learners see of N crops.

    late: (N, D), for probes.
    early: (2, N, C, h, w) of crops and their mirror images, for fine-tuning.
    """

    late: Tensor
    early: Tensor

    def replace(self, rows: Tensor, others: "Features") -> "Features":
        """The same with the crops at `rows` (M,) taken from `others`, which are M."""
        late, early = self.late.clone(), self.early.clone()
        late[rows], early[:, rows] = others.late, others.early
        return Features(late, early)


class Pairs(NamedTuple):
    """What is learnt from: features of the same N crops, before and after they were edited."""

    calm: Features
    edited: Features


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
        crops: Pairs,
        half_dark: Pairs,
        is_close_up: Tensor,
        tests: dict[str, Features],
        seed: int,
    ) -> dict[str, dict[str, Tensor]]:
        """By learner and test the (M,) scores of its crops, high where there is inflammation.

        Args:
            crops: N crops.
            half_dark: the same N crops, half of which were made dark first.
            is_close_up: (N,) bool.
            tests: by name, of M crops each.
            seed: of the order of fine-tuning.
        """
        late = {
            "probe": _fit(crops.calm.late, crops.edited.late),
            "other cameras": _fit(*(part.late[~is_close_up] for part in crops)),
            "probe, half dark": _fit(half_dark.calm.late, half_dark.edited.late),
        }
        tuned = {
            name: fine_tune(self.spec, calm.early, edited.early, seed, self.steps)
            for name, (calm, edited) in (
                ("fine-tuned", crops),
                ("fine-tuned, half dark", half_dark),
            )
        }
        scores = {
            name: {key: probe_scores(probe, test.late) for key, test in tests.items()}
            for name, probe in late.items()
        }
        for name, network in tuned.items():
            scores[name] = {key: network.scores(test.early[0]) for key, test in tests.items()}
        return scores


def _fit(calm: Tensor, edited: Tensor) -> Pipeline:
    truth = torch.arange(2).repeat_interleave(len(calm))
    return fit_probe(torch.cat([calm, edited]), truth, DECAY)
