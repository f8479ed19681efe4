"""What is measured while a generator trains: its distance to the `val` photographs, and what the
discriminators learnt by heart."""

from contextlib import AbstractContextManager

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from synthderm.metrics import Extractor, kid, load_extractor
from synthderm.models.generator import SkinGenerator
from synthderm.training.image_pool import Photographs


class Checks:
    """Measures the same generated images, of the same latents, at every check; torch's random state
    stays as it is.

    Args:
        val: photographs that are not trained on.
        extractor: for KID, as `load_extractor` takes it.
        latents: (N, latent_dim), one for each generated image. Classes and tones are as frequent as
            in `val`.
        cast: autocast context of the networks in training.

    Raises:
        ValueError: KID is wanted and torchmetrics is not installed, or there is no such extractor.
    """

    def __init__(
        self, val: Photographs, extractor: str | None, latents: Tensor, cast: AbstractContextManager
    ):
        self.val, self.latents, self.cast = val, latents, cast
        self.rows = torch.arange(len(latents), device=latents.device) % len(val.labels)
        self.extractor: Extractor | None = None
        if extractor is not None:
            try:
                import torchmetrics  # noqa: F401
            except ImportError:
                raise ValueError(
                    "KID needs torchmetrics: pip install 'synthderm[bench]', or go without by --kid"
                    " none."
                ) from None
            self.extractor = load_extractor(extractor).to(latents.device)
            with cast:  # as the generated ones below
                self.features = torch.cat(
                    [self.extractor(part[:, :3]) for part in val.images.split(32)]
                ).cpu()

    @torch.no_grad()
    def measure_kid(self, generator: SkinGenerator) -> float:
        """KID x1000 to `val`, of the generator as it is used: at full size, the classes in full."""
        found = []
        for latents, rows in zip(self.latents.split(32), self.rows.split(32)):
            with self.cast:
                image, _ = generator.generate(
                    latents, self.val.labels[rows], self._tones(generator, rows)
                )
                found.append(self.extractor((image * 255).round().to(torch.uint8)))
        return 1000 * kid(self.features, torch.cat(found).cpu())[0]

    @torch.no_grad()
    def measure_gap(
        self,
        judges: nn.ModuleList,
        generator: SkinGenerator,
        photographs: Photographs,
        condition: float,
        size: int,
        batch: int,
    ) -> dict:
        """Mean logits of photographs trained on, of `val` and of generated images, none of them
        augmented.

        Returns:
            d_train, d_val, d_fake; gap, d_train - d_val; and gap_share, (d_train - d_val) /
            (d_train - d_fake), the sign of overfitting of Karras et al. (NeurIPS 2020, equation 1):
            0 is none, 1 all by heart; None while d_train <= d_fake.
        """
        count = min(len(self.val.labels), len(photographs.labels), len(self.rows), 256)
        logits = []
        judges.eval()
        for source in (photographs, self.val, None):
            origin = self.val if source is None else source
            rows = torch.linspace(0, len(origin.labels) - 1, count, device=self.rows.device).long()
            found = []
            for part, latents in zip(rows.split(batch), self.latents[:count].split(batch)):
                label, tone = origin.labels[part], self._tones(generator, part, origin)
                with self.cast:
                    x = (
                        generator(latents, label, condition, size, tone)
                        if source is None
                        else source.images[part].float() / 127.5 - 1
                    )
                    x = x if x.shape[-1] == size else F.interpolate(x, size=size, mode="area")
                    found += [judge(x, label, condition, tone).float().mean(1) for judge in judges]
            logits.append(torch.cat(found).mean().item())
        judges.train()
        train, held, fake = logits
        share = (train - held) / (train - fake) if train > fake else None
        return {
            "d_train": train,
            "d_val": held,
            "d_fake": fake,
            "gap": train - held,
            "gap_share": share,
        }

    def _tones(
        self, generator: SkinGenerator, rows: Tensor, source: Photographs | None = None
    ) -> Tensor | None:
        return None if generator.tones is None else (source or self.val).tones[rows]
