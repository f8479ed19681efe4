"""Presets: what is given beside one counts more, and they are what trained the bundled weights."""

import json
import sys
from argparse import Namespace

import pytest

from synthderm.hub.resolve import BUNDLED
from synthderm.imaging.artifact_shares import DERMOSCOPY
from synthderm.training import arguments
from synthderm.training.arguments import GAN_FIXED, parse_gan_args
from synthderm.training.presets import ON_CUDA, PRESETS
from synthderm.training.run import same_argument


def parse(monkeypatch, *words: str) -> Namespace:
    monkeypatch.setattr(sys, "argv", ["train_gan.py", "--data", "x", "--out", "y", *words])
    return parse_gan_args("A recipe.")


def without_spaces(text: str) -> str:
    return "".join(text.split())


@pytest.mark.parametrize("name", PRESETS)
def test_each_preset_is_a_command_line(monkeypatch, name):
    args = parse(monkeypatch, "--preset", name, "--device", "cpu")
    assert args.features == "mobilenetv2_100" and args.recon_weight == 4 and args.batch == 16
    assert args.init in (None, "lesions", "skin") and not hasattr(args, "preset")


def test_what_is_given_beside_a_preset_counts_more(monkeypatch):
    args = parse(monkeypatch, "--preset", "lesions", "--device", "cpu")
    assert args.noise and args.minutes == 65 and args.condition_images == [6000, 14000]
    # Before it and after it, abbreviated, switched off, and for a flag of several values.
    words = "--min 9 --preset=lesions --no-noise --condition-images 0 5 --features net --device cpu"
    args = parse(monkeypatch, *words.split())
    assert args.minutes == 9 and not args.noise and args.condition_images == [0, 5]
    assert args.features == "net" and args.kid == "timm:net" and args.half_res_images == 36000
    assert args.command.endswith(words)
    plain = parse(monkeypatch, "--device", "cpu")
    assert plain.minutes == 60 and plain.features is None and not plain.noise


def test_artifacts_have_shares_that_count_more_than_those_of_a_preset(monkeypatch):
    assert parse(monkeypatch).artifacts == parse(monkeypatch, "--preset", "skin").artifacts == {}
    asked = {"hair": 0.2, "ink": 0.07}
    for words, shares in (
        ([], DERMOSCOPY),
        (["--artifacts"], DERMOSCOPY),
        (["--artifacts", "none"], {}),
        (["--artifacts", "hair=0.2", "ink=0.07"], asked),
        (["--artifacts=hair=0.2"], {"hair": 0.2}),
    ):
        for beside in (["--preset", "lesions"], ["--preset=lesions-256"]):
            args = parse(monkeypatch, *words, *beside, "--device", "cpu")
            assert args.artifacts == shares == json.loads(json.dumps(args.artifacts))
    plain = parse(monkeypatch, "--artifacts", "hair=0.2", "ink=0.07", "--seed", "1")
    assert plain.artifacts == asked and plain.command.endswith("hair=0.2 ink=0.07 --seed 1")
    with pytest.raises(SystemExit, match="^train_gan.py: --artifacts hair: write KIND=SHARE"):
        parse(monkeypatch, "--artifacts", "hair")


def test_a_gpu_has_larger_batches_and_the_same_networks(monkeypatch):
    monkeypatch.setattr(arguments, "_check_numbers", lambda args: None)  # no GPU is needed
    here = parse(monkeypatch, "--preset", "lesions", "--device", "cpu")
    there = parse(monkeypatch, "--preset", "lesions", "--device", "cuda:1")
    assert there.batch == 64 > here.batch
    assert all(getattr(here, name) == getattr(there, name) for name in GAN_FIXED)
    assert parse(monkeypatch, "--preset", "lesions", "--device", "cuda", "--batch", "8").batch == 8
    assert {word.strip("-").replace("-", "_") for word in ON_CUDA.split()}.isdisjoint(GAN_FIXED)


@pytest.mark.parametrize("name", ["lesion", "Lesions", "", "eczema"])
def test_an_unknown_preset_is_one_sentence_with_the_names(monkeypatch, name):
    with pytest.raises(SystemExit) as refused:
        parse(monkeypatch, "--preset", name)
    says = "no such preset, only lesions, lesions-256, hands, skin, clinical."
    text = str(refused.value)
    assert text.startswith(f"train_gan.py: --preset {name}: ") and text.endswith(says)


def test_help_lists_them(monkeypatch, capsys):
    with pytest.raises(SystemExit) as left:
        parse(monkeypatch, "--help")
    text = without_spaces(capsys.readouterr().out)  # lines may break within a flag
    assert left.value.code == 0 and without_spaces(ON_CUDA) in text
    assert all(without_spaces(f"--preset {name}: {PRESETS[name]}") in text for name in PRESETS)


@pytest.mark.parametrize("name", ["hands", "lesions", "lesions-256", "skin"])
def test_the_command_on_a_card_gives_the_settings_that_were_recorded(monkeypatch, name):
    """Of the last run; settings of the machine, and where the files lay, may differ."""
    config = json.loads((BUNDLED / name / "config.json").read_text())
    words = config["command"].split()
    assert words[:2] == ["python", "recipes/train_gan.py"] and "&&" not in words
    monkeypatch.setattr(arguments, "_check_numbers", lambda args: None)  # no GPU is needed
    own = ["--device", "cpu"]  # where the command names no device
    monkeypatch.setattr(sys, "argv", [words[1], *own, *words[2:]])
    args = vars(parse_gan_args("A recipe."))
    lasting = {"out", "data", "threads", "minutes", "features", "kid", "init", "command"}
    for key in set(args) & set(config["training"]) - lasting:
        assert same_argument(key, args[key], config["training"][key]), key
    assert (args["init"] is None) == (config["training"]["init"] is None)
    assert args["features"].partition("=")[0] == config["training"]["features"].partition("=")[0]
