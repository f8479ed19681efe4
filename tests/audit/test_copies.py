"""Planted copies are named, and other images are not."""

import pytest
import torch

from synthderm.audit import structure
from synthderm.audit.calibration import calibrate, plant
from synthderm.audit.copies import Compared, judge_copies
from synthderm.audit.copy_index import CopyIndex
from tests.audit.photographs import draw, draw_set


@pytest.fixture
def judge(index, real, holdout, holdout_layers, known, calibration):
    """The findings on samples."""

    def judge(samples):
        layers = index.describe(samples.images)
        matches = index.match(samples.images, layers)
        compared = Compared(matches, known, layers.upright, holdout_layers.upright)
        return judge_copies(index, calibration, compared, samples, real, holdout)

    return judge


def test_planted_copies_are_named_among_others(judge, real):
    samples = draw_set(80, seed=3)
    rng = torch.Generator().manual_seed(0)
    others = draw(21, seed=4)
    kinds = list(plant(real.images[0], others[0], rng))
    for k in range(21):
        planted = plant(real.images[k], others[k], rng)
        samples.images[3 * k] = planted[kinds[k % len(kinds)]]
    findings = judge(samples)
    assert not findings.passed
    named = {pair.sample_index: pair.photograph_index for pair in findings.pairs if pair.verdict}
    assert len(named.keys() & {3 * k for k in range(21)}) >= 20
    assert len(named) <= 22  # hardly another
    assert sum(named.get(3 * k) == k for k in range(21)) >= 20


def test_a_clean_set_passes(judge):
    findings = judge(draw_set(100, seed=5))
    assert findings.passed and findings.named.found == 0
    assert findings.closer_to_real.low < 0.5 < findings.closer_to_real.high
    assert findings.nearer.low < 0.5 < findings.nearer.high


def test_an_over_trained_generator_fails(judge, real):
    """Memorised photographs under noise and another tint."""
    samples = draw_set(60, seed=6)
    rng = torch.Generator().manual_seed(1)
    noise = 4 * torch.randn(real.images.shape, generator=rng)
    samples.images = (0.9 * real.images + 10 + noise).clamp(0, 255).byte()
    findings = judge(samples)
    assert not findings.passed and findings.named.share > 0.9
    assert findings.closer_to_real.low > 0.6 and findings.nearer.low > 0.5


def test_rotated_copies_are_named(index, calibration, real):
    scores = index.match(real.images[:20].rot90(1, (-2, -1))).scores
    assert (scores >= index.threshold).float().mean() >= 0.9


def test_photographs_of_one_patient_are_no_copies_of_each_other(network, real):
    images = torch.cat([real.images[:30], real.images[:30].flip(-2)])
    groups = [str(k % 30) for k in range(60)]
    apart = CopyIndex(images, network, groups)
    matches = apart.match(images, groups=groups, own=range(60))
    assert matches.scores.max() < 0.9
    assert apart.match(images).scores.min() > 0.99


def test_a_score_does_not_depend_on_the_other_images(index):
    images = draw(9, seed=7)
    together = index.match(images).scores
    alone = torch.cat([index.match(image[None]).scores for image in images])
    torch.testing.assert_close(together, alone, atol=1e-4, rtol=0)


def test_every_orientation_is_there_once_and_half_are_mirrored():
    field = torch.arange(9.0).view(1, 3, 3)
    turned = structure.turn(field)[0]
    assert len({tuple(one.flatten().tolist()) for one in turned}) == 8
    rotations = {tuple(field[0].rot90(k).flatten().tolist()) for k in range(4)}
    mirrored = {tuple(turned[k].flatten().tolist()) for k in structure.MIRRORED}
    assert not rotations & mirrored and len(mirrored) == 4


def test_photographs_twice_in_the_folder_do_not_spoil_the_threshold(network, real):
    """Real collections show the same lesion more than once."""
    images = torch.cat([real.images, real.images[:20]])
    doubled = CopyIndex(images, network)
    calibration = calibrate(doubled, None)
    assert calibration.bites
    assert calibration.repeats.found == 40


def test_blank_images_are_no_copies_and_do_not_stop_the_audit(index, calibration):
    blank = torch.full((3, 3, 64, 64), 128, dtype=torch.uint8)
    matches = index.match(blank)
    assert matches.scores.isfinite().all() and (matches.scores < index.threshold).all()


def test_too_few_photographs_say_so(network):
    few = CopyIndex(draw(19, seed=1), network)
    with pytest.raises(ValueError, match="19 real photographs: at least 20"):
        calibrate(few, None)
