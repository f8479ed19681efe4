"""Items are the same bits whatever torch is switched to, and whenever models were loaded."""

import pytest
import torch

from synthderm import SyntheticSkinDataset
from synthderm.imaging.masks import _noise_basis
from synthderm.models.cache import _load_editor, _load_generator
from tests.states import in_every_state


def forget() -> None:
    for cache in (_load_editor, _load_generator, _noise_basis):
        cache.cache_clear()


def make(source, **options) -> tuple[torch.Tensor, torch.Tensor]:
    data = SyntheticSkinDataset(source, length=4, seed=3, size=40, **options)
    return data.generate(list(range(4)))


@in_every_state
@pytest.mark.parametrize("source", ["lesions", "eczema"])
def test_items_are_the_same_bits(switched, source):
    forget()
    images, masks = make(source, truncation=0.7)
    for load in (True, False):
        if load:
            forget()
        with switched():
            again = make(source, truncation=0.7)
        assert torch.equal(again[0], images) and torch.equal(again[1], masks)
    # What was loaded meanwhile serves as well as what is loaded afterwards.
    assert torch.equal(make(source, truncation=0.7)[0], images)


def weigh(seeds: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """A function whose product autocast would round."""
    rngs = [torch.Generator().manual_seed(seed) for seed in seeds.tolist()]
    noise = torch.stack([torch.rand(3, 16, 16, generator=rng, dtype=torch.float32) for rng in rngs])
    return (noise @ noise.mT / 16).clamp(0, 1)


@in_every_state
def test_a_function_sees_torch_as_usual(switched):
    images, _ = make(weigh, classes=["a"])
    with switched():
        assert torch.equal(make(weigh, classes=["a"])[0], images)


@in_every_state
def test_the_transform_sees_torch_as_it_is(switched):
    """Only what makes the image is switched back; the rest of the program is the user's."""

    def state() -> tuple:
        return torch.is_autocast_enabled("cpu"), torch.get_default_dtype(), torch.is_grad_enabled()

    seen = []
    data = SyntheticSkinDataset("lesions", length=1, transform=lambda image: seen.append(state()))
    with switched():
        data[0]
        assert seen == [state()]
