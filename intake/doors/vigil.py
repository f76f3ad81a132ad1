"""How the doors are doing: who fell silent, what waits, and since when. Nothing fails quietly.

A door is silent *longer than usual* when, in working time, more has passed since its last
message than between any two of its latest ones; nights, weekends and holidays do not count.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise

from sqlalchemy import Select, func, select, text
from sqlalchemy.orm import Session

from intake.chat.chat_spool import IS_FAILED, IS_WAITING
from intake.office import Office
from intake.services.commitments import calendar_of
from models.chat import ChatUpdate
from models.deadline import working_minutes_between
from models.inbound_mail import InboundMail, InboundStatus
from models.mailbox import Door
from models.outbox_message import OutboxMessage, OutboxStatus

# What was accepted must have become something within these minutes; so must what is due to be sent.
LATE = timedelta(minutes=5)
COUNT_LIMIT = 10_000
# The latest arrivals tell what is usual; with fewer there is no usual.
_SAMPLE = 2_000
_MIN_SAMPLE = 20
# No door is called silent sooner, in working minutes.
_MIN_SILENCE = 30
# SQLite uses a partial index only for the very words of its condition.
_RECEIVED = text("inbound_mail.status = 'received'")
_STUCK = text("inbound_mail.status IN ('held', 'failed')")
_WAITING = (OutboxStatus.QUEUED, OutboxStatus.RETRYING, OutboxStatus.SENDING)


@dataclass(frozen=True, slots=True)
class DoorReport:
    """One door. `usual_minutes`: its longest silence of late, in working time; None when not known."""

    door: Door
    silent_minutes: int | None
    usual_minutes: int | None

    @property
    def is_silent(self) -> bool:
        """Silent for longer than usual."""
        if self.silent_minutes is None or self.usual_minutes is None:
            return False
        return self.silent_minutes > max(_MIN_SILENCE, self.usual_minutes * 3 // 2)


@dataclass(frozen=True, slots=True)
class QueueReport:
    """What waits: how many (counting stops at COUNT_LIMIT), since when, and whether that is too long."""

    waiting: int
    oldest_at: datetime | None
    is_late: bool


@dataclass(frozen=True, slots=True)
class Report:
    """Everything the page *Puertas* says."""

    doors: Sequence[DoorReport]
    inbound: QueueReport
    outbound: QueueReport
    # Updates of Telegram; None where there is no bot.
    chat: QueueReport | None
    held: int
    failed: int
    undelivered: int
    chat_failed: int = 0

    @property
    def is_well(self) -> bool:
        """Nothing asks for attention."""
        return not (
            self.inbound.is_late
            or self.outbound.is_late
            or (self.chat is not None and self.chat.is_late)
            or self.chat_failed
            or self.failed
            or self.undelivered
            or any(one.door.error or one.is_silent for one in self.doors)
        )


def examine(session: Session, office: Office, at: datetime) -> Report:
    """The state of doors and queues at the instant *at*."""
    stuck = select(InboundMail.id).where(_STUCK)
    doors = session.scalars(select(Door).order_by(Door.name)).all()
    return Report(
        doors=[_examine_door(session, office, door, at) for door in doors],
        inbound=_inbound(session, at),
        outbound=_outbound(session, at),
        chat=_chat(session, at) if any(door.name == "telegram" for door in doors) else None,
        held=_count(session, stuck.where(InboundMail.status == InboundStatus.HELD)),
        failed=_count(session, stuck.where(InboundMail.status == InboundStatus.FAILED)),
        undelivered=_count(
            session, select(OutboxMessage.id).where(OutboxMessage.status == OutboxStatus.FAILED)
        ),
        chat_failed=_count(session, select(ChatUpdate.update_id).where(IS_FAILED)),
    )


def _examine_door(session: Session, office: Office, door: Door, at: datetime) -> DoorReport:
    if door.last_message_at is None:
        return DoorReport(door, None, None)
    calendar = calendar_of(session, office)
    silent = working_minutes_between(door.last_message_at, at, calendar)
    kind, _, source = door.name.partition(" ")
    wanted = select(InboundMail.received_at).where(InboundMail.door == kind)
    if source:
        # The door says user@host/FOLDER, its mail user@host:port/FOLDER.
        account, _, folder = source.partition("/")
        wanted = wanted.where(
            InboundMail.imap_source.startswith(f"{account}:", autoescape=True),
            InboundMail.imap_source.endswith(f"/{folder}", autoescape=True),
        )
    last = session.scalar(select(func.max(InboundMail.id))) or 0
    arrivals = session.scalars(wanted.where(InboundMail.id > last - _SAMPLE).order_by(InboundMail.id)).all()
    if len(arrivals) < _MIN_SAMPLE:
        return DoorReport(door, silent, None)
    usual = max(working_minutes_between(first, second, calendar) for first, second in pairwise(arrivals))
    return DoorReport(door, silent, usual)


def _inbound(session: Session, at: datetime) -> QueueReport:
    oldest = session.scalar(
        select(InboundMail.received_at).where(_RECEIVED).order_by(InboundMail.id).limit(1)
    )
    waiting = _count(session, select(InboundMail.id).where(_RECEIVED))
    return QueueReport(waiting, oldest, oldest is not None and at - oldest > LATE)


def _chat(session: Session, at: datetime) -> QueueReport:
    waiting = select(ChatUpdate.update_id).where(IS_WAITING)
    oldest = session.scalar(select(func.min(ChatUpdate.received_at)).where(IS_WAITING))
    return QueueReport(_count(session, waiting), oldest, oldest is not None and at - oldest > LATE)


def _outbound(session: Session, at: datetime) -> QueueReport:
    oldest: datetime | None = None
    waiting = 0
    is_late = False
    for status in _WAITING:
        waiting += _count(session, select(OutboxMessage.id).where(OutboxMessage.status == status))
        # By the index (status, id): what was written first was created first.
        first = session.execute(
            select(OutboxMessage.created_at, OutboxMessage.next_attempt_at)
            .where(OutboxMessage.status == status)
            .order_by(OutboxMessage.id)
            .limit(1)
        ).first()
        if first is not None:
            oldest = min(first.created_at, oldest) if oldest else first.created_at
            # Due, and nobody took it: the role that delivers is not running.
            is_late = is_late or at - first.next_attempt_at > LATE
    return QueueReport(waiting, oldest, is_late)


def _count(session: Session, wanted: Select[int]) -> int:
    return session.scalar(select(func.count()).select_from(wanted.limit(COUNT_LIMIT).subquery())) or 0
