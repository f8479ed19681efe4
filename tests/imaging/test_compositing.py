"""The composite: zero maps change nothing, and pixels are chosen bit for bit."""

import pytest
import torch

from synthderm.imaging.compositing import (
    GRID,
    LARGEST,
    Maps,
    blend,
    composite,
    keep_outside,
    prepare,
)
from synthderm.imaging.resize import shrink
from synthderm.imaging.textures import cut_texture
from tests.drawing import draw_skin


def constant_maps(count: int, matte: float = 1.0, **values: float) -> Maps:
    channels = {"density": 3}
    maps = {
        name: torch.full((count, channels.get(name, 1), GRID, GRID), values.get(name, 0.0))
        for name in Maps._fields
    }
    return Maps(**maps)._replace(matte=torch.full((count, 1, GRID, GRID), matte))


def test_maps_of_zero_change_nothing_and_density_multiplies():
    images = torch.stack([draw_skin(60, 50, tone) for tone in ("light", "dark")])
    masks, severity = torch.ones(2, 1, GRID, GRID), torch.ones(2)
    small, texture = shrink(images, GRID), cut_texture(torch.rand(2, 2), 60, 50)
    same = composite(images, small, constant_maps(2), severity, masks, texture)
    assert torch.allclose(same, images, atol=1e-6)
    darker = constant_maps(2, density=0.5)
    half = composite(images, small, darker, severity, masks, texture)
    assert torch.allclose(half, images * torch.exp(torch.tensor(-0.5)), atol=1e-6)
    none = composite(images, small, darker, torch.zeros(2), masks, texture)
    assert torch.allclose(none, images, atol=1e-6)


@pytest.mark.parametrize("dtype", [torch.uint8, torch.float32], ids=str)
def test_a_blend_is_the_composite_inside_and_the_image_outside(dtype):
    image = draw_skin(70, 90)[None]
    if dtype == torch.uint8:
        image = (image * 255).to(dtype)
    mask = torch.zeros(1, 1, 70, 90, dtype=torch.bool)
    mask[..., 10:40, 20:80] = True
    white, one, offset = LARGEST[dtype], torch.ones(1), torch.tensor([[0.2, 0.7]])
    small, maps = shrink(image, GRID) / white, constant_maps(1, density=0.3, light=0.4)
    gate = shrink(mask, GRID)
    blended = blend(image, mask, one, prepare(small, maps, one, gate, white), offset)
    texture = cut_texture(offset, 70, 90)
    whole = composite(image.float() / white, small, maps, one, gate, texture).clamp(0, 1) * white
    inside = mask.expand_as(image)
    assert (blended.float() - whole)[inside].abs().max() <= (0.51 if white > 1 else 1e-5)
    assert torch.equal(blended[~inside], image[~inside])


@pytest.mark.parametrize("dtype", [torch.uint8, torch.int16, torch.float32, torch.float64], ids=str)
def test_pixels_are_chosen_as_bits(dtype):
    old, new = (torch.randn(2, 3, 8, 8).mul(50).to(dtype) for _ in range(2))
    if dtype.is_floating_point:
        old[0, 0, 0, 0] = float("nan")  # which is not equal to itself
    mask = torch.rand(2, 1, 8, 8) < 0.5
    expected = torch.where(mask, new, old)
    chosen = keep_outside(mask, new.clone(), old)
    assert chosen.numpy().tobytes() == expected.numpy().tobytes()
