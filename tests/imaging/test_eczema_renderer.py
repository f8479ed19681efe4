"""Drawn eczema and its textures: properties that the editor's training relies on."""

import pytest
import torch
from torch.nn.functional import pad

from synthderm.imaging.color import to_lab
from synthderm.imaging.eczema_renderer import SIGNS, draw_eczema
from synthderm.imaging.masks import smooth_fields
from synthderm.imaging.textures import TILE, cut_texture, texture_tile
from tests.drawing import TONES, draw_skin
from tests.imaging.skin_indices import erythema_index, melanin_index

SIDE = 96


@pytest.fixture(scope="module")
def lesion():
    """(mask, noise, texture) of one lesion."""
    rng = torch.Generator().manual_seed(3)
    noise = smooth_fields(1, 64, ((6, 1.0),), ((12, 1.0),), generator=rng)
    mask = torch.zeros(1, 1, SIDE, SIDE, dtype=torch.bool)
    mask[..., 14:80, 20:84] = True
    return mask, noise, cut_texture(torch.tensor([[0.4, 0.2]]), SIDE, SIDE)


def with_signs(**amounts: float) -> torch.Tensor:
    return torch.tensor([[amounts.get(name, 0.0) for name in SIGNS]])


def change(a: torch.Tensor, b: torch.Tensor, mask: torch.Tensor) -> float:
    """Mean distance in CIE L*a*b* inside the mask."""
    return (to_lab(a) - to_lab(b)).square().sum(1, keepdim=True).sqrt()[mask].mean().item()


@pytest.mark.parametrize("tone", TONES)
def test_outside_untouched_and_severity_is_a_dial(tone, lesion):
    mask, *rest = lesion
    skin = draw_skin(SIDE, SIDE, tone)[None]
    assert torch.equal(draw_eczema(skin, mask, torch.zeros(1), *rest), skin)
    assert torch.equal(draw_eczema(skin, torch.zeros_like(mask), torch.ones(1), *rest), skin)
    changes = []
    for severity in (0.2, 0.4, 0.6, 0.8, 1.0):
        drawn = draw_eczema(skin, mask, torch.tensor([severity]), *rest)
        assert torch.equal(drawn[~mask.expand_as(drawn)], skin[~mask.expand_as(skin)])
        assert drawn.isfinite().all() and drawn.min() >= 0 and drawn.max() <= 1
        changes.append(change(drawn, skin, mask))
    assert changes[0] > 0.5 and all(
        more > less for less, more in zip(changes, changes[1:], strict=False)
    )


@pytest.mark.parametrize("tone", ["light", "dark"])
@pytest.mark.parametrize("sign", SIGNS)
def test_each_sign_shows_and_grows(sign, tone, lesion):
    mask, *rest = lesion
    skin = draw_skin(SIDE, SIDE, tone)[None]
    none, half, full = (
        draw_eczema(skin, mask, torch.tensor([0.9]), *rest, with_signs(**{sign: amount}))
        for amount in (0.0, 0.5, 1.0)
    )
    assert (
        change(full, none, mask) > 0.1
        and change(full, none, mask) > change(half, none, mask) > 0.01
    )


def test_signs_look_as_they_are_named(lesion):
    mask, *rest = lesion
    skin = draw_skin(SIDE, SIDE, "light")[None]
    plain, red, lichen, scale, crust = (
        draw_eczema(skin, mask, torch.ones(1), *rest, with_signs(**{name: 1.0}))
        for name in ("", "erythema", "lichenification", "scale", "crust")
    )
    assert erythema_index(red)[mask].mean() > erythema_index(plain)[mask].mean() + 0.2
    assert melanin_index(lichen)[mask].mean() > melanin_index(plain)[mask].mean() + 0.05
    assert scale.amin(1, keepdim=True)[mask].mean() > plain.amin(1, keepdim=True)[mask].mean()
    assert (
        crust.mean(1, keepdim=True)[mask].quantile(0.02)
        < plain.mean(1, keepdim=True)[mask].quantile(0.02) - 0.1
    )


