"""Reports that go out by mail again and again: what about, how often, to whom."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from enum import StrEnum

from sqlalchemy import Date, ForeignKey
from sqlalchemy.orm import Mapped, mapped_column, relationship

from models.base import Base, Id, now
from models.dependencia import Dependencia
from models.person import Account


class Frequency(StrEnum):
    DAILY = "daily"
    WEEKLY = "weekly"
    MONTHLY = "monthly"


class ScheduledReport(Base):
    """A report on the period before `next_on`, sent on that day, while the account that asked is active."""

    __tablename__ = "scheduled_report"

    id: Mapped[Id]
    account_id: Mapped[int] = mapped_column(ForeignKey("account.id"), index=True)
    # Null: the whole institution.
    dependencia_id: Mapped[int | None] = mapped_column(ForeignKey("dependencia.id"))
    frequency: Mapped[Frequency]
    to: Mapped[list[str]] = mapped_column(default=list)
    next_on: Mapped[date] = mapped_column(Date, index=True)
    created_at: Mapped[datetime] = mapped_column(default=now)
    last_sent_at: Mapped[datetime | None]

    account: Mapped[Account] = relationship()
    dependencia: Mapped[Dependencia | None] = relationship()


def next_after(frequency: Frequency, day: date) -> date:
    """The first day after *day* on which it goes out: every day, on Mondays, on the first of the month."""
    if frequency == Frequency.DAILY:
        return day + timedelta(days=1)
    if frequency == Frequency.WEEKLY:
        return day + timedelta(days=7 - day.weekday())
    return (day.replace(day=1) + timedelta(days=32)).replace(day=1)


def period_before(frequency: Frequency, day: date) -> tuple[date, date]:
    """First and last day of the whole period that ended before *day*."""
    last = day - timedelta(days=1)
    if frequency == Frequency.DAILY:
        return last, last
    if frequency == Frequency.WEEKLY:
        monday = day - timedelta(days=day.weekday() + 7)
        return monday, monday + timedelta(days=6)
    last = day.replace(day=1) - timedelta(days=1)
    return last.replace(day=1), last
