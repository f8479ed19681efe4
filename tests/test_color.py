import pytest
import torch
from drawing import TONES, draw_skin

from synthderm.color import HAEMOGLOBIN, MELANIN, erythema_index, from_density, ita, melanin_index, to_density, to_lab


def test_density_and_back():
    image = torch.rand(2, 3, 8, 8) * 0.99 + 0.01
    assert torch.allclose(from_density(to_density(image)), image, atol=1e-6)
    assert torch.isfinite(to_density(torch.zeros(1, 3, 2, 2))).all()


@pytest.mark.parametrize(
    ("rgb", "lab"),
    [  # CIE L*a*b* (D65) of sRGB primaries, as tabulated by Lindbloom, rounded
        ((1.0, 1.0, 1.0), (100.0, 0.0, 0.0)),
        ((1.0, 0.0, 0.0), (53.24, 80.09, 67.20)),
        ((0.0, 0.0, 1.0), (32.30, 79.19, -107.86)),
        ((0.5, 0.5, 0.5), (53.39, 0.0, 0.0)),
    ],
)
def test_lab_of_known_colours(rgb, lab):
    got = to_lab(torch.tensor(rgb).view(3, 1, 1)).flatten()
    assert torch.allclose(got, torch.tensor(lab), atol=0.2)


def test_ita_orders_skin_tones_and_ignores_what_is_masked():
    images = torch.stack([draw_skin(16, 16, tone) for tone in TONES])
    light, tan, dark = ita(images)
    assert light > 41 > tan > dark and dark < -30
    half = images.clone()
    half[..., 8:] = torch.tensor([0.1, 0.2, 0.9]).view(3, 1, 1)
    mask = torch.zeros(3, 1, 16, 16, dtype=torch.bool)
    mask[..., :8] = True
    assert torch.allclose(ita(half, mask), ita(images[..., :8]), atol=1e-3)
    assert ita(images, torch.zeros_like(mask)).isnan().all()


@pytest.mark.parametrize("tone", TONES)
def test_blood_raises_erythema_and_melanin_its_own_index_by_the_same_amount_on_every_tone(tone):
    image = draw_skin(8, 8, tone)
    direction = {"blood": HAEMOGLOBIN, "melanin": MELANIN}
    shifted = {name: from_density(to_density(image) + 0.2 * torch.tensor(d).view(3, 1, 1)) for name, d in direction.items()}
    rise = (erythema_index(shifted["blood"]) - erythema_index(image)).mean()
    assert rise == pytest.approx(0.2 * (HAEMOGLOBIN[1] - HAEMOGLOBIN[0]), abs=1e-3)
    rise = (melanin_index(shifted["melanin"]) - melanin_index(image)).mean()
    assert rise == pytest.approx(0.2 * MELANIN[0], abs=1e-3)
