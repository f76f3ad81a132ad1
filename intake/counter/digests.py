"""The daily digest: once every working day an account is told of its pending tasks, by mail or in chat.

What was told, and the day, are one transaction: however often workers start again, nobody gets two.
"""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import Any

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from intake.chat import chat_notices
from intake.correspondence import Thread, staff_address, unbound_letterhead, write_mail
from intake.errors import InvalidInput
from intake.notices import GENERATED
from intake.office import Office
from intake.services import commitments
from intake.wording import moment, speaking
from models.base import now
from models.digest import DigestChannel, DigestSetting
from models.pending import Moments, Wanted, count_by_kind, find_pending
from models.person import Account, Role
from models.task import Task
from templates import say

# Of so many tasks each has a line; the page shows the others.
LINES = 15
# Accounts of one look, so that a morning does not hold up the other chores of the clock.
_BATCH = 50


def choose(
    session: Session, office: Office, account: Account, *, channel: DigestChannel, hour: int
) -> DigestSetting:
    """How and from which hour *account* wants it. Raises InvalidInput."""
    if not 0 <= hour <= 23:
        raise InvalidInput("digest_hour")
    if channel == DigestChannel.CHAT and not chat_notices.private_chats(session, [account]):
        raise InvalidInput("digest_no_chat")
    if channel == DigestChannel.MAIL and not staff_address(account):
        raise InvalidInput("digest_no_mail")
    setting = session.get(DigestSetting, account.id)
    if setting is None:
        setting = DigestSetting(account_id=account.id)
        # What is due today is on the page where this was chosen.
        if hour <= now().astimezone(office.settings.zone).hour:
            setting.told_on = now().astimezone(office.settings.zone).date()
        session.add(setting)
    setting.channel, setting.hour = channel, hour
    return setting


def send(office: Office, at: datetime) -> int:
    """Write every digest for which the time *at* (UTC) has come; returns how many were looked at."""
    local = at.astimezone(office.settings.zone)
    today = local.date()
    wanted = select(DigestSetting.account_id).where(
        DigestSetting.channel != DigestChannel.OFF,
        DigestSetting.hour <= local.hour,
        or_(DigestSetting.told_on.is_(None), DigestSetting.told_on < today),
    )
    with office.database.reading() as session:
        waiting = session.scalars(wanted.limit(_BATCH)).all()
        if not waiting or not commitments.calendar_of(session, office).is_working_day(today):
            return 0
    for account_id in waiting:
        with office.database.writing() as session:
            # Asked again under the lock: two workers may have seen the same row.
            due = wanted.where(DigestSetting.account_id == account_id)
            setting = session.scalar(
                select(DigestSetting)
                .where(DigestSetting.account_id.in_(due))
                .with_for_update(skip_locked=True, of=DigestSetting)
            )
            if setting is not None:
                setting.told_on = today
                _tell(session, office, setting, at, today)
    return len(waiting)


def _tell(session: Session, office: Office, setting: DigestSetting, at: datetime, today: date) -> None:
    account = setting.account
    if not account.is_active or not account.person.is_active or account.role == Role.ADMINISTRATOR:
        return
    zone = office.settings.zone
    tomorrow = datetime.combine(today + timedelta(days=1), time(), zone)
    moments = Moments(at, tomorrow, tomorrow + timedelta(days=6))
    tasks = find_pending(session, account, Wanted(), moments).tasks
    if not tasks:
        # Good news needs no mail every morning.
        return
    with speaking(office.settings.language):
        kinds = count_by_kind(session, account)
        values: dict[str, Any] = {
            "institution": office.settings.institution,
            "name": account.person.name,
            "number": sum(kinds.values()),
            "kinds": [(say(f"follow.task.{kind}"), number) for kind, number in kinds.items()],
            "lines": [_line(office, task, at, tomorrow) for task in tasks[:LINES]],
            "more": max(0, sum(kinds.values()) - LINES),
            "link": f"{office.settings.base_url.rstrip('/')}/admin/seguimiento/",
        }
        chats = chat_notices.private_chats(session, [account])
        if setting.channel == DigestChannel.CHAT and chats:
            chat_notices.tell(session, office, chats[0].id, "digest", **values)
        elif to := staff_address(account):
            # Also for who unlinked the chat since: silence would look like an empty desk.
            _mail(session, office, to, values)


def _line(office: Office, task: Task, at: datetime, tomorrow: datetime) -> dict[str, str | bool]:
    due = task.due_at
    return {
        "task": say(f"follow.task.{task.kind}"),
        "folio": task.case.folio,
        "subject": task.case.subject,
        "due": moment(due, office.settings.zone) if due else "",
        "is_late": due is not None and due < at,
        "is_today": due is not None and at <= due < tomorrow,
        "link": f"{office.settings.base_url.rstrip('/')}/admin/tarea/{task.id}",
    }


def _mail(session: Session, office: Office, to: str, values: dict[str, Any]) -> None:
    head = unbound_letterhead(session, office)
    told = {**values, "mailbox": head.name}
    write_mail(session, office, "digest", [to], told, head, Thread(), None, GENERATED)
