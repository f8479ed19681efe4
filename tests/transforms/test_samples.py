"""Samples: masks, labels and boxes that an edit carries along, and samples that are refused."""

import warnings

import numpy as np
import pytest
import torch
from PIL import Image
from torch.utils.data import DataLoader
from torchvision import tv_tensors
from torchvision.transforms import v2

from synthderm import EczemaEdit, SkinFolder
from synthderm.imaging.io import to_pil
from synthderm.transforms.samples import warn_of_boxes
from tests.drawing import draw_folder
from tests.transforms.samples import SIZE, half_mask, tensor


@pytest.mark.parametrize(
    ("dtype", "value"), [(torch.bool, 1), (torch.uint8, 1), (torch.uint8, 255), (torch.int64, 1)]
)
@pytest.mark.parametrize("shape", [(1, *SIZE), SIZE])
def test_masks_are_joined_on_adding_and_cleared_on_removing(editor, dtype, value, shape):
    mask = tv_tensors.Mask((half_mask() * value).to(dtype).reshape(shape))
    image = tv_tensors.Image(tensor())
    edited, joined = EczemaEdit(p=1, coverage=0.5, model=editor)(image, mask)
    changed = (edited != image).any(0).reshape(shape[-2:])
    assert type(joined) is tv_tensors.Mask and joined.dtype == dtype and joined.shape == mask.shape
    assert (joined.reshape(SIZE)[changed] == value).all() and (joined[mask != 0] == value).all()
    assert joined.sum() > mask.sum()
    _, cleared = EczemaEdit("remove", p=1, mask="given", model=editor)(image, mask)
    assert cleared.sum() == 0 and cleared.dtype == dtype


@pytest.mark.parametrize(
    ("sample", "expected"),
    [
        ((to_pil(tensor()), 3), 9),
        ((tv_tensors.Image(tensor()), half_mask(), 0), 9),
        ((to_pil(tensor()), np.int64(3)), np.int64(9)),
        ((to_pil(tensor()), torch.tensor(3)), torch.tensor(9)),
        ({"image": tensor(), "label": 1, "count": 5}, 9),
        ({"image": tensor(), "Labels": torch.tensor(1), "x": 1}, torch.tensor(9)),
        ((tensor(), {"label_of_whom": 2, "labels": 1}), 9),
    ],
)
def test_edited_samples_get_the_label(editor, sample, expected):
    edited = EczemaEdit(p=1, label=9, model=editor)(sample)
    label = (
        edited[-1]
        if isinstance(edited, tuple)
        else edited[next(k for k in edited if "label" in k.lower())]
    )
    if isinstance(label, dict):
        assert label.pop("label_of_whom") == 2
        label = label["labels"]
    assert type(label) is type(expected) and label == expected
    if isinstance(sample, dict):
        others = [k for k in sample if k != "image" and "label" not in k.lower()]
        assert all(edited[k] == sample[k] for k in others)


def test_label_goes_where_the_getter_points(editor):
    edit = EczemaEdit(p=1, label=9, labels_getter=lambda s: s["meta"]["y"], model=editor)
    edited = edit({"image": tensor(), "meta": {"x": 1, "y": 1}})
    assert edited["meta"] == {"x": 1, "y": 9}


def test_boxes_are_kept_with_one_warning(always):
    warn_of_boxes.cache_clear()
    boxes = tv_tensors.BoundingBoxes([[1, 1, 5, 5]], format="XYXY", canvas_size=SIZE)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        EczemaEdit(p=0)(tv_tensors.Image(tensor()), boxes)  # nothing was edited, they are in step
    with pytest.warns(UserWarning, match="bounding boxes"):
        _, same = always(tv_tensors.Image(tensor()), boxes)
    assert torch.equal(same, boxes)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        always(tv_tensors.Image(tensor()), boxes)


