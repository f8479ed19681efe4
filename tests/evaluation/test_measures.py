"""Measures, against their definitions."""

import torch

from synthderm.evaluation.measures import macro_auroc, recalls


def test_measures_agree_with_their_definitions():
    torch.manual_seed(0)
    chances, labels = torch.rand(40, 3, dtype=torch.double).softmax(1), torch.arange(40) % 3
    chances[:8] = chances[8:16]  # ties
    once = torch.ones(1, 40, dtype=torch.double)
    right = chances.argmax(1) == labels
    expected = torch.stack([right[labels == k].double().mean() for k in range(3)])
    assert torch.allclose(recalls(chances, labels, once)[0], expected)
    pairs = []
    for k in range(3):
        up, down = chances[labels == k, k], chances[labels != k, k]
        above, equal = (up[:, None] > down).double(), (up[:, None] == down).double()
        pairs.append((above + 0.5 * equal).mean())
    assert torch.isclose(macro_auroc(chances, labels, once)[0], torch.stack(pairs).mean())
