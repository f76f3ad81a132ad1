"""What people read when something cannot be: a sentence in their language, never a traceback."""

from __future__ import annotations

import structlog
from flask import Flask, Response, render_template, request
from flask_wtf.csrf import CSRFError
from sqlalchemy.exc import OperationalError
from werkzeug.exceptions import HTTPException

from admin.api.problems import of_status
from intake.errors import DeskError, StoreFailed
from models.workflow import NotAllowed
from templates import say

logger = structlog.get_logger()
KNOWN = frozenset({400, 403, 404, 405, 409, 413, 429, 503})


def page(status: int, sentence: str = "") -> tuple[str, int]:
    """The error page for *status*; *sentence* says more than the general words."""
    code = status if status in KNOWN else 500 if status >= 500 else 400
    # htmx puts what comes back into a part of the page: never a page into a page.
    part = request.headers.get("HX-Target", "") if "HX-Request" in request.headers else ""
    if part == "presence":
        return "", status
    return render_template("admin/error.html", code=code, sentence=sentence, part=part), status


def sentence_of(error: NotAllowed) -> str:
    """Why the workflow said no."""
    return say("panel.error.not_allowed", action=say(f"panel.action.{error.action}"),
               state=say(f"panel.state.{error.state}"))  # fmt: skip


def init_app(app: Flask) -> None:
    """Answer errors of *app* with pages of ours."""

    @app.errorhandler(NotAllowed)
    def not_allowed(error: NotAllowed) -> tuple[str, int]:
        return page(409, sentence_of(error))

    @app.errorhandler(DeskError)
    def said_no(error: DeskError) -> tuple[str, int]:
        return page(409, str(error))

    @app.errorhandler(CSRFError)
    def expired(_error: CSRFError) -> tuple[str, int]:
        return page(400, say("panel.error.expired"))

    @app.errorhandler(StoreFailed)
    def store_failed(error: StoreFailed) -> tuple[str, int]:
        logger.error("store-failed", path=request.path, error=str(error))
        return page(503, say("panel.error.store"))

    @app.errorhandler(OperationalError)
    def database_failed(error: OperationalError) -> tuple[str, int]:
        logger.error("database-failed", path=request.path, error=str(error.orig))
        return page(503, say("panel.error.database"))

    @app.errorhandler(HTTPException)
    def http(error: HTTPException) -> tuple[str, int] | HTTPException | Response:
        # Redirects and not-modified come this way too.
        if request.path.startswith("/api/") and error.code and error.code >= 400:
            return of_status(error)
        return page(error.code) if error.code and error.code >= 400 else error

    @app.errorhandler(Exception)
    def failed(error: Exception) -> tuple[str, int]:
        logger.exception("panel-failed", path=request.path, exc_info=error)
        return page(500)
