"""Files that are written whole or not at all."""

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest
import torch

from synthderm.files import atomic_path, sha256, to_json, write_text


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
