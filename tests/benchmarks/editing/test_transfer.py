"""The transfer benchmark on drawn photographs, with a small random network."""

import json
import shutil
from pathlib import Path

import pytest
import torch

from benchmarks.editing import transfer
from benchmarks.editing.learners import LEARNERS, Features
from benchmarks.editing.methods import Method
from benchmarks.editing.transfer_crops import (
    box_crops,
    calm_crops,
    is_training_patient,
    lesion_crops,
    photograph_crops,
)
from synthderm.models.editor import EczemaEditor
from tests.drawing import draw_skin, liven

MANY = 1000


@pytest.fixture(scope="module")
def folders(tmp_path_factory, photographs, boxes) -> dict[str, str]:
    """The photographs as close-ups, as hands and as dermoscopy, and boxes in four of them."""
    isic = tmp_path_factory.mktemp("transfer") / "isic"
    shutil.copytree(photographs, isic)
    table = isic / "metadata.csv"
    table.write_text(table.read_text().replace("NEV", "nevus"))
    closeups = str(photographs)
    return {"padufes": closeups, "hands": closeups, "isic": str(isic), "inflamed": str(boxes)}


def run(folders: dict[str, str], classifier: str, out: Path) -> dict:
    model = liven(EczemaEditor([4, 4])).save_pretrained(out / "model")
    command = [text for name, folder in folders.items() for text in (f"--{name}", folder)]
    drawing = out / "red.py"
    drawing.write_text("def draw(images, seed):\n    return images * (1 - 0.1 * (seed + 1) % 1)\n")
    command += ["--classifier", classifier, "--model", f"paired={model}", "--quick"]
    command += ["--drawing", str(drawing)]
    transfer.main([*command, "--out", str(out)])
    return json.loads((out / "transfer.json").read_text())


@pytest.fixture(scope="module")
def result(tmp_path_factory, folders, classifier) -> dict:
    return run(folders, classifier, tmp_path_factory.mktemp("out"))


def test_nothing_is_learnt_from_unchanged_crops(result):
    for learner in ("probe", "other cameras"):
        for cell in result["rows"][learner]["identity"].values():
            assert cell["auroc"] == 0.5 and cell["interval"] == [0.5, 0.5]


def test_every_row_has_every_test(result):
    assert list(result["rows"]) == list(result["learners"]) == list(LEARNERS)
    assert list(result["tests"]) == list(transfer.TESTS)
    for rows in result["rows"].values():
        assert list(rows) == ["identity", "tint", "renderer", "red", "paired"]
        for row in rows.values():
            assert list(row) == list(result["tests"])
            for cell in row.values():
                low, high = cell["interval"]
                assert 0 <= low <= cell["auroc"] <= high <= 1
                assert len(cell["seeds"]) == 2
    for test in result["tests"].values():
        assert test["meaning"] and 0 < test["inflamed"] <= 6 and 0 < test["calm"] <= 6


def test_without_boxes_the_other_tests_remain(tmp_path, folders, classifier, result):
    others = {name: folder for name, folder in folders.items() if name != "inflamed"}
    remaining = run(others, classifier, tmp_path)
    assert list(remaining["tests"]) == ["lesions", "photographs", "keratoses"]
    for learner, rows in remaining["rows"].items():
        for name, row in rows.items():
            assert row == {key: result["rows"][learner][name][key] for key in remaining["tests"]}


def test_no_patient_is_both_trained_on_and_tested(folders):
    calm = calm_crops(folders["padufes"], folders["hands"], folders["isic"], MANY)
    of_patients = {"skin", "naevus"}
    trained = {group for kind, group in zip(calm.kinds, calm.groups) if kind in of_patients}
    assert trained and all(is_training_patient(patient) for patient in trained)
    for crops in (lesion_crops(folders["padufes"], MANY), photograph_crops(folders["padufes"], 9)):
        assert crops.groups and not trained & set(crops.groups)
    assert set(calm.kinds) == of_patients | {"hand", "naevus, dermoscopy", "skin, dermoscopy"}


def test_crops_show_what_their_kind_says(folders):
    """A drawn lesion is redder than skin of the same photograph."""
    boxes = box_crops(folders["inflamed"], MANY)
    assert len(boxes.images) == 2 * 4 * 8
    for crops, kind in ((boxes, "inflamed"), (lesion_crops(folders["padufes"], MANY), "lesion")):
        red, green, _ = crops.images.float().mean((2, 3)).unbind(1)
        is_inflamed = torch.tensor([one == kind for one in crops.kinds])
        for group in set(crops.groups):
            of_group = torch.tensor([one == group for one in crops.groups])
            inflamed, calm = of_group & is_inflamed, of_group & ~is_inflamed
            assert (green / red)[inflamed].mean() < 0.95 * (green / red)[calm].mean()


def test_masks_and_severity_depend_on_the_seed_alone():
    images = (torch.stack([draw_skin(64, 64)] * 3) * 255).byte()
    seen = []

    def record(images, masks, severity, seed):
        seen.append((masks, severity))
        return images

    for seed in (5, 5, 6):
        assert torch.equal(transfer.edit(Method(record), images, seed), images)
    for first, second, other in zip(*seen):
        assert torch.equal(first, second) and not torch.equal(first, other)
    masks, severity = seen[0]
    coverage = masks.float().mean((1, 2, 3))
    assert (coverage > 0.25).all() and (coverage < 0.85).all()
    assert (severity >= 0.3).all() and (severity <= 1).all()


def make_test(is_inflamed: list[int], groups: list[int]) -> transfer.Test:
    truth = torch.tensor(is_inflamed, dtype=torch.bool)
    empty = Features(torch.empty(len(truth), 0), torch.empty(2, len(truth), 0))
    return transfer.Test(empty, truth, torch.tensor(groups))


@pytest.mark.parametrize(
    "scores, expected",
    [([0.1, 0.4, 0.35, 0.8], 0.75), ([0, 1, 2, 3], 1.0), ([1, 1, 1, 1], 0.5), ([3, 2, 1, 0], 0.0)],
)
def test_the_auroc_is_the_share_of_pairs_in_order(scores, expected):
    test = make_test([0, 0, 1, 1], [0, 1, 2, 3])
    assert transfer.measure_scores(torch.tensor([scores]), test)["auroc"] == expected


def test_several_seeds_are_averaged():
    test = make_test([0, 0, 1, 1], [0, 1, 2, 3])
    cell = transfer.measure_scores(torch.tensor([[0, 1, 2, 3], [1, 1, 1, 1]]), test)
    assert cell["auroc"] == 0.75 and cell["seeds"] == [1.0, 0.5]


def test_crops_of_one_group_are_resampled_together():
    rng = torch.Generator().manual_seed(0)
    scores = torch.randn(1, 40, generator=rng) + torch.arange(40) % 2
    truth, groups = [0, 1] * 20, list(range(40))
    once = transfer.measure_scores(scores, make_test(truth, groups))
    low, high = once["interval"]
    assert 0 < low < once["auroc"] < high <= 1
    # The same crops four times tell nothing new.
    repeated = make_test(truth * 4, groups * 4)
    assert transfer.measure_scores(scores.repeat(1, 4), repeated)["interval"] == pytest.approx(
        once["interval"]
    )
    as_if_new = make_test(truth * 4, list(range(160)))
    narrow = transfer.measure_scores(scores.repeat(1, 4), as_if_new)["interval"]
    assert narrow[1] - narrow[0] < 0.7 * (high - low)
