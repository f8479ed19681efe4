"""Whether the discriminators of a training remember the photographs that they were trained on.

A discriminator that has learnt its photographs by heart finds them more real than others of the
same kind (Hayes et al., "LOGAN", PoPETs 2019). Who has the discriminators can then tell whether a
photograph was in the training set: keep them to yourself, or publish the generator alone.
"""

from argparse import Namespace
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from synthderm.audit.copy_index import fit_square
from synthderm.audit.images import AuditImages
from synthderm.audit.page import paragraph, share_text, table
from synthderm.determinism import usual_torch
from synthderm.files import sha256
from synthderm.hub.download import FILES
from synthderm.intervals import Auroc, Share, auroc, exact_share
from synthderm.training.checkpoint import load_state, read_checkpoint
from synthderm.training.discriminators import make_discriminators
from synthderm.training.image_pool import ImagePool, Region, load_image_pool, measure_skin_tones
from synthderm.training.schedule import schedule

RECIPE = "train_gan.py"
MOST = 1000  # photographs of each side, and generated images
BATCH = 32
ALARM = 0.05  # share of the holdout that is taken for training photographs
NAMES = ("of pixels", "on frozen features")

Place = tuple[Path, str | None]  # a folder and its split


class Discriminated(NamedTuple):
    """How one discriminator tells photographs apart.

    Args:
        name: of the discriminator.
        memory: AUROC of its logit, training photographs against the holdout: 0.5 is no memory.
        found: training photographs that score above all but `ALARM` of the holdout; of no memory,
            about that share.
        works: AUROC, training photographs against generated images: it says that this is the
            discriminator at work. None where the generated images have no masks.
    """

    name: str
    memory: Auroc
    found: Share
    works: Auroc | None


class MembershipFindings(NamedTuple):
    """What was found.

    Args:
        run: the folder of the run.
        shown: images that it was trained on.
        is_same: whether the audited weights are those of the run, its best or its last.
        train, holdout: numbers of photographs.
        discriminators: of the run.
    """

    run: str
    shown: int
    is_same: bool
    train: int
    holdout: int
    discriminators: list[Discriminated]

    def as_json(self) -> dict[str, Any]:
        """For `report.json`."""
        rows = [
            {
                "name": one.name,
                "memory": one.memory._asdict(),
                "found": one.found._asdict(),
                "works": None if one.works is None else one.works._asdict(),
            }
            for one in self.discriminators
        ]
        return {**self._asdict(), "discriminators": rows}


class RunDiscriminators:
    """The discriminators of a run of train_gan.py, from its checkpoint.

    Args:
        run: the folder.
        features: the frozen network of the second one, NAME=FILE.safetensors; as the run had it
            where None.

    Raises:
        FileNotFoundError: no checkpoint there, or no such file of the frozen network.
        ValueError: a run of another recipe, or a checkpoint that does not fit.
    """

    def __init__(self, run: Path, features: str | None = None) -> None:
        values = read_checkpoint(run)
        if values is None:
            raise FileNotFoundError(
                f"{run} has no checkpoint.pt, which holds the discriminators: name the folder that"
                " the recipe wrote, on the machine that trained."
            )
        record = values["record"]
        if record["recipe"] != RECIPE:
            raise ValueError(
                f"{run} is a run of {record['recipe']}: membership is told by the discriminators of"
                f" {RECIPE} alone."
            )
        self.run, self.shown = run, int(values["state"]["shown"])
        self.args = Namespace(**record["parts"][-1]["arguments"])
        self.classes: list[str] = record["facts"]["classes"]
        self.condition, self.side = schedule(self.args, self.shown)
        self.networks = make_discriminators(
            self.args.size,
            self.args.disc_channels,
            len(self.classes),
            features=_network(self.args.features, features, run),
            skin_tone=self.args.skin_tone,
        )
        try:
            load_state(self.networks, values["discriminators"])
        except (KeyError, RuntimeError) as error:
            raise ValueError(f"{run}: the discriminators do not fit: {error!s:.200}") from None
        self.networks.eval().requires_grad_(False)

    def load(self, places: Sequence[Place]) -> ImagePool:
        """Up to `MOST` photographs as the training saw them, of the classes that it knew."""
        region: Region = self.args.region
        pools = [
            load_image_pool(str(folder), split, self.args.size, region) for folder, split in places
        ]
        kept = [_match(pool, self.classes) for pool in pools]
        images, masks, labels, tones = (
            torch.cat([getattr(pool, name) for pool in kept])
            for name in ("images", "masks", "labels", "skin_tones")
        )
        pool = ImagePool(images, masks, labels, tones, self.classes)
        chosen = torch.randperm(len(pool), generator=torch.Generator().manual_seed(0))
        return pool.rows(chosen[:MOST])

    def pool_of(self, samples: AuditImages) -> ImagePool | None:
        """Generated images as the training saw them."""
        if samples.masks is None:
            return None
        images = fit_square(samples.images[:MOST], self.args.size)
        masks = fit_square(samples.masks[:MOST].byte() * 255, self.args.size)
        labels = torch.tensor(samples.labels[:MOST])
        tones = measure_skin_tones(images, masks, self.args.region)
        pool = _match(ImagePool(images, masks, labels, tones, samples.classes), self.classes)
        return pool if len(pool) else None

    @usual_torch()
    @torch.no_grad()
    def score(self, pools: Sequence[ImagePool]) -> list[list[Tensor]]:
        """For each discriminator and pool the logits of its images, (N,).

        The pools are shuffled together: a discriminator of pixels sees the whole batch.
        """
        x, labels, tones = (
            torch.cat(parts)
            for parts in zip(*((_input(p, self.side), p.labels, p.skin_tones) for p in pools))
        )
        order = torch.randperm(len(x), generator=torch.Generator().manual_seed(0))
        scores = torch.zeros(len(self.networks), len(x))
        for rows in order.split(BATCH):
            tone = tones[rows] if self.args.skin_tone else None
            for k, network in enumerate(self.networks):
                found = network(x[rows], labels[rows], skin_tone=tone, condition=self.condition)
                scores[k, rows] = found.real.float().mean(1)
        sizes = [len(pool) for pool in pools]
        return [list(row.split(sizes)) for row in scores]


