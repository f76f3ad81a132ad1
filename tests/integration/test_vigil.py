"""Doors that fall silent and mail that waits too long are told, and quiet nights are not."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy.orm import Session

from intake import outbox
from intake.doors.vigil import Report, examine
from intake.office import Office
from models.inbound_mail import InboundStatus
from models.mailbox import Door
from models.outbox_message import OutboxStatus
from tests.support.institution import spool
from tests.support.mails import make_mail

# Tuesday, 13:00 in Mexico City.
TUESDAY = datetime(2026, 11, 24, 19, 0, tzinfo=UTC)


@pytest.fixture
def writing(office: Office) -> Iterator[Session]:
    with office.database.writing() as session:
        yield session


def arrivals(session: Session, office: Office, last: datetime, *, minutes: int, number: int = 30) -> None:
    """One mail every so many minutes until *last*, all processed, and the pulse of their door."""
    for ago in range(number, 0, -1):
        spool(session, office, b"From: a@b.example\n\nx", status=InboundStatus.PROCESSED,
              received_at=last - timedelta(minutes=minutes * (ago - 1)))  # fmt: skip
    session.add(Door(name="smtp", started_at=last, last_contact_at=last, last_message_at=last))
    session.flush()


def is_silent(report: Report) -> bool:
    (door,) = report.doors
    return door.is_silent


def test_zammad_1593_freescout_5025_mail_silently_not_imported_turns_monitoring_red(
    office: Office, writing: Session
) -> None:
    arrivals(writing, office, TUESDAY, minutes=10)
    assert not is_silent(examine(writing, office, TUESDAY + timedelta(minutes=25)))
    report = examine(writing, office, TUESDAY + timedelta(minutes=45))
    assert is_silent(report)
    assert not report.is_well


def test_each_imap_mailbox_is_measured_by_its_own_mail(office: Office, writing: Session) -> None:
    for ago in range(30, 0, -1):
        mail = spool(writing, office, b"From: a@b.example\n\nx", status=InboundStatus.PROCESSED,
                     received_at=TUESDAY - timedelta(minutes=10 * ago))  # fmt: skip
        mail.door, mail.imap_source = "imap", "obras@correo.example:993/INBOX"
    for user in ("obras", "otro"):
        writing.add(Door(name=f"imap {user}@correo.example/INBOX", last_message_at=TUESDAY))
    writing.flush()
    report = examine(writing, office, TUESDAY + timedelta(minutes=45))
    assert [(one.usual_minutes, one.is_silent) for one in report.doors] == [(10, True), (None, False)]


def test_a_night_is_no_silence(office: Office, writing: Session) -> None:
    closing = TUESDAY + timedelta(hours=2)
    arrivals(writing, office, closing - timedelta(minutes=5), minutes=10)
    assert not is_silent(examine(writing, office, closing + timedelta(hours=17)))


def test_a_door_that_is_seldom_used_may_be_silent_as_long_as_ever(office: Office, writing: Session) -> None:
    # One mail per working day.
    arrivals(writing, office, TUESDAY, minutes=24 * 60)
    assert not is_silent(examine(writing, office, TUESDAY + timedelta(hours=25)))


def test_with_few_mails_nothing_is_usual_yet(office: Office, writing: Session) -> None:
    arrivals(writing, office, TUESDAY, minutes=1, number=5)
    report = examine(writing, office, TUESDAY + timedelta(hours=1))
    assert report.doors[0].usual_minutes is None
    assert report.is_well


def test_anything_accepted_is_processed_in_five_minutes_or_told(office: Office, writing: Session) -> None:
    spool(writing, office, make_mail(), status=InboundStatus.RECEIVED, received_at=TUESDAY)
    on_time = examine(writing, office, TUESDAY + timedelta(minutes=4))
    assert (on_time.inbound.waiting, on_time.inbound.is_late, on_time.is_well) == (1, False, True)
    late = examine(writing, office, TUESDAY + timedelta(minutes=6))
    assert (late.inbound.oldest_at, late.inbound.is_late, late.is_well) == (TUESDAY, True, False)


def test_notices_that_nobody_takes_are_told_and_those_that_wait_for_a_retry_are_not(
    office: Office, writing: Session
) -> None:
    notice = outbox.queue(writing, office, kind="acuse", to=["ana@correo.example"], subject="Acuse", text="x")
    notice.created_at = notice.next_attempt_at = TUESDAY
    writing.flush()
    later = TUESDAY + timedelta(minutes=6)
    assert examine(writing, office, later).outbound.is_late
    notice.status, notice.next_attempt_at = OutboxStatus.RETRYING, later + timedelta(minutes=10)
    writing.flush()
    report = examine(writing, office, later)
    assert (report.outbound.waiting, report.outbound.is_late) == (1, False)
    notice.status = OutboxStatus.FAILED
    writing.flush()
    report = examine(writing, office, later)
    assert (report.outbound.waiting, report.undelivered, report.is_well) == (0, 1, False)
