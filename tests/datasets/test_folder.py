"""`SkinFolder`: folders with a metadata.csv, as ImageFolder, or flat; what is wrong is named."""

from pathlib import Path

import pytest
from torchvision import tv_tensors

from synthderm import SkinFolder
from synthderm.datasets.folder import training_split
from synthderm.imaging.io import list_images, to_pil, write_image
from tests.drawing import draw_folder, draw_skin


def test_folder_with_metadata(tmp_path):
    root = draw_folder(tmp_path / "d")
    train = SkinFolder(root, split="train", return_mask=True)
    image, mask, label = train[0]
    assert image.size == (40, 40)
    assert type(mask) is tv_tensors.Mask
    assert 0 < mask.float().mean() < 1
    assert label == 0
    assert train.classes == ["a", "b"]
    assert len(train) == 8
    assert len(SkinFolder(root)) == 12
    assert SkinFolder(root, split="test")[0][1] == 1


def test_folder_as_imagefolder_and_flat(tmp_path):
    for name in ("x", "y"):
        (tmp_path / name).mkdir()
        to_pil(draw_skin(10, 10)).save(tmp_path / name / "1.png")
    data = SkinFolder(tmp_path)
    assert data.classes == ["x", "y"]
    assert data.targets == [0, 1]
    assert SkinFolder(tmp_path / "x").classes == ["image"]


@pytest.mark.parametrize("split", ["train", "tset"])
def test_a_split_that_a_tree_does_not_have_is_an_error(tmp_path, split):
    """All images came back: the classifier was tested on what it was trained on."""
    for name in ("a/1.png", "b/2.png", "val/a/3.png"):
        write_image(to_pil(draw_skin(8, 8)), tmp_path / name)
    with pytest.raises(ValueError, match=f"no split '{split}'"):
        SkinFolder(tmp_path, split=split)
    assert SkinFolder(tmp_path, split="val").classes == ["a"]


def test_training_uses_the_split_if_there_is_one(tmp_path):
    root = draw_folder(tmp_path / "d")
    assert training_split(root) == "train"
    (root / "metadata.csv").write_text("file_name,label\nimages/0.png,a\n")
    assert training_split(root) is None
    assert len(SkinFolder(root)) == 1
    (tmp_path / "tree" / "train" / "x").mkdir(parents=True)
    assert training_split(tmp_path / "tree") == "train"
    assert training_split(tmp_path / "d" / "images") is None


@pytest.mark.parametrize("read", [SkinFolder, training_split])
def test_what_is_no_folder_is_named(tmp_path, read, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("x.zip", "x.tar.gz", "a.png"):
        (tmp_path / name).write_bytes(b"PK")
    for name in ("x.zip", tmp_path / "x.tar.gz"):
        with pytest.raises(NotADirectoryError, match="is a file, no folder: unpack it, and give"):
            read(name)
    with pytest.raises(NotADirectoryError, match=f"a.png is a file, .* it is in, {tmp_path}"):
        read(tmp_path / "a.png")
    with pytest.raises(FileNotFoundError, match="there is no folder .*none"):
        read(tmp_path / "none")
    for root in (None, b"x", 3, ["x"]):
        with pytest.raises(TypeError, match="give the path of a folder of photographs"):
            read(root)
    with pytest.raises(ValueError, match="root='' names no folder"):
        read("")


def take_masks(root: Path, *numbers: int) -> None:
    table = (root / "metadata.csv").read_text()
    for number in numbers:
        table = table.replace(f"masks/{number}.png", "")
    (root / "metadata.csv").write_text(table)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({}, r"metadata.csv\): 2 of 12 photographs have no mask .* leave out return_mask=True"),
        ({"split": "train"}, "1 of 8 photographs in split 'train' have no mask"),
        ({"classes": ["b"]}, "1 of 6 photographs have no mask"),
    ],
)
def test_photographs_without_a_mask_are_left_out_and_counted(tmp_path, options, says):
    root = draw_folder(tmp_path / "d")
    take_masks(root, 2, 5)
    whole = SkinFolder(root, **options)
    with pytest.warns(UserWarning, match=says) as caught:
        data = SkinFolder(root, return_mask=True, **options)
    assert len(caught) == 1 and caught[0].filename == __file__
    assert len(data) == len(whole) - int(says.split(": ")[-1].split()[0])
    assert all(path in data.masks for path, _ in data.samples)


def test_nothing_is_said_where_no_photograph_is_left_out(tmp_path, recwarn):
    root = draw_folder(tmp_path / "d")
    take_masks(root, 5)  # of the split test
    SkinFolder(root)
    SkinFolder(root, split="train", return_mask=True)
    SkinFolder(root, classes=["a"], return_mask=True)
    assert not recwarn


def test_masks_beside_some_photographs_alone(tmp_path):
    for name in ("a/1.png", "a/2.png", "b/3.png"):
        write_image(to_pil(draw_skin(8, 8)), tmp_path / name)
    write_image(to_pil(draw_skin(8, 8)[:1] > 0), tmp_path / "a" / "1_mask.png")
    with pytest.warns(UserWarning, match=r"\(ImageFolder\): 2 of 3 photographs have no mask"):
        assert len(SkinFolder(tmp_path, return_mask=True)) == 1


def test_bad_folders_are_named(tmp_path):
    with pytest.raises(ValueError, match="holds no image"):
        list_images(tmp_path)
    root = draw_folder(tmp_path / "d", masks=False)
    with pytest.raises(ValueError, match="no split 'dev'; it has: 'test', 'train', 'val'"):
        SkinFolder(root, split="dev")
    with pytest.raises(ValueError, match="names no masks"):
        SkinFolder(root, return_mask=True)
    (root / "metadata.csv").write_text("file,label\na,b\n")
    with pytest.raises(ValueError, match="no column 'file_name'; it has: file, label"):
        SkinFolder(root)
