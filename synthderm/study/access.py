"""Who may do what: the invitation, the participants' tokens, the admin's password.

A participant's token travels in the Authorization header. There is no cookie, so another site
can't send requests in a participant's name.
"""

import base64
import json
import secrets
from collections.abc import Collection
from typing import Annotated

from fastapi import Header, HTTPException, Request
from starlette.datastructures import Headers
from starlette.types import Scope

from synthderm.study.limits import JOINS, WRONG_SECRETS, Limiter, client_of
from synthderm.study.store import Store

Authorization = Annotated[str | None, Header()]


class Access:
    """Requires the right secret, and slows down clients that keep guessing.

    A right secret is never refused, however many wrong ones came from the same address: a lecture
    hall shares one. Every method named `require` raises `HTTPException` if access is refused.

    Args:
        store: knows the invitation and the participants.
        admin_token: password for the results.
        paths: of images and static files. The names of images are random, so whoever asks for one
            was shown it.
    """

    def __init__(self, store: Store, admin_token: str, paths: Collection[str]) -> None:
        self.store = store
        self.invitation = store.invitation
        self.admin_token = admin_token
        self.paths = paths
        self.joins = Limiter(JOINS)
        self.wrong_secrets = Limiter(WRONG_SECRETS)

    def right_secret(self, scope: Scope, body: bytes) -> str:
        """The right secret that a request carries, "" if there is none.

        Requests are counted by address and right secret together. So a flood, or wrong secrets,
        use up nobody else's requests.
        """
        path: str = scope["path"]
        if path in self.paths:
            return path
        authorization = Headers(scope=scope).get("authorization")
        token = _token(authorization) or path.removeprefix("/p/")
        if self.store.knows(token):
            return token
        code = _invitation(body) if path == "/api/join" else path.removeprefix("/s/")
        if same_secret(code, self.invitation):
            return code
        return "admin" if same_secret(_password(authorization), self.admin_token) else ""

    def require_invitation(self, request: Request, code: str) -> None:
        """Require the code of the link that was sent out."""
        if not same_secret(code, self.invitation):
            self._slow_down(request)
            raise HTTPException(404, "This link is not known to the study.")

    def require_join_rate(self, request: Request) -> None:
        """Limit how fast one client adds participants."""
        if not self.joins.allows(client_of(request.scope)):
            reason = "Too many new participants from one place; wait a minute."
            raise HTTPException(429, reason, {"Retry-After": "60"})

    def require_participant(self, request: Request, authorization: Authorization = None) -> int:
        """The id of the participant whose token the request carries."""
        number = self.store.participant(_token(authorization))
        if number is None:
            self._slow_down(request)
            reason = "This link is not known to the study."
            raise HTTPException(401, reason, {"WWW-Authenticate": "Bearer"})
        return number

    def require_admin(self, request: Request, authorization: Authorization = None) -> None:
        """Require the admin token as the password of HTTP basic authentication."""
        if not same_secret(_password(authorization), self.admin_token):
            self._slow_down(request)
            reason = "Results need the admin token that was printed when the server started."
            raise HTTPException(401, reason, {"WWW-Authenticate": 'Basic realm="results"'})

    def _slow_down(self, request: Request) -> None:
        """Count a wrong secret, and refuse to look at more from a client that sent too many."""
        if not self.wrong_secrets.allows(client_of(request.scope)):
            reason = "Too many wrong links or passwords; wait a minute."
            raise HTTPException(429, reason, {"Retry-After": "60"})


def same_secret(given: str, right: str) -> bool:
    """Compare two secrets in a time that does not depend on where they differ."""
    return secrets.compare_digest(given.encode("utf-8", "surrogatepass"), right.encode())


def _token(authorization: str | None) -> str:
    """The bearer token; "" where there is none."""
    scheme, _, token = (authorization or "").partition(" ")
    return token if scheme == "Bearer" else ""


def _invitation(body: bytes) -> str:
    """The invitation in the body of a request to join; "" where there is none."""
    try:
        return str(json.loads(body)["invitation"])
    except (ValueError, LookupError, TypeError, RecursionError):
        return ""


def _password(authorization: str | None) -> str:
    """The password of HTTP basic authentication; "" where there is none."""
    scheme, _, value = (authorization or "").partition(" ")
    if scheme.lower() != "basic":
        return ""
    try:
        return base64.b64decode(value, validate=True).decode("utf-8", "replace").partition(":")[2]
    except ValueError:
        return ""
