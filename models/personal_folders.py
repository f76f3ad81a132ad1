"""Personal folders: each tag of an account is a tray of its own in the rail."""

from __future__ import annotations

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from models.access import visible_to
from models.case import Case
from models.count import COUNT_LIMIT
from models.person import Account
from models.tag import Tag, case_tag

# More belong to the list of tags; the rail is to be read at a glance.
MAX_FOLDERS = 12


def folders_of(session: Session, account: Account) -> list[tuple[int, str, int]]:
    """Id, name and number of cases of each folder, by name; together COUNT_LIMIT cases are counted."""
    tags = session.execute(
        select(Tag.id, Tag.name).where(Tag.account_id == account.id).order_by(Tag.name).limit(MAX_FOLDERS)
    ).all()
    if not tags:
        return []
    some = (
        select(case_tag.c.tag_id.label("tag_id"))
        .join(Case, Case.id == case_tag.c.case_id)
        .where(case_tag.c.tag_id.in_([tag.id for tag in tags]), visible_to(account))
        .limit(COUNT_LIMIT)
        .subquery()
    )
    counted = session.execute(select(some.c.tag_id, func.count()).group_by(some.c.tag_id))
    numbers = {row[0]: row[1] for row in counted}
    return [(tag.id, tag.name, numbers.get(tag.id, 0)) for tag in tags]
