"""The files that a table names are found quickly, however many there are and however written."""

import os

import pytest

from synthderm import SkinFolder
from synthderm.datasets.finding import RelativeFiles


def touch(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    return path


@pytest.fixture
def calls(monkeypatch):
    """How often folders are listed, and files asked for."""
    seen = {"scandir": 0, "stat": 0}

    def count(name):
        real = getattr(os, name)

        def counted(*arguments, **options):
            seen[name] += 1
            return real(*arguments, **options)

        monkeypatch.setattr(os, name, counted)

    count("scandir")
    count("stat")
    return seen


@pytest.mark.parametrize("separator", ["/", "\\", "//", "/./"])
@pytest.mark.parametrize("change", [str, str.upper])
def test_each_folder_is_listed_once_and_no_file_is_asked_for(tmp_path, calls, separator, change):
    names = [f"images/{k % 3}/{k}.png" for k in range(300)]
    for name in names:
        touch(tmp_path / name)
    finder = RelativeFiles(tmp_path)
    calls.update(scandir=0, stat=0)
    found = [finder.find(change(name).replace("/", separator)) for name in names]
    assert found == [str(tmp_path / name) for name in names]
    assert calls["scandir"] <= 6 and calls["stat"] <= 12
    assert finder.top_folders() == {"images"}


@pytest.mark.parametrize(
    "written", ["", ".", "..", "/", "a/..", "a", "a/", "b.png/x", "b.png/..", "~"]
)
def test_what_is_no_file_is_not_found(tmp_path, written):
    touch(tmp_path / "a" / "1.png")
    touch(tmp_path / "b.png")
    assert RelativeFiles(tmp_path).find(written) is None


@pytest.mark.parametrize(
    "written", ["a/1.png/", "a/1.png/.", "a/../a/1.png", "./a//1.png", "A\\1.PNG"]
)
def test_a_file_written_in_odd_ways(tmp_path, written):
    path = touch(tmp_path / "a" / "1.png")
    assert RelativeFiles(tmp_path).find(written) == str(path)


def test_a_path_of_thousands_of_folders_is_missing(tmp_path):
    touch(tmp_path / "a" / "1.png")
    for folders in (900, 3000, 60_000):
        assert RelativeFiles(tmp_path).find("a/" * folders + "1.png") is None
    assert RelativeFiles(tmp_path).find("a/../" * 400 + "a/1.png") == str(tmp_path / "a" / "1.png")


def test_links_that_lead_nowhere_or_to_themselves_are_no_files(tmp_path):
    touch(tmp_path / "a.png")
    (tmp_path / "gone.png").symlink_to(tmp_path / "nothing.png")
    (tmp_path / "self.png").symlink_to(tmp_path / "self.png")
    (tmp_path / "link.png").symlink_to(tmp_path / "a.png")
    finder = RelativeFiles(tmp_path)
    found = [finder.find(name) for name in ("gone.png", "self.png", "link.png")]
    assert found == [None, None, str(tmp_path / "link.png")]


def test_paths_are_as_the_folder_was_given(tmp_path, monkeypatch):
    touch(tmp_path / "data" / "a" / "1.png")
    (tmp_path / "data" / "metadata.csv").write_text("file_name,label\na/1.png,x\n")
    monkeypatch.chdir(tmp_path / "data")
    assert SkinFolder(".").samples == [("a/1.png", 0)]
    assert SkinFolder("../data").samples == [("../data/a/1.png", 0)]
    assert SkinFolder(tmp_path / "data").samples == [(str(tmp_path / "data" / "a" / "1.png"), 0)]
