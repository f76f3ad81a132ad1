"""The Telegram door over HTTP, with a Bot API that fails in every way: nothing lost, nothing doubled."""

from __future__ import annotations

import pytest
from sqlalchemy import select, text

from intake.chat.chat_outbox import exchange
from intake.office import Office
from models.base import now
from models.chat import Chat, ChatUpdate, UpdateStatus
from models.contact import Address, AddressKind
from models.event import Event
from models.mailbox import Door
from models.message import Blob
from models.outbox_message import OutboxStatus
from models.ticket import Ticket
from tests.support.botapi import BotApi, Limits
from tests.support.desk import get_notice, later
from tests.support.telegram_door import (
    PDF,
    door_error,
    png,
    queue_for_chat,
    status,
    telegram_door,
    texts,
    wait_for_status,
)
from tests.support.waiting import wait_until

# How Telegram fails is no question of the database; that nothing is lost or doubled is proven on both.
pytestmark = pytest.mark.on_sqlite

# What people send.


@pytest.mark.on_both
def test_an_update_is_confirmed_only_when_it_is_committed(
    office: Office, bot_api: BotApi, known_ana: int
) -> None:
    with telegram_door(office):
        bot_api.send_command(known_ana, "privacidad")
        bot_api.next_message(known_ana)
        with office.database.writing() as session:
            # SQLite has one writer, which we are from the first statement on.
            is_sqlite = office.database.is_sqlite
            session.execute(text("SELECT 1" if is_sqlite else "LOCK TABLE chat_update IN EXCLUSIVE MODE"))
            bot_api.send_command(known_ana, "ayuda")
            wait_until(lambda: bot_api.answer_times()[-1]["times_handed_out"] == 1)
            assert bot_api.pending() == 1
        bot_api.wait_until_confirmed()
        assert bot_api.next_message(known_ana)


@pytest.mark.on_both
def test_an_update_that_comes_again_has_one_effect(office: Office, bot_api: BotApi, known_ana: int) -> None:
    with telegram_door(office):
        bot_api.send_command(known_ana, "privacidad")
        bot_api.next_message(known_ana)
        for _ in range(3):
            bot_api.replay()
        bot_api.wait_until_confirmed()
        bot_api.send_command(known_ana, "mis_solicitudes")
        bot_api.next_message(known_ana)
        assert bot_api.quiet(known_ana)
    assert len(texts(bot_api, known_ana)) == 2


@pytest.mark.on_both
def test_what_was_stored_before_a_crash_is_answered_after_it(
    office: Office, bot_api: BotApi, known_ana: int
) -> None:
    update = {
        "update_id": 5,
        "message": {"message_id": 900, "date": 1, "text": "/privacidad",
                    "from": {"id": known_ana, "is_bot": False, "first_name": "Ana"},
                    "entities": [{"type": "bot_command", "offset": 0, "length": 11}],
                    "chat": {"id": known_ana, "type": "private", "first_name": "Ana"}},
    }  # fmt: skip
    with office.database.writing() as session:
        session.add(ChatUpdate(bot_id=bot_api.bot["id"], update_id=5, chat_id=known_ana, body=update))
    with telegram_door(office):
        assert bot_api.next_message(known_ana)["text"]


@pytest.mark.on_both
def test_an_update_nobody_understands_is_kept_and_stops_nobody(
    office: Office, bot_api: BotApi, known_ana: int
) -> None:
    broken = {
        "update_id": 6,
        "message": {"message_id": "?", "text": "Hola", "chat": {"id": known_ana, "type": "private"}},
    }
    with office.database.writing() as session:
        session.add(ChatUpdate(bot_id=bot_api.bot["id"], update_id=6, chat_id=known_ana, body=broken))
    with telegram_door(office):
        bot_api.send_command(known_ana, "privacidad")
        bot_api.wait_for(known_ana, "")
        wait_until(lambda: failed_updates(office) == [6])


def failed_updates(office: Office) -> list[int]:
    with office.database.reading() as session:
        wanted = select(ChatUpdate.update_id).where(ChatUpdate.status == UpdateStatus.FAILED)
        return list(session.scalars(wanted))


def test_a_photo_without_words_is_kept_with_its_true_type(
    office: Office, bot_api: BotApi, known_ana: int
) -> None:
    """Zammad #774: a photo without text opened nothing."""
    with telegram_door(office):
        bot_api.send_document(known_ana, PDF, file_name="foto.jpg", mime_type="image/jpeg")
        bot_api.next_message(known_ana)
    with office.database.reading() as session:
        assert len(session.scalars(select(Blob.sha256)).all()) == 1
        [data] = session.scalars(select(Chat.data).where(Chat.id == known_ana))
    assert '"application/pdf"' in str(data).replace("'", '"')


@pytest.mark.on_both
def test_an_album_is_one_message_and_gets_one_answer(office: Office, bot_api: BotApi, known_ana: int) -> None:
    with telegram_door(office):
        bot_api.send_album(known_ana, [png(1), png(2), png(3)], caption="El bache")
        bot_api.next_message(known_ana)
        bot_api.send_command(known_ana, "privacidad")
        bot_api.next_message(known_ana)
        assert bot_api.quiet(known_ana)
    with office.database.reading() as session:
        assert len(session.scalars(select(Blob.sha256)).all()) == 3


