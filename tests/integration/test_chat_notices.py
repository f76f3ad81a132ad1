"""What is told in chat, to whom, with which buttons and files, and by which way, on both databases."""

from __future__ import annotations

import re

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from intake import cases, clock, turnos
from intake import notices as told_by_desk
from intake.chat import chat_files, chat_links, chat_notices
from intake.errors import InvalidInput
from intake.incoming import IncomingFile
from intake.office import Office
from intake.wording import speaking
from models.base import now
from models.chat import Chat, ChatKind, ChatTopic, LinkPurpose
from models.contact import Address, AddressKind
from models.event import Event
from models.message import Attachment
from models.outbox_message import OutboxMessage
from models.person import Account, Person
from tests.support.chats import ANA, BETO, add, ask, enter_chat, told
from tests.support.desk import arrive, as_sent, get_case, later, notices
from tests.support.institution import Institution
from tests.support.mails import make_mail

# How a notice reads is no question of the database; whom it reaches is proven on both.
pytestmark = pytest.mark.on_sqlite

MAIL, GROUP = "ana@correo.example", -70
PDF = (
    b"%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj 2 0 obj<</Type/Pages/Kids[]/Count 0>>endobj\n%%EOF"
)


def link_mail(office: Office, chat_id: int = ANA) -> None:
    enter_chat(office, chat_id)
    with office.database.writing() as session:
        chat = session.get_one(Chat, chat_id)
        chat_links.ask_email_link(session, office, chat, MAIL, "Bot")
        found = re.search(r"start=([\w-]+)", notices_in(session)[-1].text)
        assert found is not None
        link = chat_links.spend(session, found[1], LinkPurpose.CONTACT)
        assert link is not None
        chat_links.link_contact(session, office, chat, link)


def notices_in(session: Session) -> list[OutboxMessage]:
    return as_sent(session.scalars(select(OutboxMessage).order_by(OutboxMessage.id)))


def link_person(office: Office, account: Account, chat_id: int) -> None:
    enter_chat(office, chat_id, "En casa")
    with office.database.writing() as session:
        token = chat_links.person_token(session, session.get_one(Person, account.person_id))
        link = chat_links.spend(session, token, LinkPurpose.PERSON)
        assert link is not None
        chat_links.link_person(session, office, session.get_one(Chat, chat_id), link)


def bind_group(office: Office, town: Institution, *, is_forum: bool = False) -> None:
    enter_chat(office, GROUP, "Sistemas", kind=ChatKind.GROUP)
    with office.database.writing() as session:
        chat = session.get_one(Chat, GROUP)
        chat.dependencia_id, chat.is_forum = town.systems.id, is_forum


def answer(office: Office, town: Institution, case_id: int, text: str = "Listo.", *,
           then: str = "answer", files: list[IncomingFile] | None = None, channel: str = "",
           to: list[str] | None = None) -> None:  # fmt: skip
    with office.database.writing() as session:
        by = session.get_one(Account, town.accounts["worker"].id)
        cases.answer(session, office, get_case(session, case_id), by, text=text, to=to or [], then=then,
                     files=files or [], channel=channel)  # fmt: skip


def resolve(office: Office, town: Institution, case_id: int) -> OutboxMessage:
    with office.database.writing() as session:
        by = session.get_one(Account, town.accounts["worker"].id)
        case = get_case(session, case_id)
        if case.holder_id is None:
            cases.take(session, office, case, by)
        cases.resolve(session, office, get_case(session, case_id), by)
    return notices(office, "resolved")[-1]


# By which way.


@pytest.mark.on_both
def test_the_requester_is_told_by_the_way_they_used_last(office: Office, town: Institution) -> None:
    by_mail = arrive(office, make_mail(subject="Primero"))
    link_mail(office)
    assert resolve(office, town, by_mail).channel == "email"
    add(office, by_mail, "Falta algo", remote_ids=[5])
    assert resolve(office, town, by_mail).channel == "telegram"
    reply = make_mail(subject="Primero", text="Todavía falta.", headers=[("X-Otro", "1")])
    with office.database.reading() as session:
        folio = get_case(session, by_mail).folio
    arrive(office, reply.replace(b"Subject: Primero", f"Subject: Re: Primero {folio}".encode()))
    assert resolve(office, town, by_mail).to == [MAIL]


