"""What `make_params` draws, and what `transform` makes of it: direction, severity, record."""

import copy

import pytest
import torch
from torchvision import tv_tensors

from synthderm import EczemaEdit
from synthderm.imaging.lesions import no_latents
from synthderm.models.editor import ADD, REMOVE
from synthderm.transforms import functional
from synthderm.transforms.edit_plan import EditPlan, update_mask
from synthderm.transforms.functional import add_eczema
from tests.drawing import draw_skin
from tests.transforms.samples import SIZE, half_mask, tensor


def test_toggle_removes_where_there_is_eczema_and_adds_elsewhere(editor):
    edit = EczemaEdit("toggle", p=1, severity=1.0, mask="given", model=editor)
    image = tv_tensors.Image(tensor())
    _, cleared = edit(image, half_mask())
    assert cleared.sum() == 0
    _, added = edit(image, tv_tensors.Mask(torch.zeros(1, *SIZE, dtype=torch.uint8)))
    assert added.sum() > 0


def test_prediction_decides_where_to_remove(editor):
    images = torch.stack([draw_skin(40, 40, seed=k) for k in range(2)])
    finder = copy.deepcopy(editor)
    finder.coarse.maps.bias.data[-1] = 10.0  # the map of what is found: everywhere
    edited, record = EczemaEdit("remove", p=1, model=finder, return_record=True).batch(images)
    assert len(record["mask_area"]) == 2 and edited.shape == images.shape


def test_a_record_repeats_the_edit(editor):
    image = tensor(torch.float32)
    (edited, mask), record = EczemaEdit(p=1, model=editor, return_record=True)(
        image, tv_tensors.Mask(torch.zeros(1, *SIZE, dtype=torch.bool))
    )
    assert record["edited"] == [0] and record["model_revision"] == "untrained"
    assert record["mask_area"][0] == pytest.approx(mask.float().mean().item())
    again = add_eczema(
        image, torch.as_tensor(mask), record["severity"][0], seed=record["seed"], model=editor
    )
    assert torch.allclose(again.images, edited, atol=1e-6)
    untouched, empty = EczemaEdit(p=0, model=editor, return_record=True)(image)
    assert untouched is image and empty["edited"] == []


def test_make_params_changes_no_pixel_and_transform_edits_by_it_alone(editor):
    edit = EczemaEdit(p=1, severity=1.0, model=editor)
    image = tv_tensors.Image(tensor())
    before = image.clone()
    params = edit.make_params([image])
    assert torch.equal(image, before)
    torch.manual_seed(99)
    state = torch.get_rng_state()
    first, second = edit.transform(image, params), edit.transform(image, params)
    assert torch.equal(first, second) and not torch.equal(first, image)
    assert torch.equal(torch.get_rng_state(), state)


def test_make_params_draws_each_thing_that_an_edit_depends_on(editor):
    images = torch.stack([tensor()] * 6)
    plan = EczemaEdit(p=1, model=editor).make_params([images])["plans"][0]
    assert plan.rows == list(range(6)) and plan.direction == 1
    assert len(set(plan.severity.tolist())) == 6
    noise, signs, offset, _ = plan.latents  # there are six tiles only
    for part in (plan.masks, noise, signs, offset):
        assert len({row.numpy().tobytes() for row in part}) == 6


def test_removal_removes_all_unless_a_severity_is_given(editor):
    image, mask = tv_tensors.Image(tensor()), half_mask()
    edit = EczemaEdit("remove", p=1, mask="given", model=editor, return_record=True)
    assert edit(image, mask)[1]["severity"] == [1.0]


@pytest.mark.parametrize("mode", ["remove", "toggle"])
def test_what_is_removed_in_part_keeps_mask_and_label(editor, mode):
    sample = (tv_tensors.Image(tensor()), half_mask(), 1)
    label = 0 if mode == "remove" else {"add": 1, "remove": 0}
    edit = EczemaEdit(mode, p=1, severity=0.5, mask="given", label=label, model=editor)
    edited, mask, label = edit(sample)
    assert not torch.equal(edited, sample[0])
    if mode == "remove":
        assert torch.equal(mask, sample[1]) and label == 1
    else:  # whose severity is that of adding
        assert mask.sum() == 0 and label == 0


@pytest.mark.parametrize("mode", ["remove", "toggle"])
def test_prediction_is_asked_whatever_mask_the_sample_has(editor, mode, monkeypatch):
    found = torch.zeros(1, 1, *SIZE, dtype=torch.bool)
    found[..., :8, :8] = True
    monkeypatch.setattr(functional, "find_in_thumbnails", lambda *arguments: found)
    edit = EczemaEdit(mode, p=1, mask="predict", model=editor, return_record=True)
    (edited, mask), record = edit(tv_tensors.Image(tensor()), half_mask())
    assert torch.equal(record["masks"], found) and record["direction"] == ["remove"]
    assert record["mask_area"] == pytest.approx([found.float().mean().item()])
    assert torch.equal(mask, half_mask())  # which does not touch what was found


@pytest.mark.parametrize(
    "name", ["bool", "uint8", "int16", "uint16", "int64", "float16", "float64"]
)
@pytest.mark.parametrize("direction", [ADD, REMOVE])
@pytest.mark.parametrize("rows", [[0, 1, 2], [2]])
def test_a_mask_of_any_dtype_and_layout_changes_where_it_was_edited(name, direction, rows):
    dtype = getattr(torch, name)
    before = torch.zeros(3, 1, 8, 9, dtype=torch.bool)
    before[..., 2:5] = True
    before[:2, :, 7] = True
    value = 255 if name in ("uint8", "uint16", "int64") else 1
    mask = (before.to(torch.int64) * value).to(dtype).transpose(2, 3).contiguous().transpose(2, 3)
    mask = mask.requires_grad_(mask.is_floating_point())
    touched = torch.zeros(len(rows), 1, 8, 9, dtype=torch.bool)
    touched[:, :, 4:] = True
    plan = EditPlan(
        rows, direction, touched, torch.ones(len(rows)), no_latents(len(rows)), touched, rows, []
    )
    new = update_mask(mask.expand(3, 1, 8, 9), [plan], 3)
    expected = before.clone()
    expected[rows] = before[rows] | touched if direction == ADD else before[rows] & ~touched
    assert new.dtype == dtype
    assert torch.equal(new.to(torch.int64), expected.to(torch.int64) * value)
    assert torch.equal(mask.to(torch.int64), before.to(torch.int64) * value)
