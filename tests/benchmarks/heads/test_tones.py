"""Task T: renderings reach their tone, flips are counted, and each arm trains on what it says."""

import numpy as np
import pytest
import torch

from benchmarks.heads import tone_arms as names
from benchmarks.heads import tone_changes as changes
from benchmarks.heads.images import make_images
from benchmarks.heads.tone_arms import joined, scale, steadying, with_generated
from benchmarks.heads.tone_measures import (
    AS_TAKEN,
    FLIPS,
    LIGHT_SKIN,
    WORST,
    is_met,
    score,
    summarise,
)
from benchmarks.heads.tones import Rendered, Task, measure
from benchmarks.tables.tones import tones_section
from synthderm.evaluation.arms import Material
from synthderm.evaluation.features import Pool, unit_length
from synthderm.imaging.color import ita, to_lab
from tests.drawing import TONES, draw_skin


@pytest.fixture(scope="module")
def skin():
    """Skin of three tones, each with a dark lesion over more than half of it."""
    pixels = torch.stack([draw_skin(32, 32, tone) for tone in TONES])
    lesions = torch.zeros(3, 1, 32, 32, dtype=torch.bool)
    lesions[..., 12:] = True
    pixels = torch.where(lesions, 0.4 * pixels, pixels)
    return make_images((pixels * 255).round().byte(), lesions, [0, 1, 0], ["a", "b", "c"])


@pytest.mark.parametrize("level", changes.LEVELS.values())
def test_healthy_skin_reaches_every_tone(skin, level):
    skin = skin.take(np.array([0, 1]))  # dark skin gets as light as it goes
    rendered = changes.render_tone(skin.pixels, skin.healthy, level)
    _, reached = changes.melanin_to(skin.pixels, skin.healthy, level)
    assert (reached - level).abs().max() < 1
    tones = ita(rendered.float() / 255, skin.healthy)
    # The tone was measured at every fourth pixel, before rounding; of dark pixels that is coarse.
    assert (tones - level).abs().max() < 8


def test_a_lesion_stays_darker_than_the_skin_beside_it(skin):
    rendered = changes.render_tone(skin.pixels, skin.healthy, -42.0)
    assert (rendered[..., 20:].float().mean() < rendered[..., :12].float().mean()).all()


def test_lab_is_inverted_and_lightness_alone_is_shifted(skin):
    pixels = skin.pixels.float() / 255
    assert (changes.from_lab(to_lab(pixels)) - pixels).abs().max() < 1e-3
    shifted = changes.shift_lightness(skin.pixels, torch.full((3,), -5.0))
    gap = to_lab(shifted.float() / 255)[0] - to_lab(pixels)[0]
    assert abs(gap[0].mean() + 5) < 0.2 and gap[1:].mean((1, 2)).abs().max() < 0.3


JITTERS = (
    changes.TONE_JITTER,
    changes.ITA_JITTER,
    changes.LAB_SHIFT,
    changes.LAB_ITA_SHIFT,
)


@pytest.mark.parametrize("change", JITTERS, ids=lambda change: change.name)
def test_a_jitter_depends_on_its_random_state_alone(skin, change):
    def apply(seed):
        rng = torch.Generator().manual_seed(seed)
        return change.apply(skin.pixels, skin.healthy, rng)

    assert torch.equal(apply(0), apply(0)) and not torch.equal(apply(0), apply(1))
    assert apply(0).dtype == torch.uint8 and apply(0).shape == skin.pixels.shape


def predicted_of(decisions):
    """(L, N) decisions of two classes as probabilities."""
    return torch.nn.functional.one_hot(torch.tensor(decisions), 2).double()


def test_flips_and_recalls_are_counted():
    """Four photographs, of which the second flips on dark skin and the last is always wrong."""
    steady, flipped = [0, 0, 1, 0], [0, 1, 1, 0]
    predicted = predicted_of([steady] * 5 + [flipped] + [flipped])
    labels, groups = torch.tensor([0, 0, 1, 1]), torch.arange(4)
    found = score([predicted], labels, groups, resamples=5)
    assert found[FLIPS].draws.item() == 0.25
    assert found[WORST].draws.item() == 0.5  # both classes, on dark skin or always
    assert found[LIGHT_SKIN].draws.item() == 0.75 and found[AS_TAKEN].draws.item() == 0.5


def test_the_goal_is_half_the_flips_and_no_loss_on_light_skin():
    rng = np.random.default_rng(0)
    labels, groups = torch.arange(40) % 2, torch.arange(40)

    def arm(flips, wrong=0):
        decisions = np.tile(labels.numpy(), (7, 1))
        decisions[5, rng.permutation(40)[:flips]] ^= 1
        decisions[:2, :wrong] ^= 1
        return score([predicted_of(decisions)] * 2, labels, groups, resamples=200)

    arms = {"plain": arm(20), "steady": arm(6), "as before": arm(18), "bad": arm(6, wrong=3)}
    table = summarise(arms, "plain")
    assert {name: is_met(table[name]) for name in ("steady", "as before", "bad")} == {
        "steady": True,
        "as before": False,
        "bad": False,
    }
    share = table["steady"][FLIPS]["share"]
    assert share["share"] == pytest.approx(0.3) and share["low"] < 0.3 < share["high"]
    assert table["steady"][FLIPS]["gap"]["high"] < 0


