"""A generator that starts from another one's weights."""

import pytest
import torch

from synthderm.determinism import one_thread
from synthderm.models.generator import SkinGenerator
from synthderm.training.warm_start import start_from
from tests.drawing import liven
from tests.models.tiny import tiny


def test_a_generator_without_noise_lends_its_weights_to_one_with_it():
    old, new = liven(tiny()), tiny(noise=16)
    start_from(new, old)
    assert torch.equal(new.blocks[1].conv.weight, old.blocks[1].conv.weight) and torch.equal(
        new.style.weight, old.style.weight
    )


def test_start_from_takes_over_levels_and_classes():
    old = liven(tiny())
    z = torch.randn(3, 8)
    same = SkinGenerator(32, [16, 16, 8, 8], ["c", "a", "new"], latent_dim=8, style_dim=8).eval()
    start_from(same, old)
    with one_thread():
        assert torch.equal(same(z[:2], torch.tensor([1, 0])), old(z[:2], torch.tensor([0, 2])))
    larger = SkinGenerator(64, [16, 16, 8, 8, 8], ["a", "b", "c"], latent_dim=8, style_dim=8)
    fresh = larger.to_image.weight.clone()
    start_from(larger, old)
    assert all(
        torch.equal(a, b)
        for a, b in zip(larger.blocks[:3].state_dict().values(), old.blocks.state_dict().values())
    )
    assert torch.equal(larger.stem.weight, old.stem.weight) and torch.equal(
        larger.to_image.weight, fresh
    )
    for options, says in (
        ((32, [16, 8, 8, 8]), "channels"),
        ((64, [16, 16, 8, 8]), "smallest level"),
    ):
        with pytest.raises(ValueError, match=f"do not fit.*{says}.* differ.*use those"):
            start_from(SkinGenerator(*options, ["a"], latent_dim=8, style_dim=8), old)
