"""Blends: the composite where the mask is, the image elsewhere, and pixels chosen bit for bit."""

import pytest
import torch

from synthderm.imaging.blending import blend, draw_in_place, put_inside
from synthderm.imaging.compositing import (
    LARGEST,
    THUMBNAIL,
    composite,
    draw,
    prepare_drawing,
    prepare_restoration,
)
from synthderm.imaging.eczema_renderer import plan_drawing
from synthderm.imaging.lesions import sample_latents
from synthderm.imaging.resize import enlarge, shrink
from synthderm.imaging.tiles import cut_heights
from tests.drawing import TONES, draw_skin
from tests.imaging.test_compositing import restoration


@pytest.mark.parametrize("direction", ["draw", "restore"])
@pytest.mark.parametrize("dtype", [torch.uint8, torch.float32], ids=str)
def test_a_blend_is_the_composite_inside_and_the_image_outside(dtype, direction):
    """Also where the mask's window starts inside a plaque."""
    image = torch.stack([draw_skin(170, 190, tone) for tone in TONES])
    if dtype == torch.uint8:
        image = (image * 255).to(dtype)
    masks = torch.zeros(3, 1, 170, 190, dtype=torch.bool)
    masks[..., 10:140, 20:180] = True
    white, latents = LARGEST.get(dtype, 1.0), sample_latents(3, torch.Generator().manual_seed(5))
    thumbnails, ones = shrink(image) / white, torch.ones(3)
    pixels = image.float() / white
    if direction == "draw":
        everywhere = torch.ones(3, 1, THUMBNAIL, THUMBNAIL)
        drawing = plan_drawing(thumbnails, everywhere, ones, latents)
        place = latents.offset, latents.tiles
        layers = prepare_drawing(drawing, thumbnails, everywhere, white)
        blended = blend(image, masks, ones > 0, layers, *place)
        layers = prepare_drawing(drawing, thumbnails, everywhere)
        whole = composite(layers, pixels, cut_heights(*place, 170, 190))
    else:
        maps = restoration(3, 0.3, 0.9, 0.8)
        blended = blend(image, masks, ones > 0, prepare_restoration(maps, thumbnails, ones, white))
        whole = composite(prepare_restoration(maps, thumbnails, ones), pixels)
    inside = masks.expand_as(image)
    error = (blended.float() - whole.clamp(0, 1) * white)[inside].abs().max()
    assert error <= (0.51 if white > 1 else 1e-5)
    assert torch.equal(blended[~inside], image[~inside])
    assert (blended != image)[inside].float().mean() > 0.5


def test_images_that_are_not_edited_stay():
    images = torch.stack([draw_skin(40, 40, tone) for tone in ("light", "dark")])
    layers = prepare_restoration(restoration(2, 0.5, 1.0, 1.0), shrink(images), torch.ones(2))
    masks = torch.ones(2, 1, 40, 40, dtype=torch.bool)
    blended = blend(images, masks, torch.tensor([False, True]), layers)
    assert torch.equal(blended[0], images[0]) and not torch.equal(blended[1], images[1])


@pytest.mark.parametrize("dtype", [torch.uint8, torch.int16, torch.float32, torch.float64], ids=str)
def test_pixels_are_chosen_as_bits(dtype):
    old, new = (torch.randn(2, 3, 8, 8).mul(50).to(dtype) for _ in range(2))
    if dtype.is_floating_point:
        old[0, 0, 0, 0] = float("nan")  # which is not equal to itself
    mask = torch.rand(2, 1, 8, 8) < 0.5
    expected = torch.where(mask, new, old)
    chosen = old.clone()
    put_inside(chosen, mask, new.clone())
    assert chosen.numpy().tobytes() == expected.numpy().tobytes()


@pytest.mark.parametrize("height", [33, 60, 130, 300])
def test_drawn_in_place_is_as_drawn(height):
    images = torch.stack([draw_skin(height, 70, tone) for tone in ("light", "dark")])
    latents, ones = sample_latents(2, torch.Generator().manual_seed(5)), torch.ones(2)
    everywhere = torch.ones(2, 1, THUMBNAIL, THUMBNAIL)
    drawing = plan_drawing(shrink(images), everywhere, ones, latents)
    layers = prepare_drawing(drawing, shrink(images), everywhere)
    layers = layers._replace(
        coarse=enlarge(layers.coarse, height, 70), fine=enlarge(layers.fine, height, 70)
    )
    heights = cut_heights(latents.offset, latents.tiles, height, 70)
    expected = draw(layers, images, heights)
    drawn = images.clone()
    draw_in_place(layers, drawn, heights)
    torch.testing.assert_close(drawn, expected, atol=1e-5, rtol=0)
    assert (drawn != images).float().mean() > 0.5
