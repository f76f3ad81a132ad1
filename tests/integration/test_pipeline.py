"""A mail from the spool to its case, on SQLite and PostgreSQL: what becomes of it, and why."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from intake import cases, held, pipeline, spool
from intake.incoming import Authentication, IncomingMessage, Raw
from intake.office import Office
from intake.parsing import parse_email
from intake.pipeline import process_spooled
from intake.reading.inspection import Here
from intake.store import FileStore
from models.base import now
from models.case import Case, CaseLink, LinkKind, Priority
from models.contact import Address
from models.event import Event, find_broken_chain
from models.folio import last_number
from models.inbound_mail import InboundMail, InboundStatus, Outcome
from models.message import Direction, Message
from models.outbox_message import OutboxMessage, OutboxStatus
from models.person import Account
from models.routing_rule import RoutingRule
from models.ticket import Ticket
from models.turno import Turno
from tests.support.desk import as_sent
from tests.support.institution import Institution
from tests.support.mails import make_mail

SUPPORT = "soporte@example.gob.mx"
ANA = "Ana López <ana@correo.example>"
STRANGER = "Otro <otro@ajeno.example>"


def arrive(office: Office, *mails: bytes, to: str = SUPPORT) -> list[InboundMail]:
    """Store *mails* as a door does, process them, and give what became of each."""
    ids = [
        identifier
        for raw in mails
        for identifier in spool.store(
            office, [spool.Arrival("smtp", raw, envelope_from="someone@correo.example", envelope_to=(to,))]
        )
    ]
    process_spooled(office)
    with office.database.reading() as session:
        return [session.get_one(InboundMail, identifier) for identifier in ids]


def clerk(session: Session, town: Institution, role: str) -> Account:
    return session.get_one(Account, town.accounts[role].id)


def only_case(session: Session) -> Case:
    return session.scalars(select(Case)).one()


def acuse_of(session: Session, case_id: int | None) -> OutboxMessage:
    wanted = select(OutboxMessage).where(OutboxMessage.case_id == case_id, OutboxMessage.kind == "acuse")
    (acuse,) = as_sent(session.scalars(wanted))
    return acuse


def test_a_mail_becomes_a_ticket_with_folio_turno_and_acuse(office: Office, town: Institution) -> None:
    (mail,) = arrive(office, make_mail(files=[("recibo.pdf", "application/pdf", b"%PDF-1.4\n%%EOF\n")]))
    with office.database.reading() as session:
        ticket = session.scalars(select(Ticket)).one()
        assert mail.outcome == Outcome.TICKET and mail.case_id == ticket.id
        assert ticket.folio == f"T-{now().astimezone(office.settings.zone).year}-000001"
        assert ticket.requester.name == "Ana López"
        assert ticket.service_id == town.support.id and ticket.dependencia_id == town.systems.id
        message = session.scalars(select(Message)).one()
        assert [file.filename for file in message.attachments] == ["recibo.pdf"]
        assert session.scalars(select(Turno)).one().to_dependencia_id == town.systems.id
        acuse = acuse_of(session, ticket.id)
        assert acuse.to == ["ana@correo.example"] and ticket.folio in acuse.text
        assert ticket.folio in acuse.subject and acuse.in_reply_to == message.rfc_message_id


def test_a_rule_sends_the_mail_and_says_why(office: Office, town: Institution) -> None:
    with office.database.writing() as session:
        session.add(
            RoutingRule(
                position=3,
                name="Impresoras",
                conditions=[{"field": "words", "operator": "any_of", "value": "tóner, impresora"}],
                account_id=town.accounts["worker"].id,
                priority=Priority.HIGH,
                instruction="Revisar hoy",
            )
        )
    arrive(office, make_mail())
    with office.database.reading() as session:
        case = only_case(session)
        assert case.holder_id == town.accounts["worker"].id and case.state == "assigned"
        assert case.priority == Priority.HIGH
        assert "Impresoras" in case.routing_reason and "impresora" in case.routing_reason
        turno = session.scalars(select(Turno)).one()
        assert turno.instruction == "Revisar hoy" and turno.reason == case.routing_reason


def test_the_same_mail_twice_is_one_message(office: Office, town: Institution) -> None:
    raw = make_mail(message_id="<uno@correo.example>")
    _, second = arrive(office, raw, raw)
    with office.database.reading() as session:
        assert second.outcome == Outcome.DUPLICATE and second.case_id == only_case(session).id
        assert session.scalar(select(func.count(Message.id))) == 1
        assert session.scalar(select(func.count(OutboxMessage.id)).where(OutboxMessage.kind == "acuse")) == 1


def test_two_workers_with_two_copies_make_one_ticket(office: Office, town: Institution) -> None:
    raw = make_mail(message_id="<dos@correo.example>")
    ids = [
        spool.store(office, [spool.Arrival(door="smtp", raw=raw, envelope_to=(SUPPORT,))])[0]
        for _ in range(6)
    ]
    together = threading.Barrier(len(ids))

    def work(identifier: int) -> None:
        together.wait()
        pipeline.process_one(office, identifier)

    threads = [threading.Thread(target=work, args=(identifier,)) for identifier in ids]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with office.database.reading() as session:
        assert session.scalar(select(func.count(Case.id))) == 1
        assert session.scalar(select(func.count(Message.id))) == 1
        found = session.scalars(select(InboundMail.status)).all()
        assert set(found) == {InboundStatus.PROCESSED}
        assert last_number(session, "T", now().astimezone(office.settings.zone).year) == 1


def test_osticket_902_uvdesk_478_821_answering_the_acuse_is_a_follow_up(
    office: Office, town: Institution
) -> None:
    arrive(office, make_mail())
    with office.database.reading() as session:
        acuse = acuse_of(session, only_case(session).id)
    reply = make_mail(
        ANA, acuse.reply_to, f"Re: {acuse.subject}",
        "Es la HP del fondo.\n\nEl lunes, Soporte escribió:\n> Recibimos su solicitud\n",
        in_reply_to=f"<{acuse.rfc_message_id}>", references=[f"<{acuse.rfc_message_id}>"],
    )  # fmt: skip
    (mail,) = arrive(office, reply, to=acuse.reply_to)
    with office.database.reading() as session:
        case = only_case(session)
        assert mail.outcome == Outcome.FOLLOW_UP and case.folio in mail.reason
        last = session.scalars(select(Message).order_by(Message.id.desc())).first()
        assert last is not None and last.reply_text.strip() == "Es la HP del fondo."
        assert last.match_reason == mail.reason


def test_a_reply_only_to_the_signed_address_is_a_follow_up(office: Office, town: Institution) -> None:
    arrive(office, make_mail())
    with office.database.reading() as session:
        address = acuse_of(session, only_case(session).id).reply_to
    (mail,) = arrive(office, make_mail(ANA, address, "Otra cosa", "Sin referencias."), to=address.upper())
    assert mail.outcome == Outcome.FOLLOW_UP


def test_a_reply_from_a_stranger_is_held_for_a_clerk(office: Office, town: Institution) -> None:
    arrive(office, make_mail(message_id="<tres@correo.example>"))
    by_id = make_mail(
        STRANGER, SUPPORT, "Re: No enciende", "Yo también", references=["<tres@correo.example>"]
    )
    with office.database.reading() as session:
        case = only_case(session)
        address = acuse_of(session, case.id).reply_to
    (first,) = arrive(office, by_id)
    (second,) = arrive(office, make_mail(STRANGER, address, "Hola", "Yo también"), to=address)
    (third,) = arrive(office, make_mail(STRANGER, SUPPORT, f"Sobre {case.folio}", "¿Cómo va?"))
    for mail in (first, second, third):
        assert mail.status == InboundStatus.HELD and mail.case_id == case.id
        assert case.folio in mail.reason and "otro@ajeno.example" in mail.reason
    with office.database.reading() as session:
        assert session.scalar(select(func.count(Message.id))) == 1


def test_brimir_397_freeitsm_120_a_requester_who_answers_its_own_mail_opens_no_second_ticket(
    office: Office, town: Institution
) -> None:
    arrive(office, make_mail(message_id="<a@correo.example>"))
    arrive(office, make_mail(subject="Re: No enciende", message_id="<b@correo.example>",
                             references=["<a@correo.example>"]))  # fmt: skip
    arrive(office, make_mail(subject="Re: No enciende", in_reply_to="<b@correo.example>"))
    with office.database.reading() as session:
        assert session.scalar(select(func.count(Case.id))) == 1
        assert session.scalar(select(func.count(Message.id))) == 3


def test_zammad_5716_replies_that_share_only_an_ancestor_we_never_received_join(
    office: Office, town: Institution
) -> None:
    ancestor = "<nunca@correo.example>"
    arrive(office, make_mail(subject="Re: Cableado", references=[ancestor]))
    (mail,) = arrive(office, make_mail(subject="Re: Cableado", text="Otra más", in_reply_to=ancestor))
    assert mail.outcome == Outcome.FOLLOW_UP
    # Somebody else of the same discussion knows nothing of our case: a case of its own.
    (other,) = arrive(office, make_mail(STRANGER, subject="Re: Cableado", in_reply_to=ancestor))
    assert other.outcome == Outcome.TICKET


def test_osticket_1048_a_client_without_references_is_matched_by_folio_or_proposed(
    office: Office, town: Institution
) -> None:
    arrive(office, make_mail(subject="Fuga de agua"))
    with office.database.reading() as session:
        first = only_case(session)
    (with_folio,) = arrive(office, make_mail(subject=f"re: {first.folio.lower()}", text="Sigue la fuga"))
    assert with_folio.outcome == Outcome.FOLLOW_UP
    (without,) = arrive(office, make_mail(subject="RV: Re: fuga de AGUA", text="Sigue la fuga"))
    assert without.outcome == Outcome.TICKET
    with office.database.reading() as session:
        link = session.scalars(select(CaseLink)).one()
        assert (link.case_id, link.other_id, link.kind) == (without.case_id, first.id, LinkKind.RELATED)


def test_zammad_799_the_reason_of_a_match_is_written_on_the_message(
    office: Office, town: Institution
) -> None:
    arrive(office, make_mail(message_id="<c@correo.example>"))
    arrive(office, make_mail(in_reply_to="<c@correo.example>"))
    with office.database.reading() as session:
        reasons = session.scalars(select(Message.match_reason).order_by(Message.id)).all()
    assert "nuevo" in reasons[0] and "Responde a un correo" in reasons[1]


def test_a_follow_up_reopens_and_after_thirty_days_opens_a_linked_ticket(
    office: Office, town: Institution
) -> None:
    arrive(office, make_mail(message_id="<d@correo.example>"))
    with office.database.writing() as session:
        case = only_case(session)
        cases.close(session, office, case, clerk(session, town, "oficialia"))
    arrive(office, make_mail(in_reply_to="<d@correo.example>", text="Volvió a fallar"))
    with office.database.writing() as session:
        case = only_case(session)
        assert case.state == "in_progress" and case.is_open and case.closed_at is None
        cases.close(session, office, case, clerk(session, town, "oficialia"))
        case.closed_at = now() - timedelta(days=31)
    (late,) = arrive(office, make_mail(in_reply_to="<d@correo.example>", text="Otra vez, meses después"))
    with office.database.reading() as session:
        link = session.scalars(select(CaseLink)).one()
        assert late.outcome == Outcome.TICKET and link.kind == LinkKind.CONTINUES
        assert (link.case_id, link.other_id) == (late.case_id, case.id)


def test_an_automatic_reply_is_filed_and_never_answered(office: Office, town: Institution) -> None:
    arrive(office, make_mail(message_id="<e@correo.example>"))
    away = make_mail(
        subject="Respuesta automática: fuera",
        text="Vuelvo el lunes",
        in_reply_to="<e@correo.example>",
        headers=[("Auto-Submitted", "auto-replied")],
    )
    (mail,) = arrive(office, away)
    with office.database.reading() as session:
        case = only_case(session)
        assert mail.outcome == Outcome.AUTO_REPLY and mail.case_id == case.id and case.state == "new"
        assert session.scalar(select(Message.robot).order_by(Message.id.desc())) == "auto_reply"
        assert session.scalar(select(func.count(OutboxMessage.id)).where(OutboxMessage.kind == "acuse")) == 1


def test_a_mail_with_a_null_reverse_path_gets_no_acuse(office: Office, town: Institution) -> None:
    spool.store(
        office, [spool.Arrival(door="smtp", raw=make_mail(), envelope_to=(SUPPORT,), envelope_from="")]
    )
    process_spooled(office)
    with office.database.reading() as session:
        assert only_case(session).folio
        assert session.scalar(select(func.count(OutboxMessage.id)).where(OutboxMessage.kind == "acuse")) == 0


BOUNCE = """\
From: MAILER-DAEMON@correo.example
To: {to}
Subject: Undelivered Mail Returned to Sender
Message-ID: <bounce@correo.example>
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="X"

