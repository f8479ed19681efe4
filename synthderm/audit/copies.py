"""Copies of photographs among generated images: the gate of the audit."""

from typing import Any, NamedTuple

import torch
from torch import Tensor

from synthderm.audit.calibration import Calibration
from synthderm.audit.copy_index import CopyIndex, Matches
from synthderm.audit.features import Whitening
from synthderm.audit.images import AuditImages
from synthderm.intervals import Auroc, Share, auroc, chance_of, exact_share

UNLIKELY = 0.05  # chance below which named images are not put down to chance
CLOSEST = 10  # pairs that are shown


class Pair(NamedTuple):
    """A generated image and the photograph that it resembles most.

    Args:
        sample, photograph: their names.
        sample_index, photograph_index: their places.
        score: 1 for a copy.
        mutual: whether no other sample is nearer to the photograph in features.
        verdict: "copy", "named" or "".
    """

    sample: str
    photograph: str
    sample_index: int
    photograph_index: int
    score: float
    mutual: bool
    verdict: str


class CopyFindings(NamedTuple):
    """What was found.

    Args:
        passed: the gate.
        reason: one sentence.
        named: share of samples that score at or above the threshold.
        certain: how many of these no chance explains.
        pairs: all that are named, and at least the `CLOSEST` closest, the closest first.
        named_holdout: share of holdout photographs that score so; where this is more than chance,
            holdout and real show the same lesions.
        repeats: these pairs.
        nearer: how well nearness to `real` tells samples from holdout photographs; above 0.5
            samples are the nearer ones. None without a holdout.
        closer_to_real: share of samples whose nearest photograph is one of `real`, of as many
            photographs of `real` as the holdout has; 0.5 where `real` has left no trace.
        authentic: share of samples that are farther from their nearest photograph than that is from
            its own nearest (Alaa et al., ICML 2022).
    """

    passed: bool
    reason: str
    named: Share
    certain: int
    pairs: list[Pair]
    named_holdout: Share | None
    repeats: list[Pair]
    nearer: Auroc | None
    closer_to_real: Share | None
    authentic: Share

    def as_json(self) -> dict[str, Any]:
        """For `report.json`."""
        plain = self._asdict()
        for key, value in plain.items():
            if isinstance(value, Share | Auroc):
                plain[key] = value._asdict()
        plain["pairs"] = [pair._asdict() for pair in self.pairs]
        plain["repeats"] = [pair._asdict() for pair in self.repeats]
        return plain


class Compared(NamedTuple):
    """All matches that the findings are drawn from.

    Args:
        samples, holdout: matches with the real photographs; the second None without a holdout.
        sample_layers, holdout_layers: features of the images as they are.
    """

    samples: Matches
    holdout: Matches | None
    sample_layers: list[Tensor]
    holdout_layers: list[Tensor] | None


def judge_copies(
    index: CopyIndex,
    calibration: Calibration,
    compared: Compared,
    samples: AuditImages,
    real: AuditImages,
    holdout: AuditImages | None,
) -> CopyFindings:
    """Decide whether a set of generated images gives photographs back.

    It fails where a sample scores as high as planted copies do and chance never does, where more
    samples are named than chance explains, and where copies can't be told from chance at all.
    """
    matches = compared.samples
    is_named = matches.scores >= calibration.threshold
    certain = int((matches.scores >= calibration.certain).sum())
    named = exact_share(int(is_named.sum()), len(samples))
    passed, reason = _decide(calibration, named, certain)
    pairs = _pairs(matches, samples.names, real.names, calibration)
    shown = max(CLOSEST, named.found)
    return CopyFindings(
        passed,
        reason,
        named,
        certain,
        pairs[:shown],
        _share_named(compared.holdout, calibration),
        _repeats(compared, real, holdout, calibration),
        *_nearness(index, compared, real, holdout),
        _authentic(index, matches),
    )


