"""Inputs that nobody means: each gets one sentence, or what torchvision would do."""

import warnings

import numpy as np
import pytest
import torch
from PIL import Image
from torchvision import tv_tensors

from synthderm import EczemaEdit
from synthderm.imaging.io import to_pil
from synthderm.transforms.functional import add_eczema, find_eczema, random_mask, remove_eczema
from tests.imaging.profiles import DISPLAY_P3, rgb_profile
from tests.transforms.samples import SIZE, half_mask, tensor

FUNCTIONS = [add_eczema, remove_eczema, find_eczema, random_mask]
every_function = pytest.mark.parametrize("function", FUNCTIONS)


def call(function, images, editor):
    return function(images) if function is random_mask else function(images, model=editor)


@every_function
@pytest.mark.parametrize("shape", [(2, 3, 0, 5), (2, 3, 5, 0), (3, 0, 0), (1, 1, 0, 1)])
def test_images_without_pixels_are_refused(editor, function, shape):
    images = torch.zeros(shape, dtype=torch.uint8)
    with pytest.raises(ValueError, match="no pixel"):
        call(function, images, editor)
    with pytest.raises(ValueError, match="no pixel"):
        EczemaEdit(p=1, model=editor)(tv_tensors.Image(images))


def test_empty_pictures_of_pil_and_numpy_are_refused(editor):
    for image in (Image.new("RGB", (0, 5)), np.zeros((0, 5, 3), np.uint8)):
        with pytest.raises(ValueError, match="no pixel"):
            EczemaEdit(p=1, model=editor)(image)


@every_function
def test_a_batch_of_no_image_is_one(editor, function):
    result = call(function, torch.zeros(0, 3, 6, 7), editor)
    assert (result if isinstance(result, torch.Tensor) else result.images).shape[0] == 0


def unreadable(tensor: torch.Tensor) -> dict[str, torch.Tensor]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what is experimental in torch
        return {
            "sparse": tensor.to_sparse(),
            "meta device": tensor.to("meta"),
            "nested": torch.nested.nested_tensor([tensor.float()]),
        }


@pytest.mark.parametrize("kind", ["sparse", "meta device", "nested"])
def test_tensors_that_hold_no_pixels(editor, kind):
    edit = EczemaEdit(p=1, label=1, mask="given", model=editor)
    image, mask, label = tensor()[None], half_mask(torch.bool).as_subclass(torch.Tensor)[None], 0
    labels = torch.tensor([label])
    wrong = unreadable(image)[kind]
    for use in (edit, edit.batch, add_eczema, find_eczema):
        with pytest.raises(TypeError, match=f"^(the image|images): .*{kind}"):
            use((wrong, 0)) if use is edit else use(wrong)
    with pytest.raises(TypeError, match=f"^masks: .*{kind}"):
        edit.batch(image, unreadable(mask)[kind], labels)
    with pytest.raises(TypeError, match=f"^labels: .*{kind}"):
        edit.batch(image, mask, unreadable(labels)[kind])


@pytest.mark.parametrize("label", ["x", 2**70, 2**63, -1, 1.9, float("nan"), True, [1]])
def test_labels_that_are_no_classes(label):
    for mode, labels in (("add", label), ("toggle", {"add": label, "remove": 0})):
        with pytest.raises(ValueError, match="label"):
            EczemaEdit(mode, label=labels)


@pytest.mark.parametrize("p", [None, "0.5", float("nan"), 2, -0.1, True, [0.5]])
def test_p_that_is_no_probability(p):
    with pytest.raises(ValueError, match="p="):
        EczemaEdit(p=p)


@pytest.mark.parametrize("dtype", [torch.uint8, torch.uint16, torch.uint32, torch.uint64])
def test_unsigned_labels(editor, dtype):
    edit = EczemaEdit(p=1, label=200, model=editor)
    for shape in ((), (1,), (1, 1)):
        _, label = edit(tensor(), torch.zeros(shape, dtype=dtype))
        assert label.dtype == dtype and label.shape == shape and label.item() == 200
    if dtype == torch.uint8:
        with pytest.raises(ValueError, match="can't be a uint8"):
            EczemaEdit(p=1, label=256, model=editor)(tensor(), torch.zeros((), dtype=dtype))


