"""What people are told: each function writes one notice into the outbox, in the transaction of its cause.

The words are in `templates/email/<kind>/` and `templates/labels`; here is decided who is
told, by mail or in chat (`intake.chat.chat_notices`), from which address, and under which mail it
threads. None is returned when nobody is told, for instance because a robot would read it.
"""

from __future__ import annotations

from collections.abc import Sequence
from email import message_from_bytes
from email.policy import compat32
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from intake import spool
from intake.chat import chat_notices
from intake.correspondence import (
    Letterhead,
    Thread,
    accounts_of,
    addresses_of,
    has_had_enough,
    heads_of,
    is_answerable,
    letterhead,
    requester_address,
    telegram_chat,
    thread_of,
    unbound_letterhead,
    under,
    way_to,
    write_mail,
)
from intake.errors import InvalidInput
from intake.incoming import Channel
from intake.office import Office
from intake.reply_address import case_link
from intake.reply_address import panel_link as panel_link
from intake.scanning import UNSCANNED
from intake.wording import beginning, instant, moment, paragraphs, plain_name, size, speaking, thread_subject
from models.base import now
from models.case import Case, CaseKind
from models.dependencia import Dependencia
from models.event import record
from models.inbound_mail import InboundMail
from models.message import Attachment, Direction, Message
from models.outbox_message import OutboxMessage
from models.person import Account, Role
from models.turno import Turno, TurnoKind, TurnoState
from models.workflow import State
from templates import say

# RFC 3834, 5: an answer to a mail, and a mail that a machine sends of its own accord.
REPLIED, GENERATED = "auto-replied", "auto-generated"
_LOGO_BYTES = 20_000


def write_acuse(session: Session, office: Office, case: Case, message: Message) -> OutboxMessage | None:
    """Tell the sender of *message* that it arrived: folio, link, what was received, when it is attended."""
    # Where it came from, never a mail's Reply-To: that is the sender's word and may be a stranger.
    to = message.sender_address or requester_address(case)
    # A clerk may register what somebody whom we know from chat asks at the counter; a mail never is a chat's.
    if message.channel == Channel.TELEGRAM or (message.channel != Channel.EMAIL and to.isdecimal()):
        with speaking(case.requester.language):
            return chat_notices.write_acuse(session, office, case, to, _received(office, case, message))
    if not is_answerable(session, to):
        return None
    head = letterhead(session, office, case, message)
    if has_had_enough(session, office, case, head.address):
        record(session, case, "acuse_withheld", data={"to": to, "per_hour": office.settings.acuse_per_hour})
        return None
    with speaking(case.requester.language):
        values = {**_about(office, case, head), **_received(office, case, message)}
        return write_mail(session, office, "acuse", [to], values, head, under(message), case, REPLIED)


def _received(office: Office, case: Case, message: Message) -> dict[str, Any]:
    zone = office.settings.zone
    return {
        "words": "mail.oficio" if case.kind == CaseKind.OFICIO else "mail",
        "name": plain_name(message.sender_name, message.sender_address),
        "received": instant(message.created_at, zone),
        "due": moment(case.due_at, zone) if case.due_at else "",
        "files": [_described(file) for file in message.attachments if not _is_decoration(file)],
        "left_out": left_out(office, message),
    }


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


def left_out(office: Office, message: Message) -> list[str]:
    """A sentence about each file that was not taken."""
    return [_left_out(office, message, file) for file in message.left_out]


def _left_out(office: Office, message: Message, file: dict[str, Any]) -> str:
    settings = office.settings
    is_mail = message.channel == Channel.EMAIL
    largest = settings.max_file_bytes if is_mail else settings.upload_max_bytes
    limit = largest if file["reason"] == "too_large" else settings.max_case_bytes
    key = f"{'trust' if is_mail else 'chat_desk'}.left_out.{file['reason']}"
    return say(key, name=file["filename"], size=size(file["size"]), limit=size(limit))


def write_answer(
    session: Session, office: Office, case: Case, message: Message, to: list[str], cc: list[str]
) -> OutboxMessage | None:
    """Send a clerk's answer to the chosen recipients, or to the requester's chat when it goes there.

    Its files go along. A quarantined one: InvalidInput.
    """
    for file in message.attachments:
        if file.danger:
            raise InvalidInput("quarantined_file", filename=file.filename)
    if not to and (chat := chat_for(session, case)):
        with speaking(case.requester.language):
            return chat_notices.write_answer(session, office, case, message, chat)
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
        return write_mail(session, office, "answer", to, values, head, thread_of(session, case), case, "",
                      cc=cc, message=message)  # fmt: skip


def chat_for(session: Session, case: Case) -> str:
    """The chat in which the requester wrote last, else any of theirs; empty without one that works."""
    channel, address = way_to(session, case)
    return address if channel == Channel.TELEGRAM else telegram_chat(case)


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
    channel, to = way_to(session, case)
    if channel == Channel.TELEGRAM and to:
        with speaking(case.requester.language):
            return chat_notices.write_state(session, office, case, notice, reason, to)
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
        thread = thread_of(session, case)
        return write_mail(session, office, notice, [to], values, head, thread, case, GENERATED)


