"""Latents of lesions: in their ranges, repeatable, and signs that decide the tile."""

import torch

from synthderm.imaging.compositing import GRID
from synthderm.imaging.lesions import FIELDS, PATTERNS, sample_latents, with_signs
from synthderm.imaging.signs import SIGNS
from synthderm.imaging.tiles import TILES, is_wet


def test_latents_repeat_with_their_generator_and_are_in_range():
    one, again, other = (
        sample_latents(200, torch.Generator().manual_seed(seed)) for seed in (1, 1, 2)
    )
    assert all(torch.equal(a, b) for a, b in zip(one, again))
    assert not any(torch.equal(a, b) for a, b in zip(one, other))
    assert one.noise.shape == (200, FIELDS, GRID, GRID) and 0.7 < one.noise.std() < 1.3
    assert one.signs.shape == (200, len(SIGNS)) and one.signs.min() >= 0 and one.signs.max() <= 1
    assert one.offset.min() >= 0 and one.offset.max() < 1
    assert set(one.tiles.tolist()) == set(range(TILES))
    assert all(len(amounts) == len(SIGNS) for amounts in PATTERNS.values())


def test_crust_and_oozing_take_a_wet_tile_of_the_same_size():
    latents = sample_latents(50)
    for name, wet in (("crust", True), ("oozing", True), ("scale", False), ("excoriation", False)):
        signs = torch.zeros(50, len(SIGNS))
        signs[:, SIGNS.index(name)] = 1.0
        changed = with_signs(latents, signs)
        assert (is_wet(changed.tiles) == wet).all()
        assert torch.equal(changed.tiles // 2, latents.tiles // 2)
