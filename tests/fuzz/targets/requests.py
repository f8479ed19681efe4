"""Requests to the study's application, as a stranger sends them."""

import asyncio
import base64
import json
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import unquote_to_bytes

import numpy as np
from hypothesis import strategies as st

from synthderm.study.app import create_app
from synthderm.study.build import build
from synthderm.study.store import Store
from synthderm.study.study_folder import Study
from tests.fuzz.outcome import attempt, require
from tests.study.drawing import PLAN, both_edits, draw_skin, redden

ATTACK = "requests to the study with odd paths, methods, headers, tokens and bodies, in any order"
TOKENS = [
    "{token}",
    "{token}",
    "{token}",
    "{other}",
    "{invitation}",
    "",
    "x",
    "a" * 5000,
    "\xff",
    "0",
]
PATHS = [
    *("/api/state", "/api/begin", "/api/answer", "/api/join", "/s/{invitation}", "/p/{token}"),
    *(
        "/results.csv",
        "/images/{image}",
        "/static/study.js",
        "/static/../app.py",
        "/images/..%2f..%2f",
    ),
    *(
        "//",
        "/s/",
        "/p/%00",
        "/images/%ff",
        "/api/answer/",
        "/api/state?x=" + "1" * 3000,
        "/%2e%2e/",
    ),
]
ODD = [
    None,
    True,
    -1,
    0,
    1,
    2,
    10**6,
    10**30,
    1.5,
    1e400,
    "",
    "a",
    "real",
    "x" * 1500,
    [],
    {},
    "\ud800",
]
CHOICES = ["real", "generated", "a", "b", "left", "right", ""]


SECRET = {"real": "real", "generated": "generated", "before": "pair", "after": "pair"}


class Request(NamedTuple):
    """A request. {token} and the like stand for what the study has given."""

    method: str
    path: str
    headers: list[tuple[str, str]]
    body: bytes


@st.composite
def answer(draw: Any) -> bytes:
    """The body of an answer: right, or with one odd value."""
    body: dict[str, Any] = {"position": draw(st.integers(0, 3)), "milliseconds": 900}
    body["choice"] = draw(st.sampled_from(CHOICES))
    if draw(st.booleans()):
        body[draw(st.sampled_from([*body, "place", "participant", ""]))] = draw(
            st.sampled_from(ODD)
        )
    return json.dumps(body).encode()


@st.composite
def requests(draw: Any) -> Request:
    path = draw(st.sampled_from(PATHS))
    usual = "GET" if path.startswith(("/s/", "/p/", "/im", "/st", "/res", "/api/state")) else "POST"
    method = draw(st.sampled_from([usual] * 5 + ["PUT", "HEAD", "OPTIONS", "DELETE", "\u00c4"]))
    token = draw(st.sampled_from(TOKENS))
    basic = base64.b64encode(token.encode("latin-1", "replace")).decode()
    values = [f"Bearer {token}"] * 4 + [token, f"bearer {token}", f"Basic {basic}", "Basic ???", ""]
    headers = [("authorization", draw(st.sampled_from(values)))]
    names = ["content-type", "content-length", "host", "x-forwarded-for", "range", "authorization"]
    odd = [
        "application/json",
        "text/xml",
        "-1",
        "9" * 30,
        "::1",
        "bytes=0-",
        "\xff\x00",
        "a" * 4000,
    ]
    headers += draw(st.lists(st.tuples(st.sampled_from(names), st.sampled_from(odd)), max_size=2))
    bodies = [b"", b"[" * 2000, b"\xff\xfe", b"null", b"9" * 2000, b"x" * 5000]
    join = b'{"invitation": "{invitation}", "agreed": true}'
    body = draw(st.one_of(answer(), answer(), st.sampled_from([join, join, *bodies])))
    if path == "/api/join" and draw(st.booleans()):
        body = join
    return Request(method, path, headers, body)


def cases() -> st.SearchStrategy[list[Request]]:
    return st.lists(requests(), min_size=1, max_size=6)


class Served(NamedTuple):
    study: Study
    store: Store
    app: Any
    known: dict[str, str]


@cache
def serve(folder: Path) -> Served:
    """A study of drawn pictures, with two participants."""
    rng = np.random.default_rng(7)
    pictures = [draw_skin(rng, (40, 40)) for _ in range(40)]
    redder = [redden(picture) for picture in pictures[:12]]
    names = {"real": pictures[:14], "generated": pictures[14:28], "before": pictures[28:]}
    sources = {}
    for key, images in (names | {"after": redder}).items():
        (folder / key).mkdir()
        for k, picture in enumerate(images):
            # The origin is a secret. Of a pair both have the same name.
            picture.save(folder / key / f"origin-{SECRET[key]}-{k}.png")
        sources[key] = str(folder / key)
    out = folder / "study"
    options = vars(PLAN) | both_edits(sources)
    build(out, sources["real"], sources["generated"], seed=3, images=12, size=32, **options)
    study = Study(out)
    store = Store(study.database)
    app = create_app(study, store, "the-admins-token")
    tokens = [store.join(len(study.trials)) for _ in range(2)]
    image = next(iter(study.origins))
    known = {"token": tokens[0], "other": tokens[1], "invitation": store.invitation, "image": image}
    return Served(study, store, app, known)


def fill(text: str, known: dict[str, str]) -> str:
    for key, value in known.items():
        text = text.replace("{" + key + "}", value)
    return text


async def send(app: Any, request: Request, known: dict[str, str]) -> tuple[int, bytes]:
    """The status and the body of the reply."""
    path, _, query = fill(request.path, known).partition("?")
    body = fill(request.body.decode("latin-1"), known).encode("latin-1")
    scope = {
        "type": "http",
        "http_version": "1.1",
        "asgi": {"version": "3.0"},
        "scheme": "http",
        "method": request.method,
        "path": unquote_to_bytes(path).decode("utf-8", "replace"),
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "headers": [
            (name.encode(), fill(value, known).encode("latin-1")) for name, value in request.headers
        ],
        "client": ("192.0.2.1", 1),
        "server": ("127.0.0.1", 80),
    }
    unread, sent = [{"type": "http.request", "body": body, "more_body": False}], []

    async def receive() -> Any:
        return unread.pop() if unread else {"type": "http.disconnect"}

    async def reply(message: Any) -> None:
        sent.append(message)

    await app(scope, receive, reply)
    status = next(part["status"] for part in sent if part["type"] == "http.response.start")
    return status, b"".join(part.get("body", b"") for part in sent)


def prepare(folder: Path) -> None:
    serve(folder)


def check(case: list[Request], folder: Path) -> str:
    served = serve(folder)
    statuses = []
    for request in case:
        before = served.store.answers()
        (status, body), _ = attempt(
            lambda r=request: asyncio.run(send(served.app, r, served.known))
        )
        require(status < 500, f"status {status} to {request!r:.300}")
        text = body.decode("utf-8", "replace")
        after = served.store.answers()
        require(after[: len(before)] == before, "a saved answer was changed")
        taken = status == 200 and request.path == "/api/answer"
        require(len(after) - len(before) <= taken, f"status {status}, and an answer was saved")
        if status >= 400 and request.method not in ("HEAD",):
            require(json.loads(text)["error"], "an error without its reason")
        require("Traceback" not in text and str(folder) not in text, "a reply tells of the server")
        hidden = ["the-admins-token", served.known["other"], "origin-"]
        told = [word for word in hidden if word in text and "{other}" not in str(request)]
        require(not told, f"a reply tells {told}")
        statuses.append(status)
    return "accepted" if min(statuses) < 400 else "refused"
