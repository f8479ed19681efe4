"""Batches: drawn per image, on their device, with no more work than the chosen rows need."""

from collections import Counter

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torchvision import tv_tensors
from torchvision.transforms import v2

from synthderm import EczemaEdit
from synthderm.imaging import blending
from synthderm.imaging.io import to_pil
from synthderm.transforms.functional import add_eczema
from tests.drawing import draw_skin
from tests.transforms.samples import SIZE, half_mask, tensor


def test_batches_draw_per_image_and_follow_each_image(editor):
    torch.manual_seed(0)
    images = torch.stack([draw_skin(40, 40, seed=k) for k in range(64)])
    labels, masks = torch.zeros(64, dtype=torch.long), torch.zeros(64, 40, 40, dtype=torch.bool)
    edit = EczemaEdit(p=0.5, label=1, coverage=0.4, severity=1.0, model=editor)
    new, new_masks, new_labels = edit.batch(images, masks, labels)
    changed = (new != images).flatten(1).any(1)
    assert 15 < changed.sum() < 49
    assert torch.equal(new_labels == 1, changed) and torch.equal(
        new_masks.flatten(1).any(1), changed
    )
    outside = ~new_masks[:, None].expand_as(new)
    assert torch.equal(new[outside], images[outside])
    assert labels.sum() == 0 and not masks.any(), "inputs were written to"


def test_a_batch_in_a_pipeline_draws_per_image_too(always):
    images = torch.stack([tensor()] * 4)
    masks = tv_tensors.Mask(torch.zeros(4, 1, *SIZE, dtype=torch.bool))
    edited, touched = always(tv_tensors.Image(images), masks)
    assert (
        type(edited) is tv_tensors.Image and len({mask.numpy().tobytes() for mask in touched}) == 4
    )
    assert not ((edited != images).any(1, keepdim=True) & ~touched).any()


class Waits(TorchDispatchMode):
    """Counts what makes a host wait for a GPU: values read back, and copies between kinds of memory
    or number."""

    def __init__(self):
        super().__init__()
        self.count = Counter()

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        name = str(function.overloadpacket)
        if name in (
            "aten._local_scalar_dense",
            "aten.nonzero",
            "aten._to_copy",
            "aten.copy_",
            "aten.masked_select",
        ):
            self.count[name] += 1
        return function(*args, **kwargs or {})


@pytest.mark.parametrize("mode", ["add", "remove", "toggle"])
def test_larger_batches_make_the_host_wait_no_more_often(editor, mode, monkeypatch):
    monkeypatch.setattr(blending, "_is_one_by_one", lambda images: False)  # the path of a GPU
    edit, counts = EczemaEdit(mode, p=1, mask=None if mode == "add" else "given", model=editor), []
    for count in (4, 12):
        images, masks = (
            torch.rand(count, 3, 32, 32),
            torch.zeros(count, 1, 32, 32, dtype=torch.bool),
        )
        masks[::2, :, 4:20, 4:20] = True
        edit.batch(images, masks)  # fills caches
        with Waits() as waits:
            edit.batch(images, masks, torch.zeros(count, dtype=torch.long))
        counts.append(waits.count)
    assert counts[0] == counts[1] and counts[0].total() > 0


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs CUDA")
def test_batches_on_cuda_stay_there():
    images = torch.stack([draw_skin(64, 64, seed=k) for k in range(8)]).cuda()
    masks, labels = (
        torch.zeros(8, 1, 64, 64, dtype=torch.bool, device="cuda"),
        torch.zeros(8, dtype=torch.long, device="cuda"),
    )
    new, new_masks, new_labels = EczemaEdit(p=0.7, label=1).batch(images, masks, labels)
    assert new.is_cuda and new_masks.is_cuda and new_labels.is_cuda
    changed = (new != images).any(1, keepdim=True)
    assert changed.any() and not (changed & ~new_masks).any()


def test_memory_format_stays(editor):
    edit = EczemaEdit(p=1, severity=1.0, coverage=0.4, model=editor)
    from_pil = v2.functional.pil_to_tensor(to_pil(tensor()))  # its channels lie together in memory
    assert not from_pil.is_contiguous() and edit(from_pil).stride() == from_pil.stride()
    images = torch.stack([tensor()] * 6).to(memory_format=torch.channels_last)
    torch.manual_seed(0)
    for p in (1, 0.5):
        edited = EczemaEdit(p=p, model=editor).batch(images)
        assert not torch.equal(edited, images) and edited.is_contiguous(
            memory_format=torch.channels_last
        )


