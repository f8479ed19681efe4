"""Drifting (Deng, Li, Li, Du and He, "Generative modeling via drifting", arXiv 2602.04770, 2026).

No discriminator and one step: a field V says where each generated sample should move. Photographs
attract it and other generated samples repel it, and since both sides are weighted in the same way
the field is 0 where the distributions are equal (it is anti-symmetric). The network learns towards
its own moved samples: |f - stopgrad(f + V)|^2, with f in features.

The kernel is exp(-|x - y| / tau), normalized over both sides as the geometric mean of two
softmaxes; attraction is weighted by the sum of all repulsions and the other way round; features
are scaled so that their mean distance is the root of their number, drifts to mean square 1; three
temperatures are added.

Written from the paper's abstract and project page and from public notes on its appendix, without
its code. Uncertain: whether temperatures are multiplied by the root of the number of features, as
here. Different: whitened features of a frozen ImageNet network stand for the paper's own masked
autoencoder, no classes and no guidance, 64 generated and 64 real images in a step.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from benchmarks.references.features import ImageOnly, load_photographs
from benchmarks.references.rs_imle import as_wanted
from benchmarks.references.system import Losses, Setup, System, adam, update

TEMPERATURES = (0.02, 0.05, 0.2)
BATCH = 64
FAR = 1e6  # added to a sample's distance to itself


def drifting_field(x: Tensor, positives: Tensor, tau: float) -> Tensor:
    """V (N, C) of samples (N, C), which are their own negatives, towards photographs (M, C)."""
    to_real = torch.cdist(x, positives)
    to_fake = torch.cdist(x, x) + FAR * torch.eye(len(x), device=x.device)
    logits = -torch.cat([to_real, to_fake], dim=1) / tau
    weights = (logits.softmax(1) * logits.softmax(0)).sqrt()
    attraction, repulsion = weights.split([len(positives), len(x)], dim=1)
    pull = attraction * repulsion.sum(1, keepdim=True)
    push = repulsion * attraction.sum(1, keepdim=True)
    return pull @ positives - push @ x


def drifting_loss(x: Tensor, positives: Tensor) -> Tensor:
    """The loss of one group of features: samples (N, C) with gradients, photographs (M, C)."""
    with torch.no_grad():
        root = x.shape[1] ** 0.5
        scale = torch.cdist(x, positives).mean().clamp_min(1e-6) / root
    x, positives = x / scale, positives / scale
    with torch.no_grad():
        drift = torch.zeros_like(x)
        for tau in TEMPERATURES:
            field = drifting_field(x, positives, tau * root)
            drift += field / field.square().mean().sqrt().clamp_min(1e-6)
        target = x + drift
    return F.mse_loss(x, target)


class Drifting(System):
    def __init__(self, setup: Setup) -> None:
        super().__init__(setup)
        self.images, self.features, self.known = load_photographs(setup)
        self.batch = min(BATCH, len(self.images))
        self.generator = ImageOnly(setup.size).to(setup.device)
        self.optimizer = adam(self.generator, lr=1e-3, betas=(0.0, 0.99))

    def step(self, progress: float) -> Losses:
        latents = torch.randn(self.batch, self.generator.latent_dim, device=self.images.device)
        rows = torch.randperm(len(self.images), device=self.images.device)[: self.batch]
        with self.setup.cast:
            fake = self.generator(as_wanted(latents))
            groups = self.features(fake)
        pairs = zip(groups.float().unbind(1), self.known[rows].unbind(1))
        loss = torch.stack([drifting_loss(a, b) for a, b in pairs]).sum()
        update(self.optimizer, loss)
        return {"drift": loss}
