"""Data sets whose weights are on the Hub: which commit they use, and what happens without it."""

from pathlib import Path

from synthderm import SkinGenerator, SyntheticSkinDataset
from tests.drawing import write_pipeline

NAMES = ["nevus", "melanoma"]
ROOT = Path(__file__).parents[2]


def test_pipeline_from_the_hub(hub, new_client, tmp_path):
    """By its id, at a commit, then offline. diffusers wants a newer huggingface_hub than our
    oldest: the installed one."""
    pipeline = write_pipeline(tmp_path / "pipeline")
    client = new_client(PYTHONPATH=str(ROOT))
    files = {
        str(path.relative_to(pipeline)): path.read_bytes()
        for path in pipeline.rglob("*")
        if path.is_file()
    }
    commit = hub.commit("org/pipe", files)
    assert client("dataset", source="diffusers:org/pipe", classes=NAMES, length=1)["result"] == [
        commit,
        NAMES,
    ]
    image = SyntheticSkinDataset(f"diffusers:{pipeline}", length=1, classes=NAMES)[0][0]
    assert client("items", workers=0)["result"] == [[sum(image.tobytes()), [8, 8], 0]]
    missing = client("dataset", source="diffusers:org/none-such", classes=NAMES, length=1)
    assert (
        missing["error"] == "FileNotFoundError"
        and "org/none-such does not exist or is private" in missing["message"]
    )
    hub.down()
    try:
        cold = client("dataset", source="diffusers:org/none-such", classes=NAMES, length=1)
        assert client("dataset", source=f"diffusers:org/pipe@{commit}", classes=NAMES, length=1)[
            "result"
        ] == [commit, NAMES]
    finally:
        hub.up()
    assert cold["error"] == "ConnectionError" and hub.url in cold["message"]


def test_dataset_keeps_the_commit_of_its_start(hub, new_client, tmp_path):
    """Workers that start after a branch has moved, or without network, use the weights of the data
    set's start."""
    folder = SkinGenerator(16, [8, 8, 8], ["a", "b"]).save_pretrained(tmp_path / "model")
    files = {path.name: path.read_bytes() for path in folder.iterdir()}
    commit = hub.commit("org/moving", files)
    client = new_client()
    assert client("dataset", source="org/moving", length=4)["result"] == [commit, ["a", "b"]]
    expected = client("items", workers=0)["result"]
    other = SkinGenerator(16, [8, 8, 8], ["a", "b"]).save_pretrained(tmp_path / "other")
    hub.commit("org/moving", {path.name: path.read_bytes() for path in other.iterdir()})
    hub.reset()
    answer = client("items", workers=2)
    assert answer["result"] == expected and not hub.log
    assert expected == [
        [sum(image.tobytes()), [16, 16], label]
        for image, label in SyntheticSkinDataset(folder, length=4)
    ]
