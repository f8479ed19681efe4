"""Hubs that send too much, too slowly, or to a wrong address; the real client meets them.

No clock is looked at: the message says which bound was reached. A server that is not given up would
go on until the test's watchdog ends the client.
"""

import time
import zlib

import pytest

from tests.hub.downloads import FILES, WEIGHTS, content
from tests.hub.folders import read_files

MANY = 64 << 20  # bytes, far more than any file here
PIECE = bytes(1 << 16)


def start_answer(server, **headers) -> None:
    server.close_connection = True
    server.send_response(200)
    for key, value in headers.items():
        server.send_header(key.replace("_", "-"), value)
    server.end_headers()


def send_much(server, sent: list[int] | None = None) -> None:
    """A body without an announced end. `MANY` stands for no end at all."""
    start_answer(server)
    for _ in range(MANY // len(PIECE)):
        server.wfile.write(PIECE)
        if sent is not None:
            sent.append(len(PIECE))


def trickle(server, piece: bytes, pause: float) -> None:
    """Send a piece again and again, until the client leaves, for a minute at most."""
    for _ in range(int(60 / pause)):
        server.wfile.write(piece)
        server.wfile.flush()
        time.sleep(pause)


def drip_body(server) -> None:
    start_answer(server, Content_Length=len(WEIGHTS))
    trickle(server, b"x", 0.1)


def drip_headers(server) -> None:
    server.close_connection = True
    server.wfile.write(b"HTTP/1.1 200 OK\r\nX-Long: ")
    trickle(server, b"x", 0.1)


def stored(folder) -> int:
    """Bytes below a folder."""
    return sum(len(body) for body in read_files(folder).values())


ASKED = {"config.json": "/resolve/", "model.safetensors": "/cdn/"}
each_file = pytest.mark.parametrize("file", ASKED)


@pytest.mark.parametrize(
    "file, header, size",
    [
        ("config.json", "Content-Length", 1_500_000_000),
        ("config.json", "X-Linked-Size", (1 << 20) + 1),
        ("model.safetensors", "X-Linked-Size", 10**15),
    ],
)
def test_large_files_are_not_asked_for(hub, client, repository, tmp_path, file, header, size):
    hub.commit(repository, FILES)
    hub.fault("HEAD", file, times=99, headers={header: str(size)})
    answer = client.resolve(repository, tmp_path)
    assert answer["error"] == "ValueError"
    assert f"{file} of {repository}@" in answer["message"]
    assert f"has {size:,} bytes, more than" in answer["message"]
    assert not [path for _, path, _ in hub.requests("GET") if path.endswith(file)]
    assert not hub.requests("GET", "/cdn/")


@each_file
def test_more_than_announced_is_not_stored(hub, client, repository, tmp_path, file):
    hub.commit(repository, FILES)
    sent: list[int] = []
    hub.fault("GET", ASKED[file], times=99, act=lambda server: send_much(server, sent))
    answer = client.resolve(repository, tmp_path)
    assert sum(sent) < MANY  # three times as much, if it were read to its end
    assert answer["error"] == "OSError"
    assert f"{file} of {repository}@" in answer["message"]
    assert "another size than the Hub names" in answer["message"]
    assert stored(tmp_path) < 2 * len(WEIGHTS)
    hub.reset()
    assert content(client.resolve(repository, tmp_path))[file] == FILES[file]


def test_a_hub_that_tells_no_size(hub, client, repository, tmp_path):
    """A file of unknown size is read, up to the size that a model may have; the oldest clients
    refuse it themselves."""
    commit = hub.commit(repository, FILES)

    def announce(server) -> None:
        start_answer(server, X_Repo_Commit=commit, ETag='"abc"')

    def send_config(server) -> None:
        start_answer(server)
        server.wfile.write(FILES["config.json"])

    hub.fault("HEAD", "/config.json", times=99, act=announce)
    if not client("version")["result"][0].startswith("1."):
        hub.fault("GET", "/config.json", act=send_config)
        assert "result" in client.resolve(repository, tmp_path / "good")
    hub.fault("GET", "/config.json", times=99, act=send_much)
    answer = client.resolve(repository, tmp_path / "bad")
    assert "OSError" in answer["bases"]
    assert stored(tmp_path / "bad") < 2 << 20


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "gzip, gzip", "br"])
@each_file
def test_compressed_answers_are_not_unpacked(hub, client, repository, tmp_path, file, encoding):
    """A few kB of them could become GB."""
    hub.commit(repository, FILES)
    packer = zlib.compressobj(wbits=31 if encoding == "gzip" else 15)
    bomb = packer.compress(bytes(MANY)) + packer.flush()

    def send_bomb(server) -> None:
        start_answer(server, Content_Encoding=encoding, Content_Length=len(bomb))
        server.wfile.write(bomb)

    hub.fault("GET", ASKED[file], times=99, act=send_bomb)
    answer = client.resolve(repository, tmp_path)
    assert answer["error"] == "ConnectionError"
    assert f"compressed by {encoding}" in answer["message"]
    assert stored(tmp_path) < 2 * len(WEIGHTS)
    asked = {key.lower(): value for key, value in hub.requests("GET")[0][2].items()}
    assert asked["accept-encoding"] == "identity"


