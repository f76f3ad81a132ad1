"""What people are told: each function writes one notice into the outbox, in the transaction of its cause.

The words are in `templates/email/<kind>/` and `templates/labels`; here is decided
who is told, from which address, and under which mail it threads. None is returned
when nobody is told, for instance because a robot would read it.
"""

from __future__ import annotations

from email import message_from_bytes
from email.policy import compat32
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from intake import spool
from intake.correspondence import (
    Letterhead,
    Thread,
    addresses_of,
    has_had_enough,
    heads_of,
    is_answerable,
    letterhead,
    requester_address,
    staff_address,
    telegram_chat,
    thread_of,
    unbound_letterhead,
    under,
)
from intake.errors import InvalidInput
from intake.incoming import Channel
from intake.office import Office
from intake.outbox import queue
from intake.reply_address import case_link
from intake.scanning import UNSCANNED
from intake.wording import beginning, instant, moment, paragraphs, plain_name, size, speaking, thread_subject
from models.base import now
from models.case import Case
from models.event import record
from models.inbound_mail import InboundMail
from models.message import Attachment, Direction, Message
from models.outbox_message import OutboxMessage
from models.person import Account, Role
from models.turno import Turno, TurnoKind, TurnoState
from models.workflow import State
from templates import language, render, say

# RFC 3834, 5: an answer to a mail, and a mail that a machine sends of its own accord.
REPLIED, GENERATED = "auto-replied", "auto-generated"
_LOGO_BYTES = 20_000


def write_acuse(session: Session, office: Office, case: Case, message: Message) -> OutboxMessage | None:
    """Tell the sender of *message* that it arrived: folio, link, what was received, when it is attended."""
    # Where the mail came from, never its Reply-To: that is the sender's word and may be a stranger.
    to = message.sender_address or requester_address(case)
    if case.channel == Channel.TELEGRAM or not is_answerable(session, to):
        return None
    if has_had_enough(session, office, case, "acuse"):
        record(session, case, "acuse_withheld", data={"to": to, "per_hour": office.settings.acuse_per_hour})
        return None
    head = letterhead(session, office, case, message)
    zone = office.settings.zone
    with speaking(case.requester.language):
        values = {
            **_about(office, case, head),
            "name": plain_name(message.sender_name, to),
            "received": instant(message.created_at, zone),
            "due": moment(case.due_at, zone) if case.due_at else "",
            "files": [_described(file) for file in message.attachments if not _is_decoration(file)],
            "left_out": [_left_out(office, file) for file in message.left_out],
        }
        return _queue(session, office, "acuse", [to], values, head, under(message), case, REPLIED)


def _is_decoration(file: Attachment) -> bool:
    """A logo of a signature; a screenshot pasted into the text is larger and belongs to what was received."""
    return file.is_inline and file.size < _LOGO_BYTES


def _described(file: Attachment) -> dict[str, str | bool]:
    return {
        "name": file.filename,
        "size": size(file.size),
        "sha256": file.sha256,
        # A file that only waits for the scanner is no reason to alarm its sender.
        "is_quarantined": file.danger not in ("", UNSCANNED),
    }


def _left_out(office: Office, file: dict[str, Any]) -> str:
    """A sentence about a file that was not taken, and the limit it broke."""
    settings = office.settings
    limit = settings.max_file_bytes if file["reason"] == "too_large" else settings.max_case_bytes
    return say(f"trust.left_out.{file['reason']}", name=file["filename"], size=size(file["size"]),
               limit=size(limit))  # fmt: skip


