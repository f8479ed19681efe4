"""Shortcuts of layers give what the plain operations give."""

import pytest
import torch
import torch.nn.functional as F

from synthderm.models.generator import SkinGenerator
from synthderm.models.layers import add_noise, remove_checkerboard, shuffle_pixels
from tests.drawing import liven

LAYOUTS = (torch.contiguous_format, torch.channels_last)


@pytest.mark.parametrize("layout", LAYOUTS, ids=str)
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
@pytest.mark.parametrize(("channels", "side"), [(8, 8), (48, 32), (3, 5)])
def test_noise_is_added_in_its_amount_and_an_image_does_not_depend_on_its_batch(
    channels, side, dtype, layout
):
    x = torch.randn(4, channels, side, side).to(dtype, memory_format=layout)
    noise, amount = torch.randn(4, 1, side, side).to(dtype), torch.randn(4, channels).to(dtype)
    noisy = add_noise(x.clone(), noise, amount)  # which may write to it
    plain = x.double() + noise.double() * amount.double()[:, :, None, None]
    step = torch.finfo(dtype).eps
    torch.testing.assert_close(noisy.double(), plain, rtol=step, atol=16 * step)
    for k in range(4):
        row = slice(k, k + 1)
        assert torch.equal(add_noise(x[row].clone(), noise[row], amount[row]), noisy[row])


@pytest.mark.parametrize("layout", LAYOUTS, ids=str)
def test_pixels_are_shuffled_as_torch_does_with_the_same_gradient(layout):
    x = torch.randn(2, 12, 5, 7).contiguous(memory_format=layout).requires_grad_()
    shuffled, plain = shuffle_pixels(x[:, 4:]), F.pixel_shuffle(x[:, 4:], 2)
    assert torch.equal(shuffled, plain)
    weight = torch.randn_like(plain)
    gradients = [torch.autograd.grad((y * weight).sum(), x)[0] for y in (shuffled, plain)]
    assert torch.equal(*gradients)


def test_a_checkerboard_is_removed_and_detail_and_means_stay():
    board = torch.tensor([1.0, -1.0, -1.0, 1.0]).repeat(3)[None, :, None, None]
    detail, one = torch.randn(2, 12, 64, 64), torch.ones(2, 12, 64, 64)
    fading = torch.linspace(0, 2, 64) * board * one
    assert (remove_checkerboard(board * one)).abs().max() < 1e-5
    assert remove_checkerboard(fading).square().mean() < 0.005 * fading.square().mean()
    kept = remove_checkerboard(detail)
    assert (kept - detail).square().mean() < 0.02 * detail.square().mean()
    means = [x.unflatten(1, (3, 4)).mean(2) for x in (detail, kept)]
    assert torch.allclose(*means, atol=1e-5)
    for side in (1, 4, 12):  # sides that cells of 8 px do not fit
        assert remove_checkerboard(torch.randn(1, 12, side, side)).shape[-1] == side


def test_a_smooth_generators_images_have_no_checkerboard():
    ratios = []
    for smooth in (False, True):
        torch.manual_seed(0)
        model = liven(SkinGenerator(64, [16, 8], ["a"], latent_dim=8, style_dim=8, smooth=smooth))
        with torch.no_grad():
            model.to_image.bias[4:] = torch.tensor([0.3, 0.0, 0.0, 0.3]).repeat(3)
        images, _ = model.generate(torch.randn(4, 8), torch.zeros(4, dtype=torch.int64))
        spectrum = torch.fft.rfft2(images - images.mean((2, 3), keepdim=True)).abs()
        ratios.append((spectrum[..., 32, 32] / spectrum[..., 28:31, 28:31].mean((2, 3))).mean())
    assert ratios[0] > 10 and ratios[1] < 3
