"""What a requester does in chat, from the spool to the case, on both databases."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
from sqlalchemy import func, select

from intake import cases, clock, contacts
from intake.chat import chat_files, chat_spool, chats
from intake.chat.chat_files import KeptFile
from intake.errors import DeskError, InvalidInput, Refused
from intake.merging import merge, split
from intake.office import Office
from models.base import now
from models.case import Case, CaseLink, LinkKind
from models.chat import Chat, ChatKind, ChatUpdate, MessageRevision, Rating, UpdateStatus
from models.contact import Contact
from models.event import Event, find_broken_chain
from models.message import Attachment, Direction, Message
from models.person import Account
from models.routing_rule import RoutingRule
from models.search import find_messages
from models.service import Service
from models.ticket import Ticket
from models.workflow import NotAllowed
from tests.support.chats import (
    ANA,
    BETO,
    add,
    ask,
    deliver,
    enter_chat,
    messages_of,
    own_cases,
    told,
    written,
)
from tests.support.desk import get_case, later, notices
from tests.support.institution import Institution

BOT = 99
JPEG = b"\xff\xd8\xff\xe0" + bytes(100_000)


def keep(office: Office, name: str = "foto.jpg", content: bytes = JPEG) -> KeptFile:
    return chat_files.keep(office, name, "image/jpeg", content)


def statuses(office: Office) -> list[UpdateStatus]:
    with office.database.reading() as session:
        return list(session.scalars(select(ChatUpdate.status).order_by(ChatUpdate.update_id)))


def assert_chain_is_whole(office: Office, case_id: int) -> None:
    with office.database.reading() as session:
        case = get_case(session, case_id)
        events = session.scalars(select(Event).where(Event.case_id == case_id).order_by(Event.sequence)).all()
        assert find_broken_chain(events, count=case.event_count, head=case.event_head) is None


# The spool.


def test_an_update_that_telegram_hands_out_twice_is_kept_once(office: Office) -> None:
    first, second = written(1, ANA, "hola"), written(2, ANA, "no hay agua")
    assert chat_spool.store(office, BOT, [first]) == 1
    assert chat_spool.store(office, BOT, [first, second]) == 1
    assert chat_spool.waiting(office, BOT) == {ANA: [first, second]}
    assert chat_spool.store(office, BOT + 1, [first]) == 1, "Another bot counts for itself."


def test_an_update_with_characters_that_no_database_takes_is_kept_without_them(office: Office) -> None:
    assert chat_spool.store(office, BOT, [written(1, ANA, "no hay\0 agua \ud83d")]) == 1
    assert chat_spool.waiting(office, BOT)[ANA][0]["message"]["text"] == "no hay agua ?"


def test_updates_wait_in_order_by_chat_whatever_they_are_about(office: Office) -> None:
    tap = {
        "update_id": 3,
        "callback_query": {"id": "1", "data": "send", "message": {"message_id": 4, "chat": {"id": BETO}}},
    }
    left = {"update_id": 4, "my_chat_member": {"chat": {"id": -50, "type": "group"}}}
    poll = {"update_id": 5, "poll": {"id": "9"}}
    chat_spool.store(office, BOT, [written(2, ANA, "dos"), written(1, ANA, "uno"), tap, left, poll])
    waiting = chat_spool.waiting(office, BOT)
    assert [body["update_id"] for body in waiting[ANA]] == [1, 2]
    assert {chat: len(bodies) for chat, bodies in waiting.items()} == {ANA: 2, BETO: 1, -50: 1, 0: 1}


def test_what_is_taken_and_settled_waits_no_more(office: Office, town: Institution) -> None:
    chat_spool.store(office, BOT, [written(1, ANA, "uno"), written(2, ANA, "dos")])
    with office.database.writing() as session:
        rows = chat_spool.take(session, BOT, [1])
        chat_spool.settle(rows)
    assert statuses(office) == [UpdateStatus.PROCESSED, UpdateStatus.RECEIVED]


def test_an_update_that_fails_keeps_its_traceback_and_can_be_retried(
    office: Office, town: Institution
) -> None:
    chat_spool.store(office, BOT, [written(1, ANA, "uno")])
    chat_spool.fail(office, BOT, [1], ValueError("algo se rompió"))
    with office.database.reading() as session:
        (row,) = chat_spool.stuck(session)
        assert "ValueError" in row.reason
        assert "algo se rompió" in (session.scalar(select(ChatUpdate.error)) or "")
    with office.database.writing() as session:
        worker = session.get_one(Account, town.accounts["worker"].id)
        with pytest.raises(InvalidInput):
            chat_spool.retry(session, BOT, 1, worker)
        chat_spool.retry(session, BOT, 1, session.get_one(Account, town.accounts["admin"].id))
    assert statuses(office) == [UpdateStatus.RECEIVED]


def test_a_flood_is_kept_but_not_attended_and_told_once(office: Office) -> None:
    limit = office.settings.telegram_updates_per_minute
    flood = [written(number, ANA, "¡contesten!") for number in range(1, limit + 11)]
    chat_spool.store(office, BOT, flood[:-5])
    chat_spool.store(office, BOT, [*flood[-5:], written(1000, BETO, "hola")])
    assert statuses(office).count(UpdateStatus.IGNORED) == 10
    assert [notice.kind for notice in told(office)] == ["flood"]
    assert len(chat_spool.waiting(office, BOT)[ANA]) == limit
    with later(minutes=2):
        chat_spool.store(office, BOT, [written(2000, ANA, "perdón")])
        assert len(chat_spool.waiting(office, BOT)[ANA]) == limit + 1


def test_what_piled_up_while_the_bot_was_away_is_no_flood(office: Office) -> None:
    yesterday = int((now() - timedelta(hours=9)).timestamp())
    backlog = [written(number, ANA, "hola", date=yesterday) for number in range(1, 150)]
    chat_spool.store(office, BOT, backlog)
    chat_spool.store(office, BOT, [written(500, ANA, "¿ya?", date=int(now().timestamp()))])
    assert len(chat_spool.waiting(office, BOT)[ANA]) == 150


def test_old_processed_updates_are_forgotten_and_failed_ones_are_not(office: Office) -> None:
    chat_spool.store(office, BOT, [written(number, ANA, "hola") for number in (1, 2, 3)])
    with office.database.writing() as session:
        chat_spool.settle(chat_spool.take(session, BOT, [1]))
    chat_spool.fail(office, BOT, [2], ValueError())
    with later(days=31):
        clock.sweep(office, now())
    assert statuses(office) == [UpdateStatus.FAILED, UpdateStatus.RECEIVED]


# Opening.


def test_a_request_in_chat_is_a_ticket_with_folio_turno_and_an_acuse_in_the_chat(
    office: Office, town: Institution
) -> None:
    case_id = ask(office, subject="No enciende", text="La impresora no enciende", service=town.support)
    with office.database.reading() as session:
        case = get_case(session, case_id)
        assert isinstance(case, Ticket)
        assert (case.channel, case.requester.name, case.folio) == ("telegram", "Ana Ruiz", case.folio)
        assert case.dependencia_id == town.systems.id
    (acuse,) = told(office)
    assert (acuse.kind, acuse.case_id) == ("acuse", case_id)
    assert f"<code>{case.folio}</code>" in acuse.html
    assert f"/caso/{case.folio}?clave=" in acuse.html


def test_an_acuse_in_chat_is_not_mailed_besides(office: Office, town: Institution) -> None:
    ask(office)
    assert [(notice.kind, notice.channel) for notice in notices(office)] == [("acuse", "telegram")]


def test_a_telegram_photo_without_text_opens_a_request(office: Office, town: Institution) -> None:
    """Zammad #774: a photo without text opened nothing."""
    case_id = ask(office, subject="", text="", files=[keep(office)])
    with office.database.reading() as session:
        file = session.scalars(select(Attachment)).one()
        case = get_case(session, case_id)
        assert case.subject and case.has_files
        assert (file.filename, file.content_type) == ("foto.jpg", "image/jpeg")


