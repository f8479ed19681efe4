"""What all requests pass: limits on their number and size, and security headers on all replies."""

import asyncio
import json
from collections.abc import Awaitable, Callable

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from synthderm.study.limits import Limiter, client_of

BODY_LIMIT = 2048  # bytes
BODY_SECONDS = 15.0
SECURITY_HEADERS = {
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


class RequestGuard:
    """ASGI middleware that adds security headers, and refuses three kinds of requests.

    The status is 429 above the rate, 413 above `BODY_LIMIT` bytes (declared or not), and 408 if
    the body takes longer than `BODY_SECONDS`.

    Args:
        app: the application.
        limiter: counts the requests of each client.
    """

    def __init__(self, app: ASGIApp, limiter: Limiter) -> None:
        self.app = app
        self.limiter = limiter

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        send = _with_security_headers(send)
        if not self.limiter.allows(client_of(scope)):
            await _refuse(send, 429, "Too many requests. Wait a few seconds, then try again.")
            return
        try:
            async with asyncio.timeout(BODY_SECONDS):
                body = await _read_body(receive)
        except TimeoutError:
            reason = f"The request took longer than {BODY_SECONDS:g} seconds to arrive."
            await _refuse(send, 408, reason)
            return
        if body is None:
            await _refuse(send, 413, f"The request is larger than {BODY_LIMIT} bytes.")
            return
        await self.app(scope, _replay(body, receive), send)


def _with_security_headers(send: Send) -> Send:
    """Add the security headers to a reply, and "no-store" where it does not say how to cache."""

    async def send_with_headers(message: Message) -> None:
        if message["type"] == "http.response.start":
            given = message.get("headers", [])
            names = {name.lower() for name, _ in given}
            extra = [(name.encode(), value.encode()) for name, value in SECURITY_HEADERS.items()]
            if b"cache-control" not in names:
                extra.append((b"cache-control", b"no-store"))
            message = {**message, "headers": [*given, *extra]}
        await send(message)

    return send_with_headers


def _replay(body: bytes, receive: Receive) -> Callable[[], Awaitable[Message]]:
    """Hand out a body that has been read already, then whatever else arrives."""
    unread = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive_body() -> Message:
        return unread.pop() if unread else await receive()

    return receive_body


async def _read_body(receive: Receive) -> bytes | None:
    """The whole body, or None as soon as it is too large."""
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return bytes(body)
        body += message.get("body", b"")
        if len(body) > BODY_LIMIT:
            return None
        if not message.get("more_body"):
            return bytes(body)


async def _refuse(send: Send, status: int, reason: str) -> None:
    body = json.dumps({"error": reason}).encode()
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
        (b"retry-after", b"5"),
    ]
    if status != 429:
        headers.append((b"connection", b"close"))  # do not wait for the rest of the body
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
