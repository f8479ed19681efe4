"""Connections that wait: half-open, silent, idle, unread. They stop nobody, and they end."""

import socket
import threading
import time

import pytest
import uvicorn

from synthderm.study.connections import Waiting, allow_files, guarded_protocol
from synthderm.study.serve import listen

MANY = 1100
POST = b"POST /api/join HTTP/1.1\r\nHost: x\r\n"
HALVES = {
    "nothing": b"",
    "half a head": b"GET /s/x HTTP/1.1\r\nHost: x\r\nX-",
    "no body": b"POST /api/join HTTP/1.1\r\nHost: x\r\nContent-Length: 50\r\n\r\n{",
    "idle": b"GET /static/icon.svg HTTP/1.1\r\nHost: x\r\n\r\n",
    "asks to go on": POST + b"Expect: 100-continue\r\nContent-Length: 50\r\n\r\n",
    "half a chunk": POST + b"Transfer-Encoding: chunked\r\n\r\n7;" + b"x" * 9000,
    # Of which the server's library would warn in two lines each, until the log is full.
    "another protocol": b"GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\n"
    b"Upgrade: websocket\r\nSec-WebSocket-Key: x\r\nSec-WebSocket-Version: 13\r\n\r\n",
}


@pytest.mark.parametrize("sent", HALVES.values(), ids=HALVES.keys())
def test_many_open_connections_from_one_client_stop_nobody(shared, sent):
    """Neither others, nor those who share the client's address."""
    assert allow_files(MANY + 200) > MANY
    connections = []
    try:
        for _ in range(MANY):
            source = ("127.0.0.9", 0)
            raw = socket.create_connection(("127.0.0.1", shared.port), 30, source_address=source)
            raw.sendall(sent)
            connections.append(raw)
        for address in ("127.0.0.10", "127.0.0.9"):
            with shared.client(address) as client:
                assert client.get("/static/icon.svg").status_code == 200
                headers = shared.join(client)
                assert client.get("/api/state", headers=headers).status_code == 200
    finally:
        for raw in connections:
            raw.close()


async def app(scope, receive, send):
    """Sends a megabyte for each digit of the path."""
    body = b"x" * 1_000_000 * int(scope["path"].strip("/") or 0)
    headers = [(b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


@pytest.fixture
def impatient():
    """A server that waits for 0.4 seconds, and its address."""
    with listen("127.0.0.1", 0) as listener:
        protocol = guarded_protocol(seconds=0.4)
        config = uvicorn.Config(app, http=protocol, ws="none", lifespan="off", log_level="error")
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        yield server, listener.getsockname()
        server.should_exit = server.force_exit = True
        thread.join()


@pytest.mark.parametrize("sent", [b"", b"G", b"GET / HTTP/1.1\r\nHo", b"\r\n", b"\r\n" * 100])
def test_a_head_that_does_not_arrive_ends_the_connection(impatient, sent):
    with socket.create_connection(impatient[1], timeout=20) as raw:
        raw.sendall(sent)
        assert ends(raw)


def ends(raw) -> bool:
    """Whether the server closes the connection, after an error reply or without a word."""
    try:
        while raw.recv(4096):
            pass
    except ConnectionResetError:
        pass
    return True


def test_a_head_that_trickles_in_has_one_deadline(impatient):
    with socket.create_connection(impatient[1], timeout=20) as raw, pytest.raises(OSError):
        for _ in range(1000):
            raw.sendall(b"X")
            time.sleep(0.02)


def test_the_time_begins_anew_after_each_reply(impatient):
    """An idle connection ends, and so does half a head after a whole request."""
    for more in (b"", b"GET / HT"):
        with socket.create_connection(impatient[1], timeout=20) as raw:
            for _ in range(3):
                raw.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
                assert raw.recv(4096).startswith(b"HTTP/1.1 200")
            raw.sendall(more)
            assert ends(raw)


def test_pipelined_requests_are_all_answered(impatient):
    with socket.create_connection(impatient[1], timeout=20) as raw:
        raw.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n" * 50)
        replies = b""
        while replies.count(b"200 OK") < 50:
            replies += raw.recv(4096)


def test_a_slow_reader_gets_everything_and_one_that_does_not_read_is_cut_off(impatient):
    server, address = impatient
    request = b"GET /9 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    with socket.create_connection(address, timeout=20) as raw:
        raw.sendall(request)
        length = 0
        while part := raw.recv(500_000):
            length += len(part)
            time.sleep(0.03)  # longer than the deadline in all
        assert length > 9_000_000
    with socket.create_connection(address, timeout=20) as raw:
        raw.sendall(request)
        for _ in range(1000):
            if len(server.server_state.connections) == 0 and server.server_state.total_requests > 1:
                return
            time.sleep(0.02)
        pytest.fail("the connection stays")


def test_whoever_has_the_most_connections_loses_the_oldest():
    waiting = Waiting(per_client=3, total=5)
    assert not any(waiting.add("a", name) for name in ("a1", "a2", "a3"))
    assert waiting.add("a", "a4") == ["a1"], "the cap of one client"
    assert not any(waiting.add("b", name) for name in ("b1", "b2"))
    assert waiting.add("c", "c1") == ["a2"], "the cap of all"
    waiting.remove("a", "a2")
    waiting.remove("nobody", "x")
    for client, names in (("a", ["a3", "a4"]), ("b", ["b1", "b2"]), ("c", ["c1"])):
        for name in names:
            waiting.remove(client, name)
    assert waiting.count == 0 and not waiting.clients, "memory does not grow"