--X
Content-Type: text/plain

The mail could not be delivered.
--X
Content-Type: message/delivery-status

Reporting-MTA: dns; correo.example

Final-Recipient: rfc822; ana@correo.example
Action: failed
Status: 5.1.1
Diagnostic-Code: smtp; 550 5.1.1 no such user
--X
Content-Type: text/rfc822-headers

Message-ID: <{id}>
--X--
"""


def test_a_bounce_is_tied_to_the_notice_it_is_about(office: Office, town: Institution) -> None:
    arrive(office, make_mail())
    with office.database.reading() as session:
        acuse = acuse_of(session, only_case(session).id)
    (mail,) = arrive(office, BOUNCE.format(to=SUPPORT, id=acuse.rfc_message_id).encode())
    with office.database.reading() as session:
        assert mail.outcome == Outcome.BOUNCE and mail.case_id == acuse.case_id
        assert session.get_one(OutboxMessage, acuse.id).status == OutboxStatus.BOUNCED
        address = session.scalars(select(Address).where(Address.value == "ana@correo.example")).one()
        assert address.failed_at is not None and "no such user" in address.failure


def test_our_own_mail_coming_back_opens_nothing(office: Office, town: Institution) -> None:
    arrive(office, make_mail())
    with office.database.reading() as session:
        acuse = acuse_of(session, only_case(session).id)
    (mail,) = arrive(office, make_mail(message_id=f"<{acuse.rfc_message_id}>"))
    (own,) = arrive(office, make_mail(f"Soporte <{SUPPORT}>"))
    assert mail.outcome == Outcome.LOOP and own.outcome == Outcome.LOOP
    with office.database.reading() as session:
        assert session.scalar(select(func.count(Case.id))) == 1


def test_zammad_4641_a_mail_that_breaks_us_is_failed_with_its_traceback_and_can_be_retried(
    office: Office, town: Institution
) -> None:
    (identifier,) = spool.store(office, [spool.Arrival(door="smtp", raw=make_mail(), envelope_to=(SUPPORT,))])

    class Broken(Here):
        def parse(self, raw: Raw) -> IncomingMessage:
            raise ZeroDivisionError("a fault of ours")

    process_spooled(office, reader=Broken())
    with office.database.writing() as session:
        mail = session.get_one(InboundMail, identifier)
        assert mail.status == InboundStatus.FAILED and "a fault of ours" in mail.error
        assert session.scalar(select(func.count(Case.id))) == 0
        held.retry(session, office, mail, clerk(session, town, "oficialia"))
    process_spooled(office)
    with office.database.reading() as session:
        assert session.get_one(InboundMail, identifier).status == InboundStatus.PROCESSED
        assert only_case(session).folio.endswith("000001")


def test_freescout_3654_a_mail_whose_bytes_are_lost_or_out_of_reach_holds_up_no_other(
    office: Office, town: Institution
) -> None:
    large = make_mail(files=[("plano.pdf", "application/pdf", b"%PDF-1.4\n" + b"x" * 400_000)])
    small = make_mail(subject="La que sigue")
    ids = spool.store(
        office, [spool.Arrival("smtp", raw, "a@correo.example", (SUPPORT,)) for raw in (large, large, small)]
    )
    with office.database.reading() as session:
        lost = session.get_one(InboundMail, ids[0])
    assert isinstance(office.store, FileStore)
    office.store.path(lost.raw_sha256).unlink()
    process_spooled(office)
    with office.database.reading() as session:
        mails = [session.get_one(InboundMail, identifier) for identifier in ids]
        assert [mail.status for mail in mails] == ["failed", "failed", "processed"]
        assert "respaldo" in mails[0].reason


def test_case_folio_turno_and_acuse_exist_together_or_not_at_all(office: Office, town: Institution) -> None:
    incoming = parse_email(make_mail())
    with office.database.writer() as session:
        inbound = InboundMail(door="smtp", size=1, raw_sha256="0" * 64, envelope_to=SUPPORT)
        session.add(inbound)
        session.flush()
        pipeline.accept(session, office, incoming, inbound)
        session.flush()
        assert only_case(session).folio
        session.rollback()
    with office.database.reading() as session:
        for table in (Case, Message, Turno, OutboxMessage, Event):
            assert session.scalar(select(func.count(table.id))) == 0
        assert last_number(session, "T", now().astimezone(office.settings.zone).year) == 0


def test_a_clerk_attaches_a_held_mail_and_its_sender_takes_part(office: Office, town: Institution) -> None:
    arrive(office, make_mail(message_id="<f@correo.example>"))
    (mail,) = arrive(office, make_mail(STRANGER, in_reply_to="<f@correo.example>", text="Soy su vecino"))
    with office.database.writing() as session:
        case = only_case(session)
        inbound = session.get_one(InboundMail, mail.id)
        held.attach(session, office, inbound, clerk(session, town, "oficialia"), case=case)
    (again,) = arrive(office, make_mail(STRANGER, in_reply_to="<f@correo.example>", text="Otra vez yo"))
    assert again.outcome == Outcome.FOLLOW_UP and again.case_id == mail.case_id


@pytest.mark.parametrize("confirmed", ["example.gob.mx", ""])
def test_somebody_of_the_office_who_answers_by_mail_writes_a_note(
    office: Office, town: Institution, confirmed: str
) -> None:
    """In the name of the account only when the domain confirms the mail; else as what it says."""
    arrive(office, make_mail(message_id="<g@correo.example>"))
    with office.database.reading() as session:
        worker = clerk(session, town, "worker")
    reply = make_mail(f"Tomás <{worker.person.email}>", in_reply_to="<g@correo.example>", text="Ya voy")

    def read(raw: bytes) -> IncomingMessage:
        return replace(parse_email(raw), authentication=Authentication(domain=confirmed))

    (identifier,) = spool.store(office, [spool.Arrival("ingest", reply, "", (SUPPORT,))])
    with office.database.writing() as session:
        verdict = pipeline.accept(session, office, read(reply), session.get_one(InboundMail, identifier))
        assert verdict.message is not None
        number = verdict.message.id
    with office.database.reading() as session:
        message = session.get_one(Message, number)
        assert message.direction == Direction.NOTE
        assert message.author_id == (worker.id if confirmed else None)
        events = session.scalars(select(Event).where(Event.action == "note")).one()
        assert events.account_id == message.author_id


def test_a_follow_up_to_a_case_whose_holder_has_left_waits_in_the_tray(
    office: Office, town: Institution
) -> None:
    arrive(office, make_mail(message_id="<k@correo.example>"))
    with office.database.writing() as session:
        case, worker = only_case(session), clerk(session, town, "worker")
        cases.take(session, office, case, worker)
        cases.resolve(session, office, case, worker)
        worker.is_active = False
    arrive(office, make_mail(in_reply_to="<k@correo.example>", text="Volvió a fallar"))
    with office.database.reading() as session:
        case = only_case(session)
        assert case.is_open and case.holder_id is None and case.dependencia_id == town.systems.id


def test_freeitsm_120_the_answer_goes_to_the_requester_not_to_whoever_wrote_last(
    office: Office, town: Institution
) -> None:
    first = make_mail(message_id="<h@correo.example>", headers=[("Cc", "Beto <beto@correo.example>")])
    arrive(office, first)
    arrive(office, make_mail("Beto <beto@correo.example>", in_reply_to="<h@correo.example>", text="Urge"))
    with office.database.reading() as session:
        to, cc = cases.default_recipients(session, only_case(session))
    assert to == ["ana@correo.example"] and cc == ["beto@correo.example"]


def test_one_mail_to_two_of_our_addresses_is_one_case(office: Office, town: Institution) -> None:
    from models.mailbox import Mailbox

    with office.database.writing() as session:
        session.add(Mailbox(address="obras@example.gob.mx", name="Obras", dependencia_id=town.works.id))
    raw = make_mail(to=f"{SUPPORT}, obras@example.gob.mx", message_id="<i@correo.example>")
    arrive(office, raw)
    (second,) = arrive(office, raw, to="obras@example.gob.mx")
    with office.database.reading() as session:
        case = only_case(session)
        assert second.outcome == Outcome.DUPLICATE and case.dependencia_id == town.systems.id
        copies = session.scalars(select(Turno).where(Turno.kind == "information")).all()
        assert [turno.to_dependencia_id for turno in copies] == [town.works.id]


def test_the_history_of_a_case_is_chained_and_shows_what_was_altered(
    office: Office, town: Institution
) -> None:
    arrive(office, make_mail(message_id="<j@correo.example>"))
    arrive(office, make_mail(in_reply_to="<j@correo.example>"))

    def fault(session: Session) -> str | None:
        case = only_case(session)
        events = session.scalars(select(Event).where(Event.case_id == case.id).order_by(Event.sequence))
        return find_broken_chain(events, count=case.event_count, head=case.event_head)

    with office.database.writing() as session:
        assert fault(session) is None
        event = session.scalars(select(Event).where(Event.sequence == 2)).one()
        event.action = "nothing_happened"
    with office.database.writing() as session:
        assert fault(session) == "altered:2"
        session.delete(session.scalars(select(Event).where(Event.sequence == 2)).one())
    with office.database.reading() as session:
        assert fault(session) == "missing:2"
