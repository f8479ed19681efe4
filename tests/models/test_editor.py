"""The editor's network: ranges of its maps, and what it reads for which edit."""

import torch

from synthderm.imaging.compositing import GRID, SIGNS, THUMBNAIL
from synthderm.models.editor import ADD, FIND, REMOVE, EczemaEditor


def inputs(direction: int, seed: int = 0) -> dict[str, torch.Tensor]:
    rng = torch.Generator().manual_seed(seed)
    return {
        "severity": torch.full((2,), 0.5),
        "direction": torch.full((2,), float(direction)),
        "noise": torch.randn(2, 2, THUMBNAIL, THUMBNAIL, generator=rng),
        "signs": torch.rand(2, len(SIGNS), generator=rng),
    }


def test_maps_are_in_their_ranges(editor):
    thumbnails = torch.rand(2, 3, THUMBNAIL, THUMBNAIL)
    masks = torch.ones(2, 1, THUMBNAIL, THUMBNAIL)
    maps = editor(thumbnails, masks, **inputs(ADD))
    bounds = {
        "matte": (0, 1),
        "density": (-2, 2),
        "detail": (-1, 2),
        "relief": (-0.6, 0.6),
        "light": (-1.3, 1.3),
        "dark": (-1.3, 1.3),
    }
    for name, (low, high) in bounds.items():
        values = getattr(maps, name)
        assert values.shape[-2:] == (GRID, GRID) and low <= values.min() and values.max() <= high
    assert maps.density.shape == (2, 3, GRID, GRID) and maps.found.shape == (2, 1, GRID, GRID)


def test_noise_and_signs_are_read_only_when_adding(editor):
    thumbnails = torch.rand(2, 3, THUMBNAIL, THUMBNAIL)
    masks = torch.ones(2, 1, THUMBNAIL, THUMBNAIL)
    for direction, is_read in ((ADD, True), (REMOVE, False), (FIND, False)):
        first, second = (
            editor(thumbnails, masks, **inputs(direction, seed=seed)).matte for seed in (0, 1)
        )
        assert torch.equal(first, second) is not is_read


def test_an_untrained_editor_changes_next_to_nothing():
    editor = EczemaEditor().eval()
    thumbnails = torch.rand(2, 3, THUMBNAIL, THUMBNAIL)
    maps = editor(thumbnails, torch.ones(2, 1, THUMBNAIL, THUMBNAIL), **inputs(ADD))
    assert maps.density.abs().mean() < 0.5 and maps.light.abs().mean() < 0.5
