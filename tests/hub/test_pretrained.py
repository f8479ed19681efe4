"""Models as folders: what is saved comes back, and what does not fit is refused in one sentence."""

import json
import pickle

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from torch.nn.utils.parametrizations import spectral_norm

from synthderm.hub.pretrained import FORMAT_VERSION, MAX_CONFIG, Pretrained
from synthderm.models.editor import EczemaEditor
from synthderm.models.generator import SkinGenerator


def tiny() -> SkinGenerator:
    return SkinGenerator(16, [8, 8, 8], ["a", "b"]).eval()


@pytest.fixture
def folder(tmp_path):
    return tiny().save_pretrained(
        tmp_path / "model", card={"licence": "cc-by-4.0", "data": [{"name": "x"}]}
    )


def same(a, b) -> bool:
    a, b = a.state_dict(), b.state_dict()
    return list(a) == list(b) and all(torch.equal(a[key], b[key]) for key in a)


def change(folder, **entries) -> None:
    path = folder / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **entries}))


@pytest.mark.parametrize("make", [tiny, lambda: EczemaEditor().eval()], ids=["generator", "editor"])
def test_saved_models_come_back(tmp_path, make):
    model = make()
    model.save_pretrained(tmp_path, card={"licence": "cc-by-4.0"})
    state = torch.get_rng_state()
    loaded = type(model).from_pretrained(tmp_path)
    assert same(model, loaded) and loaded.config == model.config and not loaded.training
    assert loaded.revision == "local" and loaded.card["licence"] == "cc-by-4.0"
    assert torch.equal(torch.get_rng_state(), state), "loading must not draw random numbers"
    assert (
        len({(tmp_path / file).stat().st_mode for file in ("config.json", "model.safetensors")})
        == 1
    ), "one is as readable as the other"
    assert (
        loaded.save_pretrained(tmp_path / "again").joinpath("config.json").read_bytes()
        == (tmp_path / "config.json").read_bytes()
    )


def test_config_states_the_contract(folder):
    config = json.loads((folder / "config.json").read_text())
    assert config["architecture"] == "SkinGenerator" and config["format_version"] == FORMAT_VERSION
    assert (
        config["size"] == 16 and config["classes"] == ["a", "b"] and config["value_range"] == [0, 1]
    )
    assert "True = inside" in config["mask"] and config["arguments"]["channels"] == [8, 8, 8]


def test_half_is_stored_as_float16_and_read_as_float32(tmp_path):
    model = tiny()
    model.save_pretrained(tmp_path, half=True)
    assert load_file(tmp_path / "model.safetensors")["stem.weight"].dtype == torch.float16
    loaded = SkinGenerator.from_pretrained(tmp_path)
    assert (
        torch.equal(loaded.stem.weight, model.stem.weight.half().float())
        and loaded.stem.weight.dtype == torch.float32
    )


def test_parametrizations_are_folded_in(tmp_path):
    model = tiny()
    latents, label = torch.randn(2, 128), torch.tensor([0, 1])
    spectral_norm(model.stem)
    spectral_norm(model.to_image)
    expected = model.eval()(latents, label)
    loaded = SkinGenerator.from_pretrained(model.save_pretrained(tmp_path))
    assert torch.allclose(loaded(latents, label), expected, atol=1e-6)
    assert torch.nn.utils.parametrize.is_parametrized(model.stem), (
        "saving must not change the model"
    )


@pytest.mark.parametrize("entries, said", [
    ({"architecture": "EczemaEditor"}, "holds a 'EczemaEditor', not a SkinGenerator"),
    ({"architecture": "StyleGAN9"}, "'StyleGAN9'.*newer synthderm"),
    ({"architecture": None}, "None"),
    ({"architecture": ["x" * 10**5]}, "not a SkinGenerator"),
    ({"format_version": FORMAT_VERSION + 1}, f"format version {FORMAT_VERSION + 1}.*pip install --upgrade synthderm"),
    ({"format_version": "1"}, "no format_version"),
    ({"format_version": True}, "no format_version"),
    ({"format_version": -1}, "no format_version"),
    ({"arguments": None}, "no arguments"),
    ({"arguments": {"size": 16}}, "does not describe a SkinGenerator"),
    ({"arguments": {"size": 16, "channels": [8, 8, 8], "classes": ["a", "b"], "hook": "os.system"}}, "does not describe a SkinGenerator: .*hook"),
    ({"arguments": {"size": 17, "channels": [8, 8, 8], "classes": ["a", "b"]}, "size": 17}, "size=17 is not a multiple of 8"),
    ({"arguments": {"size": 2**40, "channels": [8, 8, 8], "classes": ["a", "b"]}, "size": 2**40}, "asks for 'size' = 1099511627776"),
    ({"arguments": {"size": 16, "channels": [10**9, 8, 8], "classes": ["a", "b"]}}, "asks for 'channels' = 1000000000"),
    ({"arguments": {"size": 0, "channels": [8] * 5000, "classes": ["a", "b"]}, "size": 0}, "a list of 5,000"),
    ({"arguments": {"size": 16, "channels": [65536, 65536, 65536], "classes": ["a", "b"]}}, "does not fit SkinGenerator: .*has shape"),
    ({"size": 32}, "says size = 32 beside arguments with 16"),
    ({"classes": ["b", "a"]}, "says classes"),
    ({"value_range": [-1, 1]}, "images are in"),
])  # fmt: skip
def test_configs_that_are_refused(folder, entries, said):
    change(folder, **entries)
    with pytest.raises(ValueError, match=said) as caught:
        SkinGenerator.from_pretrained(folder)
    assert len(str(caught.value)) < 600 and "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"{",
        b"[]",
        b"\xff\xfe",
        b"[" * 100_000,
        b'{"format_version": ' + b"1" * 5000 + b"}",
        b"\xef\xbb\xbf{}",
    ],
)
def test_broken_json_is_refused(folder, text):
    (folder / "config.json").write_bytes(text)
    with pytest.raises(ValueError, match="config.json"):
        SkinGenerator.from_pretrained(folder)


