"""Artifacts of dermoscopy: drawn from a seed, each kind by itself."""

import pytest
import torch
import torch.nn.functional as F

from synthderm.imaging.artifact_drawings import DRAWINGS
from synthderm.imaging.artifact_shares import (
    DERMOSCOPY,
    KINDS,
    check_shares,
    name_shares,
    parse_shares,
)
from synthderm.imaging.artifacts import cover_at_random, draw_artifacts, lay_over

ALL = dict.fromkeys(KINDS, 1.0)


def opacity(seed: int, shares: dict[str, float], side: int = 32) -> torch.Tensor:
    return draw_artifacts(seed, side, shares)[3].float() / 255


def test_a_seed_gives_the_same_picture():
    for seed in (0, 7, 2**53 - 1):
        assert torch.equal(draw_artifacts(seed, 32, ALL), draw_artifacts(seed, 32, ALL))
    assert not torch.equal(draw_artifacts(0, 32, ALL), draw_artifacts(1, 32, ALL))


@pytest.mark.parametrize("kind", KINDS)
def test_a_seed_gives_the_same_picture_at_every_size(kind):
    for seed in range(8):
        # Lines move by half a pixel: places of 4 x 4 pixels are compared.
        small, large, other = (
            F.adaptive_avg_pool2d(opacity(number, {kind: 1.0}, side)[None], 16)
            for number, side in ((seed, 64), (seed, 256), (seed + 1, 256))
        )
        assert (small - large).abs().mean() < 0.3 * large.mean() + 0.001
        assert (other - large).abs().mean() > 2 * (small - large).abs().mean()


def test_a_sticker_has_the_same_colours_at_every_size():
    def colors(seed: int, side: int) -> torch.Tensor:
        drawn = draw_artifacts(seed, side, {"patch": 1.0}).float() / 255
        return F.adaptive_avg_pool2d(drawn[:3] * drawn[3:], 8)

    for seed in range(24):
        assert (colors(seed, 64) - colors(seed, 160)).abs().max() < 0.1


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_draws_something_and_leaves_most_to_be_seen(kind):
    covered = torch.stack([opacity(seed, {kind: 1.0}, 64).mean() for seed in range(30)])
    assert (covered > 0).float().mean() > 0.8  # some lie just outside of the picture
    assert covered.mean() < 0.3 and covered.max() < 0.75


def test_kinds_lie_on_each_other_and_do_not_depend_on_the_others():
    base = torch.full((1, 3, 48, 48), 0.6)
    for seed in range(5):
        together = lay_over(base, draw_artifacts(seed, 48, ALL)[None].float() / 255)
        one_by_one = base
        for kind in KINDS:
            one = draw_artifacts(seed, 48, {kind: 1.0})[None].float() / 255
            one_by_one = lay_over(one_by_one, one)
        assert (together - one_by_one).abs().max() < 0.03  # colours are rounded to bytes


def test_a_share_is_that_of_the_images():
    drawn = sum(opacity(seed, {"corners": 0.3}, 8).max() > 0 for seed in range(1000))
    assert 250 < drawn < 350
    assert not draw_artifacts(0, 16, {}).any() and not draw_artifacts(0, 16, {"hair": 0.0}).any()
    assert all(0 < share < 1 for share in DERMOSCOPY.values()) and tuple(DRAWINGS) == KINDS


@pytest.mark.parametrize(
    ("shares", "says"),
    [
        ({"hairs": 0.5}, "artifacts has no 'hairs': kinds are .*hair"),
        ({"hair": 1.5}, r"artifacts hair=1.5 must be a share"),
        ({"hair": float("nan")}, "must be a share"),
        ({"hair": "many"}, "must be a share"),
        (["hair"], "artifacts=.* must be a dict"),
        (True, "must be a dict"),
    ],
)
def test_shares_that_are_none_are_refused(shares, says):
    with pytest.raises(ValueError, match=says):
        check_shares("artifacts", shares)


def test_shares_that_draw_the_same_are_the_same():
    asked = {"ruler": 1, "ink": 0, "hair": 0.5, "corners": -0.0}
    assert list(check_shares("artifacts", asked).items()) == [("hair", 0.5), ("ruler", 1.0)]
    assert check_shares("artifacts", dict.fromkeys(KINDS, 0)) == {}


@pytest.mark.parametrize(
    ("words", "shares"),
    [
        ("", DERMOSCOPY),
        ("none", {}),
        ("hair=0", {}),
        ("ink=0.07 hair=.2", {"ink": 0.07, "hair": 0.2}),
        ("ruler=1", {"ruler": 1.0}),
    ],
)
def test_words_of_a_command_line_are_shares(words, shares):
    parsed = parse_shares(words.split())
    assert parsed == shares and parsed is not DERMOSCOPY
    assert parse_shares(name_shares(parsed).split()) == parsed


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ("hair", "--artifacts hair: write KIND=SHARE"),
        ("none hair=1", "--artifacts none: write KIND=SHARE"),
        ("none none", "--artifacts none: write KIND=SHARE"),
        ("hair=0.1,ink=0.2", "write KIND=SHARE"),
        ("hair=0.1 ink=0.2 hair=0", "--artifacts hair=0.1 ink=0.2 hair=0: give each kind once"),
        ("Hair=0.1", "--artifacts has no 'Hair': kinds are"),
        ("hair=20", "must be a share of images, 0 to 1"),
        ("hair=nan", "must be a share of images, 0 to 1"),
    ],
)
def test_other_words_are_refused(words, says):
    with pytest.raises(ValueError, match=says):
        parse_shares(words.split())


def test_where_nothing_is_drawn_images_stay_as_they_are():
    images = torch.rand(1, 3, 32, 32)
    drawn = draw_artifacts(3, 32, {"hair": 1.0, "ruler": 1.0})[None].float() / 255
    covered = lay_over(images, drawn)
    free = (drawn[:, 3:] == 0).expand_as(images)
    assert free.any() and torch.equal(covered[free], images[free])
    assert not torch.equal(covered, images)
    opaque = torch.cat([torch.full((1, 3, 32, 32), 0.25), torch.ones(1, 1, 32, 32)], dim=1)
    assert (lay_over(images, opaque) == 0.25).all()


def test_each_image_has_its_own_random_state():
    images = torch.rand(3, 3, 16, 16)

    def states() -> list[torch.Generator]:
        return [torch.Generator().manual_seed(seed) for seed in (5, 6, 7)]

    together = cover_at_random(images, ALL, states())
    for row, rng in enumerate(states()):
        alone = cover_at_random(images[row : row + 1], ALL, [rng])
        assert torch.equal(alone[0], together[row])


@pytest.mark.parametrize("kind", ["patch", "corners"])
def test_no_surface_is_flat(kind):
    windows = []
    for seed in range(8):
        drawn = draw_artifacts(seed, 64, {kind: 1.0})[None].float()
        means, squares = F.avg_pool2d(drawn, 5, 1), F.avg_pool2d(drawn.square(), 5, 1)
        deviation = (squares - means.square()).clamp(min=0).sqrt()
        inside = -F.max_pool2d(-drawn[:, 3:], 5, 1) > 200  # all of the window
        windows.append(deviation[:, :1][inside])
    assert torch.cat(windows).numel() > 100 and torch.cat(windows).min() > 1
