"""Ways to damage bytes and text."""

import random

from hypothesis import strategies as st

SPECIAL = [b"\x00", b"\xff", b"\xff\xd8", b"\xff\xda", b"\x7f\xff\xff\xff", b"\xff\xff\xff\xff"]


def seeds() -> st.SearchStrategy[random.Random]:
    """Sources of random numbers, each known by its seed."""
    return st.integers(0, 2**32 - 1).map(random.Random)


def mutate(rng: random.Random, body: bytes, most: int = 6) -> bytes:
    """Up to `most` changes; now and then none."""
    data = bytearray(body)
    for _ in range(rng.randrange(most + 1)):
        # Heads hold sizes and kinds, so they are changed as often as all the rest.
        end = min(len(data), 64) if rng.random() < 0.5 else len(data)
        place = rng.randrange(end) if end else 0
        kind = rng.randrange(7)
        if kind == 0 and data:
            data[place] ^= 1 << rng.randrange(8)
        elif kind == 1 and data:
            data[place] = rng.choice([0, 1, 127, 128, 254, 255])
        elif kind == 2:
            data[place:place] = rng.choice(SPECIAL) * rng.choice([1, 1, 1, 50])
        elif kind == 3:
            del data[place : place + rng.choice([1, 2, 4, 16, 200])]
        elif kind == 4:
            del data[place:]
        elif kind == 5:  # a part once more
            part = data[place : place + rng.choice([2, 20, 200])]
            data[place:place] = part * rng.choice([1, 2, 100])
        else:
            data[place : place + 4] = rng.randrange(2**32).to_bytes(
                4, rng.choice(["big", "little"])
            )
    return bytes(data)
