"""Patches of skin: where they are cut, and what a discriminator sees of them."""

import shutil
from pathlib import Path

import pytest
import torch
from PIL import Image

from synthderm.training.edit_batches import draw_pairs, sample_lesional, sample_pairs
from synthderm.training.lesion_patches import (
    load_healthy,
    load_lesions,
    normalize_skin,
    sample_healthy,
    sample_lesions,
)
from tests.drawing import draw_folder, draw_skin


def test_patches_of_healthy_skin_leave_the_lesion_out(tmp_path):
    data = str(draw_folder(tmp_path / "data"))
    torch.manual_seed(0)
    images, healthy = sample_healthy([load_healthy(data, 32)], 8, 32)
    assert images.shape == (8, 3, 32, 32) and images.min() > 0 and images.max() <= 1
    assert 0.2 < healthy.float().mean() < 0.95
    lesions, masks = sample_lesions(load_lesions(data, ["a"], 32, masks=True), 8, 32)
    dark = lesions.mean(1, keepdim=True)
    assert all(dark[k][masks[k]].mean() < 0.8 * dark[k][~masks[k]].mean() for k in range(8))


def test_unwanted_masks_stay_unread(tmp_path):
    data = Path(draw_folder(tmp_path / "data"))
    assert all(photo.lesion is None for photo in load_lesions(str(data), None, 32, masks=False))
    empty = Path(shutil.copytree(data, tmp_path / "empty"))
    Image.new("L", (40, 40), 0).save(empty / "masks" / "3.png")
    assert len(load_lesions(str(empty), None, 32, masks=False)) == 8
    with pytest.raises(ValueError, match="3.png covers nothing"):
        load_lesions(str(empty), None, 32, masks=True)


def test_eczema_is_drawn_on_healthy_skin_alone(tmp_path):
    healthy = load_healthy(str(draw_folder(tmp_path / "data")), 32)
    torch.manual_seed(0)
    pairs = draw_pairs(sample_pairs([healthy], 4, 32, torch.device("cpu")))
    outside = ~pairs.mask.expand(-1, 3, -1, -1)
    assert torch.equal(pairs.lesional[outside], pairs.healthy[outside])
    assert pairs.mask.any() and not (pairs.mask & ~pairs.known).any()
    assert not torch.equal(pairs.lesional, pairs.healthy)


@pytest.mark.parametrize("masked", [True, False])
def test_lesions_are_added_to_healthy_skin_alone(tmp_path, masked):
    data = str(draw_folder(tmp_path / "data"))
    healthy, lesions = load_healthy(data, 32), load_lesions(data, ["a"], 32, masks=masked)
    torch.manual_seed(0)
    batch = sample_lesional(healthy, lesions, 4, 32, masked=masked)
    assert batch.mask.any() and not (batch.mask & ~batch.known).any()
    assert batch.lesion_mask.all() != masked and (batch.severity >= 0.5).all()


def test_a_discriminator_sees_no_tone_and_no_exposure():
    skin = draw_skin(32, 32)[None]
    mask = torch.zeros(1, 1, 32, 32, dtype=torch.bool)
    mask[..., 8:20, 8:20] = True
    lesion = torch.where(mask, skin * torch.tensor([0.8, 0.5, 0.5]).view(1, 3, 1, 1), skin)
    darker = lesion * torch.tensor([0.6, 0.5, 0.4]).view(1, 3, 1, 1)
    seen = normalize_skin(lesion, mask)
    assert torch.allclose(seen, normalize_skin(darker, mask), atol=1e-4)
    assert (seen - normalize_skin(skin, mask)).abs().mean() > 0.05
