"""Generated images are made once, and known by what makes them."""

import pytest
import torch

from benchmarks.downstream import generated
from synthderm import SkinGenerator
from tests.drawing import liven


def test_the_images_are_made_once_a_generator(settings, places, monkeypatch):
    arguments = (settings.model, (settings.model,), ["a", "b"], 5, 16, places["cache"])
    pool = generated.load_generated(*arguments)
    part = generated.sample_by_class(pool, [2, 5], torch.Generator().manual_seed(0))
    assert part.images.shape == (7, 3, 16, 16) and part.masks.shape == (7, 1, 16, 16)
    assert set(pool.masks.unique().tolist()) <= {0, 255}
    assert part.labels.tolist() == [0, 0, 1, 1, 1, 1, 1]
    assert len({image.numpy().tobytes() for image in part.images[2:]}) == 5
    monkeypatch.setattr(generated, "generate", None)  # no second generation
    assert torch.equal(generated.load_generated(*arguments).images, pool.images)
    says = "6 generated images of class 1 were asked for, the pool has 5"
    with pytest.raises(ValueError, match=says):
        generated.sample_by_class(pool, [0, 6], torch.Generator())


def test_a_generator_is_known_by_its_weights_and_not_by_its_card(tmp_path):
    folder = tmp_path / "x"
    model = liven(SkinGenerator(16, [8, 8], ["a", "b"], latent_dim=8, style_dim=8))
    model.save_pretrained(folder, card={"summary": "one"})
    first = generated.identify(str(folder))
    model.save_pretrained(folder, card={"summary": "another", "metrics": []})
    assert generated.identify(str(folder)) == first
    other = SkinGenerator(16, [8, 8], ["a", "b"], latent_dim=8, style_dim=8)
    liven(other, seed=1).save_pretrained(folder)
    assert generated.identify(str(folder)) != first
