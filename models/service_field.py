"""What a service asks besides subject and description, and what was answered for each case."""

from __future__ import annotations

from enum import StrEnum

from sqlalchemy import ForeignKey, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from models.base import Base, Id
from models.case import Case
from models.message import Attachment
from models.service import Service


class FieldKind(StrEnum):
    TEXT = "text"
    NUMBER = "number"
    CHOICE = "choice"
    DATE = "date"
    FILE = "file"
    LOCATION = "location"


class ServiceField(Base):
    """One question of a service; one that is no longer asked is switched off, never deleted."""

    __tablename__ = "service_field"

    id: Mapped[Id]
    service_id: Mapped[int] = mapped_column(ForeignKey("service.id", ondelete="CASCADE"), index=True)
    label: Mapped[str] = mapped_column(String(120))
    help: Mapped[str] = mapped_column(default="")
    kind: Mapped[FieldKind] = mapped_column(default=FieldKind.TEXT)
    choices: Mapped[list[str]] = mapped_column(default=list)
    is_required: Mapped[bool] = mapped_column(default=False)
    position: Mapped[int] = mapped_column(default=0)
    is_active: Mapped[bool] = mapped_column(default=True)

    service: Mapped[Service] = relationship(back_populates="fields")

    def __str__(self) -> str:
        return self.label


class FieldValue(Base):
    """An answer, with the words of the question as they were when it was answered."""

    __tablename__ = "field_value"
    __table_args__ = (UniqueConstraint("case_id", "field_id"),)

    id: Mapped[Id]
    case_id: Mapped[int] = mapped_column(ForeignKey("case.id", ondelete="CASCADE"))
    field_id: Mapped[int] = mapped_column(ForeignKey("service_field.id"), index=True)
    label: Mapped[str] = mapped_column(String(120))
    kind: Mapped[FieldKind]
    # A date as ISO 8601, a number as typed, a place as written or «latitude,longitude», a file's name.
    value: Mapped[str] = mapped_column(default="")
    attachment_id: Mapped[int | None] = mapped_column(
        ForeignKey("attachment.id", ondelete="SET NULL"), index=True
    )

    case: Mapped[Case] = relationship()
    attachment: Mapped[Attachment | None] = relationship()
