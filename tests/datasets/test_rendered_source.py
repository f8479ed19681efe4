"""What was rendered is the data set again, in every format."""

import importlib.util
import json
import pickle

import pytest
import torch
from torch.utils.data import DataLoader

from synthderm import MixedSkinDataset, SkinFolder, SyntheticSkinDataset
from synthderm.rendering.render import render
from tests.rendering.stub import data

PARQUET = pytest.param(
    "parquet",
    marks=pytest.mark.skipif(
        importlib.util.find_spec("pyarrow") is None, reason="pyarrow is not installed"
    ),
)


@pytest.fixture(params=["png", "webp", "webdataset", PARQUET])
def file_format(request) -> str:
    return request.param


def same(items, others) -> bool:
    return len(items) == len(others) and all(
        image.tobytes() == other.tobytes()
        and torch.equal(mask, other_mask)
        and label == other_label
        for (image, mask, label), (other, other_mask, other_label) in zip(items, others)
    )


def test_items_are_those_of_the_data_set(tmp_path, file_format):
    made = data(11, seed=3, return_mask=True)
    out = render(made, tmp_path / "out", file_format=file_format, shard_size=4)
    read = SyntheticSkinDataset.from_rendered(out, return_mask=True)
    assert (read.classes, read.targets, read.seed) == (made.classes, made.targets, 3)
    assert (read.source, read.weights, read.revision) == (made.source, "function", "function")
    if file_format != "webp":
        assert same(read, made) and same(read[3:9][::-1], made[3:9][::-1])
    again = pickle.loads(pickle.dumps(read))
    assert same([again[k] for k in (10, 0, 7)], [read[k] for k in (10, 0, 7)])
    loader = DataLoader(read, batch_size=4, num_workers=2, collate_fn=list)
    assert same([item for batch in loader for item in batch], read)
    assert read.arrays(5).images.shape == (5, 8, 8, 3) and read.show(4).size[0] > 8


def test_it_goes_where_a_synthetic_data_set_goes(tmp_path):
    out = render(data(6), tmp_path / "out", file_format="webdataset", shard_size=4)
    read = SyntheticSkinDataset.from_rendered(
        out, transform=lambda image: image.size, target_transform=lambda label: -label
    )
    assert [item[1] for item in read] == [-k for k in data(6).targets] and read[0][0] == (8, 8)
    mixed = MixedSkinDataset(data(3), SyntheticSkinDataset.from_rendered(out))
    assert len(mixed) == 9 and mixed.classes == ["b", "a", "c"]
    mixed.set_epoch(4)
    seen = {image.tobytes() for image, _ in mixed}
    assert {image.tobytes() for image, _ in data(6)} <= seen | {mixed[3][0].tobytes()}
    assert len({image.tobytes() for image, _ in mixed}) == 6  # the first three are the same items


def test_images_of_any_sizes(tmp_path):
    class Growing:
        classes = ["a"]

        def __call__(self, seeds, labels):
            return torch.zeros(len(seeds), 3, 4 + int(seeds[0]) % 3, 5)

    made = SyntheticSkinDataset(Growing(), length=7)
    out = render(made, tmp_path / "out", batch=1, file_format="webdataset")
    read = SyntheticSkinDataset.from_rendered(out)
    sizes = [image.size for image, _ in made]
    assert len(set(sizes)) > 1 and [image.size for image, _ in read.draw(list(range(7)))] == sizes


def test_what_is_no_rendering_is_named(tmp_path, file_format):
    out = render(data(4), tmp_path / "out", file_format=file_format, masks=False, shard_size=2)
    assert len(SyntheticSkinDataset.from_rendered(str(out))) == 4
    with pytest.raises(ValueError, match="was rendered without masks"):
        SyntheticSkinDataset.from_rendered(out, return_mask=True)
    with pytest.raises(FileNotFoundError, match="there is no folder"):
        SyntheticSkinDataset.from_rendered(tmp_path / "nothing")
    with pytest.raises(ValueError, match="did not write it; SkinFolder reads"):
        SyntheticSkinDataset.from_rendered(tmp_path)
    manifest = out / "manifest.json"
    record = json.loads(manifest.read_text())
    del record["seed"]
    manifest.write_text(json.dumps(record))
    with pytest.raises(ValueError, match="lacks seed: render into a new folder"):
        SyntheticSkinDataset.from_rendered(out)
    render(data(4), tmp_path / "part", file_format=file_format, shard_size=2, part=(0, 2))
    with pytest.raises(ValueError, match="is not rendered to the end"):
        SyntheticSkinDataset.from_rendered(tmp_path / "part")


def test_shards_are_no_photographs(tmp_path):
    out = render(data(4), tmp_path / "out", file_format="webdataset")
    with pytest.raises(ValueError, match="holds webdataset shards: read it with .*from_rendered"):
        SkinFolder(out)


def test_a_missing_package_is_named(tmp_path, monkeypatch):
    out = render(data(2), tmp_path / "out", file_format="webdataset")
    record = json.loads((out / "manifest.json").read_text())
    (out / "manifest.json").write_text(json.dumps(record | {"format": "parquet"}))
    monkeypatch.setitem(__import__("sys").modules, "pyarrow", None)
    monkeypatch.setitem(__import__("sys").modules, "pyarrow.parquet", None)
    with pytest.raises(ImportError, match="pip install 'synthderm.parquet.'"):
        SyntheticSkinDataset.from_rendered(out)
    with pytest.raises(ImportError, match="pip install 'synthderm.parquet.'"):
        render(data(2), tmp_path / "new", file_format="parquet")
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("option", ["artifacts", "truncation", "size", "seed"])
def test_options_that_would_change_nothing_are_refused(tmp_path, option):
    out = render(data(2), tmp_path / "out")
    with pytest.raises(TypeError, match=f"from_rendered has no '{option}'"):
        SyntheticSkinDataset.from_rendered(out, **{option: 1})
