"""Task B: what is made of healthy skin, what each arm trains on, and what is found and missed."""

import numpy as np
import pytest
import torch

from benchmarks.heads import edit_arms as names
from benchmarks.heads import edits
from benchmarks.heads.edit_arms import ARMS, draw, made_of, mixed
from benchmarks.heads.edit_changes import RANDAUGMENT, after, pasted_on, tinted
from benchmarks.heads.edit_summary import CLOSE_UPS, ELSEWHERE, Cell, Examined, summarise
from benchmarks.heads.images import Images, copies, features, make_images
from benchmarks.heads.plan import BEST_CLASSICAL
from benchmarks.heads.tone_changes import TONE_JITTER
from benchmarks.tables.edits import edits_section
from synthderm.evaluation.arms import Material
from synthderm.evaluation.features import Pool, unit_length
from tests.drawing import draw_skin


def draw_images(count: int, seed: int) -> Images:
    """Skin with a black square; of the last, the square is nearly all."""
    pixels = torch.stack([draw_skin(224, 224, seed=seed + k) for k in range(count)])
    lesions = torch.zeros(count, 1, 224, 224, dtype=torch.bool)
    lesions[..., 80:140, 80:140] = True
    lesions[-1] = True
    pixels = torch.where(lesions, torch.zeros(()), pixels)
    return make_images(
        (pixels * 255).round().byte(), lesions, [1] * count, list(map(str, range(count)))
    )


def test_lesions_are_pasted_on_healthy_skin():
    lesions = draw_images(3, seed=0)
    calm = make_images((torch.stack([draw_skin(224, 224, seed=9)]) * 255).byte(), None, [0], ["x"])
    pasted = pasted_on(calm).apply(
        lesions.pixels, lesions.healthy, torch.Generator().manual_seed(0)
    )
    is_black = (pasted == 0).all(1).flatten(1).float().mean(1)
    square = (60 / 224) ** 2
    assert (is_black[:2] > 0.1 * square).all() and (is_black[:2] <= square).all()
    assert is_black[2] > 0.3  # a lesion without borders, shifted by up to a quarter
    untouched = (pasted == calm.pixels).all(1).flatten(1).float().mean(1)
    assert (untouched[:2] > 0.9).all()


@pytest.mark.parametrize("change", (tinted(), RANDAUGMENT, after(TONE_JITTER, tinted())))
def test_changes_depend_on_their_random_state_alone(change):
    images = make_images((torch.stack([draw_skin(224, 224)]) * 255).byte(), None, [0], ["x"])

    def apply(seed):
        torch.manual_seed(seed + 1)
        rng = torch.Generator().manual_seed(seed)
        return change.apply(images.pixels, images.healthy, rng)

    assert torch.equal(apply(0), apply(0)) and not torch.equal(apply(0), apply(1))
    assert apply(0).shape == images.pixels.shape and apply(0).dtype == torch.uint8


class Means:
    """A network whose features are the means of the channels, and that counts what it computes."""

    def __init__(self) -> None:
        self.keys: list[tuple[str, ...]] = []

    def kept(self, kind, key, batches):
        self.keys.append(tuple(key))
        return np.concatenate([batch.float().mean((2, 3)).numpy() for batch in batches()])


def test_features_are_known_by_all_that_they_depend_on():
    network, images = Means(), draw_images(2, seed=0)
    other = images._replace(pixels=255 - images.pixels)
    assert features(network, images).shape == (2, 3)
    assert copies(network, images, tinted(), 2).shape == (2, 2, 3)
    features(network, other), features(network, images, tinted(coverage=(0.1, 0.2)))
    assert len(set(network.keys)) == len(network.keys) == 5
    assert not np.allclose(*(features(network, images, TONE_JITTER, k) for k in (0, 1)))


def test_inflamed_photographs_are_of_different_patients():
    labels, groups = np.arange(40) % 2, np.arange(40) // 4
    rows = draw("5", labels, groups, 0)
    inflamed = rows[labels[rows] == 1]
    assert len(inflamed) == len(np.unique(groups[inflamed])) == 5
    assert (labels[rows] == 0).sum() == 20 and len(draw("all", labels, groups, 0)) == 40
    assert (labels[draw("0", labels, groups, 0)] == 0).all()
    assert not np.array_equal(rows, draw("5", labels, groups, 1))


SHIFT = np.array([3.0, 0, 0, 0, 0])


def pool_of(count: int, seed: int) -> Pool:
    rng = np.random.default_rng(seed)
    labels = np.arange(count) % 2
    return Pool(unit_length(rng.normal(size=(count, 5)) + SHIFT * labels[:, None]), labels)


