"""Who may do what: the invitation, the participants' tokens, the admin's password.

A participant's token travels in the Authorization header. There is no cookie, so another site
can't send requests in a participant's name.
"""

import base64
import secrets
from typing import Annotated

from fastapi import Header, HTTPException, Request

from synthderm.study.limits import JOINS, WRONG_SECRETS, Limiter, client_of
from synthderm.study.store import Store

Authorization = Annotated[str | None, Header()]


class Access:
    """Requires the right secret, and stops clients that keep guessing.

    Every method raises `HTTPException` if access is refused.

    Args:
        store: knows the invitation and the participants.
        admin_token: password for the results.
    """

    def __init__(self, store: Store, admin_token: str) -> None:
        self.store = store
        self.admin_token = admin_token
        self.joins = Limiter(JOINS)
        self.wrong_secrets = Limiter(WRONG_SECRETS)

    def require_invitation(self, request: Request, code: str) -> None:
        """Require the code of the link that was sent out."""
        if not self._is_right(request, same_secret(code, self.store.invitation)):
            raise HTTPException(404, "This link is not known to the study.")

    def require_join_rate(self, request: Request) -> None:
        """Limit how fast one client adds participants."""
        if not self.joins.allows(client_of(request.scope)):
            reason = "Too many new participants from one place; wait a minute."
            raise HTTPException(429, reason, {"Retry-After": "60"})

    def require_participant(self, request: Request, authorization: Authorization = None) -> int:
        """The number of the participant whose token the request carries."""
        scheme, _, token = (authorization or "").partition(" ")
        number = self.store.participant(token) if scheme == "Bearer" else None
        if not self._is_right(request, number is not None) or number is None:
            reason = "This link is not known to the study."
            raise HTTPException(401, reason, {"WWW-Authenticate": "Bearer"})
        return number

    def require_admin(self, request: Request, authorization: Authorization = None) -> None:
        """Require the admin token as the password of HTTP basic authentication."""
        if not self._is_right(request, same_secret(_password(authorization), self.admin_token)):
            reason = "Results need the admin token that was printed when the server started."
            raise HTTPException(401, reason, {"WWW-Authenticate": 'Basic realm="results"'})

    def _is_right(self, request: Request, is_right: bool) -> bool:
        """Count a wrong secret. Refuse clients with too many, whether this one is right or not."""
        client = client_of(request.scope)
        if not self.wrong_secrets.allows(client, 0):
            reason = "Too many wrong links or passwords; wait a minute."
            raise HTTPException(429, reason, {"Retry-After": "60"})
        if not is_right:
            self.wrong_secrets.allows(client)
        return is_right


def same_secret(given: str, right: str) -> bool:
    """Compare two secrets in a time that does not depend on where they differ."""
    return secrets.compare_digest(given.encode("utf-8", "surrogatepass"), right.encode())


def _password(authorization: str | None) -> str:
    """The password of HTTP basic authentication; "" where there is none."""
    scheme, _, value = (authorization or "").partition(" ")
    if scheme.lower() != "basic":
        return ""
    try:
        return base64.b64decode(value, validate=True).decode("utf-8", "replace").partition(":")[2]
    except ValueError:
        return ""
