"""Whoever wrote by mail is asked once, kindly, for what the service needs and the mail did not say.

The case then waits for the requester, and its clock stands still (`models.commitment`). The answer
fills it by itself (`intake.services.service_fields.fill_from_reply`).
"""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from intake.cases import step_alone
from intake.correspondence import is_answerable, letterhead, thread_of, way_to, write_mail
from intake.incoming import Channel
from intake.notices import GENERATED
from intake.office import Office
from intake.reply_address import case_link
from intake.senders import trust
from intake.services import service_fields
from intake.wording import plain_name, speaking, thread_subject
from models.case import Case
from models.event import Event, of_case
from models.message import Message
from models.outbox_message import OutboxMessage
from models.service import Service
from models.service_field import ServiceField
from models.ticket import Ticket

ASKED = "ask_missing"


def ask(session: Session, office: Office, case: Case) -> OutboxMessage | None:
    """One mail that lists what *case* lacks; None when nothing is missing, or this service asked already."""
    if not isinstance(case, Ticket) or case.service is None:
        return None
    if not _asks(session, case.service):
        return None
    # Values and events are looked for, so what is pending has to be written.
    session.flush()
    wanted = service_fields.missing(session, case)
    if not wanted or _was_asked(session, case) or _is_denied(session, case):
        return None
    channel, to = way_to(session, case)
    if channel != Channel.EMAIL or not is_answerable(session, to):
        return None
    labels = [one.label for one in wanted]
    step_alone(session, case, ASKED, {"service": case.service.slug, "labels": labels})
    return _write(session, office, case, to, wanted)


def _asks(session: Session, service: Service) -> bool:
    """Whether the service asks anything; looked up once for all mails of a transaction."""
    known: dict[int, bool] = session.info.setdefault("services that ask", {})
    if service.id not in known:
        known[service.id] = bool(service_fields.fields_of(session, service))
    return known[service.id]


def _was_asked(session: Session, case: Ticket) -> bool:
    events = session.scalars(select(Event).where(of_case(case), Event.action == ASKED))
    slug = case.service.slug if case.service else ""
    return any(event.data.get("service") == slug for event in events)


def _is_denied(session: Session, case: Case) -> bool:
    """Whoever has the address did not write: a mail would be unasked."""
    first = session.scalar(select(Message).where(Message.case_id == case.id).order_by(Message.id).limit(1))
    return first is not None and trust.is_denied_in(first.authentication)


def _write(
    session: Session, office: Office, case: Ticket, to: str, wanted: list[ServiceField]
) -> OutboxMessage:
    head = letterhead(session, office, case)
    thread = thread_of(session, case)
    with speaking(case.requester.language):
        values = {
            "institution": office.settings.institution,
            "folio": case.folio,
            "subject": case.subject,
            "thread_subject": thread_subject(case.subject, case.folio),
            "service": case.service.name if case.service else "",
            "name": plain_name(case.requester.name, to),
            "fields": [
                {
                    "label": one.label,
                    "help": one.help,
                    "kind": one.kind.value,
                    "choices": ", ".join(one.choices),
                }
                for one in wanted
            ],
            "link": case_link(office, case.folio),
        }
        return write_mail(session, office, "missing_fields", [to], values, head, thread, case, GENERATED)
