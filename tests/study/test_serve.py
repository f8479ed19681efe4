"""The server as a process: what it stores, and where it listens."""

import socket
import sqlite3

import pytest

from synthderm.study.serve import listen, serve
from tests.study.server_process import finish, first_choice


def test_addresses_are_stored_nowhere(server, folder):
    with server.client("127.0.0.9") as client:
        headers = server.join(client)
        finish(client, headers, first_choice)
        client.get("/api/state", headers={"Authorization": "Bearer wrong"})
        client.get("/nowhere")
    printed = server.stop()
    assert "127.0.0.9" not in printed
    assert headers["Authorization"].removeprefix("Bearer ") not in printed
    for path in folder.rglob("*"):
        assert path.is_dir() or b"127.0.0.9" not in path.read_bytes(), path
    with sqlite3.connect(folder / "answers.sqlite") as database:
        columns = {
            row[1]
            for table in ("participants", "answers", "meta")
            for row in database.execute(f"PRAGMA table_info({table})")
        }
    database.close()
    of_answers = {"participant", "position", "choice", "milliseconds"}
    of_participants = {"id", "token_hash", "place", "shown", "position", "shown_at"}
    assert columns == {"name", "value"} | of_participants | of_answers


def test_replies_are_not_held_back():
    """Without a named protocol asyncio keeps Nagle's algorithm, which delays replies by 40 ms."""
    with listen("127.0.0.1", 0) as listener:
        assert listener.proto == socket.IPPROTO_TCP


def test_a_port_that_is_taken_says_so(shared, folder):
    with pytest.raises(OSError, match=f"can't listen on 127.0.0.1:{shared.port}.*--port"):
        serve(folder, port=shared.port)
