"""Generated images that are nobody's photograph: what a judge calls a copy is drawn again."""

from typing import Protocol

import torch
from torch import Tensor

from synthderm.datasets.seeds import item_seed
from synthderm.datasets.sources import Generated, Source

ATTEMPTS = 20  # images that are drawn for an item, at most


class CopyJudge(Protocol):
    """What says whether an image (3, H, W) uint8 is a copy of a photograph. The answer must depend
    on the image alone; its `repr` should be the same for the same judge."""

    def is_copy(self, image: Tensor) -> bool: ...


def draw_originals(
    source: Source, labels: list[int], seeds: list[int], judge: CopyJudge | None
) -> Generated:
    """Images from a source, each from its own seed alone; of a copy, from a seed that follows from
    it.

    Args:
        source: makes the images.
        labels, seeds: of each image.
        judge: says what is a copy; None keeps all.

    Raises:
        ValueError: all of `ATTEMPTS` images for an item are copies.
    """
    made = source.sample(labels, [torch.Generator().manual_seed(seed) for seed in seeds])
    if judge is None:
        return made
    parts = [_row(made, k) for k in range(len(labels))]
    for k, (label, seed) in enumerate(zip(labels, seeds)):
        attempt = 0
        while judge.is_copy(parts[k].judged[0]):
            attempt += 1
            if attempt == ATTEMPTS:
                raise ValueError(
                    f"{source.name} gave {ATTEMPTS} copies of photographs in a row for class"
                    f" {source.classes[label]!r}: it has learnt its photographs by heart, train it"
                    " on more of them."
                )
            rng = torch.Generator().manual_seed(item_seed(seed, attempt))
            parts[k] = source.sample([label], [rng])
    return _join(parts)


def _row(made: Generated, k: int) -> Generated:
    """One image of several."""
    one = slice(k, k + 1)
    return Generated(
        made.images[one],
        made.masks[one],
        None if made.severity is None else made.severity[one],
        None if made.skin_tone is None else made.skin_tone[one],
        None if made.clean is None else made.clean[one],
    )


def _join(parts: list[Generated]) -> Generated:
    severity, skin_tone = (
        None if first is None else [value for part in parts for value in (part[place] or [])]
        for place, first in ((2, parts[0].severity), (3, parts[0].skin_tone))
    )
    return Generated(
        torch.cat([part.images for part in parts]),
        torch.cat([part.masks for part in parts]),
        severity,
        skin_tone,
        None if parts[0].clean is None else torch.cat([part.judged for part in parts]),
    )
