"""Files of a notice that belong to no message of a thread."""

from __future__ import annotations

from sqlalchemy import ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from models.base import Base, Id
from models.outbox_message import OutboxMessage


class OutboxFile(Base):
    """A file that a notice carries beside those of the message it delivers."""

    __tablename__ = "outbox_file"

    id: Mapped[Id]
    outbox_id: Mapped[int] = mapped_column(ForeignKey("outbox_message.id", ondelete="CASCADE"), index=True)
    position: Mapped[int] = mapped_column(default=0)
    filename: Mapped[str]
    content_type: Mapped[str] = mapped_column(String(255))
    sha256: Mapped[str] = mapped_column(ForeignKey("blob.sha256"))

    outbox: Mapped[OutboxMessage] = relationship()
