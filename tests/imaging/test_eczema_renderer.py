"""Drawn eczema: properties that the editor's training relies on."""

import pytest
import torch
from torch.nn.functional import interpolate, max_pool2d, pad

from synthderm.imaging.color import to_lab
from synthderm.imaging.eczema_renderer import draw_eczema
from synthderm.imaging.lesions import Latents, sample_latents, with_signs
from synthderm.imaging.signs import SIGNS
from tests.drawing import TONES, draw_skin
from tests.imaging.skin_indices import erythema_index, melanin_index

SIDE = 160


@pytest.fixture(scope="module")
def mask():
    mask = torch.zeros(1, 1, SIDE, SIDE, dtype=torch.bool)
    mask[..., 14:140, 20:144] = True
    return mask


@pytest.fixture(scope="module")
def lesion() -> Latents:
    return sample_latents(1, torch.Generator().manual_seed(3))


def signs(latents: Latents, **amounts: float) -> Latents:
    return with_signs(latents, torch.tensor([[amounts.get(name, 0.0) for name in SIGNS]]))


def change(a: torch.Tensor, b: torch.Tensor, mask: torch.Tensor) -> float:
    """Mean distance in CIE L*a*b* inside the mask."""
    return (to_lab(a) - to_lab(b)).square().sum(1, keepdim=True).sqrt()[mask].mean().item()


@pytest.mark.parametrize("tone", TONES)
def test_outside_untouched_and_severity_is_a_dial(tone, mask, lesion):
    skin = draw_skin(SIDE, SIDE, tone)[None]
    assert torch.equal(draw_eczema(skin, mask, torch.zeros(1), lesion), skin)
    assert torch.equal(draw_eczema(skin, torch.zeros_like(mask), torch.ones(1), lesion), skin)
    changes = []
    for severity in (0.2, 0.4, 0.6, 0.8, 1.0):
        drawn = draw_eczema(skin, mask, torch.tensor([severity]), lesion)
        assert torch.equal(drawn[~mask.expand_as(drawn)], skin[~mask.expand_as(skin)])
        assert drawn.isfinite().all() and drawn.min() >= 0 and drawn.max() <= 1
        changes.append(change(drawn, skin, mask))
    assert changes[0] > 0.5 and changes == sorted(changes)


# Warmer or colder redness is not told apart on dark skin, where blood shows violet.
SHOWN = [(sign, tone) for sign in SIGNS for tone in ("light", "dark")]
SHOWN.remove(("warmth", "dark"))


@pytest.mark.parametrize(("sign", "tone"), SHOWN)
def test_each_sign_shows(sign, tone, mask, lesion):
    """On a red plaque; with a few signs only here and there."""
    skin = draw_skin(SIDE, SIDE, tone)[None]
    plaque = {"erythema": 0.6, "papulation": 0.5}
    none, full = (
        draw_eczema(skin, mask, torch.tensor([0.9]), signs(lesion, **(plaque | {sign: amount})))
        for amount in (0.0, 1.0)
    )
    distance = (to_lab(full) - to_lab(none)).square().sum(1, keepdim=True).sqrt()[mask]
    assert distance.quantile(0.99) > 0.5  # in CIE L*a*b*, where 1 is about what is just seen


def test_signs_look_as_they_are_named(mask, lesion):
    skin = draw_skin(SIDE, SIDE, "light")[None]
    plain, red, brown, scale, crust = (
        draw_eczema(skin, mask, torch.ones(1), signs(lesion, **{name: 1.0}))
        for name in ("", "erythema", "pigment", "scale", "crust")
    )
    assert erythema_index(red)[mask].mean() > erythema_index(plain)[mask].mean() + 0.2
    assert melanin_index(brown)[mask].mean() > melanin_index(plain)[mask].mean() + 0.05
    assert scale.amin(1, keepdim=True)[mask].mean() > plain.amin(1, keepdim=True)[mask].mean()
    assert (plain - crust).mean(1, keepdim=True)[mask].quantile(0.98) > 0.05


def test_eczema_is_crisp_and_not_only_a_smooth_stain(mask, lesion):
    """A part of the change is lost on a 32 px grid. Of a smooth stain, nothing is."""
    skin = draw_skin(SIDE, SIDE, "light")[None]
    drawn = draw_eczema(skin, mask, torch.ones(1), lesion)
    difference = (drawn - skin).mean(1, keepdim=True)
    smooth = interpolate(interpolate(difference, size=32, mode="area"), size=SIDE, mode="bilinear")
    assert (difference - smooth)[mask].var() > 0.05 * difference[mask].var()


def test_diffuse_plaques_fade_towards_the_border(mask, lesion):
    skin = draw_skin(SIDE, SIDE, "light")[None]
    inner = -max_pool2d(-pad(mask.float(), (12,) * 4), 25, 1) > 0
    share = []
    for diffuse in (0.0, 1.0):
        latents = signs(lesion, erythema=1.0, diffuseness=diffuse)
        drawn = draw_eczema(skin, mask, torch.ones(1), latents)
        share.append(change(drawn, skin, mask & ~inner) / change(drawn, skin, inner))
    assert share[1] < 0.9 * share[0]


def test_dark_skin_turns_violet_brown_not_red(mask, lesion):
    shift = []
    for tone in ("light", "dark"):
        skin = draw_skin(SIDE, SIDE, tone)[None]
        drawn = draw_eczema(skin, mask, torch.ones(1), signs(lesion, erythema=1.0))
        melanin, blood = (
            (index(drawn) - index(skin))[mask].mean() for index in (melanin_index, erythema_index)
        )
        shift.append(melanin / blood)
    assert shift[1] > 1.5 * shift[0]


def test_batch_equals_one_by_one(mask):
    skin = torch.stack([draw_skin(SIDE, SIDE, tone) for tone in TONES])
    severity, latents = torch.tensor([0.0, 0.4, 0.9]), sample_latents(3)
    every = draw_eczema(skin, mask.expand(3, -1, -1, -1), severity, latents)
    for k in range(3):
        one = slice(k, k + 1)
        own = Latents(*(part[one] for part in latents))
        alone = draw_eczema(skin[one], mask, severity[one], own)
        torch.testing.assert_close(every[one], alone, atol=1e-5, rtol=0)
