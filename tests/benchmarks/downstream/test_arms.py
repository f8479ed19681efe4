"""What an arm does to the training set and to its batches."""

import pytest
import torch

from benchmarks.trial import arms, plan, runs
from synthderm import SyntheticSkinDataset
from tests.benchmarks.downstream.parts import arm


def test_generated_counts(settings):
    labels = torch.tensor([0] * 7 + [1] * 2)
    assert arms.generated_counts(arms.BALANCING, labels, 3) == [0, 5, 7]
    assert arms.generated_counts(arms.RATIOS[1], labels, 2) == [5, 4]

    class Real:
        classes, class_to_idx, targets = ["a", "b"], {"a": 0, "b": 1}, labels.tolist()

    wanted = SyntheticSkinDataset.balancing(Real, settings.generator).targets
    assert arms.generated_counts(arms.BALANCING, labels, 2) == [wanted.count(k) for k in (0, 1)]


@pytest.mark.parametrize(
    "name", [arm.name for arm in arms.ARMS["A"] if arm.real and arm.name != arms.BEST]
)
def test_every_arm_feeds_the_same_kind_of_batch(settings, name):
    run = plan.Run("A", "25%", "pretrained", name, 1)
    real = runs.take_subset(settings, run)
    pool = runs.pool_of(settings, run, real) if arm("A", name).generates else None
    sureness = lambda images, labels: images.float().mean((1, 2, 3)) + 1  # noqa: E731
    training, counts = arms.assemble(
        arm("A", name), real, pool, torch.Generator().manual_seed(0), sureness
    )
    assert counts["real"] == [3, 3] and len(training) == 6 + sum(counts["generated"])
    torch.manual_seed(0)
    images, masks, targets = next(arms.batches(arm("A", name), training, 4, to_any=False))
    assert (
        images.shape == (4, 3, 16, 16)
        and images.min() >= 0
        and images.max() <= 1
        and masks.shape == (4, 1, 16, 16)
    )
    assert torch.allclose(targets.sum(1), torch.ones(4))


def test_oversampling_draws_classes_equally_and_plain_order_uses_every_image():
    labels = torch.tensor([0] * 90 + [1] * 10)
    torch.manual_seed(0)
    feed = arms.order(labels, True, 50)
    assert torch.cat(
        [labels[next(feed)] for _ in range(40)]
    ).float().mean().item() == pytest.approx(0.5, abs=0.05)
    feed = arms.order(labels, False, 50)
    assert torch.cat([next(feed), next(feed)]).sort().values.tolist() == list(range(100))


def test_generated_images_first_real_ones_afterwards(settings):
    run = plan.Run("A", "25%", "pretrained", "", 0)
    real, way = (
        runs.take_subset(settings, run),
        arms.Arm("first", True, ratio=5, first=0.25, oversample=True),
    )
    training, _ = arms.assemble(
        way, real, runs.pool_of(settings, run, real), torch.Generator().manual_seed(0)
    )
    torch.manual_seed(0)
    feed = arms.stages(way, training, 4, 8)
    kinds = [{training.names[row] in real.names for row in next(feed).tolist()} for _ in range(12)]
    assert kinds == [{False}] * 2 + [{True}] * 10
    images, _, _ = next(arms.batches(way, training, 4, False, 8))
    assert images.shape == (4, 3, 16, 16)


def test_pasting_and_editing_change_labels_with_the_pixels(settings):
    train = runs.task_data(settings, "B").splits["train"]
    healthy = (train.labels == 0).nonzero().flatten()[:12]
    torch.manual_seed(0)
    images, masks, labels = arms.paste(
        train.images[healthy], train.masks[healthy], train.labels[healthy], train, 0.5, True
    )
    changed = (images != train.images[healthy]).flatten(1).any(1)
    assert (
        changed.tolist() == (labels == 1).tolist() == masks.flatten(1).any(1).tolist()
        and 0 < changed.sum() < 12
    )
    outside = ~masks.expand_as(images)
    assert torch.equal(images[outside], train.images[healthy][outside])
    lesions = runs.task_data(settings, "A").splits["train"]
    rows = torch.arange(6)
    _, masks, labels = arms.paste(
        lesions.images[rows], lesions.masks[rows], lesions.labels[rows], lesions, 1.0, False
    )
    assert (
        torch.equal(labels, lesions.labels[rows])
        and (masks | ~lesions.masks[rows]).all()
        and (masks != lesions.masks[rows]).any()
    )
    feed = arms.batches(arm("B", "eczema edit 0.5"), train.rows(healthy.tolist()), 6, True)
    share = torch.cat([next(feed)[2][:, 1] for _ in range(8)]).mean().item()
    assert 0.25 < share < 0.75


def test_wide_edits_change_more_of_an_image(settings, monkeypatch):
    monkeypatch.setattr(arms, "move", lambda images, masks: (images, masks))
    train = runs.task_data(settings, "B").splits["train"]
    rows = (train.labels == 0).nonzero().flatten()[:12].tolist()

    def change(name: str) -> float:
        """Mean share of the pixels that differ, over the images that were edited; the same seed
        gives the same order."""
        torch.manual_seed(0)
        plain = next(arms.batches(arms.REAL, train.rows(rows), 12, True))[0]
        torch.manual_seed(0)
        images, _, targets = next(arms.batches(arm("B", name), train.rows(rows), 12, True))
        return (images != plain).any(1)[targets[:, 1] == 1].float().mean().item()

    assert change("eczema edit 0.5, wide") > 1.3 * change("eczema edit 0.5") > 0


def test_moving_keeps_image_and_mask_in_step():
    masks = torch.zeros(8, 1, 32, 32)
    masks[:, :, 8:20, 10:24] = 1
    torch.manual_seed(0)
    images, moved = arms.move(masks.expand(-1, 3, -1, -1), masks)
    assert torch.equal((images[:, :1] > 0.5).float(), moved) and not torch.equal(moved[0], moved[1])


def test_combine_takes_each_setting_from_the_arm_that_has_it():
    both = arms.combine(arms.CLASSICAL[2], arms.BALANCING)
    assert both.oversample and both.balancing and both.ours and both.name == arms.BEST and both.real