@pytest.mark.on_both
def test_when_the_chat_is_blocked_the_mail_that_we_know_is_used(office: Office, town: Institution) -> None:
    arrive(office, make_mail(subject="Otro asunto"))
    case_id = ask(office, service=town.support)
    link_mail(office)
    with office.database.writing() as session:
        session.scalars(select(Address).where(Address.kind == AddressKind.TELEGRAM)).one().failed_at = now()
    assert (resolve(office, town, case_id).channel, notices(office, "resolved")[-1].to) == ("email", [MAIL])
    with pytest.raises(InvalidInput, match="no tiene un chat"):
        answer(office, town, case_id, channel="telegram")


@pytest.mark.on_both
def test_without_any_way_nobody_is_told_and_the_clerk_reads_why(office: Office, town: Institution) -> None:
    case_id = ask(office, service=town.support)
    with office.database.writing() as session:
        session.scalars(select(Address)).one().failed_at = now()
        by = session.get_one(Account, town.accounts["worker"].id)
        cases.close(session, office, get_case(session, case_id), by)
    assert [notice.kind for notice in told(office)] == ["acuse"]
    with office.database.writing() as session:
        by = session.get_one(Account, town.accounts["worker"].id)
        cases.reopen(session, office, get_case(session, case_id), by)
    with pytest.raises(InvalidInput, match="destinatario"):
        answer(office, town, case_id)


def test_the_clerk_chooses_mail_for_a_case_that_began_in_chat(office: Office, town: Institution) -> None:
    arrive(office, make_mail(subject="Otro asunto"))
    case_id = ask(office, service=town.support)
    link_mail(office)
    answer(office, town, case_id, channel="email", to=[MAIL])
    assert (notices(office, "answer")[-1].channel, notices(office, "answer")[-1].to) == ("email", [MAIL])
    answer(office, town, case_id, channel="telegram", to=[MAIL])
    assert (notices(office, "answer")[-1].channel, notices(office, "answer")[-1].to) == (
        "telegram",
        [str(ANA)],
    )


# What it says and carries.


def test_what_people_write_cannot_break_the_markup(office: Office, town: Institution) -> None:
    case_id = ask(office, subject="<b>Agua & luz", text="</blockquote>", service=town.support)
    answer(office, town, case_id, "Use <code> & siga </b>")
    acuse, sent = told(office)
    assert "&lt;b&gt;Agua &amp; luz" in acuse.html
    assert "Use &lt;code&gt; &amp; siga &lt;/b&gt;" in sent.html
    assert "Use <code> & siga </b>" in sent.text, "The panel shows it as it is read."


@pytest.mark.on_both
def test_an_answer_replies_to_the_last_message_and_offers_to_close_when_it_resolves(
    office: Office, town: Institution
) -> None:
    case_id = ask(office, service=town.support)
    add(office, case_id, "¿ya?", remote_ids=[21, 22])
    answer(office, town, case_id, then="answer_and_wait")
    assert told(office)[-1].chat_options == {"reply_to": 22}
    assert "Esperamos su respuesta" in told(office)[-1].html
    answer(office, town, case_id, then="answer_and_resolve")
    buttons = told(office)[-1].chat_options["buttons"]
    assert [button["data"] for row in buttons for button in row] == [
        f"case:{case_id}:close", f"case:{case_id}:reopen",
    ]  # fmt: skip
    assert all(len(button["data"].encode()) <= 64 for row in buttons for button in row)


