"""What a model card says, and what it must say."""

import copy
import json
import re

import pytest
from huggingface_hub import ModelCard

from synthderm.cli.main import main
from synthderm.cli.publish import load_run
from synthderm.hub.model_card import check_records, make_card
from tests.hub.folders import RECORDS, save_run


@pytest.fixture
def run(tmp_path):
    return save_run(tmp_path / "run")


def card_text(run, **records) -> str:
    model, recorded = load_run(run)
    return model.push_to_hub("org/name", {**recorded, **records}, dry_run=True)


def test_card_has_front_matter_and_the_runs_records(run):
    card = ModelCard(card_text(run))
    data = card.data
    assert data.library_name == "synthderm"
    assert data.pipeline_tag == "unconditional-image-generation"
    assert data.license == "cc-by-4.0"
    assert data.datasets == ["isic/2017", "own-hands"]
    assert data.metrics == ["fid", "kid-x-1000"]
    assert data.model_name == "name"
    results = [(r.metric_name, r.metric_value, r.dataset_name) for r in data.eval_results]
    assert results == [("FID", 41.5, "ISIC 2017 test"), ("KID x 1000", 12, "ISIC 2017 test")]
    for text in (
        "ISIC 2017 \\| train",
        "All rights reserved",
        "python -m benchmarks.fidelity",
        "48000",
        "1.25",
        "not a medical device",
        "value range",
        "True = inside",
    ):
        assert text in card.text


def test_a_figure_stands_beside_its_floor_and_tones_in_a_table_of_their_own(run):
    first, second = RECORDS["metrics"]
    floored = {**first, "type": "fid", "floor": {"value": 3.5, "of": "photographs of train"}}
    text = card_text(run, metrics=[floored, {**second, "tone": "dark"}])
    assert "| FID | 41.5 | 3.5 (photographs of train) | ISIC 2017 test |" in text
    tones = text.partition("## Skin tone")[2].partition("\n## ")[0]
    assert "| dark | KID x 1000 | 12 |  |" in tones and "FID" not in tones
    assert "## Skin tone" not in card_text(run) and "floor" not in card_text(run)
    assert [one.metric_type for one in ModelCard(text).data.eval_results] == ["fid", "kid-x-1000"]


def test_the_shares_of_skin_tones_come_from_the_audit(run):
    config = json.loads((run / "model" / "config.json").read_text()) | RECORDS
    shares = {"generated": {"light": 0.9, "dark": 0.1}, "real": {"light": 0.75, "dark": 0.25}}
    audit = {"passed": True, "reason": "None.", "samples": 5, "real": 5, "holdout": 0}
    audit |= {"extractor": "timm:x", "planted": 1.0, "by_chance": 0.01, "tones": shares}
    text = make_card({**config, "audit": audit}, "org/name", "image-to-image")
    assert "| light | 90% | 75% |" in text and "| dark | 10% | 25% |" in text


def test_a_card_says_what_for_shows_pictures_and_links(run):
    plain = card_text(run)
    assert "## What it is for" in plain and "pictures.jpg" not in plain
    assert "More Information Needed" not in plain
    model, records = load_run(run)
    records |= {"uses": ["Testing cards."], "pictures": "Two hands.", "tags": ["hands", "skin"]}
    links = {"repo_url": "https://example.org/repo", "docs_url": "https://example.org/docs"}
    text = model.push_to_hub("org/name", records | links, pictures=b"jpeg", dry_run=True)
    assert "- Testing cards." in text and "![Made by this model](pictures.jpg)\n\n*Two" in text
    assert (
        "[synthderm](https://example.org/repo) ([documentation](https://example.org/docs))" in text
    )
    tags = ModelCard(text).data.tags
    assert "hands" in tags and tags.count("skin") == 1


def test_no_folder_of_the_trainer_is_published(run):
    text = card_text(run)
    assert "isic2017" in text
    assert "net=net.safetensors" in text
    assert "alice" not in text
    assert "/home" not in text
    assert "runs" not in text


def test_other_licences_are_named(run):
    data = ModelCard(card_text(run, licence="Our own terms")).data
    assert data.license == "other"
    assert data.license_name == "our-own-terms"


def without(*path) -> dict:
    """The records without the entry at this path."""
    records = copy.deepcopy(RECORDS)
    inner = records
    for key in path[:-1]:
        inner = inner[key]
    del inner[path[-1]]
    return records


def changed(key: str, field: str, value) -> dict:
    """The records with another value in one field of the first entry of a list."""
    records = copy.deepcopy(RECORDS)
    records[key][0][field] = value
    return {**records, key: records[key][:1]}


EVERYTHING = "licence .of the weights., data .a list of .name, licence, attribution.*, metrics .a"


@pytest.mark.parametrize(
    "records, message",
    [
        ({}, EVERYTHING + " list of"),
        (without("licence"), "no licence"),
        (without("data"), "no data"),
        ({**RECORDS, "data": []}, "no data"),
        ({**RECORDS, "data": ["ISIC"]}, "no data"),
        (without("data", 1, "licence"), r"no data\[1\].licence:"),
        (changed("data", "licence", "Unknown "), r"data\[0\].licence .not 'Unknown '"),
        (without("data", 0, "attribution"), r"no data\[0\].attribution"),
        (without("metrics"), "no metrics"),
        ({**RECORDS, "metrics": []}, "no metrics"),
        (without("metrics", 1, "command"), r"no metrics\[1\].command"),
        (without("metrics", 0, "dataset"), r"no metrics\[0\].dataset"),
        (changed("metrics", "value", "good"), r"metrics\[0\].value .not 'good'"),
        (changed("metrics", "value", float("nan")), r"metrics\[0\].value .not nan"),
        (changed("metrics", "value", True), r"metrics\[0\].value"),
    ],
)
def test_cards_without_licence_or_figures_are_refused(run, capsys, records, message):
    (run / "card.json").write_text(json.dumps(records))
    assert main(["publish", str(run), "--repo", "org/name", "--dry-run"]) == 2
    captured = capsys.readouterr()
    assert re.search(message, captured.err)
    assert "--card FILE" in captured.err
    assert not captured.out
    assert captured.err.count("\n") == 1
    check_records(RECORDS)
