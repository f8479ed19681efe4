"""The `fast` extra: ONNX Runtime gives what torch gives, to rounding, and gets in nobody's way."""

import copy
import pickle

import pytest
import torch
from drawing import TONES, draw_skin, liven
from torch.utils.data import DataLoader

from synthderm import EczemaEdit, EczemaEditor, fast
from synthderm.edit import add_eczema, apply_edit, draw_seeds, remove_eczema
from synthderm.masks import random_mask

needs_extra = pytest.mark.skipif(not fast.is_installed(), reason="needs the fast extra")
BYTES = (torch.stack([draw_skin(72, 90, tone, seed) for seed, tone in enumerate(TONES)]) * 255).to(torch.uint8)
MASKS = random_mask((72, 90), torch.tensor([0.2, 0.4, 0.7]))


@pytest.fixture(scope="module")
def frozen() -> EczemaEditor:
    """An editor that changes pictures strongly, as `from_pretrained` and `requires_grad_(False)` leave it."""
    return liven(EczemaEditor([8, 12])).eval().requires_grad_(False)


@needs_extra
@pytest.mark.parametrize("direction", [1, -1])
@pytest.mark.parametrize("count", [1, 3])
def test_as_torch_within_a_grey_level_and_outside_the_mask_bit_for_bit(frozen, direction, count):
    images, masks, severity = BYTES[:count], MASKS[:count], torch.linspace(0.4, 1, count)
    seeds = draw_seeds(count, torch.Generator().manual_seed(0))
    torchs, onnxs = (apply_edit(frozen, images, masks, severity, direction, seeds, backend=backend) for backend in ("torch", "onnx"))
    change = (torchs.int() - images.int()).abs()
    assert change.max() > 10
    assert (torchs.int() - onnxs.int()).abs().max() <= 1
    assert torch.equal(onnxs[~masks.expand_as(images)], images[~masks.expand_as(images)])
    floats = [apply_edit(frozen, images / 255, masks, severity, direction, seeds, backend=backend) for backend in ("torch", "onnx")]
    assert torch.allclose(*floats, atol=1e-4)


@needs_extra
@pytest.mark.parametrize("channels", [1, 4])
def test_grey_and_alpha(frozen, channels):
    images = torch.cat([BYTES, BYTES[:, :1]], dim=1)[:, :channels]
    torchs, onnxs = (add_eczema(images, seed=1, model=frozen, backend=backend) for backend in ("torch", "onnx"))
    assert torch.equal(torchs.masks, onnxs.masks) and (torchs.images.int() - onnxs.images.int()).abs().max() <= 1


@needs_extra
def test_weights_that_change_are_followed_and_trained_ones_left_to_torch(frozen):
    editor = copy.deepcopy(frozen)
    before = fast.session_for(editor)
    assert fast.session_for(editor) is before and fast.session_for(frozen) is not before
    editor.load_state_dict(liven(EczemaEditor([8, 12])).state_dict())
    after = fast.session_for(editor)
    assert after is not before
    edits = [remove_eczema(BYTES, MASKS, model=editor, backend=backend).images.int() for backend in ("torch", "onnx")]
    assert (edits[0] - edits[1]).abs().max() <= 1
    editor.requires_grad_(True)
    assert fast.session_for(editor) is None and fast.session_for(editor, "onnx") is not None
    assert fast.session_for(frozen, "torch") is None


@needs_extra
def test_a_used_transform_travels_to_forked_workers_and_through_pickle(frozen):
    edit = EczemaEdit(p=1, severity=1.0, mask="random", model=frozen, backend="onnx")
    edit(BYTES[0])
    assert len(pickle.dumps(edit)) < 100_000
    copied = copy.deepcopy(pickle.loads(pickle.dumps(edit)))
    torch.manual_seed(5)
    first = edit(BYTES[0])
    torch.manual_seed(5)
    assert torch.equal(copied(BYTES[0]), first)
    loaders = [DataLoader(Edited(one), num_workers=1, multiprocessing_context="fork", generator=torch.Generator().manual_seed(0)) for one in (edit, copied)]
    for a, b in zip(*loaders):
        assert torch.equal(a, b) and not torch.equal(a[0], BYTES[0])


class Edited(torch.utils.data.Dataset):
    """One image, edited anew for each item."""

    def __init__(self, edit):
        self.edit = edit

    def __len__(self):
        return 2

    def __getitem__(self, index):
        return self.edit(BYTES[0])


@needs_extra
def test_a_session_is_its_processs_own(frozen, monkeypatch):
    here = fast.session_for(frozen)
    monkeypatch.setattr(fast.os, "getpid", lambda: -1)
    assert fast.session_for(frozen) is not here


def test_without_the_extra_torch_runs_it_and_an_error_names_it(frozen, monkeypatch):
    monkeypatch.setattr(fast, "is_installed", lambda: False)
    assert fast.session_for(frozen) is None
    assert not torch.equal(EczemaEdit(p=1, severity=1.0, model=frozen)(BYTES[0]), BYTES[0])
    for ask in (
        lambda: EczemaEdit(backend="onnx"),
        lambda: add_eczema(BYTES, model=frozen, backend="onnx"),
        lambda: remove_eczema(BYTES, MASKS, backend="onnx"),
    ):
        with pytest.raises(ImportError, match=r"pip install synthderm\[fast\]"):
            ask()


def test_an_unknown_backend_is_named():
    with pytest.raises(ValueError, match="backend='tensorrt' is none of auto, torch, onnx"):
        EczemaEdit(backend="tensorrt")
