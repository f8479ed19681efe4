"""`synthderm study serve`: the participants' pages and the answers they send.

A participant's token travels in the Authorization header (no cookie, so nothing to forge across
sites); the server alone decides which trial is next. What a browser gets of a trial is `_public`:
block, image names and button labels. The kind of an edit (add or remove) stays here too, since with
it the picture would give the answer away.
"""

import base64
import binascii
import csv
import html
import io
import json
import secrets
import string
from typing import Annotated

from fastapi import FastAPI, Header, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, JSONResponse, Response
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException

from synthderm.study.files import PAGES, Study
from synthderm.study.guard import Guard, Limiter, Rate, client_of
from synthderm.study.schedule import CHOICES, Trial
from synthderm.study.store import Conflict, NotSaved, Store, StudyFull

# A lecture hall may share one address: 60 people who answer every two seconds make about 100
# requests a second.
REQUESTS = Rate(burst=1000, per_second=100)
JOINS = Rate(burst=100, per_second=1)
WRONG_SECRETS = Rate(burst=20, per_second=0.2)
STATIC = {"study.css": "text/css", "study.js": "text/javascript", "icon.svg": "image/svg+xml"}
Secret = Annotated[str | None, Header(alias="Authorization")]


class _Body(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid")


class Join(_Body):
    invitation: str
    agreed: bool


class Answer(_Body):
    position: int = Field(ge=0, le=1_000_000)
    choice: str = Field(max_length=20)
    milliseconds: int = Field(ge=0, le=3_600_000)


def create_app(
    study: Study, store: Store, admin_token: str, limiter: Limiter | None = None
) -> FastAPI:
    """The study's web application.

    Args:
        study, store: what is asked, and where answers go.
        admin_token: password of /results.csv.
        limiter: how much one client may ask for; `REQUESTS` where None.
    """
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    joins, wrong = Limiter(JOINS), Limiter(WRONG_SECRETS)
    trials, images = study.trials, frozenset(study.origins)
    page = _page(study)
    static = {name: (PAGES / name).read_bytes() for name in STATIC}

    def check(request: Request, right: bool, status: int, reason: str, **headers: str) -> None:
        """Let a right secret pass; count a wrong one, and stop a client that keeps guessing."""
        client = client_of(request.scope)
        if not wrong.allows(client, 0):
            raise HTTPException(
                429, "Too many wrong links or passwords; wait a minute.", {"Retry-After": "60"}
            )
        if not right:
            wrong.allows(client)
            raise HTTPException(status, reason, headers)

    def who(request: Request, authorization: str | None) -> int:
        scheme, _, token = (authorization or "").partition(" ")
        number = store.participant(token) if scheme == "Bearer" and token else None
        check(
            request,
            number is not None,
            401,
            "This link is not known to the study.",
            **{"WWW-Authenticate": "Bearer"},
        )
        return number

    def state(participant: int, begin: bool = False) -> dict:
        mine = trials[participant]
        position = store.next_position(participant)
        if position >= len(mine):
            return {"total": len(mine), "trial": None, "intro": None}
        trial, settings = mine[position], study.settings
        starts = position == 0 or mine[position - 1].block != trial.block
        if starts and not begin and not store.was_shown(participant, position):
            order = list(dict.fromkeys(other.block for other in mine))
            examples = [
                {"images": [f"/images/{name}" for name in names], "answer": answer}
                for names, answer in settings.examples[trial.block]
            ]
            intro = {"number": order.index(trial.block) + 1, "of": len(order), "examples": examples}
            return {
                "total": len(mine),
                "intro": intro,
                "trial": _public(trial, study) | {"images": [], "check": None},
            }
        elapsed = store.seconds_since_shown(participant, position)
        left = None if settings.seconds is None else max(0.0, settings.seconds - (elapsed or 0.0))
        return {
            "total": len(mine),
            "intro": None,
            "trial": _public(trial, study) | {"seconds_left": left},
        }

    @app.get("/s/{code}")
    def invitation(request: Request, code: str):
        check(request, _same(code, store.invitation), 404, "This link is not known to the study.")
        return HTMLResponse(page)

    @app.get("/p/{token}")
    def personal(token: str):
        return HTMLResponse(page)  # the page is the same for everyone; its requests carry the token

    @app.get("/static/{name}")
    def asset(name: str):
        if name not in static:
            raise HTTPException(404, "There is no such file.")
        return Response(
            static[name], media_type=STATIC[name], headers={"Cache-Control": "no-cache"}
        )

    @app.get("/images/{name}")
    def image(name: str):
        if name not in images:
            raise HTTPException(404, "There is no such image.")
        # No date and no ETag: when a file was written is nobody's business.
        return Response(
            study.image(name).read_bytes(),
            media_type="image/jpeg",
            headers={"Cache-Control": "private, max-age=3600, immutable"},
        )

    @app.post("/api/join")
    def join(request: Request, body: Join):
        check(
            request,
            _same(body.invitation, store.invitation),
            404,
            "This link is not known to the study.",
        )
        if not body.agreed:
            raise HTTPException(403, "Without consent there is no study.")
        if not joins.allows(client_of(request.scope)):
            raise HTTPException(
                429,
                "Too many new participants from one place; wait a minute.",
                {"Retry-After": "60"},
            )
        try:
            return {"token": store.join(len(trials))}
        except StudyFull:
            raise HTTPException(410, "All places in this study are taken.") from None

    @app.get("/api/state")
    def current(request: Request, authorization: Secret = None):
        return state(who(request, authorization))

    @app.post("/api/begin")
    def begin(request: Request, authorization: Secret = None):
        return state(who(request, authorization), begin=True)

    @app.post("/api/answer")
    def answer(request: Request, body: Answer, authorization: Secret = None):
        participant = who(request, authorization)
        mine = trials[participant]
        if body.position >= len(mine):
            raise HTTPException(409, f"There are {len(mine)} trials, not {body.position + 1}.")
        allowed = CHOICES[mine[body.position].block]
        if body.choice not in allowed:
            raise HTTPException(422, f"choice must be {' or '.join(allowed)}.")
        try:
            store.save(participant, body.position, body.choice, body.milliseconds)
        except Conflict as conflict:
            raise HTTPException(409, f"Not saved: {conflict}.") from None
        return state(participant)

    @app.post("/api/withdraw")
    def withdraw(request: Request, authorization: Secret = None):
        store.withdraw(who(request, authorization))
        return {"withdrawn": True}

    @app.get("/results.csv")
    def results(request: Request, authorization: Secret = None):
        right = _same(_password(authorization), admin_token)
        check(
            request,
            right,
            401,
            "Results need the admin token that was printed when the server started.",
            **{"WWW-Authenticate": 'Basic realm="results"'},
        )
        from synthderm.study.results import COLUMNS, result_rows

        text = io.StringIO()
        writer = csv.DictWriter(text, COLUMNS)
        writer.writeheader()
        writer.writerows(result_rows(study, store.answers()))
        return Response(
            text.getvalue(),
            media_type="text/csv",
            headers={"Content-Disposition": 'attachment; filename="results.csv"'},
        )

    @app.exception_handler(NotSaved)
    def not_saved(request: Request, error: NotSaved):
        return JSONResponse(
            {"error": f"Nothing was saved ({error}). Try again."}, 503, {"Retry-After": "2"}
        )

    @app.exception_handler(RequestValidationError)
    def malformed(request: Request, error: RequestValidationError):
        return JSONResponse(
            {
                "error": "; ".join(
                    f"{'.'.join(map(str, item['loc']))}: {item['msg']}" for item in error.errors()
                )
            },
            422,
        )

    @app.exception_handler(HTTPException)
    def refused(request: Request, error: HTTPException):
        return JSONResponse({"error": error.detail}, error.status_code, error.headers)

    app.add_middleware(Guard, limiter=limiter or Limiter(REQUESTS))
    return app


def _public(trial: Trial, study: Study) -> dict:
    """What a browser may know of a trial."""
    values = CHOICES[trial.block][:: -1 if trial.swapped and trial.block == "yesno" else 1]
    labels = study.texts["blocks"][trial.block]["choices"]
    return {
        "position": trial.position,
        "block": trial.block,
        "images": [f"/images/{name}" for name in (trial.a, trial.b) if name],
        "check": trial.answer if trial.kind == "check" else None,
        "choices": [{"value": value, "label": labels[value]} for value in values],
        "seconds": study.settings.seconds,
        "seconds_left": study.settings.seconds,
    }


def _page(study: Study) -> str:
    """The one HTML page, with the study's words in it."""
    texts = study.texts
    return string.Template((PAGES / "page.html").read_text(encoding="utf-8")).substitute(
        lang=html.escape(texts["lang"]),
        title=html.escape(study.settings.title),
        consent="\n".join(f"<p>{html.escape(paragraph)}</p>" for paragraph in study.consent),
        texts=json.dumps(texts).replace(
            "<", "\\u003c"
        ),  # so that no text can end the script element
    )


def _same(given: str, right: str) -> bool:
    """Compare two secrets in a time that doesn't depend on where they differ."""
    return secrets.compare_digest(given.encode("utf-8", "surrogatepass"), right.encode())


def _password(authorization: str | None) -> str:
    """The password of HTTP basic authentication; "" where there is none."""
    scheme, _, value = (authorization or "").partition(" ")
    if scheme.lower() != "basic":
        return ""
    try:
        return base64.b64decode(value, validate=True).decode("utf-8", "replace").partition(":")[2]
    except (binascii.Error, ValueError):
        return ""
