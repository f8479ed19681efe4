"""What is downloaded, and when: the real huggingface_hub client against `hub_server.py`."""

import hashlib
import os
import sys

from tests.hub.downloads import CONFIG, FILES, WEIGHTS, content
from tests.hub.hub_server import git_hash


def test_the_client_is_the_one_to_be_tested(client):
    version, file = client("version")["result"]
    assert 1 <= int(version.split(".")[0]) < 3  # what pyproject.toml allows
    assert file.startswith(os.environ.get("SYNTHDERM_TEST_HUB_PATH", sys.prefix))


def test_first_download_brings_two_files_and_says_the_commit(hub, client, repository, tmp_path):
    commit = hub.commit(repository, FILES)
    answer = client.resolve(repository, tmp_path)
    assert answer["result"][1] == commit
    assert not answer["warnings"]
    # Nothing else is taken from the repository: no pickle, no code.
    assert content(answer) == {"config.json": CONFIG, "model.safetensors": WEIGHTS}
    asked = {path.rsplit("/", 1)[1] for _, path, _ in hub.log if "/resolve/" in path}
    assert asked == {"config.json", "model.safetensors"}


def test_second_time_nothing_is_downloaded(hub, client, repository, tmp_path):
    hub.commit(repository, FILES)
    first = client.resolve(repository, tmp_path)
    hub.reset()
    assert client.resolve(repository, tmp_path)["result"] == first["result"]
    # A branch may have moved: one request to learn its commit, and no file.
    assert [method for method, _, _ in hub.log] == ["HEAD"]


def test_cached_commit_needs_no_request(hub, client, repository, tmp_path):
    commit = hub.commit(repository, FILES)
    first = client.resolve(f"{repository}@{commit}", tmp_path)
    assert first["result"][1] == commit
    hub.reset()
    for answer in (
        client.resolve(f"{repository}@{commit}", tmp_path),
        client.resolve(repository, tmp_path, revision=commit),
    ):
        assert answer["result"] == first["result"]
    assert not hub.log


def test_tags_and_older_commits_are_pinned(hub, client, repository, tmp_path):
    old = hub.commit(repository, FILES)
    hub.refs[repository, "v1"] = old
    new = hub.commit(repository, {**FILES, "config.json": b"{}"})
    assert client.resolve(repository, tmp_path)["result"][1] == new
    assert client.resolve(f"{repository}@v1", tmp_path)["result"][1] == old
    assert content(client.resolve(repository, tmp_path, revision=old))["config.json"] == CONFIG


def test_moved_branch_is_followed(hub, client, repository, tmp_path):
    old = hub.commit(repository, FILES)
    assert client.resolve(repository, tmp_path)["result"][1] == old
    new = hub.commit(repository, {**FILES, "config.json": b"{}"})
    hub.reset()
    answer = client.resolve(repository, tmp_path)
    assert answer["result"][1] == new
    assert content(answer)["config.json"] == b"{}"
    # The weights stayed the same and were not fetched again.
    assert not hub.requests("GET", "/cdn/")
    hub.down()
    try:
        # What the branch stands for is known offline too.
        assert client.resolve(repository, tmp_path)["result"][1] == new
    finally:
        hub.up()


def test_interrupted_move_leaves_the_old_model_usable_offline(hub, client, repository, tmp_path):
    old = hub.commit(repository, FILES)
    client.resolve(repository, tmp_path)
    hub.commit(repository, {**FILES, "model.safetensors": os.urandom(1000)})
    hub.fault("GET", "/cdn/", times=99, status=500)
    answer = client.resolve(repository, tmp_path)
    assert answer["result"][1] == old
    assert "500" in answer["warnings"][0]
    assert old in answer["warnings"][0]
    assert client.resolve(repository, tmp_path, local_files_only=True)["result"][1] == old


