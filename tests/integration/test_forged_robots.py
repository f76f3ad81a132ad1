"""What somebody who knows ids and addresses of our mails cannot do with them."""

from __future__ import annotations

from datetime import timedelta
from email.utils import make_msgid

import pytest
from sqlalchemy import select

from intake import spool
from intake.office import Office
from intake.pipeline import process_spooled
from intake.reply_address import sign_bounce
from models.base import now
from models.case import Case
from models.contact import Address
from models.inbound_mail import InboundMail, Outcome
from models.outbox_message import OutboxMessage, OutboxStatus
from models.person import Account
from models.routing_rule import RoutingRule
from tests.support.institution import Institution
from tests.support.mails import make_mail

SUPPORT = "soporte@example.gob.mx"
ADDRESS = "ana@correo.example"
ANA = f"Ana López <{ADDRESS}>"
BETO = "beto@correo.example"


def arrive(office: Office, raw: bytes, to: str = SUPPORT) -> InboundMail:
    (number,) = spool.store(office, [spool.Arrival("smtp", raw, "someone@correo.example", (to,))])
    process_spooled(office)
    with office.database.reading() as session:
        return session.get_one(InboundMail, number)


def case_of(office: Office, raw: bytes) -> Case:
    mail = arrive(office, raw)
    with office.database.reading() as session:
        return session.get_one(Case, mail.case_id)


def notice_to(office: Office, address: str) -> OutboxMessage:
    with office.database.reading() as session:
        (found,) = [one for one in session.scalars(select(OutboxMessage)) if address in (*one.to, *one.cc)]
        return found


def bounce_of(notice: OutboxMessage, failed: str, sender: str = "MAILER-DAEMON@correo.example") -> bytes:
    return (
        f"From: {sender}\nTo: {SUPPORT}\nSubject: Undelivered Mail Returned to Sender\n"
        f"Message-ID: {make_msgid()}\nIn-Reply-To: <{notice.rfc_message_id}>\n"
        "Content-Type: multipart/report; report-type=delivery-status; boundary=X\n\n"
        "--X\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; correo.example\n\n"
        f"Final-Recipient: rfc822; {failed}\nAction: failed\nStatus: 5.1.1\n"
        f"--X\nContent-Type: text/rfc822-headers\n\nMessage-ID: <{notice.rfc_message_id}>\n--X--\n"
    ).encode()


def failed_addresses(office: Office) -> list[str]:
    with office.database.reading() as session:
        return list(session.scalars(select(Address.value).where(Address.failed_at.is_not(None))))


def test_a_bounce_that_cites_a_notice_silences_nobody_whom_it_was_not_sent_to(
    office: Office, town: Institution
) -> None:
    case_of(office, make_mail(BETO))
    case_of(office, make_mail(ANA))
    notice = notice_to(office, ADDRESS)
    mail = arrive(office, bounce_of(notice, BETO))
    assert mail.outcome == Outcome.BOUNCE and mail.case_id == notice.case_id
    assert failed_addresses(office) == []
    after = notice_to(office, ADDRESS)
    assert after.status != OutboxStatus.BOUNCED


def test_who_got_a_notice_cannot_call_another_recipient_of_it_dead(office: Office, town: Institution) -> None:
    case_of(office, make_mail(BETO))
    case_of(office, make_mail(ANA))
    with office.database.writing() as session:
        (notice,) = [one for one in session.scalars(select(OutboxMessage)) if ADDRESS in one.to]
        notice.cc = [BETO]
    arrive(office, bounce_of(notice, ADDRESS, sender=BETO))
    assert failed_addresses(office) == []
    arrive(office, bounce_of(notice, ADDRESS))
    assert failed_addresses(office) == [ADDRESS]


def test_a_bounce_of_a_notice_of_last_month_marks_nothing(office: Office, town: Institution) -> None:
    case_of(office, make_mail(ANA))
    with office.database.writing() as session:
        (notice,) = [one for one in session.scalars(select(OutboxMessage)) if ADDRESS in one.to]
        notice.created_at = now() - timedelta(days=30)
        notice.sent_at = notice.created_at
    arrive(office, bounce_of(notice, ADDRESS))
    assert failed_addresses(office) == []


def test_an_automatic_answer_to_the_address_of_bounces_is_no_bounce(
    office: Office, town: Institution
) -> None:
    case = case_of(office, make_mail(ANA))
    notice = notice_to(office, ADDRESS)
    away = make_mail(ANA, subject="Fuera de la oficina", headers=[("Auto-Submitted", "auto-replied")])
    mail = arrive(office, away, to=sign_bounce(office, SUPPORT, notice.rfc_message_id))
    assert mail.outcome == Outcome.AUTO_REPLY and mail.case_id == case.id
    after = notice_to(office, ADDRESS)
    assert after.status != OutboxStatus.BOUNCED and failed_addresses(office) == []


@pytest.mark.parametrize("first", ["victim", "thief"])
def test_a_third_party_who_knows_a_message_id_draws_no_reply_into_its_own_case(
    office: Office, town: Institution, first: str
) -> None:
    mails = {
        "victim": make_mail(ANA, message_id="<secreto@correo.example>"),
        "thief": make_mail(
            "Otro <otro@ajeno.example>",
            to=f"{SUPPORT}, {ADDRESS}",
            message_id="<secreto@correo.example>",
        ),
    }
    cases = {who: case_of(office, mails[who]) for who in sorted(mails, key=lambda who: who != first)}
    reply = make_mail(ANA, subject="Re: No enciende", in_reply_to="<secreto@correo.example>")
    mail = arrive(office, reply)
    assert mail.outcome == Outcome.FOLLOW_UP and mail.case_id == cases["victim"].id


def test_a_rule_gives_no_case_to_somebody_who_has_left(office: Office, town: Institution) -> None:
    with office.database.writing() as session:
        worker = session.get_one(Account, town.accounts["worker"].id)
        worker.person.is_active = False
        session.add(
            RoutingRule(
                position=1,
                name="Impresoras",
                conditions=[{"field": "words", "operator": "contains", "value": "impresora"}],
                account_id=worker.id,
                dependencia_id=worker.dependencia_id,
            )
        )
    case = case_of(office, make_mail(ANA))
    assert case.holder_id is None and case.dependencia_id == town.systems.id
