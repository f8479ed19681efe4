"""What travels of a training: in half precision where that is safe, and read strictly."""

import json
from argparse import Namespace
from pathlib import Path

import pytest
import torch
from torch import nn

from synthderm.training.checkpoint import to_state
from synthderm.training.tensor_files import read_index, read_tensors, write_tensors
from synthderm.training.training_state import flatten, take_training_state, training_settings

ARGS = Namespace(disc_channels=[8], recon_weight=1.0, features=None)
CONFIG = {"size": 16, "channels": [8], "classes": ["a"], "latent_dim": 8}
NETWORKS = ("generator", "discriminators", "encoder")


def make_parts(seed: int) -> dict:
    """Networks of two layers, and optimizers that have taken two steps."""
    torch.manual_seed(seed)
    parts = {name: nn.ModuleList([nn.Linear(4, 3), nn.Conv2d(3, 4, 3)]) for name in NETWORKS}
    for network in parts.values():
        network.to(memory_format=torch.channels_last)
    generated = [*parts["generator"].parameters(), *parts["encoder"].parameters()]
    trained = {"optimizer_g": generated, "optimizer_d": [*parts["discriminators"].parameters()]}
    for name, parameters in trained.items():
        parts[name] = torch.optim.Adam(parameters, 1e-3, betas=(0.0, 0.99))
        for _ in range(2):
            for parameter in parameters:
                parameter.grad = torch.randn_like(parameter) * 1e-6  # its square is no float16
            parts[name].step()
    for name in ("means", "augment_p", "beta"):
        parts[name] = torch.rand(5) if name == "means" else torch.rand(())
    return parts


def write(folder: Path, parts: dict, **changed: object) -> dict:
    """What a run with these parts hands on; gives the tensors."""
    folder.mkdir(exist_ok=True)
    tensors = flatten({name: to_state(part) for name, part in parts.items()})
    tensors |= changed.pop("tensors", {})
    index = {"shown": 40, "settings": training_settings(ARGS, CONFIG), **changed}
    write_tensors(folder, {k: x for k, x in tensors.items() if x is not None}, index, beside=[])
    return tensors


def test_moments_keep_their_range_and_a_run_goes_on_with_all(tmp_path):
    kept, parts = make_parts(0), make_parts(1)
    tensors = write(tmp_path, kept)
    moments = tensors["optimizer_g/0/exp_avg_sq"]
    assert moments.dtype == torch.bfloat16 and 0 < moments.max() < 1e-9
    assert tensors["generator/0.weight"].dtype == torch.float16
    assert tensors["generator/0.bias"].dtype == torch.float32
    shown, told = take_training_state(parts, ARGS, CONFIG, tmp_path)
    assert shown == 40
    assert told == "generator, discriminators, encoder and optimizers go on after 40 images"
    for name in NETWORKS:
        for a, b in zip(kept[name].parameters(), parts[name].parameters()):
            assert torch.allclose(a, b, rtol=1e-3) and b.dtype == torch.float32
    for name in ("optimizer_g", "optimizer_d"):
        for a, b in zip(kept[name].state.values(), parts[name].state.values(), strict=True):
            assert torch.allclose(a["exp_avg_sq"], b["exp_avg_sq"], rtol=4e-3, atol=0)
            assert a["step"] == b["step"] == 2 and b["exp_avg_sq"].dtype == torch.float32
        # Fused optimizers, which GPUs have, refuse moments that are laid out in another way.
        for parameter, moments in parts[name].state.items():
            for moment in (moments["exp_avg"], moments["exp_avg_sq"]):
                assert moment.stride() == parameter.stride()
    assert torch.equal(kept["means"], parts["means"]) and kept["beta"] == parts["beta"]


def test_what_float16_can_not_hold_stays_in_float32(tmp_path):
    kept = make_parts(0)
    with torch.no_grad():
        kept["discriminators"][0].weight[0, 0] = 1e6
    tensors = write(tmp_path, kept)
    assert tensors["discriminators/0.weight"].dtype == torch.float32
    assert read_tensors(tmp_path, read_index(tmp_path), "discriminators/")["0.weight"][0, 0] == 1e6


@pytest.mark.parametrize(
    ("name", "tensor", "says"),
    [
        ("generator/0.weight", torch.zeros(3, 3), "generator does not fit"),
        ("generator/1.weight", torch.zeros(3, 3), "generator does not fit"),
        ("encoder/0.bias", None, "encoder does not fit"),
        ("means/value", torch.zeros(4), r"means does not fit .*shape \(4,\) instead of \(5,\)"),
        ("beta/value", None, "beta does not fit"),
        ("optimizer_d/0/exp_avg_sq", torch.zeros(2, 2), r"optimizer_d does not fit .*\(2, 2\)"),
        ("optimizer_d/0/exp_avg_sq", torch.full((3, 4), -1.0), "optimizer_d.* is below 0"),
        ("optimizer_d/0/step", None, "optimizer_d does not fit .*moments are missing"),
        ("optimizer_d/9/step", torch.tensor(2.0), "optimizer_d.* has no parameter '9'"),
        ("optimizer_d/-1/step", torch.tensor(2.0), "optimizer_d.* has no parameter '-1'"),
    ],
)
def test_tensors_of_another_network_are_refused(tmp_path, name, tensor, says):
    write(tmp_path, make_parts(0), tensors={name: tensor})
    with pytest.raises(ValueError, match=says) as refused:
        take_training_state(make_parts(1), ARGS, CONFIG, tmp_path)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("changed", [{"settings": [1]}, {"shown": "40"}, {"shown": None}])
def test_an_index_without_settings_is_refused(tmp_path, changed):
    write(tmp_path, make_parts(0), **changed)
    with pytest.raises(ValueError, match="lacks settings or shown: it was edited by hand"):
        take_training_state(make_parts(1), ARGS, CONFIG, tmp_path)
    assert json.loads((tmp_path / "training.json").read_text())["format_version"] == 1


def test_a_generator_that_computes_otherwise_starts_anew(tmp_path):
    """Though all tensors would fit, and whichever of the two has the setting."""
    write(tmp_path, make_parts(0))
    shown, told = take_training_state(make_parts(1), ARGS, CONFIG | {"smooth": True}, tmp_path)
    assert shown == 0 and told == (
        "the generator's weights, discriminators and the discriminators' optimizer go on; encoder"
        " and the generator's optimizer start anew: smooth was None and is True"
    )
    write(tmp_path, make_parts(0), settings=training_settings(ARGS, CONFIG | {"smooth": True}))
    shown, told = take_training_state(make_parts(1), ARGS, CONFIG, tmp_path)
    assert shown == 0 and told.endswith("start anew: smooth was True and is None")
