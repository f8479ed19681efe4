"""What an arm does to its batches."""

import pytest
import torch

from benchmarks.downstream import arms, batches
from benchmarks.downstream.arms import Arm
from benchmarks.downstream.protocol import Run
from benchmarks.downstream.settings import generated_for, take_subset, task_data


def test_oversampling_samples_classes_equally():
    labels = torch.tensor([0] * 90 + [1] * 10)
    torch.manual_seed(0)
    rows = batches.row_batches(labels, True, 50)
    share = torch.cat([labels[next(rows)] for _ in range(40)]).float().mean().item()
    assert share == pytest.approx(0.5, abs=0.05)


def test_plain_order_uses_every_image_once_a_round():
    rows = batches.row_batches(torch.tensor([0] * 90 + [1] * 10), False, 50)
    assert torch.cat([next(rows), next(rows)]).sort().values.tolist() == list(range(100))


def test_generated_images_first_real_ones_afterwards(settings):
    run = Run("A", "25%", "pretrained", "", 0)
    real = take_subset(settings, run)
    arm = Arm("first", ours=True, ratio=5, generated_first=0.25, oversample=True)
    generated = generated_for(settings, run, real)
    training, _ = arms.assemble(arm, real, generated, torch.Generator().manual_seed(0))
    torch.manual_seed(0)
    rows = batches.staged_row_batches(arm, training, 4, 8)
    kinds = [{training.names[row] in real.names for row in next(rows).tolist()} for _ in range(12)]
    assert kinds == [{False}] * 2 + [{True}] * 10
    images, _, _ = next(batches.make_batches(arm, training, 4, False, 8))
    assert images.shape == (4, 3, 16, 16)


def test_pasting_on_healthy_skin_changes_labels_with_the_pixels(settings):
    train = task_data(settings, "B").splits["train"]
    healthy = train.rows((train.labels == 0).nonzero().flatten()[:12])
    torch.manual_seed(0)
    images, masks, labels = batches.paste(
        healthy.images, healthy.masks > 127, healthy.labels, train, 0.5, True
    )
    changed = (images != healthy.images).flatten(1).any(1)
    assert changed.tolist() == (labels == 1).tolist() == masks.flatten(1).any(1).tolist()
    assert 0 < changed.sum() < 12
    outside = ~masks.expand_as(images)
    assert torch.equal(images[outside], healthy.images[outside])


def test_pasting_within_a_class_keeps_labels_and_adds_to_masks(settings):
    lesions = task_data(settings, "A").splits["train"]
    part = lesions.rows(range(6))
    before = part.masks > 127
    torch.manual_seed(0)
    _, masks, labels = batches.paste(part.images, before, part.labels, lesions, 1.0, False)
    assert torch.equal(labels, part.labels)
    assert (masks | ~before).all() and (masks != before).any()


def test_edited_images_are_labelled_inflamed(settings):
    train = task_data(settings, "B").splits["train"]
    healthy = train.rows((train.labels == 0).nonzero().flatten()[:12])
    torch.manual_seed(0)
    made = batches.make_batches(arms.ARMS["eczema edit 0.5"], healthy, 6, True)
    share = torch.cat([next(made)[2][:, 1] for _ in range(8)]).mean().item()
    assert 0.25 < share < 0.75


def test_wide_edits_change_more_of_an_image(settings, monkeypatch):
    monkeypatch.setattr(batches, "move", lambda images, masks: (images, masks))
    train = task_data(settings, "B").splits["train"]
    healthy = train.rows((train.labels == 0).nonzero().flatten()[:12])

    def change(name: str) -> float:
        """Mean share of the pixels that differ, over the images that were edited; the same seed
        gives the same order."""
        torch.manual_seed(0)
        plain = next(batches.make_batches(arms.ARMS["real"], healthy, 12, True))[0]
        torch.manual_seed(0)
        arm = arms.ARMS[name]
        images, _, targets = next(batches.make_batches(arm, healthy, 12, True))
        return (images != plain).any(1)[targets[:, 1] == 1].float().mean().item()

    assert change("eczema edit 0.5, wide") > 1.3 * change("eczema edit 0.5") > 0


def test_moving_keeps_image_and_mask_aligned():
    masks = torch.zeros(8, 1, 32, 32)
    masks[:, :, 8:20, 10:24] = 1
    torch.manual_seed(0)
    images, moved = batches.move(masks.expand(-1, 3, -1, -1), masks)
    assert torch.equal((images[:, :1] > 0.5).float(), moved)
    assert not torch.equal(moved[0], moved[1])
