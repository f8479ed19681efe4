"""What is measured of generated images: the distance to photographs that nobody trained on,
variety, and whether masks fit."""

from functools import cached_property

import torch
from torch import Tensor, nn

from benchmarks.fidelity.networks import mean_dice, train_unet
from benchmarks.references.costs import measure_costs
from benchmarks.references.system import Generator, Setup, Wanted
from synthderm import metrics
from synthderm.imaging.contact_sheet import grid, outline
from synthderm.training.image_pool import ImagePool

BATCH = 32
SEGMENTER_STEPS = 200
COLUMNS, ROWS = 10, 2  # of a contact sheet
Figures = dict[str, float | None]


class GeneratedMeasures:
    """Photographs of `test` and what is known of them, made once for all systems.

    Args:
        setup: with the photographs of `train`.
        test: photographs that nobody trained on.
        extractor: of features.
        count: images that are generated for each measure.
    """

    def __init__(
        self, setup: Setup, test: ImagePool, extractor: metrics.Extractor, count: int
    ) -> None:
        self.setup, self.test, self.extractor, self.count = setup, test, extractor, count
        self.train = setup.photographs
        rows = torch.randperm(len(self.train), generator=torch.Generator().manual_seed(1))
        self.rows = rows[torch.arange(count) % len(rows)].to(setup.device)

    @cached_property
    def real(self) -> Tensor:
        return self.features(self.test.images)

    @cached_property
    def segmenter(self) -> nn.Module:
        """A U-Net that learnt masks from the photographs of `train`."""
        return train_unet(self.train, SEGMENTER_STEPS, self.setup.size)

    def features(self, images: Tensor) -> Tensor:
        with self.setup.cast:
            parts = [self.extractor(part).float().cpu() for part in images.split(BATCH)]
        return torch.cat(parts)

    def compare(self, images: Tensor) -> Figures:
        """KID x1000, recall, coverage and precision of images (N, 3, S, S) uint8 to `test`."""
        fake = self.features(images)
        figures = metrics.prdc(self.real, fake)
        chosen = {key: figures[key] for key in ("precision", "recall", "coverage")}
        return {"kid_x1000": 1000 * metrics.kid(self.real, fake)[0], **chosen}

    def photographs(self) -> Figures:
        """The same of photographs of `train`, and the segmenter on `test`: what can be expected."""
        figures = self.compare(self.train.images[self.rows])
        return {**figures, "dice": mean_dice(self.segmenter, self.test, self.setup.size)}

    @torch.no_grad()
    def make(self, generator: Generator) -> Tensor:
        """(count, 3 or 4, S, S) in [-1, 1]. Classes and masks are those of photographs of `train`,
        as often as there."""
        rng = torch.Generator().manual_seed(2)
        latents = generator.sample_latents(self.count, rng).to(self.setup.device)
        wanted = zip(*(part.split(BATCH) for part in (latents, self.rows)))
        return torch.cat([generator(self.ask(*part)).float() for part in wanted])

    def ask(self, latents: Tensor, rows: Tensor) -> Wanted:
        return Wanted(latents, self.train.labels[rows], self.train.as_input(rows)[:, 3:])

    def measure(self, generator: Generator) -> tuple[Figures, Tensor]:
        """All figures of a generator, and its contact sheet (3, H, W) uint8."""
        generator.finish()
        made = self.make(generator)
        images = ((made[:, :3] + 1) * 127.5).round().clamp(0, 255).to(torch.uint8)
        figures = self.compare(images)
        shown = images[: COLUMNS * ROWS].cpu()
        if made.shape[1] == 4:
            masks = made[:, 3:] > 0
            pool = ImagePool(
                images,
                masks.to(torch.uint8) * 255,
                self.train.labels[self.rows],
                torch.zeros(len(images), device=images.device),
                self.train.classes,
            )
            figures["dice"] = mean_dice(self.segmenter, pool, self.setup.size)
            shown = outline(shown.float() / 255, masks[: len(shown)].cpu())
            shown = (shown * 255).round().to(torch.uint8)
        one = self.ask(generator.sample_latents(1).to(self.setup.device), self.rows[:1])
        costs = measure_costs(generator, lambda: generator(one), self.setup.device)
        return {**costs, **figures}, grid(shown, COLUMNS)