def test_only_chosen_rows_reach_the_network(editor, monkeypatch):
    seen = []
    draw = type(editor).draw

    def count_rows(self, thumbnails, *rest, **options):
        seen.append(len(thumbnails))
        return draw(self, thumbnails, *rest, **options)

    monkeypatch.setattr(type(editor), "draw", count_rows)
    torch.manual_seed(1)
    edit = EczemaEdit(p=0.3, model=editor, return_record=True)
    _, record = edit.batch(torch.stack([draw_skin(32, 32)] * 20))
    assert seen == [len(record["edited"])] and 0 < seen[0] < 20


def test_a_record_repeats_the_edits_of_a_batch(editor):
    images = torch.stack([draw_skin(40, 40, seed=k) for k in range(6)])
    torch.manual_seed(1)
    edited, record = EczemaEdit(p=0.5, coverage=0.3, model=editor, return_record=True).batch(images)
    rows = record["edited"]
    again = add_eczema(
        images[rows],
        None,
        torch.tensor(record["severity"]),
        coverage=0.3,
        seed=record["seed"],
        model=editor,
    )
    assert 0 < len(rows) < 6 and torch.allclose(again.images, edited[rows], atol=1e-6)
    assert record["mask_area"] == pytest.approx(again.masks.float().mean((1, 2, 3)).tolist())


def test_a_record_repeats_edits_beside_images_that_were_not_edited(editor):
    images = torch.stack([draw_skin(40, 40, seed=k) for k in range(6)])
    images[1] = images[4] = torch.tensor([0.1, 0.3, 0.9]).view(3, 1, 1)  # no skin
    torch.manual_seed(1)
    edit = EczemaEdit(p=1, coverage=0.3, model=editor, return_record=True)
    edited, record = edit.batch(images)
    assert record["edited"] == [0, 2, 3, 5] and record["drawn"] == list(range(6))
    again = add_eczema(images[record["drawn"]], coverage=0.3, seed=record["seed"], model=editor)
    assert torch.equal(again.masks[record["edited"]], record["masks"])
    severity = torch.zeros(6)
    severity[record["edited"]] = torch.tensor(record["severity"])
    again = add_eczema(images, again.masks, severity, seed=record["seed"], model=editor)
    assert torch.allclose(again.images, edited, atol=1e-6)


@pytest.mark.parametrize("dtype", [torch.uint8, torch.uint16, torch.bfloat16], ids=str)
def test_toggle_tells_the_images_of_a_batch_apart(editor, dtype):
    images, sick = torch.stack([tensor(dtype)] * 8), torch.arange(8) % 2 == 0
    masks = torch.as_tensor(half_mask(torch.bool)).repeat(8, 1, 1, 1) & sick.view(-1, 1, 1, 1)
    torch.manual_seed(2)
    edit = EczemaEdit("toggle", p=0.6, severity=1.0, mask="given", model=editor, return_record=True)
    (edited, new), record = edit.batch(images, masks)
    chosen = torch.zeros(8, dtype=torch.bool)
    chosen[record["edited"]] = True
    assert (chosen & sick).any() and (chosen & ~sick).any() and not chosen.all()
    has = new.flatten(1).any(1)
    assert torch.equal(has, torch.where(chosen, ~sick, sick))
    changed = (edited.to(torch.float64) != images.to(torch.float64)).any(1, keepdim=True)
    assert torch.equal(changed.flatten(1).any(1), chosen) and not (changed & ~(masks | new)).any()
    assert record["mask_area"] == pytest.approx(
        (masks | new).float().mean((1, 2, 3))[record["edited"]].tolist()
    )


def test_after_batch_transfer_hook(editor):
    class Module:  # the shape of a Lightning hook
        edit = EczemaEdit(p=1, label=1, model=editor)

        def on_after_batch_transfer(self, batch, dataloader_idx):
            images, labels = batch
            return self.edit.batch(images, labels=labels)

    images, labels = Module().on_after_batch_transfer(
        (torch.rand(3, 3, 32, 32), torch.zeros(3, dtype=torch.long)), 0
    )
    assert images.shape == (3, 3, 32, 32) and labels.tolist() == [1, 1, 1]
