"""Torch as usual, whatever was switched around; and models that load the same."""

import threading
from contextlib import ExitStack

import pytest
import torch

from synthderm import EczemaEditor, SkinGenerator
from synthderm.determinism import AUTOCAST_DEVICES, usual_torch
from synthderm.imaging.lesions import _tables
from synthderm.imaging.masks import _noise_basis
from synthderm.imaging.resize import _knots, _matrix, _neighbours
from synthderm.imaging.tiles import height_tile
from tests.states import STATES, in_every_state

CPU = torch.device("cpu")


def state() -> tuple:
    return (
        [torch.is_autocast_enabled(device) for device in AUTOCAST_DEVICES],
        torch.is_inference_mode_enabled(),
        torch.is_grad_enabled(),
        torch.get_default_device(),
        torch.get_default_dtype(),
        torch.get_num_threads(),
    )


@in_every_state
def test_torch_is_as_usual_inside_and_put_back_outside(switched):
    with switched():
        before = state()
        with usual_torch(), usual_torch():
            autocast, inference, _, device, *_ = state()
            assert not any(autocast) and not inference and device == CPU
        assert state() == before
        with pytest.raises(KeyError), usual_torch():
            raise KeyError
        assert state() == before


def test_other_threads_see_nothing_of_it():
    inside, seen = threading.Event(), []

    def work():
        inside.wait()
        seen.append((torch.zeros(1).dtype, torch.is_autocast_enabled("cpu")))
        with torch.autocast("cpu", torch.bfloat16):
            seen.append(torch.is_autocast_enabled("cpu"))

    with STATES["default dtype float64"]():
        thread = threading.Thread(target=work)
        thread.start()
        with usual_torch():
            inside.set()
            thread.join()
    assert seen == [(torch.float64, False), True]


def test_gradients_stay_off_or_on():
    x = torch.ones((), requires_grad=True)
    for context in (torch.no_grad, torch.inference_mode):
        with context(), usual_torch():
            assert not (2 * x).requires_grad
    with usual_torch():
        assert (2 * x).requires_grad


@in_every_state
def test_models_load_the_same(switched, generator_dir, editor, tmp_path):
    editor.save_pretrained(tmp_path)
    for kind, folder in ((SkinGenerator, generator_dir), (EczemaEditor, tmp_path)):
        expected = kind.from_pretrained(folder).state_dict()
        with switched():
            model = kind.from_pretrained(folder)
        loaded = model.state_dict()
        assert loaded.keys() == expected.keys()
        for key, value in loaded.items():
            assert value.dtype == expected[key].dtype and value.device.type == "cpu", key
            assert torch.equal(value, expected[key]) and not value.is_inference(), key
        sum(parameter.sum() for parameter in model.parameters()).backward()


@in_every_state
def test_what_is_cached_serves_in_every_state(switched):
    def fill() -> list[torch.Tensor]:
        for cache in (_matrix, _knots, _neighbours, _noise_basis, _tables):
            cache.cache_clear()
        made = [_matrix(kind, 5, 12, CPU) for kind in ("average", "linear", "cubic")]
        made += [*_knots(4, 31, CPU)[2:], *_neighbours(4, 9, CPU), *_tables()]
        return [*made, *_noise_basis(8, (((3, 1.0),),))]

    expected = fill()
    with switched():
        made = fill()
    assert all(torch.equal(a, b) and a.dtype == b.dtype for a, b in zip(made, expected))
    assert not any(part.is_inference() for part in made)


def test_a_tile_is_the_same_in_all_states_at_once():
    expected = height_tile(3, 1).clone()
    height_tile.cache_clear()
    with ExitStack() as stack:
        for switched in STATES.values():
            stack.enter_context(switched())
        tile = height_tile(3, 1)
    assert torch.equal(tile, expected) and not tile.is_inference()
