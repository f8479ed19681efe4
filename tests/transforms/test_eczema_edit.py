"""EczemaEdit in anyone's pipeline: the torchvision contract, line by line."""

from collections import OrderedDict, namedtuple

import numpy as np
import pytest
import torch
from PIL import Image
from torchvision import tv_tensors

from synthderm import EczemaEdit
from synthderm.imaging.io import to_pil, to_tensor
from tests.drawing import draw_skin
from tests.transforms.samples import SIZE, half_mask, tensor


@pytest.mark.parametrize("mode", ["RGB", "L", "RGBA"])
def test_pil_comes_back_in_its_mode(editor, skin, mode):
    image = skin.convert(mode)
    if mode == "RGBA":
        image.putalpha(Image.linear_gradient("L").resize(image.size))
    edited, _ = EczemaEdit(p=1, mask="given", model=editor)(image, half_mask())
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


def test_no_edit_gives_the_same_objects_and_leaves_labels(editor):
    sample = {"image": tv_tensors.Image(tensor()), "mask": half_mask(), "label": 1}
    assert EczemaEdit(p=0, label=9, model=editor)(sample) is sample
    image = tensor()
    assert EczemaEdit(p=0, model=editor).batch(image[None])[0].data_ptr() == image.data_ptr()


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"mode": "blur"}, "'blur' is none of add, remove, toggle"),
        ({"mask": "all"}, "'all' is none of"),
        ({"mask": "predict"}, "does not go with"),
        ({"mode": "remove", "mask": "random"}, "does not go with"),
        ({"mode": "toggle", "mask": "random"}, "does not go with"),
        ({"p": 1.5}, "1.5"),
        ({"p": "x"}, r"p='x' must be a number in \[0, 1\]"),
        ({"p": None}, "p=None must be a number"),
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


@pytest.mark.parametrize("kind", [np.float32, np.array, torch.tensor])
def test_numbers_may_be_numpys_or_torchs(editor, kind):
    edits = [
        EczemaEdit(p=number(0.5), severity=number(0.75), coverage=(number(0.25), number(0.5)))
        for number in (float, kind)
    ]
    assert repr(edits[0]) == repr(edits[1])


def test_pil_and_tensor_agree(editor):
    edit = EczemaEdit(p=1, model=editor)
    torch.manual_seed(3)
    a = edit(tensor())
    torch.manual_seed(3)
    assert torch.equal(to_tensor(edit(to_pil(tensor()))), a)
