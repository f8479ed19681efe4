"""Float images: what resizing leaves outside [0, 1] is taken, other values are refused."""

import pytest
import torch
import torch.nn.functional as F
from torchvision import tv_tensors
from torchvision.transforms import v2

from synthderm import EczemaEdit
from synthderm.imaging.signs import SIGNS
from synthderm.transforms.functional import add_eczema, find_eczema, random_mask, remove_eczema
from tests.drawing import draw_skin


def draw_ruler(side: int = 64) -> torch.Tensor:
    """Skin with black and white bars, (3, side, side) in [0, 1]."""
    image = draw_skin(side, side)
    image[:, :, 10:13], image[:, :, 13:16], image[:, :, -6:] = 0, 1, 1
    return image


RESIZED = {
    "bicubic": v2.Resize(40, v2.InterpolationMode.BICUBIC, antialias=True)(draw_ruler()),
    "enlarged": v2.Resize(150, v2.InterpolationMode.BICUBIC)(draw_ruler()),
    "turned": v2.functional.rotate(draw_ruler(), 1, v2.InterpolationMode.BILINEAR),
    "without antialias": F.interpolate(draw_ruler()[None], 171, mode="bicubic")[0],
    "in half precision": F.interpolate(draw_ruler()[None], 171, mode="bicubic")[0].half(),
}


@pytest.mark.parametrize("name", RESIZED)
def test_overshoot_is_clamped_inside_the_mask_and_kept_outside(editor, name):
    image = RESIZED[name]
    assert name == "turned" or (image.min() < 0 and image.max() > 1)
    mask = torch.zeros(1, *image.shape[-2:], dtype=torch.bool)
    mask[:, 5:30, 3:35] = True
    for edit in (
        add_eczema(image, mask, 0.7, seed=1, model=editor),
        remove_eczema(image, mask, 0.7, model=editor),
    ):
        inside = edit.images[mask.expand_as(image)]
        assert inside.min() >= 0 and inside.max() <= 1 and inside.isfinite().all()
        assert torch.equal(edit.images[~mask.expand_as(image)], image[~mask.expand_as(image)])
    # As the clamped image is edited.
    clamped = add_eczema(image.clamp(0, 1), mask, 0.7, seed=1, model=editor).images
    added = add_eczema(image, mask, 0.7, seed=1, model=editor).images
    assert torch.equal(clamped[mask.expand_as(image)], added[mask.expand_as(image)])
    assert random_mask(image, seed=1).shape == mask.shape
    assert find_eczema(image, model=editor).shape == mask.shape


def test_overshoot_in_a_pipeline_and_in_a_batch(editor):
    image = tv_tensors.Image(RESIZED["bicubic"])
    edit = EczemaEdit(p=1, model=editor)
    assert edit(image).isfinite().all()
    assert edit.batch(torch.stack([image, image]).as_subclass(torch.Tensor)).isfinite().all()
    never = EczemaEdit(p=0, model=editor)
    assert never(image) is image


NORMALISED = v2.functional.normalize(
    draw_skin(32, 32), [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]
)


@pytest.mark.parametrize(
    ("image", "says"),
    [
        (255 * draw_skin(32, 32), "divide by 255"),
        (255 * RESIZED["bicubic"], "divide by 255"),
        (65535 * draw_skin(32, 32), "or by whatever white is"),
        (NORMALISED, "before you normalise"),
        (2 * draw_skin(32, 32, "dark") - 1, "before you normalise"),
        (torch.full((3, 8, 8), -0.05), "before you normalise"),  # not beside an edge
        (torch.full((3, 8, 8), 1.05), "before you normalise"),
        (draw_skin(32, 32).masked_fill(torch.eye(32, dtype=torch.bool), float("nan")), "nan"),
        (draw_skin(32, 32).masked_fill(torch.eye(32, dtype=torch.bool), float("inf")), "infinite"),
    ],
)
def test_other_values_are_refused_with_the_reason(editor, image, says):
    batch = torch.stack([draw_skin(*image.shape[1:]), image])
    for call in (
        lambda: add_eczema(image, model=editor),
        lambda: find_eczema(image, model=editor),
        lambda: EczemaEdit(p=1, model=editor)(tv_tensors.Image(image)),
        lambda: EczemaEdit(p=1, model=editor).batch(batch),
    ):
        with pytest.raises(ValueError, match=says) as error:
            call()
        assert "\n" not in str(error.value) and "these go from" in str(error.value)


@pytest.mark.parametrize("value", [float("nan"), -0.1, 1.1])
def test_signs_are_numbers_from_0_to_1(editor, value):
    with pytest.raises(ValueError, match="signs must be"):
        add_eczema(draw_skin(16, 16), signs=torch.full((len(SIGNS),), value), model=editor)


@pytest.mark.parametrize("signs", [0.5, True, "dry", torch.ones(11) * 1j])
def test_signs_are_real_numbers(editor, signs):
    with pytest.raises(ValueError, match="signs must be"):
        add_eczema(draw_skin(16, 16), signs=signs, model=editor)


@pytest.mark.parametrize("shape", [(), (1,), (12,), (3, 11), (2, 1, 11), (0, 11)])
def test_signs_are_as_many_as_images(editor, shape):
    images = torch.stack([draw_skin(16, 16)] * 2)
    with pytest.raises(ValueError, match=r"signs must be \(2, 11\) or \(11,\)"):
        add_eczema(images, signs=torch.zeros(shape), model=editor)
