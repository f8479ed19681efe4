"""RS-IMLE (Vashist, Peng and Li, "Rejection sampling IMLE: designing priors for better few-shot
image synthesis", ECCV 2024).

Implicit maximum likelihood estimation has no discriminator: a pool of latents is drawn, every
photograph gets the sample that is nearest to it, and the generator moves that sample towards the
photograph. So no photograph can be forgotten. Rejection sampling changes the prior of training:
latents whose sample is nearer than epsilon to any photograph are thrown away before the search, so
that the chosen latents are spread like those of the prior.

What differs from the paper, whose code has no licence: the search is exact, in whitened features of
a frozen timm network, and the distance that is trained on is that of synthderm's reconstruction
(feature maps, LPIPS without its weights, and coarse colours). epsilon is half the median distance
between a photograph and its nearest other one. A pool of 1,024 latents is drawn once for every
pass over the photographs. Photographs are not flipped: their features are worked out once.
"""

import torch
from torch import Tensor

from benchmarks.references.features import ImageOnly, load_photographs, nearest
from benchmarks.references.system import Losses, Setup, System, Wanted, adam, update
from synthderm.training.reconstruction import reconstruction_loss

POOL = 1024
EPSILON = 0.5  # times the median distance between neighbouring photographs
JITTER = 0.05  # deviation of the noise on chosen latents


def reject(points: Tensor, samples: Tensor, epsilon: float) -> Tensor:
    """Which samples (M, D) are kept, (M,) bool: those at least epsilon from every point (N, D).
    Where none is, all are."""
    distance, _ = nearest(samples, points)
    kept = distance >= epsilon**2
    return kept if kept.any() else torch.ones_like(kept)


class RSIMLE(System):
    def __init__(self, setup: Setup) -> None:
        super().__init__(setup)
        self.images, self.features, known = load_photographs(setup)
        self.known = known.flatten(1)
        self.epsilon = EPSILON * neighbour_distance(self.known)
        self.generator = ImageOnly(setup.size).to(setup.device)
        self.optimizer = adam(self.generator, lr=1e-3, betas=(0.0, 0.99))
        self.order = torch.arange(0)

    def step(self, progress: float) -> Losses:
        if not len(self.order):
            self.order = torch.randperm(len(self.images))
            self.latents = self.assign()
        rows, self.order = self.order[: self.batch], self.order[self.batch :]
        rows = rows.to(self.images.device)
        latents = self.latents[rows]
        latents = latents + JITTER * torch.randn_like(latents)
        with self.setup.cast:
            fake = self.generator(as_wanted(latents))
            loss = reconstruction_loss(self.features.backbone, fake, self.images[rows])
        update(self.optimizer, loss)
        return {"distance": loss}

    @torch.no_grad()
    def assign(self) -> Tensor:
        """The latents (N, latent_dim) of the sample that is nearest to each photograph."""
        self.generator.eval()  # norms use their running statistics, and are not moved
        latents = torch.randn(POOL, self.generator.latent_dim, device=self.images.device)
        with self.setup.cast:
            made = [self.features(self.generator(as_wanted(z))) for z in latents.split(64)]
        self.generator.train()
        samples = torch.cat(made).float().flatten(1)
        kept = reject(self.known, samples, self.epsilon)
        _, index = nearest(self.known, samples[kept])
        return latents[kept][index]


def neighbour_distance(points: Tensor) -> float:
    """The median distance of points (N, D) to their nearest other one."""
    distances = torch.cdist(points, points)
    return distances.fill_diagonal_(float("inf")).amin(1).median().item()


def as_wanted(latents: Tensor) -> Wanted:
    labels = torch.zeros(len(latents), dtype=torch.int64, device=latents.device)
    return Wanted(latents, labels, latents.new_zeros(len(latents), 1, 1, 1))
