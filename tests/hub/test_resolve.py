"""What a name means: bundled, a folder, or the Hub. Only the Hub uses the network."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from synthderm import SyntheticSkinDataset
from synthderm.hub import resolve as module
from synthderm.hub.download import FILES
from synthderm.hub.resolve import bundled_for_side, bundled_names, bundled_sources, resolve
from synthderm.models.generator import SkinGenerator


@pytest.fixture
def bundled(tmp_path, monkeypatch):
    folder = tmp_path / "weights"
    SkinGenerator(16, [8, 8, 8], ["a", "b"]).save_pretrained(folder / "tiny")
    monkeypatch.setattr(module, "BUNDLED", folder)
    return folder


def make_folder(path: Path) -> Path:
    path.mkdir(parents=True)
    for file in FILES:
        (path / file).write_text("{}")
    return path


def test_bundled_names_and_directories(bundled, tmp_path, monkeypatch):
    assert bundled_names() == ["tiny"]
    assert resolve("tiny") == (bundled / "tiny", "bundled")
    make_folder(tmp_path / "here")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("./here", str(tmp_path / "here"), tmp_path / "here", Path("here"), "~/here"):
        resolved = resolve(name)
        assert resolved.revision == "local"
        assert resolved.directory.samefile(tmp_path / "here")


def test_larger_pictures_are_drawn_by_the_sharper_generator(bundled):
    assert bundled_for_side("tiny", 100) == "tiny"
    for side in (32, 64):
        generator = SkinGenerator(side, [8, 8, 8], ["a", "b"])
        generator.save_pretrained(bundled / f"tiny-{side}")
        generator.save_pretrained(bundled / f"tinyish-{side}")
    sides = {8: "tiny", 16: "tiny", 17: "tiny-32", 32: "tiny-32", 33: "tiny-64", 99: "tiny-64"}
    assert {side: bundled_for_side("tiny", side) for side in sides} == sides
    assert bundled_sources() == ["tiny", "tinyish-32", "tinyish-64"]
    data = SyntheticSkinDataset("tiny", length=1, size=20)
    assert data.source == "tiny-32" and data[0][0].size == (20, 20)
    assert SyntheticSkinDataset("tiny", length=1).source == "tiny"
    assert SyntheticSkinDataset("tiny-64", length=1, size=8).source == "tiny-64"


def test_a_file_is_not_asked_for_at_the_hub(tmp_path, monkeypatch):
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "a.png").touch()
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError, match="'photos/a.png' is a file; a model is a folder"):
        resolve("photos/a.png")


def test_bundled_name_wins_over_a_folder(bundled, tmp_path, monkeypatch):
    make_folder(tmp_path / "tiny")
    monkeypatch.chdir(tmp_path)
    assert resolve("tiny") == (bundled / "tiny", "bundled")


def test_folder_never_shadows_a_hub_id(tmp_path, monkeypatch):
    """`org/name` means the Hub even where such a folder is, and says so."""
    make_folder(tmp_path / "org" / "name")
    monkeypatch.chdir(tmp_path)
    with (
        pytest.warns(UserWarning, match='"./org/name"'),
        pytest.raises(FileNotFoundError, match="org/name@main is not whole in the cache"),
    ):
        resolve("org/name", cache_dir=tmp_path / "cache", local_files_only=True)
    assert resolve("./org/name").revision == "local"


NAMES = [
    *("unknown", "a/b/c", "org/", "org/../name", "org/na--me", "-org/name", "org name", ""),
    *("tiny@v1", "https://x.y/z", "org\\name"),
]


@pytest.mark.parametrize("name", NAMES)
def test_unknown_names(bundled, name):
    with pytest.raises(ValueError, match="bundled models are tiny; a Hub id looks like"):
        resolve(name)


def test_unknown_name_of_a_folder_says_how_to_write_it(bundled, tmp_path, monkeypatch):
    (tmp_path / "mine").mkdir()
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError, match='A folder in the working directory is written "./mine"'):
        resolve("mine")


@pytest.mark.parametrize(
    "revision", ["..", "../../evil", "a//b", "/etc", "a/../../b", "", "a\\..\\b", "refs/"]
)
def test_revisions_are_no_paths(tmp_path, revision):
    with pytest.raises(ValueError, match="no branch, tag or commit"):
        resolve("org/name", revision, cache_dir=tmp_path, local_files_only=True)
    assert not list(tmp_path.iterdir())


def test_revisions_belong_to_hub_ids(bundled, tmp_path):
    for name in ("tiny", make_folder(tmp_path / "here")):
        with pytest.raises(ValueError, match="has no revisions"):
            resolve(name, "v1")
    with pytest.raises(ValueError, match="two revisions"):
        resolve("org/name@v1", "v2")


def test_directory_without_model(tmp_path):
    with pytest.raises(FileNotFoundError, match="config.json and model.safetensors missing"):
        resolve(tmp_path)
    with pytest.raises(FileNotFoundError, match="nowhere is not a model: there is no such folder"):
        resolve(tmp_path / "nowhere")
    run = make_folder(tmp_path / "run" / "model").parent
    assert resolve(run) == resolve(run / "model"), "the folder of a run has its model in model/"
    with pytest.raises(
        FileNotFoundError, match="config.json is not a model: it is a file, give its"
    ):
        resolve(run / "model" / "config.json")
    (tmp_path / "config.json").write_text("{}")
    (tmp_path / "pytorch_model.bin").write_bytes(b"\x80\x04.")
    expected = "model.safetensors missing.*pytorch_model.bin may hold code and is never read"
    with pytest.raises(FileNotFoundError, match=expected):
        resolve(tmp_path)


NO_SOCKETS = """
import json, sys
def forbid(event, arguments):
    if event.startswith("socket."):
        raise AssertionError(f"{event} {arguments}")
sys.addaudithook(forbid)
from pathlib import Path
import synthderm.hub.resolve as module
from synthderm.models.generator import SkinGenerator
module.BUNDLED = Path(sys.argv[1])
models = [SkinGenerator.from_pretrained(name) for name in ("tiny", Path(sys.argv[1]) / "tiny")]
try:
    SkinGenerator.from_pretrained("unknown")
except ValueError:
    pass
print(json.dumps([[model.revision for model in models], "huggingface_hub" in sys.modules]))
try:
    SkinGenerator.from_pretrained("org/name", cache_dir=sys.argv[1])
except (AssertionError, ConnectionError) as error:
    print("socket" in str(error))
"""


def test_bundled_names_and_directories_open_no_socket(bundled):
    """Any socket call of the process raises. That the Hub fails shows that it would be noticed."""
    run = subprocess.run(
        [sys.executable, "-c", NO_SOCKETS, str(bundled)],
        capture_output=True,
        text=True,
        timeout=300,
        env={**os.environ, "PYTHONPATH": str(Path(module.__file__).parents[2])},
    )
    assert run.returncode == 0, run.stderr
    first, second = run.stdout.splitlines()
    assert json.loads(first) == [["bundled", "local"], False], run.stderr
    assert second == "True"
