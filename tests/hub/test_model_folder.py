"""Model folders that do not fit are refused in one sentence, and nothing of them is run."""

import json
import pickle
import struct

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from synthderm.hub.model_folder import FORMAT_VERSION, MAX_CONFIG
from synthderm.models.generator import SkinGenerator
from tests.hub.folders import ARGUMENTS, change_config, save_tiny


@pytest.fixture
def folder(tmp_path):
    return save_tiny(tmp_path / "model")


def arguments(**changes) -> dict:
    """Arguments with these changes, and the size beside them that agrees."""
    changed = {**ARGUMENTS, **changes}
    return {"arguments": changed, "size": changed["size"]}


NEWER = FORMAT_VERSION + 1
CONFIGS = [
    ({"architecture": "EczemaEditor"}, "holds a 'EczemaEditor', not a SkinGenerator"),
    ({"architecture": "StyleGAN9"}, "'StyleGAN9'.*newer synthderm"),
    ({"architecture": None}, "None"),
    ({"architecture": ["x" * 10**5]}, "not a SkinGenerator"),
    ({"format_version": NEWER}, f"format version {NEWER}.*pip install --upgrade synthderm"),
    ({"format_version": "1"}, "no format_version"),
    ({"format_version": True}, "no format_version"),
    ({"format_version": -1}, "no format_version"),
    ({"arguments": None}, "no arguments"),
    ({"arguments": {"size": 16}}, "does not describe a SkinGenerator"),
    (arguments(hook="os.system"), "does not describe a SkinGenerator: .*hook"),
    (arguments(size=17), "size=17 is not a multiple of 8"),
    (arguments(size=2**40), "asks for 'size' = 1099511627776"),
    (arguments(channels=[10**9, 8, 8]), "asks for 'channels' = 1000000000"),
    (arguments(size=0, channels=[8] * 5000), "a list of 5,000"),
    (arguments(channels=[65536] * 3), "does not fit SkinGenerator: .*has shape"),
    ({"size": 32}, "says size = 32 beside arguments with 16"),
    ({"classes": ["b", "a"]}, "says classes"),
    ({"value_range": [-1, 1]}, "images are in"),
]


@pytest.mark.parametrize("entries, message", CONFIGS)
def test_configs_that_are_refused(folder, entries, message):
    change_config(folder, **entries)
    with pytest.raises(ValueError, match=message) as caught:
        SkinGenerator.from_pretrained(folder)
    assert len(str(caught.value)) < 600
    assert "\n" not in str(caught.value)


BROKEN = [
    *(b"", b"{", b"[]", b"\xff\xfe", b"[" * 100_000, b"\xef\xbb\xbf{}"),
    b'{"format_version": ' + b"1" * 5000 + b"}",
]


@pytest.mark.parametrize("text", BROKEN)
def test_broken_json_is_refused(folder, text):
    (folder / "config.json").write_bytes(text)
    with pytest.raises(ValueError, match="config.json"):
        SkinGenerator.from_pretrained(folder)


def test_huge_config_is_not_even_read(folder):
    change_config(folder, note="x" * MAX_CONFIG)
    with pytest.raises(ValueError, match="config.json has 1,0.* bytes, more than 1,048,576"):
        SkinGenerator.from_pretrained(folder)


def bias(change):
    """A change of the tensor stem.bias."""
    return lambda tensors: {**tensors, "stem.bias": change(tensors["stem.bias"])}


def add(key, value):
    return lambda tensors: {**tensors, key: value}


def drop_first(tensors):
    return {key: tensors[key] for key in list(tensors)[1:]}


