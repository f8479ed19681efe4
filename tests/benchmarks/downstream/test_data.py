"""Photographs, patches and subsets."""

import pytest
import torch

from benchmarks.downstream import data
from benchmarks.downstream.patches import place_beside_lesion
from benchmarks.downstream.settings import task_data
from tests.benchmarks.downstream.helpers import write_rows
from tests.drawing import draw_folder


def test_subsets_are_nested_stratified_and_complete(settings):
    train = task_data(settings, "A").splits["train"]
    small, large = data.take_fraction(train, 0.25, 3), data.take_fraction(train, 0.5, 3)
    assert set(small) < set(large) and len(small) == 6
    assert small != data.take_fraction(train, 0.25, 4)
    assert torch.bincount(train.labels[small]).tolist() == [3, 3]
    with pytest.raises(ValueError, match="class 'a' is missing in the subset: 1.00% of its 12"):
        data.take_fraction(train, 0.01, 0)
    close_ups = task_data(settings, "B").splits["train"]
    few = close_ups.rows(data.take_positives(close_ups, 2, 0))
    assert (few.labels == 1).sum() == 2
    assert (few.labels == 0).sum() == (close_ups.labels == 0).sum()
    with pytest.raises(ValueError, match="99 patches of class 'inflamed'"):
        data.take_positives(close_ups, 99, 0)


def test_patches_are_healthy_where_they_say_so(settings):
    train = task_data(settings, "B").splits["train"]
    assert train.masks[train.labels == 1].flatten(1).any(1).all()
    assert not train.masks[train.labels == 0].any()
    redness = train.images.float().mean((2, 3))
    redness = redness[:, 0] / redness[:, 1]
    assert redness[train.labels == 1].min() > redness[train.labels == 0].max()


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


def load(folder, cache):
    return data.load_task(folder, 16, cache, data.read_photographs, "photographs")


def test_a_photograph_in_two_splits_is_refused(tmp_path):
    root = draw_folder(tmp_path / "d", size=16)
    (root / "images" / "5.png").write_bytes((root / "images" / "0.png").read_bytes())
    says = r"images/5.png \(test\) is the same file as images/0.png \(train\)"
    with pytest.raises(ValueError, match=says):
        load(root, tmp_path)


def test_a_patient_in_two_splits_is_refused_and_so_is_a_split_without_a_class(tmp_path):
    root = draw_folder(tmp_path / "e", size=16)
    rows = data.read_rows(root)
    patients = ["x" if k in (0, 4) else f"p{k}" for k in range(len(rows))]
    write_rows(
        root,
        [row | {"patient_id": p, "lesion_id": "1"} for row, p in zip(rows, patients)],
    )
    with pytest.raises(ValueError, match="patient_id x is in the splits 'train' and 'val'"):
        load(root, tmp_path)
    is_a = [row["split"] == "train" and row["label"] == "a" for row in rows]
    write_rows(root, [row | {"label": "c"} if a else row for row, a in zip(rows, is_a)])
    with pytest.raises(ValueError, match="split 'train' holds no photograph of class 'a'"):
        load(root, tmp_path)
    (root / "metadata.csv").unlink()
    with pytest.raises(ValueError, match="metadata.csv: the benchmark needs one"):
        load(root, tmp_path)
