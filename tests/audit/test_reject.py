"""`SyntheticSkinDataset(..., reject_copies=index)`."""

import pickle

import torch

from synthderm import SyntheticSkinDataset
from synthderm.audit.build import index_photographs
from tests.audit.photographs import draw, draw_folder


class Memorised:
    """A function that gives every third photograph back."""

    classes = ["image"]

    def __init__(self, photographs) -> None:
        self.photographs = photographs

    def __call__(self, seeds, labels):
        return torch.cat(
            [
                self.photographs[seed % 60][None] if seed % 3 == 0 else draw(1, seed % 2**31)
                for seed in seeds.tolist()
            ]
        )


def test_flagged_samples_are_skipped(index, calibration, real):
    source = Memorised(real.images)
    plain = SyntheticSkinDataset(source, length=12, seed=1)
    clean = SyntheticSkinDataset(source, length=12, seed=1, reject_copies=index)
    before, after = (data.generate(list(range(12)))[0] for data in (plain, clean))
    copies = torch.tensor([index.is_copy(image) for image in before])
    assert 0 < copies.sum() < 12
    assert torch.equal(before[~copies], after[~copies])
    assert not any(index.is_copy(image) for image in after)
    assert torch.equal(clean.generate([int(copies.nonzero()[0])])[0][0], after[copies][0])


def test_an_index_goes_to_workers(index, calibration, real):
    again = pickle.loads(pickle.dumps(index))
    assert again.is_copy(real.images[3]) and not again.is_copy(draw(1, seed=77)[0])


def test_an_index_of_a_folder_is_ready(tmp_path, spec, real):
    folder = draw_folder(tmp_path / "real", 24, seed=1)
    index = index_photographs(folder, spec, size=64)
    assert 0 < index.threshold < 1
    assert index.is_copy(index.images[2]) and not index.is_copy(draw(1, seed=78)[0])
