"""The documents that the demo institution wrote: one at least in each folder of the board.

From `templates/demo/documents.toml`; each is written, approved, returned and sent by the
verbs that everybody uses, at its own moment.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from intake import mailer
from intake.demo.demo import Institution
from intake.demo.demo_days import moment_of
from intake.issued import administrations, approval, drafts, issuing, letterheads
from intake.issued.drafts import Addressee, DraftFields
from intake.office import Office
from models.base import living_at, now
from models.letterhead import Administration, Letterhead
from models.oficio import DocumentType, Oficio
from models.person import Account
from models.recipient import RecipientRole
from templates import FOLDER

Row = Mapping[str, Any]
People = Mapping[str, Account]
Verb = Callable[[Session, Office, Oficio, Account, People, str, str], object]


def write(office: Office, institution: Institution) -> None:
    """Live every step in the order of their moments, then send what was to be sent."""
    # Its people do not exist: nothing may leave this machine.
    office = Office(office.settings.model_copy(update={"relay_url": ""}), office.database, office.store)
    plan = tomllib.loads((FOLDER / "demo" / "documents.toml").read_text(encoding="utf-8"))
    with office.database.writing() as session:
        _furnish(session, office, plan)
    moment = now()
    written: dict[str, int] = {}
    steps: list[tuple[datetime, Row, tuple[str, ...]]] = [
        (moment_of(row["at"], moment, office), row, ()) for row in plan["document"]
    ]
    for row in plan["document"]:
        steps += [(moment_of(step[0], moment, office), row, tuple(step[1:])) for step in row["steps"]]
    for at, row, step in sorted(steps, key=lambda one: one[0]):
        with living_at(at), office.database.writing() as session:
            people = {name: session.get_one(Account, one.id) for name, one in institution.accounts.items()}
            if step:
                oficio = session.get_one(Oficio, written[row["subject"]])
                _live(session, office, oficio, people, *step)
            else:
                written[row["subject"]] = _begin(session, office, people, row).id
    while mailer.deliver_mail(office):
        pass


def _furnish(session: Session, office: Office, plan: Row) -> None:
    for row in plan["administration"]:
        made = Administration(**row)
        session.add(made)
        administrations.settle(session, made)
    values = dict(plan["letterhead"])
    logo = (FOLDER / "demo" / values.pop("logo")).read_bytes()
    letterhead = Letterhead(**values)
    session.add(letterhead)
    letterheads.keep_logo(session, office, letterhead, *letterheads.check_logo("escudo.svg", logo))


def _begin(session: Session, office: Office, people: People, row: Row) -> Oficio:
    recipients = [Addressee(account_id=people[one].id) for one in row.get("to", ())]
    recipients += [
        Addressee(role=RecipientRole.COPY, account_id=people[one].id) for one in row.get("copies", ())
    ]
    fields = DraftFields(
        subject=row["subject"],
        document_type=DocumentType(row["type"]),
        body_html=row["body"],
        recipients=tuple(recipients),
        needs_efirma=row.get("needs_efirma", False),
    )
    return drafts.create_draft(session, office, people[row["by"]], fields)


def _live(
    session: Session, office: Office, oficio: Oficio, people: People, what: str, who: str, whom: str = "",
    why: str = "",
) -> None:  # fmt: skip
    _VERBS[what](session, office, oficio, people[who], people, whom, why)


_VERBS: dict[str, Verb] = {
    "submit": lambda session, office, oficio, by, *_: approval.submit(session, office, oficio, by),
    "approve": lambda session, office, oficio, by, *_: approval.approve(session, office, oficio, by),
    "read": lambda session, _office, oficio, by, *_: issuing.mark_read(session, oficio, by),
    "reassign": lambda session, office, oficio, by, people, whom, why: issuing.reassign(
        session, office, oficio, by, account=people[whom], instruction=why
    ),
    "cancel": lambda session, office, oficio, by, _people, _whom, why: issuing.cancel(
        session, office, oficio, by, reason=why
    ),
    "discard": lambda session, office, oficio, by, _people, _whom, why: approval.discard(
        session, office, oficio, by, reason=why
    ),
    "return_draft": lambda session, office, oficio, by, _people, _whom, why: approval.return_draft(
        session, office, oficio, by, reason=why
    ),
}
