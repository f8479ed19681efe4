"""The addresses of the study's server: pages and images, the participants' API, the results."""

import html
import io
import json
import string
from typing import Annotated

from fastapi import APIRouter, Depends, HTTPException, Request
from fastapi.responses import HTMLResponse, Response
from pydantic import BaseModel, ConfigDict, Field

from synthderm.study.access import Access
from synthderm.study.results import write_results
from synthderm.study.session import Session, State
from synthderm.study.store import Store
from synthderm.study.study_folder import PAGES, Study

STATIC = {"study.css": "text/css", "study.js": "text/javascript", "icon.svg": "image/svg+xml"}


class _Body(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid")


class JoinBody(_Body):
    invitation: str
    agreed: bool


class AnswerBody(_Body):
    position: int = Field(ge=0, le=1_000_000)
    choice: str = Field(max_length=20)
    milliseconds: int = Field(ge=0, le=3_600_000)


def page_routes(study: Study, access: Access) -> APIRouter:
    """The page, its static files, and the images."""
    router = APIRouter()
    images = frozenset(study.origins)
    page = render_page(study)
    static = {name: (PAGES / name).read_bytes() for name in STATIC}

    @router.get("/s/{code}")
    def invitation(request: Request, code: str) -> HTMLResponse:
        access.require_invitation(request, code)
        return HTMLResponse(page)

    @router.get("/p/{token}")
    def personal(token: str) -> HTMLResponse:
        # The page is the same for all participants. Its requests carry the token.
        return HTMLResponse(page)

    @router.get("/static/{name}")
    def static_file(name: str) -> Response:
        if name not in static:
            raise HTTPException(404, "There is no such file.")
        headers = {"Cache-Control": "no-cache"}
        return Response(static[name], media_type=STATIC[name], headers=headers)

    @router.get("/images/{name}")
    def image(name: str) -> Response:
        if name not in images:
            raise HTTPException(404, "There is no such image.")
        # No date and no ETag: the replies differ in nothing but the image.
        headers = {"Cache-Control": "private, max-age=3600, immutable"}
        content = study.image(name).read_bytes()
        return Response(content, media_type="image/jpeg", headers=headers)

    return router


def participant_routes(session: Session, access: Access) -> APIRouter:
    """The API that the page uses: join, see the state, begin a block, answer, withdraw."""
    router = APIRouter(prefix="/api")
    store = session.store
    Participant = Annotated[int, Depends(access.require_participant)]

    @router.post("/join")
    def join(request: Request, body: JoinBody) -> dict[str, str]:
        access.require_invitation(request, body.invitation)
        if not body.agreed:
            raise HTTPException(403, "Without consent there is no study.")
        access.require_join_rate(request)
        return {"token": store.join(len(session.study.trials))}

    @router.get("/state")
    def state(participant: Participant) -> State:
        return session.state(participant)

    @router.post("/begin")
    def begin(participant: Participant) -> State:
        return session.state(participant, begin=True)

    @router.post("/answer")
    def answer(participant: Participant, body: AnswerBody) -> State:
        return session.answer(participant, body.position, body.choice, body.milliseconds)

    @router.post("/withdraw")
    def withdraw(participant: Participant) -> dict[str, bool]:
        store.withdraw(participant)
        return {"withdrawn": True}

    return router


def result_routes(study: Study, store: Store, access: Access) -> APIRouter:
    """The results so far, for the admin."""
    router = APIRouter(dependencies=[Depends(access.require_admin)])

    @router.get("/results.csv")
    def results() -> Response:
        text = io.StringIO()
        write_results(text, study, store.answers())
        headers = {"Content-Disposition": 'attachment; filename="results.csv"'}
        return Response(text.getvalue(), media_type="text/csv", headers=headers)

    return router


def render_page(study: Study) -> str:
    """The HTML page of all participants, with the study's texts in it."""
    texts = study.texts
    template = string.Template((PAGES / "page.html").read_text(encoding="utf-8"))
    return template.substitute(
        lang=html.escape(texts["lang"]),
        title=html.escape(study.settings.title),
        consent="\n".join(f"<p>{html.escape(paragraph)}</p>" for paragraph in study.consent),
        # Without "<" no text can end the script element.
        texts=json.dumps(texts).replace("<", "\\u003c"),
    )
