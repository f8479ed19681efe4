"""Publishing: what a card must say, what is uploaded, and that it loads back as the same model."""

import copy
import json
import re

import pytest
import torch
from huggingface_hub import ModelCard

from synthderm.cli.main import main
from synthderm.hub.publish import check_records, load_run, publish
from synthderm.models.generator import SkinGenerator

RECORDS = {
    "licence": "CC-BY-4.0",
    "data": [{"name": "ISIC 2017 | train", "licence": "cc0-1.0", "attribution": "ISIC Archive", "hub": "isic/2017"},
             {"name": "Own hands", "licence": "All rights reserved", "attribution": "us"}],
    "metrics": [{"name": "FID", "value": 41.5, "dataset": "ISIC 2017 test", "command": "python benchmarks/fidelity.py lesions"},
                {"name": "KID x 1000", "value": 12, "dataset": "ISIC 2017 test", "command": "python benchmarks/fidelity.py lesions"}],
}  # fmt: skip
TRAINING = {
    "data": "/home/alice/secret/isic2017",
    "out": "..\\runs\\x",
    "features": "net=/home/alice/net.safetensors",
    "shown": 48_000,
    "lr": [1e-4, 2e-4],
}


@pytest.fixture
def run(tmp_path):
    folder = tmp_path / "run"
    SkinGenerator(16, [8, 8, 8], ["a", "b"]).save_pretrained(
        folder / "model", card={"recipe": "train_gan.py", "training": TRAINING}
    )
    (folder / "metrics.jsonl").write_text(
        '{"shown": 8000, "loss_g": 2.5}\n{"shown": 48000, "loss_g": 1.25}\n'
    )
    (folder / "card.json").write_text(json.dumps(RECORDS))
    return folder


def snapshot(folder) -> dict:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_dry_run_prints_the_card_and_touches_nothing(hub, uploader, run):
    before = snapshot(run)
    code, text, _ = uploader(
        "cli", arguments=["publish", str(run), "--repo", "org/dry", "--dry-run"]
    )["result"]
    assert (
        code == 0
        and text.startswith("---\n")
        and "# dry" in text
        and 'from_pretrained("org/dry")' in text
    )
    assert not hub.log and snapshot(run) == before


def test_card_has_front_matter_and_the_runs_records(run):
    model, records = load_run(run)
    text = publish(model, "org/name", records, dry_run=True)
    card = ModelCard(text)
    data = card.data
    assert (data.library_name, data.pipeline_tag, data.license) == (
        "synthderm",
        "unconditional-image-generation",
        "cc-by-4.0",
    )
    assert (
        data.datasets == ["isic/2017", "own-hands"]
        and data.metrics == ["fid", "kid-x-1000"]
        and data.model_name == "name"
    )
    assert [(r.metric_name, r.metric_value, r.dataset_name) for r in data.eval_results] == [
        ("FID", 41.5, "ISIC 2017 test"),
        ("KID x 1000", 12, "ISIC 2017 test"),
    ]
    for said in (
        "ISIC 2017 \\| train",
        "All rights reserved",
        "python benchmarks/fidelity.py",
        "48000",
        "1.25",
        "not a medical device",
        "value range",
        "True = inside",
    ):
        assert said in card.text


def test_no_folder_of_the_trainer_is_published(run):
    model, records = load_run(run)
    text = publish(model, "org/name", records, dry_run=True)
    assert "isic2017" in text and "net=net.safetensors" in text
    assert "alice" not in text and "/home" not in text and "runs" not in text


def test_other_licences_are_named(run):
    model, records = load_run(run)
    data = ModelCard(
        publish(model, "org/name", {**records, "licence": "Our own terms"}, dry_run=True)
    ).data
    assert data.license == "other" and data.license_name == "our-own-terms"


def without(*path) -> dict:
    records = copy.deepcopy(RECORDS)
    inner = records
    for key in path[:-1]:
        inner = inner[key]
    del inner[path[-1]]
    return records


@pytest.mark.parametrize("records, said", [
    ({}, "licence .of the weights., data .a list of .name, licence, attribution.*, metrics .a list of"),
    (without("licence"), "no licence"),
    (without("data"), "no data"),
    ({**RECORDS, "data": []}, "no data"),
    ({**RECORDS, "data": ["ISIC"]}, "no data"),
    (without("data", 1, "licence"), r"no data\[1\].licence:"),
    ({**RECORDS, "data": [{**RECORDS["data"][0], "licence": "Unknown "}]}, r"data\[0\].licence .not 'Unknown '"),
    (without("data", 0, "attribution"), r"no data\[0\].attribution"),
    (without("metrics"), "no metrics"),
    ({**RECORDS, "metrics": []}, "no metrics"),
    (without("metrics", 1, "command"), r"no metrics\[1\].command"),
    (without("metrics", 0, "dataset"), r"no metrics\[0\].dataset"),
    ({**RECORDS, "metrics": [{**RECORDS["metrics"][0], "value": "good"}]}, r"metrics\[0\].value .not 'good'"),
    ({**RECORDS, "metrics": [{**RECORDS["metrics"][0], "value": float("nan")}]}, r"metrics\[0\].value .not nan"),
    ({**RECORDS, "metrics": [{**RECORDS["metrics"][0], "value": True}]}, r"metrics\[0\].value"),
])  # fmt: skip
def test_cards_without_licence_or_figures_are_refused(run, capsys, records, said):
    (run / "card.json").write_text(json.dumps(records))
    assert main(["publish", str(run), "--repo", "org/name", "--dry-run"]) == 2
    captured = capsys.readouterr()
    assert (
        re.search(said, captured.err)
        and "--card FILE" in captured.err
        and not captured.out
        and captured.err.count("\n") == 1
    )
    check_records(RECORDS)


