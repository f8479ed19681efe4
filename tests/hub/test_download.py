"""Loading from a Hub: the real huggingface_hub client against `hub_server.py`.

These tests use `resolve` alone, so the two files need not be a model; `test_hub_models.py` loads
real ones.
"""

import hashlib
import os
import re
import sys
import threading

import pytest

from tests.hub.hub_server import git_hash

CONFIG, WEIGHTS = b'{"format_version": 1}', os.urandom(50_000)
FILES = {
    "config.json": CONFIG,
    "model.safetensors": WEIGHTS,
    "README.md": b"# card",
    "pytorch_model.bin": b"\x80\x04.",
    "model.py": b"1/0",
}


@pytest.fixture
def repository(request):
    return "org/" + re.sub(r"\W+", "-", request.node.name).strip("-")


def content(answer: dict) -> dict[str, bytes]:
    directory = answer["result"][0]
    return {
        name: open(os.path.join(directory, name), "rb").read()
        for name in sorted(os.listdir(directory))
    }


def test_the_client_is_the_one_to_be_tested(client):
    version, file = client("version")["result"]
    assert 1 <= int(version.split(".")[0]) < 3  # what pyproject.toml allows
    assert file.startswith(os.environ.get("SYNTHDERM_TEST_HUB_PATH", sys.prefix))


def test_first_download_brings_two_files_and_says_the_commit(hub, client, repository, tmp_path):
    commit = hub.commit(repository, FILES)
    answer = client.resolve(repository, tmp_path)
    assert answer["result"][1] == commit and not answer["warnings"]
    # Nothing else is taken from the repository: no pickle, no code.
    assert content(answer) == {"config.json": CONFIG, "model.safetensors": WEIGHTS}
    assert {path.rsplit("/", 1)[1] for _, path, _ in hub.log if "/resolve/" in path} == {
        "config.json",
        "model.safetensors",
    }


def test_second_time_nothing_is_downloaded(hub, client, repository, tmp_path):
    hub.commit(repository, FILES)
    first = client.resolve(repository, tmp_path)
    hub.reset()
    assert client.resolve(repository, tmp_path)["result"] == first["result"]
    assert [method for method, _, _ in hub.log] == [
        "HEAD"
    ]  # a branch may have moved: one question, no file


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
    assert answer["result"][1] == new and content(answer)["config.json"] == b"{}"
    assert not hub.requests(
        "GET", "/cdn/"
    )  # the weights stayed the same and were not fetched again
    hub.down()
    try:
        assert (
            client.resolve(repository, tmp_path)["result"][1] == new
        )  # what the branch means is known offline too
    finally:
        hub.up()


def test_interrupted_move_leaves_the_old_model_usable_offline(hub, client, repository, tmp_path):
    old = hub.commit(repository, FILES)
    client.resolve(repository, tmp_path)
    hub.commit(repository, {**FILES, "model.safetensors": os.urandom(1000)})
    hub.fault("GET", "/cdn/", times=99, status=500)
    answer = client.resolve(repository, tmp_path)
    assert (
        answer["result"][1] == old
        and "500" in answer["warnings"][0]
        and old in answer["warnings"][0]
    )
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


def test_connection_that_is_always_cut_is_an_error(hub, client, repository, tmp_path):
    hub.commit(repository, FILES)
    hub.fault("GET", "/cdn/", times=99, cut=0)
    answer = client.resolve(repository, tmp_path)
    assert answer["error"] == "ConnectionError" and repository in answer["message"]
    hub.reset()
    assert content(client.resolve(repository, tmp_path))["model.safetensors"] == WEIGHTS


@pytest.mark.parametrize("body", [WEIGHTS[:-7], WEIGHTS + b"1234567"], ids=["short", "long"])
def test_wrong_size_is_an_error_and_leaves_no_trace(hub, client, repository, tmp_path, body):
    hub.commit(repository, FILES)
    hub.fault("GET", "/cdn/", times=99, body=body)
    answer = client.resolve(repository, tmp_path)
    assert (
        answer["error"] == "OSError"
        and repository in answer["message"]
        and "another size than the Hub names" in answer["message"]
    )
    assert (
        client.resolve(repository, tmp_path, local_files_only=True)["error"] == "FileNotFoundError"
    )
    hub.reset()
    assert content(client.resolve(repository, tmp_path))["model.safetensors"] == WEIGHTS


