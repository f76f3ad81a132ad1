"""What a stranger, two clerks at once, and an account that may not, cannot do to a case."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from intake import batches, cases, held, merging, pipeline, spool, turnos
from intake.errors import DeskError, InvalidInput
from intake.mailer import make_mail as as_mail
from intake.office import Office
from intake.pipeline import process_spooled
from intake.reply_address import case_link
from models.case import Case
from models.inbound_mail import InboundMail, InboundStatus, Outcome
from models.message import Message
from models.outbox_message import OutboxMessage
from models.person import Account
from models.ticket import Ticket
from models.user import User
from models.workflow import NotAllowed
from tests.support.institution import Institution, found_institution
from tests.support.mails import make_mail
from tests.support.panel import PASSWORD, Clerk, _token, give_logins
from tests.support.waiting import wait_until

# Rights and addresses are no question of the database; what two do at once is proven on both.
pytestmark = pytest.mark.on_sqlite

SUPPORT = "soporte@example.gob.mx"
ANA = "Ana López <ana@correo.example>"
BETO = "Beto Ruiz <beto@correo.example>"
STRANGER = "Otro <otro@ajeno.example>"


@pytest.fixture
def town(office: Office) -> Institution:
    with office.database.writing() as session:
        institution = found_institution(session)
        give_logins(session, institution)
        return institution


def spooled(office: Office, raw: bytes, to: str = SUPPORT) -> int:
    arrival = spool.Arrival("smtp", raw, envelope_from="someone@correo.example", envelope_to=(to,))
    return spool.store(office, [arrival])[0]


def arrive(office: Office, raw: bytes, to: str = SUPPORT) -> InboundMail:
    identifier = spooled(office, raw, to)
    process_spooled(office)
    with office.database.reading() as session:
        return session.get_one(InboundMail, identifier)


def case_of(office: Office, raw: bytes) -> Case:
    mail = arrive(office, raw)
    with office.database.reading() as session:
        return session.get_one(Case, mail.case_id)


def clerk(session: Session, town: Institution, role: str) -> Account:
    return session.get_one(Account, town.accounts[role].id)


def merge(office: Office, town: Institution, case: Case, into: Case, role: str = "oficialia") -> None:
    with office.database.writing() as session:
        merging.merge(
            session, office, session.get_one(Case, case.id), clerk(session, town, role),
            into=session.get_one(Case, into.id),
        )  # fmt: skip


def count_messages(office: Office, case: Case) -> int:
    with office.database.reading() as session:
        wanted = select(func.count(Message.id)).where(Message.case_id == case.id)
        return session.scalar(wanted) or 0


@contextmanager
def meanwhile(office: Office, second: Callable[[], object]) -> Iterator[Session]:
    """A transaction that commits while *second* runs: on PostgreSQL that one waits for a row of it."""
    errors: list[BaseException] = []

    def run() -> None:
        try:
            second()
        except (DeskError, NotAllowed):
            # A no is an answer.
            pass
        except BaseException as error:
            errors.append(error)

    thread = threading.Thread(target=run)
    with office.database.writing() as session:
        yield session
        session.flush()
        thread.start()
        if not office.database.is_sqlite:
            wait_until(lambda: _somebody_waits(office))
    thread.join()
    assert not errors, errors


def _somebody_waits(office: Office) -> bool:
    with office.database.reading() as session:
        waiting = text(
            "SELECT count(*) FROM pg_locks JOIN pg_stat_activity USING (pid)"
            " WHERE NOT granted AND datname = current_database()"
        )
        return bool(session.scalar(waiting))


@pytest.mark.on_both
def test_a_strangers_automatic_mail_with_a_guessed_folio_gets_into_no_case(
    office: Office, town: Institution
) -> None:
    case = case_of(office, make_mail(ANA))
    forged = make_mail(STRANGER, subject=f"Re: {case.folio}", headers=[("Auto-Submitted", "auto-replied")])
    mail = arrive(office, forged)
    assert mail.outcome == Outcome.AUTO_REPLY and mail.case_id is None
    assert count_messages(office, case) == 1


def test_a_requesters_automatic_reply_is_shown_on_its_case(office: Office, town: Institution) -> None:
    case = case_of(office, make_mail(ANA))
    away = make_mail(ANA, subject=f"Re: {case.folio}", headers=[("Auto-Submitted", "auto-replied")])
    assert arrive(office, away).case_id == case.id


def test_what_bounces_after_a_merge_shows_where_the_matter_goes_on(office: Office, town: Institution) -> None:
    first, second = case_of(office, make_mail(ANA)), case_of(office, make_mail(BETO, subject="Otra cosa"))
    with office.database.reading() as session:
        acuse = session.scalars(select(OutboxMessage).where(OutboxMessage.case_id == first.id)).first()
        assert acuse is not None
    merge(office, town, first, second)
    away = make_mail(ANA, subject="Fuera de la oficina", in_reply_to=f"<{acuse.rfc_message_id}>",
                     headers=[("Auto-Submitted", "auto-replied")])  # fmt: skip
    assert arrive(office, away).case_id == second.id


@pytest.mark.on_both
def test_two_clerks_cannot_merge_two_cases_into_each_other(office: Office, town: Institution) -> None:
    first, second = case_of(office, make_mail(ANA)), case_of(office, make_mail(BETO, subject="Otra cosa"))
    with meanwhile(office, lambda: merge(office, town, second, first, "head")) as session:
        merging.merge(
            session, office, session.get_one(Case, first.id), clerk(session, town, "oficialia"),
            into=session.get_one(Case, second.id),
        )  # fmt: skip
    with office.database.reading() as session:
        assert session.get_one(Case, second.id).merged_into_id is None
    assert count_messages(office, second) == 2


@pytest.mark.on_both
def test_a_follow_up_during_a_merge_follows_the_thread(office: Office, town: Institution) -> None:
    first, second = case_of(office, make_mail(ANA)), case_of(office, make_mail(BETO, subject="Otra cosa"))
    number = spooled(office, make_mail(ANA, subject=f"Re: {first.folio}"))
    with meanwhile(office, lambda: pipeline.process_one(office, number)) as session:
        merging.merge(
            session, office, session.get_one(Case, first.id), clerk(session, town, "oficialia"),
            into=session.get_one(Case, second.id),
        )  # fmt: skip
    with office.database.reading() as session:
        mail = session.get_one(InboundMail, number)
        assert (mail.status, mail.case_id) == (InboundStatus.PROCESSED, second.id), mail.reason


@pytest.mark.on_both
def test_a_follow_up_while_the_case_is_cancelled_opens_a_new_one(office: Office, town: Institution) -> None:
    case = case_of(office, make_mail(ANA))
    number = spooled(office, make_mail(ANA, subject=f"Re: {case.folio}"))
    with meanwhile(office, lambda: pipeline.process_one(office, number)) as session:
        by = clerk(session, town, "oficialia")
        cases.cancel(session, office, session.get_one(Case, case.id), by, reason="Duplicado")
    with office.database.reading() as session:
        mail = session.get_one(InboundMail, number)
        assert mail.outcome == Outcome.TICKET and mail.case_id != case.id


@pytest.mark.on_both
def test_two_clerks_cannot_split_the_same_message_twice(office: Office, town: Institution) -> None:
    case = case_of(office, make_mail(ANA))
    arrive(office, make_mail(ANA, subject=f"Re: {case.folio}"))
    with office.database.reading() as session:
        message = session.scalars(select(Message.id).order_by(Message.id.desc())).first()

    def split(session: Session) -> None:
        merging.split(session, office, session.get_one(Case, case.id), clerk(session, town, "oficialia"),
                      message=session.get_one(Message, message))  # fmt: skip

    def second() -> None:
        with office.database.writing() as session:
            split(session)

    with meanwhile(office, second) as session:
        split(session)
    with office.database.reading() as session:
        assert session.scalar(select(func.count(Ticket.id))) == 2


@pytest.mark.on_both
def test_a_mail_that_was_decided_meanwhile_does_not_become_failed(office: Office, town: Institution) -> None:
    mail = arrive(office, make_mail(ANA))
    batches.fail(office, mail.id, RuntimeError("too late"))
    with office.database.reading() as session:
        assert session.get_one(InboundMail, mail.id).status == InboundStatus.PROCESSED


def test_who_only_reads_a_case_cannot_merge_another_into_it(office: Office, town: Institution) -> None:
    foreign, own = case_of(office, make_mail(ANA)), case_of(office, make_mail(BETO, subject="Otra cosa"))
    with office.database.writing() as session:
        by = clerk(session, town, "oficialia")
        works = session.merge(town.works, load=False)
        turnos.copy(session, office, session.get_one(Case, foreign.id), by, dependencia=works)
        turnos.assign(session, office, session.get_one(Case, own.id), by, dependencia=works)
    with pytest.raises((InvalidInput, NotAllowed)):
        merge(office, town, own, foreign, "other")


def test_nothing_is_merged_into_a_cancelled_case(office: Office, town: Institution) -> None:
    ended, case = case_of(office, make_mail(ANA)), case_of(office, make_mail(BETO, subject="Otra cosa"))
    with office.database.writing() as session:
        by = clerk(session, town, "oficialia")
        cases.cancel(session, office, session.get_one(Case, ended.id), by, reason="Duplicado")
    with pytest.raises((InvalidInput, NotAllowed)):
        merge(office, town, case, ended)


@pytest.mark.on_both
def test_an_answer_to_a_case_just_cancelled_comes_back_with_its_text(
    office: Office, town: Institution
) -> None:
    case = case_of(office, make_mail(ANA))
    writer = Clerk(office, town.accounts["head"])
    with office.database.writing() as session:
        by = clerk(session, town, "oficialia")
        cases.cancel(session, office, session.get_one(Case, case.id), by, reason="Duplicado")
    page = writer.post(f"/admin/escribir/{case.id}/responder", text="Media hora de trabajo",
                       to="ana@correo.example", last_message_id=10**9)  # fmt: skip
    assert page.status_code == 422 and "Media hora de trabajo" in page.text


@pytest.mark.on_both
def test_the_link_of_a_case_merged_twice_shows_where_it_stands(office: Office, town: Institution) -> None:
    one, two, three = (
        case_of(office, make_mail(sender, subject=subject))
        for sender, subject in ((ANA, "Una cosa"), (BETO, "Otra cosa"), (STRANGER, "La tercera"))
    )
    merge(office, town, one, two)
    merge(office, town, two, three)
    with office.database.writing() as session:
        by = clerk(session, town, "oficialia")
        cases.answer(session, office, session.get_one(Case, three.id), by, text="Ya quedó resuelto",
                     to=["otro@ajeno.example"])  # fmt: skip
    link = case_link(office, one.folio).removeprefix(office.settings.base_url.rstrip("/"))
    assert "Ya quedó resuelto" in Clerk(office, None).get(link).text


@pytest.mark.parametrize("who", ["an administrator", "somebody who left"])
def test_no_case_is_handed_to(office: Office, town: Institution, who: str) -> None:
    case = case_of(office, make_mail(ANA))
    with office.database.writing() as session:
        receiver = clerk(session, town, "admin" if who == "an administrator" else "worker")
        if who == "somebody who left":
            receiver.person.is_active = False
        with pytest.raises(InvalidInput):
            turnos.assign(session, office, session.get_one(Case, case.id), clerk(session, town, "oficialia"),
                          dependencia=receiver.dependencia, account=receiver)  # fmt: skip


@pytest.mark.parametrize(
    "address",
    ["a@b.example\r\nBcc: x@y.example", "a b@c.example", "a@b.example>, <x@y.example", "@c.example", "a@",
     "a@b@c.example", 'a"b@c.example', "a@c .example", "a@c.example\0", "a,b@c.example", "ñandú\ud800@c.mx"],
)  # fmt: skip
def test_an_answer_goes_to_addresses_only(office: Office, town: Institution, address: str) -> None:

    case = case_of(office, make_mail(ANA))
    with office.database.writing() as session:
        by = clerk(session, town, "oficialia")
        try:
            cases.answer(session, office, session.get_one(Case, case.id), by, text="Hola", to=[address])
        except InvalidInput:
            session.rollback()
            return
    with office.database.reading() as session:
        notice = session.scalars(select(OutboxMessage).where(OutboxMessage.kind == "answer")).one()
        raw = as_mail(office, notice).as_bytes()
        assert b"Bcc" not in raw and raw.count(b"@") and len(notice.to) == 1
        assert b"y.example" not in raw, notice.to


@pytest.mark.parametrize(
    "target", ["https://evil.example/", "//evil.example/", "/\\evil.example/",
               "\\/\\/evil.example", "/%09/evil.example",
               "/\t/evil.example", "https:evil.example"]
)  # fmt: skip
def test_logging_in_leads_to_no_other_site(office: Office, town: Institution, target: str) -> None:

    visitor = Clerk(office, None)
    token = _token(visitor.client.get("/entrar").text)
    answer = visitor.client.post(
        "/entrar", query_string={"next": target},
        data={"identity": "jaime@example.gob.mx", "password": PASSWORD, "csrf_token": token, "next": target},
    )  # fmt: skip
    location = answer.headers.get("Location", "")
    assert not urlsplit(location.replace("\\", "/").replace("\t", "")).netloc, location


@pytest.mark.on_both
@pytest.mark.parametrize("what", ["account", "person", "login"])
def test_who_was_deactivated_is_outside_at_once(office: Office, town: Institution, what: str) -> None:

    case = case_of(office, make_mail(ANA))
    inside = Clerk(office, town.accounts["head"])
    assert inside.get(f"/admin/casos/{case.id}").status_code == 200
    with office.database.writing() as session:
        account = clerk(session, town, "head")
        if what == "account":
            account.is_active = False
        elif what == "person":
            account.person.is_active = False
        else:
            session.scalars(select(User).where(User.person_id == account.person_id)).one().active = False
    assert inside.get(f"/admin/casos/{case.id}").status_code in (302, 403)


@pytest.mark.on_both
def test_a_mail_held_twice_is_filed_once(office: Office, town: Institution) -> None:
    case = case_of(office, make_mail(ANA))
    raw = make_mail(STRANGER, subject=f"Re: {case.folio}")
    first, second = arrive(office, raw), arrive(office, raw)
    assert first.status == second.status == InboundStatus.HELD
    with office.database.writing() as session:
        by, target = clerk(session, town, "oficialia"), session.get_one(Case, case.id)
        held.attach(session, office, session.get_one(InboundMail, first.id), by, case=target)
    with office.database.writing() as session:
        by, target = clerk(session, town, "oficialia"), session.get_one(Case, case.id)
        with pytest.raises(DeskError):
            held.attach(session, office, session.get_one(InboundMail, second.id), by, case=target)
        held.retry(session, office, session.get_one(InboundMail, second.id), by)
    process_spooled(office)
    assert count_messages(office, case) == 2


@pytest.mark.on_both
def test_the_buttons_of_the_panel_work(office: Office, town: Institution) -> None:
    case = case_of(office, make_mail(ANA))
    inside = Clerk(office, town.accounts["worker"])
    for action in ("take", "resolve", "reopen"):
        assert inside.post(f"/admin/casos/{case.id}/hacer/{action}").status_code == 200
    fields = {"text": "Ya va", "to": "ana@correo.example", "last_message_id": 10**18}
    assert inside.post(f"/admin/escribir/{case.id}/responder", **fields).status_code == 200
    with office.database.reading() as session:
        assert session.get_one(Case, case.id).state == "in_progress"
        assert session.scalar(select(func.count(OutboxMessage.id)).where(OutboxMessage.kind == "answer")) == 1