def write_turno(
    session: Session, office: Office, turno: Turno, *, is_new_there: bool = True
) -> OutboxMessage | None:
    """Tell who got a case (assigned, copied), or who had handed it over that it came back (returned).

    *is_new_there*: its dependencia has not attended the case until now.
    """
    if turno.state == TurnoState.RETURNED:
        kind, giver = "returned", turno.from_account
        to = [giver] if giver else accounts_of(session, Account.role == Role.OFICIALIA)
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
    if kind == "assigned" and is_new_there:
        write_new_case(session, office, turno.to_dependencia, turno.case)
    return tell_staff(session, office, kind, to, turno.case, values)


def write_new_case(
    session: Session, office: Office, dependencia: Dependencia, case: Case, first: Message | None = None
) -> OutboxMessage | None:
    """Tell the group in chat of *dependencia*, which got a case; *first*: its message, if not written yet."""
    if first is None:
        wanted = select(Message).where(Message.case_id == case.id)
        first = session.scalar(wanted.order_by(Message.id).limit(1))
    return chat_notices.write_group(session, office, "new_case", dependencia, case, first)


def write_follow_up(session: Session, office: Office, case: Case, message: Message) -> None:
    """Tell in chat whoever attends *case* that the requester wrote again; by mail they would be flooded."""
    first_words = {"excerpt": beginning(message.reply_text), "files": len(message.attachments)}
    with speaking(office.settings.language):
        values = {**first_words, "requester": case.requester.name, "link": panel_link(office, case)}
        holders = [case.holder] if case.holder is not None else []
        chat_notices.write_staff(session, office, "follow_up", holders, case, values)
    chat_notices.write_group(session, office, "follow_up", case.dependencia, case, message)


def _receivers(session: Session, turno: Turno) -> Sequence[Account]:
    if turno.to_account is None:
        return heads_of(session, turno.to_dependencia)
    if turno.from_account is not None and turno.from_account.person_id == turno.to_account.person_id:
        # Nobody needs a mail about what they did a moment ago.
        return []
    return [turno.to_account]


def write_overdue(session: Session, office: Office, case: Case) -> OutboxMessage | None:
    """Tell the holder, or the heads while nobody holds it, that the deadline of *case* has passed."""
    to = [case.holder] if case.holder else heads_of(session, case.dependencia)
    due = moment(case.due_at, office.settings.zone) if case.due_at else ""
    return tell_staff(session, office, "overdue", to, case, {"due": due})


def tell_staff(
    session: Session, office: Office, kind: str, accounts: Sequence[Account], case: Case,
    values: dict[str, Any],
) -> OutboxMessage | None:  # fmt: skip
    """By mail, and besides in the private chats that these accounts' people linked."""
    to = addresses_of(accounts)
    with speaking(office.settings.language):
        first = session.scalar(
            select(Message.reply_text).where(Message.case_id == case.id).order_by(Message.id).limit(1)
        )
        excerpt = beginning(first or "")
        told = {**values, "link": panel_link(office, case), "requester": case.requester.name}
        chat_notices.write_staff(session, office, kind, accounts, case, {**told, "excerpt": excerpt})
        if not to:
            return None
        head = letterhead(session, office, case)
        everything = {**_about(office, case, head), **told, "excerpt": paragraphs(excerpt)}
        return write_mail(session, office, kind, to, everything, head, Thread(), case, GENERATED)


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
        return write_mail(session, office, "refusal", [to], everything, head, thread, None, REPLIED)


def write_alert(session: Session, office: Office, findings: list[str]) -> OutboxMessage | None:
    """Tell the administrators what needs a hand: sentences already said in the office's language."""
    to = addresses_of(accounts_of(session, Account.role == Role.ADMINISTRATOR))
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
        return write_mail(session, office, "alert", to, values, head, Thread(), None, GENERATED)


def write_link(
    session: Session, office: Office, to: str, link: str, chat_name: str, code: str
) -> OutboxMessage:
    """Mail the link by which somebody joins their chat with what they write from *to*."""
    head = unbound_letterhead(session, office)
    with speaking(code):
        values = {
            "institution": office.settings.institution,
            # Whoever asks chooses the name they show: nobody gets to advertise with our mail.
            "name": plain_name(chat_name, to),
            "link": link,
        }
        return write_mail(session, office, "link", [to], values, head, Thread(), None, GENERATED)


def write_group_lost(session: Session, office: Office, dependencia: Dependencia, group: str) -> None:
    """Tell the heads of *dependencia*, by mail and in chat, that its group in chat hears nothing any more."""
    heads = heads_of(session, dependencia)
    with speaking(office.settings.language):
        values: dict[str, Any] = {
            "institution": office.settings.institution,
            "dependencia": dependencia.name,
            "group": group,
            "link": f"{_base(office)}/admin/telegram/",
        }
        for chat in chat_notices.private_chats(session, heads):
            chat_notices.tell(session, office, chat.id, "group_lost", **values)
        if to := addresses_of(heads):
            head = unbound_letterhead(session, office)
            write_mail(session, office, "group_lost", to, values, head, Thread(), None, GENERATED)


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
