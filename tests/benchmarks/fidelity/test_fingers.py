"""Fingers are counted on drawn hands: a palm with an arm, and rays that stick out."""

import math

import pytest
import torch
from PIL import Image, ImageDraw

from benchmarks.fidelity.fingers import count_fingers
from synthderm.imaging.io import to_tensor


def draw_hand(side: int, fingers: int, *, cut: bool = False) -> torch.Tensor:
    """A mask (1, side, side) bool; of the last finger a middle piece is missing where `cut`."""
    image = Image.new("L", (side, side))
    draw, scale = ImageDraw.Draw(image), side / 128
    draw.ellipse([scale * v for v in (42, 58, 86, 102)], fill=255)
    draw.rectangle([scale * v for v in (52, 90, 76, 128)], fill=255)
    for k in range(fingers):
        angle = math.radians(200 + 35 * k)
        ends = [
            (scale * (64 + r * math.cos(angle)), scale * (80 + r * math.sin(angle)))
            for r in (15, 60)
        ]
        draw.line(ends, fill=255, width=round(9 * scale))
        if cut and k == fingers - 1:
            place = [scale * (64 + 34 * math.cos(angle)), scale * (80 + 34 * math.sin(angle))]
            r = 7 * scale
            draw.ellipse([place[0] - r, place[1] - r, place[0] + r, place[1] + r], fill=0)
    return to_tensor(image) > 127


@pytest.mark.parametrize("side", [96, 128, 256])
def test_fingers_are_counted_at_every_size(side):
    masks = torch.stack([draw_hand(side, count) for count in (0, 1, 3, 4, 5)])
    assert count_fingers(masks).tolist() == [0, 1, 3, 4, 5]


def test_a_finger_that_came_off_is_not_counted():
    assert count_fingers(draw_hand(128, 5, cut=True)[None]).tolist() == [4]


def test_an_empty_mask_has_none():
    assert count_fingers(torch.zeros(2, 1, 64, 64, dtype=torch.bool)).tolist() == [0, 0]