def test_a_telegram_photo_without_text_continues_a_request(office: Office, town: Institution) -> None:
    """Zammad #774, the other half."""
    case_id = ask(office)
    add(office, case_id, "", files=[keep(office)])
    assert [bool(message.reply_text) for message in messages_of(office, case_id)] == [True, False]


def test_the_same_words_twice_are_two_messages(office: Office, town: Institution) -> None:
    case_id = ask(office)
    for number in (21, 22):
        add(office, case_id, "¿ya?", remote_ids=[number])
    assert [message.reply_text for message in messages_of(office, case_id)][1:] == ["¿ya?", "¿ya?"]


def test_a_disguised_program_is_quarantined_like_by_mail(office: Office, town: Institution) -> None:
    kept = keep(office, "factura.pdf", b"MZ" + bytes(range(256)) * 40)
    ask(office, files=[kept])
    with office.database.reading() as session:
        file = session.scalars(select(Attachment)).one()
        assert file.danger
        assert "portable-executable" in file.content_type


def test_nothing_at_all_is_no_request(office: Office, town: Institution) -> None:
    enter_chat(office)
    with pytest.raises(InvalidInput), office.database.writing() as session:
        chats.open_request(session, office, session.get_one(Chat, ANA), service=None, subject=" ", text="")


def test_a_blocked_requester_opens_nothing_and_reads_why(office: Office, town: Institution) -> None:
    case_id = ask(office)
    with office.database.writing() as session:
        get_case(session, case_id).requester.blocked_at = now()
    with pytest.raises(Refused, match="oficialía de partes"):
        ask(office, text="otra vez")
    with pytest.raises(Refused):
        add(office, case_id, "otra vez")


