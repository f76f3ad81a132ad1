"""START READING HERE. The life of a spooled mail: parse, screen, match, file or open, answer.

`process_spooled` takes waiting mail, a few in each transaction: all that a mail
causes commits together with the mark that it is processed, or not at all. When
one of them raises, each gets a transaction of its own, and that one becomes
*failed*, with its traceback, for a clerk.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import cast

import structlog
from sqlalchemy import Table, bindparam, select, update
from sqlalchemy.exc import IntegrityError, OperationalError
from sqlalchemy.orm import Session

from intake import cases, notices, returned, scanning, screening
from intake.addresses import domain_of, split_plus
from intake.batches import (
    TAKEN_UP,
    Read,
    claim,
    fail,
    find_waiting,
    read_ahead,
    read_batch,
    still_waiting,
    waiting_among,
)
from intake.citizens import complaints
from intake.digitizing import scan_mail
from intake.errors import StoreFailed
from intake.incoming import IncomingMessage
from intake.issued import issuing
from intake.matching import Match, end_of_merges, leads, match
from intake.memory import catch_up, mailbox_at, note_decided, remember
from intake.messages import file_incoming
from intake.office import Office
from intake.oficios import as_document, register_received
from intake.opening import continue_from, route
from intake.reading import inspection
from intake.reading.inspection import HERE, MailReader
from intake.senders import trust
from intake.tickets import open_ticket
from intake.turnos import copy_to
from models.base import now
from models.case import Case, CaseKind, lock
from models.event import record
from models.inbound_mail import InboundMail, InboundStatus, Outcome, Verdict
from models.mailbox import Mailbox, MailboxPurpose
from models.message import Message
from models.oficio import Flow, Oficio
from models.rows import execute_after_flush
from models.workflow import NotAllowed, Process, process_of
from templates import language, say

log = structlog.get_logger()

# Two copies of one mail in two workers, or a clerk who ends the case meanwhile: the next try sees the effect.
CONFLICT_TRIES = 3


_DECIDED = update(cast("Table", InboundMail.__table__)).where(InboundMail.id == bindparam("decided_id"))


def process_spooled(
    office: Office,
    *,
    limit: int = TAKEN_UP,
    part: tuple[int, int] = (0, 1),
    reader: MailReader = HERE,
) -> int:
    """Process up to *limit* waiting mails; returns how many were decided.

    *part* (i, n): worker i of n takes its share first, so that workers seldom meet.
    *reader*: a worker's is `isolation.Reader`, which hostile mail cannot harm.
    Raises OperationalError, StoreFailed or NoReader when the database, the store or a child
    process is not to be had; the mail then still waits. One that waits for the store holds up no other.
    """
    return _process(office, find_waiting(office, limit, part), reader)


def process_these(office: Office, ids: Sequence[int], reader: MailReader) -> int:
    """The same for those of *ids* that nobody has decided about."""
    return _process(office, waiting_among(office, ids), reader)


def _process(office: Office, mails: Iterable[tuple[int, int]], reader: MailReader) -> int:
    language.set(office.settings.language)
    done, away = 0, None
    for batch in read_ahead(office, mails, reader):
        done += batch.failed + _decide_all(office, batch.read)
        away = batch.away or away
    if away is not None and not done:
        raise away
    return done


def process_one(office: Office, inbound_id: int, reader: MailReader = HERE) -> bool:
    """Process one mail; False when another worker has it or had it."""
    language.set(office.settings.language)
    batch = read_batch(office, [inbound_id], reader)
    if batch.away is not None:
        raise batch.away
    return batch.failed + _decide_all(office, batch.read) == 1


def _decide_all(office: Office, read: Sequence[Read]) -> int:
    """In one transaction, or when that fails each in its own: one mail never costs another its effect."""
    if len(read) > 1:
        try:
            return _decide(office, read)
        except Exception as error:
            # Which of them it was, and whether it is conflict or fault, shows when each is alone.
            log.warning("batch divided", mails=len(read), error=repr(error))
    return sum(_decide_alone(office, one) for one in read)


def _decide_alone(office: Office, one: Read) -> int:
    for attempt in range(CONFLICT_TRIES):
        try:
            return _decide(office, [one])
        except (OperationalError, StoreFailed):
            raise
        except Exception as error:
            if isinstance(error, IntegrityError | NotAllowed) and attempt < CONFLICT_TRIES - 1:
                continue
            fail(office, one.inbound_id, error)
            break
    return 1


def _decide(office: Office, read: Sequence[Read]) -> int:
    """All that *read* cause, in one transaction; returns how many of them still waited."""
    fingerprints = {one.inbound_id: screening.fingerprint(one.incoming) for one in read}
    # The verbs draw their keys, so that what many mails cause is written at once, at the end.
    with office.database.preparing() as (session, take_turn), session.no_autoflush:
        inbound = {one.id: one for one in session.scalars(still_waiting(list(fingerprints)))}
        recipients = {one.id: one.envelope_to for one in inbound.values()}
        remember(session, {one.incoming.from_addr for one in read}, recipients)
        led = {
            one.inbound_id: leads(office, one.incoming, recipients[one.inbound_id])
            for one in read
            if one.inbound_id in inbound
        }
        take_turn()
        mine = claim(session, list(inbound))
        catch_up(session, set(fingerprints.values()), set().union(*led.values()))
        for one in read:
            if one.inbound_id not in mine:
                continue
            verdict = accept(session, office, one.incoming, inbound[one.inbound_id])
            _write_verdict(session, one.incoming, inbound[one.inbound_id], verdict)
            leads_now = {one.incoming.message_id, verdict.case.folio if verdict.case else ""}
            about = {one.incoming.from_addr, fingerprints[one.inbound_id]}
            note_decided(session, about | led[one.inbound_id] | leads_now)
    return len(mine)


def _write_verdict(
    session: Session, incoming: IncomingMessage, inbound: InboundMail, verdict: Verdict
) -> None:
    # Its case may not be written yet; and as an object of the session it would cost what a case costs.
    decided = {
        "decided_id": inbound.id,
        "status": verdict.status,
        "outcome": verdict.outcome,
        "reason": verdict.reason,
        "case_id": verdict.case.id if verdict.case else None,
        "message_id": verdict.message.id if verdict.message else None,
        "processed_at": now(),
        "attempts": inbound.attempts + 1,
        "error": "",
        "authentication": inspection.findings(incoming),
    }
    execute_after_flush(session, _DECIDED, decided)


def accept(session: Session, office: Office, incoming: IncomingMessage, inbound: InboundMail) -> Verdict:
    """Decide about one parsed mail and write all that follows from it, in the caller's transaction."""
    mailbox = find_mailbox(session, inbound.envelope_to)
    if mailbox is not None and mailbox.purpose == MailboxPurpose.SCANS:
        return scan_mail.accept(session, office, incoming, mailbox)
    screened = screening.screen(session, office, incoming, inbound.envelope_to)
    found = match(session, office, incoming, inbound.envelope_to)
    if screened is not None:
        return _file_screened(session, office, incoming, inbound, screened, found, mailbox)
    if found.held:
        return Verdict.held(found.reason, found.case)
    if found.case is not None and trust.is_denied(incoming.authentication):
        return Verdict.held(_denied(incoming, found.case), found.case)
    if found.case is not None and _complains(incoming, found):
        ticket, message = complaints.complain(session, office, found.case, incoming, inbound=inbound)
        return Verdict.processed(Outcome.TICKET, ticket.routing_reason, ticket, message)
    if found.case is not None and cases.can_follow_up(office, found.case):
        return _follow_up(session, office, incoming, inbound, found, found.case)
    return open_new(session, office, incoming, inbound, mailbox, found)


