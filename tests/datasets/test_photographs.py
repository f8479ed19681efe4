"""The photographs of a folder: all its images but the masks that lie among them."""

import shutil
import unicodedata

import pytest

from synthderm.datasets.photographs import list_photographs
from synthderm.imaging.io import to_pil
from tests.drawing import draw_folder, draw_skin


def names(folder) -> list[str]:
    return [path.relative_to(folder).as_posix() for path in list_photographs(folder)]


def test_masks_that_a_table_names(tmp_path):
    draw_folder(tmp_path / "deep" / "one", count=2)
    table = tmp_path / "deep/one/metadata.csv"
    shutil.move(tmp_path / "deep/one/masks", tmp_path / "deep/one/outlines")
    table.write_text(table.read_text().replace("masks/", "./outlines/"))
    assert names(tmp_path) == ["deep/one/images/0.png", "deep/one/images/1.png"]
    assert names(tmp_path / "deep/one") == ["images/0.png", "images/1.png"]
    table.write_text("")
    with pytest.raises(ValueError, match=r"metadata\.csv.* not known which files"):
        list_photographs(tmp_path)


def test_masks_that_a_table_names_in_other_ways(tmp_path):
    draw_folder(tmp_path, count=1)
    shutil.move(tmp_path / "masks", tmp_path / "Größe")
    table = tmp_path / "metadata.csv"
    decomposed = unicodedata.normalize("NFD", "größe\\")
    table.write_text(table.read_text().replace("masks/", decomposed), encoding="utf-8")
    assert names(tmp_path) == ["images/0.png"]


def test_masks_behind_links_and_in_json_lines(tmp_path):
    draw_folder(tmp_path / "one", count=1)
    shutil.move(tmp_path / "one/masks", tmp_path / "one/outlines")
    (tmp_path / "one/metadata.csv").unlink()
    row = '{"file_name": "images/0.png", "label": "a", "mask_file_name": "outlines/0.png"}'
    (tmp_path / "one/metadata.jsonl").write_text(row)
    (tmp_path / "all").mkdir()
    (tmp_path / "all/linked").symlink_to(tmp_path / "one")
    assert names(tmp_path / "all") == ["linked/images/0.png"]


def test_masks_that_are_named_after_photographs(tmp_path):
    for name in (
        "HAM10000_images_part_1/ISIC_0000001.jpg",
        "HAM10000_segmentations_lesion_tschandl/ISIC_0000001_segmentation.png",
        "mine/arm.jpg",
        "mine/arm_mask.png",
        "mine/child_with_mask.jpg",
    ):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        to_pil(draw_skin(8, 8)).save(tmp_path / name)
    expected = ["HAM10000_images_part_1/ISIC_0000001.jpg", "mine/arm.jpg"]
    assert names(tmp_path) == [*expected, "mine/child_with_mask.jpg"]


def test_a_folder_of_masks_beside_images(tmp_path):
    draw_folder(tmp_path / "run", count=1)
    (tmp_path / "run/metadata.csv").unlink()
    assert names(tmp_path) == ["run/images/0.png"] and names(tmp_path / "run") == ["images/0.png"]
    shutil.rmtree(tmp_path / "run/images")  # then it may be the name of a class
    assert names(tmp_path) == ["run/masks/0.png"] and names(tmp_path / "run/masks") == ["0.png"]


def test_folders_without_photographs(tmp_path):
    with pytest.raises(FileNotFoundError, match="there is no folder"):
        list_photographs(tmp_path / "none")
    draw_folder(tmp_path / "run", count=1)
    (tmp_path / "run/images/0.png").unlink()
    with pytest.raises(ValueError, match="holds masks alone"):
        list_photographs(tmp_path / "run")
