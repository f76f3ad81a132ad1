"""A ticket that was an oficio: registered with the same thread, its own folio and a sealed acuse."""

from __future__ import annotations

from email.message import EmailMessage

import pytest
from sqlalchemy import select

from intake import oficios
from intake.issued.pdf import html_to_pdf
from intake.mailer import deliver_mail
from intake.office import Office
from models.acuse import Acuse
from models.case import Case
from models.message import Message
from models.oficio import Flow, Oficio
from models.ticket import Ticket
from tests.support.desk import arrive, sent_files
from tests.support.documents import acting
from tests.support.institution import Institution, found_institution
from tests.support.mails import make_mail
from tests.support.panel import Clerk, give_logins

SCHOOL = "Rosa Gil <direccion@colegio.example>"
PAGE = "<p>Oficio Núm. CE/012/2026</p><p>ASUNTO: Se solicita apoyo</p><p>Zapopan, a 3 de enero de 2026</p>"


@pytest.fixture
def town(office: Office) -> Institution:
    with office.database.writing() as session:
        town = found_institution(session)
        give_logins(session, town)
    return town


def receive(office: Office) -> int:
    """An oficio from a domain that nobody called institutional: the office takes it for a ticket."""
    mail = make_mail(SCHOOL, subject="Apoyo", text="Va oficio.", message_id="<uno@colegio.example>",
                     files=[("oficio.pdf", "application/pdf", html_to_pdf(PAGE))])  # fmt: skip
    return arrive(office, mail, sender="direccion@colegio.example")


def test_a_clerk_registers_as_oficio_what_came_in_as_a_ticket(office: Office, town: Institution) -> None:
    ticket_id = receive(office)
    clerk = Clerk(office, town.accounts["oficialia"])
    assert "Es un oficio: registrarlo" in clerk.get(f"/admin/casos/{ticket_id}").text
    page = clerk.post(f"/admin/casos/{ticket_id}/es-oficio").text
    assert "Quedó registrado como el oficio OP-" in page and "CE/012/2026" in page
    with acting(office, town) as (session, people):
        ticket, oficio = session.get_one(Case, ticket_id), session.scalars(select(Oficio)).one()
        assert isinstance(ticket, Ticket) and ticket.merged_into_id == oficio.id
        assert (oficio.flow, oficio.state, oficio.dependencia_id) == (
            Flow.RECEIVED, "registered", town.systems.id,
        )  # fmt: skip
        assert session.scalars(select(Message.case_id)).all() == [oficio.id]
        oficios.confirm_proposals(session, office, oficio, people["oficialia"])
        assert (oficio.sender_number, oficio.subject) == ("CE/012/2026", "Se solicita apoyo")
        assert session.scalars(select(Acuse.case_id)).one() == oficio.id
        folio = oficio.folio
    # What is written under the first acuse still finds it.
    deliver_mail(office)
    first, second = sent_files(office)
    assert folio in str(second["Subject"]) and len(list(second.iter_attachments())) == 1
    reply = EmailMessage()
    reply["From"], reply["To"], reply["In-Reply-To"] = (
        SCHOOL,
        str(first["Reply-To"]),
        str(first["Message-ID"]),
    )
    reply["Subject"], reply["Message-ID"] = f"Re: {first['Subject']}", "<dos@colegio.example>"
    reply.set_content("Faltó un dato.")
    to = str(first["Reply-To"]).rpartition("<")[2].rstrip(">")
    assert arrive(office, reply.as_bytes(), sender="direccion@colegio.example", to=to) == oficio.id


def test_only_oficialia_registers_and_only_once(office: Office, town: Institution) -> None:
    ticket_id = receive(office)
    worker = Clerk(office, town.accounts["worker"])
    assert "Es un oficio" not in worker.get(f"/admin/casos/{ticket_id}").text
    assert worker.post(f"/admin/casos/{ticket_id}/es-oficio").status_code == 403
    clerk = Clerk(office, town.accounts["oficialia"])
    clerk.post(f"/admin/casos/{ticket_id}/es-oficio")
    assert clerk.post(f"/admin/casos/{ticket_id}/es-oficio").status_code == 409
    with office.database.reading() as session:
        assert len(session.scalars(select(Oficio)).all()) == 1


def test_a_clerk_turns_into_a_ticket_what_was_taken_for_an_oficio(office: Office, town: Institution) -> None:
    mail = make_mail("Ana Ruiz <ana@obras.jalisco.gob.mx>", subject="Oficio SOP/0456/2026: no imprime",
                     message_id="<uno@obras>",
                     files=[("foto.pdf", "application/pdf", html_to_pdf(PAGE))])  # fmt: skip
    oficio_id = arrive(office, mail, sender="ana@obras.jalisco.gob.mx")
    worker = Clerk(office, town.accounts["worker"])
    assert "Es una solicitud" not in worker.get(f"/admin/casos/{oficio_id}").text
    assert worker.post(f"/admin/casos/{oficio_id}/es-solicitud").status_code == 409
    clerk = Clerk(office, town.accounts["oficialia"])
    assert "Es una solicitud: hacerla ticket" in clerk.get(f"/admin/casos/{oficio_id}").text
    assert "Ahora es la solicitud T-" in clerk.post(f"/admin/casos/{oficio_id}/es-solicitud").text
    with acting(office, town) as (session, _):
        oficio, ticket = session.get_one(Oficio, oficio_id), session.scalars(select(Ticket)).one()
        assert (oficio.state, oficio.merged_into_id, oficio.folio[:3]) == ("merged", ticket.id, "OP-")
        assert (ticket.state, ticket.dependencia_id) == ("new", town.systems.id)
        message = session.scalars(select(Message)).one()
        assert message.case_id == ticket.id and [file.filename for file in message.attachments] == [
            "foto.pdf"
        ]
        folio = ticket.folio
    deliver_mail(office)
    first, *_, last = [one for one in sent_files(office) if one["To"] == "ana@obras.jalisco.gob.mx"]
    assert folio in str(last["Subject"])
    # What is written under the first acuse, and under the old folio, finds the ticket.
    answer = make_mail("Ana Ruiz <ana@obras.jalisco.gob.mx>", subject=f"Re: {first['Subject']}",
                       message_id="<dos@obras>", in_reply_to=str(first["Message-ID"]))  # fmt: skip
    assert arrive(office, answer, sender="ana@obras.jalisco.gob.mx") == ticket.id
    assert clerk.post(f"/admin/casos/{oficio_id}/es-solicitud").status_code == 409
