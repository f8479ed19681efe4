"""EczemaEdit in anyone's pipeline: the torchvision contract, line by line."""

import warnings
from collections import OrderedDict, namedtuple

import numpy as np
import pytest
import torch
from PIL import Image
from torchvision import tv_tensors
from torchvision.transforms import v2

from synthderm import EczemaEdit, SkinFolder
from synthderm.imaging.io import to_pil, to_tensor
from synthderm.transforms import functional
from synthderm.transforms.functional import add_eczema
from synthderm.transforms.samples import warn_of_boxes
from tests.drawing import draw_folder, draw_skin
from tests.transforms.samples import SIZE, half_mask, tensor


@pytest.mark.parametrize("mode", ["RGB", "L", "RGBA"])
def test_pil_comes_back_in_its_mode(always, skin, mode):
    image = skin.convert(mode)
    if mode == "RGBA":
        image.putalpha(Image.linear_gradient("L").resize(image.size))
    edited = always(image)
    assert isinstance(edited, Image.Image) and edited.mode == mode and edited.size == image.size
    assert edited.tobytes() != image.tobytes()
    if mode == "RGBA":
        assert edited.getchannel("A").tobytes() == image.getchannel("A").tobytes()


@pytest.mark.parametrize(
    "dtype",
    [torch.uint8, torch.uint16, torch.float16, torch.bfloat16, torch.float32, torch.float64],
    ids=str,
)
@pytest.mark.parametrize("wrap", [lambda x: x, tv_tensors.Image], ids=["tensor", "tv_tensor"])
def test_tensors_keep_type_dtype_and_shape(always, dtype, wrap):
    image = wrap(tensor(dtype))
    edited = always(image)
    assert type(edited) is type(image) and edited.dtype == dtype and edited.shape == image.shape
    assert not torch.equal(edited.to(torch.float64), image.to(torch.float64))


Sample = namedtuple("Sample", "picture label")


def structures():
    image, pil = tv_tensors.Image(tensor()), to_pil(tensor())
    yield "image and int", (pil, 3)
    yield "image and mask", (image, half_mask())
    yield "image, mask, label", (image, half_mask(), 1)
    yield (
        "dict",
        {"image": image, "mask": half_mask(), "label": torch.tensor(2), "path": "x.png", "id": 7},
    )
    yield "nested", [{"a": (pil, {"b": "text"})}, None, 4.5]
    yield "plain tensors", (tensor(), torch.tensor([1.0, 2.0]))
    yield "named tuple", Sample(pil, 1)
    yield "ordered dict", OrderedDict(image=image, label=1)
    if hasattr(tv_tensors, "KeyPoints"):
        yield (
            "key points and video",
            (
                image,
                tv_tensors.KeyPoints([[1.0, 2.0]], canvas_size=SIZE),
                tv_tensors.Video(tensor()[None]),
            ),
        )


@pytest.mark.parametrize("sample", [s for _, s in structures()], ids=[n for n, _ in structures()])
def test_structure_and_what_is_no_image_stay(always, sample):
    edited = always(sample)
    flat, spec = torch.utils._pytree.tree_flatten(sample)
    new, new_spec = torch.utils._pytree.tree_flatten(edited)
    assert spec == new_spec
    assert [type(x) for x in flat] == [type(x) for x in new]
    images = [
        k
        for k, x in enumerate(flat)
        if isinstance(x, (Image.Image, tv_tensors.Image, tv_tensors.Mask))
    ] or [0]
    assert all(a is b for k, (a, b) in enumerate(zip(flat, new)) if k not in images)
    assert new[images[0]] is not flat[images[0]]


def test_pixels_outside_a_given_mask_are_untouched(editor):
    edit = EczemaEdit(p=1, severity=1.0, mask="given", model=editor)
    for dtype in (torch.uint8, torch.float32):
        image, mask = tv_tensors.Image(tensor(dtype)), half_mask()
        edited, _ = edit(image, mask)
        outside = (mask == 0).expand(3, -1, -1)
        assert torch.equal(edited[outside], image[outside]) and not torch.equal(
            edited[~outside], image[~outside]
        )


@pytest.mark.parametrize("size", [(32, 32), (300, 4096), (4096, 300), (4096, 4096)])
def test_pixels_outside_are_untouched_at_every_size(editor, size):
    image, mask = (
        torch.randint(256, (3, *size), dtype=torch.uint8),
        torch.zeros(1, *size, dtype=torch.bool),
    )
    if size == (4096, 4096):  # a small mask, for the sake of memory
        mask[:, 3000:3400, 5:90] = True
    edit = EczemaEdit(
        p=1, severity=1.0, coverage=0.3, mask="given" if mask.any() else "random", model=editor
    )
    edited, touched = edit(tv_tensors.Image(image), tv_tensors.Mask(mask))
    changed = (edited != image).any(0, keepdim=True)
    assert changed.any() and not (changed & ~touched).any()


def test_random_masks_lie_on_the_skin_and_cover_what_is_asked(editor):
    image = draw_skin(96, 96)
    image[:, :, 48:] = torch.tensor([0.2, 0.4, 0.8]).view(3, 1, 1)  # a blue wall beside the skin
    empty = tv_tensors.Mask(torch.zeros(1, 96, 96, dtype=torch.bool))
    for coverage in (0.1, 0.5):
        _, mask = EczemaEdit(p=1, coverage=(coverage, coverage), model=editor)(image, empty)
        assert mask[..., 50:].sum() == 0
        assert mask[..., :48].float().mean().item() == pytest.approx(coverage, abs=0.06)


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