def test_files_go_along_and_what_is_too_large_goes_as_a_link(
    office: Office, town: Institution, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chat_notices, "MAX_FILE_BYTES", len(PDF))
    case_id = ask(office, service=town.support)
    plan = IncomingFile.of("plano.pdf", "application/pdf", PDF + b"\n" * 10)
    answer(office, town, case_id, files=[IncomingFile.of("recibo.pdf", "application/pdf", PDF), plan])
    sent = told(office)[-1]
    with office.database.reading() as session:
        assert [file.filename for file in chat_notices.files_of(session, sent)] == ["recibo.pdf"]
    assert re.search(r'<a href="http://[^"]+/bajar/[\w-]{43}">plano\.pdf</a>', sent.html)


def test_a_quarantined_file_is_never_sent(office: Office, town: Institution) -> None:
    case_id = ask(office, service=town.support)
    kept = chat_files.keep(office, "juego.exe", "", b"MZ" + bytes(100))
    with office.database.reading() as session:
        program = chat_files.incoming(session, office, kept)
    with pytest.raises(InvalidInput):
        answer(office, town, case_id, files=[program])
    answer(office, town, case_id, files=[IncomingFile.of("recibo.pdf", "application/pdf", PDF)])
    with office.database.writing() as session:
        session.scalars(select(Attachment)).one().danger = "malware: Eicar"
    with office.database.reading() as session:
        assert chat_notices.files_of(session, told(office)[-1]) == []


@pytest.mark.parametrize("code", ["es", "en"])
def test_every_state_is_told_in_the_language_of_the_requester(
    office: Office, town: Institution, code: str
) -> None:
    case_id = ask(office, service=town.support)
    with office.database.writing() as session:
        case = get_case(session, case_id)
        case.requester.language = code
        for kind in ("resolved", "concluded", "closed", "reopened", "cancelled"):
            notice = told_by_desk.write_state(session, office, case, kind, "Porque sí")
            assert notice is not None
            assert case.folio in notice.html and "Porque sí" in notice.html
            assert not re.search(r"chat_desk\.|mail\.|\{", notice.html), "A word is missing."
            assert ("solicitud" in notice.html or "documento" in notice.html) == (code == "es")


# The office's own people.


@pytest.mark.on_both
def test_who_gets_a_case_reads_it_by_mail_and_in_the_linked_chat(office: Office, town: Institution) -> None:
    link_person(office, town.accounts["worker"], BETO)
    case_id = ask(office, service=town.support)
    with office.database.writing() as session:
        head, worker = (session.get_one(Account, town.accounts[name].id) for name in ("head", "worker"))
        turnos.assign(session, office, get_case(session, case_id), head, dependencia=worker.dependencia,
                      account=worker, instruction="Hoy mismo")  # fmt: skip
    assert {notice.channel for notice in notices(office, "assigned")} == {"email", "telegram"}
    in_chat = told(office, BETO)[-1]
    assert "Hoy mismo" in in_chat.html and f"/admin/casos/{case_id}" in in_chat.html
    add(office, case_id, "¿A qué hora vienen?")
    assert told(office, BETO)[-1].kind == "follow_up"
    assert "¿A qué hora vienen?" in told(office, BETO)[-1].html
    assert [notice.channel for notice in notices(office, "follow_up")] == ["telegram"], (
        "No mail for each word."
    )


def test_a_missed_deadline_is_told_in_the_linked_chat(office: Office, town: Institution) -> None:
    link_person(office, town.accounts["worker"], BETO)
    case_id = ask(office, service=town.support)
    with office.database.writing() as session:
        case = get_case(session, case_id)
        cases.take(session, office, case, session.get_one(Account, town.accounts["worker"].id))
        case.due_at = now()
    with later(hours=1):
        clock.sweep(office, now())
    assert [notice.kind for notice in told(office, BETO)] == ["overdue"]