@pytest.mark.parametrize("label", [torch.tensor(0), torch.tensor([0]), np.int64(0), np.array(0)])
def test_an_array_beside_a_label(editor, label):
    array = tensor().permute(1, 2, 0).numpy()
    edit = EczemaEdit(p=1, label=1, model=editor)
    edited, new = edit((array, label))
    assert (edited != array).any() and edited.dtype == np.uint8 and type(new) is type(label)
    assert int(new) == 1 and int(edit({"image": array, "label": label})["label"]) == 1


def test_signs_as_lists_and_arrays(editor):
    signs = [0.5] * 11
    expected = add_eczema(tensor(), signs=torch.tensor(signs), seed=1, model=editor)
    for given in (signs, tuple(signs), np.array(signs), [np.float32(0.5)] * 11):
        edited = add_eczema(tensor(), signs=given, seed=1, model=editor)
        assert torch.equal(edited.images, expected.images)
    for wrong in ("erythema", ["a"] * 11, [[0.5], [0.1, 0.2]], [2] * 11):
        with pytest.raises(ValueError, match="signs"):
            add_eczema(tensor(), signs=wrong, model=editor)


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L"])
def test_a_pil_image_keeps_what_it_carries(editor, mode):
    image = to_pil(tensor()).convert(mode)
    exif = Image.Exif()
    exif[0x010F] = "a maker"
    image.info |= {"icc_profile": rgb_profile(DISPLAY_P3), "dpi": (300, 300)}
    image.info["exif"] = exif.tobytes()
    edited, _ = EczemaEdit(p=1, mask="given", model=editor)(image, half_mask())
    assert edited.info == image.info and edited.info is not image.info
    assert edited.getexif()[0x010F] == "a maker" and edited.tobytes() != image.tobytes()
    # Outside the mask the colours keep their numbers, and so, under the profile, their look.
    corner = (0, 0, 9, 9)
    assert edited.crop(corner).tobytes() == image.crop(corner).tobytes()


def test_without_an_edit_the_same_objects_come_back(editor):
    image, mask, label = to_pil(tensor()), half_mask(), torch.tensor(0)
    mask.zero_()
    never = EczemaEdit(p=0, label=1, model=editor)
    off = EczemaEdit(p=1, severity=0, label=1, model=editor)
    under = EczemaEdit(p=1, mask="given", label=1, model=editor)
    for edit in (never, off, under):
        for sample in ((image, mask, label), {"image": image, "mask": mask, "label": label}):
            assert edit(sample) is sample
        images, masks = tensor()[None], mask[None]
        output = edit.batch(images, masks, label[None])
        assert output[0] is images and output[1] is masks


@pytest.mark.parametrize("mode", ["add", "toggle"])
def test_a_record_repeats_the_lesions_of_ranges(editor, mode):
    images = torch.stack([tensor()] * 6)
    images[1] = 0  # shows no skin
    masks = torch.zeros(6, *SIZE, dtype=torch.uint8)
    masks[2] = 1  # is lesional, where eczema is toggled
    torch.manual_seed(3)
    source = {"mask": "given"} if mode == "toggle" else {}
    edit = EczemaEdit(mode, p=0.8, coverage=(0.1, 0.9), model=editor, return_record=True, **source)
    (edited, _), record = edit.batch(images, masks)
    drawn, added = record["drawn"], dict(zip(record["edited"], record["severity"]))
    assert len(record["coverage"]) == len(drawn) > 2 and len(set(record["coverage"])) > 2
    again = add_eczema(
        images[drawn],
        severity=[added.get(row, 0.0) for row in drawn],
        coverage=record["coverage"],
        seed=record["seed"],
        model=editor,
    )
    masks_of = dict(zip(record["edited"], record["masks"]))
    for place, row in enumerate(drawn):
        if row in masks_of:
            assert torch.equal(again.masks[place], masks_of[row])
        assert torch.equal(again.images[place], edited[row])
    given = EczemaEdit(p=1, mask="given", model=editor, return_record=True)
    assert given.batch(images, masks + 1 - masks)[1]["coverage"] == []
