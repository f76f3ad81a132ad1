"""The desk as tests use it: mail comes in, clerks act, and what the office wrote is read back."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage

import time_machine
from sqlalchemy import select
from sqlalchemy.orm import Session, object_session

from intake import outbox, spool
from intake.office import Office
from intake.pipeline import process_spooled
from models.base import now
from models.case import Case
from models.inbound_mail import InboundMail
from models.outbox_message import OutboxMessage

SUPPORT = "soporte@example.gob.mx"


def arrive(office: Office, raw: bytes, *, sender: str = "ana@correo.example", to: str = SUPPORT) -> int:
    """Take *raw* in as a door does, process it, and return the id of its case."""
    (identifier,) = spool.store(
        office, [spool.Arrival(door="smtp", raw=raw, envelope_from=sender, envelope_to=(to,))]
    )
    process_spooled(office)
    with office.database.reading() as session:
        case_id = session.get_one(InboundMail, identifier).case_id
    assert case_id is not None, "The mail became no case."
    return case_id


def get_case(session: Session, case_id: int) -> Case:
    return session.get_one(Case, case_id)


def notices(office: Office, kind: str | None = None) -> list[OutboxMessage]:
    """What lies in the outbox, of one kind or all of it, in the order it was written."""
    wanted = select(OutboxMessage).order_by(OutboxMessage.id)
    with office.database.reading() as session:
        return as_sent(session.scalars(wanted.where(OutboxMessage.kind == kind) if kind else wanted))


def as_sent(found: Iterable[OutboxMessage]) -> list[OutboxMessage]:
    """These notices with the words that their recipients read."""
    told = list(found)
    for notice in told:
        if (session := object_session(notice)) is not None:
            # What is only read here must not be written.
            session.expunge(notice)
        notice.text, notice.html = outbox.words_of(notice)
    return told


def queue_notice(office: Office, *to: str, subject: str = "Aviso", case: Case | None = None,
                 text: str = "Texto del aviso.") -> int:  # fmt: skip
    """Put a notice into the outbox, and return its id."""
    with office.database.writing() as session:
        notice = outbox.queue(
            session, office, kind="acuse", to=to or ("ana@correo.example",), subject=subject, text=text,
            case=case, from_addr=SUPPORT, from_name="Soporte",
        )  # fmt: skip
        return notice.id


def get_notice(office: Office, identifier: int) -> OutboxMessage:
    with office.database.reading() as session:
        return as_sent([session.get_one(OutboxMessage, identifier)])[0]


def sent_files(office: Office) -> list[EmailMessage]:
    """The .eml files of an office without relay, in the order of their names."""
    found = []
    for path in sorted(office.settings.outgoing_dir.glob("*.eml")):
        mail = message_from_bytes(path.read_bytes(), policy=policy.default)
        assert isinstance(mail, EmailMessage)
        found.append(mail)
    return found


@contextmanager
def later(**duration: float) -> Iterator[None]:
    """As if so much time had passed: `later(minutes=5)`."""
    with time_machine.travel(now() + timedelta(**duration), tick=True):
        yield
