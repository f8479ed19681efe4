"""What `SyntheticSkinDataset.balancing` works out of a data set: its classes and labels, which
images are missing, and what makes its labels."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from math import floor
from typing import Any, NamedTuple

from torch.utils.data import ConcatDataset, Subset

from synthderm.arguments import as_integer, as_number
from synthderm.datasets.counterparts import check_names
from synthderm.datasets.folder import has_joint_transforms
from synthderm.datasets.parts import inner_datasets, subset_indices


class Labels(NamedTuple):
    """The labels of a data set, as torchvision's have them.

    Args:
        classes: names, in the order of the labels.
        targets: for each item its label before `target_transform`.
        target_transform: what makes the item's label of it; None for nothing.
        has_joint_transforms: whether the data set has `transforms`, which take image and label and
            may change the label, or is made of such a one.
    """

    classes: list[str]
    targets: list[int]
    target_transform: Callable[[int], Any] | None = None
    has_joint_transforms: bool = False


def read_labels(dataset: Any) -> Labels:
    """The labels of a data set with `classes` and `targets`; of a Subset of such a one, as
    `torch.utils.data.random_split` gives, or of several in a ConcatDataset.

    Raises:
        TypeError: the data set has no `classes` or `targets`.
        ValueError: they do not fit, or the parts of a ConcatDataset differ.
    """
    lacking = [name for name in ("classes", "targets") if not hasattr(dataset, name)]
    if lacking and isinstance(dataset, Subset):
        whole = read_labels(dataset.dataset)
        targets = [whole.targets[index] for index in subset_indices(dataset)]
        return whole._replace(targets=targets)
    if lacking and isinstance(dataset, ConcatDataset):
        return _join([read_labels(part) for part in dataset.datasets])
    if lacking:
        raise TypeError(
            f"{type(dataset).__name__} has no `{lacking[0]}`: needed is a data set with"
            " `classes` (names) and `targets` (an index into them for each item), as torchvision's"
            " have, or a Subset of one."
        )
    classes = [str(name) for name in dataset.classes]
    given = dataset.targets
    targets = [as_integer("target", target) for target in getattr(given, "tolist", lambda: given)()]
    if hasattr(dataset, "__len__") and len(targets) != len(dataset):
        raise ValueError(
            f"{type(dataset).__name__} has {len(dataset)} items and {len(targets)} `targets`: there"
            " should be one for each."
        )
    outside = next((target for target in targets if not 0 <= target < len(classes)), None)
    if outside is not None:
        raise ValueError(
            f"target {outside} of the data set is none of its {len(classes)} classes"
            f" ({', '.join(classes)}), which are numbered from 0."
        )
    return Labels(
        classes,
        targets,
        _target_transform(dataset),
        makes_labels(dataset),
    )


def _target_transform(dataset: Any) -> Callable[[int], Any] | None:
    """What makes the labels of a data set's items. A Subset whose `classes` and `targets` somebody
    has set still takes its items from the data set within."""
    if isinstance(dataset, Subset) and not hasattr(dataset, "target_transform"):
        return _target_transform(dataset.dataset)
    transform: Callable[[int], Any] | None = getattr(dataset, "target_transform", None)
    return transform


def makes_labels(dataset: Any) -> bool:
    """Whether joint `transforms` may change the labels of a data set, or of one in it."""
    return any(
        has_joint_transforms(inner) or getattr(inner, "has_joint_parts", False)
        for inner in inner_datasets(dataset)
    )


def _join(parts: list[Labels]) -> Labels:
    """The labels of data sets that stand one after the other."""
    first = parts[0]
    for part in parts[1:]:
        if part.classes != first.classes:
            raise ValueError(
                "the parts of the ConcatDataset have different classes"
                f" ({', '.join(first.classes)}; {', '.join(part.classes)}), so one label means two"
                " things: read all of them with the same classes."
            )
        if part.target_transform != first.target_transform:
            raise ValueError(
                "the parts of the ConcatDataset have different target_transforms: give all of them"
                " the same one."
            )
    return first._replace(
        targets=[target for part in parts for target in part.targets],
        has_joint_transforms=any(part.has_joint_transforms for part in parts),
    )


def missing_labels(
    labels: Labels, classes: Sequence[str], max_ratio: float | None = None
) -> list[int]:
    """The label of each image that is missing until these classes have as many images as the
    largest class of the data set.

    Args:
        labels: of the data set.
        classes: those to bring up.
        max_ratio: at most so many new images for each one that the class has; any number where
            None.

    Raises:
        ValueError: a name that is no class, no images at all, or nothing is missing.
    """
    check_names("classes", classes, labels.classes)
    if not classes:
        raise ValueError("no class is left to balance: name one with classes= or mapping=.")
    if not labels.targets:
        raise ValueError("the data set has no images: there is nothing to balance.")
    counts = Counter(labels.targets)
    largest = max(counts.values())
    missing = {
        index: largest - counts[index]
        for index, name in enumerate(labels.classes)
        if name in classes
    }
    if not any(missing.values()):
        which = "every class" if len(missing) == len(labels.classes) else _name(classes)
        verb = "have" if 1 < len(missing) < len(labels.classes) else "has"
        raise ValueError(
            f"{which} of the data set already {verb} {largest} images: nothing to balance."
        )
    if max_ratio is not None:
        max_ratio = as_number("max_ratio", max_ratio, 0, 1e6)
        missing = {
            index: min(count, floor(max_ratio * counts[index] + 1e-9))
            for index, count in missing.items()
        }
        if not any(missing.values()):
            raise ValueError(
                f"max_ratio={max_ratio:g} leaves no image to add, as {_name(classes)} have too few"
                " of their own: make it larger, or leave it out."
            )
    return [index for index, count in missing.items() for _ in range(count)]


def _name(classes: Sequence[str]) -> str:
    return " and ".join(map(repr, classes))


def take_over(labels: Labels, options: Mapping[str, Any]) -> dict[str, Any]:
    """The option by which generated labels become what those of the data set become.

    Args:
        labels: of the data set.
        options: of the generated one; a `target_transform` among them, also None, decides.

    Raises:
        ValueError: the data set, or the option `transforms`, makes labels in a way that can't be
            known here.
    """
    if "target_transform" in options:
        return {}
    is_joint = options.get("transforms") is not None
    if labels.has_joint_transforms and not is_joint:
        raise ValueError(
            "the data set has `transforms`, which may change its labels: give the generated images"
            " transforms= as well, or target_transform= (None where labels stay as they are)."
        )
    if labels.target_transform is None:
        return {}
    if is_joint:
        raise ValueError(
            "the data set has a target_transform, and transforms= would pass it over: give"
            " transform= instead, or target_transform=None if transforms= makes the same labels."
        )
    return {"target_transform": labels.target_transform}