@pytest.fixture(scope="module")
def material():
    """The class is along the first axis, the tone along the second."""
    rng = np.random.default_rng(1)
    labels = np.arange(80) % 2
    rows = rng.normal(size=(80, 6)) * 0.3
    rows[:, 0] += 2.0 * labels - 1
    rows[:, 1] += 1.0 * labels  # among the photographs, tone tells the class too

    def toned(rows, seed):
        moved = np.repeat(rows[:, None], 2, 1)
        moved[..., 1] += np.random.default_rng(seed).uniform(-6, 6, moved.shape[:2])
        return unit_length(np.pad(moved, ((0, 0), (0, 0), (0, 1)), constant_values=3.0))

    real = unit_length(np.pad(rows, ((0, 0), (0, 1)), constant_values=3.0))
    edits = toned(rows + 2.0 * (np.arange(6) == 0), 3)
    edits[0] = real[0]  # nothing was edited here
    copies = dict.fromkeys((names.LAB, names.LAB_ITA), toned(rows, 2))
    copies |= dict.fromkeys((names.MELANIN, names.MELANIN_ITA), toned(rows, 4))
    copies |= dict.fromkeys((names.EDIT, names.EDIT_MELANIN, names.EDIT_ITA), edits)
    generated = Pool(real, labels)
    copies[names.GENERATED_ITA] = toned(rows, 5)
    return Material(2, Pool(real, labels), generated, copies)


def test_arms_train_on_what_they_say(material):
    rows, rng = np.arange(40), np.random.default_rng(0)
    training = joined([names.MELANIN], [names.EDIT])(material, rows, rng)
    # 40 photographs, two copies of each, and two edits of each of 20 but the one without.
    assert np.bincount(training.labels).tolist() == [60, 60 + 38]
    alone = joined([], [names.EDIT], photographs=False)(material, rows, rng)
    assert np.bincount(alone.labels).tolist() == [20, 38]
    generated = with_generated([names.MELANIN], [names.GENERATED_ITA], dose=1)
    assert len(generated(material, rows, rng).labels) == 40 + 80 + 40 + 40


def test_steadied_features_move_less_with_tone_and_as_much_with_the_class(material):
    by = steadying(material, weight=1000.0)
    steady = scale(material, by)

    def moved_by(one):
        moved = one.copies[names.MELANIN] - one.real.features[:, None]
        means = [one.real.features[one.real.labels == label].mean(0) for label in (0, 1)]
        return np.abs(moved).mean(), np.linalg.norm(means[1] - means[0])

    (tone, classes), (tone_after, classes_after) = moved_by(material), moved_by(steady)
    assert tone_after < 0.3 * tone and tone_after / tone < 0.6 * classes_after / classes


def test_jitter_makes_decisions_steady_and_the_section_says_so(material):
    rng = np.random.default_rng(7)
    labels = np.arange(60) % 2
    rows = rng.normal(size=(60, 6)) * 0.3
    rows[:, 0] += 2.0 * labels - 1
    levels = np.repeat(rows[None], 7, 0)
    levels[:6, :, 1] += np.linspace(-5, 5, 6)[:, None]
    levels = unit_length(np.pad(levels, ((0, 0), (0, 0), (0, 1)), constant_values=3.0))
    task = Task(
        material, np.arange(80), {"patches": Rendered(levels, labels, np.arange(60), {"dark": 0.9})}
    )
    arms = {name: names.COMMON[name] for name in (names.PLAIN, names.MELANIN)}
    found = measure(task, arms, [names.MELANIN], share=0.5, draws=range(1), jobs=1)
    arm = found["patches"]["arms"][names.MELANIN]
    assert f"{names.MELANIN}, steadied" in found["patches"]["arms"]
    assert arm["met"] and arm[FLIPS]["share"]["share"] < 0.5
    result = {
        "classifier": "net",
        "side": 224,
        "levels": changes.LEVELS,
        "draws": 2,
        "copies": 2,
        "tasks": {"inflamed": {"photographs": 80, "share": 0.5, "tests": found}},
        "commit": "0" * 40,
        "date": "2026-01-01",
        "versions": {"torch": "2"},
        "hardware": "cpu",
    }
    text = "\n".join(tones_section(result))
    assert "### T, inflamed or healthy skin: patches" in text and "| met |" in text
    assert "60 test images" in text and "dark 90%" in text
