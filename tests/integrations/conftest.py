"""A picture of skin with its mask, as arrays."""

import numpy as np
import pytest

from synthderm.imaging.io import to_pil
from tests.drawing import draw_skin

SIZE = (48, 60)


@pytest.fixture
def image() -> np.ndarray:
    return np.array(to_pil(draw_skin(*SIZE)))


@pytest.fixture
def mask() -> np.ndarray:
    region = np.zeros(SIZE, dtype=np.uint8)
    region[10:40, 10:50] = 1
    return region
