"""Skin tones by group, and the groups that a generator lacks."""

import torch

from synthderm.audit.tones import GROUPS, group_of, measure_tones, tones_section
from tests.drawing import TONES, draw_skin


def draw_tones(**counts) -> torch.Tensor:
    images = [draw_skin(32, 32, tone, seed=k) for tone in counts for k in range(counts[tone])]
    return (torch.stack(images) * 255).byte()


def test_borders_of_groups_are_those_of_chardon():
    tones = torch.tensor([55.1, 54.9, 41.5, 40.0, 28.0, 27.9, 10.0, 9.0, -30.0, -30.1, -89.0])
    names = [list(GROUPS)[k] for k in group_of(tones)]
    light, dark = ["light"] * 2, ["brown"] * 2 + ["dark"] * 2
    assert names == ["very light", *light, *["intermediate"] * 2, *["tan"] * 2, *dark]


def test_a_group_that_the_generator_lacks_is_named():
    real = draw_tones(light=20, dark=20)
    findings = measure_tones({"generated": draw_tones(light=40), "real": real}, edits=False)
    (dark,) = {list(GROUPS)[k] for k in group_of(findings.tones["real"][20:])}
    assert dark in ("brown", "dark") and findings.lacking == [dark]
    assert findings.shares["real"][dark]["found"] == 20
    assert "clearly less" in tones_section(findings)


def test_equal_sets_lack_nothing():
    images = draw_tones(**dict.fromkeys(TONES, 6))
    findings = measure_tones({"generated": images, "real": images, "holdout": images}, edits=False)
    assert findings.lacking == [] and findings.edits == {}


def test_edits_are_measured_by_group():
    images = draw_tones(light=3, dark=3)
    findings = measure_tones({"generated": images, "real": images}, edits=True)
    assert len(findings.edits) == 2
    for values in findings.edits.values():
        assert values["photographs"] == 3 and values["strength"] > 1
        assert 0 <= values["finder_error"] <= 1
    assert "CIEDE2000" in tones_section(findings)


def test_images_without_skin_are_left_out():
    blue = torch.tensor([30, 60, 200], dtype=torch.uint8).view(1, 3, 1, 1).expand(4, 3, 32, 32)
    images = torch.cat([draw_tones(light=8), blue])
    findings = measure_tones({"generated": images, "real": images}, edits=False)
    assert sum(share["found"] for share in findings.shares["real"].values()) in (8, 12)
