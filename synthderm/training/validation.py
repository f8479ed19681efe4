"""What is measured while a generator trains: its distance to the `val` photographs, how much the
discriminators overfit, and a sheet of samples."""

from importlib.util import find_spec
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from synthderm.imaging.artifacts import lay_over
from synthderm.imaging.contact_sheet import grid, outline
from synthderm.imaging.io import to_pil, write_image
from synthderm.metrics import Extractor, kid, load_extractor
from synthderm.models.generator import SkinGenerator
from synthderm.training.artifact_pool import ArtifactPool, cover
from synthderm.training.image_pool import ImagePool
from synthderm.training.loop import autocast

BLUR = 4  # times: by how much photographs are reduced, to know what a KID of blobs is
FIRST_BUNDLED = 78_000  # images after which lesions were good enough, as their card says


class Validation:
    """Measures the generated images of the same latents every time; torch's random state stays as
    it is.

    Args:
        val: photographs that are not trained on.
        extractor: for KID, as `synthderm.metrics.load_extractor` takes it; no KID where None.
        latents: (N, latent_dim), one for each generated image. Classes and skin tones are as
            frequent as in `val`.
        artifacts: for each latent, to be laid over its image.

    Raises:
        ValueError: KID is wanted and torchmetrics is not installed, or there is no such extractor.
    """

    def __init__(
        self,
        val: ImagePool,
        extractor: str | None,
        latents: Tensor,
        artifacts: ArtifactPool | None = None,
    ) -> None:
        self.artifacts = artifacts
        self.val, self.latents, self.cast = val, latents, autocast(latents.device)
        self.rows = torch.arange(len(latents), device=latents.device) % len(val)
        self.extractor: Extractor | None = None
        if extractor is None:
            return
        if find_spec("torchmetrics") is None:
            raise ValueError(
                "KID needs torchmetrics: pip install 'synthderm[bench]', "
                "or go without by --kid none."
            )
        self.extractor = load_extractor(extractor).to(latents.device)
        with self.cast:  # as the generated ones below
            parts = [self.extractor(part) for part in val.images.split(32)]
        self.features = torch.cat(parts).cpu()

    @torch.no_grad()
    def measure_kid(self, generator: SkinGenerator) -> float | None:
        """KID x1000 to `val`, of the generator as it is used: at full size, the classes in full.
        None without an extractor."""
        if self.extractor is None:
            return None
        features = []
        places = torch.arange(len(self.latents), device=self.latents.device).split(32)
        for latents, rows, place in zip(self.latents.split(32), self.rows.split(32), places):
            skin_tone = self._skin_tone(generator, self.val, rows)
            with self.cast:
                images, _ = generator.generate(latents, self.val.labels[rows], skin_tone=skin_tone)
                if self.artifacts is not None:
                    images = lay_over(images, self.artifacts.take(place, images.shape[-1]))
                features.append(self.extractor((images * 255).round().to(torch.uint8)))
        return 1000 * kid(self.features, torch.cat(features).cpu())[0]

    @torch.no_grad()
    def measure_photographs(self, train: ImagePool) -> tuple[float, float] | None:
        """What a KID means: KID x1000 to `val` of as many photographs from `train`, as they are and
        reduced by `BLUR` and enlarged again. None without an extractor."""
        if self.extractor is None:
            return None
        device, count = train.images.device, min(len(train), len(self.latents))
        rows = torch.linspace(0, len(train) - 1, count, device=device).long()
        features: list[list[Tensor]] = [[], []]
        for images in (train.images[part] for part in rows.split(32)):
            small = F.avg_pool2d(images.float(), BLUR)
            blurred = F.interpolate(small, size=images.shape[-1], mode="bilinear")
            for shown, found in zip((images, blurred.round().to(torch.uint8)), features):
                with self.cast:
                    found.append(self.extractor(shown).cpu())
        sharp, blobs = (1000 * kid(self.features, torch.cat(part))[0] for part in features)
        return sharp, blobs

    @torch.no_grad()
    def measure_gap(
        self,
        discriminators: nn.ModuleList,
        generator: SkinGenerator,
        train: ImagePool,
        *,
        condition: float,
        size: int,
        batch: int,
    ) -> dict[str, float | None]:
        """Mean logits of photographs trained on, of `val` and of generated images, at most 256 of
        each, none augmented.

        Args:
            discriminators: in training mode, in which they are left.
            generator: in eval mode.
            train: photographs that are trained on.
            condition: weight of class and skin tone, in [0, 1].
            size: side of the images in pixels.
            batch: images at once.

        Returns:
            d_train, d_val, d_fake; gap, d_train - d_val; and gap_share, (d_train - d_val) /
            (d_train - d_fake), the measure of overfitting of Karras et al. (NeurIPS 2020, equation
            1): 0 is none, 1 all memorised; None while d_train <= d_fake.
        """
        count = min(len(self.val), len(train), len(self.latents), 256)
        discriminators.eval()

        def mean_logit(pool: ImagePool, is_fake: bool) -> float:
            rows = torch.linspace(0, len(pool) - 1, count, device=self.rows.device).long()
            logits = []
            places = torch.arange(count, device=self.rows.device)
            for part, place in zip(rows.split(batch), places.split(batch)):
                labels, skin_tone = pool.labels[part], self._skin_tone(generator, pool, part)
                given = {"skin_tone": skin_tone, "condition": condition}
                with self.cast:
                    if is_fake:
                        x = generator(self.latents[place], labels, size=size, **given)
                        if self.artifacts is not None:
                            x = cover(x, self.artifacts.take(place, size))
                    else:
                        x = F.interpolate(pool.as_input(part), size=size, mode="area")
                    for discriminator in discriminators:
                        logits.append(discriminator(x, labels, **given).real.float().mean(1))
            return torch.cat(logits).mean().item()

        d_train = mean_logit(train, is_fake=False)
        d_val = mean_logit(self.val, is_fake=False)
        d_fake = mean_logit(self.val, is_fake=True)
        discriminators.train()
        return {
            "d_train": d_train,
            "d_val": d_val,
            "d_fake": d_fake,
            "gap": d_train - d_val,
            "gap_share": (d_train - d_val) / (d_train - d_fake) if d_train > d_fake else None,
        }

    @staticmethod
    def _skin_tone(generator: SkinGenerator, pool: ImagePool, rows: Tensor) -> Tensor | None:
        return None if generator.tones is None else pool.skin_tones[rows]


