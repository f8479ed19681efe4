"""A run that goes on: every flag acts or is refused by name, what does not fit is one sentence, and
the card tells what was done."""

import csv
import json
from pathlib import Path

import pytest
import torch

from synthderm import EczemaEditor, SkinGenerator
from synthderm.imaging.io import to_pil
from synthderm.training.arguments import EDIT_FIXED, GAN_FIXED
from synthderm.training.run import BUDGET
from tests.drawing import draw_folder, draw_skin, write_extractor
from tests.recipes.running import is_equal, load_checkpoint, run_here

TINY = "1e-50"  # a rate at which no weight changes: in float32 it is 0
# Another value of each flag that is settled, and of each that acts.
GAN_SETTLED = {
    "init": "lesions",
    "seed": "1",
    "size": "32",
    "region": "close-up",
    "artifacts": "",
    "channels": "8 8 8",
    "disc_channels": "8 8 16",
    "noise": "",
    "smooth": "",
    "skin_tone": "",
    "features": "test_efficientnet=w.safetensors",
    "recon_weight": "2",
    "kid": "none",
    "kid_images": "8",
}
GAN_ACTING = {
    "accumulate": "2",
    "lr": f"{TINY} {TINY}",
    "augment": "0.25",
    "augment_color": "0",
    "balance": "",
    "batch": "8",
    "classify_weight": "0.5",
    "compile": None,  # takes minutes; it changes no weight that is kept
    "condition_images": "0 0",
    "data": None,  # another folder with the same classes, below
    "device": None,
    "ema_images": "100",
    "flips": "none",
    "half_res_images": "0",
    "loss": "hinge",
    "penalty_interval": "1",
    "r1": "0",
    "r2": "0",
    "threads": None,
    "val_interval": "20",
}
EDIT_SETTLED = {
    "supervision": "unpaired",
    "init": "eczema",
    "seed": "1",
    "size": "48",
    "features": "test_efficientnet=w.safetensors",
}


def flag(name: str, value: str) -> list[str]:
    return [f"--{name.replace('_', '-')}", *value.split()]


@pytest.fixture
def gan(tmp_path, monkeypatch):
    """Runs train_gan.py from a start without noise and skin tone."""
    data = draw_folder(tmp_path / "data")
    monkeypatch.setattr("tests.recipes.running.OPTIONS", {"train_gan.py": GAN_OPTIONS})

    def train(*options: str, data: Path = data, out: Path = tmp_path / "out") -> list[dict]:
        kid = ["--kid", write_extractor(data)]
        return run_here(monkeypatch, "train_gan.py", data, out, *kid, *options)

    return train


GAN_OPTIONS = (
    "--size 16 --channels 16 8 8 --disc-channels 8 8 8 --batch 4 --images 12 --val-interval 12 "
    "--half-res-images 4 --condition-images 4 8 --loss relativistic --r1 0.1 --r2 0.1 "
    "--penalty-interval 4 --kid-images 16"
)


def read_training(folder: Path) -> dict:
    return json.loads((folder / "config.json").read_text())["training"]


def test_a_generators_run_refuses_what_is_settled(tmp_path, gan):
    gan()
    before = (tmp_path / "out" / "checkpoint.pt").read_bytes()
    assert set(GAN_SETTLED) == set(GAN_FIXED)
    for name, value in GAN_SETTLED.items():
        options = flag(name, value)
        if name == "recon_weight":
            options += flag("features", "x=y.z")  # what it needs itself
        says = f"train_gan.py: .*--{name.replace('_', '-')} was .* and is .* now"
        with pytest.raises(SystemExit, match=says):
            gan("--images", "24", *options)
    assert (tmp_path / "out" / "checkpoint.pt").read_bytes() == before


def test_all_other_flags_of_a_generators_run_act(tmp_path, gan):
    gan()
    out = tmp_path / "out"
    start, first = load_checkpoint(out), read_training(out / "last")
    names = set(first) - {"shown", "seconds", "validated", "best_kid", "best_shown"}
    assert names == set(GAN_FIXED) | set(GAN_ACTING) | set(BUDGET)
    assert "parts" not in first
    moved = draw_folder(tmp_path / "moved")
    changed = {name: value for name, value in GAN_ACTING.items() if value is not None}
    options = [word for name, value in changed.items() for word in flag(name, value)]
    log = gan("--images", "28", *options, data=moved)
    end, last = load_checkpoint(out), read_training(out / "last")
    for part in ("generator", "discriminators"):  # nothing is learnt at such a rate
        weights = [key for key in start[part] if "running" not in key and "tracked" not in key]
        weights = [key for key in weights if "._u" not in key and "._v" not in key]
        assert all(torch.equal(start[part][key], end[part][key]) for key in weights)
    assert [entry["shown"] for entry in log] == [12, 20, 28]
    assert log[-1]["augment_p"] == 0.25 != log[0]["augment_p"]
    assert last["lr"] == [1e-50, 1e-50] and last["augment"] == "0.25" and last["shown"] == 28
    before, after = last["parts"]
    assert set(after) == {"shown", "data", *changed} and after["shown"] == 12
    assert before["lr"] == [2e-4, 2e-4] and before["data"] == str(tmp_path / "data")


def rewrite(data: Path, change) -> None:
    """Change the rows of a metadata.csv."""
    path = data / "metadata.csv"
    rows = list(csv.DictReader(path.read_text().splitlines()))
    rows = [row for row in map(change, rows) if row is not None]
    with open(path, "w", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)


