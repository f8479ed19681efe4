"""Which synthetic items a mixed data set has in each epoch, and how many of each class."""

from collections.abc import Mapping, Sequence

import torch

from synthderm.arguments import as_number, is_number
from synthderm.datasets.counterparts import check_names
from synthderm.datasets.seeds import item_seed

Ratio = float | Mapping[str, float]
MOST = 1e6  # synthetic images for each real one


class Draws:
    """The synthetic items of an epoch, one for each slot. Labels of slots are always the same.

    Args:
        pools: for each label, the items of the synthetic data set that have it, in order.
        counts: for each label, how many items an epoch has.
        seed: any integer.
        period: the length of a synthetic data set that goes on beyond it, whose items `n` and
            `n + period` are different images of one class; None for one that ends there.

    Attributes:
        targets: the label of each slot.
    """

    def __init__(
        self,
        pools: Mapping[int, Sequence[int]],
        counts: Mapping[int, int],
        seed: int,
        period: int | None,
    ) -> None:
        self._pools, self._counts = dict(pools), dict(counts)
        self._seed, self._period = seed, period
        # In the order of the synthetic data set.
        slots = [(label, rank) for label, count in counts.items() for rank in range(count)]
        self._slots = sorted(slots, key=lambda slot: self._endless(0, *slot))
        self.targets = [label for label, _ in self._slots]

    def numbers(self, epoch: int) -> list[int]:
        """The item of each slot."""
        if self._period is not None:
            return [self._endless(epoch, label, rank) for label, rank in self._slots]
        chosen = {label: self._choose(epoch, label) for label in self._pools}
        return [chosen[label][rank] for label, rank in self._slots]

    def _endless(self, epoch: int, label: int, rank: int) -> int:
        """Each epoch goes on where the one before ended."""
        pool = self._pools[label]
        turn, member = divmod(epoch * self._counts[label] + rank, len(pool))
        return pool[member] + turn * (self._period or 0)

    def _choose(self, epoch: int, label: int) -> list[int]:
        """Some of a class, each once, by the epoch; all in order where all are needed."""
        pool, count = self._pools[label], self._counts[label]
        if count == len(pool):
            return list(pool)
        rng = torch.Generator().manual_seed(item_seed(item_seed(self._seed, epoch), label))
        order = torch.randperm(len(pool), generator=rng, device="cpu").tolist()
        return [pool[member] for member in order[:count]]


def count_draws(
    ratio: Ratio | None,
    classes: Sequence[str],
    real: Mapping[int, int],
    pools: Mapping[int, Sequence[int]],
    is_endless: bool,
) -> dict[int, int]:
    """How many synthetic items an epoch has of each class.

    Args:
        ratio: synthetic images for each real one, for all classes that have both, or by class.
            Classes that it does not cover have as many as the synthetic data set.
        classes: the names.
        real: how many real images each class has.
        pools: the synthetic items of each class that has any.
        is_endless: whether there may be more than those.

    Raises:
        ValueError: a ratio that is none, or that can't be had.
    """
    wanted = _by_class(ratio, classes, real, pools)
    counts = {label: len(pool) for label, pool in pools.items()}
    for label, share in wanted.items():
        count, most = round(share * real.get(label, 0)), counts[label]
        if count > most and not is_endless:
            raise ValueError(
                f"ratio={share:g} asks for {count} synthetic images of {classes[label]!r}, and"
                f" there are {most}: at most {most / real[label]:.4g} can be had of it."
            )
        counts[label] = count
    return counts


def _by_class(
    ratio: Ratio | None,
    classes: Sequence[str],
    real: Mapping[int, int],
    pools: Mapping[int, Sequence[int]],
) -> dict[int, float]:
    """The ratio of each class that has one."""
    if ratio is None:
        return {}
    if is_number(ratio):
        share = _check(ratio)
        return {label: share for label in pools if real.get(label)}
    if not isinstance(ratio, Mapping):
        raise ValueError(f"ratio={ratio!r} must be a number, or a number for each class by name.")
    check_names("ratio", ratio, classes)
    shares = {}
    for name, value in ratio.items():
        label = list(classes).index(name)
        share = _check(value)
        lacks = "synthetic" if label not in pools else "real" if not real.get(label) else None
        if lacks is not None and share > 0:
            raise ValueError(
                f"ratio names {name!r}, of which there is no {lacks} image: leave it out."
            )
        if label in pools:
            shares[label] = share
    return shares


def _check(ratio: object) -> float:
    return as_number("ratio", ratio, 0, MOST)
