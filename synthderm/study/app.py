"""The study's web application: its parts put together, and errors turned into replies."""

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from synthderm.study.access import Access
from synthderm.study.limits import REQUESTS, Limiter
from synthderm.study.middleware import RequestGuard
from synthderm.study.routes import page_routes, participant_routes, result_routes
from synthderm.study.session import Session, UnknownChoice
from synthderm.study.store import Conflict, NotSaved, Store, StudyFull
from synthderm.study.study_folder import Study


def create_app(
    study: Study, store: Store, admin_token: str, limiter: Limiter | None = None
) -> FastAPI:
    """The study's web application.

    Args:
        study: what is asked.
        store: where the answers go.
        admin_token: password of /results.csv.
        limiter: how much one client may ask for; `limits.REQUESTS` where None.
    """
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    access = Access(store, admin_token)
    app.include_router(page_routes(study, access))
    app.include_router(participant_routes(Session(study, store), access))
    app.include_router(result_routes(study, store, access))
    _add_error_replies(app)
    app.add_middleware(RequestGuard, limiter=limiter or Limiter(REQUESTS))
    return app


def _add_error_replies(app: FastAPI) -> None:
    """Answer every error with its status and {"error": reason}."""

    @app.exception_handler(NotSaved)
    def not_saved(request: Request, error: NotSaved) -> JSONResponse:
        reason = f"Nothing was saved ({error}). Try again."
        return JSONResponse({"error": reason}, 503, {"Retry-After": "2"})

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

    @app.exception_handler(HTTPException)
    def refused(request: Request, error: HTTPException) -> JSONResponse:
        return JSONResponse({"error": error.detail}, error.status_code, error.headers)
