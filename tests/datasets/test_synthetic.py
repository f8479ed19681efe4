"""SyntheticSkinDataset: item i depends on (seed, i) alone, and it behaves as a torchvision
dataset."""

from collections import Counter

import pytest
import torch
from PIL import Image
from torch.utils.data import DataLoader
from torchvision import tv_tensors
from torchvision.transforms import v2

from synthderm import SyntheticSkinDataset
from synthderm.datasets.eczema_source import SEVERITY_BOUNDS
from synthderm.datasets.seeds import item_seed
from synthderm.imaging.io import to_tensor
from synthderm.models.generator import SkinGenerator
from tests.drawing import liven

SOURCES = ["lesions", "hands", "skin", "eczema"]


def pixels(item) -> torch.Tensor:
    return to_tensor(item[0])


@pytest.mark.parametrize("source", SOURCES)
def test_items(source):
    data = SyntheticSkinDataset(source, length=12, seed=3, return_mask=True)
    assert len(data) == len(data.targets) == 12 and data.class_to_idx == {
        name: k for k, name in enumerate(data.classes)
    }
    image, mask, label = data[5]
    assert (
        isinstance(image, Image.Image)
        and image.mode == "RGB"
        and image.size == (data.size, data.size)
    )
    assert (
        type(mask) is tv_tensors.Mask
        and mask.shape == (1, data.size, data.size)
        and mask.dtype == torch.uint8
    )
    assert set(mask.unique().tolist()) <= {0, 1} and label == data.targets[5]
    assert len(SyntheticSkinDataset(source, length=1)[0]) == 2


@pytest.mark.parametrize("source", SOURCES)
def test_an_item_depends_on_seed_and_index_alone(source):
    data = SyntheticSkinDataset(source, length=10, seed=1)
    batch = data.__getitems__(list(range(10)))
    torch.manual_seed(
        123
    )  # the global random numbers play no part, nor do order, length and the batch
    longer = SyntheticSkinDataset(source, length=40, seed=1)
    for index in (7, 2, 9):
        assert torch.equal(pixels(data[index]), pixels(batch[index])) and torch.equal(
            pixels(longer[index]), pixels(batch[index])
        )
    assert torch.equal(pixels(data[-1]), pixels(batch[9]))
    other = SyntheticSkinDataset(source, length=10, seed=2)
    assert not torch.equal(pixels(other[0]), pixels(batch[0])) and not torch.equal(
        pixels(batch[0]), pixels(batch[4])
    )


@pytest.mark.parametrize(("workers", "method"), [(0, None), (1, "fork"), (2, "fork"), (2, "spawn")])
def test_every_worker_gives_the_same(workers, method):
    data = SyntheticSkinDataset(
        "eczema", length=16, seed=5, return_mask=True, transforms=to_tensors
    )
    expected = [data[k] for k in range(16)]
    loader = DataLoader(
        data,
        batch_size=3,
        num_workers=workers,
        multiprocessing_context=method,
        persistent_workers=workers > 0,
    )
    for _ in range(2):  # two epochs
        images, masks, labels = (torch.cat(parts) for parts in zip(*loader))
        assert torch.equal(images, torch.stack([item[0] for item in expected]))
        assert torch.equal(masks, torch.stack([item[1] for item in expected]))
        assert labels.tolist() == data.targets


def to_tensors(image, mask, label):
    return to_tensor(image), mask, label


def test_seeds_of_items_are_all_different():
    seeds = {item_seed(seed, index) for seed in (0, 1, -1, 2**40) for index in range(2000)}
    assert len(seeds) == 8000 and all(0 <= seed < 2**63 for seed in seeds)


def test_the_class_changes_the_image_under_the_same_seed():
    a, b = (SyntheticSkinDataset(length=1, labels=name)[0] for name in ("nevus", "melanoma"))
    assert not torch.equal(pixels(a), pixels(b))


def test_severity_decides_the_label_and_the_mask_the_change():
    data = SyntheticSkinDataset("eczema", length=24, seed=2, return_mask=True)
    assert data.classes == ["clear", "mild", "moderate", "severe"]
    masks = {
        k: [data[i][1].sum().item() for i in range(24) if data.targets[i] == k] for k in range(4)
    }
    assert sum(masks[0]) == 0 and all(min(masks[k]) > 0 for k in (1, 2, 3))
    assert set(
        SyntheticSkinDataset("eczema", length=8, severity=(SEVERITY_BOUNDS[2], 1.0)).targets
    ) == {3}
    assert set(SyntheticSkinDataset("eczema", length=8, severity=(0.0, 0.5)).targets) == {0, 1, 2}


def test_eczema_lies_on_hands_and_on_close_ups(monkeypatch):
    data, seen = SyntheticSkinDataset("eczema", length=24, seed=2, labels="clear"), Counter()
    for canvas in data._source.canvases:

        def count(labels, rngs, canvas=canvas, sample=canvas.sample):
            seen[canvas.name] += len(rngs)
            return sample(labels, rngs)

        monkeypatch.setattr(canvas, "sample", count)
    assert len(data.generate(list(range(24)))[0]) == 24 == sum(seen.values())
    assert min(seen["hands"], seen["skin"]) > 4
    skin = SyntheticSkinDataset("skin", length=1, return_mask=True)
    assert skin.classes == ["skin"] and skin[0][1].all()