def test_diffuse_plaques_fade_towards_the_border(lesion):
    mask, *rest = lesion
    skin = draw_skin(SIDE, SIDE, "light")[None]
    inner = -torch.nn.functional.max_pool2d(-pad(mask.float(), (4,) * 4), 9, 1) > 0
    share = []
    for diffuse in (0.0, 1.0):
        drawn = draw_eczema(
            skin, mask, torch.ones(1), *rest, with_signs(erythema=1.0, diffuseness=diffuse)
        )
        share.append(change(drawn, skin, mask & ~inner) / change(drawn, skin, inner))
    assert share[1] < 0.7 * share[0]


def test_dark_skin_turns_violet_brown_not_red(lesion):
    mask, *rest = lesion
    shift = []
    for tone in ("light", "dark"):
        skin = draw_skin(SIDE, SIDE, tone)[None]
        drawn = draw_eczema(skin, mask, torch.ones(1), *rest, with_signs(erythema=1.0))
        shift.append(
            (melanin_index(drawn) - melanin_index(skin))[mask].mean()
            / (erythema_index(drawn) - erythema_index(skin))[mask].mean()
        )
    assert shift[1] > 2 * shift[0]


def test_batch_equals_one_by_one(lesion):
    mask, noise, texture = lesion
    skin = torch.stack([draw_skin(SIDE, SIDE, tone) for tone in TONES])
    severity, signs = (
        torch.tensor([0.0, 0.4, 0.9]),
        torch.rand(3, 8, generator=torch.Generator().manual_seed(0)),
    )
    every = draw_eczema(
        skin,
        mask.expand(3, -1, -1, -1),
        severity,
        noise.expand(3, -1, -1, -1),
        texture.expand(3, -1, -1, -1),
        signs,
    )
    for k in range(3):
        one = draw_eczema(
            skin[k : k + 1], mask, severity[k : k + 1], noise, texture, signs[k : k + 1]
        )
        torch.testing.assert_close(every[k : k + 1], one, atol=1e-5, rtol=0)


def test_tile_is_fixed_and_has_all_its_parts():
    tile = texture_tile()
    assert tile.shape == (3, TILE, TILE) and tile.min() >= -1 and tile.max() <= 1
    texture_tile.cache_clear()
    state = torch.get_rng_state()
    assert torch.equal(texture_tile(), tile) and torch.equal(torch.get_rng_state(), state)
    light, dark, relief = tile
    assert (light > 0.25).float().mean() > 0.2 and 0.003 < (light < -0.25).float().mean() < 0.1
    assert 0.02 < (dark > 0.25).float().mean() < 0.3 and 0.003 < (dark < -0.25).float().mean() < 0.1
    assert relief.mean().abs() < 0.05 and 0.2 < relief.std() < 0.6


@pytest.mark.parametrize("level", [0, 1])
def test_tile_is_seamless_and_does_not_glitter(level):
    tile = texture_tile(level)
    assert tile.shape[-1] == TILE * 2**level
    for dim in (1, 2):
        steps = tile.diff(dim=dim).abs().mean((1, 2))
        seam = (tile.select(dim, 0) - tile.select(dim, -1)).abs().mean(1)
        assert (seam < 2 * steps).all()
    # White noise has steps of sqrt(2) times its spread between neighbours on average of squares;
    # these are smoother.
    assert (tile.diff(dim=2).square().mean((1, 2)).sqrt() < 0.9 * tile.std((1, 2))).all()


def test_cut_texture_covers_any_size():
    for size in ((1, 1), (320, 224), (700, 30), (1300, 900)):
        assert cut_texture(torch.tensor([[0.999, 0.0]]), *size).shape == (1, 3, *size)
    offset, tile = torch.tensor([[0.5, 0.25], [0.0, 0.9]]), texture_tile()
    pieces = cut_texture(offset, 112, 112)
    assert torch.equal(pieces[0], tile[:, 200:312, 100:212]) and torch.equal(
        pieces[1:], cut_texture(offset[1:], 112, 112)
    )
    window = (slice(10, 40), slice(5, 90))
    assert torch.equal(cut_texture(offset, 112, 112, window), pieces[:, :, 10:40, 5:90])
