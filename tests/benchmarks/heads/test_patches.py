"""Patches of drawn close-ups: inflamed where the lesion is, healthy beside it."""

import csv
from pathlib import Path

import pytest
import torch

from benchmarks.heads.patches import place_beside_lesion, read_patches
from synthderm.imaging.io import to_pil
from tests.drawing import draw_skin

RED = torch.tensor([0.9, 0.6, 0.6]).view(3, 1, 1)


@pytest.fixture(scope="module")
def close_ups(tmp_path_factory) -> Path:
    """Close-ups of skin with a red square in the corner; one has no mask, one is a nevus."""
    root = tmp_path_factory.mktemp("padufes")
    (root / "images").mkdir()
    (root / "masks").mkdir()
    rows = []
    for k in range(6):
        image, mask = draw_skin(90, 90, seed=100 + k), torch.zeros(1, 90, 90, dtype=torch.bool)
        mask[:, 4:28, 4:28] = True
        to_pil(torch.where(mask, image * RED, image)).save(root / f"images/{k}.png")
        to_pil(mask).save(root / f"masks/{k}.png")
        row = {"file_name": f"images/{k}.png", "mask_file_name": f"masks/{k}.png", "label": "BCC"}
        rows.append(row | {"split": "test" if k > 3 else "train", "patient_id": f"p{k // 2}"})
    rows[1]["mask_file_name"] = ""
    rows[2]["label"] = "NEV"
    with open(root / "metadata.csv", "w", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    return root


def test_patches_are_healthy_where_they_say_so(close_ups):
    train = read_patches(close_ups, ("train",))
    inflamed, healthy = train.labels == 1, train.labels == 0
    assert inflamed.sum() == 2 and healthy.sum() >= 2 and len(set(train.groups)) == 2
    assert not train.healthy[inflamed].flatten(1).all(1).any()
    assert train.healthy[healthy].all()
    redness = train.pixels.float().mean((2, 3))
    redness = redness[:, 0] / redness[:, 1]
    assert redness[inflamed].min() > redness[healthy].max()
    both = read_patches(close_ups, ("train", "test"))
    assert (both.labels == 1).sum() == 4 and len(set(both.groups)) == 3


def test_a_split_without_inflamed_photographs_is_an_error(close_ups):
    with pytest.raises(ValueError, match="split 'val' has no photograph of ACK, BCC, SCC"):
        read_patches(close_ups, ("val",))


def test_healthy_patches_touch_neither_the_lesion_nor_each_other():
    mask = torch.zeros(1, 60, 60, dtype=torch.bool)
    mask[:, 20:40, 20:40] = True
    taken = mask.clone()
    corners = place_beside_lesion(mask, ~mask, 18, torch.Generator().manual_seed(0))
    assert len(corners) > 1
    for top, left in corners:
        window = taken[:, top : top + 18, left : left + 18]
        assert window.shape == (1, 18, 18) and not window.any()
        window[:] = True
