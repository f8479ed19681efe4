"""Heads trained on the other collection: who is left out of a draw is who it is tested on."""

import numpy as np
import pytest
import torch

from benchmarks.heads import __main__ as heads
from benchmarks.heads import edits, plan, summary, tones
from benchmarks.heads.images import Images, few
from benchmarks.heads.options import DRAWS, GENERATED, MOST
from benchmarks.heads.run import Condition, Photographs, Study, is_left_out, run_all, split_folds
from benchmarks.tables.heads import planned_section
from synthderm.evaluation.arms import Material
from synthderm.evaluation.features import Pool, unit_length
from synthderm.evaluation.protocol import Outcome

MIDDLE = np.random.default_rng(5).normal(size=(3, 10))
GROUPS = np.arange(96) // 2  # patients of two photographs
UNPLANNED = ("duplicates x5", *plan.UNPLANNED)


def draw(count: int, seed: int) -> Pool:
    """Both photographs of a patient show the same class."""
    rng = np.random.default_rng(seed)
    labels = np.arange(count) // 2 % 3
    return Pool(unit_length(MIDDLE[labels] + 1.5 * rng.normal(size=(count, 10))), labels)


@pytest.fixture(scope="module")
def study() -> Study:
    real, seen = draw(96, 27), draw(90, 8)
    copies = {name: real.features[:, None] for name in ("randaugment", "blur and jitter")}
    material = Material(3, real, seen, copies, seen, others_hold_real=False)
    folds = split_folds(real.labels, GROUPS, plan.FOLDS)
    tests = {
        plan.A_OOD_REVERSE: Photographs(draw(120, 1), np.arange(120)),
        plan.A_REVERSE: Photographs(real, GROUPS, folds),
    }
    return Study({"known": material}, GROUPS, tests, folds)


@pytest.mark.parametrize("amount", [*plan.FEW, "10%", "100%"])
def test_no_patient_is_trained_and_tested_on(study, amount):
    tested = set()
    for number in range(2 * plan.FOLDS):
        rows = study.draw(amount, number)
        left_out = np.flatnonzero(is_left_out(study.folds, number))
        assert not set(GROUPS[rows]) & set(GROUPS[left_out])
        assert set(study.material(None).real.labels[rows]) == {0, 1, 2} and len(left_out)
        tested |= set(left_out)
    assert tested == set(range(96))
    assert len(study.draw("100%", 0)) == 96 - is_left_out(study.folds, 0).sum()


def test_few_photographs_are_of_other_patients_as_long_as_there_are_any(study):
    labels = study.material(None).real.labels
    for each in (5, 12, 14):
        rows = plan.draw_few(labels, GROUPS, each, np.random.default_rng(0))
        for label in range(3):
            own = rows[labels[rows] == label]
            # 16 patients of each class.
            assert len(own) == each and len(set(GROUPS[own])) == each
    rows = plan.draw_few(labels, GROUPS, 20, np.random.default_rng(0))
    assert np.bincount(labels[rows]).tolist() == [20] * 3 and len(set(GROUPS[rows])) == 48


def test_a_draw_is_scored_on_the_fold_that_it_left_out(study):
    """One that knows its own fold alone is right everywhere; one that knows the others is not."""
    test = study.tests[plan.A_REVERSE]
    right = np.eye(3)[test.pool.labels]
    wrong = np.roll(right, 1, axis=1)

    def outcomes(knows_own):
        for number in range(plan.FOLDS):
            is_own = is_left_out(study.folds, number)[:, None]
            rows = np.where(is_own == knows_own, right, wrong)
            yield Outcome(np.concatenate([np.full((120, 3), 1 / 3), rows]), 0.5, 0.01)

    own = Condition(plan.PADUFES, None, "5", "real only")
    others = own._replace(arm="oversampling")
    found = summary.score_all(
        {own: list(outcomes(True)), others: list(outcomes(False))}, study.tests, resamples=50
    )
    for condition, value in ((own, 1.0), (others, 0.0)):
        score = found[condition, plan.A_REVERSE, summary.MAIN]
        assert score.draws.tolist() == [value] * plan.FOLDS
        assert summary.figure(score) == {"mean": value, "low": value, "high": value}


