"""What is compared: arms, amounts of photographs, and the comparisons that were planned before any
arm with generated images was tested."""

import numpy as np
from numpy.typing import NDArray

from synthderm.evaluation import arms
from synthderm.evaluation.arms import Arm, Rows
from synthderm.evaluation.protocol import draw_few, draw_share

FEW = ("5", "10", "20")  # photographs of each class
AMOUNTS = (*FEW, "10%", "100%")
# Further points of the curve of photographs alone, for the exchange rate.
CURVE = ("40", "80", "160")
# Each amount's place is part of the seed of its draws; "5%" is drawn by `benchmarks.tuned` alone.
DRAWN = (*AMOUNTS, *CURVE, "5%")

# Arms that use no generated image.
CLASSICAL: dict[str, Arm] = {
    "real only": arms.real,
    "oversampling": arms.oversampled,
    "RandAugment x5": arms.changed("randaugment", 5),
    "blurred and jittered x5": arms.changed("blur and jitter", 5),
}
CONTROLS: dict[str, Arm] = {
    "noise x5": arms.noise(5),
    "duplicates x5": arms.duplicates(5),
}
# Photographs of the generator's own training set.
RETRIEVAL: dict[str, Arm] = {
    "retrieval x5": arms.retrieved(5),
    "retrieval x20": arms.retrieved(20),
}
SELECTED = ("generated x5, agreement", "generated x5, centroid")
GENERATED: dict[str, Arm] = {
    "generated x1": arms.generated(1),
    "generated x5": arms.generated(5),
    "generated x20": arms.generated(20),
    "generated alone": arms.all_generated,
    "generated x5, agreement": arms.generated(5, "agreement"),
    "generated x5, centroid": arms.generated(5, "centroid"),
    "shuffled labels x1": arms.shuffled(1),
    "shuffled labels x5": arms.shuffled(5),
}
ARMS = {**CLASSICAL, **CONTROLS, **RETRIEVAL, **GENERATED}
# What an amount leaves out: with all photographs nothing is left to retrieve, and five to one would
# be 7,975 generated images.
LEFT_OUT: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(FEW, ("shuffled labels x1",)),
    "10%": ("generated x20", "retrieval x20", "shuffled labels x1"),
    "100%": (
        *CONTROLS,
        *RETRIEVAL,
        "generated x5",
        "generated x20",
        "shuffled labels x5",
        *SELECTED,
    ),
}
DRAWS_OF_ALL = 3  # which differ in generated images and splits alone

HEADLINE = "generated x5"
BEST_CLASSICAL = "best classical"  # by the loss within the draws, never by the test images
# (test, amounts, what the headline arm is compared with)
PLANNED = (
    ("A", FEW, (BEST_CLASSICAL, "retrieval x5")),
    (
        "A-OOD",
        (*FEW, "10%"),
        (BEST_CLASSICAL, "shuffled labels x5", "noise x5", "blurred and jittered x5"),
    ),
)


def arms_of(amount: str) -> list[str]:
    """The arms that are run with an amount of photographs."""
    if amount in CURVE:
        return ["oversampling"]
    return [name for name in ARMS if name not in LEFT_OUT.get(amount, ())]


def draw(amount: str, labels: NDArray[np.int64], groups: NDArray[np.int64], number: int) -> Rows:
    """The photographs of one draw; the same for every arm."""
    rng = np.random.default_rng([DRAWN.index(amount), number])
    if amount.endswith("%"):
        return draw_share(labels, groups, float(amount[:-1]) / 100, rng)
    return draw_few(labels, int(amount), rng)
