"""EczemaEdit on whatever comes: an edit or a clear error, never a crash, a wrong dtype or a changed
pixel outside the mask."""

import warnings

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image
from torchvision import tv_tensors

from synthderm import EczemaEdit
from synthderm.imaging.io import to_tensor
from synthderm.transforms.functional import find_eczema

DTYPES = [
    torch.uint8,
    torch.uint16,
    torch.float16,
    torch.bfloat16,
    torch.float32,
    torch.float64,
    torch.int32,
    torch.int64,
    torch.bool,
    torch.complex64,
]
EDITABLE = set(DTYPES[:6])


@st.composite
def cases(draw):
    side = st.one_of(st.integers(1, 9), st.integers(1, 90))
    height, width = draw(side), draw(side)
    channels = draw(st.sampled_from([3, 3, 3, 3, 1, 4, 2, 5]))
    batch = draw(st.sampled_from([None, None, None, 0, 1, 3]))
    dtype = draw(st.sampled_from(DTYPES[:6] * 3 + DTYPES))
    seed = draw(st.integers(0, 2**31))
    rng = torch.Generator().manual_seed(seed)
    shape = (*(() if batch is None else (batch,)), channels, height, width)
    image = torch.rand(shape, generator=rng)
    if not (dtype.is_floating_point or dtype.is_complex):
        image = image * (
            1
            if dtype == torch.bool
            else torch.iinfo(dtype).max
            if dtype in (torch.uint8, torch.uint16)
            else 255
        )
    image = image.to(torch.int32).to(dtype) if dtype == torch.uint16 else image.to(dtype)
    spoilt = draw(st.sampled_from([None] * 5 + ["nan", "inf", "negative", "large"]))
    if spoilt and dtype.is_floating_point and image.numel():
        image.view(-1)[int(seed % image.numel())] = {
            "nan": float("nan"),
            "inf": float("inf"),
            "negative": -0.5,
            "large": 1.5,
        }[spoilt]
    layout = draw(st.sampled_from(["plain", "strided", "transposed", "channels_last", "grad"]))
    if layout == "strided":
        image = torch.stack([image, image], dim=-1)[..., 0]
    elif layout == "transposed":
        image = image.transpose(-1, -2)
    elif layout == "channels_last" and image.ndim == 4:
        image = image.contiguous(memory_format=torch.channels_last)
    elif layout == "grad" and dtype.is_floating_point:
        image = image.requires_grad_()
    mask = draw(st.sampled_from([None, "empty", "full", "some"]))
    if mask is not None:
        share = {"empty": -1.0, "full": 2.0, "some": 0.4}[mask]
        mask = (
            torch.rand(*(() if batch is None else (batch,)), 1, *image.shape[-2:], generator=rng)
            < share
        )
    mode, where = draw(
        st.sampled_from(
            [
                ("add", "random"),
                ("add", "given"),
                ("remove", "given"),
                ("remove", "predict"),
                ("toggle", "predict"),
            ]
        )
    )
    return image, mask, mode, where, draw(st.sampled_from([0.0, 0.5, 1.0])), seed


@settings(
    max_examples=2000, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True
)
@given(cases())
def test_tensors(editor, case):
    image, mask, mode, where, p, seed = case
    torch.manual_seed(seed)
    edit = EczemaEdit(mode, p=p, mask=where, model=editor)
    sample = tv_tensors.Image(image) if image.dtype != torch.complex64 else image
    before = image.detach().clone()
    inputs = (sample,) if mask is None else (sample, tv_tensors.Mask(mask))
    try:
        output = edit(*inputs)
    except (TypeError, ValueError) as error:
        assert str(error) and "\n" not in str(error)
        assert (
            image.dtype not in EDITABLE
            or image.shape[-3] not in (1, 3, 4)
            or (where == "given" and mask is None)
            or _out_of_range(image)
        )
        return
    new, new_mask = output if mask is not None else (output, None)
    assert (
        new.dtype == image.dtype
        and new.shape == image.shape
        and torch.equal(_bits(before), _bits(image.detach()))
    ), "the input was written to"
    if new is sample:
        return
    assert not new.requires_grad
    if new_mask is not None:
        assert new_mask.dtype == torch.bool and new_mask.shape == mask.shape
        touched = torch.as_tensor(new_mask) | mask
        if where == "predict" and _out_of_range(before):
            return  # a row that was not chosen; nothing can be found in it
        if where == "predict":  # what was removed there is in no mask of the sample
            touched = touched | find_eczema(before, model=editor)
        same = _bits(new.as_subclass(torch.Tensor)) == _bits(before)
        assert same[~touched.expand_as(same)].all()


def _out_of_range(image: torch.Tensor) -> bool:
    return (
        image.is_floating_point()
        and image.numel() > 0
        and not bool(((image >= 0) & (image <= 1)).all())
    )


def _bits(x: torch.Tensor) -> torch.Tensor:
    x = torch.view_as_real(x) if x.is_complex() else x
    return x.contiguous().view(
        {1: torch.uint8, 2: torch.int16, 4: torch.int32, 8: torch.int64}[x.element_size()]
    )


@settings(
    max_examples=100, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True
)
@given(
    st.sampled_from(["RGB", "L", "RGBA", "CMYK", "P", "1", "I;16", "LA", "F", "YCbCr"]),
    st.integers(1, 60),
    st.integers(1, 60),
    st.integers(0, 2**31),
)
def test_pil(editor, mode, width, height, seed):
    torch.manual_seed(seed)
    image = Image.effect_noise((width, height), 60).convert("RGB")
    image = Image.new(mode, (width, height)) if mode in ("I;16", "F") else image.convert(mode)
    edit = EczemaEdit(p=1, model=editor)
    if mode not in ("RGB", "L", "RGBA"):
        with pytest.raises(TypeError, match="Use image.convert"):
            edit(image)
        return
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        new, mask = edit(image, tv_tensors.Mask(torch.zeros(1, height, width, dtype=torch.bool)))
    assert new.mode == mode and new.size == image.size
    same = (
        to_tensor(new) == to_tensor(image)
        if mode != "RGBA"
        else torch.ones(1, height, width, dtype=torch.bool)
    )
    assert same[~torch.as_tensor(mask).expand_as(same)].all()