@pytest.mark.parametrize("act", [drip_body, drip_headers])
@each_file
def test_a_trickle_is_given_up(hub, new_client, repository, tmp_path, file, act):
    client = new_client(HF_HUB_DOWNLOAD_TIMEOUT="1")
    hub.commit(repository, FILES)
    hub.fault("GET", ASKED[file], times=99, act=act)
    answer = client.resolve(repository, tmp_path)
    assert "OSError" in answer["bases"]
    assert "bytes within 1 s; HF_HUB_DOWNLOAD_TIMEOUT" in answer["message"]
    hub.reset()
    assert content(client.resolve(repository, tmp_path))[file] == FILES[file]


def test_slow_headers_of_the_first_answer(hub, new_client, repository, tmp_path):
    client = new_client(HF_HUB_ETAG_TIMEOUT="1")
    hub.commit(repository, FILES)
    hub.fault("HEAD", "/resolve/", act=drip_headers)
    answer = client.resolve(repository, tmp_path)
    assert answer["error"] == "ConnectionError"
    assert "no answer within 1 s" in answer["message"]
    assert "result" in client.resolve(repository, tmp_path)


def test_the_whole_has_a_deadline(hub, new_client, repository, tmp_path):
    """The file comes fast enough at each moment, and would never end."""
    client = new_client()
    hub.commit(repository, {**FILES, "model.safetensors": bytes(MANY)})

    def send_slowly(server) -> None:
        start_answer(server, Content_Length=MANY)
        trickle(server, bytes(2000), 0.1)

    hub.fault("GET", "/cdn/", times=99, act=send_slowly)
    answer = client.resolve(repository, tmp_path, deadline=2)
    assert answer["error"] == "ConnectionError"
    assert "not done within 2 s" in answer["message"]
    assert f"hf download {repository}" in answer["message"]


@pytest.mark.parametrize("method", ["HEAD", "GET"])
def test_a_long_pause_that_is_asked_for(hub, new_client, repository, tmp_path, method):
    client = new_client()
    hub.commit(repository, FILES)
    headers = {"Retry-After": "3600"}
    hub.fault(method, "/resolve/", times=99, status=429, headers=headers)
    answer = client.resolve(repository, tmp_path, deadline=2)
    assert answer["error"] == "ConnectionError"


def test_a_dead_address_for_xet_does_not_matter(hub, new_client, repository, tmp_path):
    hub.commit(repository, FILES)
    dead = {"X-Xet-Hash": "a" * 64, "X-Xet-Refresh-Route": f"{hub.url}/api/xet-read-token"}
    for method in ("HEAD", "GET"):
        hub.fault(method, "/model.safetensors", times=99, headers=dead)
    client = new_client(HF_HUB_DISABLE_XET="0")
    assert content(client.resolve(repository, tmp_path))["model.safetensors"] == WEIGHTS
    assert not hub.requests("GET", "/api/")


@each_file
def test_the_token_stays_with_the_hub(hub, new_client, repository, tmp_path, file):
    """A redirect to another host, at the first or the second step, takes no token along."""
    commit = hub.commit(repository, FILES)
    other = f"http://localhost:{hub.ports[1]}"
    hub.fault("HEAD", f"{commit}/{file}", times=99, headers={"Location": f"{other}/elsewhere"})

    def redirect(server) -> None:
        server.answer(302, b"", {"Location": f"{other}/further"})

    hub.fault("GET", f"{commit}/{file}", times=99, act=redirect)
    hub.fault("GET", "/cdn/", times=99, act=redirect)
    hub.fault("GET", "/elsewhere", times=99, act=redirect)
    answer = new_client(HF_TOKEN="hf_secret").resolve(repository, tmp_path)
    assert "OSError" in answer["bases"] or answer["error"] == "ValueError"
    assert "/further" in [path for _, path, _ in hub.log]
    with_token = [
        path for _, path, headers in hub.log if "authorization" in map(str.lower, headers)
    ]
    assert with_token and all("/resolve/" in path for path in with_token)
