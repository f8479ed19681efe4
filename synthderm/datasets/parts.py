"""Data sets that are made of others: parts (Subset) and several in a row (ConcatDataset)."""

from bisect import bisect_right
from collections.abc import Sequence
from typing import Any

from torch.utils.data import ConcatDataset, Subset


def inner_datasets(dataset: Any) -> list[Any]:
    """The data sets that hold the items."""
    if isinstance(dataset, Subset):
        return inner_datasets(dataset.dataset)
    if isinstance(dataset, ConcatDataset):
        return [inner for part in dataset.datasets for inner in inner_datasets(part)]
    return [dataset]


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
        return [whole[index] for index in dataset.indices]
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
