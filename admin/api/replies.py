"""The answer of the API to whatever went wrong, ours or not."""

from __future__ import annotations

import structlog
from flask import Blueprint, Response, request
from sqlalchemy.exc import OperationalError
from werkzeug.exceptions import HTTPException

from admin.api.problems import Refusal, of_status, problem
from admin.errors import sentence_of
from intake.errors import DeskError, StoreFailed
from models.workflow import NotAllowed
from templates import say

logger = structlog.get_logger()


def answer_to(error: Exception) -> Response:
    """The answer to whatever went wrong."""
    match error:
        case Refusal():
            detail = say(f"api.problem.{error.code}", **error.values)
            return problem(error.status, error.code, detail, headers=error.headers, errors=error.errors)
        case NotAllowed():
            return problem(409, "not_allowed", sentence_of(error))
        case DeskError():
            return problem(409, error.key, str(error))
        case StoreFailed() | OperationalError():
            logger.error("api-unavailable", path=request.path, error=str(error))
            return problem(503, "unavailable", say("api.problem.unavailable"), headers={"Retry-After": "5"})
        case HTTPException():
            return of_status(error)
    logger.exception("api-failed", path=request.path, exc_info=error)
    return problem(500, "failed", say("api.problem.failed"))


def init(blueprint: Blueprint) -> None:
    """Let every error of *blueprint* be answered here."""
    blueprint.register_error_handler(Exception, answer_to)
