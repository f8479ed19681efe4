"""A run that goes on: what may change, what may not, and what the card tells."""

from argparse import Namespace

import pytest
import torch
from torch import nn

from synthderm.files import held
from synthderm.hub.card_sections import training_lines
from synthderm.imaging.artifact_shares import DERMOSCOPY
from synthderm.training.checkpoint import log_metrics, read_log
from synthderm.training.run import RunState, TrainingRun, earlier_runs, own_command

START = {"out": "", "device": "cpu", "size": 16, "lr": [0.1, 0.2], "features": None, "minutes": 5}
START["artifacts"] = {}


def start(folder, **changed) -> TrainingRun:
    args = Namespace(**{**START, "out": str(folder), **changed})
    return TrainingRun("train_gan.py", args, fixed=("size", "features", "artifacts"))


def train(folder, images, **changed) -> dict:
    """Go on for some images; gives what the card tells."""
    run, state, model = start(folder, **changed), RunState(), nn.Linear(2, 2)
    run.settle("classes", ["a", "b"])
    run.restore({"model": model}, state)
    state.shown += images
    run.save({"model": model}, state)
    return run.describe(state)["training"]


def test_the_card_tells_which_images_were_shown_under_which_arguments(tmp_path):
    first = train(tmp_path, 40)
    assert first["lr"] == [0.1, 0.2] and "parts" not in first
    # The same command, and one that only trains for longer, change nothing.
    assert "parts" not in train(tmp_path, 40, minutes=9)
    lower = train(tmp_path, 20, lr=[0.1, 0.1])
    assert lower["lr"] == [0.1, 0.1] and lower["shown"] == 100
    parts = [{"shown": 0, "lr": [0.1, 0.2]}, {"shown": 80, "lr": [0.1, 0.1]}]
    assert lower["parts"] == parts
    # Under arguments for which no image was shown nothing was trained.
    assert train(tmp_path, 0, lr=[9, 9])["lr"] == [0.1, 0.1]
    last = train(tmp_path, 8, lr=[0.1, 0.1], balance=True)
    assert last["parts"] == [
        {"shown": 0, "balance": None, "lr": [0.1, 0.2]},
        {"shown": 80, "balance": None, "lr": [0.1, 0.1]},
        {"shown": 100, "balance": True, "lr": [0.1, 0.1]},
    ]
    table = training_lines({"training": last})[1]
    assert "| lr | [0.1, 0.2] from image 0 on; [0.1, 0.1] from image 80 on |" in table
    assert "| size | 16 |" in table and "| shown | 108 |" in table and "parts" not in table


def test_what_cannot_change_is_refused_by_name_with_both_values(tmp_path):
    train(tmp_path, 40, features="net=/here/file.safetensors")
    with pytest.raises(ValueError, match="--size was 16 and is 32 now; --features was net=.* None"):
        start(tmp_path, size=32)
    # A file that was moved is the same file.
    assert not start(tmp_path, features="net=/there/file.safetensors").is_new
    with pytest.raises(ValueError, match="--features was .* is net=/here/other.safetensors now"):
        start(tmp_path, features="net=/here/other.safetensors")


@pytest.mark.parametrize(
    ("before", "now", "words"),
    [(True, DERMOSCOPY, "patch=0.07 ink=0.12 .*corners=0.22"), (False, {}, "none")],
)
def test_a_run_whose_artifacts_were_a_switch_goes_on(tmp_path, before, now, words):
    train(tmp_path, 40, artifacts=before)
    told = train(tmp_path, 8, artifacts=now)
    assert told["artifacts"] == now and told["shown"] == 48 and "parts" not in told
    for other in ({"hair": 0.28}, {} if before else DERMOSCOPY):
        with pytest.raises(ValueError, match=f"--artifacts was {words} and is .* now"):
            start(tmp_path, artifacts=other)


