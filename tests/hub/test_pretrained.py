"""Models that are saved come back: from a folder, and from the Hub."""

import json

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from torch.nn.utils.parametrizations import spectral_norm

from synthderm.hub.download import FILES
from synthderm.hub.model_folder import FORMAT_VERSION
from synthderm.hub.pretrained import Pretrained
from synthderm.models.editor import EczemaEditor
from synthderm.models.generator import SkinGenerator
from tests.hub.folders import read_files, save_tiny, tiny_generator


@pytest.fixture
def folder(tmp_path):
    return save_tiny(tmp_path / "model")


def same(a, b) -> bool:
    a, b = a.state_dict(), b.state_dict()
    return list(a) == list(b) and all(torch.equal(a[key], b[key]) for key in a)


def tiny_editor() -> EczemaEditor:
    return EczemaEditor().eval()


@pytest.mark.parametrize("make", [tiny_generator, tiny_editor], ids=["generator", "editor"])
def test_saved_models_come_back(tmp_path, make):
    model = make()
    model.save_pretrained(tmp_path, card={"licence": "cc-by-4.0"})
    state = torch.get_rng_state()
    loaded = type(model).from_pretrained(tmp_path)
    assert same(model, loaded)
    assert loaded.config == model.config
    assert not loaded.training
    assert loaded.revision == "local"
    assert loaded.card["licence"] == "cc-by-4.0"
    assert torch.equal(torch.get_rng_state(), state), "loading must not use random numbers"
    modes = {(tmp_path / file).stat().st_mode for file in FILES}
    assert len(modes) == 1, "one file is as readable as the other"
    again = loaded.save_pretrained(tmp_path / "again")
    assert (again / "config.json").read_bytes() == (tmp_path / "config.json").read_bytes()


def test_numpys_numbers_are_saved_as_numbers(tmp_path):
    size, channels = np.int64(16), np.array([8, 8, 8])
    model = SkinGenerator(
        size, channels, ["a", "b"], latent_dim=np.int32(8), tones=np.array([1, 2])
    )
    card = {"metrics": [{"name": "KID", "value": np.float64(0.5)}]}
    loaded = SkinGenerator.from_pretrained(model.save_pretrained(tmp_path, card=card))
    assert loaded.config["size"] == 16 and loaded.config["channels"] == [8, 8, 8]
    assert loaded.tones == [1.0, 2.0] and loaded.card["metrics"][0]["value"] == 0.5


def test_config_states_the_contract(folder):
    config = json.loads((folder / "config.json").read_text())
    assert config["architecture"] == "SkinGenerator"
    assert config["format_version"] == FORMAT_VERSION
    assert config["size"] == 16
    assert config["classes"] == ["a", "b"]
    assert config["value_range"] == [0, 1]
    assert "True = inside" in config["mask"]
    assert config["arguments"]["channels"] == [8, 8, 8]


def test_half_is_stored_as_float16_and_read_as_float32(tmp_path):
    model = tiny_generator()
    model.save_pretrained(tmp_path, half=True)
    assert load_file(tmp_path / "model.safetensors")["stem.weight"].dtype == torch.float16
    loaded = SkinGenerator.from_pretrained(tmp_path)
    assert torch.equal(loaded.stem.weight, model.stem.weight.half().float())
    assert loaded.stem.weight.dtype == torch.float32


def test_parametrizations_are_folded_in(tmp_path):
    model = tiny_generator()
    latents, label = torch.randn(2, 128), torch.tensor([0, 1])
    spectral_norm(model.stem)
    spectral_norm(model.to_image)
    expected = model.eval()(latents, label)
    loaded = SkinGenerator.from_pretrained(model.save_pretrained(tmp_path))
    assert torch.allclose(loaded(latents, label), expected, atol=1e-6)
    is_parametrized = torch.nn.utils.parametrize.is_parametrized(model.stem)
    assert is_parametrized, "saving must not change the model"


def test_a_failed_save_leaves_the_old_model(folder, monkeypatch):
    before = read_files(folder)
    monkeypatch.setattr("synthderm.hub.pretrained.to_json", lambda *_, **__: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        tiny_generator().save_pretrained(folder)
    assert read_files(folder) == before


def test_every_public_network_states_its_contract():
    for network in Pretrained.__subclasses__():
        assert network.mask_meaning.startswith("True = ")
        assert network.pipeline_tag in ("unconditional-image-generation", "image-to-image")


def test_model_from_the_hub(hub, client, folder, tmp_path):
    """The whole way: a model from the loopback Hub gives the picture that the local one gives."""
    model = SkinGenerator.from_pretrained(folder)
    image, mask = model.generate(torch.ones(1, 128), torch.tensor([0]))
    files = read_files(folder)
    commit = hub.commit("org/whole-way", files)
    cache = str(tmp_path / "cache")
    answer = client("load", model="org/whole-way", cache_dir=cache)
    assert answer["result"] == {
        "revision": commit,
        "shape": [1, 3, 16, 16],
        "sum": image.double().sum().item(),
        "mask": mask.sum().item(),
    }
    hub.commit("org/whole-way", {**files, "config.json": b"{}"})
    answer = client("load", model="org/whole-way", cache_dir=cache)
    assert answer["error"] == "ValueError"
    assert "not a synthderm model" in answer["message"]
    answer = client("load", model=f"org/whole-way@{commit}", cache_dir=cache)
    assert answer["result"]["revision"] == commit


def test_a_transform_keeps_the_commit_that_its_branch_had(hub, client, tmp_path):
    EczemaEditor([8, 8]).save_pretrained(tmp_path / "editor")
    files = read_files(tmp_path / "editor")
    first = hub.commit("org/editor", files)
    for name in ("org/editor", "org/editor@main"):
        assert f"'org/editor@{first}'" in client("edit", model=name)["result"][0]
    second = hub.commit("org/editor", {**files, "README.md": b"new"})
    assert client("edit_again")["result"] == first
    assert client("edit", model="org/editor")["result"][0].count(second) == 1
    assert client("edit_again")["result"] == second
    asked = len(hub.log)
    for name in (f"org/editor@{first}", "eczema"):
        assert "result" in client("edit", model=name)
        assert "result" in client("edit_again")
    assert len(hub.log) == asked, "a commit in the cache and a bundled name cost no request"
