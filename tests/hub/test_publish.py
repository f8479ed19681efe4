"""Publishing: what is uploaded, that it loads back as the same model, and the command."""

import json

import pytest
import torch

from synthderm.cli.main import main
from synthderm.cli.publish import load_run
from synthderm.models.generator import SkinGenerator
from tests.hub.folders import RECORDS, read_files, save_run


@pytest.fixture
def run(tmp_path):
    return save_run(tmp_path / "run")


def test_dry_run_prints_the_card_and_touches_nothing(hub, uploader, run):
    before = read_files(run)
    arguments = ["publish", str(run), "--repo", "org/dry", "--dry-run"]
    code, text, _ = uploader("cli", arguments=arguments)["result"]
    assert code == 0
    assert text.startswith("---\n")
    assert "# dry" in text
    assert 'from_pretrained("org/dry")' in text
    assert not hub.log
    assert read_files(run) == before


def test_card_file_counts_more_than_the_run(run, tmp_path, capsys):
    card = tmp_path / "other.json"
    card.write_text(json.dumps({"summary": "From another file.", "licence": "mit"}))
    arguments = ["publish", str(run), "--repo", "org/name", "--dry-run", "--card", str(card)]
    assert main(arguments) == 0
    text = capsys.readouterr().out
    assert "From another file." in text
    assert "license: mit" in text
    assert "ISIC Archive" in text


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["RUN", "--repo", "name"], 'looks like "org/name"'),
        (["RUN", "--repo", "org/name", "--card", "missing.json"], "missing.json"),
        (["RUN/model/config.json", "--repo", "org/name"], "no training run"),
        (["RUN", "--repo", "org/name", "--card", "RUN/metrics.jsonl"], "not a JSON object"),
    ],
)
def test_wrong_arguments_are_one_line(run, capsys, arguments, message):
    arguments = [argument.replace("RUN", str(run)) for argument in arguments]
    assert main(["publish", *arguments, "--dry-run"]) == 2
    assert message in capsys.readouterr().err


def test_unknown_architecture_of_a_run(run, capsys):
    path = run / "model" / "config.json"
    path.write_text(path.read_text().replace('"SkinGenerator"', '"StyleGAN9"'))
    assert main(["publish", str(run), "--repo", "org/name", "--dry-run"]) == 2
    assert "'StyleGAN9', which is none of SkinGenerator, EczemaEditor" in capsys.readouterr().err


def test_a_copy_that_differs_is_not_published(run, monkeypatch):
    model, records = load_run(run)
    save = SkinGenerator.save_pretrained

    def save_half(self, folder, card):
        return save(self, folder, card, half=True)

    monkeypatch.setattr(SkinGenerator, "save_pretrained", save_half)
    with pytest.raises(ValueError, match="does not load back bit-equal: "):
        model.push_to_hub("org/name", records, dry_run=True)


def test_published_run_loads_back(hub, uploader, client, run, tmp_path):
    answer = uploader("cli", arguments=["publish", str(run), "--repo", "org/published"])
    code, text, errors = answer["result"]
    assert code == 0, errors
    commit = hub.refs["org/published", "main"]
    assert text.splitlines()[0] == f"org/published@{commit}"
    assert f'from_pretrained("org/published@{commit}")' in text
    files = hub.commits["org/published", commit]
    assert sorted(files) == ["README.md", "config.json", "model.safetensors", "pictures.jpg"]
    assert b"![Made by this model](pictures.jpg)" in files["README.md"]
    pictures = files["pictures.jpg"]
    assert pictures.startswith(b"\xff\xd8")
    assert b"trainedAlgorithmicMedia" in pictures and b"model org/published" in pictures
    config = json.loads(files["config.json"])
    assert config["data"] == RECORDS["data"]
    assert config["metrics"] == RECORDS["metrics"]
    assert b"alice" not in files["config.json"]
    assert hub.requests("POST", "/commit/")
    assert hub.requests("PUT", "/upload/")
    assert hub.requests("POST", "/verify")

    model = SkinGenerator.from_pretrained(run / "model")
    image, _ = model.generate(torch.ones(1, 128), torch.tensor([0]))
    answer = client("load", model=f"org/published@{commit}", cache_dir=str(tmp_path / "cache"))
    assert answer["result"]["revision"] == commit
    assert answer["result"]["sum"] == image.double().sum().item()


def test_push_to_hub(hub, uploader, run):
    order = {"directory": str(run / "model"), "repository": "org/pushed", "card": RECORDS}
    assert uploader("push", **order)["result"] == f"org/pushed@{hub.refs['org/pushed', 'main']}"
    assert uploader("push", **order, dry_run=True)["result"].startswith("---\n")
    refused = uploader("push", directory=str(run / "model"), repository="org/refused")
    assert refused["error"] == "ValueError"
    assert "no licence" in refused["message"]
    assert ("org/refused", "main") not in hub.refs


def test_private_means_private(hub, uploader, client, run, tmp_path):
    arguments = ["publish", str(run), "--private", "--repo"]
    code, _, errors = uploader("cli", arguments=[*arguments, "org/mine"])["result"]
    assert code == 0, errors
    assert client.resolve("org/mine", tmp_path)["error"] == "FileNotFoundError"
    assert uploader.resolve("org/mine", tmp_path)["result"][1] == hub.refs["org/mine", "main"]
    before = hub.commit("org/public", {})
    code, _, errors = uploader("cli", arguments=[*arguments, "org/public"])["result"]
    assert code == 2
    assert "exists and is public" in errors
    assert hub.refs["org/public", "main"] == before


def test_publishing_without_token_network_or_right(hub, client, uploader, run):
    arguments = ["publish", str(run), "--repo", "org/nowhere"]
    code, _, errors = client("cli", arguments=arguments)["result"]
    assert code == 2
    assert "hf auth login" in errors
    assert "HF_TOKEN" in errors
    hub.locked["org/theirs"] = ("hf_owner", "gated")
    hub.commit("org/theirs", {})
    answer = uploader("cli", arguments=["publish", str(run), "--repo", "org/theirs"])
    code, _, errors = answer["result"]
    assert code == 2
    assert "org/theirs" in errors
    assert "log in" in errors
    hub.down()
    try:
        code, _, errors = uploader("cli", arguments=arguments)["result"]
    finally:
        hub.up()
    assert code == 2
    assert hub.url in errors
    assert "check the network" in errors