def write_answer(
    session: Session, office: Office, case: Case, message: Message, to: list[str], cc: list[str]
) -> OutboxMessage | None:
    """Send a clerk's answer to the chosen recipients, with its files. A quarantined one: InvalidInput."""
    for file in message.attachments:
        if file.danger:
            raise InvalidInput("quarantined_file", filename=file.filename)
    if not to and (chat := telegram_chat(case)):
        return queue(session, office, kind="answer", channel=Channel.TELEGRAM, to=[chat],
                     subject=case.subject, text=message.text, case=case, message=message)  # fmt: skip
    head = letterhead(session, office, case)
    with speaking(case.requester.language):
        author = message.author
        values = {
            **_about(office, case, head),
            "paragraphs": paragraphs(message.text),
            "body": message.text.strip(),
            "author": author.person.name if author else "",
            "post": author.person.post if author else "",
            "dependencia": author.dependencia.name if author else "",
            "state": case.state if case.state in (State.WAITING, State.RESOLVED) else "",
            "quote": _quote(session, office, case),
        }
        return _queue(session, office, "answer", to, values, head, thread_of(session, case), case, "",
                      cc=cc, message=message)  # fmt: skip


def _quote(session: Session, office: Office, case: Case) -> dict[str, Any] | None:
    """What the requester wrote last, briefly, as every mail client shows it below an answer."""
    last = session.scalar(
        select(Message)
        .where(Message.case_id == case.id, Message.direction == Direction.IN, Message.robot == "")
        .order_by(Message.id.desc())
        .limit(1)
    )
    if last is None or not last.reply_text.strip():
        return None
    who = last.sender_name or last.sender_address
    text = beginning(last.reply_text)
    line = say("mail.answer.wrote", moment=moment(last.created_at, office.settings.zone), who=who)
    return {"line": line, "lines": text.splitlines(), "paragraphs": paragraphs(text)}


def write_state(
    session: Session, office: Office, case: Case, notice: str, reason: str = ""
) -> OutboxMessage | None:
    """Tell the requester that the case was resolved, concluded, closed, reopened or cancelled, and why."""
    to = requester_address(case)
    if not is_answerable(session, to):
        return None
    head = letterhead(session, office, case)
    with speaking(case.requester.language):
        values = {
            **_about(office, case, head),
            "name": plain_name(case.requester.name, to),
            "reason": reason,
            "reason_paragraphs": paragraphs(reason),
            "reopen_days": office.settings.reopen_days,
        }
        return _queue(session, office, notice, [to], values, head, thread_of(session, case), case, GENERATED)


def write_turno(session: Session, office: Office, turno: Turno) -> OutboxMessage | None:
    """Tell who got a case (assigned, copied), or who had handed it over that it came back (returned)."""
    # A turno that is still pending has not loaded its case and people.
    session.flush()
    if turno.state == TurnoState.RETURNED:
        kind, giver = "returned", turno.from_account
        to = [staff_address(giver)] if giver else addresses_of(session, Account.role == Role.OFICIALIA)
    else:
        kind = "assigned" if turno.kind == TurnoKind.ATTENTION else "copied"
        to = _receivers(session, turno)
    giver = turno.from_account
    values = {
        "instruction": turno.instruction,
        "reason": turno.reason,
        "by": giver.person.name if giver else "",
        "dependencia": turno.to_dependencia.name,
        "returned_by": turno.to_account.person.name if turno.to_account else turno.to_dependencia.name,
        "due": moment(turno.due_at, office.settings.zone) if turno.due_at else "",
    }
    return _tell_staff(session, office, kind, list(filter(None, to)), turno.case, values)


def _receivers(session: Session, turno: Turno) -> list[str]:
    if turno.to_account is None:
        return heads_of(session, turno.to_dependencia)
    if turno.from_account is not None and turno.from_account.person_id == turno.to_account.person_id:
        # Nobody needs a mail about what they did a moment ago.
        return []
    return [staff_address(turno.to_account)]


def write_overdue(session: Session, office: Office, case: Case) -> OutboxMessage | None:
    """Tell the holder, or the heads while nobody holds it, that the deadline of *case* has passed."""
    to = [staff_address(case.holder)] if case.holder else heads_of(session, case.dependencia)
    due = moment(case.due_at, office.settings.zone) if case.due_at else ""
    return _tell_staff(session, office, "overdue", list(filter(None, to)), case, {"due": due})