def test_a_clerk_blocks_somebody_who_only_writes_by_chat(office: Office, town: Institution) -> None:
    case_id = ask(office, service=town.support)
    with office.database.writing() as session:
        by = session.get_one(Account, town.accounts["head"].id)
        contacts.block(session, office, get_case(session, case_id), by)
    with pytest.raises(Refused):
        add(office, case_id, "otra vez")
    with office.database.writing() as session:
        by = session.get_one(Account, town.accounts["head"].id)
        contacts.unblock(session, office, get_case(session, case_id), by)
    assert add(office, case_id, "perdón") == case_id


def test_the_clerk_is_warned_of_a_chat_with_the_name_of_somebody_of_the_office(
    office: Office, town: Institution
) -> None:
    case_id = ask(office, name="Lic. Jaime Torres")
    warning = messages_of(office, case_id)[0].authentication["warning"]
    assert "Jaime Torres" in warning and str(ANA) not in warning
    with office.database.writing() as session:
        session.get_one(Chat, ANA).person_id = town.accounts["head"].person_id
    add(office, case_id, "soy yo")
    assert "warning" not in messages_of(office, case_id)[1].authentication


def test_a_group_opens_no_request(office: Office, town: Institution) -> None:
    enter_chat(office, -5, "Sistemas", kind=ChatKind.GROUP)
    with pytest.raises(InvalidInput), office.database.writing() as session:
        chats.open_request(session, office, session.get_one(Chat, -5), service=None, subject="a", text="b")


# What a chat may know.


def test_a_chat_sees_only_its_own_cases(office: Office, town: Institution) -> None:
    ana, beto = ask(office), ask(office, BETO, name="Beto Díaz", remote_ids=[55])
    with office.database.writing() as session:
        of_ana, of_beto = get_case(session, ana), get_case(session, beto)
        chat = session.get_one(Chat, ANA)
        assert own_cases(office) == [of_ana.folio]
        assert chats.find_by_folio(session, chat, of_ana.folio.lower()) is of_ana
        assert chats.find_by_folio(session, chat, of_beto.folio) is None
        assert chats.find_by_folio(session, chat, "T-1999-000001") is None
        assert chats.case_of_message(session, ANA, 55) is None, "The same number in another chat."
        for verb in (chats.close, chats.reopen, chats.cancel):
            with pytest.raises(InvalidInput):
                verb(session, office, chat, of_beto)
        with pytest.raises(InvalidInput):
            chats.follow_up(session, office, chat, of_beto, text="yo también")
        with pytest.raises(InvalidInput):
            chats.complain(session, office, chat, of_beto, "muy mal")
        with pytest.raises(InvalidInput):
            chats.rate(session, office, chat, of_beto, 1)


def test_a_reply_to_any_message_of_the_bot_leads_to_its_case(office: Office, town: Institution) -> None:
    first, second = ask(office), ask(office, remote_ids=[11])
    deliver(office, told(office)[0], 30)
    deliver(office, told(office)[1], 31)
    with office.database.reading() as session:
        found = [chats.case_of_message(session, ANA, number) for number in (30, 31, 11, 99)]
    assert [case.id if case else None for case in found] == [first, second, second, None]