def _follow_up(
    session: Session,
    office: Office,
    incoming: IncomingMessage,
    inbound: InboundMail,
    found: Match,
    case: Case,
) -> Verdict:
    message = cases.follow_up(
        session, office, case, incoming, reason=found.reason, inbound=inbound, staff=found.staff
    )
    if isinstance(case, Oficio) and case.flow == Flow.ISSUED:
        issuing.hear(session, office, case, message)
    if _has_news_of_files(message) and incoming.should_auto_respond:
        notices.write_acuse(session, office, case, message)
    return Verdict.processed(Outcome.FOLLOW_UP, found.reason, case, message)


def open_new(
    session: Session,
    office: Office,
    incoming: IncomingMessage,
    inbound: InboundMail,
    mailbox: Mailbox | None,
    found: Match,
) -> Verdict:
    """Open a ticket, or register what a rule or its own words call an oficio; linked to what it continues."""
    to = as_document(office, incoming, route(session, incoming, mailbox, None))
    older = found.case or found.proposal
    reason = say("match.new_after_closing", folio=found.case.folio) if found.case else say("match.new")
    case: Case
    if to.kind == CaseKind.OFICIO:
        case, message = register_received(session, office, incoming, to=to, inbound=inbound, reason=reason)
    else:
        case, message = open_ticket(session, office, incoming, inbound=inbound, to=to, reason=reason)
    if older is not None:
        continue_from(session, case, older, closed=found.case is not None)
    outcome = Outcome.OFICIO if to.kind == CaseKind.OFICIO else Outcome.TICKET
    return Verdict.processed(outcome, to.reason, case, message)