def test_huge_config_is_not_even_read(folder):
    change(folder, note="x" * MAX_CONFIG)
    with pytest.raises(ValueError, match="config.json has 1,0.* bytes, more than 1,048,576"):
        SkinGenerator.from_pretrained(folder)


def edit(tensors: dict, key: str, value) -> dict:
    return {**tensors, key: value}


@pytest.mark.parametrize("mutate, said", [
    (lambda t: {key: t[key] for key in list(t)[1:]}, "does not fit SkinGenerator: '.*' is missing .1 in all"),
    (lambda t: edit(t, "extra", torch.ones(1)), "'extra' is not part of it"),
    (lambda t: edit(t, "../../escape", torch.ones(1)), "'../../escape' is not part of it"),
    (lambda t: edit(t, "x" * 10**6, torch.ones(1)), "xxx[.]{3} is not part of it"),
    (lambda t: edit(t, "stem.bias", torch.ones(3)), r"stem.bias has shape \(3,\) instead of \(32,\)"),
    (lambda t: edit(t, "stem.bias", t["stem.bias"].double()), "stem.bias has dtype F64 instead of torch.float32"),
    (lambda t: edit(t, "stem.bias", t["stem.bias"].long()), "stem.bias has dtype I64"),
    (lambda t: edit(t, "stem_norm.norm.num_batches_tracked", torch.tensor(1.0)), "num_batches_tracked has dtype F32 instead of torch.int64"),
    (lambda t: edit(t, "stem.bias", t["stem.bias"] * torch.nan), "'stem.bias' holds NaN or infinity"),
    (lambda t: edit(t, "stem.bias", t["stem.bias"] + torch.inf), "'stem.bias' holds NaN or infinity"),
])  # fmt: skip
def test_tensors_that_are_refused(folder, mutate, said):
    path = folder / "model.safetensors"
    save_file(mutate(load_file(path)), path)
    with pytest.raises(ValueError, match=said) as caught:
        SkinGenerator.from_pretrained(folder)
    assert len(str(caught.value)) < 600


def test_pickles_are_never_opened(folder, monkeypatch):
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


def test_a_failed_save_leaves_the_old_model(folder, monkeypatch):
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    monkeypatch.setattr("synthderm.hub.pretrained.json.dumps", lambda *_, **__: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        tiny().save_pretrained(folder)
    assert {name: (folder / name).read_bytes() for name in before} == before


def test_every_public_network_states_its_contract():
    for network in Pretrained.__subclasses__():
        assert network.mask_meaning.startswith("True = ") and network.pipeline_tag in (
            "unconditional-image-generation",
            "image-to-image",
        )


def test_model_from_the_hub(hub, client, folder, tmp_path):
    """The whole way: a real model from the loopback Hub gives the picture that the local one
    gives."""
    model = SkinGenerator.from_pretrained(folder)
    image, mask = model.generate(torch.ones(1, 128), torch.tensor([0]))
    files = {path.name: path.read_bytes() for path in folder.iterdir()}
    commit = hub.commit("org/whole-way", files)
    answer = client("load", name="org/whole-way", cache_dir=str(tmp_path / "cache"))
    assert answer["result"] == {
        "revision": commit,
        "shape": [1, 3, 16, 16],
        "sum": image.double().sum().item(),
        "mask": mask.sum().item(),
    }
    hub.commit("org/whole-way", {**files, "config.json": b"{}"})
    answer = client("load", name="org/whole-way", cache_dir=str(tmp_path / "cache"))
    assert answer["error"] == "ValueError" and "not a synthderm model" in answer["message"]
    assert (
        client("load", name=f"org/whole-way@{commit}", cache_dir=str(tmp_path / "cache"))["result"][
            "revision"
        ]
        == commit
    )


def test_a_transform_keeps_the_commit_that_its_branch_had(hub, client, tmp_path):
    EczemaEditor([8, 8]).save_pretrained(tmp_path / "editor")
    files = {path.name: path.read_bytes() for path in (tmp_path / "editor").iterdir()}
    first = hub.commit("org/editor", files)
    for name in ("org/editor", "org/editor@main"):
        assert f"'org/editor@{first}'" in client("edit", model=name)["result"][0]
    second = hub.commit("org/editor", {**files, "README.md": b"new"})
    assert client("edit_again")["result"] == first
    assert (
        client("edit", model="org/editor")["result"][0].count(second) == 1
        and client("edit_again")["result"] == second
    )
    asked = len(hub.log)
    for name in (f"org/editor@{first}", "eczema"):
        assert "result" in client("edit", model=name) and "result" in client("edit_again")
    assert len(hub.log) == asked, "a commit that is in the cache and a bundled name cost no request"
