"""The outbox on SQLite and PostgreSQL, with a relay that has faults: nothing too early, nothing lost."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
from sqlalchemy import select, update

from intake import outbox
from intake.config import Settings
from intake.errors import InvalidInput
from intake.mailer import deliver_mail
from intake.office import Office
from models.contact import Address
from models.event import Event, find_broken_chain
from models.message import Attachment, Blob, Message, ThreadId
from models.outbox_message import OutboxMessage, OutboxStatus
from models.person import Account
from models.ticket import Ticket
from tests.support.desk import SUPPORT, get_notice, later, notices, queue_notice
from tests.support.institution import Institution, open_case, write_message
from tests.support.relay import Relay

ANA = "ana@correo.example"


@pytest.fixture
def office(settings: Settings, relay: Relay) -> Iterator[Office]:
    opened = Office.open(settings.model_copy(update={"relay_url": relay.url}))
    yield opened
    opened.database.close()


@pytest.fixture
def ticket(office: Office, town: Institution) -> Ticket:
    with office.database.writing() as session:
        return open_case(session, town, address=ANA)


def subjects(relay: Relay) -> list[str]:
    return [mail.message["Subject"] for mail in relay.received]


def test_a_notice_is_delivered_and_says_when(office: Office, relay: Relay) -> None:
    notice = queue_notice(office)
    assert deliver_mail(office) == 1
    row = get_notice(office, notice)
    assert row.status == OutboxStatus.SENT and row.sent_at is not None and row.last_error == ""
    assert relay.received[0].recipients == [ANA]
    assert deliver_mail(office) == 0


def test_what_was_rolled_back_is_never_sent(office: Office, relay: Relay) -> None:
    with office.database.writer() as session:
        outbox.queue(session, office, kind="acuse", to=[ANA], subject="Aviso", text="Texto")
        session.rollback()
    assert deliver_mail(office) == 0
    assert relay.attempts == 0 and notices(office) == []


def test_nothing_is_sent_before_its_cause_is_committed(office: Office, relay: Relay) -> None:
    # The first call of a process says that the door is there, which takes the lock we hold below.
    deliver_mail(office)
    with office.database.writing() as session:
        outbox.queue(session, office, kind="acuse", to=[ANA], subject="Aviso", text="Texto",
                     from_addr="soporte@example.gob.mx")  # fmt: skip
        assert deliver_mail(office) == 0
    assert deliver_mail(office) == 1
    assert len(relay.received) == 1


def test_while_the_relay_is_down_notices_wait_and_then_all_arrive(office: Office, relay: Relay) -> None:
    rows = [queue_notice(office, subject=f"Aviso {number}") for number in range(5)]
    relay.stop()
    for hours in range(0, 100, 4):
        with later(hours=hours):
            deliver_mail(office)
    waiting = [get_notice(office, row) for row in rows]
    # It was no notice's fault: nobody gave up, and not one attempt was counted.
    assert all(row.status in (OutboxStatus.QUEUED, OutboxStatus.RETRYING) for row in waiting)
    assert all(row.attempts == 0 for row in waiting)
    assert "refused" in waiting[0].last_error
    relay.start()
    with later(hours=101):
        deliver_mail(office)
    assert sorted(subjects(relay)) == [f"Aviso {number}" for number in range(5)]
    assert all(get_notice(office, row).last_error == "" for row in rows)


def test_while_the_relay_is_down_it_is_not_asked_for_every_notice(office: Office, relay: Relay) -> None:
    for _ in range(3):
        queue_notice(office)
    relay.stop()
    assert deliver_mail(office) == 0
    relay.start()
    assert deliver_mail(office) == 0, "asked again within the same second"
    with later(minutes=1):
        assert deliver_mail(office) == 3


def test_a_notice_refused_for_now_is_tried_later_with_the_relays_words(office: Office, relay: Relay) -> None:
    notice = queue_notice(office)
    relay.fail_next(reply="451 4.3.0 Vuelva más tarde")
    deliver_mail(office)
    row = get_notice(office, notice)
    assert row.status == OutboxStatus.RETRYING and row.attempts == 1
    assert "451 4.3.0 Vuelva" in row.last_error
    assert deliver_mail(office) == 0
    with later(minutes=1.5):
        assert deliver_mail(office) == 1
    row = get_notice(office, notice)
    assert row.status == OutboxStatus.SENT and row.last_error == ""


def test_each_refusal_waits_longer(office: Office, relay: Relay) -> None:
    notice = queue_notice(office)
    relay.fail_next(3)
    waits = []
    for minutes in (0, 2, 10):
        with later(minutes=minutes):
            before = get_notice(office, notice).next_attempt_at
            deliver_mail(office)
            waits.append(get_notice(office, notice).next_attempt_at - before)
    assert waits == sorted(waits)


def test_a_notice_refused_for_three_days_fails_visibly(office: Office, relay: Relay, ticket: Ticket) -> None:
    notice = queue_notice(office, case=ticket)
    with office.database.writing() as session:
        session.execute(update(OutboxMessage).values(attempts=outbox.GIVE_UP - 1))
    relay.fail_next()
    deliver_mail(office)
    assert get_notice(office, notice).status == OutboxStatus.FAILED
    with office.database.reading() as session:
        (event,) = session.scalars(select(Event).where(Event.action == "notice_failed"))
        assert "451 4.3.0" in event.data["words"]


def test_a_permanent_refusal_is_visible_on_the_case_at_once(
    office: Office, relay: Relay, ticket: Ticket
) -> None:
    notice = queue_notice(office, case=ticket)
    relay.fail_next(reply="554 5.7.1 No aceptamos esto")
    deliver_mail(office)
    row = get_notice(office, notice)
    assert row.status == OutboxStatus.FAILED and row.last_error == "554 5.7.1 No aceptamos esto"
    with later(days=1):
        assert deliver_mail(office) == 0
    with office.database.reading() as session:
        case = session.get_one(Ticket, ticket.id)
        events = session.scalars(select(Event).where(Event.case_id == case.id).order_by(Event.sequence)).all()
        assert events[-1].action == "notice_failed"
        assert find_broken_chain(events, count=case.event_count, head=case.event_head) is None


def test_one_refused_recipient_keeps_nobody_else_from_the_answer(
    office: Office, relay: Relay, ticket: Ticket
) -> None:
    notice = queue_notice(office, ANA, "jefa@correo.example", case=ticket)
    relay.refuse(ANA)
    deliver_mail(office)
    row = get_notice(office, notice)
    assert relay.received[0].recipients == ["jefa@correo.example"]
    assert row.status == OutboxStatus.SENT
    assert row.last_error == f"{ANA}: 550 5.1.1 No such user here"
    with office.database.reading() as session:
        address = session.scalars(select(Address).where(Address.value == ANA)).one()
        assert address.failed_at is not None and "5.1.1" in address.failure
        told = session.scalars(select(Event).where(Event.action == "recipient_refused")).one()
        assert told.case_id == ticket.id and told.data["to"] == [ANA]


def test_a_greylisted_recipient_gets_it_later_and_the_others_only_once(office: Office, relay: Relay) -> None:
    notice = queue_notice(office, ANA, "jefa@correo.example", "nadie@correo.example")
    relay.refuse(ANA, "450 4.2.0 Greylisted")
    relay.refuse("nadie@correo.example")
    deliver_mail(office)
    assert get_notice(office, notice).status == OutboxStatus.RETRYING
    relay.refuse(ANA, "")
    with later(minutes=2):
        deliver_mail(office)
    row = get_notice(office, notice)
    assert [mail.recipients for mail in relay.received] == [["jefa@correo.example"], [ANA]]
    assert row.status == OutboxStatus.SENT
    assert row.last_error == "nadie@correo.example: 550 5.1.1 No such user here"


def test_an_address_that_dislikes_us_is_not_taken_for_dead(
    office: Office, relay: Relay, ticket: Ticket
) -> None:
    queue_notice(office, ANA, case=ticket)
    relay.refuse(ANA, "554 5.7.1 Relay access denied")
    deliver_mail(office)
    with office.database.reading() as session:
        assert session.scalars(select(Address).where(Address.value == ANA)).one().failed_at is None


def test_a_mail_whose_receipt_got_lost_comes_again_byte_by_byte(office: Office, relay: Relay) -> None:
    notice = queue_notice(office)
    relay.drop_next(after_storing=True)
    deliver_mail(office)
    assert get_notice(office, notice).status == OutboxStatus.RETRYING
    with later(minutes=2):
        deliver_mail(office)
    first, second = relay.received
    assert first.raw == second.raw


def test_a_dropped_connection_does_not_stop_the_next_notice(office: Office, relay: Relay) -> None:
    queue_notice(office, subject="Primero")
    queue_notice(office, subject="Segundo")
    relay.drop_next()
    assert deliver_mail(office) == 2
    assert subjects(relay) == ["Segundo"]


def test_what_a_person_is_told_about_a_case_keeps_its_order(
    office: Office, relay: Relay, ticket: Ticket
) -> None:
    for subject in ("Acuse", "Respuesta", "Resuelto"):
        queue_notice(office, ANA, subject=subject, case=ticket)
    queue_notice(office, "tomas@example.gob.mx", subject="Turno", case=ticket)
    relay.fail_next()
    deliver_mail(office)
    # Ana's wait behind her first; the clerk need not wait for Ana's mail server.
    assert subjects(relay) == ["Turno"]
    with later(minutes=2):
        deliver_mail(office)
    assert subjects(relay) == ["Turno", "Acuse", "Respuesta", "Resuelto"]


def test_a_notice_we_cannot_make_is_kept_and_does_not_stop_the_others(
    office: Office, relay: Relay, ticket: Ticket
) -> None:
    with office.database.writing() as session:
        message = write_message(session, session.get_one(Ticket, ticket.id), text="Va el informe")
        session.add(Blob(sha256="0" * 64, size=10, content=None))
        session.flush()
        session.add(
            Attachment(message_id=message.id, filename="informe.pdf", content_type="application/pdf",
                       size=10, sha256="0" * 64)
        )  # fmt: skip
        broken = outbox.queue(session, office, kind="answer", to=[ANA], subject="Con archivo", text="Va",
                              message=session.get_one(Message, message.id),
                              from_addr="soporte@example.gob.mx").id  # fmt: skip
    queue_notice(office, subject="Otro")
    deliver_mail(office)
    row = get_notice(office, broken)
    assert row.status == OutboxStatus.RETRYING and "FileLost" in row.last_error
    assert subjects(relay) == ["Otro"]


def test_many_workers_deliver_each_notice_once(office: Office, relay: Relay) -> None:
    for number in range(40):
        queue_notice(office, subject=f"Aviso {number:02}")
    together = threading.Barrier(4)

    def work() -> None:
        together.wait()
        while deliver_mail(office, limit=5):
            pass

    workers = [threading.Thread(target=work) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert sorted(subjects(relay)) == [f"Aviso {number:02}" for number in range(40)]
    assert {row.status for row in notices(office)} == {OutboxStatus.SENT}


def test_a_row_of_a_dead_process_is_taken_again_after_its_lease(office: Office, relay: Relay) -> None:
    notice = queue_notice(office)
    with office.database.writing() as session:
        outbox._claim(session, "email")
    assert get_notice(office, notice).status == OutboxStatus.SENDING
    assert deliver_mail(office) == 0
    with later(minutes=outbox.LEASE.total_seconds() / 60 + 1):
        assert deliver_mail(office) == 1
    assert get_notice(office, notice).status == OutboxStatus.SENT


def test_a_clerk_sends_a_failed_notice_again(
    office: Office, relay: Relay, ticket: Ticket, town: Institution
) -> None:
    notice = queue_notice(office, case=ticket)
    relay.fail_next(reply="550 5.7.1 No")
    deliver_mail(office)
    with office.database.writing() as session:
        by = session.get_one(Account, town.accounts["worker"].id)
        outbox.retry(session, session.get_one(OutboxMessage, notice), by)
    assert deliver_mail(office) == 1
    assert get_notice(office, notice).status == OutboxStatus.SENT
    with office.database.reading() as session:
        assert session.scalars(select(Event).where(Event.action == "notice_retry")).one().account_id == by.id


def test_a_clerk_cancels_a_notice_that_waits_but_not_one_that_left(
    office: Office, relay: Relay, town: Institution
) -> None:
    first, second = queue_notice(office), queue_notice(office)
    with office.database.writing() as session:
        by = session.get_one(Account, town.accounts["worker"].id)
        outbox.cancel(session, session.get_one(OutboxMessage, first), by)
    assert deliver_mail(office) == 1
    assert get_notice(office, first).status == OutboxStatus.CANCELLED
    with office.database.reading() as session:
        left, by = session.get_one(OutboxMessage, second), session.get_one(Account, by.id)
        with pytest.raises(InvalidInput, match="ya no se puede cancelar"):
            outbox.cancel(session, left, by)
        with pytest.raises(InvalidInput, match="no hace falta"):
            outbox.retry(session, left, by)


def test_an_answer_to_any_notice_of_a_case_leads_to_the_case(office: Office, ticket: Ticket) -> None:
    notice = get_notice(office, queue_notice(office, case=ticket))
    with office.database.reading() as session:
        known = session.scalars(select(ThreadId).where(ThreadId.value == notice.rfc_message_id)).one()
        assert known.case_id == ticket.id and known.is_ours


LINK = {"institution": "San Marcos", "name": "Ana", "link": "https://example.gob.mx/x", "title": "Enlace"}


def queue_facts(office: Office, **facts: str) -> int:
    with office.database.writing() as session:
        return outbox.queue(session, office, kind="link", to=[ANA], subject="Enlace", from_addr=SUPPORT,
                            facts={**LINK, "language": "en", **facts}).id  # fmt: skip


def test_a_notice_gets_its_words_when_it_is_sent_and_keeps_them(
    office: Office, relay: Relay, monkeypatch: pytest.MonkeyPatch
) -> None:
    notice = queue_facts(office)
    relay.fail_next()
    deliver_mail(office)
    # As after an upgrade with other templates.
    monkeypatch.setattr(outbox, "render", lambda name, **facts: "Otras palabras")
    with later(minutes=2):
        deliver_mail(office)
    (mail,) = relay.received
    with office.database.reading() as session:
        row = session.get_one(OutboxMessage, notice)
        assert row.status == OutboxStatus.SENT and row.facts == {}
        assert "https://example.gob.mx/x" in row.text and '<html lang="en">' in row.html
    text = mail.message.get_body(("plain",))
    assert text is not None and text.get_content().splitlines() == row.text.splitlines()


def test_a_notice_whose_template_fails_waits_for_a_mended_one_and_stops_no_other(
    office: Office, relay: Relay
) -> None:
    with office.database.writing() as session:
        broken = outbox.queue(session, office, kind="link", to=[ANA], subject="Enlace", from_addr=SUPPORT,
                              facts={"language": "es", "title": "Enlace"}).id  # fmt: skip
    queue_notice(office, subject="Otro")
    deliver_mail(office)
    assert subjects(relay) == ["Otro"]
    with office.database.writing() as session:
        row = session.get_one(OutboxMessage, broken)
        assert row.status == OutboxStatus.RETRYING and "UndefinedError" in row.last_error
        row.facts = {**LINK, **row.facts}
    with later(minutes=2):
        deliver_mail(office)
    assert subjects(relay) == ["Otro", "Enlace"]


@pytest.mark.on_both
def test_facts_that_no_database_takes_are_repaired(office: Office, relay: Relay) -> None:
    queue_facts(office, name="A\udc80na\0")
    assert deliver_mail(office) == 1
    assert "A?na" in relay.received[0].message.as_string()


def test_a_surrogate_in_quoted_text_does_not_block_the_outbox(office: Office, relay: Relay) -> None:
    queue_notice(office, subject="Mal \udcf1 codificado\r\nBcc: x@y.example", text="a\udc80b\0")
    assert deliver_mail(office) == 1
    mail = relay.received[0].message
    assert mail["Subject"] == "Mal ? codificado Bcc: x@y.example" and mail["Bcc"] is None