class SampleSheet:
    """A sheet of 8 x 8 samples: classes from top to bottom, skin tones from left to right, and the
    same latents every time.

    Args:
        generator: its classes and skin tones.
        rng: samples the latents.
        device: of the generator.
    """

    def __init__(
        self, generator: SkinGenerator, rng: torch.Generator, device: torch.device
    ) -> None:
        self.cast = autocast(device)
        self.latents = torch.randn(64, generator.latent_dim, generator=rng).to(device)
        self.labels = (torch.arange(64) * len(generator.classes) // 64).to(device)
        self.skin_tone: Tensor | None = None
        if generator.tones is not None:
            lowest, highest = generator.tones[0], generator.tones[-1]
            self.skin_tone = torch.linspace(lowest, highest, 8).repeat(8).to(device)

    @torch.no_grad()
    def write(self, generator: SkinGenerator, path: Path, *, condition: float, size: int) -> float:
        """Write the sheet, with the masks' outlines.

        Args:
            generator: in eval mode.
            path: a PNG file.
            condition: weight of class and skin tone, in [0, 1].
            size: side of the samples in pixels.

        Returns:
            the spread: the standard deviation of a pixel over the samples, mean over pixels. It
            falls when modes collapse.
        """
        parts = []
        for rows in torch.arange(64, device=self.latents.device).split(16):
            skin_tone = None if self.skin_tone is None else self.skin_tone[rows]
            with self.cast:
                output = generator(
                    self.latents[rows],
                    self.labels[rows],
                    skin_tone=skin_tone,
                    size=size,
                    condition=condition,
                )
            parts.append(output.float().cpu())
        samples = torch.cat(parts)
        images = (samples[:, :3] + 1) / 2
        write_image(to_pil(grid(outline(images, samples[:, 3:] > 0), 8)), path)
        return images.std(0).mean().item()


def verdict(
    best_kid: float | None, best_shown: int, shown: int, photographs: tuple[float, float] | None
) -> str:
    """In one sentence what a trained generator is worth.

    Args:
        best_kid: KID x1000 of the best weights, None where none was measured.
        best_shown: after how many images they were measured.
        shown: images in all.
        photographs: of `Validation.measure_photographs`.
    """
    if best_kid is None or photographs is None:
        return f"model/ has the last weights, of {shown:,} images; nothing says how good they are."
    sharp, blobs = photographs
    measured = (
        f"KID x1000 to val is {best_kid:.2f}, that of photographs {sharp:.2f}, of photographs"
        f" reduced {BLUR} times and enlarged again {blobs:.2f}"
    )
    if best_kid < blobs:
        return f"The best model is that of {best_shown:,} images: its {measured}."
    advice = (
        f"train on, lesions were first bundled after {FIRST_BUNDLED:,} images"
        if shown < FIRST_BUNDLED
        else "look at samples/ and see the advice at the head of the recipe"
    )
    return f"Not worth using: after {shown:,} images these are blobs ({measured}); {advice}."
