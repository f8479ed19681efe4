"""`MixedSkinDataset`, looked at: sheets, slices and arrays of both parts, before transforms."""

import numpy as np
import pytest
import torch
from torch.utils.data import ConcatDataset, Dataset, Subset
from torchvision import tv_tensors
from torchvision.datasets import ImageFolder

from synthderm import MixedSkinDataset, SkinFolder, SyntheticSkinDataset
from synthderm.imaging.io import to_tensor
from tests.datasets.collections import PAD, Photographs, generated, grey
from tests.drawing import draw_folder


def refuse(*_):
    raise AssertionError("transforms play no part")


def mixed(**options):
    mapping = {"ACK": "other", "NEV": "nevus", "MEL": "melanoma"}
    return MixedSkinDataset(Photographs(PAD, [0, 1, 3]), generated(), mapping=mapping, **options)


def test_slices_are_lists_of_items():
    data = mixed(transform=to_tensor)
    for part in (slice(4), slice(-2, None), slice(None, None, -3), slice(5, 2), slice(2, 99)):
        expected, taken = [data[k] for k in range(9)[part]], data[part]
        assert isinstance(taken, list) and [y for _, y in taken] == [y for _, y in expected]
        assert all(torch.equal(a, b) for (a, _), (b, _) in zip(taken, expected))


def test_arrays_are_the_items_of_the_epoch():
    data = mixed()
    for epoch in (0, 2):  # whose images are beyond the generator's length
        data.set_epoch(epoch)
        arrays = data.arrays(progress=False)
        assert arrays.labels.tolist() == data.targets
        assert all(np.array_equal(a, np.asarray(image)) for a, (image, _) in zip(arrays[0], data))
    assert not np.array_equal(arrays.images, mixed().arrays().images)


def test_transforms_of_parts_and_whole_play_no_part():
    data = mixed()
    before = data.arrays().images
    data.transform = data.real.transform = data.synthetic.transform = refuse
    data.real.transforms = refuse
    assert np.array_equal(data.arrays().images, before) and data.real.transforms is refuse
    assert data._repr_png_().startswith(b"\x89PNG")


def test_real_images_in_parts_of_parts():
    halves = Photographs(PAD, [0, 1, 3, 3]), Photographs(PAD, [3, 0])
    real = Subset(ConcatDataset([*halves, Subset(halves[0], [3])]), [4, 0, 6, 5])
    data = MixedSkinDataset(real, generated(labels="nevus"), mapping={"NEV": "nevus"})
    arrays = data.arrays(4)
    assert [int(image[0, 0, 0]) for image in arrays.images] == [0, 0, 3, 1]
    assert arrays.labels.tolist() == data.targets[:4] == [3, 0, 3, 0]


def test_a_sheet_shows_both_kinds():
    data = mixed()
    assert data.choose_shown(4) == [0, 1, 3, 4]
    assert data.choose_shown(8) == [0, 1, 2, 3, 4, 5, 6, 7]
    assert data.choose_shown(1) == [0]
    alone = MixedSkinDataset(Photographs(["nevus"] * 2, []), generated(2, labels="nevus"))
    assert alone.choose_shown(2) == [0, 1]
    assert data.show(4, columns=2, side=40).mode == "RGB"


def test_a_sheet_shows_the_classes_of_both_kinds_in_turn():
    """Photographs of a folder are sorted by class, and so is what balancing adds."""
    real = Photographs(["melanoma", "nevus", "sek"], [0] * 4 + [1] * 8 + [2] * 2)
    extra = SyntheticSkinDataset.balancing(real, "lesions", size=32)
    data = MixedSkinDataset(real, extra, mapping={})
    shown = data.choose_shown(8)
    assert [data.is_synthetic[index] for index in shown] == [False] * 4 + [True] * 4
    assert [data.targets[index] for index in shown] == [0, 1, 2, 0, 0, 2, 0, 2]
    assert len({*data.choose_shown(len(data))}) == len(data)


@pytest.mark.parametrize("kind", [SkinFolder, ImageFolder])
def test_folders_beside_generators(tmp_path, kind):
    folder = draw_folder(tmp_path / "data")
    data = MixedSkinDataset(
        kind(folder, transform=refuse), SyntheticSkinDataset("lesions", length=2), mapping={}
    )
    assert data.show(4).width > 100
    masks = [view.mask for view in data.views([0, len(data) - 1])]
    assert masks[1].any() and (masks[0] is None) == (kind is ImageFolder)


class Normalized(Dataset):
    classes, targets = ["nevus"], [0]

    def __init__(self, image):
        self.image = image

    def __len__(self):
        return 1

    def __getitem__(self, index):
        return self.image, 0


def test_what_can_not_be_shown_is_named():
    extra = generated(labels="nevus")
    for image in (torch.full((3, 8, 8), 7, dtype=torch.uint8), torch.full((3, 8, 8), 7 / 255)):
        data = MixedSkinDataset(Normalized(tv_tensors.Image(image)), extra)
        assert grey(data.views([0])[0].image) == 7
    for image in (torch.full((3, 8, 8), -1.5), np.zeros((8, 8, 3)), torch.zeros(1, 8, 8)):
        with pytest.raises(TypeError, match="Normalized gives no images that can be shown"):
            MixedSkinDataset(Normalized(image), extra).show(2)