def test_who_left_or_blocked_the_bot_is_told_nothing_in_chat(office: Office, town: Institution) -> None:
    link_person(office, town.accounts["worker"], BETO)
    with office.database.writing() as session:
        session.get_one(Chat, BETO).blocked_at = now()
    case_id = ask(office, service=town.support)
    with office.database.writing() as session:
        case = get_case(session, case_id)
        cases.take(session, office, case, session.get_one(Account, town.accounts["worker"].id))
    add(office, case_id, "¿hola?")
    assert told(office, BETO) == []
    with office.database.writing() as session:
        session.get_one(Chat, BETO).blocked_at = None
        session.get_one(Person, town.accounts["worker"].person_id).is_active = False
    add(office, case_id, "¿hola?", remote_ids=[23])
    assert told(office, BETO) == []


@pytest.mark.on_both
def test_new_cases_and_follow_ups_appear_in_the_group_of_the_dependencia(
    office: Office, town: Institution
) -> None:
    bind_group(office, town)
    by_mail = arrive(office, make_mail(text="La impresora no enciende."))
    add_by_mail = ask(office, service=town.support)
    add(office, add_by_mail, "Sigue igual")
    kinds = [(notice.kind, notice.case_id) for notice in told(office, GROUP)]
    assert kinds == [("new_case", by_mail), ("new_case", add_by_mail), ("follow_up", add_by_mail)]
    assert "La impresora no enciende." in told(office, GROUP)[0].html
    assert "clave=" not in told(office, GROUP)[0].html, "The requester's own link opens the case to anybody."


@pytest.mark.on_both
def test_a_group_with_topics_gets_one_for_each_case(office: Office, town: Institution) -> None:
    bind_group(office, town, is_forum=True)
    case_id = ask(office, subject="No hay red " + "x" * 200, service=town.support)
    name = told(office, GROUP)[0].chat_options["new_topic"]
    assert len(name) <= 128 and name.startswith("T-")
    with office.database.writing() as session:
        session.add(ChatTopic(chat_id=GROUP, case_id=case_id, topic_id=44))
    add(office, case_id, "Sigue igual")
    assert told(office, GROUP)[1].chat_options["topic"] == 44


@pytest.mark.on_both
def test_a_case_handed_to_another_dependencia_appears_in_its_group(office: Office, town: Institution) -> None:
    bind_group(office, town)
    case_id = ask(office)
    assert told(office, GROUP) == []
    with office.database.writing() as session:
        by = session.get_one(Account, town.accounts["oficialia"].id)
        systems = session.get_one(Account, town.accounts["head"].id).dependencia
        turnos.assign(session, office, get_case(session, case_id), by, dependencia=systems)
    assert [notice.kind for notice in told(office, GROUP)] == ["new_case"]


def test_the_groups_of_others_hear_nothing(office: Office, town: Institution) -> None:
    enter_chat(office, -71, "Obras", kind=ChatKind.GROUP)
    with office.database.writing() as session:
        session.get_one(Chat, -71).dependencia_id = town.works.id
    add(office, ask(office, service=town.support), "¿ya?")
    assert told(office, -71) == []


def test_the_events_of_a_case_say_that_its_answer_went_to_telegram(office: Office, town: Institution) -> None:
    case_id = ask(office, service=town.support)
    answer(office, town, case_id)
    with office.database.reading() as session:
        event = session.scalars(select(Event).where(Event.case_id == case_id, Event.action == "answer")).one()
    assert event.data["to"] == ["telegram"]


def test_a_notice_of_no_case_says_only_what_it_is_told(office: Office, town: Institution) -> None:
    enter_chat(office)
    with office.database.writing() as session, speaking("es"):
        notice = chat_notices.tell(
            session, office, ANA, "flood", buttons=[[{"text": "Ayuda", "data": "help"}]],
            options={"reply_to": 3}, per_minute=60,
        )  # fmt: skip
    assert notice.case_id is None
    assert notice.chat_options == {"buttons": [[{"text": "Ayuda", "data": "help"}]], "reply_to": 3}
    assert notice.to == [str(ANA)]