def test_card_file_counts_more_than_the_run(run, tmp_path, capsys):
    (tmp_path / "other.json").write_text(
        json.dumps({"summary": "From another file.", "licence": "mit"})
    )
    assert (
        main(
            [
                "publish",
                str(run),
                "--repo",
                "org/name",
                "--dry-run",
                "--card",
                str(tmp_path / "other.json"),
            ]
        )
        == 0
    )
    text = capsys.readouterr().out
    assert "From another file." in text and "license: mit" in text and "ISIC Archive" in text


@pytest.mark.parametrize("arguments, said", [
    (["RUN", "--repo", "name"], 'looks like "org/name"'),
    (["RUN", "--repo", "org/name", "--card", "missing.json"], "missing.json"),
    (["RUN/model/config.json", "--repo", "org/name"], "no training run"),
    (["RUN", "--repo", "org/name", "--card", "RUN/metrics.jsonl"], "not a JSON object"),
])  # fmt: skip
def test_wrong_arguments_are_one_line(run, capsys, arguments, said):
    assert (
        main(
            ["publish", *(argument.replace("RUN", str(run)) for argument in arguments), "--dry-run"]
        )
        == 2
    )
    assert said in capsys.readouterr().err


def test_unknown_architecture_of_a_run(run, capsys):
    path = run / "model" / "config.json"
    path.write_text(path.read_text().replace('"SkinGenerator"', '"StyleGAN9"'))
    assert main(["publish", str(run), "--repo", "org/name", "--dry-run"]) == 2
    assert "'StyleGAN9', which is none of SkinGenerator, EczemaEditor" in capsys.readouterr().err


def test_a_copy_that_differs_is_not_published(run, monkeypatch):
    model, records = load_run(run)
    plain = SkinGenerator.save_pretrained
    monkeypatch.setattr(
        SkinGenerator,
        "save_pretrained",
        lambda self, folder, card: plain(self, folder, card, half=True),
    )
    with pytest.raises(ValueError, match="does not load back bit-equal: "):
        publish(model, "org/name", records, dry_run=True)


def test_published_run_loads_back(hub, uploader, client, run, tmp_path):
    answer = uploader("cli", arguments=["publish", str(run), "--repo", "org/published"])
    code, text, errors = answer["result"]
    assert code == 0, errors
    commit = hub.refs["org/published", "main"]
    assert (
        text.splitlines()[0] == f"org/published@{commit}"
        and f'from_pretrained("org/published@{commit}")' in text
    )
    files = hub.commits["org/published", commit]
    assert sorted(files) == ["README.md", "config.json", "model.safetensors"]
    config = json.loads(files["config.json"])
    assert (
        config["data"] == RECORDS["data"]
        and config["metrics"] == RECORDS["metrics"]
        and b"alice" not in files["config.json"]
    )
    assert (
        hub.requests("POST", "/commit/")
        and hub.requests("PUT", "/upload/")
        and hub.requests("POST", "/verify")
    )

    model = SkinGenerator.from_pretrained(run / "model")
    image, _ = model.generate(torch.ones(1, 128), torch.tensor([0]))
    loaded = client("load", name=f"org/published@{commit}", cache_dir=str(tmp_path / "cache"))[
        "result"
    ]
    assert loaded["revision"] == commit and loaded["sum"] == image.double().sum().item()


def test_push_to_hub(hub, uploader, run):
    said = uploader("push", directory=str(run / "model"), repository="org/pushed", card=RECORDS)[
        "result"
    ]
    assert said == f"org/pushed@{hub.refs['org/pushed', 'main']}"
    assert uploader(
        "push", directory=str(run / "model"), repository="org/pushed", card=RECORDS, dry_run=True
    )["result"].startswith("---\n")
    refused = uploader("push", directory=str(run / "model"), repository="org/refused")
    assert (
        refused["error"] == "ValueError"
        and "no licence" in refused["message"]
        and ("org/refused", "main") not in hub.refs
    )


def test_private_means_private(hub, uploader, client, run, tmp_path):
    code, text, errors = uploader(
        "cli", arguments=["publish", str(run), "--repo", "org/mine", "--private"]
    )["result"]
    assert code == 0, errors
    assert client.resolve("org/mine", tmp_path)["error"] == "FileNotFoundError"
    assert uploader.resolve("org/mine", tmp_path)["result"][1] == hub.refs["org/mine", "main"]
    before = hub.commit("org/public", {})
    code, _, errors = uploader(
        "cli", arguments=["publish", str(run), "--repo", "org/public", "--private"]
    )["result"]
    assert (
        code == 2 and "exists and is public" in errors and hub.refs["org/public", "main"] == before
    )


def test_publishing_without_token_network_or_right(hub, client, uploader, run):
    arguments = ["publish", str(run), "--repo", "org/nowhere"]
    code, _, errors = client("cli", arguments=arguments)["result"]
    assert code == 2 and "hf auth login" in errors and "HF_TOKEN" in errors
    hub.locked["org/theirs"] = ("hf_owner", "gated")
    hub.commit("org/theirs", {})
    code, _, errors = uploader("cli", arguments=["publish", str(run), "--repo", "org/theirs"])[
        "result"
    ]
    assert code == 2 and "org/theirs" in errors and "log in" in errors
    hub.down()
    try:
        code, _, errors = uploader("cli", arguments=arguments)["result"]
    finally:
        hub.up()
    assert code == 2 and hub.url in errors and "check the network" in errors
