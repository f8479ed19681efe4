"""Windows on lesions and beside them, lent masks, and skin of other tones."""

import pytest
import torch

from benchmarks.editing.windows import TONES, cut_windows, lend_masks, shift_tone
from synthderm.imaging.color import ita
from tests.drawing import draw_skin


def test_windows_are_of_one_scale(photographs):
    rng = torch.Generator().manual_seed(0)
    healthy, inflamed = cut_windows(str(photographs), ("val", "test"), rng)
    assert healthy.images.shape[1:] == inflamed.images.shape[1:] == (3, 112, 112)
    assert not healthy.masks.any() and len(inflamed) == 6
    assert set(healthy.labels.tolist()) == {0} and set(inflamed.labels.tolist()) == {1}
    coverage = (inflamed.masks > 127).float().mean((1, 2, 3))
    assert (coverage > 0.2).all() and (coverage < 0.8).all()
    # A window without the drawn lesion has the ratio of green to red of the skin.
    for image in healthy.images:
        ratio = image[1].float() / image[0].float()
        assert not (ratio < 0.48).float().mean() > 0.05


def test_photographs_smaller_than_a_window_are_named(photographs):
    with pytest.raises(ValueError, match="6.png is 240 x 240 pixels, smaller than a window of 241"):
        cut_windows(str(photographs), ("val",), torch.Generator(), side=241)


def test_masks_are_lent_by_other_patients(photographs):
    rng = torch.Generator().manual_seed(0)
    healthy, inflamed = cut_windows(str(photographs), ("val", "test"), rng)
    masks = lend_masks(healthy, inflamed, torch.Generator().manual_seed(0))
    lesions = inflamed.masks > 127
    for patient, mask in zip(healthy.groups, masks):
        donors = [
            name
            for name, lesion in zip(inflamed.groups, lesions)
            if torch.equal(lesion, mask) or torch.equal(lesion.flip(2), mask)
        ]
        assert donors and any(name != patient for name in donors)


def test_skin_is_shifted_to_the_tone_asked_for_and_its_background_is_not():
    image = draw_skin(64, 64, "tan")
    image[:, :, 44:] = torch.tensor([0.6, 0.7, 0.9]).view(3, 1, 1)
    before = (image[None] * 255).round().to(torch.uint8)
    for target, low, high in TONES.values():
        shifted, reached = shift_tone(before, target)
        assert abs(reached - target) < 2 and low < reached < high
        assert torch.equal(shifted[..., 50:], before[..., 50:])
        assert abs(ita(shifted[..., :40].float() / 255) - target) < 4