@pytest.fixture(scope="module")
def material() -> Material:
    """Edits look inflamed, tints do not."""
    rng = np.random.default_rng(3)
    real = pool_of(60, 1)
    rows = rng.normal(size=(60, 4, 5))
    made = {names.EDIT: unit_length(rows + SHIFT), names.TINT: unit_length(rows + SHIFT[::-1])}
    made[names.PASTE] = made[names.EDIT]
    made[names.RANDAUGMENT] = np.repeat(real.features[:, None], 2, 1)
    made[names.EDIT][0, :] = real.features[0]  # nothing was edited here
    return Material(2, real, real, made)


def test_arms_hold_the_share_of_made_images_that_they_say(material):
    rows = np.arange(40)
    training = mixed(names.EDIT, 0.5)(material, rows, np.random.default_rng(0))
    # 20 healthy; 10 edits at most, of which some are none; 20 inflamed, as many as are wanted.
    assert (training.labels == 0).sum() == 20 and 28 <= (training.labels == 1).sum() <= 30
    shuffled = mixed(names.EDIT, 0.5, shuffled=True)(material, rows, np.random.default_rng(0))
    assert np.array_equal(shuffled.features, training.features)
    assert not np.array_equal(shuffled.labels, training.labels)
    few = np.flatnonzero(material.real.labels == 0)[:20].tolist() + [1]
    many = mixed(names.EDIT, 0.25)(material, np.array(few), np.random.default_rng(0))
    assert (many.labels == 1).sum() >= 15  # the one inflamed photograph counts 15 times


def test_without_inflamed_photographs_all_is_made(material):
    healthy = np.flatnonzero(material.real.labels == 0)
    rows = {name: material.copies[name][healthy] for name in (names.EDIT, names.TINT)}
    before = material.real.features[healthy]
    made = made_of(before, rows, healthy, names.EDIT, 0)
    assert np.bincount(made.material.real.labels).tolist() == [30, 29]
    assert np.array_equal(made.groups[:30], healthy)
    shuffled = made_of(before, rows, healthy, names.SHUFFLED, 0).material.real
    assert np.array_equal(shuffled.features, made.material.real.features)
    assert not np.array_equal(shuffled.labels, made.material.real.labels)


def test_knowledge_is_found_and_the_section_says_what_was_met(material, monkeypatch):
    monkeypatch.setattr(names, "SHARES", (0.5,))
    few = {name: dict(list(arms.items())[:1]) for name, arms in ARMS.items()}
    monkeypatch.setattr(edits, "ARMS", few)
    pools = {"patches": pool_of(80, 5), "boxes": pool_of(40, 6)}
    tests = {name: Examined(*pool, np.arange(len(pool.labels))) for name, pool in pools.items()}
    rows = np.concatenate([pool.features for pool in pools.values()])
    source = edits.Source(material, np.arange(60))
    wanted = edits.cells(("0", "5"))
    assert {cell.amount for cell in wanted if cell.source == ELSEWHERE} == {"0"}
    outcomes = {cell: edits.run_cell(cell, source, rows, range(1)) for cell in wanted}
    found = summarise(outcomes, tests, resamples=100)
    table = {(one["source"], one["amount"], one["arm"]): one for one in found["tables"]["patches"]}
    assert table[CLOSE_UPS, "0", names.EDIT]["mean"] > 0.9
    assert table[CLOSE_UPS, "0", names.TINT]["mean"] < 0.8
    assert 0.15 < table[CLOSE_UPS, "0", names.SHUFFLED]["mean"] < 0.85
    assert sum(table[CLOSE_UPS, "5", names.EDIT]["shares"].values()) == 1
    against = {one["against"] for one in found["comparisons"]["boxes"] if one["amount"] == "5"}
    assert BEST_CLASSICAL in against and names.TINT in against
    result = {
        **found,
        "classifier": "net",
        "side": 224,
        "draws": 1,
        "healthy": {CLOSE_UPS: 30, ELSEWHERE: 30},
        "inflamed": 30,
        "commit": "0" * 40,
        "date": "2026-01-01",
        "versions": {"torch": "2"},
        "hardware": "cpu",
    }
    text = "\n".join(edits_section(result))
    assert "### B, tested on patches of `val` and `test`" in text
    assert ", met |" in text and "| EczemaEdit | hands and dermoscopy |" in text


def test_the_share_with_the_least_loss_is_chosen(material):
    """Where edits look inflamed and photographs are five, a draw does not take the most tint."""
    cell = Cell(CLOSE_UPS, "5", names.TINT)
    source = edits.Source(material, np.arange(60))
    (chosen,) = edits.run_cell(cell, source, pool_of(10, 5).features, range(1))
    assert chosen.share == min(names.SHARES)
