"""What the discriminators of a run remember of their photographs."""

import json

import pytest
import timm
import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from torch import nn

from synthderm.audit.images import generate
from synthderm.audit.membership import RunDiscriminators, measure_membership, membership_section
from synthderm.cli.main import main
from synthderm.datasets.synthetic import SyntheticSkinDataset
from synthderm.training.discriminators import Logits
from tests.drawing import draw_folder
from tests.recipes.running import run_here

LEVELS = ["8", "8", "8", "8", "8"]
RUN = ["--images", "40", "--val-interval", "40", "--kid", "none", "--size", "64"]
RUN += ["--channels", *LEVELS, "--disc-channels", *LEVELS]


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return draw_folder(tmp_path_factory.mktemp("data") / "data", count=150)


@pytest.fixture(scope="module")
def network(tmp_path_factory):
    """The frozen network of the second discriminator, NAME=FILE."""
    torch.manual_seed(0)
    file = tmp_path_factory.mktemp("network") / "n.safetensors"
    save_file(timm.create_model("test_efficientnet", pad_type="same").state_dict(), file)
    return f"test_efficientnet={file}"


@pytest.fixture(scope="module")
def run(tmp_path_factory, data, network):
    """The folder of a tiny training."""
    out = tmp_path_factory.mktemp("runs") / "run"
    with pytest.MonkeyPatch.context() as patch:
        run_here(patch, "train_gan.py", data, out, *RUN, "--features", network)
    return out


def measure(discriminators, run, data):
    samples = generate(SyntheticSkinDataset(run / "model", length=40), 64)
    return measure_membership(discriminators, [(data, "train")], [(data, "test")], samples)


class Rememberer(nn.Module):
    """A discriminator that knows its photographs by heart: the nearer an image, the more real."""

    def __init__(self, known) -> None:
        super().__init__()
        self.known = known.flatten(1)

    def forward(self, x, labels, *, skin_tone, condition):
        nearest = torch.cdist(x.flatten(1), self.known).amin(1, keepdim=True)
        return Logits(-nearest, nearest)


def test_both_discriminators_of_a_run_are_asked(run, data):
    found = measure(RunDiscriminators(run), run, data)
    assert (found.train, found.holdout, found.shown) == (100, 25, 40)
    assert found.is_same and len(found.discriminators) == 2
    for one in found.discriminators:
        assert 0 <= one.memory.low <= one.memory.value <= one.memory.high <= 1
        assert one.memory.low < 0.6 and one.found.total == 100  # 40 images teach nothing by heart
        assert one.works is not None
    json.dumps(found.as_json(), allow_nan=False)
    text = membership_section(found)
    assert "100 photographs" in text and "other weights" not in text


def test_a_discriminator_that_remembers_is_told(run, data):
    discriminators = RunDiscriminators(run)
    before = measure(discriminators, run, data).discriminators
    known = discriminators.load([(data, "train")])
    x = F.interpolate(known.as_input(torch.arange(len(known))), size=32, mode="area")
    discriminators.networks[0] = Rememberer(x)
    after = measure(discriminators, run, data).discriminators
    assert after[0].memory.value == 1 and after[0].found.share == 1
    assert after[1] == before[1]


def test_scores_are_the_same_twice_and_other_weights_are_told(run, data):
    first, second = (measure(RunDiscriminators(run), run, data) for _ in range(2))
    assert first == second
    samples = generate(SyntheticSkinDataset("skin", length=20), 64)
    other = measure_membership(RunDiscriminators(run), [(data, "train")], [(data, "test")], samples)
    assert not other.is_same and other.discriminators[0].works is None  # no class in common
    assert "other weights" in membership_section(other)


def test_the_command_finds_the_run_that_it_is_given(run, data, network, tmp_path, capsys):
    spec = f"timm:{network}"
    line = ["audit", str(run), "--real", str(data), "--extractor", spec, "--size", "64"]
    line += ["--length", "20", "--no-pictures", "--out", str(tmp_path / "out")]
    assert main(line) in (0, 1)
    report = json.loads((tmp_path / "out" / "report.json").read_text())
    assert report["membership"]["is_same"] and report["membership"]["train"] == 100
    assert "What the discriminators remember" in (tmp_path / "out" / "report.html").read_text()
    for option, says in (
        (["--run", str(tmp_path)], "has no checkpoint.pt"),
        (["--run", str(run), "--run-features", "resnet18=x"], "and not on resnet18"),
        (["--run", str(run), "--run-features", "test_efficientnet=x"], "--run-features test_eff"),
        (["--run", str(run), "--real-split", "test"], "not trained on"),
    ):
        assert main([*line, *option]) == 2
        assert says in capsys.readouterr().err


def test_a_run_of_the_editor_is_refused(run, tmp_path):
    values = torch.load(run / "checkpoint.pt", weights_only=True)
    values["record"]["recipe"] = "train_edit.py"
    torch.save(values, tmp_path / "checkpoint.pt")
    with pytest.raises(ValueError, match=r"run of train_edit.py: .*train_gan.py alone"):
        RunDiscriminators(tmp_path)
