"""Discriminators: what they depend on, and what stays frozen."""

import pytest
import timm
import torch
from torch import Tensor, nn

from synthderm.training.discriminators import (
    Discriminator,
    FeatureDiscriminator,
    make_discriminators,
)


class TinyBackbone(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(3, 4, 4, 4)
        self.norm = nn.BatchNorm2d(4)
        self.second = nn.Conv2d(4, 6, 4, 4)

    def forward(self, x: Tensor) -> list[Tensor]:
        x = self.norm(self.first(x))
        return [x, self.second(x)]


@pytest.mark.parametrize("side", [16, 32])
def test_it_takes_both_sizes_and_uses_the_class(side):
    discriminator = Discriminator(32, [12, 10, 8, 6], 3)
    x = torch.randn(4, 4, side, side)
    a, b = torch.zeros(4, dtype=torch.long), torch.ones(4, dtype=torch.long)
    assert discriminator(x, a).real.shape == (4, 1)
    discriminator.eval()
    assert not torch.allclose(discriminator(x, a).real, discriminator(x, b).real)
    without = [discriminator(x, labels, condition=0.0).real for labels in (a, b)]
    assert torch.allclose(*without)


def test_the_classes_it_sees_do_not_depend_on_the_labels():
    discriminator = Discriminator(32, [12, 10, 8, 6], 3).eval()
    x = torch.randn(4, 4, 32, 32)
    a, b = torch.zeros(4, dtype=torch.long), torch.ones(4, dtype=torch.long)
    assert discriminator(x, a).classes.shape == (4, 3)
    assert torch.equal(discriminator(x, a).classes, discriminator(x, b).classes)


def test_it_uses_the_skin_tone():
    discriminator = Discriminator(32, [12, 10, 8, 6], 3, skin_tone=True).eval()
    x, labels = torch.randn(2, 4, 32, 32), torch.tensor([0, 1])
    dark, light = torch.full((2,), -20.0), torch.full((2,), 60.0)
    logits = [discriminator(x, labels, skin_tone=tone).real for tone in (dark, light)]
    assert not torch.allclose(*logits)


def test_a_feature_discriminator_keeps_its_backbone_frozen():
    discriminator = FeatureDiscriminator(TinyBackbone(), 2, width=8).train()
    backbone = discriminator.backbone
    before = {key: value.clone() for key, value in backbone.state_dict().items()}
    x = torch.randn(3, 4, 64, 64, requires_grad=True)
    logits = discriminator(x, torch.tensor([0, 1, 0]))
    assert logits.classes.shape == (3, 2)
    logits.real.sum().backward()
    assert all(torch.equal(before[key], value) for key, value in backbone.state_dict().items())
    assert all(p.grad is None for p in backbone.parameters())
    assert x.grad[:, :3].abs().sum() > 0 and x.grad[:, 3].abs().sum() == 0


def test_one_discriminator_of_pixels_and_if_wanted_one_of_features(tmp_path):
    from safetensors.torch import save_file

    assert len(make_discriminators(16, [8, 8, 8], 2)) == 1
    weights = tmp_path / "weights.safetensors"
    save_file(timm.create_model("test_efficientnet").state_dict(), weights)
    both = make_discriminators(16, [8, 8, 8], 2, features=f"test_efficientnet={weights}")
    assert isinstance(both[1], FeatureDiscriminator) and both.training
