"""What documents of a dependencia look like: administrations, letterheads, templates, number patterns."""

from __future__ import annotations

from datetime import date

from sqlalchemy import ForeignKey, Index, String, UniqueConstraint, or_, select
from sqlalchemy.orm import Mapped, Session, mapped_column, relationship

from models.base import Base, Id
from models.dependencia import Dependencia


class Administration(Base):
    """A term of government; documents of past ones stay readable in folders of their own."""

    __tablename__ = "administration"

    id: Mapped[Id]
    name: Mapped[str]
    starts_on: Mapped[date]
    # Null while it lasts.
    ends_on: Mapped[date | None]

    def __str__(self) -> str:
        return self.name


def find_administration(session: Session, day: date) -> Administration | None:
    """The term of government of *day*."""
    wanted = select(Administration).where(
        Administration.starts_on <= day,
        or_(Administration.ends_on.is_(None), Administration.ends_on >= day),
    )
    return session.scalar(wanted.order_by(Administration.starts_on.desc()).limit(1))


class Letterhead(Base):
    """Logo, slogan and footer; of a dependencia or (null) of all, in an administration or (null) in any."""

    __tablename__ = "letterhead"
    __table_args__ = (Index(None, "dependencia_id"),)

    id: Mapped[Id]
    dependencia_id: Mapped[int | None] = mapped_column(ForeignKey("dependencia.id"))
    administration_id: Mapped[int | None] = mapped_column(ForeignKey("administration.id"))
    # PNG, JPEG or SVG.
    logo_sha256: Mapped[str | None] = mapped_column(ForeignKey("blob.sha256"))
    logo_type: Mapped[str] = mapped_column(String(40), default="")
    slogan: Mapped[str] = mapped_column(default="")
    footer: Mapped[str] = mapped_column(default="")
    # Where its documents are written, as in «San Pedro Tlaquepaque, Jalisco»; empty: the setting.
    place: Mapped[str] = mapped_column(default="")

    dependencia: Mapped[Dependencia | None] = relationship()
    administration: Mapped[Administration | None] = relationship()

    def __str__(self) -> str:
        return " · ".join(str(one) for one in (self.dependencia, self.administration) if one)


class DocumentTemplate(Base):
    """A text to begin with, per type, of a dependencia or (null) for all."""

    __tablename__ = "document_template"
    __table_args__ = (Index(None, "dependencia_id"),)

    id: Mapped[Id]
    dependencia_id: Mapped[int | None] = mapped_column(ForeignKey("dependencia.id"))
    # A value of DocumentType.
    document_type: Mapped[str] = mapped_column(String(24))
    name: Mapped[str]
    subject: Mapped[str] = mapped_column(default="")
    body_html: Mapped[str] = mapped_column(default="")
    is_active: Mapped[bool] = mapped_column(default=True)

    dependencia: Mapped[Dependencia | None] = relationship()

    def __str__(self) -> str:
        return self.name


class NumberPattern(Base):
    """How a dependencia numbers its documents; a row of its own for a type gives that type its own series."""

    __tablename__ = "number_pattern"
    __table_args__ = (UniqueConstraint("dependencia_id", "document_type"),)

    id: Mapped[Id]
    dependencia_id: Mapped[int] = mapped_column(ForeignKey("dependencia.id"))
    # A value of DocumentType; empty: all types that have no row of their own.
    document_type: Mapped[str] = mapped_column(String(24), default="")
    # `{siglas}/{number:04}/{year}`
    pattern: Mapped[str] = mapped_column(String(80))

    dependencia: Mapped[Dependencia] = relationship()

    def __str__(self) -> str:
        return f"{self.dependencia} {self.document_type}".strip()