def test_a_file_over_20_mb_is_named_in_the_answer(office: Office, bot_api: BotApi, known_ana: int) -> None:
    with telegram_door(office):
        bot_api.send_video(known_ana, caption="La fuga", declared_size=25_000_000)
        assert "/subir/" in str(bot_api.next_message(known_ana))


def test_a_file_that_cannot_be_had_holds_up_nothing(office: Office, bot_api: BotApi, known_ana: int) -> None:
    bot_api.fail_next("getFile", 400, "Bad Request: file is temporarily unavailable", times=9)
    with telegram_door(office):
        bot_api.send_document(known_ana, PDF, caption="La fuga de agua de la esquina")
        assert bot_api.next_message(known_ana)["text"]
    assert failed_updates(office) == []


def test_a_tap_stops_turning(office: Office, bot_api: BotApi, ana: int) -> None:
    with telegram_door(office):
        greeting = bot_api.next_message(ana)
        tap = bot_api.tap(ana, bot_api.buttons(greeting)[0])
        assert bot_api.tap_answer(tap["callback_query"]["id"]) is not None


def test_who_waits_long_sees_that_we_write(office: Office, bot_api: BotApi, known_ana: int) -> None:
    bot_api.delay("getFile", 1.5)
    with telegram_door(office):
        bot_api.send_document(known_ana, PDF, caption="La fuga")
        bot_api.next_message(known_ana)
    assert [call for call in bot_api.calls("sendChatAction") if not call.get("error")]


# Telegram fails.


def test_while_telegram_is_unreachable_nothing_is_lost(
    office: Office, bot_api: BotApi, known_ana: int
) -> None:
    with telegram_door(office):
        bot_api.go_down()
        notices = [queue_for_chat(office, known_ana, f"Aviso {number}") for number in range(3)]
        bot_api.send_command(known_ana, "privacidad")
        wait_until(lambda: "Telegram" in door_error(office))
        bot_api.come_up()
        for notice in notices:
            wait_for_status(office, notice, OutboxStatus.SENT, 30)
        wait_until(lambda: len(texts(bot_api, known_ana)) == 4, 30)
        wait_until(lambda: door_error(office) == "")
    assert [text for text in texts(bot_api, known_ana) if text.startswith("Aviso")] == [
        "Aviso 0", "Aviso 1", "Aviso 2",
    ]  # fmt: skip


@pytest.mark.on_both
@pytest.mark.parametrize("after_effect", [False, True])
def test_a_message_whose_answer_got_lost_arrives_once(
    office: Office, bot_api: BotApi, known_ana: int, after_effect: bool
) -> None:
    with telegram_door(office):
        bot_api.drop_next("sendMessage", after_effect=after_effect)
        notice = queue_for_chat(office, known_ana, "Una sola vez",
                                options={"buttons": [[{"text": "Sí", "data": "yes"}]]})  # fmt: skip
        wait_for_status(office, notice, OutboxStatus.SENT)
    assert texts(bot_api, known_ana) == ["Una sola vez"]


@pytest.mark.on_both
def test_a_notice_in_doubt_after_a_crash_arrives_once(
    office: Office, bot_api: BotApi, known_ana: int
) -> None:
    notice = queue_for_chat(office, known_ana, "a" * 5000)
    # A process that has claimed it, sends both parts and dies before it can say so.
    [claimed] = exchange(office, [], 1)
    assert claimed.notice.id == notice
    with telegram_door(office):
        wait_for_status(office, notice, OutboxStatus.SENT)
    assert [len(text) for text in texts(bot_api, known_ana)] == [4096, 904]
    with office.database.writing() as session:
        row = get_notice(office, notice)
        session.add(row)
        row.status = OutboxStatus.SENDING
    with telegram_door(office):
        wait_for_status(office, notice, OutboxStatus.SENT)
    assert len(texts(bot_api, known_ana)) == 2


def test_a_question_is_not_asked_when_the_conversation_has_moved_on(
    office: Office, bot_api: BotApi, known_ana: int
) -> None:
    stale = queue_for_chat(office, known_ana, "¿Cuál es el asunto?", options={"state": "asking_subject"})
    fresh = queue_for_chat(office, known_ana, "¿En qué le ayudamos?", options={"state": "idle"})
    with telegram_door(office):
        wait_for_status(office, fresh, OutboxStatus.SENT)
    assert status(office, stale) == OutboxStatus.CANCELLED
    assert texts(bot_api, known_ana) == ["¿En qué le ayudamos?"]


def test_telegrams_wish_to_wait_is_obeyed(office: Office, bot_api: BotApi, known_ana: int) -> None:
    with telegram_door(office):
        bot_api.fail_next("sendMessage", 429, "Too Many Requests: retry after 2", retry_after=2)
        notice = queue_for_chat(office, known_ana, "Sin prisa")
        wait_until(lambda: len(bot_api.calls("sendMessage")) == 2)
        wait_for_status(office, notice, OutboxStatus.SENT)
    refused, sent = bot_api.calls("sendMessage")[-2:]
    assert sent["at"] - refused["at"] >= 2
    assert texts(bot_api, known_ana) == ["Sin prisa"]