def test_cut_connection_is_resumed(hub, client, repository, tmp_path):
    weights = os.urandom(25_000_000)  # the client reads in pieces of 10 MiB
    hub.commit(repository, {**FILES, "model.safetensors": weights})
    hub.fault("GET", "/cdn/", cut=12_000_000)
    assert content(client.resolve(repository, tmp_path))["model.safetensors"] == weights
    ranges = [
        headers.get("Range") or headers.get("range")
        for _, _, headers in hub.requests("GET", "/cdn/")
    ]
    assert ranges == [None, f"bytes={10 * 2**20}-"]


def test_one_damaged_download_is_repeated(hub, client, repository, tmp_path):
    hub.commit(repository, FILES)
    hub.fault("GET", "/cdn/", body=bytes(len(WEIGHTS)))
    assert content(client.resolve(repository, tmp_path))["model.safetensors"] == WEIGHTS
    assert len(hub.requests("GET", "/cdn/")) == 2


def test_damaged_cache_is_noticed_and_mended(hub, client, repository, tmp_path):
    commit = hub.commit(repository, FILES)
    directory = client.resolve(repository, tmp_path)["result"][0]
    with open(os.path.join(directory, "model.safetensors"), "r+b") as file:
        file.write(b"damaged")
    offline = client.resolve(repository, tmp_path, local_files_only=True)
    assert offline["error"] == "FileNotFoundError"
    assert repository in offline["message"]
    for name in (f"{repository}@{commit}", repository):
        assert content(client.resolve(name, tmp_path))["model.safetensors"] == WEIGHTS


def test_renamed_repository_is_followed(hub, client, repository, tmp_path):
    commit = hub.commit(repository, FILES)
    hub.moved["former/name"] = repository
    answer = client.resolve("former/name", tmp_path)
    assert answer["result"][1] == commit
    assert content(answer)["model.safetensors"] == WEIGHTS


def test_eight_processes_at_once_download_once(hub, new_client, repository, tmp_path):
    weights = os.urandom(3_000_000)
    hub.commit(repository, {**FILES, "model.safetensors": weights})
    clients = [new_client() for _ in range(8)]
    for one in clients:
        one.send("resolve", model=repository, cache_dir=str(tmp_path / "cache"))
    answers = [one.answer() for one in clients]
    assert len({tuple(answer["result"]) for answer in answers}) == 1
    assert content(answers[0]) == {"config.json": CONFIG, "model.safetensors": weights}
    assert len(hub.requests("GET", "/cdn/")) == 1
    assert len(hub.requests("GET", "/config.json")) == 1


def test_offline(hub, client, new_client, repository, tmp_path):
    commit = hub.commit(repository, FILES)
    client.resolve(repository, tmp_path)
    hub.reset()
    offline = new_client(HF_HUB_OFFLINE="1")
    for answer in (
        offline.resolve(repository, tmp_path),
        client.resolve(repository, tmp_path, local_files_only=True),
    ):
        assert answer["result"][1] == commit
        assert not answer["warnings"]
    cold = offline.resolve(repository, tmp_path / "cold")
    assert cold["error"] == "FileNotFoundError"
    assert "HF_HUB_OFFLINE=1" in cold["message"]
    cold = client.resolve(repository, tmp_path / "cold", local_files_only=True)
    assert cold["error"] == "FileNotFoundError"
    assert "local_files_only=True" in cold["message"]
    assert not hub.log


def test_hf_home_is_the_cache(hub, new_client, repository, tmp_path):
    hub.commit(repository, FILES)
    answer = new_client(HF_HOME=str(tmp_path / "elsewhere"))("resolve", model=repository)
    assert answer["result"][0].startswith(str(tmp_path / "elsewhere" / "hub"))


def test_prefetched_snapshot_is_found_offline(hub, client, new_client, repository, tmp_path):
    """What `hf download org/name` leaves in the cache is read: one cache for all libraries."""
    commit = hub.commit(repository, FILES)
    assert "result" in client("snapshot", name=repository, cache_dir=str(tmp_path))
    assert new_client(HF_HUB_OFFLINE="1").resolve(repository, tmp_path)["result"][1] == commit


def test_the_fake_hub_hashes_like_git():
    assert git_hash(b"hello\n") == "ce013625030ba8dba906f756967f9e9ca394464a"
    assert hashlib.sha256(b"").hexdigest().startswith("e3b0c442")
