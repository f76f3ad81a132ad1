"""One log for all roles: readable on a terminal, JSON lines where a machine collects them."""

from __future__ import annotations

import logging
import sys
from collections.abc import Sequence

import structlog

from intake.config import Settings

# Libraries that tell every step of their own; what matters of it, our doors say themselves.
_TALKATIVE = (
    "mail.log",
    "asyncio",
    "urllib3",
    "botocore",
    "boto3",
    "httpx",
    "fontTools",
    "weasyprint",
    "alembic",
)


def configure(settings: Settings, role: str = "", *, is_debug: bool = False) -> None:
    """Send every log record, ours by structlog and the libraries' by logging, to stderr in one shape."""
    structlog.contextvars.clear_contextvars()
    # The supervisor writes the role before each line that people read.
    if role and settings.log_json:
        structlog.contextvars.bind_contextvars(role=role)
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.ExtraAdder(),
        structlog.processors.TimeStamper(fmt="iso", utc=True)
        if settings.log_json
        else structlog.processors.TimeStamper(fmt="%H:%M:%S", utc=False),
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(foreign_pre_chain=shared, processors=_ending(settings))
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.DEBUG if is_debug else logging.INFO)
    for name in _TALKATIVE:
        logging.getLogger(name).setLevel(logging.WARNING)
    # A stranger's certificate without known issuer is a finding that we tell, not a fault with a traceback.
    logging.getLogger("pyhanko").setLevel(logging.ERROR)


def _ending(settings: Settings) -> Sequence[structlog.typing.Processor]:
    remove = structlog.stdlib.ProcessorFormatter.remove_processors_meta
    if settings.log_json:
        in_json = structlog.processors.JSONRenderer(ensure_ascii=False)
        return [remove, structlog.processors.format_exc_info, in_json]
    colors = sys.stderr.isatty()
    return [
        remove,
        structlog.dev.ConsoleRenderer(
            colors=colors, exception_formatter=structlog.dev.plain_traceback, pad_event_to=0
        ),
    ]