def test_both_directions_are_summed_up_together(study):
    """P values are corrected for the comparisons of their own family."""
    others = study.tests[plan.A_OOD_REVERSE]
    forward = Study(study.materials, GROUPS, {plan.A: others, plan.A_OOD: others})
    outcomes, scores = {}, {}
    for name, one, draws in ((plan.ISIC, forward, 1), (plan.PADUFES, study, plan.FOLDS)):
        design = plan.DESIGNS[name]._replace(amounts=("5",), curve=(), left_out={"5": UNPLANNED})
        part = run_all(name, one, design, range(draws), jobs=1)
        outcomes |= part
        scores |= summary.score_all(part, one.tests, resamples=60)
    found = summary.summarise(outcomes, scores, ["known"])
    assert set(found["tables"]["known"]) == set(plan.TRAINED_ON)
    assert set(found["best classical"]) == {plan.ISIC, plan.PADUFES}
    assert found["exchange rates"] == {"known": {}}  # there is no curve
    planned = found["planned"]["known"]
    families = {}
    for one in planned:
        families.setdefault(one["family"], []).append(one)
    assert {name: len(one) for name, one in families.items()} == {
        "generated images": 2 + 4,
        "generated images, reverse": 3 + 1,
        "on top of RandAugment": 4,
    }
    for entries in families.values():
        least = min(one[summary.MAIN]["p"] for one in entries)
        assert np.isclose(
            min(one["p holm"] for one in entries), min(1.0, len(entries) * least), rtol=1e-6
        )
    lines = heads.run_lines(outcomes, scores).splitlines()
    assert len(lines) == len(outcomes)
    assert f'"{plan.A_REVERSE}: AUROC"' in lines[-1] and plan.PADUFES in lines[-1]
    text = "\n".join(planned_section({"planned": found["planned"]}, "known"))
    assert "Planned comparisons, on top of RandAugment, `known`" in text


def test_no_amount_asks_for_more_generated_images_than_there_are():
    """226 photographs: all but one of four folds of 302. Selection needs twice as many."""
    for design, sizes in (
        (plan.DESIGNS[plan.ISIC], {"5": 15, "10": 30, "20": 60, "10%": 160, "100%": 1595}),
        (plan.DESIGNS[plan.PADUFES], {"5": 15, "10": 30, "20": 60, "10%": 23, "100%": 226}),
    ):
        for amount in design.amounts:
            for arm in plan.arms_of(design, amount):
                dose = 20 if "x20" in arm else 5 if "x5" in arm and arm in plan.GENERATED else 1
                needed = dose * sizes[amount] * (2 if arm in plan.SELECTED else 1)
                assert needed <= 1600, (amount, arm)


def test_a_trial_reads_few_photographs_of_every_class():
    labels = np.repeat([0, 1, 2], [20, 100, 30])
    pixels = torch.zeros(150, 3, 2, 2, dtype=torch.uint8)
    images = Images(pixels, pixels[:, :1] == 0, labels, np.arange(150) // 2)
    assert few(images, None) is images and few(images, 200) is images
    part = few(images, 30)
    assert len(part.labels) == len(part.pixels) == 30
    assert np.bincount(part.labels).tolist() == [4, 20, 6]
    # Patients are whole, and numbered without gaps.
    assert np.bincount(part.groups).tolist() == [2] * 15


@pytest.mark.parametrize("command", [heads, edits, tones])
def test_a_trial_is_small_and_may_not_write_over_the_results(command, tmp_path):
    folders = ["--data", "a", "--other", "b"] if command is heads else ["--padufes", "a"]
    folders += [] if command is heads else ["--isic", "b", "--inflamed", "c"]
    folders += ["--hands", "d"] if command is edits else []
    usual = command.options(folders)
    assert usual.most is None and usual.draws == (5 if command is tones else 20)
    trial = command.options([*folders, "--quick", "--out", str(tmp_path)])
    assert trial.most == MOST and trial.draws == DRAWS
    if command is not edits:
        assert trial.images == GENERATED < usual.images
    with pytest.raises(SystemExit, match="another folder"):
        command.options([*folders, "--quick"])


def test_a_class_of_too_few_patients_is_told():
    with pytest.raises(ValueError, match="too few to be split into 4 folds"):
        split_folds(np.repeat([0, 1], 8), np.repeat([0, 1, 2], [8, 4, 4]), plan.FOLDS)
