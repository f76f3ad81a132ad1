"""The daily digest of an account's pending tasks: how and when its person wants it."""

from __future__ import annotations

from datetime import date
from enum import StrEnum

from sqlalchemy import ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from models.base import Base
from models.person import Account


class DigestChannel(StrEnum):
    OFF = "off"
    MAIL = "mail"
    CHAT = "chat"


class DigestSetting(Base):
    """An account's wish; without a row it gets none."""

    __tablename__ = "digest_setting"
    __table_args__ = (
        Index("ix_digest_setting_wanted", "hour", sqlite_where=text("channel != 'off'"),
              postgresql_where=text("channel != 'off'")),
    )  # fmt: skip

    account_id: Mapped[int] = mapped_column(ForeignKey("account.id", ondelete="CASCADE"), primary_key=True)
    channel: Mapped[DigestChannel] = mapped_column(default=DigestChannel.OFF)
    # Local hour of the institution from which on it is sent.
    hour: Mapped[int] = mapped_column(default=8)
    # The local day for which it was written last, empty or not.
    told_on: Mapped[date | None]

    account: Mapped[Account] = relationship()
