"""What the values of mask tensors mean, in samples and batches."""

import numpy as np
import pytest
import torch
from PIL import Image
from torchvision import tv_tensors

from synthderm import EczemaEdit
from synthderm.imaging.io import read_mask, to_tensor
from synthderm.transforms.edit_plan import update_mask
from synthderm.transforms.functional import add_eczema, remove_eczema
from synthderm.transforms.mask_values import to_region
from tests.transforms.samples import SIZE, half_mask, tensor

REGION = torch.as_tensor(half_mask(torch.bool))
WHOLE = [torch.uint8, torch.uint16, torch.int16, torch.int32, torch.uint32, torch.int64]
SOFT = torch.where(REGION, 0.5, 0.49)
WRONG = {
    "classes": torch.where(REGION, 2, 1) * (torch.arange(SIZE[1]) > 5),
    "shades in 8 bits": (SOFT * 255).to(torch.uint8) * (torch.arange(SIZE[1]) > 5).byte(),
    "shades to 255 as floats": SOFT * 255,
    "negative": -REGION.int(),
    "no numbers": torch.where(REGION, torch.nan, 0.0),
}


@pytest.mark.parametrize("dtype", WHOLE, ids=str)
@pytest.mark.parametrize("value", [1, 2, 100])
def test_what_is_beside_0_is_inside(editor, dtype, value):
    mask = (REGION.int() * value).to(dtype)
    assert torch.equal(to_region(mask), REGION)
    edited, joined = EczemaEdit(p=1, mask="given", model=editor)(tensor(), tv_tensors.Mask(mask))
    assert joined.dtype == dtype and torch.equal(joined.int(), mask.int())
    cleared = EczemaEdit("remove", p=1, mask="given", model=editor)(tensor(), tv_tensors.Mask(mask))
    assert cleared[1].dtype == dtype and not cleared[1].int().any()
    _, joined = EczemaEdit(p=1, coverage=0.9, model=editor)(tensor(), tv_tensors.Mask(mask))
    assert set(joined.int().unique().tolist()) <= {0, value} and (joined.int() != mask.int()).any()


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_soft_masks_are_inside_from_a_half_on(editor, dtype):
    mask = SOFT.to(dtype)
    edit = EczemaEdit(p=1, mask="given", severity=1, model=editor)
    edited, _ = edit(tensor(), tv_tensors.Mask(mask))
    assert torch.equal(to_region(mask), REGION) and torch.equal(to_region(mask * 0), REGION & False)
    assert torch.equal((edited != tensor()).any(0, keepdim=True) & ~REGION, REGION & False)
    images, _ = edit.batch(tensor()[None], mask[None])
    assert not ((images[0] != tensor()).any(0, keepdim=True) & ~REGION).any()
    faint, label = EczemaEdit(p=1, mask="given", label=1, model=editor).batch(
        tensor()[None], 0.4 * mask[None], torch.tensor([0])
    )[::2]
    assert torch.equal(faint[0], tensor()) and label.tolist() == [0]


def test_floats_of_0_and_one_larger_value():
    assert torch.equal(to_region(REGION.float() * 255), REGION)


@pytest.mark.parametrize("name", WRONG)
@pytest.mark.parametrize("source", ["given", "random"])
def test_what_may_be_classes_or_shades_is_refused(editor, name, source):
    edit, mask = EczemaEdit(p=1, mask=source, model=editor), WRONG[name]
    with pytest.raises(ValueError, match="classes or shades"):
        edit(tensor(), tv_tensors.Mask(mask))
    with pytest.raises(ValueError, match="classes or shades"):
        edit.batch(tensor()[None], mask[None])
    with pytest.raises(ValueError, match="classes or shades"):
        update_mask(mask, [], 1)
    for function in (add_eczema, remove_eczema):
        with pytest.raises(ValueError, match="classes or shades"):
            function(tensor(), mask, model=editor)


def test_masks_from_arrays_of_16_bits(editor):
    mask = torch.from_numpy(np.where(REGION.numpy(), 65535, 0).astype(np.uint16))
    _, joined = EczemaEdit(p=1, model=editor).batch(tensor()[None], mask[None])
    assert joined.dtype == torch.uint16 and set(joined.int().unique().tolist()) == {0, 65535}


@pytest.mark.parametrize("dtype", [*WHOLE, torch.int8, torch.uint64, torch.float32], ids=str)
def test_the_functions_take_masks_as_the_transform_does(editor, dtype):
    mask = (REGION.int() * (1 if dtype == torch.int8 else 255)).to(dtype)
    for function in (add_eczema, remove_eczema):
        options = {"seed": 1} if function is add_eczema else {}
        expected = function(tensor(), REGION, model=editor, **options)
        for masks in (mask, mask[None]):
            edit = function(tensor(), masks, model=editor, **options)
            assert torch.equal(edit.images, expected.images)
            assert edit.masks.dtype == torch.bool and torch.equal(edit.masks, REGION)


def test_a_mask_file_of_16_bits_is_one_for_the_functions(editor, tmp_path):
    pixels = np.where(REGION[0].numpy(), 65535, 0).astype(np.uint16)
    Image.fromarray(pixels).save(tmp_path / "mask.png")
    read = torch.from_numpy(np.array(Image.open(tmp_path / "mask.png")))[None]
    assert read.dtype in (torch.uint16, torch.int32)
    assert torch.equal(add_eczema(tensor(), read, model=editor).masks, REGION)
    assert not to_tensor(read_mask(tmp_path / "mask.png", SIZE[::-1]))[~REGION].any()
