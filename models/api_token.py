"""Keys of programs: a token acts for one account, within its scopes, until it expires or is revoked."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from sqlalchemy import ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from models.base import Base, Id, now
from models.person import Account


class Scope(StrEnum):
    """What a token may be used for; its account decides besides."""

    CASES_READ = "cases:read"
    CASES_WRITE = "cases:write"
    DOCUMENTS_READ = "documents:read"
    WEBHOOKS_MANAGE = "webhooks:manage"


class ApiToken(Base):
    """A token. Only its SHA-256 is kept: a copy of the database opens nothing."""

    __tablename__ = "api_token"

    id: Mapped[Id]
    account_id: Mapped[int] = mapped_column(ForeignKey("account.id"), index=True)
    name: Mapped[str] = mapped_column(String(80))
    token_sha256: Mapped[str] = mapped_column(String(64), unique=True)
    # Its first characters, by which its owner tells it from others.
    hint: Mapped[str] = mapped_column(String(16))
    scopes: Mapped[list[str]] = mapped_column(default=list)
    created_at: Mapped[datetime] = mapped_column(default=now)
    expires_at: Mapped[datetime]
    last_used_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]

    account: Mapped[Account] = relationship()

    @property
    def is_valid(self) -> bool:
        """Neither revoked nor expired."""
        return self.revoked_at is None and self.expires_at > now()


class IdempotencyKey(Base):
    """What a request with this Idempotency-Key was answered; a row is written with what it caused."""

    __tablename__ = "idempotency_key"
    __table_args__ = (Index(None, "created_at"),)

    token_id: Mapped[int] = mapped_column(ForeignKey("api_token.id", ondelete="CASCADE"), primary_key=True)
    key: Mapped[str] = mapped_column(String(255), primary_key=True)
    # SHA-256 over method, path and what was sent.
    request_sha256: Mapped[str] = mapped_column(String(64))
    created_at: Mapped[datetime] = mapped_column(default=now)
    status: Mapped[int] = mapped_column(default=0)
    content_type: Mapped[str] = mapped_column(String(80), default="")
    location: Mapped[str] = mapped_column(default="")
    body: Mapped[str] = mapped_column(default="")
