"""From which score on an image is a copy: measured on photographs, with planted copies.

No two photographs of one lesion or patient are mirror images, so what an image scores with the
mirror images of other photographs is what chance brings, also where nobody noted whose photographs
they are. (Collections hold the same lesion twice; such pairs would pass for chance otherwise.)
Scores with all eight orientations are the higher of two halves, hence the factor 2.
"""

import io
import math
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from synthderm.audit.copy_index import CopyIndex, Matches, fit_square
from synthderm.imaging.io import parse_image, to_pil, to_tensor
from synthderm.intervals import Share, exact_share

MOST = 0.01  # photographs that may be named by chance, as a share
PLANTED = 20  # photographs that are made copies of
KEPT = 0.95  # share of planted copies that is to be named
FEWEST = 20  # photographs


class Calibration(NamedTuple):
    """A threshold and how good it is.

    Args:
        threshold: the score from which on an image is named.
        certain: the score that `KEPT` of the planted copies reach, and no photograph by chance; it
            is infinite where chance reaches that too.
        chance: the score that at most `MOST` of the photographs reach by chance.
        false_positives: photographs with a mirrored score of at least `threshold`; twice their
            share, and twice the bounds, is the share named by chance.
        false_positive_bound: the upper end of that share's exact interval.
        planted: planted copies that are named.
        planted_by_kind: the same by kind.
        repeats: photographs of the index that show what another one of it shows.
    """

    threshold: float
    certain: float
    chance: float
    false_positives: Share
    false_positive_bound: float
    planted: Share
    planted_by_kind: dict[str, Share]
    repeats: Share

    def as_json(self) -> dict[str, Any]:
        """For `report.json`."""
        plain: dict[str, Any] = self._asdict()
        for name in ("false_positives", "planted", "repeats"):
            plain[name] = plain[name]._asdict()
        kinds = self.planted_by_kind.items()
        plain["planted_by_kind"] = {kind: share._asdict() for kind, share in kinds}
        plain["certain"] = self.certain if math.isfinite(self.certain) else None
        return plain

    @property
    def bites(self) -> bool:
        """Whether copies are told from chance."""
        return self.planted.share >= 0.9 and self.chance < self.threshold


def plant(image: Tensor, other: Tensor, rng: torch.Generator) -> dict[str, Tensor]:
    """The copies that a generator might give of a photograph.

    Args:
        image, other: (3, S, S) uint8; the second is blended in, at 0.3.
        rng: draws what varies.

    Returns:
        (3, S, S) uint8 of each kind.
    """
    gain = torch.tensor([1.15, 0.95, 0.8])[torch.randperm(3, generator=rng), None, None]
    return {
        "as it is": image,
        "flipped": image.flip(-1 - int(torch.randint(2, (), generator=rng))),
        "cropped to 85%": _crop(image, 0.85, rng),
        "colour cast": (image.float() * gain).clamp(0, 255).byte(),
        "JPEG of quality 50": _compress(image, 50),
        "blended 0.7 with another": (0.7 * image.float() + 0.3 * other.float()).round().byte(),
        "shifted by 3 px": _shift(image, 3),
    }


def _crop(image: Tensor, share: float, rng: torch.Generator) -> Tensor:
    side = image.shape[-1]
    kept = round(side * share)
    top, left = torch.randint(side - kept + 1, (2,), generator=rng).tolist()
    return fit_square(image[None, :, top : top + kept, left : left + kept], side)[0]


def _compress(image: Tensor, quality: int) -> Tensor:
    file = io.BytesIO()
    to_pil(image).save(file, "JPEG", quality=quality)
    return to_tensor(parse_image(file.getvalue(), "a compressed copy"))


def _shift(image: Tensor, pixels: int) -> Tensor:
    side = image.shape[-1]
    wide = F.pad(image[None].float(), (pixels,) * 4, mode="reflect")[0].byte()
    return wide[:, :side, :side]


def calibrate(index: CopyIndex, holdout: Matches | None, seed: int = 0) -> Calibration:
    """The threshold of an index: halfway between chance and copies.

    Args:
        index: the photographs. Up to 1,000 of them are compared with the others.
        holdout: matches of photographs that the generator has not seen; None where there are none.
        seed: of what is drawn.

    Raises:
        ValueError: fewer than `FEWEST` photographs.
    """
    if len(index) < FEWEST:
        raise ValueError(
            f"{len(index)} real photographs: at least {FEWEST} are needed to tell copies from"
            " chance, and about 800 for a bound of 1% on what is named by chance."
        )
    rng = torch.Generator().manual_seed(seed)
    chosen = torch.randperm(len(index), generator=rng)
    own = chosen[:1000].tolist()
    groups = [index.groups[k] for k in own]
    among = index.match(
        index.images[own],
        index.describe_own(own),
        groups=groups,
        own=own,
        desc="compare real photographs",
    )
    mirrored = among.mirrored
    if holdout is not None:
        mirrored = torch.cat([mirrored, holdout.mirrored])
    kinds = _score_planted(index, chosen, rng)
    scores = torch.cat(list(kinds.values()))
    chance = _lowest_above(mirrored)
    reached = float(scores.quantile(1 - KEPT))
    threshold = max(chance, (chance + reached) / 2)
    false = exact_share(int((mirrored >= threshold).sum()), len(mirrored))
    is_clear = reached > float(mirrored.sort().values[-1])
    return Calibration(
        threshold,
        reached if is_clear else float("inf"),
        chance,
        false,
        min(1.0, 2 * false.high),
        _named(scores, threshold),
        {kind: _named(values, threshold) for kind, values in kinds.items()},
        _named(among.scores, threshold),
    )


def _named(scores: Tensor, threshold: float) -> Share:
    return exact_share(int((scores >= threshold).sum()), len(scores))


def _score_planted(index: CopyIndex, chosen: Tensor, rng: torch.Generator) -> dict[str, Tensor]:
    """Scores of planted copies by kind."""
    count = min(PLANTED, len(index) // 2)
    sources, others = chosen[:count], chosen[-count:]
    copies = [plant(index.images[a], index.images[b], rng) for a, b in zip(sources, others)]
    kinds = list(copies[0])
    images = torch.stack([copy[kind] for kind in kinds for copy in copies])
    scores = index.match(images, desc="compare planted copies").scores
    return dict(zip(kinds, scores.split(count)))


def _lowest_above(mirrored: Tensor) -> float:
    """The lowest score that so few photographs reach that at most `MOST` do in the long run."""
    values = mirrored.sort(descending=True).values
    reached = 0
    while reached < len(values) and 2 * exact_share(reached + 1, len(values)).high <= MOST:
        reached += 1
    return float(values[reached]) + 1e-6
