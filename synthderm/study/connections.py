"""Connections that wait: how long, and how many from one address.

Uvicorn counts a connection from its first packet, and waits for a request without an end. Here each
connection has `SECONDS` for a whole request head, and again after each reply. Too many waiting
connections from one address close the oldest of them, so whoever comes next is always let in, also
from that address: a lecture hall may share it with an attacker.
"""

import asyncio
import sys
from collections import OrderedDict
from typing import Any

from uvicorn.protocols.http.h11_impl import H11Protocol

from synthderm.study.limits import client_of

SECONDS = 10.0  # from the connection, or from the last reply, to the end of the next request's head
PER_CLIENT = 512  # browsers open six each, and close them when they are idle
TOTAL = 4096
SPARE_FILES = 64  # open files for all but connections


class Waiting:
    """The connections whose next request has not arrived as a whole, oldest first.

    Args:
        per_client: how many one client may have.
        total: how many all clients may have together.
    """

    def __init__(self, per_client: int, total: int) -> None:
        self.per_client = per_client
        self.total = total
        self.count = 0
        self.clients: dict[str, OrderedDict[H11Protocol, None]] = {}

    def add(self, client: str, connection: H11Protocol) -> list[H11Protocol]:
        """Add a connection, and take out those that have to be closed for it."""
        self.remove(client, connection)
        self.clients.setdefault(client, OrderedDict())[connection] = None
        self.count += 1
        closed = []
        if len(self.clients[client]) > self.per_client:
            closed.append(self._take_oldest(client))
        if self.count > self.total:
            # Those who have the most pay first.
            closed.append(self._take_oldest(max(self.clients, key=self._length)))
        return closed

    def remove(self, client: str, connection: H11Protocol) -> None:
        """Take a connection out, if it is there."""
        mine = self.clients.get(client, OrderedDict())
        if connection in mine:
            del mine[connection]
            self.count -= 1
        if not mine:
            self.clients.pop(client, None)

    def _take_oldest(self, client: str) -> H11Protocol:
        oldest = next(iter(self.clients[client]))
        self.remove(client, oldest)
        return oldest

    def _length(self, client: str) -> int:
        return len(self.clients[client])


def guarded_protocol(
    per_client: int = PER_CLIENT, total: int = TOTAL, seconds: float = SECONDS
) -> type[H11Protocol]:
    """Uvicorn's protocol for one server, with deadlines and caps.

    Args:
        per_client, total: waiting connections of one client, and of all together.
        seconds: how long a connection may wait.
    """
    waiting = Waiting(per_client, total)

    class GuardedProtocol(H11Protocol):
        """A connection. It waits until a request has arrived whole, and after its reply."""

        peer = "unknown"
        deadline: asyncio.TimerHandle | None = None
        unsent = sys.maxsize

        def connection_made(self, transport: Any) -> None:
            super().connection_made(transport)
            self.peer = client_of({"client": self.client})
            self._wait()

        def data_received(self, data: bytes) -> None:
            super().data_received(data)
            self._look_for_request()

        def on_response_complete(self) -> None:
            self._wait()
            super().on_response_complete()
            self._look_for_request()  # the next one may have arrived already

        def connection_lost(self, exc: Exception | None) -> None:
            waiting.remove(self.peer, self)
            self._cancel_deadline()
            super().connection_lost(exc)

        def _look_for_request(self) -> None:
            cycle = self.cycle
            if cycle is None or cycle.response_complete:
                return  # no whole head
            self._cancel_deadline()  # the body has its own (`middleware.BODY_SECONDS`)
            if not cycle.more_body:
                waiting.remove(self.peer, self)

        def _wait(self) -> None:
            self.unsent = sys.maxsize
            self._set_deadline()
            for connection in waiting.add(self.peer, self):
                connection.transport.abort()

        def _set_deadline(self) -> None:
            self._cancel_deadline()
            self.deadline = self.loop.call_later(seconds, self._expire)

        def _cancel_deadline(self) -> None:
            if self.deadline is not None:
                self.deadline.cancel()
                self.deadline = None

        def _expire(self) -> None:
            """Close, unless the last reply is still on its way to a slow reader."""
            unsent = self.transport.get_write_buffer_size()
            if 0 < unsent < self.unsent:
                self.unsent = unsent
                return self._set_deadline()
            self.transport.abort()

    return GuardedProtocol


def allow_files(connections: int) -> int:
    """Raise this process's limit of open files, and return how many connections fit into it."""
    if sys.platform == "win32":
        return connections
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = connections + SPARE_FILES
    if soft != resource.RLIM_INFINITY and soft < wanted:
        soft = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        return max(soft - SPARE_FILES, SPARE_FILES)
    return connections
