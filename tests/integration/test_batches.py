"""Several mails in one transaction, on SQLite and PostgreSQL: each has the effect it would have had alone."""

from __future__ import annotations

import pytest
from sqlalchemy import event, func, select, text
from structlog.testing import capture_logs

from intake import spool
from intake.attachments import read_file
from intake.batches import MAILS, find_waiting
from intake.office import Office
from intake.pipeline import process_one, process_spooled, process_these
from intake.reading.inspection import HERE
from models.base import now
from models.case import Case, CaseLink, LinkKind
from models.contact import Contact
from models.event import Event, find_broken_chain
from models.folio import draw_number, last_number
from models.inbound_mail import InboundMail, InboundStatus, Outcome
from models.keys import draw_key
from models.message import Blob, Message
from models.outbox_message import OutboxMessage
from models.turno import Turno
from tests.support.institution import Institution, open_case
from tests.support.mails import make_mail

SUPPORT = "soporte@example.gob.mx"
# What the database refuses, however sound the mail is.
REFUSAL = {
    "sqlite": (
        "CREATE TRIGGER refuse BEFORE INSERT ON message WHEN NEW.subject = 'Rechazado'"
        " BEGIN SELECT RAISE(ABORT, 'refused by the trigger'); END",
    ),
    "postgresql": (
        "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS"
        " $$ BEGIN RAISE EXCEPTION 'refused by the trigger'; END $$",
        "CREATE TRIGGER refuse BEFORE INSERT ON message FOR EACH ROW"
        " WHEN (NEW.subject = 'Rechazado') EXECUTE FUNCTION refuse()",
    ),
}


def arrive_together(office: Office, *mails: bytes) -> list[InboundMail]:
    """Let *mails* wait, process them in one transaction, and give what became of each."""
    with capture_logs() as logs:
        found = arrive(office, *mails)
    assert not [line for line in logs if line["event"] == "batch divided"]
    return found


def arrive(office: Office, *mails: bytes) -> list[InboundMail]:
    ids = spool.store(office, [spool.Arrival("smtp", raw, "x@correo.example", (SUPPORT,)) for raw in mails])
    assert process_spooled(office) == len(mails)
    with office.database.reading() as session:
        return [session.get_one(InboundMail, identifier) for identifier in ids]


def from_person(number: int, subject: str = "") -> bytes:
    return make_mail(
        f"Persona {number} <persona{number}@correo.example>",
        subject=subject or f"Asunto número {number}",
        message_id=f"<{number}@correo.example>",
    )


def test_each_mail_of_a_batch_has_its_case_folio_turno_and_acuse(office: Office, town: Institution) -> None:
    mails = arrive_together(office, *(from_person(number) for number in range(1, 31)))
    assert {mail.outcome for mail in mails} == {Outcome.TICKET}
    with office.database.reading() as session:
        cases = session.scalars(select(Case).order_by(Case.id)).all()
        assert [case.id for case in cases] == [mail.case_id for mail in mails]
        assert [int(case.folio[-6:]) for case in cases] == list(range(1, 31))
        for table in (Message, Turno, Contact):
            assert session.scalar(select(func.count(table.id))) == 30
        for case, mail in zip(cases, mails, strict=True):
            assert session.get_one(Message, mail.message_id).case_id == case.id
            acuse = session.scalars(select(OutboxMessage).where(OutboxMessage.case_id == case.id)).one()
            assert acuse.to == [case.requester.addresses[0].value] and case.folio in acuse.subject
            events = session.scalars(
                select(Event).where(Event.case_id == case.id).order_by(Event.sequence)
            ).all()
            assert events[0].action == "open"
            assert find_broken_chain(events, count=case.event_count, head=case.event_head) is None