def _decide(calibration: Calibration, named: Share, certain: int) -> tuple[bool, str]:
    kept = calibration.planted
    if not calibration.bites:
        return False, (
            f"Copies can't be told from chance on these photographs: {kept.found} of {kept.total}"
            " planted copies were named, so the audit can't vouch for the rest."
        )
    if certain:
        return False, (
            f"{certain:,} of {named.total:,} images show a photograph of the training set, with"
            " scores that planted copies reach and chance does not."
        )
    bound = max(calibration.false_positive_bound, 1e-9)
    if chance_of(named.found, named.total, min(bound, 1.0)) < UNLIKELY:
        return False, (
            f"{named.found:,} of {named.total:,} images are named as copies, more than the"
            f" {bound:.2%} that chance may name."
        )
    if named.found:
        return True, (
            f"{named.found:,} of {named.total:,} images are named as copies, no more than chance"
            f" may name ({bound:.2%}): look at them below."
        )
    return True, f"None of {named.total:,} images is named as a copy."


def _pairs(
    matches: Matches, names: list[str], photographs: list[str], calibration: Calibration
) -> list[Pair]:
    """All images with their photographs, the closest first."""
    pairs = []
    for k in matches.scores.argsort(descending=True).tolist():
        score, place = float(matches.scores[k]), int(matches.nearest[k])
        verdict = "named" if score >= calibration.threshold else ""
        verdict = "copy" if score >= calibration.certain else verdict
        mutual = bool(matches.mutual[k]) and int(matches.neighbours[k]) == place
        pairs.append(Pair(names[k], photographs[place], k, place, score, mutual, verdict))
    return pairs


def _share_named(matches: Matches | None, calibration: Calibration) -> Share | None:
    if matches is None:
        return None
    return exact_share(int((matches.scores >= calibration.threshold).sum()), len(matches.scores))


def _repeats(
    compared: Compared, real: AuditImages, holdout: AuditImages | None, calibration: Calibration
) -> list[Pair]:
    """Photographs that show what another one shows."""
    pairs = []
    if holdout is not None and compared.holdout is not None:
        pairs += _pairs(compared.holdout, holdout.names, real.names, calibration)
    return [pair for pair in pairs if pair.verdict]


def _nearness(
    index: CopyIndex, compared: Compared, real: AuditImages, holdout: AuditImages | None
) -> tuple[Auroc | None, Share | None]:
    """`nearer` and `closer_to_real`, in features that are whitened on as many photographs of each
    side and folder: on `real` alone they would favour the holdout, and with more of one folder in
    `real` the images that are like that folder would seem nearer to `real`."""
    if compared.holdout_layers is None or holdout is None:
        return None, None
    rng = torch.Generator().manual_seed(0)
    rows: tuple[list[Tensor], list[Tensor]] = ([], [])
    for origin in range(int(real.origins.max()) + 1):
        sides = [(one.origins == origin).nonzero()[:, 0] for one in (real, holdout)]
        count = min(map(len, sides))
        for chosen, side in zip(rows, sides):
            chosen.append(side[torch.randperm(len(side), generator=rng)[:count]])
    mine, theirs = (torch.cat(chosen) for chosen in rows)
    if not len(mine):
        return None, None
    known = [layer[mine] for layer in index.layers]
    other = [layer[theirs] for layer in compared.holdout_layers]
    whitening = Whitening([torch.cat(pair) for pair in zip(known, other)])
    samples = whitening(compared.sample_layers)
    to_real = (samples @ whitening(known).T).amax(1)
    to_other = (samples @ whitening(other).T).amax(1)
    between = (whitening(other) @ whitening(known).T).amax(1)
    closer = exact_share(int((to_real > to_other).sum()), len(samples))
    return auroc(to_real, between), closer


def _authentic(index: CopyIndex, matches: Matches) -> Share:
    similar = (index.rows @ index.rows.T).fill_diagonal_(-2).amax(1)
    own = (2 - 2 * similar).clamp_min(0).sqrt()
    authentic = matches.distances > own[matches.neighbours]
    return exact_share(int(authentic.sum()), len(authentic))