@pytest.mark.parametrize(
    "file, path", [("model.safetensors", "/cdn/"), ("config.json", "/resolve/")]
)
def test_wrong_hash_is_an_error_and_leaves_no_trace(hub, client, repository, tmp_path, file, path):
    hub.commit(repository, FILES)
    hub.fault("GET", path, times=99, body=bytes(len(FILES[file])))
    answer = client.resolve(repository, tmp_path)
    assert (
        answer["error"] == "OSError"
        and "another hash" in answer["message"]
        and file in answer["message"]
    )
    assert file not in [path.name for path in tmp_path.rglob("*")]
    assert bytes(len(FILES[file])) not in [
        path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()
    ]
    assert (
        client.resolve(repository, tmp_path, local_files_only=True)["error"] == "FileNotFoundError"
    )
    hub.reset()
    assert content(client.resolve(repository, tmp_path))[file] == FILES[file]


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
    assert offline["error"] == "FileNotFoundError" and repository in offline["message"]
    for name in (f"{repository}@{commit}", repository):
        assert content(client.resolve(name, tmp_path))["model.safetensors"] == WEIGHTS


@pytest.mark.parametrize("kind", ["gated", "private"])
def test_locked_repositories_say_how_to_log_in(hub, client, new_client, repository, tmp_path, kind):
    commit = hub.commit(repository, FILES)
    hub.locked[repository] = ("hf_secret", kind)
    answer = client.resolve(repository, tmp_path)
    assert answer["error"] == {"gated": "PermissionError", "private": "FileNotFoundError"}[kind]
    assert (
        kind in answer["message"]
        and "hf auth login" in answer["message"]
        and "HF_TOKEN" in answer["message"]
    )
    assert f"{hub.url}/{repository}" in answer["message"]
    assert client.resolve(repository, tmp_path, token="hf_secret")["result"][1] == commit
    assert (
        new_client(HF_TOKEN="hf_secret").resolve(repository, tmp_path / "other")["result"][1]
        == commit
    )
    assert all(
        "authorization" not in map(str.lower, headers)
        for _, _, headers in hub.requests("GET", "/cdn/")
    )
    assert (
        "hf auth login"
        in client.resolve(repository, tmp_path / "third", token="hf_wrong")["message"]
    )


def test_missing_repository_revision_and_file(hub, client, repository, tmp_path):
    answer = client.resolve(repository, tmp_path)
    assert answer["error"] == "FileNotFoundError" and "spelling" in answer["message"]
    hub.commit(repository, {"model.safetensors": WEIGHTS})
    answer = client.resolve(repository, tmp_path)
    assert answer["error"] == "ValueError" and "not a synthderm model" in answer["message"]
    hub.commit(repository, {"config.json": CONFIG, "pytorch_model.bin": b"\x80\x04."})
    answer = client.resolve(repository, tmp_path)
    assert answer["error"] == "ValueError" and "model.safetensors" in answer["message"]
    answer = client.resolve(f"{repository}@no/such", tmp_path)
    assert answer["error"] == "FileNotFoundError" and "'no/such'" in answer["message"]


def test_renamed_repository_is_followed(hub, client, repository, tmp_path):
    commit = hub.commit(repository, FILES)
    hub.moved["former/name"] = repository
    answer = client.resolve("former/name", tmp_path)
    assert answer["result"][1] == commit and content(answer)["model.safetensors"] == WEIGHTS


@pytest.mark.parametrize(
    "status, said",
    [(403, "log in"), (429, "wait 7 s"), (500, "answered 500"), (503, "answered 503")],
)
def test_refusals(hub, new_client, repository, tmp_path, status, said):
    client = new_client()  # the oldest one goes on repeating in the background
    commit = hub.commit(repository, FILES)
    # The oldest client repeats a request that is answered with 429, so our deadline may come first.
    hub.fault("HEAD", "/resolve/", times=99, status=status, headers={"Retry-After": "7"})
    answer = client.resolve(repository, tmp_path)
    assert "OSError" in answer["bases"] and (
        said in answer["message"] or status == 429 and "no answer within" in answer["message"]
    )
    assert len(hub.log) <= 3
    hub.reset()
    assert client.resolve(repository, tmp_path)["result"][1] == commit
    hub.fault("HEAD", "/resolve/", times=99, status=status, headers={"Retry-After": "7"})
    answer = client.resolve(repository, tmp_path)
    assert answer["result"][1] == commit and "cached copy" in answer["warnings"][0]


