"""What a difference and its interval say, as a sentence that can say no."""

from math import ceil
from typing import NamedTuple

GAIN = 0.02  # what counts as worth having: 2 points of balanced accuracy


class Difference(NamedTuple):
    """Of two arms, as shares: 0.02 is 2 points.

    Args:
        estimate, low, high: the mean and its 95% interval over test images and draws.
        test_images: how many were tested on.
    """

    estimate: float
    low: float
    high: float
    test_images: int


def verdict(found: Difference, gain: float = GAIN) -> str:
    """A plain sentence: a gain, a loss, no gain, or how many more test images would settle it.

    Args:
        found: ours less the best other way.
        gain: the least that is worth having, above 0.
    """
    low, high = 100 * found.low, 100 * found.high
    interval = f"the interval is {low:+.1f} to {high:+.1f} points"
    if found.low > 0:
        return f"gain found: {100 * found.estimate:+.1f} points; {interval}."
    if found.high < 0:
        return f"loss found: {100 * found.estimate:+.1f} points; {interval}. Leave it out."
    if found.high < gain:
        return f"no gain found: {interval}, which rules out a gain of {100 * gain:g}."
    more = further_images(found, gain)
    if more:
        settled = f"about {_round(more):,} more test images would settle a gain of {100 * gain:g}"
    else:
        settled = f"a gain of {100 * gain:g} is neither shown nor ruled out"
    return f"no gain found: {interval}; {settled}."


def further_images(found: Difference, gain: float = GAIN) -> int:
    """Test images that are wanting until half the interval is as wide as `gain`.

    An interval narrows with the root of their number, as far as chance in the test images makes it
    wide; what the draws of training photographs add is taken to shrink likewise.
    """
    half = (found.high - found.low) / 2
    return max(0, ceil(found.test_images * ((half / gain) ** 2 - 1)))


def _round(count: int) -> int:
    """To two digits at most, upward."""
    step = 10 ** max(0, len(str(count)) - 2)
    return ceil(count / step) * step
