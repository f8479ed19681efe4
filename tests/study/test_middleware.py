"""Floods, endless bodies, and the headers of every reply."""

import socket

from synthderm.study.limits import REQUESTS
from synthderm.study.middleware import SECURITY_HEADERS


def test_an_endless_body_is_cut_off(shared):
    with socket.create_connection(("127.0.0.1", shared.port), timeout=20) as raw:
        raw.sendall(
            b"POST /api/join HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
            b"Transfer-Encoding: chunked\r\n\r\n"
        )
        sent = 0
        try:
            while sent < 50_000_000:
                raw.sendall(b"1000\r\n" + b"x" * 4096 + b"\r\n")
                sent += 4096
        except OSError:
            pass
        assert sent < 50_000_000, "the server read everything"


def test_ten_thousand_requests_from_one_client_do_not_stop_another(server):
    """The flood is refused beyond the allowed rate, and everyone else is served."""
    request = b"GET /static/icon.svg HTTP/1.1\r\nHost: x\r\n\r\n"
    codes = []
    address, source = ("127.0.0.1", server.port), ("127.0.0.7", 0)
    with (
        socket.create_connection(address, timeout=60, source_address=source) as raw,
        raw.makefile("rb") as replies,
    ):
        for _ in range(20):
            raw.sendall(request * 500)  # without waiting for replies, as a flood does
            for _ in range(500):
                codes.append(int(replies.readline().split()[1]))
                length = 0
                while (line := replies.readline().lower().strip()) != b"":
                    if line.startswith(b"content-length:"):
                        length = int(line.split(b":")[1])
                replies.read(length)
    assert len(codes) == 10_000 and set(codes) == {200, 429} and codes.count(200) >= REQUESTS.burst
    assert codes[int(REQUESTS.burst) - 1] == 200
    with server.client("127.0.0.8") as other:
        assert server.join(other)


def test_every_reply_carries_the_security_headers_and_no_cookie(shared):
    for path in (f"/s/{shared.invitation}", "/p/x", "/static/study.js", "/nowhere", "/api/state"):
        with shared.client() as client:
            reply = client.get(path)
        assert all(reply.headers[name] == value for name, value in SECURITY_HEADERS.items()), path
        assert "set-cookie" not in reply.headers and "server" not in reply.headers
