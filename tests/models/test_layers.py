"""Shortcuts of layers give what the plain operations give."""

import pytest
import torch
import torch.nn.functional as F

from synthderm.models.layers import add_noise, shuffle_pixels

LAYOUTS = (torch.contiguous_format, torch.channels_last)


@pytest.mark.parametrize("layout", LAYOUTS, ids=str)
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
@pytest.mark.parametrize(("channels", "side"), [(8, 8), (48, 32), (3, 5)])
def test_noise_is_added_in_its_amount_and_an_image_does_not_depend_on_its_batch(
    channels, side, dtype, layout
):
    x = torch.randn(4, channels, side, side).to(dtype, memory_format=layout)
    noise, amount = torch.randn(4, 1, side, side).to(dtype), torch.randn(4, channels).to(dtype)
    noisy = add_noise(x, noise, amount)
    plain = x.double() + noise.double() * amount.double()[:, :, None, None]
    step = torch.finfo(dtype).eps
    torch.testing.assert_close(noisy.double(), plain, rtol=step, atol=16 * step)
    for k in range(4):
        row = slice(k, k + 1)
        assert torch.equal(add_noise(x[row], noise[row], amount[row]), noisy[row])


@pytest.mark.parametrize("layout", LAYOUTS, ids=str)
def test_pixels_are_shuffled_as_torch_does_with_the_same_gradient(layout):
    x = torch.randn(2, 12, 5, 7).contiguous(memory_format=layout).requires_grad_()
    shuffled, plain = shuffle_pixels(x[:, 4:]), F.pixel_shuffle(x[:, 4:], 2)
    assert torch.equal(shuffled, plain)
    weight = torch.randn_like(plain)
    gradients = [torch.autograd.grad((y * weight).sum(), x)[0] for y in (shuffled, plain)]
    assert torch.equal(*gradients)