COUNTER = "stem_norm.norm.num_batches_tracked"
TENSORS = [
    (drop_first, "does not fit SkinGenerator: '.*' is missing .1 in all"),
    (add("extra", torch.ones(1)), "'extra' is not part of it"),
    (add("../../escape", torch.ones(1)), "'../../escape' is not part of it"),
    (add("x" * 10**6, torch.ones(1)), "xxx[.]{3} is not part of it"),
    (add("stem.bias", torch.ones(3)), r"stem.bias has shape \(3,\) instead of \(32,\)"),
    (bias(torch.Tensor.double), "stem.bias has dtype F64 instead of torch.float32"),
    (bias(torch.Tensor.long), "stem.bias has dtype I64"),
    (
        add(COUNTER, torch.tensor(1.0)),
        "num_batches_tracked has dtype F32 instead of torch.int64",
    ),
    (bias(lambda value: value * torch.nan), "'stem.bias' holds NaN or infinity"),
    (bias(lambda value: value + torch.inf), "'stem.bias' holds NaN or infinity"),
]


@pytest.mark.parametrize("change, message", TENSORS)
def test_tensors_that_are_refused(folder, change, message):
    path = folder / "model.safetensors"
    save_file(change(load_file(path)), path)
    with pytest.raises(ValueError, match=message) as caught:
        SkinGenerator.from_pretrained(folder)
    assert len(str(caught.value)) < 600


def write_header(folder, header: bytes) -> None:
    (folder / "model.safetensors").write_bytes(struct.pack("<Q", len(header)) + header)


ENTRY = b'"t":{"dtype":"F32","shape":[0],"data_offsets":[0,0]},'
# Part of a header, how often it is repeated, and what is said of it.
HEADERS = {
    "million": (ENTRY, 1_000_000, "a header of 5.,...,... bytes, more than 2,097,152"),
    "100,000": (ENTRY, 100_000, "a header of 5,...,... bytes, more than 2,097,152"),
    "30,000": (ENTRY, 30_000, "30,000 tensors, more than 10,000"),
    # JSON can hide names, but no braces.
    "escaped": (ENTRY.replace(b"dtype", b"\\u0064type"), 15_000, "15,000 tensors"),
    "nested": (b'"a":{', 50_000, "50,000 tensors"),
    "blank": (b" ", 50_000_000, "a header of 50,000,002 bytes"),
    "metadata": (b'"a":"b",', 500_000, "a header of 4,000,002 bytes"),
}


@pytest.mark.parametrize("part, count, message", HEADERS.values(), ids=HEADERS.keys())
def test_large_headers_are_not_even_parsed(folder, monkeypatch, part, count, message):
    write_header(folder, b"{" + part * count + b"}")
    monkeypatch.setattr("synthderm.hub.model_folder.safe_open", lambda *_, **__: 1 / 0)
    with pytest.raises(ValueError, match=rf"model.safetensors (has|lists) {message}") as caught:
        SkinGenerator.from_pretrained(folder)
    assert len(str(caught.value)) < 600


def test_a_header_at_the_limit_is_parsed(folder):
    entry = {"dtype": "F32", "shape": [0], "data_offsets": [0, 0]}
    write_header(folder, json.dumps({f"t{number}": entry for number in range(10_000)}).encode())
    with pytest.raises(ValueError, match="does not fit .*10024 in all"):
        SkinGenerator.from_pretrained(folder)


def test_pickles_are_never_opened(folder):
    """A pickle in place of the weights, whose opening would create a file."""
    trap = folder / "trap"
    state = {"x": np.zeros(1)}
    for write in (
        lambda path: torch.save({"x": torch.zeros(1)}, path),
        lambda path: path.write_bytes(pickle.dumps((state, Trap(str(trap))))),
    ):
        write(folder / "model.safetensors")
        with pytest.raises(ValueError, match="not a readable safetensors file"):
            SkinGenerator.from_pretrained(folder)
    assert not trap.exists()
    pickle.loads(pickle.dumps(Trap(str(trap))))
    assert trap.exists(), "the trap works"


class Trap:
    def __init__(self, path: str):
        self.path = path

    def __reduce__(self):
        return open, (self.path, "w")
