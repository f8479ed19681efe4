"""The composite: nothing asked for changes nothing, and pixels are chosen bit for bit."""

import pytest
import torch

from synthderm.imaging.compositing import (
    GRID,
    LARGEST,
    THUMBNAIL,
    Drawing,
    Restoration,
    blend,
    composite,
    keep_outside,
    prepare_drawing,
    prepare_restoration,
)
from synthderm.imaging.eczema_renderer import plan_drawing
from synthderm.imaging.lesions import sample_latents
from synthderm.imaging.resize import shrink
from synthderm.imaging.tiles import cut_heights
from tests.drawing import TONES, draw_skin


def empty_drawing(count: int) -> Drawing:
    maps = {"levels": 4, "absorption": 3, "flush": 1, "gain": 1}
    numbers = {"sharpness": 4, "deepen": 1, "dried": 3, "white": 4}
    return Drawing(
        **{name: torch.zeros(count, channels, GRID, GRID) for name, channels in maps.items()},
        **{name: torch.zeros(count, channels) for name, channels in numbers.items()},
    )


def restoration(count: int, density: float, matte: float, texture: float) -> Restoration:
    fine = torch.ones(count, 1, THUMBNAIL, THUMBNAIL)
    return Restoration(
        density=density * fine.expand(-1, 3, -1, -1),
        matte=matte * fine,
        texture=texture * torch.ones(count, 1, GRID, GRID),
    )


def test_an_empty_drawing_changes_nothing():
    images = torch.stack([draw_skin(60, 50, tone) for tone in ("light", "dark")])
    masks = torch.ones(2, 1, THUMBNAIL, THUMBNAIL)
    heights = cut_heights(torch.rand(2, 2), torch.tensor([0, 3]), 60, 50)
    layers = prepare_drawing(empty_drawing(2), shrink(images), masks)
    torch.testing.assert_close(composite(layers, images, heights), images, atol=1e-6, rtol=0)


def test_flush_takes_the_share_of_light_that_is_absorbed():
    images = draw_skin(60, 50)[None]
    drawing = empty_drawing(1)
    drawing = drawing._replace(
        flush=drawing.flush + 0.5, absorption=drawing.absorption + torch.tensor(0.4)
    )
    layers = prepare_drawing(drawing, shrink(images), torch.ones(1, 1, THUMBNAIL, THUMBNAIL))
    heights = cut_heights(torch.zeros(1, 2), torch.tensor([0]), 60, 50)
    torch.testing.assert_close(composite(layers, images, heights), 0.8 * images)


def test_without_a_matte_nothing_is_restored_and_severity_is_its_share():
    images = draw_skin(64, 64)[None]
    outputs = [
        composite(
            prepare_restoration(restoration(1, 0.5, matte, 1.0), shrink(images), share), images
        )
        for matte, share in (
            (0.0, torch.ones(1)),
            (1.0, torch.zeros(1)),
            (1.0, torch.full((1,), 0.5)),
            (1.0, torch.ones(1)),
        )
    ]
    assert torch.equal(outputs[0], images) and torch.equal(outputs[1], images)
    torch.testing.assert_close(outputs[2], (images + outputs[3]) / 2)
    assert (outputs[3] > images).float().mean() > 0.95  # density is given back as light


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
    chosen = keep_outside(mask, new.clone(), old)
    assert chosen.numpy().tobytes() == expected.numpy().tobytes()
