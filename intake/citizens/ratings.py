"""How content a requester was with a case that ended: 1 to 5 and words, by whatever door."""

from __future__ import annotations

from sqlalchemy.orm import Session

from intake.errors import InvalidInput
from models.case import Case
from models.chat import Rating
from models.event import record
from models.workflow import State

_RATABLE = (State.RESOLVED, State.CLOSED, State.CONCLUDED)


def is_ratable(case: Case) -> bool:
    """Whether how it was attended can be said by now."""
    return case.state in _RATABLE


def rate(session: Session, case: Case, score: int, words: str = "") -> Rating:
    """Note the score of the requester's own *case*; once more changes it, and words may follow."""
    if not 1 <= score <= 5 or not is_ratable(case):
        raise InvalidInput("not_ratable")
    rating = session.get(Rating, case.id) or Rating(case_id=case.id, words="")
    rating.score, rating.words = score, words.strip()[:4_000] or rating.words
    session.add(rating)
    record(session, case, "rated", actor="requester", data={"score": score, "words": rating.words})
    return rating