def test_a_mail_that_the_database_refuses_fails_alone(office: Office, town: Institution) -> None:
    with office.database.writing() as session:
        for statement in REFUSAL[office.database.engine.dialect.name]:
            session.execute(text(statement))
    mails = arrive(office, *(from_person(n, "Rechazado" if n == 3 else "") for n in range(1, 7)))
    assert [mail.status for mail in mails].count(InboundStatus.FAILED) == 1
    assert mails[2].status == InboundStatus.FAILED
    with office.database.reading() as session:
        error = session.get_one(InboundMail, mails[2].id).error
        assert "refused by the trigger" in error
        assert session.scalar(select(func.count(Case.id))) == 5
        assert session.scalar(select(func.count(OutboxMessage.id))) == 5
        assert last_number(session, "T", now().astimezone(office.settings.zone).year) == 5


def test_mails_of_one_conversation_that_arrive_together_are_one_case(
    office: Office, town: Institution
) -> None:
    first = make_mail(message_id="<uno@correo.example>", subject="Sin luz")
    second = make_mail(
        message_id="<dos@correo.example>", in_reply_to="<uno@correo.example>", text="Y sin agua"
    )
    opened, copy, answer, other = arrive_together(office, first, first, second, from_person(9))
    assert [opened.outcome, copy.outcome, answer.outcome, other.outcome] == [
        Outcome.TICKET,
        Outcome.DUPLICATE,
        Outcome.FOLLOW_UP,
        Outcome.TICKET,
    ]
    assert opened.case_id == copy.case_id == answer.case_id != other.case_id


def test_an_answer_to_a_mail_that_arrived_with_it_finds_its_case(office: Office, town: Institution) -> None:
    answer = make_mail(
        "Persona 1 <persona1@correo.example>", subject="Sigue", message_id="<2@correo.example>",
        in_reply_to="<1@correo.example>",
    )  # fmt: skip
    opened, continued = arrive_together(office, from_person(1), answer)
    assert (continued.outcome, continued.case_id) == (Outcome.FOLLOW_UP, opened.case_id)


def test_a_folio_of_the_same_batch_is_known_and_no_stranger_s(office: Office, town: Institution) -> None:
    folio = f"T-{now().year}-000001"
    opened, guessed = arrive_together(office, from_person(1), from_person(2, f"Sobre {folio}"))
    with office.database.reading() as session:
        assert session.get_one(Case, opened.case_id).folio == folio
    assert (guessed.status, guessed.case_id) == (InboundStatus.HELD, opened.case_id)


def test_a_copy_is_a_copy_also_after_an_answer_to_something_else(office: Office, town: Institution) -> None:
    known, *_ = arrive_together(office, from_person(1))
    answer = make_mail(
        "Persona 1 <persona1@correo.example>",
        message_id="<respuesta@correo.example>",
        in_reply_to="<1@correo.example>",
    )
    opened, continued, copy = arrive_together(office, from_person(2), answer, from_person(2))
    assert [opened.outcome, continued.outcome, copy.outcome] == [
        Outcome.TICKET,
        Outcome.FOLLOW_UP,
        Outcome.DUPLICATE,
    ]
    assert continued.case_id == known.case_id
    assert copy.case_id == opened.case_id


def acuse_id(office: Office, case_id: int | None) -> str:
    with office.database.reading() as session:
        acuse = session.scalars(select(OutboxMessage).where(OutboxMessage.case_id == case_id)).one()
        return f"<{acuse.rfc_message_id}>"


def test_whom_an_answer_copies_may_answer_in_the_same_batch(office: Office, town: Institution) -> None:
    (known,) = arrive_together(office, from_person(1))
    answer = make_mail(
        "Persona 1 <persona1@correo.example>",
        message_id="<respuesta@correo.example>",
        in_reply_to="<1@correo.example>",
        headers=[("Cc", "vecina@correo.example")],
    )
    from_acuse = make_mail(
        "Vecina <vecina@correo.example>",
        message_id="<vecina@correo.example>",
        in_reply_to=acuse_id(office, known.case_id),
    )
    from_stranger = make_mail(
        "Otro <otro@correo.example>",
        message_id="<otro@correo.example>",
        in_reply_to=acuse_id(office, known.case_id),
    )
    mails = arrive_together(office, answer, from_acuse, from_stranger)
    assert [mail.status for mail in mails] == [
        InboundStatus.PROCESSED, InboundStatus.PROCESSED, InboundStatus.HELD,
    ]  # fmt: skip
    assert {mail.case_id for mail in mails[:2]} == {known.case_id}


