"""How often the protocol finds a gain where there is none: simulated studies with null arms."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from joblib import Parallel, delayed
from numpy.typing import NDArray
from torch import Tensor

from benchmarks.heads.plan import ARMS, HEADLINE, ISIC, A
from benchmarks.heads.run import Condition, Study, run_condition
from synthderm.evaluation.bootstrap import difference, resample
from synthderm.evaluation.measures import balanced_accuracy

AMOUNT = "10"
# What is compared: two arms of which the first can't be better by knowledge. "again" is the
# headline arm with other generated images.
NULLS = {
    "the same arm twice, with other generated images": ("again", HEADLINE),
    "duplicates x5 against oversampling": ("duplicates x5", "oversampling"),
    "shuffled labels x5 against oversampling": ("shuffled labels x5", "oversampling"),
    "noise x5 against oversampling": ("noise x5", "oversampling"),
}
FIRST = 1000  # number of the first draw: other ones than the benchmark's


def simulate(setting: Study, pool: int, studies: int, draws: int, jobs: int) -> dict[str, Any]:
    """The share of simulated studies on A whose interval lies above 0, for each null.

    A study has `draws` of a pool of draws and as many test images as there are, drawn with
    replacement; its interval is made as the benchmark's. Of the same arm twice, which one counts as
    ours is decided anew for each draw, so that nothing is left but chance.

    Args:
        setting: its first source of generated images is used.
        pool: draws, of which each study has some.
        studies: their number.
        draws: of each.
        jobs: processes.
    """
    setting = setting._replace(tests={A: setting.tests[A]})
    labels = setting.tests[A].pool.labels
    names = sorted({name for pair in NULLS.values() for name in pair})
    outcomes = Parallel(n_jobs=jobs)(delayed(predict_pool)(name, setting, pool) for name in names)
    predicted = dict(zip(names, outcomes))
    rng = torch.Generator().manual_seed(0)
    shares = {}
    for title, (ours, theirs) in NULLS.items():
        found = [
            study(predicted[ours], predicted[theirs], labels, draws, ours == "again", rng)
            for _ in range(studies)
        ]
        shares[title] = sum(found) / studies
    return {"studies": studies, "amount": AMOUNT, "draws": draws, "false gains": shares}


def predict_pool(name: str, setting: Study, pool: int) -> Tensor:
    """(pool, M, K) of one arm. "again" takes the second half of the generated images."""
    source, material = next(iter(setting.materials.items()))
    half = len(material.generated.labels) // 2
    parts = {"again": np.arange(half, 2 * half), HEADLINE: np.arange(half)}
    if name in parts:
        material = material._replace(generated=material.generated.take(parts[name]))
    arm = name if name in ARMS else HEADLINE
    numbers: Sequence[int] = range(FIRST, FIRST + pool)
    setting = setting._replace(materials={source: material})
    outcomes = run_condition(Condition(ISIC, None, AMOUNT, arm), setting, numbers)
    return torch.from_numpy(np.stack([outcome.probabilities for outcome in outcomes]))


def study(
    ours: Tensor,
    theirs: Tensor,
    labels: NDArray[np.int64],
    draws: int,
    is_swapped: bool,
    rng: torch.Generator,
    resamples: int = 500,
) -> bool:
    """Whether one simulated study finds a gain."""
    chosen = torch.randperm(len(ours), generator=rng)[:draws]
    images = torch.randint(len(labels), (len(labels),), generator=rng)
    a, b = ours[chosen][:, images], theirs[chosen][:, images]
    if is_swapped:
        swap = torch.rand(draws, 1, 1, generator=rng) < 0.5
        a, b = torch.where(swap, b, a), torch.where(swap, a, b)
    truth = torch.from_numpy(labels)[images]
    weights = resample(torch.arange(len(truth)), resamples, rng)
    weights = torch.cat([torch.ones(1, len(truth), dtype=torch.double), weights])
    scores = [torch.stack([balanced_accuracy(p, truth, weights) for p in arm]) for arm in (a, b)]
    point = (scores[0][:, 0] - scores[1][:, 0]).mean().item()
    return difference(scores[0][:, 1:], scores[1][:, 1:], point, rng)["low"] > 0
