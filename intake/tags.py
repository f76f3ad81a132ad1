"""The verbs of an account's own labels: make one, and put it on several cases at once.

On one case, by name: `intake.cases.add_tag`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from intake.cases import add_tag
from intake.errors import InvalidInput
from models.case import Case
from models.person import Account
from models.tag import Tag


def create_tag(session: Session, by: Account, name: str) -> Tag:
    """*Nueva etiqueta*. Raises InvalidInput when it has no name or is there already."""
    name = " ".join(name.split())[:60]
    if not name:
        raise InvalidInput("empty_tag")
    if session.scalar(select(Tag.id).where(Tag.account_id == by.id, Tag.name == name)) is not None:
        raise InvalidInput("tag_exists", name=name)
    made = Tag(account_id=by.id, name=name)
    session.add(made)
    session.flush()
    return made


def tag_many(session: Session, cases: Iterable[Case], by: Account, tag: Tag) -> None:
    """*Etiquetar*: put the label on each; all or none."""
    if tag.account_id != by.id:
        raise InvalidInput("not_yours")
    for case in cases:
        add_tag(session, case, by, tag.name)


def tags_of(session: Session, account: Account) -> Sequence[Tag]:
    """The labels of *account*, by name."""
    return session.scalars(select(Tag).where(Tag.account_id == account.id).order_by(Tag.name)).all()