def test_server_down(hub, client, repository, tmp_path):
    commit = hub.commit(repository, FILES)
    client.resolve(repository, tmp_path / "warm")
    hub.down()
    try:
        warm = client.resolve(repository, tmp_path / "warm")
        pinned = client.resolve(f"{repository}@{commit}", tmp_path / "warm")
        cold = [
            client.resolve(name, tmp_path / "cold")
            for name in (repository, f"{repository}@{commit}")
        ]
    finally:
        hub.up()
    assert (
        warm["result"][1] == commit
        and hub.url in warm["warnings"][0]
        and commit in warm["warnings"][0]
    )
    assert pinned["result"][1] == commit and not pinned["warnings"]
    for answer in cold:
        assert (
            answer["error"] == "ConnectionError"
            and hub.url in answer["message"]
            and "HF_ENDPOINT" in answer["message"]
        )


def test_silent_server_is_given_one_deadline(hub, client, new_client, repository, tmp_path):
    """The bound is by design, not by the clock: one request, and the deadline named in the
    message."""
    hub.commit(repository, FILES)
    stall = threading.Event()
    hub.fault("HEAD", "/resolve/", times=99, stall=stall)
    patient = new_client(HF_HUB_ETAG_TIMEOUT="1").resolve(repository, tmp_path)
    assert patient["error"] == "ConnectionError" and "1 s" in patient["message"]
    hub.log.clear()
    answer = client.resolve(repository, tmp_path)
    stall.set()
    assert answer["error"] == "ConnectionError" and (
        "2.5 s" in answer["message"] or "imed out" in answer["message"]
    )
    assert len(hub.log) == 1
    assert answer["seconds"] < 20  # the client's own way takes 23 s and more


@pytest.mark.parametrize(
    "headers",
    [{"X-Repo-Commit": "../../../../evil"}, {"ETag": '"../../../../../evil"'}],
    ids=["commit", "etag"],
)
def test_nothing_is_written_outside_the_cache(hub, client, repository, tmp_path, headers):
    hub.commit(repository, FILES)
    hub.fault("HEAD", "/resolve/", times=99, headers=headers)
    hub.fault("GET", "/resolve/", times=99, headers=headers)
    answer = client.resolve(repository, tmp_path / "a" / "b" / "cache")
    assert (
        answer["error"] == "ConnectionError"
        and "evil" in answer["message"]
        and "HF_ENDPOINT" in answer["message"]
    )
    assert not [path for path in tmp_path.rglob("*evil*")]


def test_disk_full(hub, client, repository, tmp_path):
    """A limit on the size of files stands for a full disk: the same call fails, with the same kind
    of error."""
    hub.commit(repository, FILES)
    answer = client.resolve(repository, tmp_path, file_limit=20_000)
    assert "OSError" in answer["bases"] and "can't be stored" in answer["message"]
    assert str(tmp_path) in answer["message"] and "cache_dir" in answer["message"]
    assert len(hub.requests("GET", "/cdn/")) == 1  # a full disk is no reason to try again
    assert content(client.resolve(repository, tmp_path))["model.safetensors"] == WEIGHTS


def test_eight_processes_at_once_download_once(hub, new_client, repository, tmp_path):
    weights = os.urandom(3_000_000)
    hub.commit(repository, {**FILES, "model.safetensors": weights})
    clients = [new_client() for _ in range(8)]
    for one in clients:
        one.send("resolve", name=repository, cache_dir=str(tmp_path / "cache"))
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
        assert answer["result"][1] == commit and not answer["warnings"]
    cold = offline.resolve(repository, tmp_path / "cold")
    assert cold["error"] == "FileNotFoundError" and "HF_HUB_OFFLINE=1" in cold["message"]
    cold = client.resolve(repository, tmp_path / "cold", local_files_only=True)
    assert cold["error"] == "FileNotFoundError" and "local_files_only=True" in cold["message"]
    assert not hub.log


def test_hf_home_is_the_cache(hub, new_client, repository, tmp_path):
    hub.commit(repository, FILES)
    answer = new_client(HF_HOME=str(tmp_path / "elsewhere"))("resolve", name=repository)
    assert answer["result"][0].startswith(str(tmp_path / "elsewhere" / "hub"))


def test_prefetched_snapshot_is_found_offline(hub, client, new_client, repository, tmp_path):
    """What `hf download org/name` leaves in the cache is what we read: one cache for all
    libraries."""
    commit = hub.commit(repository, FILES)
    assert "result" in client("snapshot", name=repository, cache_dir=str(tmp_path))
    assert new_client(HF_HUB_OFFLINE="1").resolve(repository, tmp_path)["result"][1] == commit


def test_the_fake_hub_hashes_like_git():
    assert git_hash(b"hello\n") == "ce013625030ba8dba906f756967f9e9ca394464a"
    assert hashlib.sha256(b"").hexdigest().startswith("e3b0c442")