def test_eczema_has_the_canvases_that_have_seen_the_skin_tone():
    def count(*skin_tone: float) -> int:
        data = SyntheticSkinDataset("eczema", length=1, skin_tone=skin_tone)
        return len(data._source.canvases)

    tones = [SkinGenerator.from_pretrained(name).tones for name in ("hands", "skin")]
    darkest = [ends[0] for ends in tones]
    assert count(max(darkest), min(ends[-1] for ends in tones)) == 2
    assert count(min(darkest), min(darkest)) == 1
    with pytest.raises(ValueError, match="'hands' has seen.*'skin' has seen"):
        count(-89, 89)


@pytest.mark.parametrize("size", [32, 200])
def test_size(size):
    image, mask, _ = SyntheticSkinDataset(
        "eczema", length=2, labels="severe", size=size, return_mask=True
    )[1]
    assert image.size == (size, size) and mask.shape == (1, size, size) and mask.any()


def test_transforms_as_in_torchvision():
    assert SyntheticSkinDataset(length=1, transform=v2.PILToTensor())[0][0].dtype == torch.uint8
    assert SyntheticSkinDataset(length=1, labels=1, target_transform=lambda y: y + 10)[0][1] == 11
    assert SyntheticSkinDataset(length=1, labels=1, transforms=lambda image, y: (image.size, -y))[
        0
    ] == ((128, 128), -1)
    crop = v2.Compose([v2.RandomCrop(64), v2.ToImage()])
    image, mask, _ = SyntheticSkinDataset(length=1, transform=crop, return_mask=True)[0]
    assert image.shape == (3, 64, 64) and mask.shape == (1, 64, 64)
    late = SyntheticSkinDataset(length=1)
    late.transform = v2.PILToTensor()  # as timm.data.create_loader does
    assert isinstance(late[0][0], torch.Tensor)


def test_any_generator_folder_is_a_source(generator_dir):
    data = SyntheticSkinDataset(generator_dir, length=4, size=24)
    assert data.classes == ["a", "b"] and data[3][0].size == (24, 24)


def test_skin_tone_is_asked_for_item_by_item(tmp_path):
    model = liven(
        SkinGenerator(
            16, [8, 8, 8], ["a", "b"], latent_dim=8, style_dim=8, tones=[-10.0, 20.0, 60.0]
        )
    )
    folder = model.save_pretrained(tmp_path / "toned")
    data = SyntheticSkinDataset(folder, length=8, seed=1, skin_tone=(0, 30))
    batch = data.__getitems__(list(range(8)))
    assert all(torch.equal(pixels(data[k]), pixels(batch[k])) for k in (0, 5))
    single, other, free = (
        SyntheticSkinDataset(folder, length=8, seed=1, skin_tone=tone)
        for tone in ((20, 20), (50, 50), None)
    )
    assert not torch.equal(pixels(single[0]), pixels(other[0])) and not torch.equal(
        pixels(free[0]), pixels(batch[0])
    )
    for tone, says in (
        ((30, 0), "low first"),
        ((0, 80), r"must lie in \[-10, 60\], low first. That is what .* has seen"),
        ("dark", "a number or a pair"),
        ((float("nan"), 3), "must lie in"),
    ):
        with pytest.raises(ValueError, match=says):
            SyntheticSkinDataset(folder, length=8, skin_tone=tone)


def test_truncation_makes_images_alike_and_1_changes_nothing():
    options = dict(length=12, labels="nevus", seed=5, artifacts={})  # which truncation leaves
    plain, same, half = (
        SyntheticSkinDataset("lesions", **options, **more)
        for more in ({}, {"truncation": 1}, {"truncation": 0.4})
    )
    rows = list(range(12))
    assert torch.equal(plain.generate(rows)[0], same.generate(rows)[0])
    spread = [data.generate(rows)[0].float().std(0).mean() for data in (plain, half)]
    assert spread[1] < 0.8 * spread[0]
    assert torch.equal(half.generate([7])[0], half.generate(rows)[0][7:8])


def test_an_index_outside_ends_iteration():
    with pytest.raises(IndexError, match="item 2 of a dataset of 2"):
        SyntheticSkinDataset(length=2)[2]
    assert len(list(SyntheticSkinDataset(length=3))) == 3
    with pytest.raises(TypeError, match="integer"):
        SyntheticSkinDataset(length=2)[0.5]


def test_numbers_beyond_the_length_are_other_images_of_the_same_classes():
    data, longer = (SyntheticSkinDataset(length=n, seed=4, size=32) for n in (3, 9))
    assert [label for _, label in data.draw([0, 4, 8])] == [0, 1, 2]
    for number in (2, 5):
        assert torch.equal(pixels(data.draw([number])[0]), pixels(longer[number]))
    assert data.draw([]) == data.__getitems__([]) == []
