"""The benchmark of fine-tuned networks, on drawn photographs and with a tiny network."""

import csv
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from benchmarks.heads.run import CLASSES, OTHER_NAMES
from benchmarks.tables.tuned import tuned_section
from benchmarks.tuned import __main__ as command
from benchmarks.tuned import arms, plan, training
from benchmarks.tuned.network import TaskNetwork
from benchmarks.tuned.photographs import Images, read_all
from benchmarks.tuned.summary import summarise
from synthderm.models.generator import SkinGenerator
from tests.benchmarks.tuned.test_network import TINY
from tests.drawing import draw_folder, liven

SIDE = 16


def rename(folder: Path, names: tuple[str, ...]) -> Path:
    """The drawn photographs with these classes, each of them in every split."""
    with open(folder / "metadata.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    splits = ("train", "train", "train", "train", "val", "test")
    for k, row in enumerate(rows):
        row |= {"label": names[k % 3], "split": splits[k // 3 % 6]}
    with open(folder / "metadata.csv", "w", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    return folder


@pytest.fixture(scope="module")
def folders(tmp_path_factory) -> dict[str, Path]:
    root = tmp_path_factory.mktemp("tuned")
    generator = liven(SkinGenerator(16, [8, 8, 8], list(CLASSES), latent_dim=8, style_dim=8))
    return {
        "data": rename(draw_folder(root / "isic", count=54, size=24), CLASSES),
        "other": rename(draw_folder(root / "other", count=24, size=26), OTHER_NAMES),
        "generator": generator.save_pretrained(root / "generator"),
    }


@pytest.fixture
def run(folders, monkeypatch):
    """The command made tiny; its records and its summary."""
    monkeypatch.setattr(training, "LONGEST", 4)
    monkeypatch.setattr(training, "EVERY", 2)
    monkeypatch.setattr(arms, "BATCH", 4)
    monkeypatch.setitem(plan.TASKS, "A", plan.TASKS["A"]._replace(amounts=("5",)))
    monkeypatch.setitem(plan.TASKS, "C", plan.TASKS["C"]._replace(amounts=("10%",)))

    def run(out: Path, *more: str) -> tuple[list[str], dict]:
        given = [text for name, folder in folders.items() for text in (f"--{name}", str(folder))]
        options = ["--side", str(SIDE), "--images", "60", "--draws", "1", "--out", str(out)]
        argv = ["tuned", *given, "--classifier", TINY, *options, *more]
        monkeypatch.setattr("sys.argv", argv)
        command.main()
        lines = (out / "runs.jsonl").read_text().splitlines()
        return lines, json.loads((out / "summary.json").read_text())

    return run


def test_the_command_runs_and_goes_on_where_it_was_stopped(run, tmp_path):
    lines, summary = run(tmp_path)
    assert len(lines) == len(arms.DIAGNOSIS) + len(arms.SEGMENTATION)
    page = "\n".join(tuned_section(summary))
    for arm in (*arms.DIAGNOSIS, *arms.SEGMENTATION):
        assert f"| {arm} |" in page
    # Stopped within the third line: it is trained again, and gives the same.
    path = tmp_path / "runs.jsonl"
    path.write_text("\n".join(lines[:2]) + "\n" + lines[2][:30])
    again, _ = run(tmp_path)
    assert [predictions(line) for line in again] == [predictions(line) for line in lines]
    with pytest.raises(ValueError, match="generated images 60, not 30"):
        run(tmp_path, "--images", "30")


def predictions(line: str) -> dict:
    return json.loads(line)["predictions"]


def test_a_file_in_two_splits_is_refused(folders, tmp_path):
    copy = tmp_path / "isic"
    shutil.copytree(folders["data"], copy)
    shutil.copy(copy / "images/0.png", copy / "images/17.png")
    with pytest.raises(ValueError, match=r"17\.png is the same file as .*0\.png"):
        read_all(copy, folders["other"], SIDE)


def make(count: int, seed: int = 0) -> Images:
    rng = torch.Generator().manual_seed(seed)
    pixels = torch.randint(256, (count, 3, SIDE, SIDE), generator=rng).byte()
    masks = torch.zeros(count, 1, SIDE, SIDE, dtype=torch.bool)
    return Images(pixels, masks, torch.arange(count) % 3, np.arange(count))


def test_batches_of_every_arm_have_the_same_form():
    train, generated = make(90), make(120, 1)
    rows = np.arange(9)
    for arm in arms.DIAGNOSIS.values():
        images, masks, labels = next(arm(train, generated, rows, 0))
        assert (
            images.shape == (arms.BATCH, 3, SIDE, SIDE) and 0 <= images.min() <= images.max() <= 1
        )
        assert masks.shape == (arms.BATCH, 1, SIDE, SIDE) and labels.shape == (arms.BATCH,)


def test_rare_classes_are_drawn_as_often_as_others():
    images = make(90)
    rare = images.take(np.flatnonzero((images.labels.numpy() != 2) | (np.arange(90) < 6)))
    torch.manual_seed(0)
    batches = arms.balanced_batches(rare)
    labels = torch.cat([next(batches)[2] for _ in range(60)])
    assert torch.bincount(labels).float().div(len(labels)).tolist() == pytest.approx(
        [1 / 3] * 3, abs=0.05
    )


def test_added_pairs_take_no_photograph_away(monkeypatch):
    """Photographs come in the same order and number with and without generated pairs."""
    monkeypatch.setattr(arms, "move", lambda images, masks: (images, masks))
    train, generated = make(12), make(40, 1)
    seen = {}
    for name in ("photographs", "generated pairs added"):
        torch.manual_seed(0)
        batches = arms.SEGMENTATION[name](train, generated, np.arange(12), 0)
        seen[name] = [next(batches)[0] for _ in range(3)]
    known = {tuple(image.flatten().tolist()) for image in train.pixels.float() / 255}
    for alone, added in zip(*seen.values()):
        assert len(added) == 2 * len(alone)
        is_known = [tuple(image.flatten().tolist()) in known for image in added]
        assert is_known == [True] * len(alone) + [False] * len(alone)


def test_moving_keeps_image_and_mask_aligned():
    masks = torch.zeros(8, 1, 32, 32)
    masks[:, :, 8:20, 10:24] = 1
    torch.manual_seed(0)
    images, moved = arms.move(masks.expand(-1, 3, -1, -1), masks)
    assert torch.equal((images[:, :1] > 0.5).float(), moved)
    assert not torch.equal(moved[0], moved[1])


def test_segmentation_learns_its_masks_and_keeps_the_best(folders, monkeypatch):
    """Discs that are darker than skin are found."""
    monkeypatch.setattr(training, "RATE", 1e-2)
    photographs = read_all(folders["data"], folders["other"], SIDE)
    torch.manual_seed(0)
    network = TaskNetwork(TINY, 3, True, SIDE)
    before = training.predict(network, photographs.test, "cpu").mean()
    rows = np.arange(len(photographs.train))
    batches = arms.photographs_alone(photographs.train, photographs.train, rows, 0)
    found = training.fit(network, batches, photographs.val, "cpu")
    assert training.predict(network, photographs.test, "cpu").mean() > max(0.6, before + 0.1)
    again = training.validate(training.predict(network, photographs.val, "cpu"), photographs.val)
    assert again == pytest.approx(found.figure) and found.best_step <= found.steps


def test_a_planted_difference_is_found_and_no_other(folders):
    """One arm is always right, the others guess; only whole draws count."""
    photographs = read_all(folders["data"], folders["other"], SIDE)
    task, records = plan.TASKS["A"], {}
    rng = np.random.default_rng(0)
    for run in plan.all_runs(3):
        if run.task == "A" and (run.draw, run.arm) != (2, "RandAugment"):
            right = run.arm == task.ours
            predicted = {
                name: guess(getattr(photographs, name).labels.numpy(), right, rng)
                for name in task.tests
            }
            records[run] = {
                "predictions": predicted,
                "core_s": 1,
                "best_step": 20,
                "photographs": 30,
            }
    for cell in summarise(records, photographs)["tasks"]["A"]["cells"]:
        assert cell["draws"] == 2
        assert cell["arms"][task.ours]["mean"] == 1
        for gap in cell["against"].values():
            assert gap["difference"] > 0 and gap["p holm"] >= gap["p"]


def guess(labels: np.ndarray, right: bool, rng: np.random.Generator) -> list[float]:
    values = np.eye(3)[labels] if right else rng.random((len(labels), 3))
    return values.flatten().tolist()
