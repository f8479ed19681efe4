"""numpy images in and out; masks of unknown type beside an image, and masks that come first."""

import warnings

import numpy as np
import pytest
import torch
from PIL import Image
from torchvision import tv_tensors

from synthderm import EczemaEdit
from synthderm.imaging.io import to_pil
from synthderm.transforms.samples import _warn_of_unknown_mask
from tests.transforms.samples import SIZE, half_mask, tensor

ARRAY = np.array(to_pil(tensor()))


def views() -> list[np.ndarray]:
    frozen = ARRAY.copy()
    frozen.setflags(write=False)
    planes = np.ascontiguousarray(ARRAY.transpose(2, 0, 1)).transpose(1, 2, 0)
    planes.setflags(write=False)
    opencv = ARRAY[..., ::-1].copy()
    return [ARRAY, opencv[..., ::-1], ARRAY[::-1], ARRAY[:, ::2], frozen, planes]


@pytest.mark.parametrize("image", views(), ids=lambda image: str(image.strides))
def test_an_array_comes_back_as_one(always, image):
    before = image.copy()
    edited = always(image)
    assert type(edited) is np.ndarray and edited.dtype == np.uint8 and edited.shape == image.shape
    assert (edited != before).any() and (image == before).all()
    assert edited.flags.writeable and not np.shares_memory(edited, image)


def test_an_array_gets_the_edit_of_its_pil_image(always):
    torch.manual_seed(3)
    edited = always(ARRAY)
    torch.manual_seed(3)
    assert (np.asarray(always(Image.fromarray(ARRAY))) == edited).all()
    assert EczemaEdit(p=0)(ARRAY) is ARRAY


@pytest.mark.parametrize("label", [0, np.int64(0), torch.tensor(0), torch.tensor([0]), np.array(0)])
def test_masks_and_labels_go_with_an_array(editor, label):
    edit = EczemaEdit(p=1, severity=1.0, mask="given", label=1, model=editor)
    edited, mask, new = edit(ARRAY, half_mask(), label)
    outside = (half_mask()[0] == 0).numpy()
    assert (edited != ARRAY).any() and (edited[outside] == ARRAY[outside]).all()
    assert type(mask) is tv_tensors.Mask and type(new) is type(label) and new == 1
    sample = edit({"mask": half_mask(), "image": ARRAY, "label": label, "path": "a.png"})
    assert sample["label"] == 1 and sample["path"] == "a.png" and (sample["image"] != ARRAY).any()


@pytest.mark.parametrize(
    "image",
    [ARRAY / np.float32(255), ARRAY.astype(np.uint16), ARRAY[..., 0], ARRAY[None], tensor().numpy()]
    + [np.dstack([ARRAY, ARRAY[..., 0]])],
    ids=lambda image: f"{image.dtype} {image.shape}",
)
def test_other_arrays_are_refused_by_name(always, image):
    with pytest.raises(TypeError, match=rf"ndarray of {image.dtype}, \(.*uint8 arrays \(H, W, 3\)"):
        always(image)
    with pytest.raises(TypeError, match="uint8 arrays"):
        always({"image": image, "name": "x"})


def test_an_array_beside_an_image_passes(always):
    for image in (to_pil(tensor()), tensor(), tv_tensors.Image(tensor())):
        assert always(image, ARRAY)[1] is ARRAY
    with pytest.raises(ValueError, match="2 images in one sample"):
        always(ARRAY, ARRAY)


MASK = np.asarray(half_mask()[0])


@pytest.mark.parametrize(
    "mask",
    [MASK, MASK[..., None], MASK[None], MASK.astype(bool), torch.from_numpy(MASK.copy())],
    ids=lambda mask: f"{type(mask).__name__} {mask.shape}",
)
@pytest.mark.parametrize("image", [ARRAY, to_pil(tensor()), tv_tensors.Image(tensor())], ids=type)
@pytest.mark.parametrize("order", [1, -1])
def test_plain_masks_are_refused_in_any_order(always, image, mask, order):
    sample = dict([("image", image), ("mask", mask)][::order])
    with pytest.raises(ValueError, match="wrap it in tv_tensors.Mask"):
        always(sample)


@pytest.mark.parametrize("mode", ["L", "1", "P"])
@pytest.mark.parametrize("image", [ARRAY, tensor(), tensor(torch.float32)], ids=str)
@pytest.mark.parametrize("order", [1, -1])
def test_a_pil_mask_is_never_taken_for_the_image(editor, mode, image, order):
    sample = dict([("image", image), ("mask", Image.fromarray(MASK * 255).convert(mode))][::order])
    edit = EczemaEdit(p=1e-9, model=editor)  # refused each time, not only when an edit is drawn
    with pytest.raises(
        ValueError, match=r"PIL image of mode .*, with one channel.*tv_tensors.Mask"
    ):
        edit(sample)


@pytest.mark.parametrize("mask", [half_mask(), half_mask(torch.float32), half_mask()[0]])
@pytest.mark.parametrize("image", [tensor(), tensor(torch.float32)], ids=["uint8", "float"])
def test_a_tensor_mask_that_comes_first_is_not_edited(editor, mask, image):
    edit = EczemaEdit(p=1e-9, model=editor)
    with pytest.raises(ValueError, match=r"with one channel, .*: wrap what is a mask in"):
        edit({"mask": mask.as_subclass(torch.Tensor), "image": image})
    edited = EczemaEdit(p=1, model=editor)({"mask": half_mask(), "image": image})
    assert (edited["image"] != image).any()


def test_grey_images_are_no_masks(editor):
    edit, grey = EczemaEdit(p=1, mask="given", model=editor), tensor()[:1]
    assert (edit(grey, half_mask(), 1)[0] != grey).any()
    assert (edit(tv_tensors.Image(grey), tensor(), half_mask())[0] != grey).any()
    assert edit(to_pil(grey), half_mask(), 1)[0].mode == "L"


@pytest.mark.parametrize(
    "mask",
    ["mask.png", [[0, 0, 5, 5]], {"counts": "abc", "size": SIZE}, np.zeros((9, 9)), torch.ones(4)],
    ids=lambda mask: type(mask).__name__,
)
def test_a_mask_that_is_not_updated_is_said_once(always, mask):
    _warn_of_unknown_mask.cache_clear()
    image = tv_tensors.Image(tensor())
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        EczemaEdit(p=0)({"image": image, "mask": mask})
        always({"image": image, "mask": half_mask()})
        always({"image": image, "masks": [half_mask()], "mask": None})
    for sample in ({"image": image, "mask": mask}, (image, {"mask": mask, "label": 0})):
        _warn_of_unknown_mask.cache_clear()
        with pytest.warns(UserWarning, match="leaves 'mask', a .*tv_tensors.Mask") as caught:
            always(sample)
        assert caught[0].filename == __file__
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            always(sample)


class Tracked(torch.Tensor):
    """A tensor that carries something, as MONAI's and fastai's do."""


def test_a_subclass_of_tensor_stays_one(always):
    image = tensor().as_subclass(Tracked)
    image.history = ["read"]
    edited = always(image)
    assert type(edited) is Tracked and edited.history == ["read"]
    assert edited.history is not image.history and (edited != image).any()
    parameter = torch.nn.Parameter(tensor(torch.float32))
    assert type(always(parameter)) is torch.Tensor
