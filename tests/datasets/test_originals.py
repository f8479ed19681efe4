"""Items that are copies are drawn again, as a function of seed and index."""

import pytest
import torch
from torch.utils.data import DataLoader

from synthderm import SyntheticSkinDataset
from synthderm.cli.render import render


class Bright:
    """Calls images whose first pixel is bright copies."""

    def __init__(self, limit: int) -> None:
        self.limit = limit

    def is_copy(self, image) -> bool:
        assert image.dtype == torch.uint8 and image.ndim == 3
        return int(image[0, 0, 0]) >= self.limit


def make(generator_dir, judge, **options):
    return SyntheticSkinDataset(generator_dir, length=24, seed=3, reject_copies=judge, **options)


def test_copies_are_replaced_and_all_else_stays(generator_dir):
    plain, _ = make(generator_dir, None).generate(list(range(24)))
    limit = int(plain[:, 0, 0, 0].float().median()) + 1
    images, _ = make(generator_dir, Bright(limit)).generate(list(range(24)))
    kept = plain[:, 0, 0, 0] < limit
    assert 0 < kept.sum() < 24
    assert torch.equal(images[kept], plain[kept])
    assert (images[:, 0, 0, 0] < limit).all()


def test_an_item_depends_on_seed_and_index_alone(generator_dir):
    plain, _ = make(generator_dir, None).generate(list(range(24)))
    dataset = make(generator_dir, Bright(int(plain[:, 0, 0, 0].float().median()) + 1))
    together, _ = dataset.generate(list(range(24)))
    backwards, _ = dataset.generate(list(range(23, -1, -1)))
    assert torch.equal(together, backwards.flip(0))
    for k in (0, 7, 23):
        assert torch.equal(dataset.generate([k])[0][0], together[k])
    loader = DataLoader(dataset, batch_size=5, num_workers=2, collate_fn=list)
    labels = [label for batch in loader for _, label in batch]
    assert labels == dataset.targets


def test_severity_and_skin_tone_go_with_their_image():
    dataset = SyntheticSkinDataset("eczema", length=6, reject_copies=Bright(200))
    made = dataset.sample([0, 1, 2, 3, 4, 5])
    assert len(made.images) == len(made.masks) == len(made.severity or []) == 6


def test_a_rendered_folder_knows_its_judge(generator_dir, tmp_path):
    class Other(Bright):
        def __repr__(self) -> str:
            return f"Other({self.limit})"

    dataset = make(generator_dir, Other(256))
    render(dataset, tmp_path / "out")
    render(dataset, tmp_path / "out")
    with pytest.raises(ValueError, match="another reject_copies"):
        render(make(generator_dir, None), tmp_path / "out")


def test_a_generator_that_gives_copies_alone_is_an_error(generator_dir):
    with pytest.raises(ValueError, match="20 copies of photographs in a row"):
        make(generator_dir, Bright(0)).generate([0])


def test_copies_are_looked_for_beneath_artifacts(generator_dir):
    def judge(limit: int, artifacts: dict[str, float]):
        return make(generator_dir, Bright(limit), artifacts=artifacts).sample(list(range(24)))

    plain = judge(256, {})
    limit = int(plain.images[:, 0, 0, 0].float().median()) + 1
    clean, covered = judge(limit, {}), judge(limit, {"corners": 1.0, "patch": 1.0})
    assert not torch.equal(clean.images, covered.images)
    assert torch.equal(covered.judged, clean.images) and torch.equal(clean.judged, clean.images)
    assert torch.equal(covered.masks, clean.masks)
