"""The tiles of heights: fixed, seamless, and the same signs at any size of image."""

import pytest
import torch

from synthderm.imaging.tile_parts import TILE
from synthderm.imaging.tiles import COVERS, STEPS, TILES, cut_heights, height_tile


def heights(number: int, level: int = 0) -> torch.Tensor:
    return height_tile(number, level).float() * torch.tensor(STEPS).view(-1, 1, 1)


@pytest.mark.parametrize("number", [0, TILES - 1])
def test_a_tile_is_fixed_and_has_all_its_parts(number):
    tile = height_tile(number)
    assert tile.shape == (len(COVERS), TILE, TILE) and tile.dtype == torch.int8
    height_tile.cache_clear()
    state = torch.get_rng_state()
    assert torch.equal(height_tile(number), tile) and torch.equal(torch.get_rng_state(), state)
    plaque, *signs = heights(number)
    assert abs(plaque.mean()) < 0.1 and 0.9 < plaque.std() < 1.1
    for sign in signs:
        assert sign.min() >= -1.001 and sign.max() <= 0 and sign.max() > -0.4 and sign.std() > 0.05


@pytest.mark.parametrize("level", [0, 1])
def test_a_tile_is_seamless(level):
    tile = heights(2, level)
    assert tile.shape[-1] == TILE * 2**level
    for dim in (1, 2):
        steps = tile.diff(dim=dim).abs().mean((1, 2))
        seam = (tile.select(dim, 0) - tile.select(dim, -1)).abs().mean(1)
        assert (seam < 2 * steps).all()


def test_heights_cover_any_size_and_a_window_is_a_part_of_them():
    none = torch.tensor([[0.999, 0.0]])
    for size in ((1, 1), (320, 224), (700, 30), (1900, 40)):
        assert cut_heights(none, torch.tensor([1]), *size).shape == (1, len(COVERS), *size)
    offset, numbers = torch.tensor([[0.5, 0.25], [0.0, 0.9]]), torch.tensor([0, 5])
    whole = cut_heights(offset, numbers, 112, 112)
    assert torch.equal(whole[0], height_tile(0)[:, 200:312, 100:212].float())
    assert torch.equal(whole[1:], cut_heights(offset[1:], numbers[1:], 112, 112))
    for size in ((112, 112), (1900, 40)):  # the larger one from the last level, enlarged
        window = (slice(10, 40), slice(5, 90))
        part = cut_heights(offset, numbers, *size, window)
        assert torch.equal(part, cut_heights(offset, numbers, *size)[:, :, 10:40, 5:90])
