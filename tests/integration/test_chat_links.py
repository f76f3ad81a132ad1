"""Who is behind a chat: proven by mail, by the panel, in a group; merged, taken back, never guessed."""

from __future__ import annotations

import hashlib
import re
import threading

import pytest
from sqlalchemy import func, select

from intake import cases
from intake.chat import chat_links, chat_spool, chats
from intake.errors import InvalidInput, Refused
from intake.office import Office
from models.base import now
from models.chat import Chat, ChatKind, ChatUpdate, LinkPurpose, OneTimeLink
from models.contact import Address, AddressKind, Contact
from models.event import Event, find_broken_chain
from models.person import Account, Person
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
from tests.support.desk import arrive, get_case, later, notices
from tests.support.institution import Institution
from tests.support.mails import make_mail

MAIL = "ana@correo.example"
BOT = "OficialiaBot"


def request_link(office: Office, chat_id: int = ANA, email: str = MAIL) -> str:
    """Ask in a chat for the link; returns the token that arrived in the mailbox."""
    enter_chat(office, chat_id)
    with office.database.writing() as session:
        chat_links.ask_email_link(session, office, session.get_one(Chat, chat_id), email, BOT)
    mail = notices(office, "link")[-1]
    assert mail.to == [email.lower()]
    found = re.search(rf"https://t\.me/{BOT}\?start=([\w-]{{43}})\b", mail.text)
    assert found is not None
    return found[1]


def open_link(office: Office, token: str, chat_id: int = ANA) -> bool:
    """/start TOKEN in a chat; whether the link still worked."""
    enter_chat(office, chat_id)
    with office.database.writing() as session:
        link = chat_links.spend(session, token, LinkPurpose.CONTACT)
        if link is not None:
            chat_links.link_contact(session, office, session.get_one(Chat, chat_id), link)
    return link is not None


def forget(office: Office, chat_id: int = ANA) -> None:
    with office.database.writing() as session:
        chat_links.unlink(session, office, session.get_one(Chat, chat_id))


def contacts(office: Office) -> list[str]:
    with office.database.reading() as session:
        return list(session.scalars(select(Contact.name).order_by(Contact.id)))


def folio_of(office: Office, case_id: int) -> str:
    with office.database.reading() as session:
        return get_case(session, case_id).folio


def actions(office: Office, case_id: int | None) -> list[str]:
    with office.database.reading() as session:
        events = session.scalars(select(Event).where(Event.case_id == case_id).order_by(Event.sequence)).all()
        assert find_broken_chain(events) is None
        return [event.action for event in events]


# Mail and chat of one person meet.


def test_the_same_persons_mail_and_chat_meet_in_one_case_list_and_in_one_case(
    office: Office, town: Institution
) -> None:
    by_mail = arrive(office, make_mail(subject="No enciende", text="La impresora no enciende."))
    by_chat = ask(office, subject="No hay red")
    assert own_cases(office) == [folio_of(office, by_chat)]
    assert open_link(office, request_link(office))
    assert set(own_cases(office)) == {folio_of(office, by_mail), folio_of(office, by_chat)}
    # The case that mail opened goes on in chat, and its answer comes there.
    add(office, by_mail, "Ya enciende, pero no imprime", remote_ids=[33])
    assert [message.channel for message in messages_of(office, by_mail)] == ["email", "telegram"]
    with office.database.writing() as session:
        by = session.get_one(Account, town.accounts["worker"].id)
        cases.answer(session, office, get_case(session, by_mail), by, text="Vamos hoy", to=[])
    assert (told(office)[-1].kind, told(office)[-1].chat_options["reply_to"]) == ("answer", 33)
    # The case that chat opened goes on by mail, and what is told about it comes by mail.
    folio = folio_of(office, by_chat)
    reply = make_mail(subject=f"Sigue sin red {folio}", text="Desde la oficina escribo mejor.")
    assert arrive(office, reply) == by_chat
    assert [message.channel for message in messages_of(office, by_chat)] == ["telegram", "email"]
    with office.database.writing() as session:
        by = session.get_one(Account, town.accounts["oficialia"].id)
        cases.close(session, office, get_case(session, by_chat), by)
    assert [(one.channel, one.to) for one in notices(office, "closed")] == [("email", [MAIL])]


def test_merging_leaves_one_contact_with_both_addresses_verified(office: Office, town: Institution) -> None:
    arrive(office, make_mail())
    case_id = ask(office)
    open_link(office, request_link(office))
    with office.database.reading() as session:
        (contact,) = session.scalars(select(Contact)).all()
        kinds = {address.kind: address.verified_at for address in contact.addresses}
        assert set(kinds) == {AddressKind.EMAIL, AddressKind.TELEGRAM}
        assert all(kinds.values())
        assert get_case(session, case_id).requester_id == contact.id
        assert session.get_one(Chat, ANA).contact_id == contact.id
    assert "requester_linked" in actions(office, case_id)
    assert "chat_linked" in actions(office, None)


