"""Edited messages, whatever they were part of, and replies to what the bot had hardly said."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from intake.office import Office
from models.case import Case
from models.chat import ChatMessage
from models.message import Attachment, Message
from models.outbox_message import OutboxMessage, OutboxStatus
from models.ticket import Ticket
from tests.support.chats import messages_of
from tests.support.citizen import JPEG, Citizen
from tests.support.institution import Institution


@pytest.fixture
def ana(office: Office, town: Institution) -> Citizen:
    return Citizen(office)


def request(ana: Citizen, subject: str) -> Case:
    begin(ana, subject)
    ana.says("Por favor.")
    return send(ana)


def begin(ana: Citizen, subject: str) -> None:
    ana.says("/nueva")
    ana.taps("Soporte técnico")
    ana.says(subject)


def send(ana: Citizen) -> Case:
    ana.taps("Listo")
    ana.taps("Enviar")
    with ana.office.database.reading() as session:
        return session.scalars(select(Ticket).order_by(Ticket.id.desc())).first() or pytest.fail("No case.")


def texts(ana: Citizen, case: Case) -> list[str]:
    return [message.reply_text for message in messages_of(ana.office, case.id)]


def files(ana: Citizen, case: Case) -> list[bytes]:
    with ana.office.database.reading() as session:
        wanted = select(Attachment).join(Message).where(Message.case_id == case.id).order_by(Attachment.id)
        return [each.sha256[:8].encode() for each in session.scalars(wanted)]


def test_the_words_below_any_picture_of_an_album_can_be_corrected(ana: Citizen) -> None:
    begin(ana, "Impresora")
    ana.sends_album(["uno.jpg", "dos.jpg", "tres.jpg"], caption="Asi quedo")
    first, second = ana.last_id - 2, ana.last_id - 1
    assert "Corregido" in ana.edits(second, "Y ésta es otra").text
    assert "Corregido" in ana.edits(first, "Así quedó").text
    case = send(ana)
    assert texts(ana, case) == ["Así quedó\n\nY ésta es otra"] and len(files(ana, case)) == 3
    assert case.folio in ana.edits(second, "Y ésta es la segunda").text
    assert texts(ana, case) == ["Así quedó\n\nY ésta es la segunda"]


def test_each_of_several_messages_that_wait_for_their_case_can_be_corrected(ana: Citizen) -> None:
    request(ana, "Impresora")
    case = request(ana, "Teclado")
    ana.says("No sirbe")
    first = ana.last_id
    ana.says("Tampoco el ratom")
    second = ana.last_id
    for message, words in ((second, "Tampoco el ratón"), (first, "No sirve")):
        assert "¿Sobre cuál" in ana.edits(message, words).text
    ana.taps(f"{case.folio} Teclado")
    assert texts(ana, case)[1] == "No sirve\n\nTampoco el ratón"
    ana.edits(second, "El ratón sí sirve")
    assert texts(ana, case)[1] == "No sirve\n\nEl ratón sí sirve"


def test_what_waited_for_its_case_and_became_a_request_can_be_corrected(ana: Citizen) -> None:
    for subject in ("Impresora", "Teclado"):
        request(ana, subject)
    ana.says("Mi pantalla está negra")
    ana.sends_album(["uno.jpg", "dos.jpg"], caption="Miren")
    album = ana.last_id - 1
    ana.taps("Nueva solicitud")
    assert "ya no lo puedo corregir" not in ana.edits(album, "Miren esto").text
    ana.taps("Soporte técnico")
    case = send(ana)
    assert texts(ana, case) == ["Mi pantalla está negra\n\nMiren esto"] and len(files(ana, case)) == 2


def test_a_picture_put_in_the_place_of_another_reaches_draft_and_case(ana: Citizen) -> None:
    begin(ana, "Impresora")
    ana.sends(photo=ana.photo(), caption="Ésta es")
    message = ana.last_id
    ana.edits_to(message, photo=[ana.file("otra.jpg", JPEG + b"2")], caption="Ésta es")
    case = send(ana)
    assert len(files(ana, case)) == 1
    drafted = files(ana, case)[0]
    said = ana.edits_to(message, photo=[ana.file("tercera.jpg", JPEG + b"3")], caption="Ésta es")
    assert case.folio in said.text
    found = files(ana, case)
    assert len(found) == 2 and found[0] == drafted != found[1]
    ana.edits_to(message, photo=[ana.file("tercera.jpg", JPEG + b"3")], caption="Ésta sí es")
    assert len(files(ana, case)) == 2 and texts(ana, case)[0] == "Ésta sí es"


def test_a_reply_to_a_notice_that_a_killed_bot_had_just_sent_goes_to_its_case(ana: Citizen) -> None:
    """It arrived, and nobody lived to write down its number."""
    case = request(ana, "Impresora")
    other = request(ana, "Teclado")
    with ana.office.database.writing() as session:
        told = session.scalars(select(OutboxMessage).where(OutboxMessage.case_id == case.id)).all()
        acuse = next(each for each in told if each.kind == "acuse")
        acuse.status = OutboxStatus.SENDING
        number, words = acuse.remote_id or 0, acuse.text
        session.delete(session.get_one(ChatMessage, (ana.chat_id, number)))
    bot = {"id": 99, "is_bot": True}
    answered = {"message_id": number, "from": bot, "text": words}
    said = ana.sends(text="Se me olvidó: piso 2", reply_to_message=answered)
    assert case.folio in said.text
    assert texts(ana, case)[1:] == ["Se me olvidó: piso 2"] and len(texts(ana, other)) == 1


def test_leaving_after_something_was_added_does_not_say_that_nothing_was_sent(ana: Citizen) -> None:
    case = request(ana, "Impresora")
    ana.says("/mis_solicitudes")
    ana.taps("Agregar algo")
    ana.says("Piso 2")
    assert "No envié nada" not in ana.says("/cancelar").text
    assert ana.state == "idle" and texts(ana, case)[1:] == ["Piso 2"]
