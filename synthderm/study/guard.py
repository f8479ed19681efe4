"""What every request passes first: how many, how large, and what every answer says about itself."""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address

BODY_LIMIT = 2048
BODY_SECONDS = 15.0
HEADERS = {
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src"
        " 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
    "cross-origin-opener-policy": "same-origin",
    "x-robots-tag": "noindex, nofollow",
}


@dataclass(frozen=True)
class Rate:
    """A token bucket: `burst` at once, then `per_second`."""

    burst: float
    per_second: float


class Limiter:
    """Counts per client, in memory alone.

    Args:
        rate: what each client may do.
        clock: seconds.
        clients: how many are remembered; the longest silent are forgotten first.
    """

    def __init__(
        self, rate: Rate, clock: Callable[[], float] = time.monotonic, clients: int = 10_000
    ):
        self.rate, self.clock, self.clients = rate, clock, clients
        self.buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def allows(self, client: str, cost: float = 1.0) -> bool:
        """Whether this client has a token left; spends `cost` of them if so (0 only asks)."""
        now = self.clock()
        left, then = self.buckets.pop(client, (self.rate.burst, now))
        left = min(self.rate.burst, left + (now - then) * self.rate.per_second)
        allowed = left >= max(cost, 1.0)
        self.buckets[client] = (left - cost if allowed else left, now)
        if len(self.buckets) > self.clients:
            self.buckets.popitem(last=False)
        return allowed


def client_of(scope: dict) -> str:
    """Whom a request counts for: the address, or the /64 network of an IPv6 address, which one
    household or host owns."""
    host = (scope.get("client") or ("unknown", 0))[0]
    try:
        address = ip_address(host)
    except ValueError:
        return host
    return str(int(address) >> 64) if isinstance(address, IPv6Address) else host


class Guard:
    """ASGI middleware: security headers on everything, and three refusals.

    429 above the rate, 413 above `BODY_LIMIT` bytes (declared or not), 408 for a body that takes
    longer than `BODY_SECONDS`.
    """

    def __init__(self, app, limiter: Limiter):
        self.app, self.limiter = app, limiter

    async def __call__(self, scope, receive, send):
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def send_with_headers(message):
            if message["type"] == "http.response.start":
                given = message.get("headers", [])
                names = {name.lower() for name, _ in given}
                extra = [(name.encode(), value.encode()) for name, value in HEADERS.items()]
                if b"cache-control" not in names:
                    extra.append((b"cache-control", b"no-store"))
                message = message | {"headers": [*given, *extra]}
            await send(message)

        if not self.limiter.allows(client_of(scope)):
            await _refuse(
                send_with_headers, 429, "Too many requests. Wait a few seconds, then try again."
            )
            return
        try:
            async with asyncio.timeout(BODY_SECONDS):
                body = await _read_body(receive)
        except TimeoutError:
            await _refuse(
                send_with_headers,
                408,
                f"The request took longer than {BODY_SECONDS:g} seconds to arrive.",
            )
            return
        if body is None:
            await _refuse(send_with_headers, 413, f"The request is larger than {BODY_LIMIT} bytes.")
            return
        unread = [{"type": "http.request", "body": body, "more_body": False}]

        async def receive_body():
            return unread.pop() if unread else await receive()

        await self.app(scope, receive_body, send_with_headers)


async def _read_body(receive) -> bytes | None:
    """The whole body, or None as soon as it is too large."""
    body = b""
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return body
        body += message.get("body", b"")
        if len(body) > BODY_LIMIT:
            return None
        if not message.get("more_body"):
            return body


async def _refuse(send, status: int, reason: str) -> None:
    body = b'{"error": "%s"}' % reason.encode()
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
        (b"retry-after", b"5"),
    ]
    if status != 429:
        headers.append((b"connection", b"close"))  # the rest of the body is not waited for
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
