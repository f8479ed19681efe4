"""Columns of Hugging Face data sets, row by row."""

import pickle

import numpy as np
import pytest
import torch
from PIL import Image
from torchvision import tv_tensors
from torchvision.transforms import v2

from synthderm import EczemaEdit
from synthderm.integrations.huggingface import EachRow

FINISH = [v2.ToImage(), v2.ToDtype({tv_tensors.Image: torch.float32, "others": None}, scale=True)]


@pytest.fixture
def columns(image, mask) -> dict:
    pictures = [Image.fromarray(np.roll(image, k, axis=1)) for k in range(4)]
    regions = [Image.fromarray(mask * 255) for _ in range(4)]
    return {
        "photo": pictures,
        "before": [picture.copy() for picture in pictures],
        "region": regions,
        "grade": [0] * 4,
        "id": ["a", "b", "c", "d"],
    }


def test_rows_of_columns(editor, columns):
    edit = EczemaEdit(p=1, severity=1.0, label=1, model=editor)
    pipeline = v2.Compose([edit, *FINISH])
    new = EachRow(pipeline, "photo", mask="region", label="grade")(columns)
    assert list(new) == list(columns) and columns["grade"] == [0] * 4 and new["grade"] == [1] * 4
    assert new["before"] is columns["before"] and new["id"] is columns["id"]
    for photo, region, old in zip(new["photo"], new["region"], columns["photo"]):
        assert photo.dtype == torch.float32 and photo.shape == (3, 48, 60)
        assert type(region) is tv_tensors.Mask and region.shape == (1, 48, 60)
        changed = (photo != v2.Compose(FINISH)(old)).any(0)
        assert changed.any() and not (changed & (region[0] == 0)).any()
    alone = EachRow(EczemaEdit(p=1, model=editor), "photo")(columns)
    assert all(isinstance(photo, Image.Image) for photo in alone["photo"])


@pytest.mark.parametrize("kind", ["L", "1", "P", "I", "array", "bool", "tensor"])
def test_masks_of_any_type(editor, columns, mask, kind):
    plain = {"array": mask, "bool": mask.astype(bool), "tensor": torch.from_numpy(mask)}
    region = plain[kind] if kind in plain else columns["region"][0].convert(kind)
    row = {"photo": columns["photo"][:1], "region": [region]}
    edit = EczemaEdit(p=1, severity=1.0, mask="given", model=editor)
    new = EachRow(edit, "photo", mask="region")(row)
    assert (np.asarray(new["region"][0]).reshape(48, 60) != 0).sum() == mask.sum()
    changed = (np.asarray(new["photo"][0]) != np.asarray(row["photo"][0])).any(-1)
    assert changed.any() and not (changed & (mask == 0)).any()


@pytest.mark.parametrize(
    ("columns_", "error", "says"),
    [
        ({"image": "picture"}, KeyError, "no column 'picture'; there are photo, before"),
        ({"image": "photo", "mask": "before"}, TypeError, "a mask is a PIL image of mode 'RGB'"),
        ({"image": "photo", "mask": "id"}, TypeError, "a mask is a str"),
        ({"image": "photo", "label": "id"}, ValueError, "not an integer"),
    ],
)
def test_bad_columns_are_named(editor, columns, columns_, error, says):
    edit = EczemaEdit(p=1, label=1 if "label" in columns_ else None, model=editor)
    with pytest.raises(error, match=says):
        EachRow(edit, **columns_)(columns)


def test_pickles_and_reads_well():
    edit = EachRow(EczemaEdit(), "photo", label="grade")
    assert "columns=['photo', 'grade']" in repr(pickle.loads(pickle.dumps(edit)))


def test_with_transform(editor, columns):
    datasets = pytest.importorskip("datasets")
    features = {name: datasets.Image() for name in ("photo", "before", "region")}
    features |= {"grade": datasets.ClassLabel(2), "id": datasets.Value("string")}
    rows = datasets.Dataset.from_dict(columns, features=datasets.Features(features))
    pipeline = v2.Compose([EczemaEdit(p=1, label=1, model=editor), *FINISH])
    train = rows.with_transform(EachRow(pipeline, "photo", mask="region", label="grade"))
    assert train[0]["grade"] == 1 and train[0]["photo"].shape == (3, 48, 60)
    assert isinstance(train[0]["before"], Image.Image) and train[0]["id"] == "a"
    train = train.select_columns(["photo", "region", "grade"])
    (batch,) = torch.utils.data.DataLoader(train, batch_size=4)
    assert batch["grade"].tolist() == [1] * 4 and batch["photo"].shape == (4, 3, 48, 60)
    streamed = rows.to_iterable_dataset().map(
        EachRow(EczemaEdit(p=1, label=1, model=editor), "photo", label="grade"), batched=True
    )
    assert [row["grade"] for row in streamed] == [1] * 4
