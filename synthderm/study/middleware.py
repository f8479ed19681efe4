"""What all requests pass: limits on their number and size, and security headers on all replies."""

import asyncio
from collections.abc import Callable
from functools import partial

from starlette.datastructures import MutableHeaders
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse
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
        secret_of: the right secret that a request carries, from its scope and body; "" for none.
    """

    def __init__(
        self, app: ASGIApp, limiter: Limiter, secret_of: Callable[[Scope, bytes], str]
    ) -> None:
        self.app = app
        self.limiter = limiter
        self.secret_of = secret_of

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        send = _with_security_headers(send)
        refuse = partial(_refuse, scope, receive, send)
        body = b""
        try:
            async with asyncio.timeout(BODY_SECONDS):
                async for chunk in Request(scope, receive).stream():
                    body += chunk
                    if len(body) > BODY_LIMIT:
                        reason = f"The request is larger than {BODY_LIMIT} bytes."
                        return await refuse(413, reason)
        except TimeoutError:
            reason = f"The request took longer than {BODY_SECONDS:g} seconds to arrive."
            return await refuse(408, reason)
        except ClientDisconnect:
            return None
        if not self.limiter.allows(client_of(scope), self.secret_of(scope, body)):
            return await refuse(429, "Too many requests. Wait a few seconds, then try again.")
        await self.app(scope, _replay(body, receive), send)


def _with_security_headers(send: Send) -> Send:
    """Add the security headers to a reply, and "no-store" where it does not say how to cache."""

    async def send_with_headers(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            headers.update(SECURITY_HEADERS)
            headers.setdefault("cache-control", "no-store")
        await send(message)

    return send_with_headers


def _replay(body: bytes, receive: Receive) -> Receive:
    """Hand out a body that has been read already, then whatever else arrives."""
    unread = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive_body() -> Message:
        return unread.pop() if unread else await receive()

    return receive_body


async def _refuse(scope: Scope, receive: Receive, send: Send, status: int, reason: str) -> None:
    # The rest of a body is not waited for.
    connection = {} if status == 429 else {"Connection": "close"}
    response = JSONResponse({"error": reason}, status, {"Retry-After": "5"} | connection)
    await response(scope, receive, send)
