"""Verdicts can say yes, no, worse, and how many more images it would take."""

import pytest

from synthderm.evaluation.verdict import Difference, further_images, verdict


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (Difference(0.04, 0.011, 0.07, 500), "gain found: +4.0 points; the interval is +1.1 to"),
        (Difference(-0.04, -0.07, -0.01, 500), "loss found: -4.0 points; the interval is -7.0 to"),
        (Difference(0.0, -0.012, 0.012, 500), "-1.2 to +1.2 points, which rules out a gain of 2."),
        (Difference(0.01, -0.03, 0.05, 200), "about 600 more test images would settle a gain of 2"),
        (Difference(0.015, -0.004, 0.034, 900), "a gain of 2 is neither shown nor ruled out."),
        (Difference(0.0, 0.0, 0.0, 900), "no gain found"),
    ],
)
def test_verdicts(found, said):
    assert said in verdict(found)


def test_more_images_narrow_the_interval_by_the_root_of_their_number():
    wide = Difference(0.01, -0.03, 0.05, 200)  # half of it is 4 points: four times as many
    assert further_images(wide) == 600
    assert further_images(wide, gain=0.04) == 0