@pytest.mark.parametrize(
    ("sample", "options", "error", "says"),
    [
        ("text", {}, TypeError, "no image"),
        ({"label": 3}, {}, TypeError, "no image"),
        (to_pil(tensor()).convert("CMYK"), {}, TypeError, "CMYK"),
        (Image.new("I;16", (8, 8)), {}, TypeError, "I;16"),
        ((to_pil(tensor()), to_pil(tensor())), {}, ValueError, "2 images"),
        (tensor(), {"mask": "given"}, ValueError, "no tv_tensors.Mask"),
        (
            (tv_tensors.Image(tensor()), tv_tensors.Mask(torch.zeros(1, 5, 5))),
            {"mask": "given"},
            ValueError,
            r"\(1, 5, 5\)",
        ),
        (
            (tv_tensors.Image(tensor()), tv_tensors.Mask(torch.zeros(4, *SIZE))),
            {},
            ValueError,
            "one mask",
        ),
        (tensor(torch.float32) * 255, {}, ValueError, r"in \[0, 1\]"),
        (torch.zeros(3, 8, 8, dtype=torch.int32), {}, TypeError, "int32"),
        (torch.tensor([1.0, 2.0]), {}, ValueError, r"shape \(2,\)"),
        (torch.tensor(1.0), {}, ValueError, r"shape \(\)"),
        ((to_pil(tensor()), "no number"), {"label": 1}, ValueError, "not an integer"),
        (to_pil(tensor()), {"label": 1}, ValueError, "an image alone: call .* with transforms="),
        ((tensor(), [2.5], "a"), {"label": 1}, ValueError, "no label was found"),
        (
            (torch.rand(2, 3, 8, 8), torch.rand(2, 4)),
            {"label": 1},
            ValueError,
            "before MixUp|Edit before",
        ),
    ],
)
def test_bad_samples_are_named(editor, sample, options, error, says):
    with pytest.raises(error, match=says):
        EczemaEdit(p=1, model=editor, **options)(sample)


@pytest.mark.parametrize("image", [to_pil(tensor()), tensor(), tv_tensors.Image(tensor())])
@pytest.mark.parametrize(
    "mask",
    [
        half_mask(torch.bool).as_subclass(torch.Tensor),
        half_mask(torch.float32).as_subclass(torch.Tensor),
        half_mask()[0].as_subclass(torch.Tensor),
        half_mask()[0].numpy(),
    ],
)
def test_a_mask_that_would_silently_stay_is_refused(editor, image, mask):
    for sample in ((image, mask, 0), {"image": image, "mask": mask, "label": 0}):
        with pytest.raises(ValueError, match=r"tv_tensors.Mask, or .* edit.batch\(images, masks"):
            EczemaEdit(p=1e-9, model=editor)(sample)  # also where no edit is drawn
        assert EczemaEdit(p=0, model=editor)(sample) is sample


def test_masks_that_a_loader_stripped_are_refused_and_batch_takes_them(editor):
    items = [(tv_tensors.Image(tensor()), half_mask(torch.bool), k) for k in range(4)]
    images, masks, labels = next(iter(DataLoader(items, batch_size=4)))
    edit = EczemaEdit(p=1, label=9, coverage=0.5, model=editor)
    for shape in ((4, 1, *SIZE), (4, *SIZE)):
        with pytest.raises(ValueError, match="use edit.batch"):
            edit((images, masks.reshape(shape), labels))
        new, joined, new_labels = edit.batch(images, masks.reshape(shape), labels)
        assert joined.shape == shape and (joined & ~masks.reshape(shape)).any()
        assert new_labels.tolist() == [9] * 4


def test_tensors_beside_the_image_that_are_no_masks_pass(editor):
    others = (torch.rand(2, 3), tensor()[:, 1:], torch.rand(5, *SIZE), torch.tensor(1), np.eye(3))
    edited = EczemaEdit(p=1, model=editor)((tensor(), *others))
    assert all(a is b for a, b in zip(edited[1:], others))


def test_the_pipeline_of_the_readme_fits_a_folder(tmp_path):
    finish = [v2.ToImage(), v2.ToDtype(torch.float32, scale=True)]
    pipeline = v2.Compose([v2.RandomResizedCrop(32), EczemaEdit(p=1, label=1), *finish])
    folder = draw_folder(tmp_path / "data")
    image, label = SkinFolder(folder, transforms=pipeline)[0]
    assert image.shape == (3, 32, 32) and label == 1
    with pytest.raises(ValueError, match="with transforms=, not with transform="):
        SkinFolder(folder, transform=pipeline)[0]
