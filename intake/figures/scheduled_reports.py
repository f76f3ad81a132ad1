"""Reports by mail: asked for by an account, made when their day has come, sent once.

The PDF is made before the transaction; in it the row is locked and its day moved on together with the
notice in the outbox, so that neither a restart nor a second worker sends a report twice or never.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import date, timedelta

import structlog
from sqlalchemy import select
from sqlalchemy.orm import Session

from intake.addresses import is_address, normalise_address
from intake.attachments import SMALL, keep_blob
from intake.correspondence import Thread, unbound_letterhead, write_mail
from intake.errors import InvalidInput
from intake.figures.indicators import Period, Scope, below, local_today
from intake.notices import GENERATED
from intake.office import Office
from intake.wording import speaking
from models.base import now
from models.dependencia import Dependencia
from models.event import record
from models.outbox_file import OutboxFile
from models.person import Account, Role
from models.scheduled_report import Frequency, ScheduledReport, next_after, period_before
from models.workflow import NotAllowed
from templates import say

log = structlog.get_logger()

MAX_RECIPIENTS, MAX_REPORTS = 20, 20
# Local hour from which on a day's reports go out: the night's counting is done.
_HOUR = 6
MAY_ASK = frozenset({Role.HEAD, Role.ADMINISTRATOR})


def places_of(session: Session, account: Account) -> list[Dependencia]:
    """The dependencias whose figures *account* may read: a head its own and those below, in their order."""
    wanted = select(Dependencia).where(Dependencia.is_active).order_by(Dependencia.path)
    if account.role == Role.HEAD:
        wanted = wanted.where(Dependencia.path.startswith(account.dependencia.path, autoescape=True))
    elif account.role != Role.ADMINISTRATOR:
        return []
    return list(session.scalars(wanted))


def scope_of(session: Session, account: Account, dependencia: Dependencia | None) -> Scope:
    """The scope of *dependencia* (None: everything) for *account*. Raises NotAllowed."""
    if account.role == Role.ADMINISTRATOR:
        return Scope() if dependencia is None else below(session, dependencia)
    is_below = dependencia is not None and dependencia.path.startswith(account.dependencia.path)
    if account.role != Role.HEAD or dependencia is None or not is_below:
        raise NotAllowed("read_indicators", "")
    return below(session, dependencia)


def schedule(
    session: Session, office: Office, by: Account, *, frequency: Frequency, to: Sequence[str],
    dependencia: Dependencia | None,
) -> ScheduledReport:  # fmt: skip
    """*by* wants the report mailed from now on. Raises InvalidInput or NotAllowed."""
    scope_of(session, by, dependencia)
    addresses = list(dict.fromkeys(normalise_address(one) for one in to if one.strip()))
    if wrong := next((one for one in addresses if not is_address(one)), None):
        raise InvalidInput("bad_address", address=wrong)
    if not 1 <= len(addresses) <= MAX_RECIPIENTS:
        raise InvalidInput("report.recipients")
    made = ScheduledReport(
        account_id=by.id,
        dependencia_id=dependencia.id if dependencia else None,
        frequency=frequency,
        to=addresses,
        next_on=next_after(frequency, local_today(office)),
    )
    session.add(made)
    record(session, None, "schedule_report", account=by, data={"name": frequency, "to": addresses})
    session.flush()
    return made


def cancel(session: Session, by: Account, report: ScheduledReport) -> None:
    """*by*, who asked for it, or an administrator, wants it no more. Raises NotAllowed."""
    if by.role != Role.ADMINISTRATOR and report.account_id != by.id:
        raise NotAllowed("cancel_report", "")
    record(session, None, "cancel_report", account=by, data={"name": report.frequency, "to": report.to})
    session.delete(report)


def send_due(office: Office) -> int:
    """Make and queue the reports whose day has come; how many were queued."""
    if now().astimezone(office.settings.zone).hour < _HOUR:
        return 0
    today = local_today(office)
    with office.database.reading() as session:
        due = session.scalars(select(ScheduledReport.id).where(ScheduledReport.next_on <= today)).all()
    return sum(_send(office, report_id, today) for report_id in due)


def _send(office: Office, report_id: int, today: date) -> bool:
    with speaking(office.settings.language):
        with office.database.reading() as session:
            report = session.get(ScheduledReport, report_id)
            made = _make(session, office, report, today) if report is not None else None
        with office.database.writing() as session:
            wanted = select(ScheduledReport).where(
                ScheduledReport.id == report_id, ScheduledReport.next_on <= today
            )
            # Whoever came first has moved the day on.
            found = session.scalar(wanted.with_for_update(skip_locked=True))
            if found is None:
                return False
            found.next_on = next_after(found.frequency, today)
            if made is None:
                log.warning("report not sent: its account may not read it any more", report=report_id)
                return False
            _queue(session, office, found, *made)
            found.last_sent_at = now()
    return True


def _make(
    session: Session, office: Office, report: ScheduledReport, today: date
) -> tuple[bytes, str, Period, Period] | None:
    """The PDF, its place and its two periods; None when who asked for it has no right to it any more."""
    # Drawing pages takes 50 MB that a worker without reports does not need.
    from intake.figures.dashboard import as_pdf, make_dashboard

    account = report.account
    if not (account.is_active and account.person.is_active):
        return None
    try:
        scope = scope_of(session, account, report.dependencia)
    except NotAllowed:
        return None
    period = Period(*period_before(report.frequency, today))
    before = Period(*period_before(report.frequency, period.since))
    if report.frequency == Frequency.DAILY:
        # A Monday is compared with the Monday before.
        before = Period(period.since - timedelta(days=7), period.since - timedelta(days=7))
    place = report.dependencia.name if report.dependencia else say("indicators.whole")
    found = make_dashboard(session, office, scope, place, period, before)
    content = as_pdf(office, found)
    if len(content) > SMALL:
        # Not in the transaction: a store may be slow.
        office.store.put(hashlib.sha256(content).hexdigest(), content)
    return content, place, period, before


def _queue(
    session: Session, office: Office, report: ScheduledReport, content: bytes, place: str, period: Period,
    compared: Period,
) -> None:  # fmt: skip
    from intake.figures.dashboard import days_of

    head = unbound_letterhead(session, office)
    values = {
        "institution": office.settings.institution,
        "place": place,
        "period": days_of(period),
        "compared": days_of(compared),
        "name": report.account.person.name,
        "link": f"{office.settings.base_url.rstrip('/')}/admin/tablero-de-indicadores/",
    }
    notice = write_mail(session, office, "report", report.to, values, head, Thread(), None, GENERATED)
    session.flush()
    sha256 = hashlib.sha256(content).hexdigest()
    keep_blob(session, office, sha256, content)
    name = say("indicators.mail.file", since=period.since, until=period.until)
    session.add(OutboxFile(outbox_id=notice.id, filename=name, content_type="application/pdf", sha256=sha256))