def test_toggle_removes_where_there_is_eczema_and_adds_elsewhere(editor):
    edit = EczemaEdit("toggle", p=1, severity=1.0, mask="given", model=editor)
    image = tv_tensors.Image(tensor())
    _, cleared = edit(image, half_mask())
    assert cleared.sum() == 0
    _, added = edit(image, tv_tensors.Mask(torch.zeros(1, *SIZE, dtype=torch.uint8)))
    assert added.sum() > 0


def test_prediction_decides_where_to_remove(editor):
    images = torch.stack([draw_skin(40, 40, seed=k) for k in range(2)])
    edited, record = EczemaEdit("remove", p=1, model=editor, return_record=True).batch(images)
    assert len(record["mask_area"]) == 2 and edited.shape == images.shape


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


def test_no_edit_gives_the_same_objects_and_leaves_labels(editor):
    sample = {"image": tv_tensors.Image(tensor()), "mask": half_mask(), "label": 1}
    assert EczemaEdit(p=0, label=9, model=editor)(sample) is sample
    image = tensor()
    assert EczemaEdit(p=0, model=editor).batch(image[None])[0].data_ptr() == image.data_ptr()


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
    ("options", "says"),
    [
        ({"mode": "blur"}, "'blur' is none of add, remove, toggle"),
        ({"mask": "all"}, "'all' is none of"),
        ({"mask": "predict"}, "does not go with"),
        ({"mode": "remove", "mask": "random"}, "does not go with"),
        ({"mode": "toggle", "mask": "random"}, "does not go with"),
        ({"p": 1.5}, "1.5"),
        ({"severity": (0.5, 0.2)}, "low first"),
        ({"severity": (0, 2)}, r"\[0, 1\]"),
        ({"coverage": (0, 0.5)}, r"\(0, 1\]"),
        ({"coverage": "half"}, "pair"),
        ({"labels_getter": 3}, "labels_getter"),
        ({"model": "nothing"}, "bundled models are"),
    ],
)
def test_bad_arguments_are_named(options, says):
    with pytest.raises(ValueError, match=says):
        EczemaEdit(**{"p": 1} | options)(tensor())


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
        ((to_pil(tensor()), "no number"), {"label": 1}, ValueError, "not an integer"),
        (to_pil(tensor()), {"label": 1}, ValueError, "an image alone: call .* with transforms="),
        ((tensor(), "a", [2.5]), {"label": 1}, ValueError, "no label was found"),
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


def test_pil_and_tensor_agree(editor):
    edit = EczemaEdit(p=1, model=editor)
    torch.manual_seed(3)
    a = edit(tensor())
    torch.manual_seed(3)
    assert torch.equal(to_tensor(edit(to_pil(tensor()))), a)


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
    for part in (plan.masks, *plan.latents):
        assert len({row.numpy().tobytes() for row in part}) == 6


def test_removal_removes_all_unless_a_severity_is_given(editor):
    image, mask = tv_tensors.Image(tensor()), half_mask()
    edit = EczemaEdit("remove", p=1, mask="given", model=editor, return_record=True)
    assert edit(image, mask)[1]["severity"] == [1.0]


@pytest.mark.parametrize("mode", ["remove", "toggle"])
def test_what_is_removed_in_part_keeps_mask_and_label(editor, mode):
    sample = (tv_tensors.Image(tensor()), half_mask(), 1)
    edit = EczemaEdit(mode, p=1, severity=0.5, mask="given", label=0, model=editor)
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
    assert record["mask_area"] == pytest.approx([found.float().mean().item()])
    assert torch.equal(mask, half_mask())  # which does not touch what was found


@pytest.mark.parametrize(
    ("image", "options"),
    [
        (torch.zeros(3, *SIZE) + torch.tensor([0.1, 0.3, 0.9]).view(3, 1, 1), {}),  # no skin
        (tensor(torch.float32), {"severity": 0.0}),
        (tensor(torch.float32), {"mask": "given"}),  # an empty one
    ],
    ids=["no skin", "severity 0", "empty mask"],
)
def test_an_edit_that_changes_no_pixel_changes_no_label(editor, image, options):
    empty = tv_tensors.Mask(torch.zeros(1, *SIZE, dtype=torch.uint8))
    edit = EczemaEdit(p=1, label=1, model=editor, return_record=True, **options)
    (edited, mask, label), record = edit(tv_tensors.Image(image), empty, 0)
    assert torch.equal(edited, image) and mask.sum() == 0 and label == 0 and not record["edited"]
    parts, record = edit.batch(image[None], empty[None], torch.tensor([0]))
    assert torch.equal(parts[0][0], image) and parts[2].tolist() == [0] and not record["edited"]


def test_the_pipeline_of_the_readme_fits_a_folder(tmp_path):
    finish = [v2.ToImage(), v2.ToDtype(torch.float32, scale=True)]
    pipeline = v2.Compose([v2.RandomResizedCrop(32), EczemaEdit(p=1, label=1), *finish])
    folder = draw_folder(tmp_path / "data")
    image, label = SkinFolder(folder, transforms=pipeline)[0]
    assert image.shape == (3, 32, 32) and label == 1
    with pytest.raises(ValueError, match="with transforms=, not with transform="):
        SkinFolder(folder, transform=pipeline)[0]
