"""Servidores públicos and the accounts in which they act."""

from __future__ import annotations

from enum import StrEnum

from sqlalchemy import ForeignKey, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship, validates

from models.base import Base, Id
from models.dependencia import Dependencia


class Role(StrEnum):
    """What an account may do (domain.md, "Roles and what they may do")."""

    ADMINISTRATOR = "administrator"
    OFICIALIA = "oficialia"
    DIGITIZER = "digitizer"
    HEAD = "head"
    WORKER = "worker"
    REVIEWER = "reviewer"
    DISPATCH_REQUESTER = "dispatch_requester"
    COURIER = "courier"
    DISPATCH_MANAGER = "dispatch_manager"


# Manual C names a *solicitante* of mensajería. It is nobody's only work: whoever writes documents or hands
# them out may ask that one be delivered, and the role is for those who do nothing else.
DISPATCH_ASKING = frozenset({Role.DISPATCH_REQUESTER, Role.OFICIALIA, Role.HEAD, Role.WORKER})

# Who reads cases, and so may be written to: an administrator configures; couriers and those who send them
# carry what they do not read.
READERS = frozenset(Role) - {Role.ADMINISTRATOR, Role.COURIER, Role.DISPATCH_MANAGER}


class Person(Base):
    """Somebody in the directory of the institution."""

    __tablename__ = "person"

    id: Mapped[Id]
    name: Mapped[str]
    post: Mapped[str] = mapped_column(default="")
    email: Mapped[str | None] = mapped_column(String(254), unique=True)
    phone: Mapped[str] = mapped_column(String(40), default="")
    # An e.firma is this person's when it names one of these.
    rfc: Mapped[str] = mapped_column(String(13), default="", server_default="")
    curp: Mapped[str] = mapped_column(String(18), default="", server_default="")
    dependencia_id: Mapped[int] = mapped_column(ForeignKey("dependencia.id"), index=True)
    is_active: Mapped[bool] = mapped_column(default=True)

    @validates("email")
    def _lower(self, _key: str, value: str | None) -> str | None:
        return value.strip().lower() if value else None

    @validates("rfc", "curp")
    def _upper(self, _key: str, value: str) -> str:
        return value.strip().upper()

    dependencia: Mapped[Dependencia] = relationship()
    accounts: Mapped[list[Account]] = relationship(back_populates="person")

    def __str__(self) -> str:
        return self.name


class Account(Base):
    """A person acting in one dependencia in one role; *Selecciona cuenta* switches it."""

    __tablename__ = "account"
    __table_args__ = (UniqueConstraint("person_id", "dependencia_id", "role"),)

    id: Mapped[Id]
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"), index=True)
    dependencia_id: Mapped[int] = mapped_column(ForeignKey("dependencia.id"), index=True)
    role: Mapped[Role]
    # Signs with e.firma (domain.md: a capability of an account, not a role).
    is_signer: Mapped[bool] = mapped_column(default=False)
    is_active: Mapped[bool] = mapped_column(default=True)

    person: Mapped[Person] = relationship(back_populates="accounts", lazy="joined", innerjoin=True)
    dependencia: Mapped[Dependencia] = relationship(lazy="joined", innerjoin=True)

    def __str__(self) -> str:
        return f"{self.person.name} · {self.dependencia.name}"
