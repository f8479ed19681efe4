"""`MixedSkinDataset`: real and synthetic images as one data set."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from torchvision.datasets import VisionDataset

from synthderm.arguments import as_index, as_integer
from synthderm.datasets.balance import Labels, makes_labels, read_labels
from synthderm.datasets.counterparts import join_classes
from synthderm.datasets.draws import Draws, Ratio, count_draws
from synthderm.datasets.folder import apply_transforms
from synthderm.datasets.parts import fetch, inner_datasets, read_column
from synthderm.datasets.shared import SharedInteger
from synthderm.datasets.synthetic import SyntheticSkinDataset
from synthderm.datasets.viewing import View, Viewing, take_turns, views_of

LabelTransform = Callable[[int], Any]


class MixedSkinDataset(Viewing, VisionDataset):
    """Real images, and synthetic ones after them, under one list of classes.

    Classes are matched by name: those of `real` keep their labels, and classes that only the
    synthetic images have follow them.

    `set_epoch(epoch)`, before each epoch, draws other synthetic images; their number and the
    `targets` stay. An item depends on the seeds, the epoch and its index alone, in all workers,
    also persistent ones. A `SyntheticSkinDataset` goes on with new images for ever; of any other
    data set an epoch has a random choice, or, without a `ratio`, always all. timm's training script
    calls `set_epoch`, and in several processes it then leaves out the sampler's.

    Args:
        real: a data set with `classes` and `targets`, as torchvision's have, a Subset of one, or a
            ConcatDataset of several.
        synthetic: a `SyntheticSkinDataset`, say one that `balancing` made, or another data set, as
            for `real`.
        mapping: `real`'s class names to the synthetic ones, where they differ by more than case
            and short forms such as MEL and NV. None leaves a class without synthetic images, as in
            {"ACK": None}.
        ratio: synthetic images for each real one in an epoch, at least 0: a number, for every class
            with real and synthetic images, or one for each class by its name. Other classes have
            as many as `synthetic` has; all classes where None.
        seed: of the choice from a data set that ends.
        transform, target_transform, transforms: as in `torchvision.datasets.VisionDataset`. They
            follow the parts' own. With masks, `transform` gets `(image, mask)` and `transforms`
            `(image, mask, label)`.

    Attributes:
        classes, class_to_idx, targets: as torchvision's data sets have them, for all items.
        is_synthetic: for each item whether it is synthetic.
        samples: for each item (image file, label), the file None for an image that is in none.
            Absent where no image is in a file.
        epoch: what `set_epoch` got last; 0 at first.

    A label is the index in `classes`, then goes through `target_transform`, which is taken over
    from the parts where None. Where a part has joint `transforms`, as with
    `EczemaEdit(label=...)`, the label is what they make of it.

    Raises:
        TypeError: a part has no `classes` or `targets`.
        ValueError: names that do not fit, a ratio that can't be had, one part with masks and one
            without, or parts that make their labels in different ways.

    Example:
        >>> from synthderm import MixedSkinDataset, SkinFolder, SyntheticSkinDataset
        >>> real = SkinFolder("photos")
        >>> lesions = SyntheticSkinDataset("lesions", length=30, size=32)
        >>> train = MixedSkinDataset(real, lesions, ratio=0.5, mapping={})
        >>> train.classes, len(train), sum(train.is_synthetic)
        (['melanoma', 'nevus', 'seborrheic_keratosis'], 43, 21)
    """

    def __init__(
        self,
        real: Any,
        synthetic: Any,
        *,
        mapping: Mapping[str, str | None] | None = None,
        ratio: Ratio | None = None,
        seed: int = 0,
        transform: Callable[..., Any] | None = None,
        target_transform: LabelTransform | None = None,
        transforms: Callable[..., Any] | None = None,
    ) -> None:
        self.real, self.synthetic = real, synthetic
        parts = read_labels(real), read_labels(synthetic)
        super().__init__(
            root=None,
            transforms=transforms,
            transform=transform,
            target_transform=_shared_transform(*parts, target_transform, transforms),
        )
        self.return_mask = _gives_masks(real, synthetic)
        self.classes, labels = join_classes(
            parts[0].classes, parts[1].classes, parts[1].targets, mapping
        )
        self.class_to_idx = {name: index for index, name in enumerate(self.classes)}
        if parts[1].has_joint_transforms and any(old != new for old, new in labels.items()):
            raise ValueError(
                "the synthetic data set has `transforms`, which may change its labels, and these"
                f" are numbered otherwise than in {', '.join(self.classes)}: give transforms= to"
                " MixedSkinDataset instead."
            )
        pools: dict[int, list[int]] = {}
        for index, target in enumerate(parts[1].targets):
            if target in labels:
                pools.setdefault(labels[target], []).append(index)
        is_endless = isinstance(synthetic, SyntheticSkinDataset)
        counts = count_draws(ratio, self.classes, Counter(parts[0].targets), pools, is_endless)
        period = len(synthetic) if is_endless else None
        self._draws = Draws(pools, counts, as_integer("seed", seed), period)
        self._real_length = len(parts[0].targets)
        self.targets = parts[0].targets + self._draws.targets
        self.is_synthetic = read_column(real, "is_synthetic", False)
        self.is_synthetic += [True] * len(self._draws.targets)
        self._epoch = SharedInteger()
        self._drawn = (0, self._draws.numbers(0))
        self._samples: tuple[int, list[tuple[str | None, int]]] | None = None

    @property
    def epoch(self) -> int:
        return self._epoch.value

    def set_epoch(self, epoch: int) -> None:
        """Draw the synthetic images of this epoch, in this process and in its workers.

        Args:
            epoch: from 0 on.

        Example:
            >>> from synthderm import MixedSkinDataset, SkinFolder, SyntheticSkinDataset
            >>> lesions = SyntheticSkinDataset("lesions", length=3, size=32)
            >>> train = MixedSkinDataset(SkinFolder("photos"), lesions, mapping={})
            >>> before = train[-1]
            >>> train.set_epoch(1)
            >>> train[-1][0] == before[0], train[-1][1] == before[1]  # another image, one class
            (False, True)
        """
        number = as_integer("epoch", epoch)
        if number < 0:
            raise ValueError(f"epoch={epoch!r}: epochs are numbered from 0.")
        self._epoch.value = number
        for part in [*inner_datasets(self.real), *inner_datasets(self.synthetic)]:
            if hasattr(part, "set_epoch"):
                part.set_epoch(number)

    def _numbers(self) -> list[int]:
        """The item of `synthetic` in each of the places after the real images, in this epoch."""
        epoch, numbers = self._drawn
        if epoch != self.epoch:
            epoch = self.epoch
            numbers = self._draws.numbers(epoch)
            self._drawn = epoch, numbers
        return numbers

    @property
    def has_joint_parts(self) -> bool:
        """Whether labels of items may differ from `targets`, for whoever mixes this with others."""
        return makes_labels(self.real) or makes_labels(self.synthetic)

    @property
    def samples(self) -> list[tuple[str | None, int]]:
        if self._samples is None or self._samples[0] != self.epoch:
            self._samples = self.epoch, self._list_samples()
        return self._samples[1]

    def _list_samples(self) -> list[tuple[str | None, int]]:
        files = [sample[0] for sample in read_column(self.real, "samples", (None,))]
        others = [sample[0] for sample in read_column(self.synthetic, "samples", (None,))]
        files += [others[number % len(others)] for number in self._numbers()]
        if all(file is None for file in files):
            raise AttributeError("no image of this data set is in a file, so it has no `samples`")
        return list(zip(files, self.targets))

    def __len__(self) -> int:
        return len(self.targets)

    def __getitem__(self, index: int | slice) -> Any:
        """An item; of a slice, a list of them."""
        return self.take(index) if isinstance(index, slice) else self.__getitems__([index])[0]

    def __getitems__(self, indices: list[int]) -> list[Any]:
        """Several items, the synthetic ones from one pass of the generator; a DataLoader calls
        this."""
        indices = [as_index(index, len(self)) for index in indices]
        first, numbers = self._real_length, self._numbers()
        real = iter(fetch(self.real, [index for index in indices if index < first]))
        drawn = iter(self._draw([numbers[index - first] for index in indices if index >= first]))
        # Also parts may get their transforms late, so this is looked up here.
        own = makes_labels(self.real), makes_labels(self.synthetic)
        return [
            self._finish(index, next(drawn), own[1])
            if index >= first
            else self._finish(index, next(real), own[0])
            for index in indices
        ]

    def _draw(self, numbers: list[int]) -> list[Any]:
        """Items of `synthetic`, also those beyond its length."""
        if not isinstance(self.synthetic, SyntheticSkinDataset):
            return fetch(self.synthetic, numbers)
        return self.synthetic.draw(numbers)

    def _finish(self, index: int, item: Any, has_own_label: bool) -> tuple[Any, ...]:
        """An item of this data set from one of a part, whose label may be one that it has made."""
        expected = "(image, mask, label)" if self.return_mask else "(image, label)"
        if not isinstance(item, (tuple, list)) or len(item) != 2 + self.return_mask:
            seen = f"{len(item)} things" if isinstance(item, (tuple, list)) else type(item).__name__
            raise TypeError(f"item {index} is {seen}: both parts should give {expected}.")
        image, *mask, label = item
        if not has_own_label:
            label = self.targets[index]
        return apply_transforms(self, image, mask[0] if mask else None, label)

    def views(self, indices: Sequence[int]) -> list[View]:
        """These items of this epoch, before transforms."""
        first, numbers = self._real_length, self._numbers()
        real = iter(views_of(self.real, [index for index in indices if index < first]))
        drawn = [numbers[index - first] for index in indices if index >= first]
        synthetic = iter(views_of(self.synthetic, drawn))
        views = [next(synthetic if index >= first else real) for index in indices]
        return [view._replace(label=self.targets[k]) for k, view in zip(indices, views)]

    def choose_shown(self, count: int) -> list[int]:
        """Real images and synthetic ones, half of each where there are; of both, the classes in
        turn."""
        start = self._real_length
        drawn = min(len(self) - start, max(count // 2, count - start))
        synthetic = take_turns(self.targets[start:], drawn)
        return [
            *take_turns(self.targets[:start], count - drawn),
            *(start + index for index in synthetic),
        ]

    def extra_repr(self) -> str:
        pairs = Counter(zip(self.targets, self.is_synthetic))
        counts = [
            f"{name}: {pairs[label, False]} real, {pairs[label, True]} synthetic"
            for label, name in enumerate(self.classes)
        ]
        return "\n".join(counts)


def _gives_masks(real: Any, synthetic: Any) -> bool:
    """Whether items have masks.

    Raises:
        ValueError: those of one part have, and of the other not.
    """
    kinds = [
        {bool(getattr(inner, "return_mask", False)) for inner in inner_datasets(part)}
        for part in (real, synthetic)
    ]
    if len(kinds[0] | kinds[1]) > 1:
        raise ValueError(
            "only some of the images come with masks: give both parts return_mask=True, or neither."
        )
    return True in kinds[0]


def _shared_transform(
    real: Labels, synthetic: Labels, given: LabelTransform | None, transforms: Any
) -> LabelTransform | None:
    """The `target_transform` for all images: the one that is given, or that of the parts.

    Raises:
        ValueError: those of the parts differ, or joint `transforms` would pass it over.
    """
    if any(part.has_joint_transforms and part.target_transform for part in (real, synthetic)):
        raise ValueError(
            "a part has both `transforms` and a target_transform, so it is not known what makes"
            " its labels: take the target_transform from it, and give one to MixedSkinDataset."
        )
    shared = real.target_transform
    if given is not None:
        return given
    if synthetic.target_transform not in (None, shared):
        raise ValueError(
            "the synthetic data set has a target_transform of its own: give MixedSkinDataset the"
            " one for all images, target_transform=."
        )
    if shared is not None and transforms is not None:
        raise ValueError(
            "the real data set has a target_transform, and transforms= would pass it over: give"
            " transform= instead, or take it from the data set."
        )
    return shared
