"""Training that goes on from a folder with discriminators: the next step is that of a run that was
never left, and what does not fit starts anew and is named."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest
import timm
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

import recipes.bundle
from recipes.train_gan import SMOOTHING, GANStep
from synthderm import SkinGenerator
from synthderm.hub.card_sections import training_lines
from synthderm.training.arguments import GAN_FIXED, parse_gan_args
from synthderm.training.gan_run import (
    TrainState,
    begin,
    load_photographs,
    make_generator,
    prepare_devices,
)
from synthderm.training.run import TrainingRun
from synthderm.training.training_state import write_training_state
from tests.drawing import draw_folder
from tests.recipes.running import command, is_equal, load_checkpoint, run_here

OPTIONS = """
--size 64 --channels 16 8 8 --disc-channels 8 8 8 --recon-weight 2 --kid none --half-res-images 8
--condition-images 8 40 --loss hinge --r1 0 --r2 0 --augment 0.5 --images 48 --val-interval 48
"""


@pytest.fixture(scope="module")
def first(tmp_path_factory) -> dict[str, Any]:
    """A run of 48 images, with its data, its state, and the options of its command line."""
    root = tmp_path_factory.mktemp("first")
    torch.manual_seed(0)
    weights = root / "weights.safetensors"
    save_file(timm.create_model("test_efficientnet").state_dict(), weights)
    data = draw_folder(root / "data")
    options = [*OPTIONS.split(), "--features", f"test_efficientnet={weights}"]
    with pytest.MonkeyPatch.context() as monkeypatch:
        run_here(monkeypatch, "train_gan.py", data, root / "run", *options)
    write_training_state(root / "run", root / "state")
    return {"root": root, "data": data, "options": options}


def make_step(monkeypatch, first, out: Path, *options: str, data: Path | None = None) -> tuple:
    """A step of a run, new or going on, and how many images it was shown."""
    line = command("train_gan.py", data or first["data"], out, *first["options"], *options)
    monkeypatch.setattr(sys, "argv", line[1:])
    args = parse_gan_args("A recipe.")
    devices = prepare_devices(args)
    run, state = TrainingRun("train_gan.py", args, GAN_FIXED, devices), TrainState()
    pool, _ = load_photographs(args, run)
    step = GANStep(args, pool, make_generator(args, pool, run), devices)
    begin(step, run)
    out.mkdir(exist_ok=True)
    run.restore(step.parts, state)
    return step, state.shown


def take_step(step: GANStep, shown: int) -> tuple[Tensor, dict[str, Tensor]]:
    """The losses of one step, always on the same batch, and how it moved the networks."""
    networks = {"G": step.generator, "D": step.discriminators, "E": step.encoder, "ema": step.ema}
    before, means = {name: flat(x) for name, x in networks.items()}, step.means.clone()
    torch.manual_seed(1)
    step(shown)
    weight = SMOOTHING if step.shown_before + shown else 1.0
    losses = (step.means - (1 - weight) * means) / weight
    return losses, {name: flat(x) - before[name] for name, x in networks.items()}


def flat(network: nn.Module) -> Tensor:
    return torch.cat([p.detach().flatten() for p in network.parameters()])


def test_the_next_step_is_that_of_a_run_that_was_never_left(tmp_path, monkeypatch, first):
    whole, shown = make_step(monkeypatch, first, first["root"] / "run")
    assert shown == 48 and whole.shown_before == 0
    losses, moves = take_step(whole, shown)

    def compare(lost: str) -> tuple[float, float]:
        """How far losses and moves are from those of the whole run, where something is lost."""
        init = first["root"] / ("run/last" if lost == "discriminators" else "state")
        step, shown = make_step(monkeypatch, first, tmp_path / lost, "--init", str(init))
        assert shown == 0 and step.shown_before == (0 if lost == "discriminators" else 48)
        if lost == "optimizers":
            step.optimizer_g.state.clear()
            step.optimizer_d.state.clear()
        others, moved = take_step(step, shown)
        off = [float((moves[n] - moved[n]).norm() / moves[n].norm()) for n in moves]
        return float((losses - others)[:2].abs().max()), max(off)

    loss, move = compare("nothing")
    assert loss < 0.02 and move < 0.3
    assert compare("optimizers")[1] > 0.5
    loss, move = compare("discriminators")
    assert loss > 1 and move > 1


def test_a_run_goes_on_and_its_card_names_all_parts(tmp_path, monkeypatch, capsys, first):
    state, out = first["root"] / "state", tmp_path / "out"
    options = [*first["options"], "--init", str(state)]
    run_here(monkeypatch, "train_gan.py", first["data"], out, *options, "--images", "8")
    text = "generator, discriminators, encoder and optimizers go on after 48 images.\n"
    assert f"--init {state}: {text}" in capsys.readouterr().out
    config = json.loads((out / "last" / "config.json").read_text())
    training = config["training"]
    assert training["shown"] == 8
    (before,) = training["before"]
    assert before["images"] == 48 and before["seconds"] > 0
    assert before["command"].startswith(
        "python recipes/train_gan.py --data data --out run --threads 1"
    )
    assert str(first["root"]) not in json.dumps(before)
    # The same command goes on with the run, and a third run adds up.
    run_here(monkeypatch, "train_gan.py", first["data"], out, *options, "--images", "16")
    assert "go on after" not in capsys.readouterr().out
    files = write_training_state(out, tmp_path / "second")
    assert json.loads((tmp_path / "second" / "training.json").read_text())["shown"] == 64
    assert all(path.stat().st_size < 16e6 for path in files)
    step, _ = make_step(monkeypatch, first, tmp_path / "x", "--init", str(tmp_path / "second"))
    assert step.shown_before == 64
    config = json.loads((tmp_path / "second" / "config.json").read_text())
    told = "\n".join(training_lines(config))
    assert "Trained in 2 runs, each from the weights of the one before: 64 images." in told
    assert "| 48 | 0 | `python recipes/train_gan.py" in told and "--images 16" in told


def test_what_travels_is_the_last_checkpoint_in_half_the_space(tmp_path, first):
    values, state = load_checkpoint(first["root"] / "run"), first["root"] / "state"
    average = SkinGenerator.from_pretrained(state).state_dict()
    rounded = {key: x.half().float() if x.is_floating_point() else x for key, x in average.items()}
    assert is_equal(average, rounded)
    for key, value in average.items():
        assert torch.allclose(value, values["ema"][key], rtol=1e-3, atol=1e-6)
    parts = list(state.glob("training-*.safetensors"))
    tensors = load_file(parts[0])
    assert len(parts) == 1 and not any(".backbone." in key for key in tensors)
    kinds = {key: x.dtype for key, x in tensors.items() if x.dim() > 1}
    assert all(
        kind == (torch.bfloat16 if key.startswith("optimizer") else torch.float16)
        for key, kind in kinds.items()
    )
    assert all(x.dtype == torch.float32 for x in tensors.values() if 0 < x.dim() < 2)
    size = sum(path.stat().st_size for path in state.iterdir())
    assert size < 0.6 * (first["root"] / "run" / "checkpoint.pt").stat().st_size


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--size", "128", "--channels", "16", "8", "8", "8"], "size was 64 and is 128; channels"),
        (["--recon-weight", "0"], "the generator's optimizer start anew: one of the two has no"),
        (["--disc-channels", "8", "16", "8"], "disc_channels was [8, 8, 8] and is [8, 16, 8]"),
        (["--features", "other"], "--features names another network"),
        (["--no-skin-tone"], "skin_tone was True and is False"),
        (["--no-noise"], "noise was 32 and is None"),
    ],
)
def test_what_does_not_fit_starts_anew_and_is_named(
    tmp_path, monkeypatch, capsys, first, options, says
):
    if "other" in options:  # of the same shapes
        torch.manual_seed(1)
        weights = tmp_path / "weights.safetensors"
        save_file(timm.create_model("test_efficientnet").state_dict(), weights)
        options = ["--features", f"test_efficientnet={weights}"]
    init = ["--init", str(first["root"] / "state")]
    step, _ = make_step(monkeypatch, first, tmp_path / "out", *options, *init)
    said = capsys.readouterr().out
    assert says in said and said.count("\n") == 1
    kept, now = load_checkpoint(first["root"] / "run"), step.discriminators.state_dict()
    key = "0.last.parametrizations.weight.original"
    is_taken = now[key].shape == kept["discriminators"][key].shape and torch.allclose(
        now[key], kept["discriminators"][key], rtol=1e-3
    )
    goes_on = "discriminators" in said.partition("go on")[0]
    assert is_taken == goes_on == ("--recon-weight" in options or "--no-noise" in options)
    assert bool(step.optimizer_d.state) == goes_on
    assert (step.shown_before == 48) == ("--recon-weight" in options)


def test_classes_of_other_names_start_anew(tmp_path, monkeypatch, capsys, first):
    """There are as many, so that all tensors would fit."""
    data = draw_folder(tmp_path / "data")
    table = (data / "metadata.csv").read_text()
    (data / "metadata.csv").write_text(table.replace(",b,", ",c,"))
    init = ["--init", str(first["root"] / "state")]
    step, _ = make_step(monkeypatch, first, tmp_path / "out", *init, data=data)
    assert "classes was ['a', 'b'] and is ['a', 'c']" in capsys.readouterr().out
    assert step.shown_before == 0 and not step.optimizer_d.state


def bundle(monkeypatch, *options: object) -> None:
    monkeypatch.setattr(sys, "argv", ["bundle.py", *map(str, options)])
    recipes.bundle.main()


def test_bundle_writes_it_and_refuses_what_has_none(tmp_path, monkeypatch, capsys, first):
    run, out = first["root"] / "run", tmp_path / "out"
    for _ in range(2):  # what is there is replaced
        bundle(monkeypatch, run, "--with-discriminators", out)
    said = capsys.readouterr().out
    assert "training-1-of-1.safetensors: 6.2 MB" in said and f"--init {out} ..." in said
    a, b = ((x / "training.json").read_bytes() for x in (out, first["root"] / "state"))
    assert a == b
    with pytest.raises(SystemExit, match="bundle.py: .*last holds a model already: name a new"):
        bundle(monkeypatch, run, "--with-discriminators", run / "last")
    with pytest.raises(SystemExit, match="bundle.py: .* has no checkpoint.pt: name the --out"):
        bundle(monkeypatch, run / "last", "--with-discriminators", out)
    with pytest.raises(SystemExit, match="2"):
        bundle(monkeypatch, run)
    edits = tmp_path / "edits"
    run_here(monkeypatch, "train_edit.py", first["data"], edits, "--images", "4")
    with pytest.raises(SystemExit, match="a run of train_edit.py: only train_gan.py has"):
        bundle(monkeypatch, edits, "--with-discriminators", out)
