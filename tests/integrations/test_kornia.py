"""Batches between kornia's containers."""

import pytest
import torch

from synthderm import EczemaEdit

K = pytest.importorskip("kornia.augmentation")


@pytest.mark.parametrize("keys", [["input", "mask"], ["image", "mask", "label"]])
def test_a_batch_between_two_containers(editor, image, mask, keys):
    images = torch.stack([torch.from_numpy(image)] * 4).permute(0, 3, 1, 2) / 255
    masks = torch.stack([torch.from_numpy(mask)] * 4)[:, None].float()
    labels = torch.zeros(4, dtype=torch.long)
    before = K.AugmentationSequential(K.RandomCrop((40, 40)), data_keys=keys)
    after = K.AugmentationSequential(K.RandomHorizontalFlip(p=1.0), data_keys=keys)
    edit = EczemaEdit(p=1, severity=1.0, mask="given", label=1, model=editor)
    given = [images, masks, labels][: len(keys)]
    cropped = before(*given)
    edited = edit.batch(*cropped[:2], labels)
    changed = (edited[0] != cropped[0]).any(1, keepdim=True)
    assert changed.any() and not (changed & (cropped[1] == 0)).any()
    assert edited[2].tolist() == [1] * 4
    flipped = after(*edited[: len(keys)])
    assert torch.equal(flipped[0], edited[0].flip(-1)) and torch.equal(
        flipped[1], edited[1].flip(-1)
    )
    if len(keys) == 3:
        assert flipped[2].tolist() == [1] * 4
