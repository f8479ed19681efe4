import pytest
import torch

from synthderm.imaging.color import (
    HAEMOGLOBIN,
    MELANIN,
    ciede2000,
    from_density,
    ita,
    to_density,
    to_lab,
)
from tests.drawing import TONES, draw_skin
from tests.imaging.skin_indices import erythema_index, melanin_index


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
    shifted = {
        name: from_density(to_density(image) + 0.2 * torch.tensor(d).view(3, 1, 1))
        for name, d in direction.items()
    }
    rise = (erythema_index(shifted["blood"]) - erythema_index(image)).mean()
    assert rise == pytest.approx(0.2 * (HAEMOGLOBIN[1] - HAEMOGLOBIN[0]), abs=1e-3)
    rise = (melanin_index(shifted["melanin"]) - melanin_index(image)).mean()
    assert rise == pytest.approx(0.2 * MELANIN[0], abs=1e-3)


# Sharma, Wu and Dalal, Color Res. Appl. 30 (2005), table 1: two colours in L*a*b* and their
# difference.
SHARMA = """
50 2.6772 -79.7751 50 0 -82.7485 2.0425
50 3.1571 -77.2803 50 0 -82.7485 2.8615
50 2.8361 -74.0200 50 0 -82.7485 3.4412
50 -1.3802 -84.2814 50 0 -82.7485 1.0000
50 -1.1848 -84.8006 50 0 -82.7485 1.0000
50 -0.9009 -85.5211 50 0 -82.7485 1.0000
50 0 0 50 -1 2 2.3669
50 -1 2 50 0 0 2.3669
50 2.4900 -0.0010 50 -2.4900 0.0009 7.1792
50 2.4900 -0.0010 50 -2.4900 0.0010 7.1792
50 2.4900 -0.0010 50 -2.4900 0.0011 7.2195
50 2.4900 -0.0010 50 -2.4900 0.0012 7.2195
50 -0.0010 2.4900 50 0.0009 -2.4900 4.8045
50 -0.0010 2.4900 50 0.0010 -2.4900 4.8045
50 -0.0010 2.4900 50 0.0011 -2.4900 4.7461
50 2.5 0 50 0 -2.5 4.3065
50 2.5 0 73 25 -18 27.1492
50 2.5 0 61 -5 29 22.8977
50 2.5 0 56 -27 -3 31.9030
50 2.5 0 58 24 15 19.4535
50 2.5 0 50 3.1736 0.5854 1.0000
50 2.5 0 50 3.2972 0 1.0000
50 2.5 0 50 1.8634 0.5757 1.0000
50 2.5 0 50 3.2592 0.3350 1.0000
60.2574 -34.0099 36.2677 60.4626 -34.1751 39.4387 1.2644
63.0109 -31.0961 -5.8663 62.8187 -29.7946 -4.0864 1.2630
61.2901 3.7196 -5.3901 61.4292 2.2480 -4.9620 1.8731
35.0831 -44.1164 3.7933 35.0232 -40.0716 1.5901 1.8645
22.7233 20.0904 -46.6940 23.0331 14.9730 -42.5619 2.0373
36.4612 47.8580 18.3852 36.2715 50.5065 21.2231 1.4146
90.8027 -2.0831 1.4410 91.1528 -1.6435 0.0447 1.4441
90.9257 -0.5406 -0.9208 88.6381 -0.8985 -0.7239 1.5381
6.7747 -0.2908 -2.4247 5.8714 -0.0985 -2.2286 0.6377
2.0776 0.0795 -1.1350 0.9033 -0.0636 -0.5514 0.9082
"""


def test_ciede2000_of_the_published_pairs():
    rows = torch.tensor(
        [[float(number) for number in line.split()] for line in SHARMA.split("\n") if line],
        dtype=torch.float64,
    )
    first, second = rows[:, :3].T[:, None], rows[:, 3:6].T[:, None]
    assert rows.shape == (34, 7)
    assert torch.allclose(ciede2000(first, second)[0], rows[:, 6], atol=6e-5)
    assert torch.allclose(ciede2000(second, first)[0], rows[:, 6], atol=6e-5)
    assert (ciede2000(first, first) == 0).all()
