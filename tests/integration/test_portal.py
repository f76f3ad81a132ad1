"""The citizen's portal (manual R), through its pages: account, requests of every door, profile, own data."""

from __future__ import annotations

import io
import json
import re
import shutil
import zipfile
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from PIL import Image
from pydantic import SecretStr
from sqlalchemy import select

from admin.portal import entry
from intake import cases
from intake.config import Settings
from intake.counter import reception
from intake.counter.reception import Entry, Sender
from intake.office import Office
from models.base import now
from models.case import Case
from models.catalogue import Classification
from models.chat import Rating
from models.contact import Address, AddressKind, Contact
from models.message import Message
from models.outbox_message import OutboxMessage
from models.service_field import FieldKind, FieldValue, ServiceField
from models.ticket import Ticket
from models.user import User
from templates import language
from tests.support.documents import acting
from tests.support.institution import Institution, found_institution
from tests.support.mails import make_mail
from tests.support.panel import Clerk, arrive, give_logins
from tests.support.portal import ANA, PASSWORD, Visitor

PNG = b"\x89PNG\r\n\x1a\n" + bytes(60)


@pytest.fixture(scope="module")
def office(migrated_sqlite: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    folder = tmp_path_factory.mktemp("portal")
    shutil.copy(migrated_sqlite, folder / "office.db")
    settings = Settings(
        _env_file=None,
        database_url=f"sqlite:///{folder / 'office.db'}", store_url=f"file:{folder / 'files'}",
        outgoing_dir=folder / "outgoing", domain="example.gob.mx",
        secret_key=SecretStr("only for tests, and longer than thirty-two bytes"),
    )  # fmt: skip
    opened = Office.open(settings)
    yield opened
    opened.database.close()


@pytest.fixture(scope="module")
def town(office: Office) -> Institution:
    with office.database.writing() as session:
        town = found_institution(session)
        give_logins(session, town)
        made = town.support.id
        session.add_all([
            Classification(name="Sistemas de Información", description="programas", examples="Ej. Sideol",
                           position=1),
            Classification(name="Soporte técnico", description="asistencia", position=2,
                           dependencia_id=town.systems.id),
            ServiceField(service_id=made, label="Número de inventario", is_required=True, position=1,
                         help="Está en la etiqueta del equipo."),
            ServiceField(service_id=made, label="Piso", kind=FieldKind.CHOICE, position=2,
                         choices=["Planta baja", "Planta alta"]),
            ServiceField(service_id=made, label="Desde cuándo", kind=FieldKind.DATE, position=3),
            ServiceField(service_id=made, label="Foto de la etiqueta", kind=FieldKind.FILE, position=4),
        ])  # fmt: skip
    return town


@pytest.fixture(autouse=True)
def anew(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Each test may ask for links again, and leaves the language of the next one alone."""
    monkeypatch.setattr(entry, "asked_mail", type(entry.asked_mail)(12, 3600))
    token = language.set("es")
    yield
    language.reset(token)


@pytest.fixture
def ana(office: Office, town: Institution) -> Visitor:
    """Ana, who has an account from her first test on."""
    visitor = Visitor(office)
    with office.database.reading() as session:
        known = session.scalar(select(User).where(User.email == ANA))
    if known is None:
        visitor.create_account()
    else:
        visitor.enter_as(known)
    return visitor


def area(office: Office, name: str) -> int:
    with office.database.reading() as session:
        return session.scalars(select(Classification.id).where(Classification.name == name)).one()


def newest(office: Office) -> Ticket:
    with office.database.reading() as session:
        return session.scalars(select(Ticket).order_by(Ticket.id.desc())).first()  # type: ignore[return-value]


def test_an_account_is_made_with_a_confirmed_mail_and_with_the_same_answer_for_a_known_one(
    office: Office, town: Institution
) -> None:
    visitor = Visitor(office)
    first = visitor.post("/crear-cuenta", email="Beto@Example.com").text
    assert "Enviamos un mensaje a Beto@Example.com" in first
    link = visitor.link("beto@example.com")
    assert visitor.get(link).status_code == 200 and "beto@example.com" in visitor.get(link).text
    short = visitor.post(link, name="Beto", password="corta")
    assert short.status_code == 422 and "entre 10 y 200" in short.text and 'value="Beto"' in short.text
    assert "Mis solicitudes" in visitor.post(link, name="Beto", password=PASSWORD).text
    assert Visitor(office).get(link).status_code == 404, "The link of the mail works once."
    again = Visitor(office)
    second = again.post("/crear-cuenta", email="Beto@Example.com").text
    assert _without_tokens(second) == _without_tokens(first), "Who asks learns nothing of the address."
    known = again.mails("beto@example.com")[-1]
    assert known.kind == "portal_known"
    # A staff address: no way in without a password, and the same words.
    staff = town.accounts["worker"].person.email or ""
    assert "Enviamos un mensaje" in again.post("/crear-cuenta", email=staff).text
    assert "/recuperar/" in again.link(staff)


def _without_tokens(page: str) -> str:
    return re.sub(r'name="csrf_token" value="[^"]+"', "", page)


def test_nobody_is_flooded_with_links_and_no_client_asks_without_end(
    office: Office, town: Institution, monkeypatch: pytest.MonkeyPatch
) -> None:
    visitor = Visitor(office)
    for _ in range(5):
        assert "Enviamos un mensaje" in visitor.post("/crear-cuenta", email="caro@example.com").text
    assert len(visitor.mails("caro@example.com")) == 3
    monkeypatch.setattr(entry, "asked_mail", type(entry.asked_mail)(1, 3600))
    visitor.post("/entrar/enlace", email="otra@example.com")
    assert visitor.post("/entrar/enlace", email="otra@example.com").status_code == 429
    monkeypatch.setattr(entry, "asked_mail", type(entry.asked_mail)(12, 3600))
    assert visitor.post("/recuperar", email="no es correo").status_code == 422
    visitor.post("/recuperar", email="nadie@example.com")
    assert visitor.mails("nadie@example.com") == []


def test_one_enters_with_a_link_or_a_password_and_a_forgotten_password_is_chosen_anew(
    office: Office, ana: Visitor
) -> None:
    visitor = Visitor(office)
    visitor.post("/entrar/enlace", email=ANA)
    link = visitor.link()
    assert "Oprima el botón" in visitor.get(link).text
    assert "Mis solicitudes" in visitor.post(link).text
    assert visitor.get(link).status_code == 404
    other = Visitor(office)
    assert "Mis solicitudes" in other.post("/entrar", identity=ANA, password=PASSWORD).text
    third = Visitor(office)
    third.post("/recuperar", email=ANA)
    assert "Su contraseña cambió" in third.post(third.link(), password=PASSWORD + " más").text
    assert "Crear cuenta" in other.get("/").text, "A new password ends the other sessions."
    third.post("/perfil/contrasena", page="/perfil", current=PASSWORD + " más", password=PASSWORD)


def test_a_request_goes_through_the_desk_with_its_fields_and_shows_what_other_doors_brought(
    office: Office, town: Institution, ana: Visitor
) -> None:
    support = town.support.id
    form = ana.get("/solicitudes/nueva", servicio=support).text
    for words in ("Sistemas de Información", "Ej. Sideol", "Número de inventario", "Está en la etiqueta"):
        assert words in form
    with office.database.reading() as session:
        fields = {one.label: f"field-{one.id}" for one in session.scalars(select(ServiceField))}
    given = {
        "subject": "No enciende la impresora", "text": "Desde ayer.", "service": support,
        "classification": area(office, "Soporte técnico"), fields["Piso"]: "planta ALTA",
        fields["Desde cuándo"]: "20/11/2026",
    }  # fmt: skip
    refused = ana.post("/solicitudes/nueva", given)
    assert refused.status_code == 422 and "Falta «Número de inventario»" in refused.text
    assert "Desde ayer." in refused.text
    opened = ana.post("/solicitudes/nueva", given | {
        fields["Número de inventario"]: "INV-77",
        fields["Foto de la etiqueta"]: (io.BytesIO(PNG), "etiqueta.png"),
        "files": [(io.BytesIO(PNG + b"2"), "captura.png")],
    }).text  # fmt: skip
    ticket = newest(office)
    assert f"Su folio es {ticket.folio}" in opened and ticket.channel == "portal"
    assert ticket.classification == "Soporte técnico" and ticket.dependencia_id == town.systems.id
    for words in ("INV-77", "Planta alta", "20 nov 2026", "etiqueta.png", "captura.png", "Desde ayer."):
        assert words in opened
    with office.database.reading() as session:
        values = session.scalars(select(FieldValue).where(FieldValue.case_id == ticket.id)).all()
        assert {one.label for one in values} == set(fields)
        told = session.scalars(select(OutboxMessage).where(OutboxMessage.case_id == ticket.id))
        assert next(iter(told)).kind == "acuse"
    shown = Clerk(office, town.accounts["head"]).get(f"/admin/casos/{ticket.id}").text
    assert "INV-77" in shown and "Número de inventario" in shown and "Planta alta" in shown
    by_mail = arrive(office, make_mail(f"Ana <{ANA}>", subject="Falla el correo", text="Ayuda",
                                       message_id="<ana-1@example.com>"))  # fmt: skip
    listed = ana.get("/solicitudes").text
    assert "Falla el correo" in listed and "No enciende la impresora" in listed
    assert "Falla el correo" not in ana.get("/solicitudes", asunto="IMPRESORA no").text
    assert "Falla el correo" not in ana.get("/solicitudes", folio=ticket.folio.lower()).text
    assert "No enciende" not in ana.get("/solicitudes", estado="closed").text
    assert "Ayuda" in ana.get(f"/solicitudes/{by_mail}").text


def test_a_request_is_followed_closed_rated_and_reopened_and_only_by_its_requester(
    office: Office, town: Institution, ana: Visitor
) -> None:
    ana.post("/solicitudes/nueva", subject="Teclado", text="No escribe la ñ.",
             classification=area(office, "Soporte técnico"))  # fmt: skip
    ticket = newest(office)
    page = f"/solicitudes/{ticket.id}"
    assert ticket.dependencia_id == town.systems.id and "«Soporte técnico»" in ticket.routing_reason
    version = ana.get(page).text.partition('data-version="')[2].partition('"')[0]
    assert ana.get(f"{page}/novedades", version=version).status_code == 204
    with acting(office, town) as (session, people):
        case = session.get_one(Case, ticket.id)
        cases.answer(session, office, case, people["worker"], text="Mañana lo cambiamos.", to=[ANA])
        cases.add_note(session, office, case, people["worker"], text="Ya no hay teclados.")
        shop = ["proveedor@example.com"]
        cases.answer(session, office, case, people["worker"], text="¿Tiene uno?", to=shop)
    news = ana.get(f"{page}/novedades", version=version)
    assert "Mañana lo cambiamos." in news.text and "En atención" in news.text
    assert "Ya no hay" not in news.text and "¿Tiene uno?" not in news.text
    assert "Agregamos su mensaje" in ana.post(page, text="Gracias", files=[(io.BytesIO(PNG), "a.png")]).text
    empty = ana.post(page, text=" ")
    assert empty.status_code == 422
    assert "quedó cerrada" in ana.post(f"{page}/close", page=page).text
    assert "Gracias por su calificación" in ana.post(f"{page}/rate", page=page, score=4, words="Bien").text
    assert "se abrió de nuevo" in ana.post(f"{page}/reopen", page=page).text
    with office.database.reading() as session:
        assert session.get_one(Rating, ticket.id).score == 4
        own = session.scalars(select(Message).where(Message.case_id == ticket.id)).all()
        file = own[-1].attachments[0].id
    stranger = Visitor(office)
    stranger.create_account("dora@example.com", "Dora")
    for path in (page, f"{page}/novedades", f"/solicitudes/archivo/{file}/a.png"):
        assert stranger.get(path).status_code == 404, path
        assert "Entrar" in Visitor(office).get(path).text
    assert ana.get(f"/solicitudes/archivo/{file}/a.png").status_code == 200
    assert stranger.post(f"{page}/close", page="/perfil").status_code == 404
    assert ticket.folio not in stranger.get("/solicitudes").text


def test_an_address_that_a_clerk_added_opens_no_second_account(office: Office, ana: Visitor) -> None:
    with office.database.writing() as session:
        contact = session.scalars(select(Contact).join(User).where(User.email == ANA)).one()
        contact.addresses.append(Address(kind=AddressKind.EMAIL, value="otra@example.com"))
    other = Visitor(office)
    other.post("/crear-cuenta", email="otra@example.com")
    refused = other.post(other.link("otra@example.com"), name="Otra", password=PASSWORD)
    assert refused.status_code == 422 and "Entrar" in other.get("/solicitudes").text


def test_who_calls_themselves_as_somebody_else_gets_none_of_their_papers(
    office: Office, town: Institution
) -> None:
    impostor = Visitor(office)
    impostor.create_account("impostor@example.com", "Luis Soto Colegio Hidalgo")
    for email in ("", "luis@colegio.example"):
        with acting(office, town) as (session, people):
            typed = Sender("Luis Soto", institution="Colegio Hidalgo", email=email)
            entry = Entry(typed, "Queja reservada", now().date() - timedelta(days=1))
            folio = reception.register(session, office, people["oficialia"], entry).folio
        assert folio not in impostor.get("/solicitudes").text, email
    with office.database.reading() as session:
        own = select(Address.value).join(Contact).where(Contact.name == "Luis Soto Colegio Hidalgo")
        assert session.scalars(own).all() == ["impostor@example.com"]


def test_the_profile_keeps_picture_language_and_ways_to_be_told(office: Office, ana: Visitor) -> None:
    picture = io.BytesIO()
    Image.new("RGB", (900, 300), "teal").save(picture, "PNG")
    picture.seek(0)
    assert "Su imagen cambió" in ana.post("/perfil/imagen", page="/perfil", avatar=(picture, "yo.png")).text
    kept = Image.open(io.BytesIO(ana.get("/perfil/imagen").data))
    assert kept.size == (256, 256) and kept.format == "JPEG"
    bad = ana.post("/perfil/imagen", page="/perfil", avatar=(io.BytesIO(b"<svg onload=x>"), "yo.png"))
    assert bad.status_code == 422 and "no es una imagen" in bad.text
    # Six thousand bytes that need half a gigabyte to be read.
    bomb = io.BytesIO()
    Image.new("P", (7_071, 7_071)).save(bomb, "PNG")
    bomb.seek(0)
    large = ana.post("/perfil/imagen", page="/perfil", avatar=(bomb, "yo.png"))
    assert large.status_code == 422 and "demasiado grande" in large.text
    none = ana.post("/perfil", name="Ana Ruiz", language="es")
    assert none.status_code == 422 and "al menos un medio" in none.text
    assert "We saved your changes" in ana.post("/perfil", name="Ana R.", language="en", email="on").text
    assert "My requests" in ana.get("/solicitudes").text
    ana.post("/perfil", name="Ana Ruiz", language="es", email="on", telegram="on")
    wrong = ana.post("/perfil/contrasena", page="/perfil", current="no es", password=PASSWORD)
    assert wrong.status_code == 422 and "no es esa" in wrong.text


def test_who_leaves_takes_the_data_along_and_is_forgotten_while_the_correspondence_stays(
    office: Office, town: Institution
) -> None:
    eva = Visitor(office)
    eva.create_account("eva@example.com", "Eva Luna")
    eva.post("/solicitudes/nueva", subject="Constancia", text="La necesito.",
             classification=area(office, "Soporte técnico"),
             files=[(io.BytesIO(PNG), "acta.png")])  # fmt: skip
    ticket = newest(office)
    with zipfile.ZipFile(io.BytesIO(eva.get("/perfil/datos").data)) as archive:
        data = json.loads(archive.read("datos.json"))
        (request,) = data["requests"]
        assert data["email"] == "eva@example.com" and request["folio"] == ticket.folio
        assert archive.read(request["messages"][0]["files"][0]["path"]) == PNG
    still_open = eva.post("/perfil/borrar", email="eva@example.com")
    assert still_open.status_code == 422 and "abiertas" in still_open.text
    eva.post(f"/solicitudes/{ticket.id}/close", page="/perfil")
    assert eva.post("/perfil/borrar", email="otra@example.com").status_code == 422
    assert "Ley General de Archivos" in eva.get("/perfil/borrar").text
    assert "Borramos su cuenta" in eva.post("/perfil/borrar", email="eva@example.com").text
    assert "Crear cuenta" in eva.get("/solicitudes").text, "The session ended with the account."
    with office.database.reading() as session:
        case = session.get_one(Case, ticket.id)
        message = session.scalars(select(Message).where(Message.case_id == ticket.id)).first()
        assert message is not None and message.reply_text == "La necesito."
        assert message.attachments[0].filename == "acta.png"
        assert "Eva" not in f"{message.sender_name}{message.sender_address}{case.requester.name}"
        assert session.scalar(select(Address).where(Address.value == "eva@example.com")) is None
        assert session.scalar(select(User).where(User.email == "eva@example.com")) is None
        erased = session.get_one(Contact, case.requester_id)
        assert erased.erased_at is not None and erased.erased_at <= now()


def test_a_servidor_publico_asks_too_and_the_first_page_is_light(office: Office, town: Institution) -> None:
    clerk = Clerk(office, town.accounts["worker"])
    assert clerk.client.get("/").location == "/admin/"
    assert "Mis solicitudes" in clerk.get("/solicitudes").text and "Panel" in clerk.get("/solicitudes").text
    visitor = Visitor(office)
    page = visitor.get("/").text
    assets = re.findall(r'(?:href|src)="(/static/[^"]+)"', page)
    total = len(page.encode()) + sum(len(visitor.get(one).data) for one in assets)
    assert len(assets) >= 4 and total < 100_000, f"{total} bytes"
    english = visitor.post("/idioma", page="/crear-cuenta", language="en", next="/crear-cuenta")
    assert "Create account" in english.text and '<html lang="en">' in english.text
    for place in ("//evil.example", "/\\evil.example", "/\t/evil.example", "/\n/evil.example"):
        away = visitor.post("/idioma", page="/crear-cuenta", language="es", next=place)
        assert away.status_code == 200 and away.request.path == "/", place
