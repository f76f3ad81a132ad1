"""Reads the whole bitácora again and says whether each chain of events is as it was written."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.case import Case
from models.event import Event, find_broken_chain, of_case

_PAGE = 200


@dataclass(frozen=True)
class Chain:
    """One chain that was read; `fault` is empty when it is whole. `folio` is empty for the office's own."""

    folio: str
    events: int
    fault: str


def read_chains(session: Session) -> Iterator[Chain]:
    """The office's own chain, then that of every case."""
    in_order = select(Event).order_by(Event.sequence)
    own = session.scalars(in_order.where(Event.case_id.is_(None))).all()
    yield Chain("", len(own), find_broken_chain(own) or "")
    last = 0
    while cases := session.scalars(select(Case).where(Case.id > last).order_by(Case.id).limit(_PAGE)).all():
        for case in cases:
            events = session.scalars(select(Event).where(of_case(case)).order_by(Event.sequence)).all()
            fault = find_broken_chain(events, count=case.event_count, head=case.event_head)
            yield Chain(case.folio, len(events), fault or "")
        last = cases[-1].id
        session.expunge_all()