def test_an_address_that_never_wrote_to_us_joins_the_chats_own_contact(
    office: Office, town: Institution
) -> None:
    by_chat = ask(office)
    assert open_link(office, request_link(office))
    by_mail = arrive(office, make_mail(subject="Otra cosa"))
    assert len(contacts(office)) == 1
    assert set(own_cases(office)) == {folio_of(office, by_chat), folio_of(office, by_mail)}


def test_linking_twice_with_the_same_address_changes_nothing(office: Office, town: Institution) -> None:
    arrive(office, make_mail())
    for _ in range(2):
        assert open_link(office, request_link(office))
    assert len(contacts(office)) == 1


# What the link gives away: nothing.


def test_asking_for_a_link_says_the_same_whether_the_address_is_known_or_not(
    office: Office, town: Institution
) -> None:
    arrive(office, make_mail())
    request_link(office, ANA, MAIL)
    request_link(office, BETO, "nadie@correo.example")
    known, unknown = notices(office, "link")
    plain = [re.sub(r"start=\S+", "", mail.text).replace(mail.to[0], "") for mail in (known, unknown)]
    assert plain[0] == plain[1]
    assert [notice.kind for notice in told(office, ANA) + told(office, BETO)] == []


def test_only_the_hash_of_a_token_is_kept(office: Office) -> None:
    token = request_link(office)
    with office.database.reading() as session:
        (link,) = session.scalars(select(OneTimeLink)).all()
    assert link.token_sha256 == hashlib.sha256(token.encode()).hexdigest()
    assert token not in str(vars(link))


def test_a_token_works_once_until_it_expires_and_for_its_purpose(office: Office, town: Institution) -> None:
    token = request_link(office)
    with office.database.writing() as session:
        assert chat_links.spend(session, token, LinkPurpose.PERSON) is None
        assert chat_links.spend(session, token[:-1] + "!", LinkPurpose.CONTACT) is None
        assert chat_links.peek(session, token) is not None
    assert open_link(office, token)
    assert not open_link(office, token)
    late = request_link(office)
    with later(hours=3):
        assert not open_link(office, late)


def test_a_link_that_another_chat_asked_for_is_refused_and_stays_good(
    office: Office, town: Institution
) -> None:
    arrive(office, make_mail())
    token = request_link(office, ANA)
    with pytest.raises(Refused, match="otro chat"):
        open_link(office, token, BETO)
    assert own_cases(office, BETO) == []
    assert open_link(office, token, ANA)


def test_a_link_in_a_group_is_refused_kindly(office: Office, town: Institution) -> None:
    token = request_link(office)
    enter_chat(office, -8, "Vecinos", kind=ChatKind.GROUP)
    with office.database.writing() as session:
        group, link = session.get_one(Chat, -8), chat_links.spend(session, token, LinkPurpose.CONTACT)
        assert link is not None
        with pytest.raises(Refused, match="chat privado"):
            chat_links.link_contact(session, office, group, link)


def test_a_mailbox_is_not_flooded_with_links_and_nobody_learns_that_others_asked(office: Office) -> None:
    for number in range(6):
        enter_chat(office, 100 + number)
        with office.database.writing() as session:
            chat_links.ask_email_link(session, office, session.get_one(Chat, 100 + number), MAIL, BOT)
    assert len(notices(office, "link")) == 3


def test_one_chat_cannot_mail_to_the_whole_world(office: Office) -> None:
    enter_chat(office)
    with office.database.writing() as session:
        chat = session.get_one(Chat, ANA)
        for number in range(5):
            chat_links.ask_email_link(session, office, chat, f"vecino{number}@x.example", BOT)
        with pytest.raises(Refused):
            chat_links.ask_email_link(session, office, chat, "otro@x.example", BOT)


def test_what_is_no_address_is_said_to_be_none(office: Office) -> None:
    enter_chat(office)
    with office.database.writing() as session, pytest.raises(InvalidInput, match="no es una dirección"):
        chat_links.ask_email_link(session, office, session.get_one(Chat, ANA), "no es correo", BOT)


def test_the_mail_does_not_advertise_for_who_asked(office: Office) -> None:
    enter_chat(office, ANA, "Gane en www.casino.example")
    with office.database.writing() as session:
        chat_links.ask_email_link(session, office, session.get_one(Chat, ANA), MAIL, BOT)
    (mail,) = notices(office, "link")
    assert "casino" not in mail.text + mail.html + mail.subject