def test_an_id_of_two_cases_leads_to_that_in_which_a_mail_of_the_same_batch_is(
    office: Office, town: Institution
) -> None:
    headers = [("Cc", "vecina@correo.example")]
    shared = ["<compartido@correo.example>"]
    first = make_mail("A <a@correo.example>", subject="Primero", references=shared)
    (other,) = arrive_together(office, first)
    second = make_mail("B <b@correo.example>", subject="Segundo", references=shared, headers=headers)
    (known,) = arrive_together(office, second)
    assert other.case_id != known.case_id
    targets = [acuse_id(office, known.case_id), shared[0]]
    mails = arrive_together(
        office,
        *(make_mail("Vecina <vecina@correo.example>", subject="Re", in_reply_to=one) for one in targets),
    )
    assert [mail.case_id for mail in mails] == [known.case_id, known.case_id]


def test_answers_of_a_batch_share_the_room_of_their_case(office: Office, town: Institution) -> None:
    (known,) = arrive_together(office, from_person(1))
    small = office.settings.model_copy(update={"max_case_bytes": 150_000})
    limited = Office(small, office.database, office.store)
    targets = ["<1@correo.example>", acuse_id(office, known.case_id)]
    answers = [
        make_mail(
            "Persona 1 <persona1@correo.example>",
            message_id=f"<con-foto-{number}@correo.example>",
            in_reply_to=target,
            files=[(f"foto-{number}.bin", "application/octet-stream", bytes([number]) * 100_000)],
        )
        for number, target in enumerate(targets, start=1)
    ]
    mails = arrive_together(limited, *answers)
    with office.database.reading() as session:
        first, second = (session.get_one(Message, mail.message_id) for mail in mails)
        assert [file.filename for file in first.attachments] == ["foto-1.bin"]
        assert second.attachments == []
        assert [file["reason"] for file in second.left_out] == ["case_full"]
        case = session.get_one(Case, known.case_id)
        events = session.scalars(select(Event).where(Event.case_id == case.id).order_by(Event.sequence))
        assert find_broken_chain(events, count=case.event_count, head=case.event_head) is None


def test_a_file_in_two_mails_of_a_batch_is_kept_once(office: Office, town: Institution) -> None:
    photo = ("foto.bin", "application/octet-stream", b"bache " * 30)
    mails = arrive_together(
        office,
        *(make_mail(f"P{n} <p{n}@correo.example>", message_id=f"<{n}@correo.example>", files=[photo])
          for n in range(2)),
    )  # fmt: skip
    with office.database.reading() as session:
        attachments = [session.get_one(Message, mail.message_id).attachments[0] for mail in mails]
        assert [read_file(session, office, file) for file in attachments] == [photo[2], photo[2]]
        assert session.scalar(select(func.count()).select_from(Blob)) == 1


@pytest.mark.parametrize("subject", ["Falta de agua", "Luz"], ids=["comparable", "too-short-to-compare"])
def test_acuses_are_counted_within_a_batch_too(office: Office, town: Institution, subject: str) -> None:
    most = office.settings.acuse_per_hour
    mails = [make_mail(message_id=f"<{n}@correo.example>", subject=subject) for n in range(most + 3)]
    arrive_together(office, *mails)
    with office.database.reading() as session:
        acuses = select(func.count(OutboxMessage.id)).where(OutboxMessage.kind == "acuse")
        assert session.scalar(acuses) == min(most, office.settings.acuse_per_hour_pair)
        assert session.scalar(select(func.count(Case.id))) == most + 3