def _tell_staff(
    session: Session, office: Office, kind: str, to: list[str], case: Case, values: dict[str, Any]
) -> OutboxMessage | None:
    if not to:
        return None
    head = letterhead(session, office, case)
    with speaking(office.settings.language):
        first = session.scalar(
            select(Message.reply_text).where(Message.case_id == case.id).order_by(Message.id).limit(1)
        )
        everything = {
            **_about(office, case, head),
            **values,
            "link": panel_link(office, case),
            "requester": case.requester.name,
            "excerpt": paragraphs(beginning(first or "")),
        }
        return _queue(session, office, kind, to, everything, head, Thread(), case, GENERATED)


def write_refusal(
    session: Session, office: Office, inbound: InboundMail, key: str, **values: str | int
) -> OutboxMessage | None:
    """Tell the envelope sender of *inbound* why it was refused: the label `mail.refusal.reason.<key>`."""
    to = inbound.envelope_from.lower()
    if not is_answerable(session, to):
        return None
    # Only the head of the mail is read: what follows may be what we refused it for.
    raw = spool.read_raw(session, office, inbound)
    head_only = message_from_bytes(raw.partition(b"\r\n\r\n")[0][:100_000], policy=compat32)
    parent = str(head_only.get("Message-ID", "")).strip().strip("<>")
    thread = Thread(parent, (parent,)) if parent and " " not in parent else Thread()
    head = unbound_letterhead(session, office)
    with speaking(office.settings.language):
        everything = {
            "institution": office.settings.institution,
            "subject": inbound.subject_header,
            "thread_subject": thread_subject(inbound.subject_header, ""),
            "reason": say(f"mail.refusal.reason.{key}", **values),
            "received": instant(inbound.received_at, office.settings.zone),
        }
        return _queue(session, office, "refusal", [to], everything, head, thread, None, REPLIED)


def write_alert(session: Session, office: Office, findings: list[str]) -> OutboxMessage | None:
    """Tell the administrators what needs a hand: sentences already said in the office's language."""
    to = addresses_of(session, Account.role == Role.ADMINISTRATOR)
    if not to:
        return None
    with speaking(office.settings.language):
        values = {
            "institution": office.settings.institution,
            "findings": findings,
            "at": instant(now(), office.settings.zone),
            "link": f"{_base(office)}/admin/",
        }
        head = unbound_letterhead(session, office)
        return _queue(session, office, "alert", to, values, head, Thread(), None, GENERATED)


def panel_link(office: Office, case: Case) -> str:
    """The page of *case* in the panel, for those who work there."""
    return f"{_base(office)}/admin/casos/{case.id}"


def _base(office: Office) -> str:
    return office.settings.base_url.rstrip("/")


def _about(office: Office, case: Case, head: Letterhead) -> dict[str, Any]:
    return {
        "institution": office.settings.institution,
        "mailbox": head.name,
        "folio": case.folio,
        "subject": case.subject,
        "thread_subject": thread_subject(case.subject, case.folio),
        "attends": case.dependencia.name if case.dependencia else "",
        "link": case_link(office, case.folio),
    }


def _queue(
    session: Session,
    office: Office,
    kind: str,
    to: list[str],
    values: dict[str, Any],
    head: Letterhead,
    thread: Thread,
    case: Case | None,
    auto_submitted: str,
    *,
    cc: list[str] | None = None,
    message: Message | None = None,
) -> OutboxMessage:
    subject = render(f"email/{kind}/subject.txt", **values)
    values = {**values, "language": language.get(), "title": subject}
    return queue(
        session,
        office,
        kind=kind,
        to=to,
        cc=cc or [],
        subject=subject,
        text=render(f"email/{kind}/text.txt", **values),
        html=render(f"email/{kind}/body.html", **values),
        case=case,
        message=message,
        from_addr=head.address,
        from_name=head.name,
        reply_to=head.reply_to,
        in_reply_to=thread.in_reply_to,
        references=thread.references,
        auto_submitted=auto_submitted,
    )
