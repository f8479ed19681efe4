"""`SyntheticSkinDataset`: generated skin images as a map-style data set, to stand beside real
ones."""

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Literal

from torch import Tensor
from torchvision import tv_tensors
from torchvision.datasets import VisionDataset

from synthderm.arguments import Range, as_index, as_integer, as_range, is_number
from synthderm.datasets.balance import missing_labels, read_labels, take_over
from synthderm.datasets.counterparts import (
    check_counterparts,
    check_names,
    find_counterparts,
    keep_known,
)
from synthderm.datasets.folder import apply_transforms
from synthderm.datasets.function_source import Function
from synthderm.datasets.label_turns import choose_labels
from synthderm.datasets.make_source import check_device, lacks_classes, make_source
from synthderm.datasets.originals import CopyJudge, draw_originals
from synthderm.datasets.rendered_source import RenderedSource
from synthderm.datasets.seeds import item_seed
from synthderm.datasets.sources import Generated, GeneratorSource
from synthderm.datasets.viewing import View, Viewing
from synthderm.determinism import usual_torch
from synthderm.imaging.io import to_pil


class SyntheticSkinDataset(Viewing, VisionDataset):
    """Generated skin images with labels, and with region masks where asked for.

    Item `i` depends on `(seed, i)` alone: it is the same in every worker, process and epoch, alone
    or within a batch, under autocast and with another default dtype. On one kind of CPU it is the
    same bit for bit; on a GPU, or where convolutions run in bf16, pixels may differ by a few grey
    levels.

    Args:
        source: "lesions" (dermoscopy; classes: three diagnoses), "clinical" (close-ups of lesions
            by phone; six diagnoses), "hands" (ten poses), "skin" (close-ups without a lesion, one
            class), "eczema" (hands and skin, edited; classes: clear, mild, moderate, severe), a
            folder, or a Hub id (`org/name`, `org/name@revision`). Or any function
            `(seeds, labels) -> images`, see `synthderm.datasets.function_source.FunctionSource`,
            or "diffusers:org/name", a pipeline.
        length: number of items, at least 1.
        labels: classes to draw from, by name (also by one such as "MEL" for "melanoma", see
            `synthderm.datasets.counterparts.SYNONYMS`) or index, or one for each item (a sequence
            of `length`); all classes in turn where None.
        seed: any integer.
        size: side of the square images in pixels, 8 to 4096; the generator's own where None.
            "lesions" above 128 px are drawn by "lesions-256", and are other ones.
        transform, target_transform, transforms: as in `torchvision.datasets.VisionDataset`. With
            masks, `transform` gets `(image, mask)` and `transforms` `(image, mask, label)`.
        return_mask: items are `(image, mask, label)`; the mask is the lesion, the hand, or the
            eczema.
        severity: of the eczema, a number or a range within [0, 1], for "eczema" alone; all of it
            where None. 0 is clear, up to 1/3 mild, up to 2/3 moderate, above severe. Classes
            outside the range do not occur.
        skin_tone: ITA in degrees, a number or a range within that of the generator's training
            (above 55 very light, 28 to 41 intermediate, below -30 dark), drawn evenly; as frequent
            as in training where None. For generators that were trained with skin tones alone.
        truncation: in (0, 1]. Below 1 an image's style (its colours and kind of texture) moves
            towards the mean of its class, while the layout stays: fewer odd images, less variety
            (psi of Karras et al., CVPR 2019).
        artifacts: the share of images on which each kind is drawn, as in {"hair": 0.5}; none
            where {}, as frequent as in its photographs where None. Kinds are "hair", "stubble",
            "ruler", "ticks", "ink", "patch", "bubbles", "glare" and "corners"; they are drawn
            whatever the class, and leave the mask as it is. For generators alone.
        device: where to generate; not for a function. In DataLoader workers leave it "cpu".
        classes: the names of the classes, for a function or a pipeline alone (which takes them as
            prompts).
        reject_copies: draws another image for each item that is a copy of a photograph, as
            `synthderm.audit.copy_index.CopyIndex` judges; which one depends on `(seed, i)` alone.
            It takes about 30 ms an image.

    `revision` says which weights: the Hub's commit, kept for all workers and epochs, or "bundled",
    "local", "function".

    Items are `(PIL RGB, int)`, or `(PIL RGB, tv_tensors.Mask (1, H, W) uint8 of 0 and 1, int)`.

    Raises:
        ValueError: an unknown source, a length below 1, labels that are not classes, a range that
            is none, a skin tone that the source has not seen, or an argument that it does not take.

    Example:
        >>> from synthderm import SyntheticSkinDataset
        >>> lesions = SyntheticSkinDataset("lesions", length=6, seed=1, size=32, return_mask=True)
        >>> image, mask, label = lesions[4]
        >>> image.size, mask.shape, lesions.classes[label]
        ((32, 32), torch.Size([1, 32, 32]), 'nevus')
    """

    def __init__(
        self,
        source: str | os.PathLike[str] | Function | RenderedSource = "lesions",
        *,
        length: int,
        labels: str | int | Iterable[str | int] | None = None,
        seed: int = 0,
        size: int | None = None,
        transform: Callable[..., Any] | None = None,
        target_transform: Callable[[int], Any] | None = None,
        transforms: Callable[..., Any] | None = None,
        return_mask: bool = False,
        severity: Range | None = None,
        skin_tone: Range | None = None,
        truncation: float = 1.0,
        artifacts: Mapping[str, float] | None = None,
        device: str = "cpu",
        classes: Sequence[str] | None = None,
        reject_copies: CopyJudge | None = None,
    ) -> None:
        super().__init__(
            root=None,
            transforms=transforms,
            transform=transform,
            target_transform=target_transform,
        )
        self.length, self.seed = as_integer("length", length), as_integer("seed", seed)
        if self.length < 1:
            raise ValueError(f"length={length!r}: a dataset needs at least 1 image.")
        size = None if size is None else as_integer("size", size)
        if size is not None and not 8 <= size <= 4096:
            raise ValueError(f"size={size!r}: images are between 8 and 4096 pixels wide.")
        if not is_number(truncation) or not 0 < truncation <= 1:
            raise ValueError(
                f"truncation={truncation!r} must be above 0 and at most 1, which changes nothing."
            )
        self.truncation, self.return_mask, self.device = float(truncation), return_mask, str(device)
        check_device(self.device)
        self.reject_copies = reject_copies
        self.severity = None if severity is None else as_range("severity", severity)
        self.skin_tone = None if skin_tone is None else as_range("skin_tone", skin_tone, -90, 90)
        self._source = make_source(
            source,
            size=size,
            device=self.device,
            severity=self.severity,
            skin_tone=self.skin_tone,
            truncation=self.truncation,
            artifacts=artifacts,
            classes=classes,
            return_mask=return_mask,
        )
        self.artifacts: Mapping[str, float] = {}
        if isinstance(self._source, GeneratorSource):
            self.artifacts = self._source.artifacts
        self.source, self.revision = self._source.name, self._source.revision
        self.size = self._source.size
        self.classes = list(self._source.classes)
        self.class_to_idx = {name: index for index, name in enumerate(self.classes)}
        self.targets = self._choose_labels(labels)
        # The source's own label of each item, which `balancing` may call by another index.
        self._source_labels = self.targets

    def _choose_labels(self, labels: str | int | Iterable[str | int] | None) -> list[int]:
        """The label of each item."""
        chosen = choose_labels(labels, self.classes, self.labels, self.source, self.severity)
        return [chosen[i % len(chosen)] for i in range(self.length)]

    @property
    def labels(self) -> list[int]:
        """The classes that occur, by index, where all are drawn from."""
        return list(self._source.labels)

    @classmethod
    def balancing(
        cls,
        real: Any,
        source: str | os.PathLike[str] | Function = "lesions",
        *,
        mapping: Mapping[str, str | None] | None = None,
        classes: str | Sequence[str] | None = None,
        missing: Literal["error", "skip"] = "error",
        max_ratio: float | None = None,
        **options: Any,
    ) -> "SyntheticSkinDataset":
        """Just the images that bring every class of `real` up to its largest.

        Labels of the result follow `real`: its `classes`, `class_to_idx` and `targets` are
        `real`'s, and labels go through `real`'s `target_transform` where you give none.

        Args:
            real: a data set with `classes` and `targets`, as torchvision's have, a Subset of one
                (as `torch.utils.data.random_split` gives), or a ConcatDataset of several.
            source: as for the class.
            mapping: `real`'s class names to the source's, where they differ by more than case and
                short forms such as MEL and NV. None leaves a class as it is, as in {"ACK": None}.
            classes: of `real`, those to bring up; all where None. They are also the classes of a
                function that names none, in this order.
            missing: what to do with a class that needs images and that the source lacks: an
                "error", or "skip" it, which leaves it as it is.
            max_ratio: at most so many generated images for each real one of a class; any number
                where None. A class without a real image then gets none.
            options: as for the class; not `length` and `labels`.

        Raises:
            TypeError: `real` has no `classes` or `targets`.
            ValueError: a class that needs images has no counterpart in the source, a name is no
                class, `real` is balanced already, or it makes its labels in a way that can't be
                taken over.

        Example:
            >>> from synthderm import SkinFolder, SyntheticSkinDataset
            >>> real = SkinFolder("photos")
            >>> real.classes, [real.targets.count(label) for label in range(2)]
            (['melanoma', 'nevus'], [10, 12])
            >>> extra = SyntheticSkinDataset.balancing(real, "lesions", size=32)
            >>> extra.targets  # two more melanomas, by the labels of `real`
            [0, 0]
        """
        for name in ("length", "labels"):
            if name in options:
                raise ValueError(f"{name} is what balancing works out: leave it out.")
        if missing not in ("error", "skip"):
            raise ValueError(f'missing={missing!r} must be "error" or "skip".')
        known, mapping = read_labels(real), mapping or {}
        chosen = [classes] if isinstance(classes, str) else classes
        check_names("classes", chosen or (), known.classes)
        chosen_or_all = known.classes if chosen is None else chosen
        wanted = [name for name in chosen_or_all if mapping.get(name, name) is not None]
        options |= take_over(known, options)
        if chosen is not None and lacks_classes(source):
            options["classes"] = [mapping.get(name, name) for name in wanted]
        dataset = cls(source, length=1, **options)
        place, generated = f"{dataset.source!r}", dataset.classes
        counterparts = find_counterparts(known.classes, mapping, place, generated)
        if missing == "skip":
            wanted = keep_known(wanted, counterparts, place, generated)
        targets = missing_labels(known, wanted, max_ratio)
        needed = [known.classes[label] for label in sorted(set(targets))]
        check_counterparts(needed, counterparts, place, generated)
        dataset._relabel(known.classes, targets, counterparts)
        return dataset

    def _relabel(
        self, classes: list[str], targets: list[int], counterparts: Mapping[str, str]
    ) -> None:
        """Take over the classes and labels of another data set.

        Args:
            classes: its classes.
            targets: the label in it of each item that this data set is going to have.
            counterparts: for each of its classes that occurs, the source's class.
        """
        self.length = len(targets)
        self._source_labels = self._choose_labels([counterparts[classes[k]] for k in targets])
        self.targets, self.classes = targets, classes
        self.class_to_idx = {name: index for index, name in enumerate(classes)}

    @classmethod
    def from_rendered(
        cls, root: str | os.PathLike[str], *, return_mask: bool = False, **transforms: Any
    ) -> "SyntheticSkinDataset":
        """What `synthderm render` wrote, in any format, read back: the items, classes and labels of
        the data set that was rendered; from PNG the same bit for bit.

        Args:
            root: the folder.
            return_mask: as for the class.
            transforms: `transform`, `target_transform` and `transforms`, as for the class.

        Raises:
            FileNotFoundError, ValueError: nothing was rendered into it, not to the end, or no mask.
            TypeError: other options of the class, which would change nothing.
            ImportError: it is Parquet, and pyarrow is not installed.

        Example:
            >>> from synthderm import SyntheticSkinDataset
            >>> from synthderm.rendering.render import render
            >>> lesions = SyntheticSkinDataset("lesions", length=3, size=32)
            >>> out = render(lesions, "rendered", file_format="webdataset")
            >>> SyntheticSkinDataset.from_rendered(out)[2] == lesions[2]
            True
        """
        other = set(transforms) - {"transform", "target_transform", "transforms"}
        if other:
            raise TypeError(f"from_rendered has no {min(other)!r}: images are there as they are.")
        source = RenderedSource(root, needs_mask=return_mask)
        options: dict[str, Any] = {"length": len(source.targets), "labels": source.targets}
        options |= {"seed": source.seed, "return_mask": return_mask}
        return cls(source, **options, **transforms)

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, index: int | slice) -> Any:
        """An item; of a slice, a list of them."""
        return self.take(index) if isinstance(index, slice) else self.__getitems__([index])[0]

    def __getitems__(self, indices: list[int]) -> list[Any]:
        """Several items from one pass of the generator; a DataLoader calls this."""
        return self.draw([as_index(index, len(self)) for index in indices])

    def draw(self, numbers: list[int]) -> list[Any]:
        """Items of any number from 0 on, from one pass of the generator. After the last item the
        labels begin anew, and the images go on: `n`, `n + length`, `n + 2 * length`... are
        different images of one class."""
        if not numbers:
            return []
        items = []
        for number, (image, mask) in zip(numbers, self._pictures(numbers)):
            region = tv_tensors.Mask(mask.byte()) if self.return_mask else None
            label = self.targets[number % self.length]
            items.append(apply_transforms(self, to_pil(image), region, label))
        return items

    def views(self, indices: Sequence[int]) -> list[View]:
        """These items, before transforms. Numbers as for `draw`."""
        labels = [self.targets[index % self.length] for index in indices]
        pictures = self._pictures(list(indices))
        return [View(to_pil(x), mask, label) for (x, mask), label in zip(pictures, labels)]

    def _pictures(self, numbers: list[int]) -> list[tuple[Tensor, Tensor]]:
        """Image and mask of each item."""
        # Photographs that were edited may have any sizes.
        is_apart = isinstance(self._source, RenderedSource) and self.size is None
        batches = [[number] for number in numbers] if is_apart else [numbers]
        return [pair for batch in batches for pair in zip(*self.generate(batch))]

    def generate(self, numbers: list[int]) -> tuple[Tensor, Tensor]:
        """Images (B, 3, size, size) uint8 and masks (B, 1, size, size) bool of these items, on the
        CPU, before transforms. Numbers as for `draw`.

        Example:
            >>> from synthderm import SyntheticSkinDataset
            >>> images, masks = SyntheticSkinDataset("hands", length=8, size=32).generate([0, 5])
            >>> images.shape, images.dtype, masks.dtype
            (torch.Size([2, 3, 32, 32]), torch.uint8, torch.bool)
        """
        return self.sample(numbers)[:2]

    @usual_torch()
    def sample(self, numbers: list[int]) -> Generated:
        """As `generate`, with the severity and the skin tone of each."""
        check_device(self.device)
        if isinstance(self._source, RenderedSource):
            return self._source.read([number % self.length for number in numbers])
        labels = [self._source_labels[number % self.length] for number in numbers]
        seeds = [item_seed(self.seed, number) for number in numbers]
        return draw_originals(self._source, labels, seeds, self.reject_copies)

    @property
    def weights(self) -> str:
        """SHA-256 of the weights that make the images, or "function"."""
        return self._source.weights

    def extra_repr(self) -> str:
        return f"source={self.source!r}, seed={self.seed}, size={self.size}"
