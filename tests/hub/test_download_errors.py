"""Downloads that fail: an error says what to do, and nothing damaged stays in the cache."""

import threading

import pytest

from tests.hub.downloads import CONFIG, FILES, WEIGHTS, content
from tests.hub.folders import read_files


def test_connection_that_is_always_cut_is_an_error(hub, client, repository, tmp_path):
    hub.commit(repository, FILES)
    hub.fault("GET", "/cdn/", times=99, cut=0)
    answer = client.resolve(repository, tmp_path)
    assert answer["error"] == "ConnectionError"
    assert repository in answer["message"]
    hub.reset()
    assert content(client.resolve(repository, tmp_path))["model.safetensors"] == WEIGHTS


@pytest.mark.parametrize("body", [WEIGHTS[:-7], WEIGHTS + b"1234567"], ids=["short", "long"])
def test_wrong_size_is_an_error_and_leaves_no_trace(hub, client, repository, tmp_path, body):
    hub.commit(repository, FILES)
    hub.fault("GET", "/cdn/", times=99, body=body)
    answer = client.resolve(repository, tmp_path)
    assert answer["error"] == "OSError"
    assert repository in answer["message"]
    assert "another size than the Hub names" in answer["message"]
    offline = client.resolve(repository, tmp_path, local_files_only=True)
    assert offline["error"] == "FileNotFoundError"
    hub.reset()
    assert content(client.resolve(repository, tmp_path))["model.safetensors"] == WEIGHTS


@pytest.mark.parametrize(
    "file, path", [("model.safetensors", "/cdn/"), ("config.json", "/resolve/")]
)
def test_wrong_hash_is_an_error_and_leaves_no_trace(hub, client, repository, tmp_path, file, path):
    hub.commit(repository, FILES)
    hub.fault("GET", path, times=99, body=bytes(len(FILES[file])))
    answer = client.resolve(repository, tmp_path)
    assert answer["error"] == "OSError"
    assert "another hash" in answer["message"]
    assert file in answer["message"]
    assert file not in [path.name for path in tmp_path.rglob("*")]
    assert bytes(len(FILES[file])) not in read_files(tmp_path).values()
    offline = client.resolve(repository, tmp_path, local_files_only=True)
    assert offline["error"] == "FileNotFoundError"
    hub.reset()
    assert content(client.resolve(repository, tmp_path))[file] == FILES[file]


@pytest.mark.parametrize("kind", ["gated", "private"])
def test_locked_repositories_say_how_to_log_in(hub, client, new_client, repository, tmp_path, kind):
    commit = hub.commit(repository, FILES)
    hub.locked[repository] = ("hf_secret", kind)
    answer = client.resolve(repository, tmp_path)
    assert answer["error"] == {"gated": "PermissionError", "private": "FileNotFoundError"}[kind]
    assert kind in answer["message"]
    assert "hf auth login" in answer["message"]
    assert "HF_TOKEN" in answer["message"]
    assert f"{hub.url}/{repository}" in answer["message"]
    assert client.resolve(repository, tmp_path, token="hf_secret")["result"][1] == commit
    logged_in = new_client(HF_TOKEN="hf_secret")
    assert logged_in.resolve(repository, tmp_path / "other")["result"][1] == commit
    for _, _, headers in hub.requests("GET", "/cdn/"):
        assert "authorization" not in map(str.lower, headers)
    answer = client.resolve(repository, tmp_path / "third", token="hf_wrong")
    assert "hf auth login" in answer["message"]


def test_missing_repository_revision_and_file(hub, client, repository, tmp_path):
    answer = client.resolve(repository, tmp_path)
    assert answer["error"] == "FileNotFoundError"
    assert "spelling" in answer["message"]
    hub.commit(repository, {"model.safetensors": WEIGHTS})
    answer = client.resolve(repository, tmp_path)
    assert answer["error"] == "ValueError"
    assert "not a synthderm model" in answer["message"]
    hub.commit(repository, {"config.json": CONFIG, "pytorch_model.bin": b"\x80\x04."})
    answer = client.resolve(repository, tmp_path)
    assert answer["error"] == "ValueError"
    assert "model.safetensors" in answer["message"]
    answer = client.resolve(f"{repository}@no/such", tmp_path)
    assert answer["error"] == "FileNotFoundError"
    assert "'no/such'" in answer["message"]


@pytest.mark.parametrize(
    "status, message",
    [(403, "log in"), (429, "wait 7 s"), (500, "answered 500"), (503, "answered 503")],
)
def test_refusals(hub, new_client, repository, tmp_path, status, message):
    client = new_client()  # the oldest one goes on repeating in the background
    commit = hub.commit(repository, FILES)
    # The oldest client repeats a request that is answered with 429, so our deadline may come first.
    hub.fault("HEAD", "/resolve/", times=99, status=status, headers={"Retry-After": "7"})
    answer = client.resolve(repository, tmp_path)
    assert "OSError" in answer["bases"]
    too_late = status == 429 and "no answer within" in answer["message"]
    assert message in answer["message"] or too_late
    assert len(hub.log) <= 3
    hub.reset()
    assert client.resolve(repository, tmp_path)["result"][1] == commit
    hub.fault("HEAD", "/resolve/", times=99, status=status, headers={"Retry-After": "7"})
    answer = client.resolve(repository, tmp_path)
    assert answer["result"][1] == commit
    assert "cached copy" in answer["warnings"][0]


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
    assert warm["result"][1] == commit
    assert hub.url in warm["warnings"][0]
    assert commit in warm["warnings"][0]
    assert pinned["result"][1] == commit
    assert not pinned["warnings"]
    for answer in cold:
        assert answer["error"] == "ConnectionError"
        assert hub.url in answer["message"]
        assert "HF_ENDPOINT" in answer["message"]


def test_silent_server_is_given_one_deadline(hub, client, new_client, repository, tmp_path):
    """There is one request, and the message names its deadline; no clock is needed to see it."""
    hub.commit(repository, FILES)
    stall = threading.Event()
    hub.fault("HEAD", "/resolve/", times=99, stall=stall)
    patient = new_client(HF_HUB_ETAG_TIMEOUT="1").resolve(repository, tmp_path)
    assert patient["error"] == "ConnectionError"
    assert "1 s" in patient["message"]
    hub.log.clear()
    answer = client.resolve(repository, tmp_path)
    stall.set()
    assert answer["error"] == "ConnectionError"
    assert "2.5 s" in answer["message"] or "imed out" in answer["message"]
    assert len(hub.log) == 1
    assert answer["seconds"] < 20  # the client itself takes 23 s or more


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
    assert answer["error"] == "ConnectionError"
    assert "evil" in answer["message"]
    assert "HF_ENDPOINT" in answer["message"]
    assert not [path for path in tmp_path.rglob("*evil*")]


def test_disk_full(hub, client, repository, tmp_path):
    """A limit on the size of files stands for a full disk: the same call fails in the same way."""
    hub.commit(repository, FILES)
    answer = client.resolve(repository, tmp_path, file_limit=20_000)
    assert "OSError" in answer["bases"]
    assert "can't be stored" in answer["message"]
    assert str(tmp_path) in answer["message"]
    assert "cache_dir" in answer["message"]
    assert len(hub.requests("GET", "/cdn/")) == 1  # a full disk is no reason to try again
    assert content(client.resolve(repository, tmp_path))["model.safetensors"] == WEIGHTS
