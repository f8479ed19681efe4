"""The study's web application: page, images, the participants' API, results, and error replies."""

import html
import json
import string
from typing import Annotated

from fastapi import Depends, FastAPI, HTTPException, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, JSONResponse, Response
from pydantic import BaseModel, ConfigDict, Field
from starlette import exceptions

from synthderm.study.access import Access
from synthderm.study.database import NotSaved
from synthderm.study.limits import REQUESTS, Limiter
from synthderm.study.middleware import RequestGuard
from synthderm.study.results import COLUMNS, result_rows
from synthderm.study.session import Session, State, UnknownChoice, image_url
from synthderm.study.store import Conflict, Store, StudyFull
from synthderm.study.study_folder import PAGES, Study, csv_text

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
    place: int | None = Field(default=None, ge=1, le=1_000_000)


def create_app(study: Study, store: Store, admin_token: str) -> FastAPI:
    """The study's web application.

    Args:
        study: what is asked.
        store: where the answers go.
        admin_token: password of /results.csv.
    """
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    paths = {f"/static/{name}" for name in STATIC} | {image_url(name) for name in study.origins}
    access = Access(store, admin_token, paths)
    _add_pages(app, study, access)
    _add_api(app, Session(study, store), access)
    _add_results(app, study, store, access)
    _add_error_replies(app)
    app.add_middleware(RequestGuard, limiter=Limiter(REQUESTS), secret_of=access.right_secret)
    return app


def _add_pages(app: FastAPI, study: Study, access: Access) -> None:
    """The page, its static files, and the images."""
    page = render_page(study)
    static = {name: (PAGES / name).read_bytes() for name in STATIC}

    # What is in memory needs no thread, so it is served while others wait for the database.
    @app.get("/s/{code}")
    async def invitation(request: Request, code: str) -> HTMLResponse:
        access.require_invitation(request, code)
        return HTMLResponse(page)

    @app.get("/p/{token}")
    async def personal(token: str) -> HTMLResponse:
        # The page is the same for all participants. Its requests carry the token.
        return HTMLResponse(page)

    @app.get("/static/{name}")
    async def static_file(name: str) -> Response:
        if name not in static:
            raise HTTPException(404, "There is no such file.")
        headers = {"Cache-Control": "no-cache"}
        return Response(static[name], media_type=STATIC[name], headers=headers)

    @app.get("/images/{name}")
    def image(name: str) -> Response:
        if name not in study.origins:
            raise HTTPException(404, "There is no such image.")
        # No date and no ETag: the replies differ in nothing but the image.
        headers = {"Cache-Control": "private, max-age=3600, immutable"}
        content = study.image(name).read_bytes()
        return Response(content, media_type="image/jpeg", headers=headers)


def _add_api(app: FastAPI, session: Session, access: Access) -> None:
    """The API that the page uses: join, see the state, begin a block, answer, withdraw."""
    Participant = Annotated[int, Depends(access.require_participant)]

    @app.post("/api/join")
    def join(request: Request, body: JoinBody) -> dict[str, str]:
        access.require_invitation(request, body.invitation)
        if not body.agreed:
            raise HTTPException(403, "Without consent there is no study.")
        access.require_join_rate(request)
        return {"token": session.store.join(len(session.study.trials))}

    @app.get("/api/state")
    def state(participant: Participant) -> State:
        return session.state(participant)

    @app.post("/api/begin")
    def begin(participant: Participant) -> State:
        return session.state(participant, begin=True)

    @app.post("/api/answer")
    def answer(participant: Participant, body: AnswerBody) -> State:
        return session.answer(participant, **body.model_dump())

    @app.post("/api/withdraw")
    def withdraw(participant: Participant) -> dict[str, bool]:
        session.store.withdraw(participant)
        return {"withdrawn": True}


def _add_results(app: FastAPI, study: Study, store: Store, access: Access) -> None:
    """The results so far, for the admin."""

    @app.get("/results.csv", dependencies=[Depends(access.require_admin)])
    def results() -> Response:
        text = csv_text(COLUMNS, result_rows(study, store.answers()))
        headers = {"Content-Disposition": 'attachment; filename="results.csv"'}
        return Response(text, media_type="text/csv", headers=headers)


def _add_error_replies(app: FastAPI) -> None:
    """Answer every error with its status and {"error": reason}."""

    @app.exception_handler(NotSaved)
    def not_saved(request: Request, error: NotSaved) -> JSONResponse:
        content = {"error": f"Nothing was saved ({error}). Try again."}
        return JSONResponse(content, 503, {"Retry-After": "2"})

    @app.exception_handler(Conflict)
    def conflict(request: Request, error: Conflict) -> JSONResponse:
        return JSONResponse({"error": f"Not saved: {error}."}, 409)

    @app.exception_handler(StudyFull)
    def study_full(request: Request, error: StudyFull) -> JSONResponse:
        return JSONResponse({"error": "All places in this study are taken."}, 410)

    @app.exception_handler(UnknownChoice)
    def unknown_choice(request: Request, error: UnknownChoice) -> JSONResponse:
        return JSONResponse({"error": str(error)}, 422)

    @app.exception_handler(RequestValidationError)
    def malformed(request: Request, error: RequestValidationError) -> JSONResponse:
        reasons = [f"{'.'.join(map(str, item['loc']))}: {item['msg']}" for item in error.errors()]
        return JSONResponse({"error": "; ".join(reasons)}, 422)

    @app.exception_handler(exceptions.HTTPException)
    def refused(request: Request, error: exceptions.HTTPException) -> JSONResponse:
        return JSONResponse({"error": error.detail}, error.status_code, error.headers)


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
