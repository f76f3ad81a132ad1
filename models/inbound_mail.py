"""The spool: raw mail as it came, with what became of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ForeignKey, Index, LargeBinary, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from models.base import Base, BigId, Id, now
from models.case import Case
from models.message import Message


class InboundStatus(StrEnum):
    """received → processed | held | failed | refused | discarded (by a person, with reason)."""

    RECEIVED = "received"
    PROCESSED = "processed"
    HELD = "held"
    FAILED = "failed"
    REFUSED = "refused"
    DISCARDED = "discarded"


class Outcome(StrEnum):
    """What a processed mail became."""

    TICKET = "ticket"
    OFICIO = "oficio"
    FOLLOW_UP = "follow_up"
    DUPLICATE = "duplicate"
    AUTO_REPLY = "auto_reply"
    BOUNCE = "bounce"
    LOOP = "loop"
    READ_RECEIPT = "read_receipt"
    SCAN = "scan"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What becomes of a mail, and why: a sentence for a clerk."""

    status: InboundStatus
    reason: str
    outcome: Outcome | None = None
    case: Case | None = None
    message: Message | None = None

    @classmethod
    def held(cls, reason: str, case: Case | None = None) -> Verdict:
        return cls(InboundStatus.HELD, reason, case=case)

    @classmethod
    def processed(
        cls, outcome: Outcome, reason: str, case: Case | None = None, message: Message | None = None
    ) -> Verdict:
        return cls(InboundStatus.PROCESSED, reason, outcome, case, message)


_WAITING = text("status = 'received'")
_STUCK = text("status IN ('held', 'failed')")


class InboundMail(Base):
    """One raw mail for one of our recipients; kept as long as the retention setting says."""

    __tablename__ = "inbound_mail"
    __table_args__ = (
        # The IMAP cursor's promise: one server message is one row.
        UniqueConstraint("imap_source", "imap_uidvalidity", "imap_uid"),
        Index("ix_inbound_mail_waiting", "id", sqlite_where=_WAITING, postgresql_where=_WAITING),
        Index("ix_inbound_mail_stuck", "status", "id", sqlite_where=_STUCK, postgresql_where=_STUCK),
        Index(None, "received_at"),
    )

    id: Mapped[Id]
    # smtp, lmtp, imap, ingest
    door: Mapped[str] = mapped_column(String(16))
    status: Mapped[InboundStatus] = mapped_column(default=InboundStatus.RECEIVED)
    outcome: Mapped[Outcome | None]
    # Why it is held, failed, refused, discarded, or how it was matched: a sentence for a clerk.
    reason: Mapped[str] = mapped_column(default="")
    # Traceback of the last failure, for the administrator.
    error: Mapped[str] = mapped_column(default="", deferred=True)
    attempts: Mapped[int] = mapped_column(default=0)
    received_at: Mapped[datetime] = mapped_column(default=now)
    processed_at: Mapped[datetime | None]
    # Envelope (RFC 5321): MAIL FROM, one RCPT TO, and who connected.
    envelope_from: Mapped[str] = mapped_column(String(320), default="")
    envelope_to: Mapped[str] = mapped_column(String(320), default="")
    peer: Mapped[str] = mapped_column(String(255), default="")
    helo: Mapped[str] = mapped_column(String(255), default="")
    size: Mapped[int] = mapped_column(BigId)
    # Raw bytes here when small, else in the store under this hash.
    raw_sha256: Mapped[str] = mapped_column(String(64), index=True)
    raw: Mapped[bytes | None] = mapped_column(LargeBinary, deferred=True)
    imap_source: Mapped[str | None] = mapped_column(String(255))
    imap_uidvalidity: Mapped[int | None] = mapped_column(BigId)
    imap_uid: Mapped[int | None] = mapped_column(BigId)
    # Headers copied for the list of held mail, so that it opens no raw bytes.
    from_header: Mapped[str] = mapped_column(default="")
    subject_header: Mapped[str] = mapped_column(default="")
    # What was found out about the sender, of {"spf", "dkim", "dmarc", "arc", "domain", "spam", "signature"}.
    authentication: Mapped[dict[str, Any]] = mapped_column(default=dict, server_default="{}")
    case_id: Mapped[int | None] = mapped_column(ForeignKey("case.id"), index=True)
    message_id: Mapped[int | None] = mapped_column(BigId)
    # The clerk who attached, discarded or retried it.
    decided_by_id: Mapped[int | None] = mapped_column(ForeignKey("account.id"))

    case: Mapped[Case | None] = relationship()
