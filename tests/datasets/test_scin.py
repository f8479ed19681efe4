"""SCIN: tones, weights, and photographs that were not fetched."""

import warnings
from pathlib import Path

import pytest

from synthderm import SkinFolder
from tests.datasets.published import hands_11k, scin


def test_tones_weights_and_photographs_that_were_not_fetched(tmp_path):
    truth = scin(tmp_path)
    # The tie, the light one, the one without a condition, and two that have several.
    says = rf"5 of {len(truth) + 5} SCIN photographs are left out: .* below min_weight=0.5"
    with pytest.warns(UserWarning, match=says):
        data = SkinFolder(tmp_path)
    assert data.tones[0] == {"fitzpatrick": 2, "monk": 3.5}
    assert data.tones[data.groups.index("a")] == {}
    assert SkinFolder(tmp_path / "dataset").samples == data.samples
    added = {Path(path).stem for path, _ in SkinFolder(tmp_path, min_weight=0).samples} - set(truth)
    assert added == {"light"}  # a tie stays undecided at any weight
    assert set(SkinFolder(tmp_path, min_weight=0.9).classes) == {"Eczema", "Tinea"}
    eczema = SkinFolder(tmp_path, classes="Eczema")
    assert eczema.classes == ["Eczema"]
    assert set(eczema.targets) == {0}
    assert len(eczema) == sum(label == "Eczema" for label, _ in truth.values())
    (tmp_path / "dataset" / "images" / "a0.png").unlink()
    with pytest.warns(UserWarning, match=f"1 of {len(truth)} SCIN photographs are not") as caught:
        assert len(SkinFolder(tmp_path, min_weight=0.5)) == len(truth) - 1
    assert caught[0].filename == __file__, "the warning points to the caller"
    for path in (tmp_path / "dataset" / "images").iterdir():
        path.unlink()
    with pytest.raises(ValueError, match="holds none of the"):
        SkinFolder(tmp_path)


def test_classes_are_those_of_the_tables_whichever_photographs_are_there(tmp_path):
    truth = scin(tmp_path)
    whole = SkinFolder(tmp_path)
    for name, (label, _) in truth.items():
        if label != "Psoriasis":
            (tmp_path / "dataset" / "images" / f"{name}.png").unlink()
    with pytest.warns(UserWarning, match="SCIN photographs are not in"):
        part = SkinFolder(tmp_path)
    assert part.classes == whole.classes == ["Eczema", "Psoriasis", "Tinea"]
    assert set(part.targets) == {1}
    with pytest.warns(UserWarning), pytest.raises(ValueError, match="has no photograph of Eczema."):
        SkinFolder(tmp_path, classes=["Eczema"])
    with pytest.warns(UserWarning), pytest.raises(ValueError, match="no class 'Acne'; it has: Ecz"):
        SkinFolder(tmp_path, classes=["Acne"])


def test_complete_folders_do_not_warn(tmp_path):
    scin(tmp_path)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        SkinFolder(tmp_path, min_weight=0.5)  # asked for, so what is left out is no surprise


def test_min_weight_is_for_scin(tmp_path):
    hands_11k(tmp_path / "hands")
    with pytest.raises(ValueError, match="read as 11k Hands: leave it out"):
        SkinFolder(tmp_path / "hands", min_weight=0.5)
    scin(tmp_path / "scin")
    with pytest.raises(ValueError, match="min_weight=2: weights are in"):
        SkinFolder(tmp_path / "scin", min_weight=2)
