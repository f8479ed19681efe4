"""Which artifacts of dermoscopy there are, and how frequent they are. This imports no torch."""

from collections.abc import Mapping, Sequence
from numbers import Real
from typing import Any

# In the order in which they lie on each other, and the shares of the photographs of ISIC 2017's
# train split that have each, estimated by eye from 136.
DERMOSCOPY = {
    "patch": 0.07,
    "ink": 0.12,
    "bubbles": 0.08,
    "stubble": 0.08,
    "hair": 0.28,
    "ruler": 0.38,
    "ticks": 0.1,
    "glare": 0.04,
    "corners": 0.22,
}
KINDS = tuple(DERMOSCOPY)
NONE = "none"


def check_shares(name: str, shares: Mapping[str, float]) -> dict[str, float]:
    """Shares of kinds of artifacts, if they are: in the order of `KINDS`, without those that are 0,
    so that shares that draw the same are the same.

    Args:
        name: of the argument that they are.
        shares: as in `draw_artifacts`.

    Raises:
        ValueError: no dict, a kind that is none, or a share outside [0, 1].
    """
    if not isinstance(shares, Mapping):
        raise ValueError(f'{name}={shares!r} must be a dict of shares, as in {{"hair": 0.5}}.')
    unknown = [kind for kind in shares if kind not in KINDS]
    if unknown:
        raise ValueError(f"{name} has no {unknown[0]!r}: kinds are {', '.join(KINDS)}.")
    for kind, share in shares.items():
        # Scalars of numpy and torch are numbers too.
        value: Any = share
        value = value.item() if getattr(value, "ndim", None) == 0 else value
        is_number = isinstance(value, Real) and not isinstance(value, bool)
        if not is_number or not 0 <= share <= 1:
            raise ValueError(f"{name} {kind}={share!r} must be a share of images, 0 to 1.")
    return {kind: float(shares[kind]) for kind in KINDS if shares.get(kind)}


def parse_shares(words: Sequence[str]) -> dict[str, float]:
    """The shares that a command line names with `--artifacts`.

    Args:
        words: KIND=SHARE each, or "none" alone; where there is none, it is `DERMOSCOPY`.

    Raises:
        ValueError: other words, a kind that is none or named twice, or a share outside [0, 1].
    """
    if not words:
        return dict(DERMOSCOPY)
    shares: dict[str, float] = {}
    for word in [] if list(words) == [NONE] else words:
        kind, _, share = word.partition("=")
        if kind in shares:
            raise ValueError(f"--artifacts {' '.join(words)}: give each kind once.")
        try:
            shares[kind] = float(share)
        except ValueError:
            raise ValueError(
                f"--artifacts {word}: write KIND=SHARE, as in hair=0.5, or {NONE} alone."
            ) from None
    return check_shares("--artifacts", shares)


def name_shares(shares: Mapping[str, float]) -> str:
    """The words for which `parse_shares` gives these shares."""
    return " ".join(f"{kind}={share!r}" for kind, share in shares.items()) or NONE
