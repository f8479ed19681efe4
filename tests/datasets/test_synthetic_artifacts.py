"""Artifacts on generated images: as the generator was trained, or as asked."""

import pytest
import torch

from synthderm import SkinGenerator, SyntheticSkinDataset
from synthderm.datasets.eczema_source import EczemaSource
from synthderm.datasets.sources import GeneratorSource
from synthderm.rendering.items import GeneratedItems
from tests.drawing import liven

SHARES = {"hair": 1.0, "corners": 0.5}
NONE: dict[str, float] = {}


@pytest.fixture
def trained(tmp_path) -> str:
    """A generator that was trained with artifacts."""
    generator = SkinGenerator(32, [16, 8], ["a", "b"], latent_dim=8, style_dim=8, artifacts=SHARES)
    return str(liven(generator).save_pretrained(tmp_path / "trained"))


def images(source: str, artifacts=None, **options) -> torch.Tensor:
    data = SyntheticSkinDataset(source, length=6, artifacts=artifacts, **options)
    return data.generate(list(range(6)))[0]


def test_they_are_drawn_as_in_training_unless_asked_otherwise(trained):
    assert SkinGenerator.from_pretrained(trained).artifacts == SHARES
    assert torch.equal(images(trained), images(trained, SHARES))
    assert not torch.equal(images(trained), images(trained, NONE))
    assert SyntheticSkinDataset(trained, length=1).artifacts == SHARES
    assert SyntheticSkinDataset(trained, length=1, artifacts={}).artifacts == {}
    assert SyntheticSkinDataset("hands", length=1).artifacts == {}


def test_data_sets_do_not_share_their_shares(trained):
    changed = SyntheticSkinDataset(trained, length=1)
    assert isinstance(changed.artifacts, dict)
    changed.artifacts.clear()
    assert SyntheticSkinDataset(trained, length=1).artifacts == SHARES


def test_an_item_depends_on_its_seed_and_number_alone(trained):
    data = SyntheticSkinDataset(trained, length=6)
    together, masks = data.generate([0, 1, 2, 3, 4, 5])
    for number in (4, 1):
        image, mask = data.generate([number])
        assert torch.equal(image[0], together[number]) and torch.equal(mask[0], masks[number])


def test_masks_labels_and_what_lies_beside_stay(trained):
    plain = SyntheticSkinDataset(trained, length=6, artifacts=NONE)
    drawn = SyntheticSkinDataset(trained, length=6, artifacts={"hair": 1.0})
    (clean, masks), (covered, same) = (data.generate(list(range(6))) for data in (plain, drawn))
    assert torch.equal(masks, same) and plain.targets == drawn.targets
    touched = (clean != covered).any(1).float().mean((1, 2))
    assert (touched > 0).any() and (touched < 0.9).all()


def test_they_are_drawn_at_the_size_asked_for(trained):
    small, large = images(trained, SHARES, size=64), images(trained, SHARES, size=256)
    shrunk = torch.nn.functional.avg_pool2d(large.float(), 4)
    assert (small.float() - shrunk).abs().mean() < 8


def test_a_record_tells_them(trained):
    described = GeneratedItems(SyntheticSkinDataset(trained, length=2)).describe()
    assert described["artifacts"] == SHARES


@pytest.mark.parametrize("source", ["eczema", lambda seeds, labels: torch.zeros(2, 3, 8, 8)])
def test_sources_that_draw_none_refuse_them(source):
    with pytest.raises(ValueError, match="artifacts=.* leave them out"):
        SyntheticSkinDataset(source, length=2, artifacts=SHARES)


def test_none_may_be_asked_for_everywhere():
    assert len(SyntheticSkinDataset("eczema", length=2, artifacts=NONE)) == 2


@pytest.mark.parametrize("artifacts", [{"hairs": 1}, {"hair": 2}, "hair", True])
def test_artifacts_that_are_none_are_refused(artifacts):
    with pytest.raises(ValueError, match="artifacts"):
        SyntheticSkinDataset(length=1, artifacts=artifacts)


def test_eczema_is_drawn_on_clean_skin():
    assert [canvas.artifacts for canvas in EczemaSource().canvases] == [{}, {}]
    assert GeneratorSource("skin").artifacts  # though close-ups have some
