"""What is compared: arms, amounts of photographs, and the comparisons that were planned before any
of their figures on test images was seen."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from synthderm.evaluation import arms
from synthderm.evaluation.arms import Arm, Rows
from synthderm.evaluation.protocol import draw_few, draw_share

# What heads are trained on, and the tests of each: of its own collection, and of the other one.
ISIC, PADUFES = "ISIC 2017", "PAD-UFES-20"
A, A_OOD = "A", "A-OOD"
A_REVERSE, A_OOD_REVERSE = "A, reverse", "A-OOD, reverse"
TRAINED_ON = {A: ISIC, A_OOD: ISIC, A_REVERSE: PADUFES, A_OOD_REVERSE: PADUFES}

FEW = ("5", "10", "20")  # photographs of each class
AMOUNTS = (*FEW, "10%", "100%")
# Further points of the curve of photographs alone, for the exchange rate.
CURVE = ("40", "80", "160")
# Each amount's place is part of the seed of its draws; "5%" is drawn by `benchmarks.tuned` alone.
DRAWN = (*AMOUNTS, *CURVE, "5%")

# Arms that use no generated image.
RANDAUGMENT = "RandAugment x5"
CLASSICAL: dict[str, Arm] = {
    "real only": arms.real,
    "oversampling": arms.oversampled,
    RANDAUGMENT: arms.changed("randaugment", 5),
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
HEADLINE = "generated x5"
# Frid-Adar et al., Neurocomputing 2018: classical augmentation first, generated images on top.
ON_TOP = f"{RANDAUGMENT} + {HEADLINE}"
SELECTED = ("generated x5, agreement", "generated x5, centroid")
GENERATED: dict[str, Arm] = {
    "generated x1": arms.generated(1),
    HEADLINE: arms.generated(5),
    "generated x20": arms.generated(20),
    "generated alone": arms.all_generated,
    "generated x5, agreement": arms.generated(5, "agreement"),
    "generated x5, centroid": arms.generated(5, "centroid"),
    ON_TOP: arms.changed_and_generated("randaugment", 5, 5),
    "shuffled labels x1": arms.shuffled(1),
    "shuffled labels x5": arms.shuffled(5),
}
ARMS = {**CLASSICAL, **CONTROLS, **RETRIEVAL, **GENERATED}


UNPLANNED = ("retrieval x20", "generated x20", "generated alone", *SELECTED)  # in the reverse


class Design(NamedTuple):
    """What is run with the photographs of one collection.

    Args:
        amounts: of photographs, for all arms but those left out.
        curve: further amounts, for oversampling alone.
        left_out: arms, by amount.
        draws_of_all: how many draws of "100%"; they differ in generated images and splits alone,
            and in the fold that is left out.
        folds: into how many the patients are split. Each draw leaves one fold out, and is tested
            on it. None where the collection has tests of its own.
    """

    amounts: tuple[str, ...]
    curve: tuple[str, ...]
    left_out: dict[str, tuple[str, ...]]
    draws_of_all: int
    folds: int | None


DRAWS_OF_ALL = 3
FOLDS = 4
_LEFT_OUT = {
    **dict.fromkeys(FEW, ("shuffled labels x1",)),
    "10%": ("generated x20", "retrieval x20", "shuffled labels x1"),
}
DESIGNS = {
    # With all photographs nothing is left to retrieve, and five to one would be 7,975 generated
    # images.
    ISIC: Design(
        AMOUNTS,
        CURVE,
        {
            **_LEFT_OUT,
            "100%": (
                *CONTROLS,
                *RETRIEVAL,
                HEADLINE,
                ON_TOP,
                "generated x20",
                "shuffled labels x5",
                *SELECTED,
            ),
        },
        DRAWS_OF_ALL,
        None,
    ),
    # There are too few melanomas for a curve. Some 226 photographs are all but one fold, so that
    # five to one can be had. Arms that no comparison is planned with are left out for time.
    PADUFES: Design(
        AMOUNTS,
        (),
        {**dict.fromkeys(AMOUNTS, (*UNPLANNED, "shuffled labels x1")), "100%": UNPLANNED},
        FOLDS,
        FOLDS,
    ),
}

BEST_CLASSICAL = "best classical"  # by the loss within the draws, never by the test images


class Comparisons(NamedTuple):
    """Comparisons of one arm whose p values are corrected together.

    Args:
        arm: what is compared.
        cells: (test, amounts, with what).
    """

    arm: str
    cells: tuple[tuple[str, tuple[str, ...], tuple[str, ...]], ...]


PLANNED = {
    "generated images": Comparisons(
        HEADLINE,
        (
            (A, FEW, (BEST_CLASSICAL, "retrieval x5")),
            (
                A_OOD,
                (*FEW, "10%"),
                (BEST_CLASSICAL, "shuffled labels x5", "noise x5", "blurred and jittered x5"),
            ),
        ),
    ),
    "generated images, reverse": Comparisons(
        HEADLINE,
        (
            (A_OOD_REVERSE, AMOUNTS, (BEST_CLASSICAL, "retrieval x5", "shuffled labels x5")),
            (A_REVERSE, AMOUNTS, (BEST_CLASSICAL,)),
        ),
    ),
    "on top of RandAugment": Comparisons(
        ON_TOP,
        (
            *((test, (*FEW, "10%"), (RANDAUGMENT,)) for test in (A, A_OOD)),
            *((test, AMOUNTS, (RANDAUGMENT,)) for test in (A_OOD_REVERSE, A_REVERSE)),
        ),
    ),
}


def arms_of(design: Design, amount: str) -> list[str]:
    """The arms that are run with an amount of photographs."""
    if amount in design.curve:
        return ["oversampling"]
    return [name for name in ARMS if name not in design.left_out.get(amount, ())]


def draw(amount: str, labels: NDArray[np.int64], groups: NDArray[np.int64], number: int) -> Rows:
    """The photographs of one draw; the same for every arm."""
    rng = np.random.default_rng([DRAWN.index(amount), number])
    if amount.endswith("%"):
        return draw_share(labels, groups, float(amount[:-1]) / 100, rng)
    return draw_few(labels, groups, int(amount), rng)
