"""Numbers of trials that do not make a study are refused, with the reason."""

import pytest

from synthderm.study.plan import Plan


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"yesno": 3}, "even"),
        ({"yesno": 0, "two": 0}, "needs questions"),
        ({"participants": 0}, "participants"),
        ({"checks": -1}, "negative"),
        ({"repeats": 99}, "room for"),
    ],
)
def test_a_plan_that_cannot_be_says_why(wrong, words):
    with pytest.raises(ValueError, match=words):
        Plan(**wrong)
