"""The editor's network: ranges of what it predicts, and what it reads for which edit."""

import torch

from synthderm.imaging.compositing import GRID, THUMBNAIL, prepare_drawing
from synthderm.imaging.eczema_renderer import plan_drawing
from synthderm.imaging.lesions import sample_latents
from synthderm.models.editor import ADD, FIND, REMOVE


def predict(editor, direction: int, *, seed: int = 0, severity: float = 0.5):
    rng = torch.Generator().manual_seed(7)
    thumbnails = torch.rand(2, 3, THUMBNAIL, THUMBNAIL, generator=rng)
    masks = torch.ones(2, 1, THUMBNAIL, THUMBNAIL)
    latents = sample_latents(2, torch.Generator().manual_seed(seed))
    amount, sense = torch.full((2,), severity), torch.full((2,), float(direction))
    maps = editor(thumbnails, masks, severity=amount, direction=sense, latents=latents)
    return maps, thumbnails, masks, latents


def test_maps_are_in_their_ranges(editor):
    maps, *_ = predict(editor, ADD)
    bounds = {
        "levels": (-1.5, 2.5),
        "absorption": (-0.3, 0.8),
        "flush": (0, 0.6),
        "gain": (-1, 3),
        "sharpness": (0, 2),
        "deepen": (0, 1),
        "dried": (0, 1),
        "white": (0, 1),
    }
    for name, (low, high) in bounds.items():
        values = getattr(maps.drawing, name)
        assert low <= values.min() and values.max() <= high
    restoration = maps.restoration
    assert restoration.density.shape == (2, 3, THUMBNAIL, THUMBNAIL)
    assert restoration.matte.shape == (2, 1, THUMBNAIL, THUMBNAIL)
    assert restoration.matte.min() >= 0 and restoration.matte.max() <= 1
    assert maps.found.shape == (2, 1, GRID, GRID)


def test_drawings_have_the_shapes_of_the_renderer(editor):
    maps, thumbnails, masks, latents = predict(editor, ADD)
    drawn = plan_drawing(thumbnails, masks, torch.full((2,), 0.5), latents)
    for own, truth in zip(maps.drawing, drawn):
        assert own.shape == truth.shape
    for drawing in (maps.drawing, drawn):
        assert prepare_drawing(drawing, thumbnails, masks).numbers.shape == (2, 12)


def test_severity_0_draws_no_colour_and_no_detail(editor):
    maps, *_ = predict(editor, ADD, severity=0.0)
    drawing = maps.drawing
    assert not drawing.absorption.any() and not drawing.gain.any()


def test_latents_are_read_only_when_adding(editor):
    for direction, is_read in ((ADD, True), (REMOVE, False), (FIND, False)):
        first, second = (predict(editor, direction, seed=seed)[0] for seed in (0, 1))
        assert torch.equal(first.drawing.levels, second.drawing.levels) is not is_read
        assert torch.equal(first.restoration.matte, second.restoration.matte) is not is_read


def test_what_an_edit_asks_for_is_part_of_everything(editor):
    maps, thumbnails, masks, latents = predict(editor, ADD)
    severity = torch.full((2,), 0.5)
    for own, other in zip(maps.drawing, editor.draw(thumbnails, masks, severity, latents)):
        assert torch.equal(own, other)
    maps, *_ = predict(editor, REMOVE, severity=1.0)
    for own, other in zip(maps.restoration, editor.restore(thumbnails, masks)):
        assert torch.equal(own, other)
    nowhere, zeros = torch.zeros_like(masks), torch.zeros(2)
    maps = editor(thumbnails, nowhere, severity=zeros, direction=zeros + FIND, latents=latents)
    assert torch.equal(maps.found, editor.find(thumbnails))
