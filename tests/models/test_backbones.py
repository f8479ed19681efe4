"""timm networks by one line of text."""

import pytest
import timm
import torch
from safetensors.torch import save_file
from torch import nn

from synthderm.models.backbones import InputConfig, fold_norms, input_config, load_backbone


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


def test_folded_norms_are_the_same_function():
    network = timm.create_model("mobilenetv2_050", features_only=True, out_indices=(1, 3)).train()
    for _ in range(3):
        network(torch.randn(4, 3, 64, 64))  # running statistics that are not 0 and 1
    folded, x = fold_norms(network), torch.randn(2, 3, 64, 64)
    assert not any(isinstance(module, nn.BatchNorm2d) for module in folded.modules())
    for a, b in zip(folded(x), network.eval()(x)):
        assert torch.allclose(a, b, rtol=1e-3, atol=1e-3 * float(b.abs().max()))


def test_a_network_whose_norms_can_not_be_folded_stays():
    # The norm does not follow the convolution at once.
    network = nn.Sequential(nn.Conv2d(3, 8, 1), nn.ReLU(), nn.BatchNorm2d(8))
    network[2].running_mean.fill_(2.0)
    folded, x = fold_norms(network), torch.randn(2, 3, 64, 64)
    assert folded is network or torch.allclose(folded(x), network.eval()(x), atol=1e-5)
