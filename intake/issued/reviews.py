"""Visto bueno: accounts asked by the author or the head agree to a document, or object with a remark.

Nothing is approved while one of them has not agreed to the text as it is now; the head may decide
otherwise, with a reason that stays in the history.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from intake.cases import step
from intake.errors import InvalidInput
from intake.issued import document_notices
from intake.issued.documents import files_of, recipients_of
from intake.office import Office
from models.access import grant
from models.base import now
from models.oficio import Oficio
from models.person import READERS, Account
from models.review import Review, ReviewState
from models.task import Task, TaskKind, TaskState


@dataclass(frozen=True, slots=True)
class Opinion:
    """What is shown of a review. `is_stale`: the text was changed after it was agreed to."""

    review: Review
    is_stale: bool

    @property
    def blocks(self) -> bool:
        agreed = self.review.state == ReviewState.AGREED and not self.is_stale
        return not agreed and self.review.state != ReviewState.OVERRIDDEN


def text_hash(session: Session, oficio: Oficio) -> str:
    """Of all that a reader of the draft agrees to: subject, text, recipients and files."""
    to = [(one.role.value, one.name, one.post, one.institution) for one in recipients_of(session, oficio)]
    files = [file.sha256 for file in files_of(session, oficio)]
    return hashlib.sha256(repr((oficio.subject, oficio.body_html, to, files)).encode()).hexdigest()


def opinions(session: Session, oficio: Oficio) -> list[Opinion]:
    """Everybody who was asked, in that order."""
    wanted = select(Review).where(Review.oficio_id == oficio.id).options(joinedload(Review.account))
    found = session.scalars(wanted.order_by(Review.id)).all()
    if not found:
        return []
    text = text_hash(session, oficio)
    return [Opinion(one, one.state == ReviewState.AGREED and one.text_sha256 != text) for one in found]


def check(session: Session, oficio: Oficio) -> None:
    """Raises InvalidInput, which names them, while somebody has not agreed."""
    missing = [one.review.account.person.name for one in opinions(session, oficio) if one.blocks]
    if missing:
        raise InvalidInput("reviews_missing", names=", ".join(missing))


def ask(
    session: Session, office: Office, oficio: Oficio, by: Account, accounts: Sequence[Account], *, words: str
) -> None:
    """Ask each of *accounts*, also one that objected before. Raises InvalidInput, NotAllowed."""
    accounts = list(dict.fromkeys(accounts))
    if not accounts:
        raise InvalidInput("review_nobody")
    for one in accounts:
        if one.id == by.id or not one.is_active or one.role not in READERS:
            raise InvalidInput("review_whom", name=one.person.name)
    step(session, oficio, by, "ask_review", data={"to": ", ".join(one.person.name for one in accounts)})
    known = {one.review.account_id: one.review for one in opinions(session, oficio)}
    for one in accounts:
        review = known.get(one.id)
        if review is None:
            review = Review(oficio_id=oficio.id, account_id=one.id, asked_by_id=by.id)
            session.add(review)
        else:
            _end_task(session, oficio, one, by)
        review.state, review.asked_by_id, review.asked_at = ReviewState.ASKED, by.id, now()
        review.remark, review.decided_at, review.text_sha256 = "", None, ""
        grant(session, oficio, one.dependencia_id, one.id)
        session.add(
            Task(case=oficio, kind=TaskKind.REVIEW, account=one, dependencia=one.dependencia,
                 instruction=words.strip())
        )  # fmt: skip
        document_notices.write_review_asked(session, office, oficio, one, by, words.strip())
    session.flush()


def agree(session: Session, office: Office, oficio: Oficio, by: Account, *, remark: str = "") -> None:
    """*by* agrees to the text as it is now."""
    step(session, oficio, by, "agree", data={"remark": remark.strip()} if remark.strip() else None)
    _decide(session, oficio, by, ReviewState.AGREED, remark)


def object_to(session: Session, office: Office, oficio: Oficio, by: Account, *, reason: str) -> None:
    """*by* does not agree, and says why to who asked."""
    step(session, oficio, by, "object", reason=reason)
    review = _decide(session, oficio, by, ReviewState.OBJECTED, reason)
    document_notices.write_review_objected(session, office, oficio, review.asked_by, by, reason.strip())


def override(session: Session, office: Office, oficio: Oficio, by: Account, *, reason: str) -> None:
    """The head does without those who have not agreed; approving is a step of its own."""
    missing = [one.review for one in opinions(session, oficio) if one.blocks]
    if not missing:
        raise InvalidInput("reviews_complete")
    step(session, oficio, by, "override_reviews", reason=reason)
    for review in missing:
        review.state, review.decided_at = ReviewState.OVERRIDDEN, now()


def _decide(session: Session, oficio: Oficio, by: Account, state: ReviewState, remark: str) -> Review:
    wanted = select(Review).where(Review.oficio_id == oficio.id, Review.account_id == by.id)
    review = session.scalars(wanted).one()
    review.state, review.remark, review.decided_at = state, remark.strip(), now()
    review.text_sha256 = text_hash(session, oficio)
    return review


def _end_task(session: Session, oficio: Oficio, account: Account, by: Account) -> None:
    wanted = select(Task).where(
        Task.case_id == oficio.id,
        Task.kind == TaskKind.REVIEW,
        Task.account_id == account.id,
        Task.state == TaskState.OPEN,
    )
    for task in session.scalars(wanted):
        task.state, task.ended_at, task.ended_by_id = TaskState.EXPIRED, now(), by.id
