"""What people are told about deliveries: delivered, returned, an acuse still owed, few guías left.

Each function writes into the outbox in the transaction of its cause; the words are in `templates/email`.
Nothing of the document itself is said: couriers and dispatch managers carry it, and do not read it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy.orm import Session

from intake.chat import chat_notices
from intake.correspondence import Thread, accounts_of, addresses_of, unbound_letterhead, write_mail
from intake.notices import GENERATED
from intake.office import Office
from intake.wording import moment, speaking
from models.carrier import Carrier
from models.dispatch import Dispatch
from models.person import Account, Role
from templates import say


def write_ended(session: Session, office: Office, dispatch: Dispatch, kind: str) -> None:
    """Tell whoever asked for the delivery how it ended: `dispatch_delivered` or `dispatch_returned`."""
    with speaking(office.settings.language):
        told = {
            "receiver": dispatch.receiver,
            "when": moment(dispatch.ended_at, office.settings.zone) if dispatch.ended_at else "",
            "reason": dispatch.reason,
            "acuse": say("mail.dispatch_delivered.filed") if dispatch.acuse_message_id else "",
        }
        _write(session, office, kind, [dispatch.requested_by], dispatch, told, name=dispatch.name)


def write_acuse_owed(session: Session, office: Office, dispatch: Dispatch) -> None:
    """Remind whoever has to bring the acuse back, and the dispatch managers."""
    carrying = [dispatch.courier.account] if dispatch.courier and dispatch.courier.account else []
    with speaking(office.settings.language):
        due = moment(dispatch.acuse_due_at, office.settings.zone) if dispatch.acuse_due_at else ""
        told = {"carrying": str(dispatch.courier or dispatch.carrier or ""), "due": due}
        _write(session, office, "acuse_owed", [*carrying, *_managers(session)], dispatch, told,
               name=dispatch.name)  # fmt: skip


def write_late_act(session: Session, office: Office, dispatch: Dispatch, by: Account) -> None:
    """Tell the dispatch managers of an act that came after the delivery had been given to another."""
    with speaking(office.settings.language):
        told = {"state": say(f"dispatch.state.{dispatch.state}")}
        _write(session, office, "dispatch_late_act", _managers(session), dispatch, told, name=by.person.name)


def write_low_stock(session: Session, office: Office, carrier: Carrier, left: int) -> None:
    """Warn the dispatch managers that *carrier* has only *left* guías."""
    with speaking(office.settings.language):
        told = {"carrier": carrier.name, "left": str(left)}
        _write(session, office, "guias_low", _managers(session), None, told, name=carrier.name, left=left)


def _managers(session: Session) -> Sequence[Account]:
    return accounts_of(session, Account.role == Role.DISPATCH_MANAGER)


def _write(
    session: Session, office: Office, kind: str, accounts: Sequence[Account], dispatch: Dispatch | None,
    told: dict[str, str], **names: str | int,
) -> None:  # fmt: skip
    """By mail, and besides in the private chats that these accounts' people linked."""
    case = dispatch.case if dispatch else None
    where = f"envios/{dispatch.id}" if dispatch else "guias/"
    values: dict[str, Any] = {
        "institution": office.settings.institution,
        "sentence": say(f"mail.{kind}.sentence", **names, folio=case.folio if case else ""),
        "rows": [(say(f"dispatch.told.{name}"), value) for name, value in told.items() if value],
        "link": f"{office.settings.base_url.rstrip('/')}/admin/{where}",
    }
    for chat in chat_notices.private_chats(session, accounts):
        chat_notices.tell(session, office, chat.id, kind, None, **values)
    to = addresses_of(accounts)
    if not to:
        return
    head = unbound_letterhead(session, office)
    values |= {**names, "folio": case.folio if case else "", "mailbox": head.name}
    write_mail(session, office, kind, to, values, head, Thread(), case, GENERATED)
