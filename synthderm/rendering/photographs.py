"""Photographs with eczema added, as many as are asked for: a data set to render."""

import hashlib
import math
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torchvision.transforms.v2.functional import center_crop, resize

from synthderm import __version__
from synthderm.arguments import Range, as_integer, as_range
from synthderm.datasets.eczema_source import COVERAGE, SEVERITY_CLASSES, severity_range
from synthderm.datasets.label_turns import choose_labels
from synthderm.datasets.photographs import list_photographs
from synthderm.datasets.seeds import item_seed
from synthderm.determinism import one_thread
from synthderm.hub.resolve import weights_hash
from synthderm.imaging.io import looks_like_mask, to_tensor
from synthderm.imaging.originals import Original
from synthderm.imaging.provenance import Provenance, name_model, provenance_of_copy
from synthderm.rendering.items import Item, LeftOut
from synthderm.transforms.functional import add_eczema, random_mask


class EditedPhotographs:
    """Item `i` is a photograph with eczema that depends on `(seed, i)` alone. There may be more
    items than photographs: each is edited again and again, in all classes in turn.

    Args:
        folder: of photographs, as `synthderm edit` reads it.
        model: the editor: bundled name, folder or Hub id.
        length: number of items; that of the photographs where None.
        labels: classes to draw from, clear, mild, moderate and severe, by name or index; all in
            turn where None. A clear item is the photograph as it is.
        seed: any integer.
        size: side of square images in pixels, from the middle of the photographs; their own size
            where None.
        severity: a number or a range within [0, 1]; all of it where None.

    A photograph that can't be read, or that shows no skin, is left out with the reason.

    Raises:
        FileNotFoundError: there is no such folder.
        ValueError: no photograph in it, or labels or a severity that do not occur.
    """

    columns: tuple[str, ...] = (
        *("label", "severity", "skin_tone", "seed", "index"),
        *("model", "weights_hash", "photograph"),
    )
    device = "cpu"

    def __init__(
        self,
        folder: str | os.PathLike[str],
        model: str | os.PathLike[str] = "eczema",
        *,
        length: int | None = None,
        labels: str | int | Iterable[str | int] | None = None,
        seed: int = 0,
        size: int | None = None,
        severity: Range | None = None,
    ) -> None:
        self.folder, self.model = Path(folder), os.fspath(model)
        self.paths = list_photographs(self.folder)
        self.names = [path.relative_to(self.folder).as_posix() for path in self.paths]
        self.length = len(self.paths) if length is None else as_integer("length", length)
        self.seed, self.size = as_integer("seed", seed), size
        self.classes = list(SEVERITY_CLASSES)
        self.severity = as_range("severity", (0.0, 1.0) if severity is None else severity)
        ranges = [severity_range(k, *self.severity) for k in range(len(self.classes))]
        self._ranges = {k: ends for k, ends in enumerate(ranges) if ends is not None}
        possible = list(self._ranges)
        self._turn = choose_labels(labels, self.classes, possible, "eczema", self.severity)
        self.weights = weights_hash(self.model)

    def describe(self) -> dict[str, Any]:
        return {
            "source": self.model,
            "edit": "add",
            "photographs": self._describe_photographs(),
            "weights": self.weights,
            "seed": self.seed,
            "length": self.length,
            "size": self.size,
            "classes": self.classes,
            "severity": list(self.severity),
            "targets": self._turn,
            "synthderm": __version__,
        }

    def _describe_photographs(self) -> dict[str, Any]:
        """What tells this folder from another: names and sizes of its files."""
        digest = hashlib.sha256()
        for name, path in zip(self.names, self.paths):
            text = f"{name}\0{path.stat().st_size}\0"
            digest.update(text.encode("utf-8", "surrogateescape"))
        return {"count": len(self.paths), "sha256": digest.hexdigest()}

    def make(self, numbers: Sequence[int]) -> list[Item | LeftOut]:
        made: list[Item | LeftOut] = []
        for number in numbers:
            name, path = self._photograph(number)
            try:
                made.append(self._make_one(number, name, path))
            except (ValueError, OSError) as error:
                reason = str(error).replace(os.fspath(path), name)
                made.append(LeftOut(number, reason if name in reason else f"{name}: {reason}"))
        return made

    def _photograph(self, number: int) -> tuple[str, Path]:
        """Which photograph an item is: in turn, and each turn of both photographs and labels begins
        one further, so that every photograph comes in every class."""
        turns = number // math.lcm(len(self.paths), len(self._turn))
        place = (number + turns) % len(self.paths)
        return self.names[place], self.paths[place]

    @one_thread()
    def _make_one(self, number: int, name: str, path: Path) -> Item:
        original = Original(path)
        if looks_like_mask(original.image):
            raise ValueError(f"{name} is black and white alone: a mask, and no photograph.")
        image = self._fit(to_tensor(original.image))
        label, seed = self._turn[number % len(self._turn)], item_seed(self.seed, number)
        rng = torch.Generator().manual_seed(seed)
        severity, coverage = (
            low + (high - low) * float(torch.rand(1, generator=rng, dtype=torch.float32))
            for low, high in (self._ranges[label], COVERAGE)
        )
        mask, by = torch.zeros_like(image[:1], dtype=torch.bool), None
        if severity > 0:
            mask = random_mask(image, coverage, seed=seed)
            if not mask.any():
                raise ValueError(f"{name} shows no skin to edit.")
            edited = add_eczema(image, mask, severity, seed=seed, model=self.model).images
            if torch.equal(edited, image):
                raise ValueError(f"{name} stays as it is with severity {severity:.2f}.")
            image = edited
            model = name_model(self.model)
            by = Provenance("edited", model, self.weights, self.seed, number, mode="add")
        row = {
            "label": self.classes[label],
            "severity": round(severity, 4),
            "skin_tone": None,
            "seed": self.seed,
            "index": number,
            "model": self.model,
            "weights_hash": self.weights,
            "photograph": name,
        }
        return Item(number, label, image, mask, row, provenance_of_copy(original.origin, by))

    def _fit(self, image: Tensor) -> Tensor:
        if self.size is None:
            return image
        return center_crop(resize(image, [self.size], antialias=True), [self.size, self.size])
