"""Models that were trained on test photographs are refused."""

from dataclasses import replace

import pytest

from benchmarks.downstream import leakage
from benchmarks.downstream.arms import ARMS
from benchmarks.downstream.data import read_rows
from benchmarks.downstream.protocol import Run
from benchmarks.downstream.run import check_leaks
from benchmarks.downstream.settings import take_subset
from benchmarks.downstream.subset import write_subset
from synthderm import SkinGenerator

RUN = Run("A", "100%", "pretrained", "balancing", 0)


@pytest.fixture
def test_file(places) -> str:
    """The name of a test photograph."""
    rows = read_rows(places["data"])
    return next(row["file_name"] for row in rows if row["split"] == "test")


def test_a_generator_that_saw_a_test_photograph_is_refused(settings, places, tmp_path, test_file):
    check_leaks(settings, RUN, ARMS["balancing"])
    leaked = SkinGenerator.from_pretrained(places["generator"]).save_pretrained(tmp_path / "leaked")
    digest = leakage.hash_photograph(places["data"] / test_file)
    (leaked / leakage.LIST).write_text(f"{digest}  x.png\n")
    with pytest.raises(ValueError, match=f"leaked' saw the test photograph {test_file}"):
        check_leaks(replace(settings, model=str(leaked)), RUN, ARMS["balancing"])


def test_a_generator_whose_photographs_are_not_here_is_refused(places, tmp_path):
    unknown = SkinGenerator.from_pretrained(places["generator"]).save_pretrained(
        tmp_path / "unknown", card={"training": {"data": "elsewhere"}}
    )
    with pytest.raises(ValueError, match="trained on 'elsewhere', which is not here"):
        leakage.training_files(str(unknown), [])


def test_weights_that_saw_a_test_photograph_are_refused(settings, places, tmp_path, test_file):
    weights = tmp_path / "w.safetensors"
    weights.write_bytes(b"")
    digest = leakage.hash_photograph(places["data"] / test_file)
    weights.with_name(f"w.{leakage.LIST}").write_text(digest)
    with pytest.raises(ValueError, match=f"w.safetensors saw the test photograph {test_file}"):
        check_leaks(replace(settings, classifier=f"test_efficientnet={weights}"), RUN, ARMS["real"])


def test_a_generator_that_saw_all_of_train_is_not_own(settings, places):
    """It is fine as "pretrained"."""
    own = replace(settings, own=(("25%", str(places["generator"])),))
    with pytest.raises(ValueError, match="saw 18 photographs outside the training subset"):
        check_leaks(own, Run("A", "25%", "own", "balancing", 0), ARMS["balancing"])


def test_a_generator_trained_on_the_written_subset_is_own(settings, places, tmp_path):
    write_subset(settings, "25%", tmp_path / "subset")
    made = SkinGenerator.from_pretrained(places["generator"]).save_pretrained(
        tmp_path / "own", card={"training": {"data": str(tmp_path / "subset")}}
    )
    own = replace(settings, own=(("25%", str(made)),))
    for seed in (0, 4):
        run = Run("A", "25%", "own", "balancing", seed)
        check_leaks(own, run, ARMS["balancing"])
        assert take_subset(own, run).names == take_subset(own, replace(run, seed=0)).names
