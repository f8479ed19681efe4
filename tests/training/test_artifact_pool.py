"""Artifacts that are laid over the images a generator makes in training."""

import torch

from synthderm.imaging.artifact_shares import DERMOSCOPY, KINDS
from synthderm.training.artifact_pool import ArtifactPool, cover, draw_pool

CPU = torch.device("cpu")


def test_a_pool_is_drawn_from_its_seed():
    first, again, other = (draw_pool(DERMOSCOPY, 16, 12, seed, CPU).drawn for seed in (1, 1, 2))
    assert first.shape == (12, 4, 16, 16) and torch.equal(first, again)
    assert not torch.equal(first, other)
    assert draw_pool(None, 16, 12, 1, CPU) is None


def test_samples_come_from_the_global_random_state_in_every_orientation():
    corner = torch.zeros(1, 4, 8, 8, dtype=torch.uint8)
    corner[0, 3, 0, 1] = 255
    pool = ArtifactPool(corner)
    torch.manual_seed(0)
    first = pool.sample(64, flips="all", size=8)
    torch.manual_seed(0)
    assert torch.equal(first, pool.sample(64, flips="all", size=8))
    assert first.unique(dim=0).shape[0] == 8
    assert (
        len({tuple(one.flatten().tolist()) for one in pool.sample(64, flips="none", size=8)}) == 1
    )


def test_shrunk_colours_count_as_much_as_they_cover():
    drawn = torch.zeros(1, 4, 4, 4, dtype=torch.uint8)
    drawn[0, 0], drawn[0, 3, :, 0] = 200, 255  # red, in one column of four
    drawn[0, 0, :, 1:] = 7  # under nothing
    shrunk = ArtifactPool(drawn).take(torch.tensor([0]), 2)
    assert torch.allclose(shrunk[0, 3], torch.tensor([[0.5, 0.0], [0.5, 0.0]]))
    assert torch.allclose(shrunk[0, 0, :, 0], torch.full((2,), 200 / 255))


def test_masks_stay_and_gradients_pass_where_the_image_is_seen():
    x = (torch.rand(2, 4, 16, 16) * 2 - 1).requires_grad_()
    artifacts = draw_pool(dict.fromkeys(KINDS, 1.0), 16, 2, 0, CPU).take(torch.arange(2), 16)
    covered = cover(x, artifacts)
    assert torch.equal(covered[:, 3], x[:, 3]) and covered.abs().max() <= 1
    covered.sum().backward()
    assert torch.allclose(x.grad[:, 0], 1 - artifacts[:, 3], atol=1e-6)
    assert (x.grad[:, 3] == 1).all()
    assert cover(x, None) is x
