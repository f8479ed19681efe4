"""Classes, masks and severity: what was asked for is there, and what was not is told."""

import pytest
import torch

from synthderm import SyntheticSkinDataset
from synthderm.audit.class_judge import classes_section, judge_classes
from synthderm.audit.features import extract
from synthderm.audit.images import AuditImages, match_labels
from synthderm.audit.segmenter import judge_masks, masks_section
from synthderm.audit.severity import measure_severity, severity_section
from tests.audit.photographs import draw
from tests.drawing import draw_skin

CLASSES = ["plain", "striped"]


def draw_classes(count: int, seed: int, classes=CLASSES) -> AuditImages:
    """Every second image has stripes and is called so."""
    images = draw(count, seed)
    images[1::2, :, ::4] = (images[1::2, :, ::4].float() * 0.5).byte()
    labels = [k % 2 for k in range(count)]
    return AuditImages("drawn", images, [str(k) for k in range(count)], labels, classes)


def draw_masked(count: int, seed: int) -> AuditImages:
    """Dark, rough squares at random places, with their masks."""
    images, rng = draw(count, seed), torch.Generator().manual_seed(seed)
    masks = torch.zeros(count, 1, 64, 64, dtype=torch.bool)
    for image, mask in zip(images, masks):
        top, left = torch.randint(0, 36, (2,), generator=rng).tolist()
        noise = torch.randint(0, 60, (3, 28, 28), generator=rng)
        image[:, top : top + 28, left : left + 28] = noise.byte()
        mask[:, top : top + 28, left : left + 28] = True
    return AuditImages("drawn", images, [""] * count, [0] * count, ["image"], [None] * count, masks)


@pytest.fixture(scope="module")
def sets():
    return {
        "generated": draw_classes(40, seed=1),
        "real": draw_classes(80, seed=2),
        "holdout": draw_classes(40, seed=3),
    }


@pytest.fixture(scope="module")
def judge(sets, network):
    """The findings with some of the sets changed."""
    layers = {name: extract(one.images, network, name) for name, one in sets.items()}

    def judge(**changes):
        own = {name: extract(one.images, network, name) for name, one in changes.items()}
        return judge_classes(sets | changes, layers | own)

    return judge


def test_the_class_that_was_asked_for_is_seen(judge):
    found = judge()
    assert found.skipped is None and found.photographs == 80
    for kind in ("generated", "holdout"):
        assert all(share.total == 20 and share.share > 0.8 for share in found.shares[kind].values())
    assert "less often" not in classes_section(found)


def test_a_class_that_is_not_shown_is_told(judge):
    plain = draw_classes(40, seed=4)
    plain.images = draw(40, seed=4)  # asked for stripes, given none
    found = judge(generated=plain)
    striped = found.shares["generated"]["striped"]
    assert striped.total == 20 and striped.high < 0.6
    assert "less often than in photographs" in classes_section(found)


def test_classes_go_by_their_names_not_by_their_places(judge):
    turned = draw_classes(40, seed=1)
    turned.classes, turned.labels = ["striped", "plain", "other"], [1 - k % 2 for k in range(40)]
    turned.labels[:2] = [2, 2]
    found = judge(generated=turned)
    assert found.passed_over == ["other"]
    assert sum(share.total for share in found.shares["generated"].values()) == 38
    assert all(share.share > 0.8 for share in found.shares["generated"].values())


def test_classes_of_one_meaning_are_one(judge):
    real, generated = draw_classes(80, 2, ["MEL", "NV"]), draw_classes(40, 1, ["nevus", "melanoma"])
    generated.labels = [1 - label for label in generated.labels]
    found = judge(real=real, generated=generated, holdout=draw_classes(40, 3, ["mel", "nev"]))
    assert found.skipped is None and found.passed_over == []
    for kind in ("generated", "holdout"):
        assert all(share.total == 20 and share.share > 0.8 for share in found.shares[kind].values())


def test_generated_classes_are_as_frequent_as_those_they_stand_for():
    real = draw_classes(20, 1, ["NV", "MEL"])
    real.labels = [0] * 15 + [1] * 5
    labels = match_labels(SyntheticSkinDataset("lesions", length=8), real)
    assert labels.count("nevus") == 6 and labels.count("melanoma") == 2
    real.classes = ["NV", "acne"]
    assert match_labels(SyntheticSkinDataset("lesions", length=8), real) is None


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"real": draw_classes(80, 2, ["a", "b"])}, "none of the classes"),
        ({"real": AuditImages("x", draw(20, 1), [""] * 20, [0] * 20, ["a"])}, "needs two"),
    ],
)
def test_where_no_classifier_can_be_had_it_says_why(judge, change, says):
    found = judge(**change)
    assert says in found.skipped and says in classes_section(found)
    assert found.as_json()["shares"] == {}


def test_masks_are_compared_with_what_a_segmenter_sees(network):
    real, good = draw_masked(40, seed=1), draw_masked(30, seed=2)
    found = judge_masks(good, real, draw_masked(30, seed=3), network)
    for overlap in found.overlaps.values():
        assert overlap.images == 30 and overlap.low > overlap.swapped + 0.15
    assert "masks of other images" in masks_section(found)
    bad = draw_masked(30, seed=2)
    bad.masks = bad.masks.roll(1, 0)
    wrong = judge_masks(bad, real, None, network).overlaps
    assert list(wrong) == ["generated"]
    assert wrong["generated"].high < found.overlaps["generated"].low


def test_masks_that_say_nothing_are_not_judged(network):
    real, whole = draw_masked(40, seed=1), draw_masked(30, seed=2)
    whole.masks[:] = True
    for samples, photographs in ((whole, real), (real, whole)):
        found = judge_masks(samples, photographs, None, network)
        assert "0 masks that are neither empty nor the whole" in found.skipped
    whole.masks = None
    assert judge_masks(real, whole, None, network).skipped


def draw_red(severities) -> AuditImages:
    """Skin with a patch that is the redder the higher the severity."""
    skin = draw_skin(64, 64, "light", seed=0)
    images = (skin * 255).byte().repeat(len(severities), 1, 1, 1).clone()
    masks = torch.zeros(len(severities), 1, 64, 64, dtype=torch.bool)
    for image, mask, severity in zip(images, masks, severities):
        if severity:
            mask[:, 16:40, 16:40] = True
            image[1:, 16:40, 16:40] = (image[1:, 16:40, 16:40] * (1 - 0.4 * severity)).byte()
    labels = [int(severity > 0) for severity in severities]
    count = len(severities)
    return AuditImages(
        "drawn",
        images,
        [""] * count,
        labels,
        ["clear", "eczema"],
        masks=masks,
        facts={"severity": list(severities)},
    )


def test_severity_goes_with_redness():
    found = measure_severity(draw_red([k / 30 for k in range(31)]))
    assert found.images == 30 and found.correlation["low"] > 0.95
    assert list(found.by_class) == ["eczema"]  # clear skin has no eczema to be judged
    assert "Spearman" in severity_section(found)
    turned = draw_red([k / 30 for k in range(31)])
    turned.facts["severity"] = turned.facts["severity"][:1] + turned.facts["severity"][:0:-1]
    assert measure_severity(turned).correlation["high"] < -0.95


def test_severity_without_a_dial_or_without_a_spread():
    assert "no dial" in measure_severity(draw_classes(20, seed=1)).skipped
    assert "are needed" in measure_severity(draw_red([0.5] * 3)).skipped
    assert "one severity" in measure_severity(draw_red([0.5] * 25)).skipped
