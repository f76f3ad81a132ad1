"""Personal folders: each tag of an account is a tray of its own in the rail."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import bindparam, func, select
from sqlalchemy.orm import Session

from models.access import visible_to
from models.case import Case
from models.count import COUNT_LIMIT
from models.person import Account
from models.tag import Tag, case_tag

# More belong to the list of tags; the rail is to be read at a glance.
MAX_FOLDERS = 12

_FOLDERS = (
    select(Tag.id, Tag.name)
    .where(Tag.account_id == bindparam("account"))
    .order_by(Tag.name)
    .limit(MAX_FOLDERS)
)


def folders_of(session: Session, account: Account) -> Sequence[tuple[int, str]]:
    """Id and name of the folders of *account*, by name; none when it has no tags at all."""
    return [(number, name) for number, name in session.execute(_FOLDERS, {"account": account.id})]


def count_folders(session: Session, account: Account, folders: Sequence[tuple[int, str]]) -> dict[int, int]:
    """How many cases are in each of *folders*, by the id of its tag; together COUNT_LIMIT are counted."""
    if not folders:
        return {}
    some = (
        select(case_tag.c.tag_id.label("tag_id"))
        .join(Case, Case.id == case_tag.c.case_id)
        .where(case_tag.c.tag_id.in_([tag for tag, _ in folders]), visible_to(account))
        .limit(COUNT_LIMIT)
        .subquery()
    )
    counted = session.execute(select(some.c.tag_id, func.count()).group_by(some.c.tag_id))
    return {row[0]: row[1] for row in counted}
