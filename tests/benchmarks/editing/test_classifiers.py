"""Classifiers find what can be found, and nothing else."""

import pytest
import torch

from benchmarks.editing.classifiers import (
    Classifier,
    auroc,
    cross_validated_auroc,
    fine_tune,
    fit_probe,
    probe_scores,
)


def test_auroc_is_the_share_of_pairs_in_order():
    assert auroc(torch.tensor([0.0, 1.0]), torch.tensor([2.0, 0.5])) == 0.75


def test_a_probe_separates_what_can_be_separated_and_nothing_else():
    rng = torch.Generator().manual_seed(0)
    real, edited = torch.randn(60, 20, generator=rng), torch.randn(60, 20, generator=rng)
    patients = [f"a{k // 2}" for k in range(60)], [f"b{k // 2}" for k in range(60)]
    assert abs(cross_validated_auroc(real, edited, patients, 0) - 0.5) < 0.2
    shifted = real + 2 * (torch.arange(20) == 3)
    assert cross_validated_auroc(shifted, edited, patients, 0) > 0.85


def test_the_probe_is_at_the_minimum_of_its_loss():
    """Sum of the log losses plus decay / 2 times the square of the weights."""
    rng = torch.Generator().manual_seed(0)
    features, truth = torch.randn(80, 5, generator=rng) * 3 + 1, torch.arange(80) % 2
    features[truth == 1, 0] += 2
    decay = 4.0
    probe = fit_probe(features, truth, decay)
    x = features.double()
    x = (x - x.mean(0)) / x.std(0, correction=0)
    regression = probe[-1]
    weight = torch.tensor(regression.coef_[0], requires_grad=True)
    bias = torch.tensor(regression.intercept_[0], requires_grad=True)
    logits = x @ weight + bias
    assert logits.detach().numpy() == pytest.approx(probe_scores(probe, features).numpy())
    losses = torch.nn.functional.binary_cross_entropy_with_logits(
        logits, truth.double(), reduction="sum"
    )
    (losses + decay / 2 * weight.square().sum()).backward()
    assert weight.grad.abs().max() < 1e-2 and bias.grad.abs() < 1e-2


def test_fine_tuning_learns(classifier):
    rng = torch.Generator().manual_seed(0)
    network = Classifier(classifier)
    dark, bright = (
        torch.randint(low, low + 60, (8, 3, 32, 32), generator=rng, dtype=torch.uint8)
        for low in (20, 160)
    )
    early = [network.early_mirrored(part) for part in (dark, bright)]
    trained = fine_tune(classifier, *early, seed=0, steps=15)
    assert trained.scores(early[0][0]).max() < trained.scores(early[1][0]).min()
