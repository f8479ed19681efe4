"""Data sets that are made of others: parts (Subset) and several in a row (ConcatDataset)."""

import operator
from bisect import bisect_right
from collections.abc import Sequence
from typing import Any, SupportsIndex

import numpy as np
from torch.utils.data import ConcatDataset, Subset


def inner_datasets(dataset: Any) -> list[Any]:
    """The data sets that hold the items."""
    if isinstance(dataset, Subset):
        return inner_datasets(dataset.dataset)
    if isinstance(dataset, ConcatDataset):
        return [inner for part in dataset.datasets for inner in inner_datasets(part)]
    return [dataset]


def subset_indices(subset: Subset[Any]) -> list[int]:
    """The items of a data set that a Subset has.

    Raises:
        ValueError: truth values, which torch takes for items 0 and 1, other things that are no
            whole numbers, or items that the data set does not have.
    """
    given: Any = subset.indices
    count = len(subset.dataset)  # type: ignore[arg-type]
    indices = []
    for index in getattr(given, "tolist", lambda: given)():
        if isinstance(index, (bool, np.bool_)):
            raise ValueError(
                "the indices of a Subset are truth values, which torch takes for items 0 and 1:"
                " give np.flatnonzero(indices)."
            )
        if not isinstance(index, SupportsIndex) or not -count <= operator.index(index) < count:
            raise ValueError(
                f"{index!r} is among the indices of a Subset, and its data set has {count:,} items,"
                " numbered from 0."
            )
        indices.append(operator.index(index))
    return indices


def locate(dataset: Any, index: int) -> tuple[Any, int]:
    """The data set that holds an item, and the item's index in it. `index` is not negative."""
    if isinstance(dataset, Subset):
        return locate(dataset.dataset, dataset.indices[index])
    if isinstance(dataset, ConcatDataset):
        part = bisect_right(dataset.cumulative_sizes, index)
        before = dataset.cumulative_sizes[part - 1] if part else 0
        return locate(dataset.datasets[part], index - before)
    return dataset, index


def read_column(dataset: Any, name: str, default: Any) -> list[Any]:
    """An attribute with one entry for each item, also of parts; `default` for each item of a data
    set without it."""
    if isinstance(dataset, Subset):
        whole = read_column(dataset.dataset, name, default)
        return [whole[index] for index in subset_indices(dataset)]
    if isinstance(dataset, ConcatDataset):
        return [entry for part in dataset.datasets for entry in read_column(part, name, default)]
    column = getattr(dataset, name, None)
    is_one = isinstance(column, Sequence) and len(column) == len(dataset)
    return list(column) if column is not None and is_one else [default] * len(dataset)


def fetch(dataset: Any, indices: list[int]) -> list[Any]:
    """Several items, in one call where the data set can, as in `torch.utils.data.DataLoader`."""
    if hasattr(dataset, "__getitems__"):
        return list(dataset.__getitems__(indices))
    return [dataset[index] for index in indices]
