"""One seed for each item of a data set."""

import operator

MIX = (0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB)


def item_seed(seed: int, index: int) -> int:
    """A 63-bit seed for item `index` of a data set: splitmix64 (Steele et al., OOPSLA 2014), so
    that neighbours are unrelated."""
    x = operator.index(seed) & (2**64 - 1)
    for value in (operator.index(index), 0x5EED):
        x = (x + MIX[0] * (value + 1)) & (2**64 - 1)
        x = ((x ^ (x >> 30)) * MIX[1]) & (2**64 - 1)
        x = ((x ^ (x >> 27)) * MIX[2]) & (2**64 - 1)
        x ^= x >> 31
    return x >> 1
