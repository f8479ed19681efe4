"""Files outside of a folder, which its table names or a link in it leads to."""

import pytest

from synthderm import SkinFolder
from tests.datasets.published import draw


@pytest.mark.parametrize("column", ["file_name", "mask_file_name"])
@pytest.mark.parametrize("way", ["..", "whole path"])
def test_files_outside_of_the_folder_are_read_only_if_asked_for(tmp_path, column, way):
    root = tmp_path / "photos"
    draw(root / "a.png")
    draw(tmp_path / "other" / "b.png")
    outside = "../other/b.png" if way == ".." else str(tmp_path / "other" / "b.png")
    names = {"file_name": "a.png", "mask_file_name": "a.png", column: outside}
    table = f"file_name,mask_file_name,label\n{names['file_name']},{names['mask_file_name']},x\n"
    (root / "metadata.csv").write_text(table)
    with pytest.raises(ValueError, match="outside of it, .*b.png .line 2.: give allow_outside"):
        SkinFolder(root)
    assert len(SkinFolder(root, allow_outside=True)) == 1


def test_links_in_the_folder_may_lead_outside(tmp_path, monkeypatch):
    draw(tmp_path / "other" / "b.png")
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "linked").symlink_to(tmp_path / "other")
    (tmp_path / "photos" / "metadata.csv").write_text("file_name,label\nlinked/b.png,x\n")
    monkeypatch.chdir(tmp_path / "photos")
    for root in (".", tmp_path / "photos", "../photos"):
        assert len(SkinFolder(root)) == 1
