"""`SyntheticSkinDataset`: generated skin images as a map-style dataset that fits beside real ones."""

import os
from collections import Counter
from contextlib import nullcontext

import torch
from torch import Tensor
from torchvision import tv_tensors
from torchvision.datasets import VisionDataset

from synthderm.adapters import PREFIX, DiffusersSource, call_source
from synthderm.folders import apply_transforms
from synthderm.images import to_pil
from synthderm.sources import EczemaSource, GeneratorSource, check_severity, fit, generator_names, one_thread

MIX = (0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB)


def item_seed(seed: int, index: int) -> int:
    """A 63-bit seed for item `index` of a dataset: splitmix64 (Steele et al., OOPSLA 2014), so neighbours are unrelated."""
    x = seed & (2**64 - 1)
    for value in (index, 0x5EED):
        x = (x + MIX[0] * (value + 1)) & (2**64 - 1)
        x = ((x ^ (x >> 30)) * MIX[1]) & (2**64 - 1)
        x = ((x ^ (x >> 27)) * MIX[2]) & (2**64 - 1)
        x ^= x >> 31
    return x >> 1


class SyntheticSkinDataset(VisionDataset):
    """Generated skin images with labels, and with region masks where asked for.

    Item `i` depends on `(seed, i)` alone: it is the same in every worker, process and epoch, alone or within a batch
    (bit for bit on one CPU model; on a GPU, or where convolutions run in bf16, pixels may differ by a few grey levels).

    Args:
        source: "lesions" (classes: diagnoses), "hands" (classes: ten poses), "skin" (close-ups without a lesion, one class),
            "eczema" (hands and skin, edited; classes: clear, mild, moderate, severe), a directory, or a Hub id ("org/name",
            "org/name@revision"). Or any function `(seeds, labels) -> images` (see `synthderm.adapters.call_source`), or
            "diffusers:org/name", a pipeline.
        length: number of items, at least 1.
        labels: classes to draw from, by name or index, or one for each item (a sequence of `length`); all classes in
            turn where None.
        seed: any integer.
        size: side of the square images in pixels; the generator's own where None.
        transform, target_transform, transforms: as in `torchvision.datasets.VisionDataset`. With masks, `transform`
            gets `(image, mask)` and `transforms` `(image, mask, label)`.
        return_mask: items are `(image, mask, label)`; the mask is the lesion, the hand, or the eczema.
        severity: range of the eczema's severity, within [0, 1]; for "eczema" alone. 0 is clear, up to 1/3 mild, up
            to 2/3 moderate, above severe; classes outside the range do not occur.
        skin_tone: range of the skin tone within that of the generator's training, ITA in degrees (above 55 very light, 28
            to 41 intermediate, below -30 dark), drawn evenly; as frequent as in training where None. For generators that
            were trained with tones alone.
        truncation: in (0, 1]. Below 1 an image's style (its colours and kind of texture) moves towards the mean of its
            class, while the layout stays: fewer odd images, less variety (psi of Karras et al., CVPR 2019).
        device: where to generate. In DataLoader workers leave it "cpu".
        classes: the names of the classes, for a function or a pipeline (which takes them as prompts) alone.

    `revision` says which weights: the Hub's commit, kept for all workers and epochs, or "bundled", "local", "function".

    Items are `(PIL RGB, int)`, or `(PIL RGB, tv_tensors.Mask (1, H, W) uint8 of 0 and 1, int)`.

    Raises:
        ValueError: an unknown source, a length below 1, labels that are not classes, a range that is none, a skin tone
            that the source can't be asked for.
    """

    def __init__(self, source="lesions", *, length, labels=None, seed=0, size=None, transform=None, target_transform=None,
                 transforms=None, return_mask=False, severity=(0.0, 1.0), device="cpu", classes=None,
                 skin_tone=None, truncation=1.0):  # fmt: skip
        super().__init__(root=None if callable(source) else os.fspath(source), transforms=transforms, transform=transform, target_transform=target_transform)
        if not isinstance(length, int) or length < 1:
            raise ValueError(f"length={length!r}: a dataset needs at least 1 image.")
        if size is not None and not 8 <= size <= 4096:
            raise ValueError(f"size={size!r}: images are between 8 and 4096 pixels wide.")
        self.source, self.length, self.seed, self.return_mask, self.device = source, length, int(seed), return_mask, str(device)
        self.severity = check_severity(severity)
        if not isinstance(truncation, (int, float)) or not 0 < truncation <= 1:
            raise ValueError(f"truncation={truncation!r} must be above 0 and at most 1, which changes nothing.")
        known = [*generator_names(), "eczema"]
        if isinstance(source, str) and source not in known and not any(mark in source for mark in "/\\.~"):
            raise ValueError(f"unknown source {source!r}: there are {', '.join(known)}, a directory (./{source}) or a Hub id (org/{source}).")
        self._function = self._find_function(source, classes)
        if self._function is not None:
            self.revision, self.classes = getattr(self._function, "revision", "function"), list(self._function.classes if classes is None else classes)
            self.size = size or getattr(self._function, "size", None)
            if skin_tone is not None or truncation != 1:
                raise ValueError("skin_tone and truncation are for generators: a function draws tones and latents of its own, leave them out.")
        else:
            self._check_device()
            options = (size, self.device, skin_tone, truncation)
            self._made_by = EczemaSource(*options, self.severity) if source == "eczema" else GeneratorSource(source, *options)
            self.revision, self.size, self.classes = self._made_by.revision, self._made_by.size, list(self._made_by.classes)
        self.class_to_idx = {name: index for index, name in enumerate(self.classes)}
        self.targets = self._choose_labels(labels)

    def _find_function(self, source, classes):
        """The function behind a source that is not a `SkinGenerator`, else None."""
        is_pipeline = isinstance(source, str) and source.startswith(PREFIX)
        if not callable(source) and not is_pipeline:
            if classes is not None:
                raise ValueError(f"classes={classes!r} was given, but {source!r} has its own: leave it out.")
            return None
        if classes is None and not hasattr(source, "classes"):
            raise ValueError(f'{source!r} does not say which classes its labels are: name them, as in classes=["nevus", "melanoma"].')
        return DiffusersSource(source.removeprefix(PREFIX), classes, device=self.device) if is_pipeline else source

    def _check_device(self) -> None:
        if self.device.startswith("cuda") and torch.utils.data.get_worker_info() is not None:
            raise RuntimeError(f"device={self.device!r} in a DataLoader worker: use device='cpu' in workers, or num_workers=0 to generate on the GPU.")

    def _choose_labels(self, labels) -> list[int]:
        possible = self._made_by.possible() if isinstance(self._made_by, EczemaSource) else range(len(self.classes))
        if labels is None:
            chosen = list(possible)
        else:
            chosen = [self._index(label) for label in ([labels] if isinstance(labels, (str, int)) else labels)]
            impossible = sorted({self.classes[k] for k in chosen if k not in possible})
            if impossible:
                raise ValueError(f"labels {', '.join(impossible)} do not occur with severity={self.severity}: widen the range.")
        if not chosen:
            raise ValueError("labels is empty: name at least one class, or leave it out for all.")
        return [chosen[i % len(chosen)] for i in range(self.length)]

    def _index(self, label) -> int:
        if isinstance(label, str) and label in self.class_to_idx:
            return self.class_to_idx[label]
        if not isinstance(label, (str, bool)) and hasattr(label, "__index__") and 0 <= int(label) < len(self.classes):
            return int(label)
        raise ValueError(f"label {label!r} is not one of the classes of {self.source!r}: {', '.join(self.classes)}.")

    @classmethod
    def balancing(cls, real, source="lesions", *, mapping=None, **options) -> "SyntheticSkinDataset":
        """Just the images that bring every class of `real` up to its largest.

        Labels of the result follow `real`: its `classes`, `class_to_idx` and `targets` are `real`'s.

        Args:
            real: a dataset with `classes` and `targets`, as torchvision's have.
            mapping: `real`'s class names to the source's, where they differ.
            options: as for the class; not `length` and `labels`.

        Raises:
            ValueError: a class that needs images has no counterpart in the source, or `real` is balanced already.
        """
        counts = Counter(int(target) for target in real.targets)
        largest = max(counts.values())
        needs = {index: largest - counts.get(index, 0) for index in range(len(real.classes))}
        wanted = [index for index, need in needs.items() for _ in range(need)]
        if not wanted:
            raise ValueError(f"every class of the data set already has {largest} images: nothing to balance.")
        names = {index: (mapping or {}).get(real.classes[index], real.classes[index]) for index in needs}
        dataset = cls(source, length=len(wanted), labels=[names[index] for index in wanted], **options)
        translate = {dataset.class_to_idx[names[index]]: index for index in set(wanted)}
        if len(translate) < len(set(wanted)):
            raise ValueError(f"mapping={mapping!r} gives two of your classes the same generated class.")
        dataset._translate = translate
        dataset.classes, dataset.class_to_idx, dataset.targets = list(real.classes), dict(real.class_to_idx), wanted
        return dataset

    _made_by: EczemaSource | GeneratorSource | None = None  # None: a function
    _translate: dict[int, int] | None = None

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, index: int):
        return self.__getitems__([index])[0]

    def __getitems__(self, indices: list[int]) -> list:
        """Several items from one pass of the generator; a DataLoader calls this."""
        indices = [self._wrap(index) for index in indices]
        images, masks = self.generate(indices)
        items = []
        for index, image, mask in zip(indices, images, masks):
            items.append(apply_transforms(self, to_pil(image), tv_tensors.Mask(mask.byte()) if self.return_mask else None, self.targets[index]))
        return items

    def _wrap(self, index: int) -> int:
        index = int(index)
        if not -self.length <= index < self.length:
            raise IndexError(f"item {index} of a dataset of {self.length}")
        return index % self.length

    def generate(self, indices: list[int]) -> tuple[Tensor, Tensor]:
        """Images (B, 3, size, size) uint8 and masks (B, 1, size, size) bool of these items, on the CPU, before transforms."""
        self._check_device()
        seeds, labels = [item_seed(self.seed, index) for index in indices], [self._own_label(index) for index in indices]
        with nullcontext() if self._made_by is None else one_thread():
            if self._made_by is not None:
                return self._made_by.make(labels, [torch.Generator().manual_seed(seed) for seed in seeds])
            image, mask = call_source(self._function, seeds, labels)
        if mask is None:
            if self.return_mask:
                raise ValueError(f"return_mask=True, but {self.source!r} gives images alone: give (images, masks), or leave it out.")
            mask = torch.ones_like(image[:, :1], dtype=torch.bool)  # without masks of its own, all is inside
        return fit(image, mask, self.size)

    def _own_label(self, index: int) -> int:
        """The source's own class of an item, which `balancing` may have renamed."""
        target = self.targets[index]
        if self._translate is None:
            return target
        return next(own for own, real in self._translate.items() if real == target)

    def extra_repr(self) -> str:
        return f"source={self.source!r}, seed={self.seed}, size={self.size}"