# Who is never given away by mistake.


def test_a_blocked_contact_is_neither_given_nor_shed_by_linking(office: Office, town: Institution) -> None:
    by_mail = arrive(office, make_mail())
    with office.database.writing() as session:
        get_case(session, by_mail).requester.blocked_at = now()
    with pytest.raises(Refused):
        open_link(office, request_link(office))
    assert own_cases(office) == []
    by_chat = ask(office, BETO, name="Beto", remote_ids=[60])
    with office.database.writing() as session:
        get_case(session, by_chat).requester.blocked_at = now()
    with pytest.raises(Refused):
        open_link(office, request_link(office, BETO, "beto@correo.example"), BETO)


def test_the_address_of_a_servidor_publico_is_linked_by_the_panel_only(
    office: Office, town: Institution
) -> None:
    staff = "tomas@example.gob.mx"
    arrive(office, make_mail(sender=f"Tomás Ibarra <{staff}>"), sender=staff)
    with pytest.raises(Refused, match="institución"):
        open_link(office, request_link(office, ANA, staff))
    with office.database.reading() as session:
        assert session.get_one(Chat, ANA).person_id is None


def test_a_chat_of_one_address_is_not_joined_with_another(office: Office, town: Institution) -> None:
    other = "oficina@correo.example"
    arrive(office, make_mail())
    arrive(office, make_mail(sender=f"Oficina <{other}>"), sender=other)
    assert open_link(office, request_link(office))
    with pytest.raises(Refused, match="/olvidar"):
        open_link(office, request_link(office, ANA, other))
    assert len(contacts(office)) == 2


