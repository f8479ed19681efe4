"""The composite: nothing asked for changes nothing."""

import torch

from synthderm.imaging.compositing import (
    GRID,
    THUMBNAIL,
    Drawing,
    Restoration,
    composite,
    prepare_drawing,
    prepare_restoration,
)
from synthderm.imaging.resize import shrink
from synthderm.imaging.tiles import cut_heights
from tests.drawing import draw_skin


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
