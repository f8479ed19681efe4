"""The bundled models: small, complete, and doing what their cards say."""

import json

import pytest
import torch

from synthderm import EczemaEditor, SkinGenerator, SyntheticSkinDataset
from synthderm.files import sha256
from synthderm.hub.resolve import BUNDLED, bundled_names
from synthderm.transforms.functional import add_eczema, find_eczema

NAMES = ["clinical", "eczema", "hands", "lesions", "lesions-256", "skin"]


def test_they_are_there_and_small():
    assert bundled_names() == NAMES
    sizes = [path.stat().st_size for path in BUNDLED.glob("*/model.safetensors")]
    assert max(sizes) <= 16e6 and sum(sizes) <= 40e6


@pytest.mark.parametrize("name", NAMES)
def test_cards_are_complete(name):
    card = (BUNDLED / name / "README.md").read_text()
    for needed in (
        "![Made by this model](pictures.jpg)",
        "## What it is for",
        "## How to load it",
        "## Training data",
        "licence",
        "## Training\n",
        "python recipes/train_",
        "| seed |",
        "## Measured",
        "| floor |",
        "benchmarks",
        "## Skin tone",
        "## Audit",
        "## Limits",
        "not for diagnosis",
    ):
        assert needed in card, f"the card of {name} lacks {needed!r}"
    assert "library_name: synthderm" in card and "More Information Needed" not in card
    page = card.split("---\n", 2)[2].partition("<details>")[0]
    assert len(page.splitlines()) < 110, "one page, with the settings of the run folded"
    assert (BUNDLED / name / "pictures.jpg").stat().st_size < 60_000
    config = json.loads((BUNDLED / name / "config.json").read_text())
    assert (
        config["training"]["shown"] > 10_000
        and config["data"]
        and all(entry["licence"] for entry in config["data"])
    )
    measured = {metric["name"] for metric in config["metrics"]}
    wanted = (
        (
            "unchanged pixels outside",
            "colour change rises with severity",
            "added, then removed",
            "`find_eczema`",
            "KID to keratoses",
            "classifier",
        )
        if name == "eczema"
        else ("KID x1000", "FID on", "recall")
    )
    assert all(any(metric.startswith(start) for metric in measured) for start in wanted)
    assert "../" not in card + json.dumps(config)


@pytest.mark.parametrize("name", bundled_names())
def test_a_card_tells_of_an_audit_of_its_own_weights(name):
    folder = BUNDLED / name
    audit = json.loads((folder / "config.json").read_text()).get("audit")
    card = (folder / "README.md").read_text()
    assert ("was not audited" in card) == (audit is None)
    if audit is not None:
        assert audit["weights"] == sha256(folder / "model.safetensors"), "audit it again"
        assert (BUNDLED.parents[1] / audit["report"]).is_file()


@pytest.mark.parametrize("name", ["lesions", "lesions-256", "clinical", "hands"])
def test_generated_images_are_varied_and_have_regions(name):
    data = SyntheticSkinDataset(name, length=48, seed=9)
    images, masks = data.generate(list(range(48)))
    share = masks.float().mean((1, 2, 3))
    assert ((share > 0.005) & (share < 0.95)).float().mean() > 0.9
    flat = images.float().flatten(1) / 255
    distances = torch.pdist(flat) / flat.shape[1] ** 0.5
    assert distances.min() > 0.01 and distances.median() > 0.08
    inside, outside = (
        (images.float() * m).sum((1, 2, 3)) / (3 * m.sum((1, 2, 3)).clamp_min(1))
        for m in (masks, ~masks)
    )
    assert (
        inside < outside
    ).float().mean() > 0.85  # lesions and hands are darker than what is around them


def test_the_editor_finds_what_it_adds():
    hands = SyntheticSkinDataset("hands", length=24, seed=3, size=128).generate(list(range(24)))[0]
    edit = add_eczema(hands, severity=0.9, coverage=0.4, seed=1)
    found = find_eczema(edit.images)
    overlap = (found & edit.masks).sum() / (found | edit.masks).sum()
    assert overlap > 0.3
    # At the pixels that were visibly changed, before and after. Creases of healthy hands are found
    # too, on photographs as on these.
    change = (edit.images.int() - hands.int()).abs().amax(1, keepdim=True)
    shown = edit.masks & (change > 10)
    before, after = ((where & shown).sum() / shown.sum() for where in (find_eczema(hands), found))
    assert after > 0.75 and before < 0.4
    skin = SyntheticSkinDataset("skin", length=24, seed=3, size=128).generate(list(range(24)))[0]
    added = add_eczema(skin, severity=0.9, coverage=0.4, seed=1).masks
    assert find_eczema(skin).float().mean() < 0.5 * added.float().mean()


def test_loading_is_strict_about_the_class():
    assert isinstance(SkinGenerator.from_pretrained("hands"), SkinGenerator)
    with pytest.raises(ValueError, match="holds a 'EczemaEditor', not a SkinGenerator"):
        SkinGenerator.from_pretrained("eczema")
    assert EczemaEditor.from_pretrained("eczema").revision == "bundled"
