"""What an arm does to the training set."""

import pytest
import torch

from benchmarks.downstream import arms
from benchmarks.downstream.batches import make_batches
from benchmarks.downstream.protocol import Run
from benchmarks.downstream.settings import generated_for, take_subset
from synthderm import SyntheticSkinDataset
from synthderm.training.image_pool import ImagePool


def test_generated_counts(settings):
    labels = torch.tensor([0] * 7 + [1] * 2)
    balancing = arms.ARMS["balancing"]
    assert arms.generated_counts(balancing, labels, 3) == [0, 5, 7]
    assert arms.generated_counts(arms.ARMS["synthetic x1"], labels, 2) == [5, 4]

    class Real:
        classes, class_to_idx, targets = ["a", "b"], {"a": 0, "b": 1}, labels.tolist()

    wanted = SyntheticSkinDataset.balancing(Real, settings.model).targets
    assert arms.generated_counts(balancing, labels, 2) == [wanted.count(k) for k in (0, 1)]


def brightness(pool: ImagePool) -> torch.Tensor:
    """In place of the probability that a classifier gives."""
    return pool.images.float().mean((1, 2, 3)) + 1


@pytest.mark.parametrize(
    "name", [name for name in arms.TASK_ARMS["A"] if name not in ("synthetic only", arms.BEST)]
)
def test_every_arm_makes_the_same_kind_of_batch(settings, name):
    arm, run = arms.ARMS[name], Run("A", "25%", "pretrained", name, 1)
    real = take_subset(settings, run)
    generated = generated_for(settings, run, real) if arm.generates else None
    rng = torch.Generator().manual_seed(0)
    training, counts = arms.assemble(arm, real, generated, rng, brightness)
    assert counts["real"] == [3, 3] and len(training) == 6 + sum(counts["generated"])
    torch.manual_seed(0)
    images, masks, targets = next(make_batches(arm, training, 4, paste_on_any=False))
    assert images.shape == (4, 3, 16, 16) and images.min() >= 0 and images.max() <= 1
    assert masks.shape == (4, 1, 16, 16)
    assert torch.allclose(targets.sum(1), torch.ones(4))


def test_the_most_probable_images_of_each_class_are_kept():
    images = torch.arange(6, dtype=torch.uint8).view(6, 1, 1, 1).expand(6, 3, 2, 2)
    labels = torch.tensor([0, 0, 0, 1, 1, 1])
    pool = ImagePool(images, images[:, :1], labels, torch.zeros(6), ["a", "b"])
    probability = torch.tensor([0.1, 0.9, 0.5, 0.2, 0.3, 0.1])
    kept = arms.most_probable(pool, probability, [2, 1])
    assert kept.images[:, 0, 0, 0].tolist() == [1, 2, 4] and kept.labels.tolist() == [0, 0, 1]


def test_combine_takes_each_setting_from_the_arm_that_has_it():
    both = arms.combine(arms.ARMS["oversample"], arms.ARMS["balancing"])
    assert both.oversample and both.balancing and both.ours and both.name == arms.BEST and both.real
