"""What an evaluation found."""

from typing import Any, NamedTuple

from synthderm.evaluation.bootstrap import Interval
from synthderm.evaluation.verdict import Difference

CLASSICAL = ("real only", "oversampling", "RandAugment")  # ways without generated images


class Figure(NamedTuple):
    """A way to train with a share of the photographs: its figures with 95% intervals."""

    arm: str
    share: float
    photographs: int
    balanced_accuracy: Interval
    auroc: Interval


class Evaluation(NamedTuple):
    """What `evaluate` found.

    Args:
        verdict: a sentence; it can say no.
        difference: ours less the best classical way, in balanced accuracy, with all photographs.
        ours, classical: the two ways that were compared; each was chosen within the training
            photographs.
        figures: of every way and share.
        facts: what was compared with what, for the report.
    """

    verdict: str
    difference: Difference
    ours: str
    classical: str
    figures: list[Figure]
    facts: dict[str, Any]