def test_two_requests_of_one_person_that_arrive_together_are_hers_and_related(
    office: Office, town: Institution
) -> None:
    mails = [make_mail(message_id=f"<{n}@correo.example>", subject="Bache en mi calle") for n in range(2)]
    older, newer = arrive_together(office, *mails)
    with office.database.reading() as session:
        assert session.scalar(select(func.count(Contact.id))) == 1
        link = session.scalars(select(CaseLink)).one()
        assert (link.case_id, link.other_id, link.kind) == (newer.case_id, older.case_id, LinkKind.RELATED)


def test_what_another_worker_wrote_before_our_turn_came_is_known(office: Office, town: Institution) -> None:
    again = make_mail(
        "Persona 1 <persona1@correo.example>", subject="Asunto número 1", message_id="<9@correo.example>"
    )
    raws = (from_person(1), from_person(1), again)
    ids = spool.store(office, [spool.Arrival("smtp", raw, "x@correo.example", (SUPPORT,)) for raw in raws])

    theirs = iter(ids[:1])

    @event.listens_for(office.database.engine, "before_cursor_execute")
    def be_quicker(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        # We have looked at who wrote, and now take our turn; on PostgreSQL, the mails.
        if statement == "COMMIT" or "SKIP LOCKED" in statement:
            for mail in theirs:
                assert process_one(office, mail)

    with capture_logs() as logs:
        assert process_these(office, ids[1:], HERE) == 2
    event.remove(office.database.engine, "before_cursor_execute", be_quicker)
    assert not [line for line in logs if line["event"] == "batch divided"]
    with office.database.reading() as session:
        mails = [session.get_one(InboundMail, identifier) for identifier in ids]
        assert [mail.outcome for mail in mails] == [Outcome.TICKET, Outcome.DUPLICATE, Outcome.TICKET]
        assert mails[1].case_id == mails[0].case_id
        contact = session.scalars(select(Contact)).one()
        assert set(session.scalars(select(Case.requester_id))) == {contact.id}
        link = session.scalars(select(CaseLink)).one()
        assert (link.case_id, link.other_id) == (mails[2].case_id, mails[0].case_id)


def test_drawn_keys_go_on_after_rows_that_were_written_without_one(office: Office, town: Institution) -> None:
    with office.database.writing() as session:
        first = draw_key(session, Case)
        assert draw_key(session, Case) == first + 1
        session.rollback()
    with office.database.writing() as session:
        written = open_case(session, town)
        assert draw_key(session, Case) > written.id


def test_a_number_that_a_savepoint_takes_back_is_drawn_again(office: Office, town: Institution) -> None:
    with office.database.writing() as session:
        assert [draw_number(session, "X", 2026) for _ in range(2)] == [1, 2]
        savepoint = session.begin_nested()
        assert draw_number(session, "X", 2026) == 3
        savepoint.rollback()
        assert draw_number(session, "X", 2026) == 3
    with office.database.writing() as session:
        assert last_number(session, "X", 2026) == 3
        assert draw_number(session, "X", 2026) == 4
        session.rollback()
    with office.database.writing() as session:
        assert draw_number(session, "X", 2026) == 4


def test_an_idle_worker_helps_with_what_another_comes_to_later(office: Office, town: Institution) -> None:
    arrivals = [
        spool.Arrival("smtp", from_person(number), "", (SUPPORT,)) for number in range(3 * MAILS + 10)
    ]
    ids = spool.store(office, arrivals)
    # Of so many workers none of these is this one's own.
    part = (0, 1_000_000)
    assert [number for number, _ in find_waiting(office, 200, part)] == ids[2 * MAILS : 3 * MAILS]
    assert process_spooled(office, part=part) == MAILS
    assert process_spooled(office, part=part) == 10
    # What is left is in the other's hands; from the end it may still be faster.
    assert [number for number, _ in find_waiting(office, 200, part)] == ids[2 * MAILS - 1 : 2 * MAILS]