@pytest.mark.parametrize(
    ("change", "now"),
    [
        (lambda row: row | {"label": row["label"].replace("b", "c")}, "'a', 'c'"),
        (lambda row: row if row["label"] == "a" else None, "'a'"),
        (lambda row: row | {"label": "c"} if row["file_name"] == "images/0.png" else row, "'a', "),
    ],
)
def test_other_classes_are_refused_with_both_lists(tmp_path, gan, change, now):
    gan()
    rewrite(tmp_path / "data", change)
    says = rf"the classes \['a', 'b'\], and --data has \[{now}.* now"
    with pytest.raises(SystemExit, match=says):
        gan("--images", "24")


def test_a_damaged_checkpoint_is_one_sentence(tmp_path, gan):
    gan()
    path = tmp_path / "out" / "checkpoint.pt"
    path.write_bytes(path.read_bytes()[:-1000])
    with pytest.raises(SystemExit, match=r"train_gan.py: .*checkpoint.pt is damaged \("):
        gan("--images", "24")


def test_a_class_of_val_alone_is_named_and_one_of_test_alone_is_not_learnt(tmp_path, gan):
    """In `val` it was an IndexError; a generator would make noise of it."""

    def spoil(split: str, label: str) -> None:
        rewrite(
            tmp_path / "data",
            lambda row: row | {"label": label} if row["split"] == split else row,
        )

    spoil("val", "z")
    with pytest.raises(SystemExit, match="train has no photograph of 'z', and val has"):
        gan()
    assert not (tmp_path / "out").exists()
    spoil("val", "b")
    spoil("test", "ab")
    with pytest.warns(UserWarning, match="ab: not learnt, train and val have no photograph of it"):
        gan()
    assert SkinGenerator.from_pretrained(tmp_path / "out" / "last").classes == ["a", "b"]


def draw_tree(root: Path, **splits: str) -> Path:
    """Splits as folders with a folder a class, each with two pictures."""
    for split, classes in splits.items():
        for name in classes:
            (root / split / name).mkdir(parents=True)
            for k in range(2):
                to_pil(draw_skin(20, 20, seed=k)).save(root / split / name / f"{k}.png")
    return root


def test_classes_are_those_of_the_whole_collection(tmp_path, gan):
    lacking = draw_tree(tmp_path / "lacking", train="abmn", val="amn")
    skin = ["--region", "skin"]
    gan(*skin, data=lacking, out=tmp_path / "out")
    assert SkinGenerator.from_pretrained(tmp_path / "out" / "last").classes == list("abmn")
    more = draw_tree(tmp_path / "more", train="ab", valid="abz")
    with pytest.raises(SystemExit, match="train has no photograph of 'z'"):
        gan(*skin, data=more, out=tmp_path / "none")
    # A class that was renamed: the checkpoint has the old names.
    for split in ("train", "val"):
        (lacking / split / "m").rename(lacking / split / "k")
    with pytest.raises(SystemExit, match=r"\['a', 'b', 'm', 'n'\], and .* \['a', 'b', 'k', 'n'\]"):
        gan(*skin, "--images", "24", data=lacking, out=tmp_path / "out")


@pytest.fixture
def edit(tmp_path, monkeypatch):
    """Runs train_edit.py."""
    data = draw_folder(tmp_path / "data")

    def train(*options: str, out: Path = tmp_path / "out") -> list[dict]:
        return run_here(monkeypatch, "train_edit.py", data, out, *options)

    return train


def test_an_editors_run_refuses_what_is_settled_and_takes_the_rest(tmp_path, edit):
    edit("--images", "8")
    assert set(EDIT_SETTLED) == set(EDIT_FIXED)
    adversarial = ["--supervision", "unpaired", "--lesional", str(tmp_path / "data")]
    for name, value in EDIT_SETTLED.items():
        options = [*flag(name, value), *(adversarial if name == "features" else [])]
        options += ["--lesional", "x"] if name == "supervision" else []
        with pytest.raises(SystemExit, match=f"--{name} was .* and is .* now"):
            edit("--images", "16", *options)
    start = load_checkpoint(tmp_path / "out")["editor"]
    rest = ["--lr", TINY, "--lr-half-life", "5", "--batch", "8", "--ema-images", "100"]
    edit("--images", "16", *rest)
    assert is_equal(start, load_checkpoint(tmp_path / "out")["editor"])
    training = read_training(tmp_path / "out" / "model")
    assert set(training["parts"][1]) == {"shown", "lr", "lr_half_life", "batch", "ema_images"}
    assert [part["lr"] for part in training["parts"]] == [1e-3, 1e-50]


def test_what_was_measured_of_other_weights_is_not_said_of_these(tmp_path, edit):
    edit("--images", "4", "--init", "eczema")
    config = json.loads((tmp_path / "out" / "model" / "config.json").read_text())
    assert config["training"]["init"] == "eczema" and "metrics" not in config
    # The run goes on though the folder it started from is gone, and with its widths.
    first = EczemaEditor([8, 8]).save_pretrained(tmp_path / "first", card={"metrics": [1]})
    options = ["--init", str(first), "--images"]
    edit(*options, "4", out=tmp_path / "small")
    (first / "model.safetensors").unlink()
    edit(*options, "8", out=tmp_path / "small")
    assert EczemaEditor.from_pretrained(tmp_path / "small" / "model").config == {"widths": [8, 8]}


@pytest.mark.parametrize(
    "options",
    [
        ["--lesional", "x"],
        ["--lesional-labels", "b"],
        ["--paired-weight", "1"],
        ["--features", "x"],
    ],
)
def test_paired_supervision_refuses_what_it_would_pass_over(edit, options):
    with pytest.raises(SystemExit, match=f"{options[0]} has no effect with --supervision paired"):
        edit(*options)
