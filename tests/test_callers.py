"""Warnings point at the user's line, from any depth; lists in messages stay short."""

import pytest

from synthderm.callers import name_some
from synthderm.imaging.io import list_images, to_pil, write_image
from tests.drawing import draw_skin


def test_warnings_point_at_the_caller_from_any_depth(tmp_path):
    write_image(to_pil(draw_skin(8, 8)), tmp_path / "a" / "1.png")
    (tmp_path / "a" / "dead.png").symlink_to(tmp_path / "nowhere")
    with pytest.warns(UserWarning, match="dead.png is a link to .*nowhere") as caught:
        list_images(tmp_path)
    assert caught[0].filename == __file__


def test_lists_stay_short():
    assert name_some("abc") == "a, b, c"
    assert name_some("abcde") == "a, b, c and 2 more"
