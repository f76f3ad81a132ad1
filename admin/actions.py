"""The buttons of a case: each reads its form and calls one verb of the desk, which decides whether it may.

Nothing here changes a case by itself.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.datastructures import MultiDict

from intake import cases, contacts, merging, tickets, turnos
from intake.errors import InvalidInput
from intake.office import Office
from models.access import standing
from models.case import Case, Priority
from models.dependencia import Dependencia
from models.message import Message
from models.person import Account
from models.service import Service
from templates import say

Form = MultiDict[str, str]
# Returns the case to show afterwards.
Action = Callable[[Session, Office, Case, Account, Form], Case]


def _take(session: Session, office: Office, case: Case, by: Account, form: Form) -> Case:
    cases.take(session, office, case, by)
    return case


def _assign(session: Session, office: Office, case: Case, by: Account, form: Form) -> Case:
    dependencia, account = _target(session, form)
    due_at = local_instant(form.get("due_at", ""), office.settings.zone)
    turnos.assign(session, office, case, by, dependencia=dependencia, account=account,
                  instruction=form.get("instruction", ""), due_at=due_at)  # fmt: skip
    return case


def _copy(session: Session, office: Office, case: Case, by: Account, form: Form) -> Case:
    dependencia, account = _target(session, form)
    turnos.copy(session, office, case, by, dependencia=dependencia, account=account,
                instruction=form.get("instruction", ""))  # fmt: skip
    return case


def _return(session: Session, office: Office, case: Case, by: Account, form: Form) -> Case:
    turnos.return_turno(session, office, case, by, reason=form.get("reason", ""))
    return case


def _mark_reviewed(session: Session, office: Office, case: Case, by: Account, form: Form) -> Case:
    turnos.mark_reviewed(session, office, case, by)
    return case


def _resolve(session: Session, office: Office, case: Case, by: Account, form: Form) -> Case:
    cases.resolve(session, office, case, by)
    return case


def _conclude(session: Session, office: Office, case: Case, by: Account, form: Form) -> Case:
    cases.conclude(session, office, case, by)
    return case


def _close(session: Session, office: Office, case: Case, by: Account, form: Form) -> Case:
    cases.close(session, office, case, by)
    return case


def _reopen(session: Session, office: Office, case: Case, by: Account, form: Form) -> Case:
    cases.reopen(session, office, case, by)
    return case


def _cancel(session: Session, office: Office, case: Case, by: Account, form: Form) -> Case:
    cases.cancel(session, office, case, by, reason=form.get("reason", ""))
    return case


def _change_priority(session: Session, office: Office, case: Case, by: Account, form: Form) -> Case:
    wanted = form.get("priority", "")
    if wanted not in [one.value for one in Priority]:
        raise InvalidInput("choose_one")
    cases.change_priority(session, office, case, by, priority=Priority(wanted))
    return case


def _change_service(session: Session, office: Office, case: Case, by: Account, form: Form) -> Case:
    service = session.get(Service, form.get("service", 0, int))
    if service is None or not service.is_active:
        raise InvalidInput("choose_one")
    tickets.change_service(session, office, case, by, service=service)
    return case


def _agree_date(session: Session, office: Office, case: Case, by: Account, form: Form) -> Case:
    try:
        on = date.fromisoformat(form.get("on", ""))
    except ValueError:
        raise InvalidInput("bad_date") from None
    tickets.agree_date(session, office, case, by, on=on)
    return case


def _set_quantity(session: Session, office: Office, case: Case, by: Account, form: Form) -> Case:
    tickets.set_quantity(session, office, case, by, quantity=form.get("quantity", 0, int))
    return case


def _snooze(session: Session, office: Office, case: Case, by: Account, form: Form) -> Case:
    until = local_instant(form.get("until", ""), office.settings.zone)
    if until is None:
        raise InvalidInput("snooze_past")
    cases.snooze(session, office, case, by, until=until)
    return case


def _wake(session: Session, office: Office, case: Case, by: Account, form: Form) -> Case:
    cases.wake(session, office, case, by)
    return case


def _merge(session: Session, office: Office, case: Case, by: Account, form: Form) -> Case:
    folio = form.get("folio", "").strip().upper()
    into = session.scalar(select(Case).where(Case.folio == folio))
    # A folio that this account may not see is as good as none.
    if into is None or not standing(session, into, by):
        raise InvalidInput("merge_target", folio=folio)
    merging.merge(session, office, case, by, into=into)
    return into


def _split(session: Session, office: Office, case: Case, by: Account, form: Form) -> Case:
    message = session.get(Message, form.get("message", 0, int))
    if message is None or message.case_id != case.id:
        raise InvalidInput("split_message")
    return merging.split(session, office, case, by, message=message)


def _block_contact(session: Session, office: Office, case: Case, by: Account, form: Form) -> Case:
    contacts.block(session, office, case, by)
    if form.get("cancel"):
        # A sender of spam who gets an answer sends more of it.
        cases.cancel(session, office, case, by, reason=say("panel.ask.spam_reason"), is_told=False)
    return case


def _unblock_contact(session: Session, office: Office, case: Case, by: Account, form: Form) -> Case:
    contacts.unblock(session, office, case, by)
    return case


# Keys are actions of `models.workflow`, and the two of the spam button.
# Answer and note have a form of their own (admin.views.composer).
ACTIONS: dict[str, Action] = {
    "assign": _assign,
    "take": _take,
    "return_turno": _return,
    "copy": _copy,
    "mark_reviewed": _mark_reviewed,
    "resolve": _resolve,
    "conclude": _conclude,
    "close": _close,
    "reopen": _reopen,
    "cancel": _cancel,
    "merge": _merge,
    "split": _split,
    "change_service": _change_service,
    "change_priority": _change_priority,
    "agree_date": _agree_date,
    "set_quantity": _set_quantity,
    "snooze": _snooze,
    "wake": _wake,
    "block_contact": _block_contact,
    "unblock_contact": _unblock_contact,
}
# These ask something first, in a dialog.
ASKING = frozenset({"assign", "return_turno", "copy", "cancel", "merge", "split", "change_service",
                    "change_priority", "agree_date", "set_quantity", "snooze", "block_contact"})  # fmt: skip
ICONS = {
    "assign": "arrow-forward-up", "take": "hand-grab", "return_turno": "arrow-back-up", "copy": "copy",
    "mark_reviewed": "eye", "resolve": "circle-check", "conclude": "circle-check", "close": "lock",
    "reopen": "refresh", "cancel": "ban", "merge": "git-merge", "split": "git-branch",
    "change_service": "adjustments-horizontal", "change_priority": "flag", "snooze": "clock", "wake": "inbox",
    "agree_date": "calendar", "set_quantity": "hash",
    "block_contact": "shield-exclamation", "unblock_contact": "mail",
}  # fmt: skip


def local_instant(value: str, zone: ZoneInfo) -> datetime | None:
    """The instant of an `<input type="datetime-local">` in the institution's zone; None when empty."""
    if not value.strip():
        return None
    try:
        return datetime.fromisoformat(value.strip()).replace(tzinfo=zone)
    except ValueError:
        raise InvalidInput("bad_date") from None


def _target(session: Session, form: Form) -> tuple[Dependencia, Account | None]:
    account = session.get(Account, form.get("account", 0, int))
    dependencia = session.get(Dependencia, form.get("dependencia", 0, int))
    if dependencia is None and account is not None:
        dependencia = account.dependencia
    if dependencia is None:
        raise InvalidInput("choose_dependencia")
    return dependencia, account
