"""Figures inside a mask are of the pixels inside it."""

import torch

from benchmarks.editing.edits import lab_inside, mean_inside, psnr_inside
from synthderm.imaging.color import to_lab


def test_the_pixels_compared_are_those_inside_the_mask():
    images = torch.randint(0, 256, (2, 3, 8, 8), dtype=torch.uint8)
    masks = torch.rand(2, 1, 8, 8) < 0.4
    lab = to_lab(images.float() / 255)
    inside = torch.cat([lab[k].movedim(0, -1)[masks[k, 0]] for k in range(2)])
    assert torch.allclose(lab_inside(images, masks)[:, 0].T, inside, atol=1e-4)
    means = torch.stack([lab[k, 0][masks[k, 0]].mean() for k in range(2)])
    assert torch.allclose(mean_inside(lab[:, :1], masks), means, atol=1e-4)


def test_psnr_is_of_the_error_inside():
    a = torch.full((1, 3, 4, 4), 100, dtype=torch.uint8)
    b, masks = a.clone(), torch.zeros(1, 1, 4, 4, dtype=torch.bool)
    b[..., :2], masks[..., 2:] = 0, True
    assert psnr_inside(a, b, masks).item() == 100.0  # no error: the upper limit
    b[..., 2:] = 100 - 51
    assert abs(psnr_inside(a, b, masks).item() - 13.979) < 1e-2  # a fifth of the range
