"""Goals of generators are judged as they are written."""

from benchmarks.tables.fidelity import fidelity_section, goal_rows, goal_values

KID = {
    "extractor": "e",
    "size": 8,
    "n_test": 9,
    "runs": [{"n": 5, "kid_x1000": 0.2}, {"n": 5, "kid_x1000": 0.4}],
}
DCGAN = {**KID, "runs": [{"n": 5, "kid_x1000": 1.0}]}


def test_goals_are_met_or_missed_by_the_mean_over_seeds():
    parts = {
        "kid": KID,
        "prdc": {"train_vs_test": {"recall": 0.8}, "runs": [{"recall": 0.4}]},
        "is": {"skipped": "x"},
        "tone": {"skipped": "x"},
    }
    rows = goal_rows(parts, DCGAN)
    assert [row[-1] for row in rows] == ["met", "**missed**"]
    assert rows[0][2] == "0.30 ± 0.14" and rows[1][2] == "0.50"
    assert goal_rows({"dice": {"real_train": 1.0, "runs": [{"dice": 0.9}]}}, None)[0][1:] == [
        "at least 0.9",
        "0.90",
        "met",
    ]
    assert goal_rows({"dice": {"real_train": 0.0, "runs": [{"dice": 0.9}]}}, None) == []
    assert goal_rows({"tone": {"runs": [{"median_error": 8.5}]}}, None)[0][-1] == "**missed**"


def test_accuracies_are_compared_with_the_real_images_they_belong_to():
    accuracies = {
        "real_test": {"accuracy": 0.5},
        "real_train": {"accuracy": 1.0},
        "runs": [{"accuracy": 0.5}],
    }
    rows = goal_rows({"class": accuracies, "pose": accuracies}, None)
    assert [row[2:] for row in rows] == [["1.00", "met"], ["0.50", "**missed**"]]


def test_kid_is_compared_only_with_a_dcgan_of_the_same_extractor_and_numbers():
    assert goal_values("kid", KID, None) == []
    assert goal_values("kid", KID, {**DCGAN, "extractor": "another"}) == []
    other_n = {**DCGAN, "runs": [{"n": 6, "kid_x1000": 1.0}]}
    assert goal_values("kid", KID, other_n) == []


def test_the_reference_has_no_goals():
    provenance = {"commit": "c" * 40, "date": "d", "versions": {"torch": "t"}, "hardware": "h"}
    figures = {"kid_x1000": 1.0, "fid": 1.0}
    runs = [{"n": 5, **figures}]
    part = {**KID, **provenance, "model": "m", "revision": "r", "train_vs_test": figures}
    result = {"parts": {"kid": {**part, "runs": runs}}}
    assert "| goal |" in "\n".join(fidelity_section("lesions", result, DCGAN))
    assert "| goal |" not in "\n".join(fidelity_section("dcgan", result, DCGAN))
