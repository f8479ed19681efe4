"""Hubs whose answers lead nowhere or contradict themselves."""

import pytest

from tests.hub.downloads import FILES, WEIGHTS, content
from tests.hub.test_download_bounds import ASKED, MANY, PIECE, start_answer, stored


def redirect_to(place: str):
    return lambda server: server.answer(302, b"", {"Location": place})


def two_lengths(server) -> None:
    server.close_connection = True
    server.send_response(200)
    server.send_header("Content-Length", "7")
    server.send_header("Content-Length", str(MANY))
    server.end_headers()
    send_pieces(server)


def send_pieces(server) -> None:
    for _ in range(MANY // len(PIECE)):
        server.wfile.write(PIECE)


def negative_length(server) -> None:
    start_answer(server, Content_Length=-1)
    send_pieces(server)


def endless_headers(server) -> None:
    server.close_connection = True
    server.wfile.write(b"HTTP/1.1 200 OK\r\n")
    for number in range(MANY // 1000):
        server.wfile.write(b"X-%d: " % number + b"x" * 1000 + b"\r\n")


def another_part(server) -> None:
    """An answer to no question: the second half of a file that was asked for as a whole."""
    server.answer(206, WEIGHTS[10:], {"Content-Range": f"bytes 10-{len(WEIGHTS) - 1}/{MANY}"})


HOSTILE = {
    "itself": redirect_to("/resolve/again"),
    "a file": redirect_to("file:///etc/passwd"),
    "no address": redirect_to("http://[::1"),
    "two lengths": two_lengths,
    "a negative length": negative_length,
    "endless headers": endless_headers,
    "another part": another_part,
}


@pytest.mark.parametrize("name", HOSTILE)
def test_answers_that_lead_nowhere_or_contradict_themselves(
    hub, client, repository, tmp_path, name
):
    file = "config.json" if name in ("itself", "a negative length") else "model.safetensors"
    hub.commit(repository, FILES)
    hub.fault("GET", "/resolve/again", times=999, act=HOSTILE[name])
    hub.fault("GET", ASKED[file], times=99, act=HOSTILE[name])
    answer = client.resolve(repository, tmp_path, deadline=1)
    assert "OSError" in answer["bases"] or answer["error"] == "ValueError"
    assert len(answer["message"]) < 700 and "\n" not in answer["message"]
    assert stored(tmp_path) < 2 * len(WEIGHTS)
    hub.reset()
    assert content(client.resolve(repository, tmp_path))[file] == FILES[file]
