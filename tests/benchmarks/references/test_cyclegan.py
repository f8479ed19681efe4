"""The network that edits are compared with in speed."""

import torch

from benchmarks.references.cyclegan import ResNet9


def test_the_network_is_that_of_the_paper():
    # The authors' own code counts 11.378 M.
    assert sum(parameter.numel() for parameter in ResNet9().parameters()) == 11_378_179
    assert ResNet9(4, 1)(torch.zeros(2, 3, 24, 32)).shape == (2, 3, 24, 32)
