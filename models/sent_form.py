"""Forms that came in, so that the same one sent twice does nothing twice."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Index, String
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, now


class SentForm(Base):
    """A form that was sent, or its words, and where it led; written with what it caused."""

    __tablename__ = "sent_form"
    __table_args__ = (Index(None, "sent_at"),)

    # SHA-256 over who sent it and all that was filled in; and another over that and the key of the form.
    sha256: Mapped[str] = mapped_column(String(64), primary_key=True)
    sent_at: Mapped[datetime] = mapped_column(default=now)
    # The address of the page of what it made.
    led_to: Mapped[str] = mapped_column(default="")
