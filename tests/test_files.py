"""Files that are written whole or not at all."""

import hashlib
import json
import os
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pytest
import torch

from synthderm.files import (
    atomic_path,
    held,
    remove_parts,
    sha256,
    temporary_folder,
    to_json,
    write_text,
)


def test_a_file_takes_its_place_when_it_is_whole(tmp_path):
    path = tmp_path / "a.txt"
    write_text(path, "one")
    with atomic_path(path) as part:
        part.write_text("two")
        assert path.read_text() == "one" and part.parent == tmp_path
    assert path.read_text() == "two" and [p.name for p in tmp_path.iterdir()] == ["a.txt"]


def test_a_failure_leaves_the_old_file_and_nothing_beside_it(tmp_path):
    path = tmp_path / "a.txt"
    write_text(path, "one")
    with pytest.raises(RuntimeError, match="half"), atomic_path(path) as part:
        part.write_text("tw")
        raise RuntimeError("half")
    assert path.read_text() == "one" and [p.name for p in tmp_path.iterdir()] == ["a.txt"]


def test_a_hash_is_that_of_the_bytes(tmp_path):
    data = bytes(range(256)) * 9000  # more than is read at once
    (tmp_path / "a").write_bytes(data)
    assert sha256(tmp_path / "a") == hashlib.sha256(data).hexdigest()


def test_numbers_of_any_kind_go_into_json():
    values = [np.int64(3), np.float32(0.5), np.array([1, 2]), torch.tensor(3), np.True_, Path("a")]
    assert json.loads(to_json(values)) == [3, 0.5, [1, 2], 3, True, "a"]
    with pytest.raises(TypeError, match="JSON holds no set"):
        to_json({"a": {1}})


def dead_process() -> int:
    """The number of a process that has ended."""
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def test_what_killed_processes_left_is_removed_and_nothing_else(tmp_path):
    dead, alive = dead_process(), os.getppid()
    (tmp_path / "images" / "a").mkdir(parents=True)
    part = "synthderm.part"
    mine = ["a.part", ".b.part", f".c.{dead}.part", f"d.{dead}.{part}", f".e.{alive}.{part}"]
    for name in [
        *mine,
        f".g.0.{part}",
        f".h.{10**30}.{part}",
        f".f.png.{dead}.{part}",
        f"images/a/.\n.{dead}.{part}",
    ]:
        (tmp_path / name).write_text("")
    remove_parts(tmp_path)
    assert sorted(path.name for path in tmp_path.rglob("*") if path.is_file()) == sorted(mine)


def test_temporary_folders_go_also_those_of_killed_processes(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    left = tmp_path / f"synthderm-{dead_process()}-abc"
    (left / "model").mkdir(parents=True)
    others = [tmp_path / f"synthderm-{os.getppid()}-abc", tmp_path / "synthderm-x-abc"]
    for other in others:
        other.mkdir()
    with temporary_folder() as folder:
        (folder / "a").write_text("")
        assert sorted(tmp_path.iterdir()) == sorted([folder, *others])
    assert sorted(tmp_path.iterdir()) == sorted(others)


@pytest.mark.parametrize("name", ["x" * 251 + ".txt", "é" * 125 + ".txt", "." + "x" * 254])
def test_names_up_to_the_limit_of_file_systems(tmp_path, name):
    write_text(tmp_path / name, "one")
    write_text(tmp_path / name, "two")
    assert [path.read_text() for path in tmp_path.iterdir()] == ["two"]


def test_a_full_disk_names_the_file(tmp_path):
    """A limit on the size of files is the nearest that a test can have."""
    usual = resource.getrlimit(resource.RLIMIT_FSIZE)
    write_text(tmp_path / "a.txt", "whole")
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, usual[1]))
    try:
        with pytest.raises(OSError, match="large") as full:
            write_text(tmp_path / "a.txt", "x" * 5000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, usual)
    assert full.value.filename == str(tmp_path / "a.txt")
    assert [path.read_text() for path in tmp_path.iterdir()] == ["whole"]


def test_errors_name_the_file_that_was_asked_for(tmp_path):
    with pytest.raises(FileNotFoundError) as missing:
        write_text(tmp_path / "none" / "a.txt", "")
    assert missing.value.filename == str(tmp_path / "none" / "a.txt")
    says = "a.txt can't be written: no reason"
    with pytest.raises(OSError, match=says) as unknown, atomic_path(tmp_path / "a.txt"):
        raise OSError("no reason")
    assert unknown.value.errno is None
    with pytest.raises(FileNotFoundError) as other, atomic_path(tmp_path / "a.txt"):
        (tmp_path / "other").read_text()
    assert other.value.filename == str(tmp_path / "other")


def test_a_folder_is_held_by_one_process_at_a_time(tmp_path):
    code = f"import synthderm.files as f\nwith f.held({str(tmp_path)!r}): print('held')"
    other = [sys.executable, "-c", code]
    with held(tmp_path):
        refused = subprocess.run(other, capture_output=True, text=True)
        with pytest.raises(ValueError, match="another process"), held(tmp_path):
            pass
    assert refused.returncode and "is being written to by another process" in refused.stderr
    assert subprocess.run(other, capture_output=True, text=True).stdout == "held\n"
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(RuntimeError), held(tmp_path):
        raise RuntimeError
    with held(tmp_path):
        pass
