"""Changes that make healthy skin look inflamed: `EczemaEdit`, a red tint, lesions pasted in; and
RandAugment."""

import torch
import torch.nn.functional as F
from torch import Tensor

from benchmarks.editing.methods import Method, editor_method, random_masks, tint
from benchmarks.heads.images import SIDE, Change, Images
from synthderm.determinism import seeded
from synthderm.evaluation.features import CHANGES
from synthderm.hub.resolve import weights_hash
from synthderm.models.cache import load_editor
from synthderm.models.editor import EczemaEditor

Range = tuple[float, float]
# As in the transfer benchmark: much of the skin, of any severity but the mildest.
COVERAGE: Range = (0.3, 0.8)
SEVERITY: Range = (0.3, 1.0)
FEATHER = 9  # pixels over which a pasted lesion fades out


def edited(
    model: str | EczemaEditor, coverage: Range = COVERAGE, severity: Range = SEVERITY
) -> Change:
    """Eczema under random masks."""
    editor = load_editor(model)
    name = weights_hash(model)[:12] if isinstance(model, str) else "editor"
    return _on_skin(f"eczema {name}", editor_method(editor), coverage, severity)


def tinted(coverage: Range = COVERAGE, severity: Range = SEVERITY) -> Change:
    """A red tint under the same masks."""
    return _on_skin("tint", Method(tint), coverage, severity)


def _on_skin(name: str, method: Method, coverage: Range, severity: Range) -> Change:
    def apply(images: Tensor, healthy: Tensor, rng: torch.Generator) -> Tensor:
        masks = random_masks(images, rng, coverage)
        degree = torch.empty(len(images)).uniform_(*severity, generator=rng)
        return method.add_to_all(images, masks, degree, _seed(rng))

    return Change(f"{name}, {coverage} at {severity}", apply)


def after(first: Change, second: Change) -> Change:
    """One change after another."""

    def apply(images: Tensor, healthy: Tensor, rng: torch.Generator) -> Tensor:
        return second.apply(first.apply(images, healthy, rng), healthy, rng)

    return Change(f"{first.name}; {second.name}", apply)


def _randaugment(images: Tensor, healthy: Tensor, rng: torch.Generator) -> Tensor:
    with seeded(_seed(rng)):
        return torch.stack([CHANGES["randaugment"](SIDE)(image) for image in images])


RANDAUGMENT = Change("randaugment", _randaugment)


def pasted_on(healthy: Images) -> Change:
    """Lesions moved to healthy skin, by their masks; what is changed are images of lesions. A
    lesion whose borders are not in the image is pasted whole."""

    def apply(images: Tensor, calm: Tensor, rng: torch.Generator) -> Tensor:
        rows = torch.randint(len(healthy.pixels), (len(images),), generator=rng)
        inside = torch.where(calm.flatten(1).all(1).view(-1, 1, 1, 1), calm, ~calm)
        with seeded(_seed(rng)):
            moved = torch.stack([flip_and_shift(*both) for both in zip(images, inside)])
        soft = (2 * F.avg_pool2d(moved[:, 3:], FEATHER, 1, FEATHER // 2) - 1).clamp_min(0)
        mixed = torch.lerp(healthy.pixels[rows].float(), moved[:, :3], soft)
        return mixed.round().to(torch.uint8)

    return Change(f"pasted on {len(healthy.pixels)}", apply)


def flip_and_shift(image: Tensor, mask: Tensor) -> Tensor:
    """An image with its mask as fourth channel, (4, S, S) float, flipped at random and shifted by
    up to a quarter; black where nothing is left."""
    both = torch.cat([image.float(), mask.float()])
    both = both.flip([axis for axis in (1, 2) if torch.rand(()) < 0.5])
    side = both.shape[-1]
    down, right = (torch.rand(2) - 0.5).mul(side / 2).long().tolist()
    both = F.pad(both, (max(right, 0), max(-right, 0), max(down, 0), max(-down, 0)))
    top, left = max(-down, 0), max(-right, 0)
    return both[:, top : top + side, left : left + side]


def _seed(rng: torch.Generator) -> int:
    return int(torch.randint(2**31, (), generator=rng))