def _complains(incoming: IncomingMessage, found: Match) -> bool:
    """Whether the requester's reply says in its subject that it complains about the case."""
    return (
        found.case is not None
        and found.staff is None
        and process_of(found.case) != Process.ISSUED
        and incoming.from_addr in [one.value for one in found.case.requester.addresses]
        and complaints.is_complaint(incoming.subject, found.case)
    )


def find_mailbox(session: Session, recipient: str) -> Mailbox | None:
    """Our mailbox behind an envelope recipient, with or without `+anything`."""
    return mailbox_at(session, split_plus(recipient)[0])


def _denied(incoming: IncomingMessage, case: Case) -> str:
    sender = incoming.from_addr
    return say("trust.held_denied", folio=case.folio, sender=sender, domain=domain_of(sender))


def _has_news_of_files(message: Message) -> bool:
    """A follow-up has no acuse of its own; but who sent a file that we did not take must know."""
    return bool(message.left_out) or scanning.FOUND in message.defects


def _file_screened(
    session: Session,
    office: Office,
    incoming: IncomingMessage,
    inbound: InboundMail,
    screened: screening.Screened,
    found: Match,
    mailbox: Mailbox | None,
) -> Verdict:
    if screened.held or screened.outcome is None:
        return Verdict.held(screened.reason, screened.case)
    if screened.outcome == Outcome.DUPLICATE:
        return _second_copy(session, inbound, screened, mailbox)
    if screened.outcome == Outcome.LOOP:
        return Verdict.processed(Outcome.LOOP, screened.reason)
    return _file_robot(session, office, incoming, inbound, screened, found)


def _second_copy(
    session: Session, inbound: InboundMail, screened: screening.Screened, mailbox: Mailbox | None
) -> Verdict:
    """One mail to two of our addresses is one case; the other dependencia gets a copy for information."""
    case = screened.case
    assert case is not None
    dependencia = mailbox.bound_to if mailbox else None
    first = session.scalar(
        select(InboundMail.id).where(
            InboundMail.case_id == case.id,
            InboundMail.envelope_to == inbound.envelope_to,
            InboundMail.status == InboundStatus.PROCESSED,
        )
    )
    if dependencia is not None and dependencia.id != case.dependencia_id and first is None:
        copy_to(session, case, None, dependencia=dependencia,
                reason=say("routing.by_mailbox", address=inbound.envelope_to))  # fmt: skip
    return Verdict.processed(Outcome.DUPLICATE, screened.reason, case)


def _file_robot(
    session: Session,
    office: Office,
    incoming: IncomingMessage,
    inbound: InboundMail,
    screened: screening.Screened,
    found: Match,
) -> Verdict:
    """A machine's message is shown on its case; it changes no state and gets no answer."""
    outcome = screened.outcome
    assert outcome is not None
    notice = screened.notice
    case = session.get(Case, notice.case_id) if notice and notice.case_id else None
    # A folio in a subject is guessed easily: it leads a robot only to a case in which it takes part.
    case = end_of_merges(session, case) if case else None if found.held else found.case
    arrived = screening.delivered_to(incoming)
    if notice is not None and returned.is_believable_delivery(office, notice, incoming, inbound, arrived):
        issuing.mark_delivered(session, notice)
    if (
        notice is not None
        and outcome == Outcome.BOUNCE
        and returned.is_believable(office, notice, incoming, inbound)
    ):
        returned.mark(session, notice, incoming, screened.reason)
    message = None
    if case is not None:
        lock(session, case)
        message = file_incoming(
            session, office, case, incoming, reason=screened.reason, inbound=inbound, robot=outcome
        )
        record(
            session, case, outcome, actor="system", data={"message": message.id, "reason": screened.reason}
        )
    return Verdict.processed(outcome, screened.reason, case, message)
