"""timm networks by one line of text."""

import pytest
import timm
import torch
from safetensors.torch import save_file

from synthderm.models.backbones import InputConfig, input_config, load_backbone


def test_weights_from_a_file_are_those_of_the_network(tmp_path):
    network = timm.create_model("test_efficientnet", pad_type="same").eval()
    save_file(network.state_dict(), tmp_path / "w.safetensors")
    spec = f"test_efficientnet={tmp_path / 'w.safetensors'}"
    x = torch.rand(1, 3, 64, 64)
    assert torch.equal(load_backbone(spec)(x), network(x))
    maps = load_backbone(spec, features_only=True, out_indices=(1, 2))(x)
    assert len(maps) == 2
    assert input_config(network, spec) == InputConfig(224, (0.5,) * 3, (0.5,) * 3)
    assert (
        input_config(network, "test_efficientnet").side == network.pretrained_cfg["input_size"][1]
    )


def test_a_file_that_does_not_fit_is_named(tmp_path):
    save_file({"conv_stem.weight": torch.zeros(1)}, tmp_path / "w.safetensors")
    with pytest.raises(
        ValueError, match=r"w.safetensors does not fit test_efficientnet: .* missing"
    ):
        load_backbone(f"test_efficientnet={tmp_path / 'w.safetensors'}")