def measure_membership(
    discriminators: RunDiscriminators,
    real: Sequence[Place],
    holdout: Sequence[Place],
    samples: AuditImages,
) -> MembershipFindings:
    """Tell photographs that a run was trained on from others by its discriminators.

    Args:
        discriminators: of the run.
        real: the photographs that it was trained on.
        holdout: others of the same kind.
        samples: the generated images that are audited.
    """
    pools = [discriminators.load(real), discriminators.load(holdout)]
    generated = discriminators.pool_of(samples)
    if generated is not None:
        pools.append(generated)
    found = []
    for name, scores in zip(NAMES, discriminators.score(pools)):
        bound = scores[1].quantile(1 - ALARM)
        above = exact_share(int((scores[0] > bound).sum()), len(scores[0]))
        works = auroc(scores[0], scores[2]) if generated is not None else None
        found.append(Discriminated(name, auroc(scores[0], scores[1]), above, works))
    return MembershipFindings(
        str(discriminators.run),
        discriminators.shown,
        _has_weights(discriminators.run, samples.facts.get("weights")),
        len(pools[0]),
        len(pools[1]),
        found,
    )


def _input(pool: ImagePool, side: int) -> Tensor:
    x = pool.as_input(torch.arange(len(pool)))
    return x if x.shape[-1] == side else F.interpolate(x, size=side, mode="area")


def _match(pool: ImagePool, classes: list[str]) -> ImagePool:
    """The images of these classes, with labels that are places in them."""
    place = torch.tensor([classes.index(name) if name in classes else -1 for name in pool.classes])
    labels = place[pool.labels]
    kept = labels >= 0
    return replace(pool.rows(kept), labels=labels[kept], classes=classes)


def _network(spec: str | None, given: str | None, run: Path) -> str | None:
    """The frozen network of a run: as it was named, or where it is now."""
    if spec is None:
        return None
    name, _, file = (given or spec).partition("=")
    if name != spec.partition("=")[0]:
        raise ValueError(f"{run} was trained on {spec.partition('=')[0]}, and not on {name}.")
    if file and not Path(file).is_file():
        raise FileNotFoundError(
            f"{run} was trained on the frozen network {name} of {file}, which is not here: name the"
            f" file with --run-features {name}=FILE."
        )
    return given or spec


def _has_weights(run: Path, weights: str | None) -> bool:
    """Whether these weights are a model of the run."""
    files = [run / name / FILES[1] for name in ("model", "last")]
    return weights in [sha256(file) for file in files if file.is_file()]


def membership_section(findings: MembershipFindings) -> str:
    """The part of the report."""
    rows = [
        (
            one.name,
            _interval(one.memory),
            share_text(one.found._asdict()),
            "" if one.works is None else _interval(one.works),
        )
        for one in findings.discriminators
    ]
    text = (
        f"The discriminators of {findings.run}, after {findings.shown:,} images, and"
        f" {findings.train:,} photographs that they were trained on against {findings.holdout:,} of"
        " the holdout. AUROC 0.5 says that they remember none. The third column: at a score that"
        f" {ALARM:.0%} of the holdout exceed, so many training photographs do; without memory about"
        f" {ALARM:.0%}. The last says whether they do their work at all: training photographs"
        " against generated images, 0.5 where they tell nothing."
    )
    if not findings.is_same:
        text += " The audited images are of other weights than those that the run holds now."
    head = ["discriminator", "AUROC, trained on against holdout", "above the holdout", "its work"]
    return paragraph(text) + table(head, rows)


def _interval(found: Auroc) -> str:
    return f"{found.value:.3f} ({found.low:.3f} to {found.high:.3f})"
