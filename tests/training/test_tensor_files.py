"""Tensors in several files: what is missing, changed or made up is refused."""

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from synthderm.files import sha256
from synthderm.training import tensor_files
from synthderm.training.tensor_files import read_index, read_tensors, write_tensors

TENSORS = {
    "a/x": torch.arange(100.0),
    "a/y": torch.ones(5, 5, dtype=torch.float16),
    "b/n": torch.tensor(3),
    "b/x": torch.full((50, 4), 0.5, dtype=torch.bfloat16),
}


@pytest.fixture
def folder(tmp_path, monkeypatch) -> Path:
    """Three files: a tensor that is too large for one has its own."""
    monkeypatch.setattr(tensor_files, "MAX_BYTES", 300)
    (tmp_path / "config.json").write_text("{}")
    paths = write_tensors(tmp_path, TENSORS, {"shown": 8}, beside=["config.json"])
    names = ["config.json", *(f"training-{k}-of-3.safetensors" for k in (1, 2, 3))]
    assert [path.name for path in paths] == names
    return tmp_path


def change_index(folder: Path, **changed: object) -> None:
    path = folder / "training.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changed))


def test_tensors_come_back_in_float32(folder, monkeypatch):
    index = read_index(folder)
    assert index["shown"] == 8
    found = read_tensors(folder, index, "a/") | read_tensors(folder, index, "b/")
    assert found["n"].dtype == torch.int64 and found["y"].dtype == torch.float32
    assert torch.equal(read_tensors(folder, index, "a/")["x"], TENSORS["a/x"])
    assert torch.equal(found["x"], TENSORS["b/x"].float())
    assert read_tensors(folder, index, "c/") == {}
    # Written anew, in one file: no other file is left.
    monkeypatch.setattr(tensor_files, "MAX_BYTES", 10_000)
    write_tensors(folder, TENSORS, {}, beside=["config.json"])
    left = {path.name for path in folder.iterdir()}
    assert left == {"config.json", "training.json", "training-1-of-1.safetensors"}


def test_no_index_is_no_state(tmp_path):
    assert read_index(tmp_path) is None


def remove(path: Path) -> None:
    path.unlink()


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)


@pytest.mark.parametrize("name", ["config.json", "training-2-of-3.safetensors"])
@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (remove, "lacks {name} of the 4 files that training.json names: write the folder anew"),
        (cut, "{name} is not the file that training.json names .another size or SHA-256."),
        (flip, "{name} is not the file that training.json names .another size or SHA-256."),
    ],
)
def test_a_missing_or_changed_file_is_one_sentence(folder, name, spoil, says):
    spoil(folder / name)
    with pytest.raises(ValueError, match=says.format(name=name)) as refused:
        read_index(folder)
    assert "\n" not in str(refused.value)


FILE = {"bytes": 1, "sha256": "0"}


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"format_version": 2}, "has format version 2, this synthderm reads up to 1: pip"),
        ({"format_version": None}, "has no format_version: it is no training state"),
        ({"format_version": True}, "has no format_version"),
        ({"files": None}, "does not name its files"),
        ({"files": {}}, "does not name its files"),
        ({"files": ["config.json"]}, "does not name its files"),
        ({"files": {"config.json": 1}}, "does not name its files"),
        ({"files": {"../config.json": FILE}}, "does not name its files"),
        ({"files": {"/etc/passwd": FILE}}, "does not name its files"),
        ({"files": {"checkpoint.pt": FILE}}, "does not name its files"),
        ({"files": {"training-1-of-9.safetensors": FILE}}, "lacks training-1-of-9.safetensors"),
    ],
)
def test_another_index_is_refused(folder, changed, says):
    change_index(folder, **changed)
    with pytest.raises(ValueError, match=says):
        read_index(folder)


@pytest.mark.parametrize("text", ["", "[1]", "{", "[" * 100_000, " " * (1 << 21)])
def test_what_is_no_index_is_refused(folder, text):
    (folder / "training.json").write_text(text)
    with pytest.raises(ValueError, match=r"training\.json (is not valid|has no format|has more)"):
        read_index(folder)


@pytest.mark.parametrize("content", [b"no tensors", torch.tensor([float("nan")])])
def test_what_holds_no_numbers_is_refused(folder, content):
    """Though its hash is right."""
    path = folder / "training-1-of-3.safetensors"
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        save_file({"a/x": content}, path)
    files = json.loads((folder / "training.json").read_text())["files"]
    entry = {"bytes": path.stat().st_size, "sha256": sha256(path)}
    change_index(folder, files=files | {path.name: entry})
    with pytest.raises(ValueError, match="is not a readable safetensors file|holds NaN"):
        read_tensors(folder, read_index(folder), "a/")
