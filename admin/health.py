"""What machines ask: is the office able to accept and store, and its figures."""

from __future__ import annotations

import hmac

from flask import Flask, Response, abort, request
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Gauge, generate_latest
from sqlalchemy import func, select, text

from admin.db import office, session
from models.inbound_mail import InboundMail, InboundStatus
from models.outbox_message import OutboxMessage, OutboxStatus

# What is waiting is few; what is done is the whole history and is not counted.
_INBOUND = (InboundStatus.RECEIVED, InboundStatus.HELD, InboundStatus.FAILED)
_OUTBOX = (OutboxStatus.QUEUED, OutboxStatus.RETRYING, OutboxStatus.SENDING, OutboxStatus.FAILED)


def init_app(app: Flask) -> None:
    """Add the three addresses."""
    app.add_url_rule("/healthz", "healthz", healthz)
    app.add_url_rule("/readyz", "readyz", readyz)
    app.add_url_rule("/metrics", "metrics", metrics)


def _says(ok: bool) -> Response:
    return Response("ok\n" if ok else "failing\n", status=200 if ok else 503, mimetype="text/plain")


def healthz() -> Response:
    """200 when this process can write to the database, where accepted mail is stored."""
    writer = office().database.writer()
    try:
        # Takes and gives back the write lock; nothing is written.
        writer.execute(text("SELECT 1"))
    except Exception:
        return _says(ok=False)
    finally:
        writer.close()
    return _says(ok=True)


def readyz() -> Response:
    """200 when the tables are there and pages can be served."""
    try:
        session().execute(select(InboundMail.id).limit(1))
    except Exception:
        return _says(ok=False)
    return _says(ok=True)


def metrics() -> Response:
    """The figures of the office for Prometheus, to this machine or to whoever has the token."""
    token = office().settings.metrics_token.get_secret_value()
    if token:
        given = request.headers.get("Authorization", "").removeprefix("Bearer ")
        if not hmac.compare_digest(given.encode(), token.encode()):
            abort(403)
    elif request.remote_addr not in ("127.0.0.1", "::1"):
        abort(403)
    registry = CollectorRegistry()
    inbound = Gauge("oficialia_inbound_mails", "Mail waiting", ["status"], registry=registry)
    for status in _INBOUND:
        count = select(func.count()).select_from(InboundMail).where(InboundMail.status == status)
        inbound.labels(status.value).set(session().scalar(count) or 0)
    outbox = Gauge("oficialia_outbox_messages", "Notices waiting", ["status"], registry=registry)
    for state in _OUTBOX:
        waiting = select(func.count()).select_from(OutboxMessage).where(OutboxMessage.status == state)
        outbox.labels(state.value).set(session().scalar(waiting) or 0)
    return Response(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)
