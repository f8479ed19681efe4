"""The autoencoder: its KL divergence by hand, and that it learns to reconstruct."""

import math

import pytest
import torch
from torch import Tensor, nn

from synthderm.models.generator import SkinGenerator
from synthderm.training.reconstruction import (
    Encoder,
    kl_divergence,
    reconstruction_loss,
    reparameterize,
    update_beta,
)


class TwoScales(nn.Module):
    """A backbone whose feature maps are the image and the image thinned out."""

    def forward(self, x: Tensor) -> list[Tensor]:
        return [x, x[:, :, ::2, ::2]]


def test_kl_divergence_and_samples():
    # KL(N(1, 1), N(0, 1)) = 1/2; KL(N(0, 4), N(0, 1)) = (4 - 1 - ln 4) / 2: summed over two
    # numbers, the mean over two images.
    mean = torch.tensor([[1.0, 0.0], [1.0, 1.0]])
    log_variance = torch.tensor([[0.0, math.log(4)], [0.0, 0.0]])
    kl = kl_divergence(mean, log_variance).item()
    assert kl == pytest.approx((0.5 + (3 - math.log(4)) / 2 + 1.0) / 2)
    torch.manual_seed(0)
    codes = torch.stack([reparameterize(mean, log_variance) for _ in range(4000)])
    assert codes.shape == (4000, 2, 2) and torch.allclose(codes.mean(0), mean, atol=0.15)
    assert codes.std(0)[0, 1] == pytest.approx(2.0, abs=0.1)


def test_beta_rises_above_the_target_and_falls_below():
    beta = torch.tensor(1.0)
    assert update_beta(beta, torch.tensor(9.0), 7.0) > 1
    assert update_beta(beta, torch.tensor(5.0), 7.0) < 1


def test_an_encoder_and_a_generator_learn_to_reconstruct():
    torch.manual_seed(0)
    backbone = TwoScales()
    real = torch.cat([torch.full((1, 4, 16, 16), level) for level in (-0.8, -0.2, 0.3, 0.8)])
    assert reconstruction_loss(backbone, real, real).item() == pytest.approx(0, abs=1e-6)
    mixed_up, faded = (reconstruction_loss(backbone, x, real) for x in (real.flip(0), 0.9 * real))
    assert mixed_up > faded > 0
    model = SkinGenerator(16, [16, 8, 8], ["a"], latent_dim=8, style_dim=8)
    encoder, labels = Encoder(8, (4, 4, 8, 8)), torch.zeros(4, dtype=torch.long)
    optimizer = torch.optim.Adam([*model.parameters(), *encoder.parameters()], lr=3e-3)
    losses = []
    for _ in range(150):
        mean, log_variance = encoder(real)
        fake = model(reparameterize(mean, log_variance), labels)
        losses.append(reconstruction_loss(backbone, fake, real))
        optimizer.zero_grad()
        (losses[-1] + 0.01 * kl_divergence(mean, log_variance)).backward()
        optimizer.step()
    assert sum(losses[-10:]) < 0.5 * sum(losses[:10])