def test_the_bot_stays_below_telegrams_limits_by_itself(
    office: Office, bot_api: BotApi, known_ana: int
) -> None:
    bot_api.set_limits(Limits(per_chat=1, burst=3, overall=30, per_group_minute=20))
    with telegram_door(office):
        notices = [queue_for_chat(office, known_ana, f"Aviso {number}") for number in range(6)]
        wait_for_status(office, notices[-1], OutboxStatus.SENT, 15)
    assert texts(bot_api, known_ana) == [f"Aviso {number}" for number in range(6)]
    assert [call for call in bot_api.calls("sendMessage") if call.get("error_code") == 429] == []


@pytest.mark.on_both
def test_who_blocked_the_bot_is_marked_and_the_clerk_is_told(
    office: Office, bot_api: BotApi, known_ana: int, ticket: Ticket
) -> None:
    with office.database.writing() as session:
        session.add(Address(contact_id=ticket.requester_id, kind=AddressKind.TELEGRAM, value=str(known_ana)))
    bot_api.block_bot(known_ana)
    with telegram_door(office):
        notice = queue_for_chat(office, known_ana, "Su caso avanza", case=ticket)
        wait_for_status(office, notice, OutboxStatus.FAILED)
        assert "blocked" in get_notice(office, notice).last_error
        with office.database.reading() as session:
            assert session.get_one(Chat, known_ana).blocked_at is not None
            [failed_at] = session.scalars(select(Address.failed_at).where(Address.value == str(known_ana)))
            assert failed_at is not None
            actions = session.scalars(select(Event.action).where(Event.case_id == ticket.id)).all()
            assert "notice_failed" in actions
        bot_api.unblock_bot(known_ana)
        wait_until(lambda: not is_blocked(office, known_ana))


def is_blocked(office: Office, chat: int) -> bool:
    with office.database.reading() as session:
        failed = select(Address.failed_at).where(Address.value == str(chat))
        return session.get_one(Chat, chat).blocked_at is not None or session.scalar(failed) is not None


def test_another_poller_is_explained_on_the_door(office: Office, bot_api: BotApi, known_ana: int) -> None:
    bot_api.fail_next(
        "getUpdates", 409, "Conflict: terminated by other getUpdates request; make sure that only one bot "
        "instance is running", times=2,
    )  # fmt: skip
    with telegram_door(office):
        wait_until(lambda: "mismo token" in door_error(office))
        # What others queue still goes out meanwhile.
        notice = queue_for_chat(office, known_ana, "Aviso")
        wait_for_status(office, notice, OutboxStatus.SENT)
        bot_api.send_command(known_ana, "privacidad")
        wait_until(lambda: len(texts(bot_api, known_ana)) == 2)
        wait_until(lambda: door_error(office) == "")


def test_a_wrong_token_is_said_in_clear_words_and_tried_again(
    office: Office, bot_api: BotApi, known_ana: int
) -> None:
    bot_api.fail_next("getMe", 401, "Unauthorized", times=3)
    with telegram_door(office):
        wait_until(lambda: "OFICIALIA_TELEGRAM_TOKEN" in door_error(office))
        wait_until(lambda: door_error(office) == "", 20)
    assert office.settings.telegram_token.get_secret_value() not in door_error(office)


# Starting and stopping.


def test_the_bot_introduces_itself_and_knows_its_name(office: Office, bot_api: BotApi) -> None:
    with telegram_door(office):
        # For people and for groups, in each language and for all others.
        wait_until(lambda: len(bot_api.calls("setMyCommands")) == 6)
    with office.database.reading() as session:
        assert session.scalar(select(Door.known_as)) == bot_api.bot["username"]
    assert bot_api.warnings() == []


def test_a_bot_api_server_that_knows_only_the_essentials_will_do(
    office: Office, bot_api: BotApi, known_ana: int
) -> None:
    for method in ("deleteWebhook", "setMyCommands", "answerCallbackQuery", "sendChatAction"):
        bot_api.fail_next(method, 404, "Not Found", times=0)
    with telegram_door(office):
        bot_api.send_command(known_ana, "ayuda")
        assert bot_api.next_message(known_ana)


def test_a_long_poll_does_not_delay_the_end(office: Office, bot_api: BotApi, known_ana: int) -> None:
    started = now()
    with telegram_door(office):
        wait_until(lambda: len(bot_api.calls("getUpdates")) >= 2)
    assert (now() - started).total_seconds() < 10


@pytest.mark.on_both
def test_no_lease_outlives_its_process_for_long(office: Office, bot_api: BotApi, known_ana: int) -> None:
    queue_for_chat(office, known_ana, "Aviso")
    assert len(exchange(office, [], 1)) == 1
    assert exchange(office, [], 1) == []
    with later(seconds=31):
        assert exchange(office, [], 1)[0].is_in_doubt
