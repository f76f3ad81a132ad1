"""What the panel says of archives and wrapped files that came by mail."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import select

from intake import spool
from intake.office import Office
from intake.pipeline import process_spooled
from models.message import Attachment, Message
from tests.support.institution import Institution
from tests.support.panel import Clerk, give_login

CORPUS = Path(__file__).parent.parent / "corpus"


def arrive(office: Office, town: Institution, name: str) -> Attachment:
    """File the mail of the corpus and give back its first file."""
    raw = (CORPUS / f"{name}.eml").read_bytes()
    spool.store(office, [spool.Arrival("smtp", raw, "ana@correo.example", (town.mailbox.address,))])
    process_spooled(office)
    with office.database.writing() as session:
        give_login(session, session.merge(town.accounts["oficialia"]))
        return session.scalars(select(Attachment).order_by(Attachment.position)).first() or Attachment()


def test_a_clerk_sees_what_an_archive_holds_without_opening_it(office: Office, town: Institution) -> None:
    file = arrive(office, town, "archivo-7z-con-ejecutable")
    clerk = Clerk(office, town.accounts["oficialia"])
    assert clerk.get(f"/admin/archivos/contenido/{file.id}").text.splitlines() == [
        "informe año 1.txt", "informe año 2.txt", "prog.exe"
    ]  # fmt: skip
    assert clerk.get(f"/admin/archivos/{file.id}/x.7z").status_code == 404


def test_an_archive_with_a_password_is_said_to_have_one(office: Office, town: Institution) -> None:
    file = arrive(office, town, "archivo-rar-con-clave")
    with office.database.reading() as session:
        message = session.scalars(select(Message)).one()
        assert "con contraseña" in message.authentication["sentence"]
    shown = Clerk(office, town.accounts["oficialia"]).get(f"/admin/archivos/contenido/{file.id}").text
    assert "contraseña" in shown


def test_an_outlook_msg_comes_also_as_a_mail_that_anybody_opens(office: Office, town: Institution) -> None:
    arrive(office, town, "outlook-msg-adjunto-tambien-como-correo")
    with office.database.reading() as session:
        files = session.scalars(select(Attachment).order_by(Attachment.position)).all()
        assert [(file.filename, file.content_type) for file in files] == [
            ("solicitud.msg", "application/vnd.ms-outlook"),
            ("solicitud.eml", "message/rfc822"),
        ]
