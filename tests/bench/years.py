"""Fills a register as two years of work would: any number of cases, three messages in each.

One INSERT … SELECT per table, the same words for SQLite and PostgreSQL; the verbs of the
desk would take an hour for a million. Four of a hundred cases are open, and most of the newest.
"""

from __future__ import annotations

from sqlalchemy import text
from sqlalchemy.orm import Session

from intake.office import Office
from models.base import now
from models.dependencia import Dependencia, DependenciaKind
from models.person import Account, Person, Role
from tests.bench import mails
from tests.support.institution import Institution, found_institution
from tests.support.panel import give_logins

DEPENDENCIAS = 20
SECONDS = 2 * 365 * 86_400

_OPEN = "(n % 25 = 0 OR (n > :cases * 0.97 AND n % 10 < 7))"
_CASES = f"""
INSERT INTO "case" (id, kind, folio, subject, state, is_open, priority, channel, requester_id, dependencia_id,
    holder_id, created_at, last_activity_at, due_at, is_overdue, has_files, is_unanswered, routing_reason,
    event_count, event_head)
SELECT n, 'ticket', 'T-{{year}}-' || (1000000 + n), one.word || ' ' || two.word || ' ' || n,
    CASE WHEN NOT {_OPEN} THEN 'closed' WHEN n % 5 = 0 THEN 'waiting'
         WHEN n % 4 = 0 THEN 'assigned' ELSE 'in_progress' END,
    {_OPEN}, 'normal', 'email', 1 + n % :contacts, bench_holder.dependencia_id,
    CASE WHEN n % 4 = 0 THEN NULL ELSE bench_holder.account_id END, {{at}}, {{at}}, {{at}},
    {_OPEN} AND n % 5 <> 0 AND n < :cases * 0.99, n % 3 = 0, n % 2 = 0, '', 1, ''
FROM bench_number
JOIN bench_word AS one ON one.i = n * 7 % :words JOIN bench_word AS two ON two.i = n * 11 % :words
JOIN bench_holder ON bench_holder.i = n * 13 % :holders
"""
_FILL = (
    """INSERT INTO contact (id, name, language, created_at)
       SELECT n, 'Persona ' || n, 'es', {at} FROM bench_number WHERE n <= :contacts""",
    """INSERT INTO address (contact_id, kind, value, failure)
       SELECT n, 'email', 'persona' || n || '@correo.example', '' FROM bench_number WHERE n <= :contacts""",
    _CASES,
    'INSERT INTO ticket (id, service_id) SELECT id, :service FROM "case"',
    """INSERT INTO case_access (case_id, dependencia_id, account_id, last_activity_at)
       SELECT id, dependencia_id, NULL, last_activity_at FROM "case" ORDER BY id""",
    """INSERT INTO case_access (case_id, dependencia_id, account_id, last_activity_at)
       SELECT id, dependencia_id, holder_id, last_activity_at FROM "case"
       WHERE holder_id IS NOT NULL ORDER BY id""",
    """INSERT INTO event (case_id, sequence, at, action, actor, data, previous_hash, hash)
       SELECT id, 1, created_at, 'open', 'requester', '{{}}', '', '' FROM "case" ORDER BY id""",
    """INSERT INTO turno (case_id, kind, state, to_dependencia_id, instruction, reason, created_at)
       SELECT id, 'attention', CASE WHEN is_open THEN 'open' ELSE 'done' END, dependencia_id, '', '',
           created_at FROM "case" ORDER BY id""",
    """INSERT INTO message (id, case_id, direction, channel, sender_name, sender_address, created_at, subject,
           text, reply_text, html, recipients, rfc_message_id, "references", match_reason, authentication,
           defects, left_out, robot)
       SELECT 3 * id - 3 + part.i, id, CASE WHEN part.i = 2 THEN 'out' ELSE 'in' END, 'email', 'Persona',
           'persona' || requester_id || '@correo.example', created_at, subject, :text, :text, '', '[]', '',
           '[]', '', '{{}}', '[]', '[]', '' FROM "case" JOIN bench_word AS part ON part.i BETWEEN 1 AND 3
       ORDER BY 1""",
    """INSERT INTO message_search (rowid, body)
       SELECT message.id, {indexed} FROM message JOIN bench_word ON bench_word.i = message.id * 17 % :words
       ORDER BY 1""",
)
_NUMBERS = """
INSERT INTO bench_number
WITH RECURSIVE number(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM number WHERE n < :cases)
SELECT n FROM number
"""
_BODY = "message.case_id || ' ' || lower(message.subject) || ' ' || word || ' ' || :text"


def fill(office: Office, cases: int) -> Institution:
    """Found an institution whose people can log in, and give it *cases* cases."""
    with office.database.writing() as session:
        institution = found_institution(session)
        give_logins(session, institution)
        holders = [(account.dependencia_id, account.id) for account in _holders(session, institution)]
        _lists(session, holders)
        values = {
            "cases": cases,
            "contacts": max(1, cases // 20),
            "words": len(mails.WORDS),
            "holders": len(holders),
            "service": institution.support.id,
            "text": " ".join(mails.WORDS[:20]),
        }
        session.execute(text(_NUMBERS), values)
        for statement in _FILL:
            session.execute(text(statement.format(**_dialect(office, cases))), values)
    return institution


def _dialect(office: Office, cases: int) -> dict[str, str | int]:
    age = f"(:cases - n) * {SECONDS / cases}"
    if office.database.is_sqlite:
        at = f"strftime('%Y-%m-%d %H:%M:%f000', 'now', '-' || ({age}) || ' seconds')"
        return {"year": now().year, "at": at, "indexed": _BODY}
    indexed = f"to_tsvector('simple', {_BODY})"
    return {"year": now().year, "at": f"now() - {age} * interval '1 second'", "indexed": indexed}


def _lists(session: Session, holders: list[tuple[int, int]]) -> None:
    for table in (
        "bench_number (n bigint PRIMARY KEY)",
        "bench_word (i bigint PRIMARY KEY, word text)",
        "bench_holder (i bigint PRIMARY KEY, dependencia_id bigint, account_id bigint)",
    ):
        session.execute(text(f"CREATE TEMPORARY TABLE {table}"))
    for number, word in enumerate(mails.WORDS):
        session.execute(text("INSERT INTO bench_word VALUES (:i, :word)"), {"i": number, "word": word})
    for number, (dependencia, account) in enumerate(holders):
        session.execute(
            text("INSERT INTO bench_holder VALUES (:i, :dependencia, :account)"),
            {"i": number, "dependencia": dependencia, "account": account},
        )


def _holders(session: Session, institution: Institution) -> list[Account]:
    """Somebody in each of many dependencias, and a tenth of all for the one who logs in."""
    found = [institution.accounts["worker"]] * (DEPENDENCIAS // 10)
    for number in range(DEPENDENCIAS):
        area = Dependencia(
            name=f"Área {number}",
            siglas=f"A{number}",
            kind=DependenciaKind.AREA,
            parent=institution.presidency,
        )
        session.add(area)
        session.flush()
        area.place()
        person = Person(name=f"Servidor {number}", dependencia_id=area.id)
        session.add(person)
        session.flush()
        account = Account(person_id=person.id, dependencia_id=area.id, role=Role.WORKER)
        session.add(account)
        found.append(account)
    session.flush()
    return found
