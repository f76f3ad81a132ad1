"""Learns at night from the closed cases, in a process of its own with low priority, and keeps versions.

`python -m intake.learning.learning` is that process: the worker that starts it loads no
scikit-learn. A version is a file under its SHA-256, read by `learned`; without one, or with
a broken one, nothing is proposed and nothing else changes.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import structlog
from sqlalchemy import delete, func, insert, or_, select
from sqlalchemy.orm import Session

from intake.attachments import read_blob
from intake.errors import StoreFailed
from intake.learning.learned import BrokenModel, Model, pack, unpack
from intake.office import Office
from models.base import now
from models.case import Case, CaseKind
from models.dependencia import Dependencia
from models.message import Blob, Direction, Message
from models.oficio import Flow, Oficio
from models.service import Service
from models.suggestion import LearnedModel, ModelState
from models.ticket import Ticket
from models.workflow import State

if TYPE_CHECKING:
    from intake.learning.fitting import Example

log = structlog.get_logger()

# Local hours in which it learns, when hardly anybody works.
NIGHT = range(1, 6)
# The newest so many cases teach: they know the services of today.
MAX_CASES = 20_000
# Versions whose files are kept.
KEPT = 7
# Who trains longer than this has died.
_LEASE = timedelta(hours=2)
_BATCH = 500
_ROOT = Path(__file__).resolve().parents[2]
_DONE = (State.RESOLVED, State.CLOSED, State.CONCLUDED)
_loaded: tuple[str, Model | None] = ("", None)


class Night:
    """The chore of a worker: starts the learning of this night, once, and does not wait for it."""

    def __init__(self) -> None:
        self._child: subprocess.Popen[bytes] | None = None

    def work(self, office: Office) -> int:
        if self._child is not None and self._child.poll() is None:
            return 0
        local = now().astimezone(office.settings.zone)
        if office.settings.learning and local.hour in NIGHT and _claim(office, local.date()):
            self._child = start(office)
        return 0


def start(office: Office) -> subprocess.Popen[bytes]:
    """The process that learns, with the settings of *office*."""
    settings = office.settings
    told = {
        "OFICIALIA_DATABASE_URL": settings.database_url,
        "OFICIALIA_STORE_URL": settings.store_url,
        "OFICIALIA_TIMEZONE": settings.timezone,
        "PYTHONPATH": os.pathsep.join(filter(None, (str(_ROOT), os.environ.get("PYTHONPATH", "")))),
        # One thread: the machine has mail to attend.
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
    }
    return subprocess.Popen([sys.executable, "-m", "intake.learning.learning"], env={**os.environ, **told})


def _claim(office: Office, night: date) -> bool:
    """Is it this worker that learns tonight? Not when a case less has ended than the last version knows."""
    with office.database.reading() as session:
        if not _is_due(session, night):
            return False
    with office.database.writing() as session:
        if not office.database.is_sqlite:
            # Two workers would both find no row for tonight.
            session.execute(select(func.pg_advisory_xact_lock(7_305_023)))
        if not _is_due(session, night):
            return False
        row = session.scalar(select(LearnedModel).where(LearnedModel.night == night))
        row = row or LearnedModel(night=night)
        row.state, row.claimed_at = ModelState.TRAINING, now()
        session.add(row)
        return True


def _is_due(session: Session, night: date) -> bool:
    row = session.scalar(select(LearnedModel).where(LearnedModel.night == night))
    if row is not None:
        return row.state == ModelState.TRAINING and row.claimed_at < now() - _LEASE
    known = session.scalar(
        select(LearnedModel.last_ended_at)
        .where(LearnedModel.last_ended_at.is_not(None))
        .order_by(LearnedModel.id.desc())
        .limit(1)
    )
    newest = session.scalar(select(func.max(Case.ended_at)).where(Case.ended_at.is_not(None)))
    return newest is not None and (known is None or newest > known)


def learn(office: Office, night: date) -> LearnedModel:
    """Learn now, as the version of *night*."""
    from intake.learning.fitting import fit

    with office.database.reading() as session:
        newest = session.scalar(select(func.max(Case.ended_at)).where(Case.ended_at.is_not(None)))
        examples = find_examples(session)
    model = fit(examples)
    content = pack(model) if model else b""
    with office.database.writing() as session:
        row = session.scalar(select(LearnedModel).where(LearnedModel.night == night))
        row = row or LearnedModel(night=night)
        session.add(row)
        row.learned_at, row.cases, row.last_ended_at = now(), len(examples), newest
        row.state = ModelState.READY if model else ModelState.TOO_FEW
        if model is not None:
            row.sha256 = _keep(session, content)
            row.figures = {
                name: {"answers": len(question.labels), "right": question.right}
                for name, question in model.questions.items()
            }
        session.flush()
        _prune(session)
        session.expunge(row)
    log.info("learnt", state=row.state, cases=row.cases, bytes=len(content), figures=row.figures)
    return row


def _keep(session: Session, content: bytes) -> str:
    sha256 = hashlib.sha256(content).hexdigest()
    if session.get(Blob, sha256) is None:
        # In the database whatever its size: an old version goes away again, and stores only ever grow.
        session.execute(insert(Blob).values(sha256=sha256, size=len(content), content=content))
    return sha256


def _prune(session: Session) -> None:
    """Let go the files of all but the newest versions; what they were and how good stays written."""
    kept = select(LearnedModel.id).where(LearnedModel.sha256.is_not(None))
    newest = session.scalars(kept.order_by(LearnedModel.id.desc()).limit(KEPT)).all()
    old = session.scalars(
        select(LearnedModel).where(LearnedModel.sha256.is_not(None), LearnedModel.id.not_in(newest))
    ).all()
    gone = [one.sha256 for one in old]
    for one in old:
        one.sha256 = None
    session.flush()
    used = session.scalars(select(LearnedModel.sha256).where(LearnedModel.sha256.in_(gone))).all()
    session.execute(delete(Blob).where(Blob.sha256.in_(set(gone) - set(used))))


def find_examples(session: Session) -> list[Example]:
    """The newest cases that were done, as the clerks left them."""
    from intake.learning.fitting import Example

    services = set(session.scalars(select(Service.id).where(Service.is_active)))
    places = set(session.scalars(select(Dependencia.id).where(Dependencia.is_active)))
    ticket, oficio = Ticket.__table__, Oficio.__table__
    wanted = (
        select(Case.id, Case.kind, Case.subject, Case.dependencia_id, Case.priority, ticket.c.service_id)
        .select_from(Case)
        .outerjoin(ticket, ticket.c.id == Case.id)
        .outerjoin(oficio, oficio.c.id == Case.id)
        .where(Case.ended_at.is_not(None), Case.state.in_(_DONE))
        .where(or_(Case.kind == CaseKind.TICKET, oficio.c.flow == Flow.RECEIVED))
    )
    rows = session.execute(wanted.order_by(Case.ended_at.desc()).limit(MAX_CASES)).all()
    found: list[Example] = []
    for begin in range(0, len(rows), _BATCH):
        some = rows[begin : begin + _BATCH]
        texts = first_texts(session, [row.id for row in some])
        for row in some:
            labels = {
                "service": str(row.service_id) if row.service_id in services else "",
                "dependencia": str(row.dependencia_id) if row.dependencia_id in places else "",
                "priority": row.priority.value,
            }
            found.append(Example(f"{row.subject}\n{texts.get(row.id, '')}", labels))
    return found


def first_texts(session: Session, case_ids: Sequence[int]) -> dict[int, str]:
    """What each of these cases began with."""
    first = select(func.min(Message.id)).where(
        Message.case_id.in_(case_ids), Message.direction == Direction.IN
    )
    wanted = select(Message.case_id, Message.reply_text).where(
        Message.id.in_(first.group_by(Message.case_id).scalar_subquery())
    )
    return {row.case_id: row.reply_text for row in session.execute(wanted)}


def current_model(session: Session, office: Office) -> tuple[int, Model] | None:
    """The newest version and its number; None without one that can be read."""
    global _loaded
    newest = select(LearnedModel.id, LearnedModel.sha256).where(LearnedModel.sha256.is_not(None))
    row = session.execute(newest.order_by(LearnedModel.id.desc()).limit(1)).first()
    if row is None:
        return None
    if _loaded[0] != row.sha256:
        _loaded = (row.sha256, _load(session, office, row.sha256))
    model = _loaded[1]
    return (row.id, model) if model is not None else None


def _load(session: Session, office: Office, sha256: str) -> Model | None:
    try:
        content = read_blob(session, office, sha256)
        if hashlib.sha256(content).hexdigest() != sha256:
            raise BrokenModel("its bytes are not those that were learnt")
        return unpack(content)
    except (BrokenModel, StoreFailed) as error:
        log.error("nothing is proposed: the learnt file cannot be read", sha256=sha256, error=str(error))
        return None


def main() -> None:
    """Learn, out of everybody's way."""
    from intake.config import Settings
    from intake.running import logs

    os.nice(19)
    settings = Settings()
    logs.configure(settings, "learning", is_debug=False)
    office = Office.open(settings)
    night = now().astimezone(settings.zone).date()
    try:
        learn(office, night)
    except Exception:
        log.exception("learning failed")
        with office.database.writing() as session:
            row = session.scalar(select(LearnedModel).where(LearnedModel.night == night))
            if row is not None:
                row.state = ModelState.FAILED
        raise SystemExit(1) from None


if __name__ == "__main__":
    main()