@pytest.mark.parametrize("classes", [["a", "c"], ["a"], ["a", "b", "c"], ["b", "a"]])
def test_other_classes_are_refused_with_both_lists(tmp_path, classes):
    train(tmp_path, 4)
    says = r"started with the classes \['a', 'b'\], and --data has \["
    with pytest.raises(ValueError, match=says + f"'{classes[0]}'"):
        start(tmp_path).settle("classes", classes)


def test_the_run_of_another_recipe_is_refused(tmp_path):
    train(tmp_path, 4)
    with pytest.raises(ValueError, match="holds a run of train_gan.py: choose another --out"):
        TrainingRun("train_edit.py", Namespace(**{**START, "out": tmp_path}), fixed=())


def test_a_second_process_is_refused_while_the_first_lives(tmp_path):
    train(tmp_path, 4)
    with held(tmp_path), pytest.raises(ValueError, match="by another process: wait for it"):
        start(tmp_path)
    assert not start(tmp_path).is_new


def test_a_run_that_went_on_elsewhere_meanwhile_is_not_written_over(tmp_path):
    for folder in (tmp_path / "new", tmp_path / "old"):
        folder.mkdir()
        if folder.name == "old":
            train(folder, 4)
        first = start(folder)
        train(folder, 4)
        with pytest.raises(ValueError, match="another process meanwhile: give the command again"):
            first.restore({"model": nn.Linear(2, 2)}, RunState())


def test_the_log_of_a_run_that_is_no_more_is_not_taken_over(tmp_path):
    train(tmp_path, 4)
    log_metrics(tmp_path, {"shown": 4, "loss": 1.0})
    (tmp_path / "checkpoint.pt").unlink()  # as errors advise, to start anew
    train(tmp_path, 8)
    assert read_log(tmp_path) == []


def test_parts_that_do_not_fit_leave_one_sentence(tmp_path):
    train(tmp_path, 4)
    with pytest.raises(ValueError, match="does not fit this model"):
        start(tmp_path).restore({"model": nn.Linear(3, 3)}, RunState())
    state, model = RunState(), nn.Linear(2, 2)
    start(tmp_path).restore({"model": model}, state)
    assert state.shown == 4 and torch.isfinite(model.weight).all()


def test_the_card_names_the_runs_that_the_weights_came_through(tmp_path):
    for card in ({}, {"training": None}, {"training": {"before": [1, {"images": "x"}]}}):
        assert earlier_runs(card) == []
    # Bundled weights have the command of their card, and runs that did not record themselves.
    first = {"command": "first", "images": 100, "seconds": 60.0}
    card = {"command": "second", "training": {"shown": 40, "seconds": 90.0, "before": [first]}}
    before = earlier_runs(card)
    assert before == [first, {"command": "second", "images": 40, "seconds": 90.0}]
    run, state = start(tmp_path, command="third"), RunState(shown=8)
    run.settle("before", before)
    run.restore({}, state)
    told = run.describe(state)
    assert told["training"]["before"] == before and "parts" not in told["training"]
    text = "\n".join(training_lines(told))
    assert "    third\n" in text and "| setting |" in text and "| before |" not in text
    assert "Trained in 3 runs, each from the weights of the one before: 148 images." in text
    assert "| 100 | 1 | `first` |\n| 40 | 2 | `second` |\n| 8 | 0 | `as above` |" in text
    assert earlier_runs(told)[:2] == before and earlier_runs(told)[2]["command"] == "third"


def test_a_recorded_command_has_no_folders(monkeypatch):
    words = ["--data", "/home/jane doe/skin/", "--features", "net=C:\\x y\\w.st", "--init", "./a/b"]
    monkeypatch.setattr("sys.argv", ["/opt/x/train_gan.py", *words, "--lr", "1e-4", "2e-4"])
    said = "--data skin --features net=w.st --init b --lr 1e-4 2e-4"
    assert own_command("train_gan.py") == f"python recipes/train_gan.py {said}"
