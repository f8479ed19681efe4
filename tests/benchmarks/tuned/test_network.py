"""The network that is fine-tuned: its weights and its preprocessing."""

import pytest
import torch
from safetensors.torch import save_file

from benchmarks.tuned.network import TaskNetwork, describe_network, make_backbone

TINY = "test_efficientnet=random"


@pytest.fixture
def good(tmp_path):
    """Weights that fit, as a file, and the network they are of."""
    network = make_backbone(TINY, 3)
    save_file(network.state_dict(), tmp_path / "good.safetensors")
    return f"test_efficientnet={tmp_path / 'good.safetensors'}", network


def test_all_but_the_head_is_loaded(good):
    spec, network = good
    loaded = make_backbone(spec, 5)  # another head fits
    expected = network.state_dict()
    for name, value in loaded.state_dict().items():
        if not name.startswith("classifier"):
            assert torch.equal(value, expected[name])
    # Measuring the feature maps for the decoder leaves the batch norms as the weights have them.
    segmenting = TaskNetwork(spec, 2, True, 32)
    assert torch.equal(segmenting.backbone.bn1.running_var, network.bn1.running_var)


def test_the_first_weights_of_the_head_depend_on_the_seed_alone(good):
    spec, _ = good
    torch.manual_seed(3)
    head = make_backbone(TINY, 3).classifier.weight
    torch.manual_seed(3)
    assert torch.equal(make_backbone(spec, 3).classifier.weight, head)


def test_weights_that_do_not_fit_are_named(tmp_path, good):
    _, network = good
    state = network.state_dict()
    save_file({**state, "conv_stem.weight": torch.zeros(2, 2)}, tmp_path / "bad.safetensors")
    says = r"bad.safetensors does not fit test_efficientnet: .*conv_stem.weight.*\[2, 2\]"
    with pytest.raises(ValueError, match=says):
        make_backbone(f"test_efficientnet={tmp_path / 'bad.safetensors'}", 3)
    with pytest.raises(ValueError, match="timm has no model 'mobilenetv9'"):
        make_backbone("mobilenetv9=random", 3)
    (tmp_path / "cut.safetensors").write_bytes(b"12345")
    with pytest.raises(ValueError, match="cut.safetensors is not a readable"):
        make_backbone(f"test_efficientnet={tmp_path / 'cut.safetensors'}", 3)
    with pytest.raises(ValueError, match="no weights for .*none.safetensors"):
        make_backbone(f"test_efficientnet={tmp_path / 'none.safetensors'}", 3)


def test_preprocessing_is_that_of_the_weights(good):
    network = TaskNetwork(TINY, 2, False, 16)
    assert network.mean.flatten().tolist() == pytest.approx(network.backbone.pretrained_cfg["mean"])
    spec, _ = good
    from_file = TaskNetwork(spec, 2, False, 16)
    assert from_file.mean.flatten().tolist() == from_file.std.flatten().tolist() == [0.5] * 3
    assert describe_network(spec)["mean"] == [0.5] * 3
    assert describe_network(TINY)["weights"] == "random"