def test_a_message_that_was_split_off_leads_to_its_new_case(office: Office, town: Institution) -> None:
    case_id = ask(office, service=town.support)
    add(office, case_id, "además no hay internet", remote_ids=[21])
    with office.database.writing() as session:
        by = session.get_one(Account, town.accounts["head"].id)
        message = session.get_one(Message, messages_of(office, case_id)[1].id)
        ticket = split(session, office, get_case(session, case_id), by, message=message)
        new_id = ticket.id
        assert ticket.channel == "telegram"
    with office.database.reading() as session:
        case = chats.case_of_message(session, ANA, 21)
        assert case is not None and case.id == new_id


def test_answers_to_a_split_case_of_a_telegram_user_reach_the_chat(office: Office, town: Institution) -> None:
    """Zammad #1185: a case split from a chat could not answer there."""
    case_id = ask(office, service=town.support)
    add(office, case_id, "además no hay internet", remote_ids=[21])
    with office.database.writing() as session:
        by = session.get_one(Account, town.accounts["head"].id)
        message = session.get_one(Message, messages_of(office, case_id)[1].id)
        ticket = split(session, office, get_case(session, case_id), by, message=message)
        answer = cases.answer(session, office, ticket, by, text="Ya hay internet.", to=[])
        assert answer.channel == "telegram"
    assert told(office)[-1].kind == "answer"
    assert "Ya hay internet." in told(office)[-1].html


def test_a_case_merged_into_somebody_elses_is_not_shown_there(office: Office, town: Institution) -> None:
    ana = ask(office, service=town.support)
    beto = ask(office, BETO, name="Beto Díaz", service=town.support, remote_ids=[55])
    with office.database.writing() as session:
        by = session.get_one(Account, town.accounts["head"].id)
        merge(session, office, get_case(session, ana), by, into=get_case(session, beto))
        folio = get_case(session, ana).folio
    assert own_cases(office) == []
    with office.database.reading() as session:
        assert chats.find_by_folio(session, session.get_one(Chat, ANA), folio) is None
        assert chats.case_of_message(session, ANA, 10) is None


# Going on.


def test_a_follow_up_reopens_what_was_resolved(office: Office, town: Institution) -> None:
    case_id = ask(office, service=town.support)
    with office.database.writing() as session:
        by = session.get_one(Account, town.accounts["worker"].id)
        cases.answer(session, office, get_case(session, case_id), by, text="Listo", to=[],
                     then="answer_and_resolve")  # fmt: skip
    assert add(office, case_id, "sigue igual") == case_id
    with office.database.reading() as session:
        assert get_case(session, case_id).state == "in_progress"
    assert_chain_is_whole(office, case_id)


def test_a_follow_up_long_after_closing_opens_a_linked_ticket(office: Office, town: Institution) -> None:
    case_id = ask(office, service=town.support)
    with office.database.writing() as session:
        chats.close(session, office, session.get_one(Chat, ANA), get_case(session, case_id))
    with later(days=45):
        new_id = add(office, case_id, "otra vez lo mismo")
    assert new_id != case_id
    with office.database.reading() as session:
        link = session.scalars(select(CaseLink).where(CaseLink.case_id == new_id)).one()
        new = get_case(session, new_id)
        assert (link.kind, link.other_id) == (LinkKind.CONTINUES, case_id)
        assert isinstance(new, Ticket) and new.service_id == town.support.id


def test_an_edited_message_shows_the_new_text_and_keeps_the_old(office: Office, town: Institution) -> None:
    case_id = ask(office, text="No hay agua en la calle Juárez")
    with office.database.writing() as session:
        message = chats.revise(
            session, office, session.get_one(Chat, ANA), 10, "No hay agua en la calle Morelos"
        )
        assert message is not None
    assert messages_of(office, case_id)[0].reply_text == "No hay agua en la calle Morelos"
    with office.database.reading() as session:
        revision = session.scalars(select(MessageRevision)).one()
        assert revision.text == "No hay agua en la calle Juárez"
        assert find_messages(session, "morelos") == find_messages(session, "juárez") == [message.id]
        assert find_messages(session, "agua calle") == [message.id]
    assert_chain_is_whole(office, case_id)


