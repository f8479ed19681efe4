"""`synthderm study build`: from folders of images to a study that is ready to serve.

All images are cut, resized and compressed in the same way, so that neither size nor file format
tells which is which. The smallest image decides the size, so that no image is enlarged.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import TypeVar

import numpy as np

from synthderm.study.image_writer import ImageWriter
from synthderm.study.pictures import Folder, Pictures, read_folder, read_generated, read_pairs
from synthderm.study.plan import TRIALS, Plan
from synthderm.study.schedule import ImageNames, sample_trials
from synthderm.study.study_folder import Example, Settings, new_folder, require_new, write_study

LARGEST = 512  # pixels
SMALLEST = 16

Item = TypeVar("Item")


def build(
    out: Folder,
    real: Folder | None = None,
    generated: Folder | None = None,
    *,
    add: Sequence[Folder] | None = None,
    remove: Sequence[Folder] | None = None,
    participants: int = Plan.participants,
    yesno: int | None = None,
    two: int | None = None,
    edit: int | None = None,
    repeats: int = Plan.repeats,
    checks: int = Plan.checks,
    images: int = 60,
    size: int | None = None,
    quality: int = 92,
    seconds: float | None = None,
    margin: float = 0.1,
    max_failed_checks: int = 1,
    examples: int = 1,
    title: str = "Real or generated?",
    seed: int = 0,
) -> Settings:
    """Write a study.

    Args:
        out: folder of the study, new or empty.
        real: folder of photographs.
        generated: folder of generated images, or a generator: bundled name, model folder, Hub id.
        add, remove: edits for the block "edit"; see `pictures.read_pairs`.
        participants, repeats, checks: see `Plan`.
        yesno, two, edit: see `Plan`; where None, 20 trials if there are images for them, else 0.
        images: images on each side, and pairs of each edit, that all participants share.
        size: width and height of each image, pixels; the smallest image decides where None.
        quality: JPEG quality of each image, 1 to 95.
        seconds, margin, max_failed_checks, title: see `Settings`.
        examples: labelled examples of each answer in the instructions. They come up in no trial.
        seed: of all random choices, except for image names: with a known seed they would tell
            which image is generated.

    Raises:
        FileExistsError: `out` is not empty.
        ValueError: settings or images that do not make a study.
    """
    out = Path(out)
    require_new(out)
    yesno, two, edit = _default_trials(yesno, two, edit, (real, generated), (add, remove))
    plan = Plan(participants, yesno, two, edit, repeats, checks)
    pictures = _read_pictures(plan, (real, generated), (add, remove), images, examples, seed)
    writer = ImageWriter(_common_size(pictures, size), quality)
    names = writer.add_all(pictures)
    shown = _reserve_examples(plan, names, examples)
    trials = sample_trials(plan, names, seed)
    settings = Settings(
        title, seed, plan, writer.size, quality, seconds, margin, max_failed_checks, shown
    )
    with new_folder(out) as part:
        writer.write(part / "images")
        write_study(part, settings, trials, writer.rows)
    return settings


def _default_trials(
    yesno: int | None,
    two: int | None,
    edit: int | None,
    singles: tuple[Folder | None, Folder | None],
    edits: tuple[Sequence[Folder] | None, Sequence[Folder] | None],
) -> tuple[int, int, int]:
    """The numbers of trials, with `TRIALS` where None and there are images; they must agree."""
    if any(singles) and not all(singles):
        raise ValueError("--real and --generated go together: the study compares the two.")
    default_single = TRIALS if any(singles) else 0
    yesno = default_single if yesno is None else yesno
    two = default_single if two is None else two
    if (yesno or two) and not any(singles):
        raise ValueError(f"yesno={yesno} and two={two} trials need --real and --generated.")
    if edit is None:
        edit = TRIALS if any(edits) else 0
    if bool(edit) != any(edits):
        raise ValueError(
            f"edit={edit} trials, add={edits[0]}, remove={edits[1]}: edit trials and images for"
            " them go together."
        )
    return yesno, two, edit


def _read_pictures(
    plan: Plan,
    singles: tuple[Folder | None, Folder | None],
    edits: tuple[Sequence[Folder] | None, Sequence[Folder] | None],
    images: int,
    examples: int,
    seed: int,
) -> Pictures:
    """The pictures for trials and examples."""
    rng = np.random.default_rng(seed)
    (real, generated), (add, remove) = singles, edits
    count = max(images, plan.images_needed) + examples * len(set(plan.blocks) - {"edit"})
    pairs = max(images, plan.edit) + examples
    return Pictures(
        read_folder(real, count, rng) if real and plan.images_needed else [],
        read_generated(generated, count, rng, seed) if generated and plan.images_needed else [],
        read_pairs(add, "add", pairs, rng, seed) if add else [],
        read_pairs(remove, "remove", pairs, rng, seed) if remove else [],
    )


def _common_size(pictures: Pictures, size: int | None) -> int:
    """The given size, or the smallest edge of all images."""
    smallest = min(pictures.all(), key=lambda picture: min(picture.image.size))
    width, height = smallest.image.size
    edge = min(width, height)
    if size is None:
        size = min(edge, LARGEST)
    if size < SMALLEST:
        raise ValueError(
            f"size={size}: images below {SMALLEST} pixels show too little; the smallest image is"
            f" {smallest.origin} ({width}x{height})."
        )
    if size > edge:
        raise ValueError(
            f"size={size} would enlarge {smallest.origin} ({width}x{height}), and blur would"
            f" give it away: take at most {edge}."
        )
    return size


def _reserve_examples(plan: Plan, names: ImageNames, examples: int) -> dict[str, list[Example]]:
    """Take the examples of each block out of `names`."""
    shown: dict[str, list[Example]] = {block: [] for block in plan.blocks}
    has_add, has_remove = bool(names.add), bool(names.remove)
    for number in range(examples):
        if "yesno" in plan.blocks:
            shown["yesno"].append(([_take(names.real, "real")], "real"))
            shown["yesno"].append(([_take(names.generated, "generated")], "generated"))
        if "two" in plan.blocks:
            real, generated = _take(names.real, "real"), _take(names.generated, "generated")
            even = number % 2 == 0
            shown["two"].append(([real, generated], "b") if even else ([generated, real], "a"))
        if has_add:
            before, after = _take(names.add, "add")
            shown["edit"].append(([before, after], "b"))
        if has_remove:
            before, after = _take(names.remove, "remove")
            shown["edit"].append(([after, before], "a"))
    return shown


def _take(names: list[Item], side: str) -> Item:
    if not names:
        raise ValueError(
            f"too few images ({side}) for the examples: add images, or give --examples a smaller"
            " number."
        )
    return names.pop()
