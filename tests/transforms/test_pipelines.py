"""In workers, pickles, modules, compiled steps and the loaders of others."""

import copy
import io
import pickle
import random
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader, Dataset
from torchvision.transforms import v2

from synthderm import EczemaEdit, EczemaEditor
from synthderm.imaging.io import to_pil
from synthderm.models.cache import _check_fork
from tests.drawing import draw_skin
from tests.transforms.samples import tensor


def test_random_numbers_are_torchs_global_ones(editor):
    edit = EczemaEdit(p=0.5, model=editor)
    image = tensor()

    def run():
        torch.manual_seed(7)
        return [edit(image) for _ in range(8)]

    first, second = run(), run()
    assert all(torch.equal(a, b) for a, b in zip(first, second))
    assert len({a.numpy().tobytes() for a in first}) > 2


def test_no_other_random_numbers_are_drawn(always):
    before = random.getstate(), np.random.get_state()[1].tolist()
    always(tensor())
    assert (random.getstate(), np.random.get_state()[1].tolist()) == before


class Pictures(Dataset):
    def __init__(self, transform):
        self.transform = transform

    def __len__(self):
        return 8

    def __getitem__(self, index):
        return self.transform((to_pil(draw_skin(40, 40, seed=index)), index))


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_workers(method):
    pipeline = v2.Compose(
        [
            v2.RandomHorizontalFlip(),
            EczemaEdit(p=0.7),
            v2.ToImage(),
            v2.ToDtype(torch.float32, scale=True),
        ]
    )
    workers = 2 if method == "fork" else 1  # the others take seconds to import torch
    loader = DataLoader(
        Pictures(pipeline),
        batch_size=4,
        num_workers=workers,
        multiprocessing_context=method,
        persistent_workers=True,
    )
    epochs = [[images for images, _ in loader] for _ in range(2)]
    assert all(images.shape == (4, 3, 40, 40) for epoch in epochs for images in epoch)
    assert not torch.equal(epochs[0][0], epochs[1][0]), "random numbers repeat from epoch to epoch"


def test_pickles_small_copies_and_reads_well():
    edit = EczemaEdit(label=1)
    assert len(pickle.dumps(edit)) < 3000
    assert repr(copy.deepcopy(pickle.loads(pickle.dumps(edit)))) == repr(edit)
    assert (
        "\n" not in repr(edit) and "severity=(0.2, 1.0)" in repr(edit) and "'eczema'" in repr(edit)
    )


def test_the_model_stays_out_of_a_parent_module(editor):
    edit = EczemaEdit(p=1, model=editor)
    parent = torch.nn.Sequential(edit, torch.nn.Conv2d(3, 2, 1))
    assert set(parent.state_dict()) == {"1.weight", "1.bias"}
    before = {key: value.clone() for key, value in editor.state_dict().items()}
    parent.train().half()
    assert not editor.training and all(
        torch.equal(before[k], v) for k, v in editor.state_dict().items()
    )
    assert editor.stem.weight.dtype == torch.float32
    torch.save(parent.state_dict(), io.BytesIO())


def test_gradients(always):
    image = tensor(torch.float32).requires_grad_()
    edited = always(image)
    assert not edited.requires_grad
    conv = torch.nn.Conv2d(3, 1, 3)
    conv(edited[None]).sum().backward()
    assert conv.weight.grad is not None


@pytest.mark.parametrize("entry", ["batch", "__call__"])
def test_a_compiled_step_may_contain_the_edit(editor, entry):
    edit, conv = EczemaEdit(p=1, model=editor), torch.nn.Conv2d(3, 2, 3)

    @torch.compile(backend="eager")
    def step(images):
        return conv(getattr(edit, entry)(images)).mean()

    step(torch.stack([draw_skin(32, 32)] * 2)).backward()
    assert conv.weight.grad.abs().sum() > 0


def test_timm_loader():
    import timm.data

    class Plain(Dataset):
        transform = None

        def __len__(self):
            return 6

        def __getitem__(self, index):
            image = to_pil(draw_skin(40, 40, seed=index))
            return (self.transform(image) if self.transform else image), index % 2

    loader = timm.data.create_loader(
        Plain(), (3, 32, 32), 3, is_training=True, use_prefetcher=False, num_workers=0
    )
    loader.dataset.transform.transforms.insert(0, EczemaEdit(p=1))
    images, labels = next(iter(loader))
    assert images.shape == (3, 3, 32, 32) and labels.shape == (3,)


def test_a_forked_worker_with_a_cuda_model_is_told_the_two_ways_out(monkeypatch):
    monkeypatch.setattr(torch.cuda, "_is_in_bad_fork", lambda: True)
    with pytest.raises(RuntimeError, match=r"pass its name.*EczemaEdit.batch"):
        _check_fork(torch.device("cuda"))
    _check_fork(torch.device("cpu"))

    class OnCuda(EczemaEditor):
        def parameters(self, recurse=True):
            yield SimpleNamespace(device=torch.device("cuda"))

    with pytest.raises(RuntimeError, match="forked DataLoader worker"):
        EczemaEdit(p=1, model=OnCuda([8, 8]))(tensor())


def test_models_in_folders(editor, tmp_path, monkeypatch):
    editor.save_pretrained(tmp_path / "org" / "name")
    monkeypatch.chdir(tmp_path)
    for path in (tmp_path / "org" / "name", Path("org/name"), "./org/name"):
        edit = pickle.loads(pickle.dumps(EczemaEdit(p=1, model=path, return_record=True)))
        assert (
            edit(tensor())[1]["model_revision"] == "local"
            and "org/name" in repr(edit)
            and "Path" not in repr(edit)
        )
    with pytest.raises(FileNotFoundError, match="is not a model"):
        EczemaEdit(model=tmp_path / "none")