def test_editing_one_of_several_messages_changes_only_its_part(office: Office, town: Institution) -> None:
    parts = ["No hay agua", "desde el lunes", "en Juárez 5"]
    updates = [written(number, ANA, text, number) for number, text in enumerate(parts, 1)]
    chat_spool.store(office, BOT, updates)
    case_id = ask(office, text="\n\n".join(parts), remote_ids=[1, 2, 3])
    with office.database.writing() as session:
        chat_spool.settle(chat_spool.take(session, BOT, [1, 2, 3]))
    for update_id, text in ((4, "desde el martes"), (5, "desde el miércoles")):
        edit = written(update_id, ANA, text, 2)
        chat_spool.store(office, BOT, [{"update_id": update_id, "edited_message": edit["message"]}])
        with office.database.writing() as session:
            chats.revise(session, office, session.get_one(Chat, ANA), 2, text)
            chat_spool.settle(chat_spool.take(session, BOT, [update_id]))
    assert messages_of(office, case_id)[0].reply_text == "No hay agua\n\ndesde el miércoles\n\nen Juárez 5"


def test_the_clerks_words_are_never_revised_from_outside(office: Office, town: Institution) -> None:
    case_id = ask(office, service=town.support)
    with office.database.writing() as session:
        by = session.get_one(Account, town.accounts["worker"].id)
        cases.answer(session, office, get_case(session, case_id), by, text="Vamos mañana", to=[])
    deliver(office, told(office)[-1], 40)
    with office.database.writing() as session:
        assert chats.revise(session, office, session.get_one(Chat, ANA), 40, "Vamos hoy") is None


# Ending.


def test_closing_asks_for_a_rating_of_one_to_five_and_words(office: Office, town: Institution) -> None:
    case_id = ask(office, service=town.support)
    with office.database.writing() as session:
        chat, case = session.get_one(Chat, ANA), get_case(session, case_id)
        with pytest.raises(InvalidInput):
            chats.rate(session, office, chat, case, 5)
        chats.close(session, office, chat, case)
        chats.rate(session, office, chat, case, 4)
        chats.rate(session, office, chat, case, 5, "Muy amables")
        with pytest.raises(InvalidInput):
            chats.rate(session, office, chat, case, 6)
    closed = told(office)[-1]
    assert closed.kind == "closed"
    assert [button["data"] for button in closed.chat_options["buttons"][0]] == [
        f"rate:{case_id}:{score}" for score in range(1, 6)
    ]
    with office.database.reading() as session:
        rating = session.scalars(select(Rating)).one()
        assert (rating.score, rating.words) == (5, "Muy amables")
    assert_chain_is_whole(office, case_id)


def test_the_requester_reopens_and_withdraws_in_chat(office: Office, town: Institution) -> None:
    case_id = ask(office, service=town.support)
    with office.database.writing() as session:
        chat, case = session.get_one(Chat, ANA), get_case(session, case_id)
        chats.close(session, office, chat, case)
        chats.reopen(session, office, chat, case)
        assert case.state == "in_progress"
        chats.cancel(session, office, chat, case)
        assert case.state == "cancelled"
        with pytest.raises(NotAllowed):
            chats.close(session, office, chat, case)
        actors = session.scalars(
            select(Event.actor).where(Event.action.in_(("close", "reopen", "cancel")))
        ).all()
    assert actors == ["requester"] * 3
    assert [notice.kind for notice in told(office)] == ["acuse", "closed"]


def test_a_complaint_goes_to_oficialia_and_not_to_who_is_complained_about(
    office: Office, town: Institution
) -> None:
    with office.database.writing() as session:
        session.add(
            RoutingRule(position=1, name="Soporte", dependencia_id=town.systems.id,
                        account_id=town.accounts["worker"].id,
                        conditions=[{"field": "words", "operator": "contains", "value": "impresora"}])
        )  # fmt: skip
    case_id = ask(office, text="La impresora no sirve", service=town.support)
    with office.database.writing() as session:
        chat, case = session.get_one(Chat, ANA), get_case(session, case_id)
        assert case.holder_id == town.accounts["worker"].id
        complaint = chats.complain(
            session, office, chat, case, "Nadie vino a ver la impresora", remote_ids=[12]
        )
        assert (complaint.holder_id, complaint.dependencia_id) == (None, None)
        assert case.folio in complaint.subject
        link = session.scalars(select(CaseLink).where(CaseLink.case_id == complaint.id)).one()
        assert (link.kind, link.other_id) == (LinkKind.COMPLAINT_OF, case_id)
    assert_chain_is_whole(office, case_id)


