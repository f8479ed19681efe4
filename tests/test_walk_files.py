"""`walk_files` and `list_images`: what people put into folders, and nothing else."""

import warnings
from pathlib import Path

import pytest

from synthderm import SkinFolder
from synthderm.files import walk_files
from synthderm.imaging.io import list_images, to_pil, write_image
from tests.drawing import draw_skin

LITTER = (
    "a/._1.png",
    "a/.ipynb_checkpoints/1-checkpoint.png",
    "__MACOSX/a/._1.png",
    "__MACOSX/a/1.png",
    ".hidden/1.png",
    "@eaDir/1.png/thumb.png",
    "Thumbs.db/1.png",
    "#recycle/a/1.png",
    "lost+found/1.png",
    "a/__pycache__/1.png",
    "a/~$1.png",
    "$RECYCLE.BIN/1.png",
    "@Recycle/1.png",
)


def draw(*paths: Path) -> None:
    for path in paths:
        write_image(to_pil(draw_skin(8, 8)), path)


def test_litter_is_passed_over_everywhere(tmp_path):
    root = tmp_path / ".cache" / "photographs"  # that the root is hidden says nothing
    draw(root / "a" / "1.png", root / "b" / "2.jfif", *(root / name for name in LITTER))
    (root / "Thumbs.db" / "Thumbs.db").touch()
    (root / "b" / "desktop.ini").touch()
    assert list_images(root) == [root / "a" / "1.png", root / "b" / "2.jfif"]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        data = SkinFolder(root)
    assert (data.classes, len(data)) == (["a", "b"], 2)


def test_links_are_followed_without_end(tmp_path):
    store = tmp_path / "store"
    draw(store / "mel" / "1.png", store / "nv" / "deep" / "2.png")
    root = tmp_path / "root"
    root.mkdir()
    for name in ("mel", "nv"):
        (root / name).symlink_to(store / name)
    (root / "nv again").symlink_to(store / "nv")
    (store / "nv" / "deep" / "up").symlink_to(store / "nv")
    (root / "mel" / "3.png").symlink_to(store / "nv" / "deep" / "2.png")
    expected = ["mel/1.png", "mel/3.png", "nv/deep/2.png", "nv again/deep/2.png"]
    assert [str(path.relative_to(root)) for path in walk_files(root)] == expected
    assert SkinFolder(root).targets == [0, 0, 1, 2]


def test_links_that_lead_nowhere_are_named(tmp_path):
    draw(tmp_path / "mel" / "1.png")
    (tmp_path / "nv").symlink_to(tmp_path / "unmounted")
    (tmp_path / "self").symlink_to(tmp_path / "self")
    with pytest.warns(UserWarning) as caught:
        assert SkinFolder(tmp_path).classes == ["mel"]
    text = " ".join(str(warning.message) for warning in caught)
    assert "nv is a link to" in text and "self is a link to" in text


@pytest.mark.parametrize("name", ["IMG_1.HEIC", "1.dcm", "1.gif"])
def test_pictures_in_other_formats_are_named(tmp_path, name):
    draw(tmp_path / "1.png")
    (tmp_path / name).touch()
    with pytest.warns(UserWarning, match=f"{name}: left out; save such pictures as JPEG or PNG"):
        assert len(list_images(tmp_path)) == 1