def test_of_two_who_spend_one_token_at_the_same_moment_one_wins(office: Office, town: Institution) -> None:
    arrive(office, make_mail())
    with office.database.writing() as session:
        token = chat_links.person_token(session, session.get_one(Person, town.accounts["worker"].person_id))
    for chat_id in (ANA, BETO):
        enter_chat(office, chat_id)
    barrier, won = threading.Barrier(2), []

    def spend(chat_id: int) -> None:
        barrier.wait()
        with office.database.writing() as session:
            link = chat_links.spend(session, token, LinkPurpose.PERSON)
            if link is not None:
                chat_links.link_person(session, office, session.get_one(Chat, chat_id), link)
                won.append(chat_id)

    threads = [threading.Thread(target=spend, args=(chat_id,)) for chat_id in (ANA, BETO)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(won) == 1
    with office.database.reading() as session:
        linked = session.scalars(select(Chat.id).where(Chat.person_id.is_not(None))).all()
    assert linked == won


def test_two_chats_of_one_person_join_the_same_contact_at_once(office: Office, town: Institution) -> None:
    arrive(office, make_mail())
    chats_of_ana = {ANA: ask(office), BETO: ask(office, BETO, name="Ana (trabajo)", remote_ids=[70])}
    tokens = {chat_id: request_link(office, chat_id) for chat_id in chats_of_ana}
    failures: list[Exception] = []

    def link(chat_id: int) -> None:
        try:
            open_link(office, tokens[chat_id], chat_id)
        except Exception as error:
            failures.append(error)

    threads = [threading.Thread(target=link, args=(chat_id,)) for chat_id in chats_of_ana]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    assert len(contacts(office)) == 1
    assert len(own_cases(office)) == 3
    assert own_cases(office, ANA) == own_cases(office, BETO)


# Taking it back.


def test_forgetting_leaves_each_side_what_it_opened(office: Office, town: Institution) -> None:
    by_mail = arrive(office, make_mail(subject="Por correo"))
    by_chat = ask(office)
    open_link(office, request_link(office))
    add(office, by_mail, "sigo por aquí", remote_ids=[44])
    after = ask(office, subject="Ya vinculada", remote_ids=[45])
    forget(office)
    assert set(own_cases(office)) == {folio_of(office, by_chat), folio_of(office, after)}
    with office.database.reading() as session:
        assert chats.case_of_message(session, ANA, 44) is None
        owner = get_case(session, by_mail).requester
        assert [address.value for address in owner.addresses] == [MAIL]
        own = session.get_one(Chat, ANA).contact
        assert own is not None and [address.value for address in own.addresses] == [str(ANA)]
        assert own.addresses[0].verified_at is None
    assert "requester_unlinked" in actions(office, by_chat)


def test_forgetting_deletes_the_conversation_and_what_a_draft_held(office: Office, town: Institution) -> None:
    ask(office)
    chat_spool.store(office, 1, [written(1, ANA, "secreto"), written(2, ANA, "/olvidar")])
    with office.database.writing() as session:
        chat_spool.settle(chat_spool.take(session, 1, [1]))
        chat = session.get_one(Chat, ANA)
        chat.state, chat.data = "reviewing", {"draft": {"key": 1}}
    forget(office)
    with office.database.reading() as session:
        chat = session.get_one(Chat, ANA)
        assert (chat.state, chat.data) == ("idle", {})
        assert session.scalars(select(ChatUpdate.update_id)).all() == [2]
        assert len(own_cases(office)) == 1, "Never linked: what it opened stays its own."


def test_forgetting_takes_the_private_chat_away_from_the_servidor_publico(
    office: Office, town: Institution
) -> None:
    link_worker(office, town)
    forget(office)
    with office.database.reading() as session:
        assert session.get_one(Chat, ANA).person_id is None


def test_a_block_is_not_shed_by_forgetting(office: Office, town: Institution) -> None:
    arrive(office, make_mail())
    by_chat = ask(office)
    open_link(office, request_link(office))
    with office.database.writing() as session:
        get_case(session, by_chat).requester.blocked_at = now()
    forget(office)
    with pytest.raises(Refused):
        ask(office, remote_ids=[90])


# The office's own people and groups.


def link_worker(office: Office, town: Institution, chat_id: int = ANA) -> None:
    enter_chat(office, chat_id)
    with office.database.writing() as session:
        token = chat_links.person_token(session, session.get_one(Person, town.accounts["worker"].person_id))
        link = chat_links.spend(session, token, LinkPurpose.PERSON)
        assert link is not None
        chat_links.link_person(session, office, session.get_one(Chat, chat_id), link)


def bind(office: Office, town: Institution, chat_id: int = -70) -> None:
    enter_chat(office, chat_id, "Sistemas", kind=ChatKind.GROUP)
    with office.database.writing() as session:
        by = session.get_one(Account, town.accounts["head"].id)
        token = chat_links.group_token(session, by.dependencia, by)
        link = chat_links.spend(session, token, LinkPurpose.GROUP)
        assert link is not None
        chat_links.link_group(session, office, session.get_one(Chat, chat_id), link)


def test_somebody_who_left_cannot_link_a_chat_any_more(office: Office, town: Institution) -> None:
    enter_chat(office)
    with office.database.writing() as session:
        person = session.get_one(Person, town.accounts["worker"].person_id)
        token = chat_links.person_token(session, person)
        person.is_active = False
        chat, link = session.get_one(Chat, ANA), chat_links.spend(session, token, LinkPurpose.PERSON)
        assert link is not None
        with pytest.raises(Refused):
            chat_links.link_person(session, office, chat, link)


def test_a_group_is_bound_by_its_head_and_the_newest_binding_counts(
    office: Office, town: Institution
) -> None:
    bind(office, town, -70)
    bind(office, town, -71)
    with office.database.reading() as session:
        bound = session.scalars(select(Chat.id).where(Chat.dependencia_id.is_not(None))).all()
    assert bound == [-71]
    with office.database.writing() as session:
        stranger = session.get_one(Account, town.accounts["other"].id)
        systems = session.get_one(Account, town.accounts["head"].id).dependencia
        with pytest.raises(InvalidInput):
            chat_links.group_token(session, systems, stranger)


def test_a_dependencia_is_bound_in_a_group_and_a_person_in_private_only(
    office: Office, town: Institution
) -> None:
    enter_chat(office)
    enter_chat(office, -70, kind=ChatKind.GROUP)
    with office.database.writing() as session:
        by = session.get_one(Account, town.accounts["head"].id)
        group = chat_links.spend(
            session, chat_links.group_token(session, by.dependencia, by), LinkPurpose.GROUP
        )
        person = chat_links.spend(session, chat_links.person_token(session, by.person), LinkPurpose.PERSON)
        assert group is not None and person is not None
        with pytest.raises(Refused):
            chat_links.link_group(session, office, session.get_one(Chat, ANA), group)
        with pytest.raises(Refused):
            chat_links.link_person(session, office, session.get_one(Chat, -70), person)


def test_a_reply_in_the_group_leads_to_its_case_until_it_is_unbound(
    office: Office, town: Institution
) -> None:
    bind(office, town)
    case_id = ask(office, service=town.support)
    (notice,) = told(office, -70)
    assert notice.kind == "new_case"
    deliver(office, notice, 5)
    with office.database.writing() as session:
        found = chats.case_of_message(session, -70, 5)
        assert found is not None and found.id == case_id
        by = session.get_one(Account, town.accounts["admin"].id)
        chat_links.unlink_group(session, session.get_one(Account, town.accounts["head"].id).dependencia, by)
    with office.database.reading() as session:
        assert chats.case_of_message(session, -70, 5) is None
        assert session.scalar(select(func.count()).select_from(Address)) == 1
