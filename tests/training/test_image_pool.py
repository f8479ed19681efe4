"""Sets of images in memory: what is read, and what is sampled."""

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from synthderm.imaging.io import to_pil
from synthderm.training.image_pool import (
    ImagePool,
    cut_close_ups,
    load_image_pool,
    load_validation,
    match_classes,
    measure_skin_tones,
)
from tests.drawing import draw_folder, draw_skin


def make_pool() -> ImagePool:
    """Ten images with a white corner; the last one of another class, the k-th one of tone k."""
    images = torch.zeros(10, 3, 8, 8, dtype=torch.uint8)
    images[:, :, :4, :4] = 255
    labels = torch.tensor([0] * 9 + [1])
    names = [f"{k}.png" for k in range(10)]
    return ImagePool(images, images[:, :1], labels, torch.arange(10.0), ["a", "b"], names=names)


def test_batches_are_balanced_and_flipped():
    pool = make_pool()
    torch.manual_seed(0)
    assert 0.05 < pool.sample(2000)[1].float().mean() < 0.15
    x, labels, skin_tones = pool.sample(2000, flips="all", size=4, balance=True)
    assert x.shape == (2000, 4, 4, 4) and 0.45 < labels.float().mean() < 0.55
    assert ((skin_tones == 9) == (labels == 1)).all()
    corners = {tuple((image[0, ::3, ::3] > 0).flatten().tolist()) for image in x}
    assert len(corners) == 4
    upright = pool.sample(50, flips="none")[0]
    assert len({tuple(image[0, 0].tolist()) for image in upright}) == 1
    assert torch.equal(x[:, 0], x[:, 3])  # the mask is flipped along


def test_classes_that_are_trained_on():
    pool = make_pool()
    assert match_classes(pool, None)[1] is None
    train, val = match_classes(pool, pool.rows([0]))  # val may lack a class
    assert train.classes == val.classes == ["a", "b"]
    more = replace(pool, classes=["a", "test alone", "b"], labels=2 * pool.labels)
    with pytest.warns(UserWarning, match="test alone: not learnt"):
        train, val = match_classes(more, more.rows([9]))
    assert train.classes == val.classes == ["a", "b"]
    assert torch.equal(train.labels, pool.labels) and val.labels.tolist() == [1]
    with pytest.raises(ValueError, match="train has no photograph of 'b', and val has: add some"):
        match_classes(pool.rows([0, 1]), pool)
    with pytest.raises(ValueError, match="train has the classes a, b and val b, a: both must"):
        match_classes(pool, replace(pool, classes=["b", "a"]))


def test_tone_quantiles():
    quantiles = make_pool().tone_quantiles()
    assert len(quantiles) == 11 and quantiles == sorted(quantiles) and quantiles[5] == 4.5


def test_rows():
    pool = make_pool()
    part = pool.rows([9, 2])
    assert len(part) == 2 and part.names == ["9.png", "2.png"] and part.groups == []
    assert part.labels.tolist() == [1, 0] and part.skin_tones.tolist() == [9.0, 2.0]
    chosen = pool.rows(pool.labels == 1)
    assert chosen.names == ["9.png"] and chosen.classes == ["a", "b"]
    assert pool.rows([]).names == [] and len(pool.rows([])) == 0


def test_validation_photographs_are_never_training_ones(tmp_path):
    data = str(draw_folder(tmp_path / "data"))
    train, val = load_image_pool(data, "train", 16), load_validation(data, 16)
    assert (len(train), len(val)) == (8, 2) and train.classes == val.classes == ["a", "b"]
    inside = train.masks[0, 0] > 127
    red = train.images[0, 0].float()
    assert 0.1 < inside.float().mean() < 0.5 and red[inside].mean() < red[~inside].mean()
    # Of the skin around the discs, which is light.
    assert (train.skin_tones - 40).abs().max() < 30
    tree = tmp_path / "tree" / "train" / "a"
    tree.mkdir(parents=True)
    to_pil(draw_skin(16, 16)).save(tree / "1.png")
    assert load_validation(str(tmp_path / "tree"), 16) is None
    assert load_validation(str(tree), 16) is None


def draw_lesion() -> tuple[Tensor, Tensor]:
    """Tan skin with a dark disc, (3, 96, 128), and the disc, (1, 96, 128) bool."""
    yy, xx = torch.meshgrid(torch.arange(96), torch.arange(128), indexing="ij")
    disc = ((yy - 48) ** 2 + (xx - 64) ** 2 < 14**2)[None]
    red = torch.tensor([0.2, 0.05, 0.05]).view(3, 1, 1)
    return torch.where(disc, red, draw_skin(96, 128, "tan")), disc


def test_close_ups_are_skin_without_the_lesion():
    photograph, disc = draw_lesion()
    squares = cut_close_ups(to_pil(photograph), to_pil(disc), 32)
    assert len(squares) == 4
    for square in squares:
        assert square.shape == (3, 32, 32) and square[0].min() > 120
    everywhere = to_pil(torch.ones(1, 96, 128, dtype=torch.bool))
    assert cut_close_ups(to_pil(draw_skin(96, 128, "tan")), everywhere, 32) == []


def test_a_pool_of_close_ups_is_all_region(tmp_path):
    data = draw_folder(tmp_path / "data")
    photograph, disc = draw_lesion()
    for k in range(12):
        to_pil(photograph).save(data / "images" / f"{k}.png")
        to_pil(disc).save(data / "masks" / f"{k}.png")
    pool = load_image_pool(str(data), "train", 32, "close-up")
    assert len(pool) == 4 * 8 and pool.classes == ["skin"]
    assert (pool.masks == 255).all() and (pool.labels == 0).all()


def test_photographs_without_a_mask_are_left_out_where_masks_are_needed(tmp_path):
    data = draw_folder(tmp_path / "data")
    table = (data / "metadata.csv").read_text()
    for k in (0, 2):  # of the 8 in train
        table = table.replace(f"masks/{k}.png", "")
    (data / "metadata.csv").write_text(table)
    found = [len(load_image_pool(str(data), "train", 32, region)) for region in ("given", "skin")]
    assert found == [6, 8]


def test_skin_tones_are_measured_outside_of_lesions_and_inside_of_skin(tmp_path):
    data = draw_folder(tmp_path / "data")
    beside = load_image_pool(str(data), "train", 32)
    images = torch.where(beside.masks > 127, 0, beside.images)  # a lesion of any colour
    assert torch.equal(measure_skin_tones(images, beside.masks, "given"), beside.skin_tones)
    inside = measure_skin_tones(images, 255 - beside.masks, "skin")
    assert torch.allclose(inside, beside.skin_tones, atol=2)
