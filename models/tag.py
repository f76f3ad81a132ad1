"""Etiquetas: an account's own labels on cases (manual T)."""

from __future__ import annotations

from sqlalchemy import Column, ForeignKey, String, Table, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from models.base import Base, Id
from models.case import Case

case_tag = Table(
    "case_tag",
    Base.metadata,
    Column("tag_id", ForeignKey("tag.id", ondelete="CASCADE"), primary_key=True),
    Column("case_id", ForeignKey("case.id", ondelete="CASCADE"), primary_key=True, index=True),
)


class Tag(Base):
    """A label that only its account sees."""

    __tablename__ = "tag"
    __table_args__ = (UniqueConstraint("account_id", "name"),)

    id: Mapped[Id]
    account_id: Mapped[int] = mapped_column(ForeignKey("account.id", ondelete="CASCADE"))
    name: Mapped[str] = mapped_column(String(60))

    cases: Mapped[list[Case]] = relationship(secondary=case_tag, backref="tags")
