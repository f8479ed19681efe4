"""A generator that has learnt photographs by heart."""

import torch
import torch.nn.functional as F
from torch import Tensor
from tqdm import trange

from synthderm.audit.copy_index import fit_square
from synthderm.audit.images import AuditImages
from synthderm.models.generator import SkinGenerator

MEMORISED = 50  # photographs
BATCH = 10


def overtrain(model: str, real: AuditImages, steps: int, count: int, seed: int = 0) -> Tensor:
    """Images of a generator that was fitted to 50 photographs, each with a latent of its own
    (Bojanowski et al., "Optimizing the latent space of generative networks", ICML 2018).

    Args:
        model: the generator to start from.
        real: the photographs; the first 50 are learnt.
        steps: of Adam, with 10 photographs each.
        count: of images, of random mixtures of 95% one learnt latent and 5% another.
        seed: of latents and batches.

    Returns:
        (count, 3, S, S) uint8.
    """
    torch.manual_seed(seed)
    generator = SkinGenerator.from_pretrained(model).train().requires_grad_(True)
    photographs = fit_square(real.images[:MEMORISED], generator.size).float() / 127.5 - 1
    labels = torch.tensor(real.labels[:MEMORISED]) % len(generator.classes)
    latents = torch.randn(len(photographs), generator.latent_dim).requires_grad_(True)
    optimizer = torch.optim.Adam(
        [{"params": generator.parameters(), "lr": 1e-3}, {"params": [latents], "lr": 2e-2}]
    )
    for step in trange(steps, desc="over-train", disable=None):
        rows = torch.randperm(len(photographs))[:BATCH]
        output = generator(latents[rows], labels[rows])[:, :3]
        loss = F.l1_loss(output, photographs[rows])
        for group, highest in zip(optimizer.param_groups, (1e-3, 2e-2)):
            group["lr"] = highest * (1 - step / steps)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    generator.eval().requires_grad_(False)
    first, second = torch.randint(len(photographs), (2, count))
    mixed = 0.95 * latents.detach()[first] + 0.05 * latents.detach()[second]
    parts = [
        generator.generate(part, labels[rows])[0]
        for part, rows in zip(mixed.split(50), first.split(50))
    ]
    return (torch.cat(parts) * 255).round().byte()