# Proposing.


@pytest.mark.parametrize(
    ("text", "service"),
    [
        ("Buenas tardes. La impresora de Tesorería se quedó sin red.", "Soporte técnico"),
        ("Necesito imprimir las credenciales del personal nuevo", "Impresión de credenciales"),
        ("quiero una página web para el DIF", "Desarrollo de plataformas web"),
        ("Hola", None),
        ("¿A qué hora abren?", None),
    ],
)
def test_the_bot_proposes_a_service_by_the_words(
    office: Office, town: Institution, text: str, service: str | None
) -> None:
    described = {
        "Impresión de credenciales": "Se imprimen credenciales para el personal.",
        "Desarrollo de plataformas web": "Se desarrolla una página o sistema web.",
    }
    with office.database.writing() as session:
        for number, (name, description) in enumerate(described.items()):
            session.add(Service(slug=f"s{number}", name=name, description=description,
                                dependencia_id=town.systems.id))  # fmt: skip
        support = session.get_one(Service, town.support.id)
        support.description = "Se reparan equipos de cómputo, impresoras y red."
        session.flush()
        proposal = chats.propose(session, text)
    assert (proposal.service.name if proposal.service else None) == service
    assert bool(proposal.why) == bool(service)


def test_a_routing_rule_outweighs_the_words_of_the_services(office: Office, town: Institution) -> None:
    with office.database.writing() as session:
        other = Service(slug="red", name="Red", dependencia_id=town.systems.id)
        session.add(other)
        session.flush()
        session.add(
            RoutingRule(position=1, name="Wifi", service_id=other.id,
                        conditions=[{"field": "words", "operator": "any_of", "value": "wifi, internet"}])
        )  # fmt: skip
        session.flush()
        proposal = chats.propose(session, "Soporte técnico: no hay internet")
        assert proposal.service is not None and proposal.service.name == "Red"
        assert "internet" in proposal.why


@pytest.mark.parametrize(
    ("text", "subject"),
    [
        ("Hola. No hay agua desde ayer. Ayuda", "Hola"),
        ("No hay agua\ndesde ayer", "No hay agua"),
        ("¿Cuánto cuesta el acta? Gracias", "¿Cuánto cuesta el acta?"),
        ("palabra " * 40, ("palabra " * 14).strip() + "…"),
        ("…", "…"),
    ],
)
def test_the_subject_is_the_first_sentence(text: str, subject: str) -> None:
    from intake.learning.suggestions import subject_of

    assert subject_of(text) == subject


# Two at once.


def test_two_first_messages_of_a_new_chat_at_once_make_one_chat(office: Office) -> None:
    barrier, failures = threading.Barrier(2), []

    def enter() -> None:
        try:
            barrier.wait()
            enter_chat(office)
        except Exception as error:
            failures.append(error)

    threads = [threading.Thread(target=enter) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    with office.database.reading() as session:
        assert session.scalar(select(func.count()).select_from(Chat)) == 1


def test_every_refusal_is_a_sentence_in_spanish(office: Office) -> None:
    for key in ("contact_blocked", "only_private_chat", "not_your_case", "empty_request", "not_ratable"):
        assert str(DeskError(key)) != f"error.{key}"


def test_a_staff_note_by_chat_is_no_business_of_the_contact(office: Office, town: Institution) -> None:
    case_id = ask(office, service=town.support)
    with office.database.writing() as session:
        by = session.get_one(Account, town.accounts["worker"].id)
        cases.add_note(session, office, get_case(session, case_id), by, text="Ojo: es primo del jefe")
    assert [notice.kind for notice in told(office)] == ["acuse"]
    with office.database.reading() as session:
        assert session.scalar(select(func.count()).select_from(Contact)) == 1
        assert (
            session.scalar(select(Message.direction).where(Message.text.contains("primo"))) == Direction.NOTE
        )
        assert session.scalar(select(func.count()).select_from(Case)) == 1
