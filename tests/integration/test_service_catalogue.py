"""The catalogue of manual O: every sentence of it published, versions that stay, and what services ask."""

from __future__ import annotations

import csv
import io
import re
import shutil
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
from pydantic import SecretStr
from pypdf import PdfReader
from sqlalchemy import select

from intake import spool
from intake.config import Settings
from intake.demo import demo
from intake.errors import InvalidInput
from intake.office import Office
from intake.pipeline import process_spooled
from intake.services import missing_fields, service_fields
from intake.services.flow_diagrams import read_steps
from models.commitment import CasePause, PauseReason
from models.event import Event
from models.outbox_message import OutboxMessage
from models.person import Account
from models.service import Service
from models.service_field import FieldKind, FieldValue, ServiceField
from models.ticket import Ticket
from models.user import User
from tests.support.desk import as_sent
from tests.support.mails import make_mail
from tests.support.manual_of_services import SENTENCES, TOWN, flat
from tests.support.panel import Clerk
from tests.support.portal import Visitor
from tests.support.spreadsheets import rows_in

ANA = "ana@example.com"


@pytest.fixture(scope="module")
def office(migrated_sqlite: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    """The demo institution, whose catalogue is that of the manual."""
    folder = tmp_path_factory.mktemp("catalogue")
    shutil.copy(migrated_sqlite, folder / "office.db")
    opened = Office.open(Settings(
        _env_file=None,
        database_url=f"sqlite:///{folder / 'office.db'}", store_url=f"file:{folder / 'files'}",
        outgoing_dir=folder / "outgoing", domain="sanmarcos.example", institution=TOWN,
        secret_key=SecretStr("only for tests, and longer than thirty-two bytes"),
    ))  # fmt: skip
    with opened.database.writing() as session:
        demo.install(session, demo.read_plan(opened), hash_password=lambda password: "not for entering")
    yield opened
    opened.database.close()


def clerk(office: Office, login: str) -> Clerk:
    with office.database.reading() as session:
        user = session.scalars(select(User).where(User.email == f"{login}@sanmarcos.example")).one()
        return Clerk(office, session.get_one(Account, user.account_id))


def test_the_printed_manual_says_every_sentence_of_the_manual_with_its_sections_and_diagrams(
    office: Office,
) -> None:
    answer = Visitor(office).get("/servicios/manual.pdf")
    assert answer.mimetype == "application/pdf"
    pages = [page.extract_text() for page in PdfReader(io.BytesIO(answer.data)).pages]
    printed = re.sub(r"manualdeservicios(?=\d*$)", "", flat("".join(pages)))
    missing = [one for one in SENTENCES.strip().splitlines() if flat(one) not in printed]
    assert missing == []
    contents = flat(pages[1] + pages[2])
    assert contents.startswith(flat("ÍNDICE INTRODUCCIÓN")) and flat("TRANSITORIOS....") in contents
    assert printed.count(flat("Inicio")) >= 6 and printed.count(flat("Área responsable")) >= 4


def test_the_catalogue_is_a_page_for_everybody_with_all_that_the_manual_says_of_a_service(
    office: Office,
) -> None:
    visitor = Visitor(office)
    page = visitor.get("/servicios").text
    for name in (
        "Mantenimiento preventivo",
        "Soporte técnico",
        "Impresión de credenciales",
        "Asesorías",
        "Desarrollo de plataformas web",
        "Implementación de solución tecnológica (Proyectos)",
    ):
        assert name in page
    one = visitor.get("/servicios/impresion-de-credenciales").text
    for words in (
        "5 minutos por cada credencial.",
        "Al final de la administración.",
        "<svg",
        "ext. 1004",
        "Reglamento de la Ley de Planeación",
        "Nombres como irán en las credenciales",
    ):
        assert words in one
    assert visitor.get("/servicios/no-hay").status_code == 404


def test_what_was_published_stays_and_a_ticket_shows_under_which_version_it_was_opened(
    office: Office,
) -> None:
    admin = clerk(office, "administracion")
    case_id = arrive_at(office, "soporte@sanmarcos.example", "No hay red", "v1@example.com")
    with office.database.reading() as session:
        advice = session.scalars(select(Service).where(Service.slug == "asesorias")).one()
    with office.database.writing() as session:
        session.get_one(Service, advice.id).cost = "Cien pesos."
    assert "Hay cambios sin publicar" in admin.get("/admin/catalogo/").text
    assert "Cien pesos." not in Visitor(office).get("/servicios/asesorias").text
    done = admin.post("/admin/catalogo/publicar", note="Sube el costo").text
    assert "Se publicó la versión 2" in done and "Sube el costo" in done and "Rebeca Montes" in done
    assert "Cien pesos." in Visitor(office).get("/servicios/asesorias").text
    assert "Gratuito." in Visitor(office).get("/servicios/version/1/asesorias").text
    seen = clerk(office, "lourdes.pineda").get(f"/admin/casos/{case_id}").text
    assert "Catálogo, versión 1" in seen and "/servicios/version/1" in seen
    texts = admin.post("/admin/catalogo/textos", owner="Dirección X", introduction="Otra")
    assert "Guardamos los textos" in texts.text
    for path in ("/admin/preguntas/", "/admin/clasificaciones/", "/admin/servicios/"):
        assert "Publicar el catálogo" in admin.get(path).text
    shown = admin.get(f"/admin/servicios/editar?id={advice.id}").text
    assert (
        "Cien pesos." in shown
        and "Diagrama de flujo" in shown
        and "Innovación Gubernamental: Recibe" in shown
    )
    made = admin.post("/admin/clasificaciones/nuevo", name="Redes", description="cables", position=3,
                      is_active="y")  # fmt: skip
    assert "Redes" in made.text and made.status_code == 200


def arrive_at(office: Office, to: str, subject: str, sender: str = ANA, text: str = "Por favor.", *,
              message_id: str | None = None, in_reply_to: str = "") -> int:  # fmt: skip
    """A mail of *sender* comes in; gives the id of the newest ticket."""
    mail = make_mail(f"Ana <{sender}>", subject=subject, text=text, message_id=message_id,
                     in_reply_to=in_reply_to)  # fmt: skip
    spool.store(office, [spool.Arrival(door="smtp", raw=mail, envelope_from=sender, envelope_to=(to,))])
    process_spooled(office)
    with office.database.reading() as session:
        return session.scalars(select(Ticket.id).order_by(Ticket.id.desc())).first() or 0


def test_who_wrote_by_mail_is_asked_once_and_the_case_waits_until_the_answer_fills_it(office: Office) -> None:
    case_id = arrive_at(office, "credenciales@sanmarcos.example", "Credenciales nuevas",
                        message_id="<cred@example.com>")  # fmt: skip
    asked = asking(office, case_id)
    assert len(asked) == 1 and "Nombres como irán en las credenciales:" in asked[0].text
    assert "Vigencia de la credencial" not in asked[0].text, "Only what is required is asked for."
    desk = clerk(office, "lourdes.pineda")
    with office.database.reading() as session:
        waits = session.get_one(Ticket, case_id)
        (pause,) = session.scalars(select(CasePause).where(CasePause.case_id == case_id))
        assert (waits.state, pause.reason, pause.ended_at) == ("waiting", PauseReason.REQUESTER, None)
    why = "Se espera del solicitante lo que falta: Nombres como irán en las credenciales"
    assert why in desk.get(f"/admin/casos/{case_id}").text
    assert "Credenciales nuevas" in desk.get("/admin/?bandeja=waiting").text
    answer = "Nombres como irán en las credenciales: Luz Mar, Sol Paz\nVigencia de la credencial: 31/12/2027"
    arrive_at(office, asked[0].from_addr, f"Re: Credenciales nuevas [{folio(office, case_id)}]", text=answer,
              in_reply_to=f"<{asked[0].rfc_message_id}>")  # fmt: skip
    with office.database.reading() as session:
        values = session.scalars(select(FieldValue).where(FieldValue.case_id == case_id)).all()
        assert [one.value for one in values] == ["Luz Mar, Sol Paz", "2027-12-31"]
        actions = [one.action for one in session.scalars(select(Event).where(Event.case_id == case_id))]
        assert actions.count("ask_missing") == 1 and "fields_answered" in actions
        # Nobody had taken it: it is again where it was, and its clock goes on.
        assert session.get_one(Ticket, case_id).state == "new"
        (pause,) = session.scalars(select(CasePause).where(CasePause.case_id == case_id))
        assert pause.ended_at is not None
    assert len(asking(office, case_id)) == 1
    with office.database.writing() as session:
        assert missing_fields.ask(session, office, session.get_one(Ticket, case_id)) is None
    assert "Luz Mar, Sol Paz" in desk.get(f"/admin/casos/{case_id}").text


def test_a_short_reply_alone_fills_the_only_thing_that_was_missing(office: Office) -> None:
    case_id = arrive_at(office, "credenciales@sanmarcos.example", "Una credencial",
                        message_id="<una@example.com>")  # fmt: skip
    notice = asking(office, case_id)[0]
    arrive_at(office, notice.from_addr, f"Re: Una credencial [{folio(office, case_id)}]", text="Luz Mar Ríos",
              in_reply_to=f"<{notice.rfc_message_id}>")  # fmt: skip
    with office.database.reading() as session:
        (value,) = session.scalars(select(FieldValue).where(FieldValue.case_id == case_id))
        assert value.value == "Luz Mar Ríos"


def asking(office: Office, case_id: int) -> list[OutboxMessage]:
    with office.database.reading() as session:
        wanted = select(OutboxMessage).where(OutboxMessage.case_id == case_id)
        return as_sent(session.scalars(wanted.where(OutboxMessage.kind == "missing_fields")))


def folio(office: Office, case_id: int) -> str:
    with office.database.reading() as session:
        return session.get_one(Ticket, case_id).folio


def test_a_clerk_at_the_counter_gives_the_answers_and_the_printed_case_has_them(office: Office) -> None:
    desk = clerk(office, "lourdes.pineda")
    with office.database.reading() as session:
        service = session.scalars(select(Service).where(Service.slug == "impresion-de-credenciales")).one()
        (names, until) = service_fields.fields_of(session, service)
    assert names.label in desk.get(f"/admin/registrar/?servicio={service.id}").text
    given = {"name": "Beto", "address": "beto@example.com", "subject": "Credencial", "text": "Una",
             "service": service.id}  # fmt: skip
    refused = desk.post("/admin/registrar/", **given)
    assert refused.status_code == 422 and f"Falta «{names.label}»" in refused.text
    desk.post(
        "/admin/registrar/", **given, **{f"field-{names.id}": "Beto Sanz", f"field-{until.id}": "2027-01-31"}
    )
    with office.database.reading() as session:
        ticket = session.scalars(select(Ticket).order_by(Ticket.id.desc())).first()
        assert ticket is not None
        assert [one.value for one in service_fields.values_of(session, ticket)] == ["Beto Sanz", "2027-01-31"]
    printed = (
        PdfReader(io.BytesIO(desk.get(f"/admin/casos/{ticket.id}/imprimir").data)).pages[0].extract_text()
    )
    assert "Beto Sanz" in printed


def test_a_list_taken_along_has_a_column_for_each_question_of_its_services(office: Office) -> None:
    desk, worker = clerk(office, "lourdes.pineda"), clerk(office, "ramiro.anguiano")
    with office.database.reading() as session:
        service = session.scalars(select(Service).where(Service.slug == "impresion-de-credenciales")).one()
        (names, until) = service_fields.fields_of(session, service)
    told = {
        "name": "Eva",
        "address": "eva@example.com",
        "subject": "=1+1",
        "service": service.id,
        "channel": "phone",
    }
    desk.post(
        "/admin/registrar/", **told, **{f"field-{names.id}": "=Eva Sol", f"field-{until.id}": "2027-02-28"}
    )
    page = f"bandeja=all&servicio={service.id}"
    assert "/admin/lista.xlsx" in desk.get(f"/admin/filtros?{page}").text
    made = desk.get(f"/admin/lista.xlsx?{page}")
    head, *rows = rows_in(made.data)
    assert head[:3] == ["Folio", "Tipo", "Asunto"] and head[-2:] == [names.label, until.label]
    (eva,) = [row for row in rows if row[2] == "=1+1"]
    assert "teléfono" in eva[head.index("Canal")].lower()
    assert eva[head.index("Correo")] == "eva@example.com" and eva[-2] == "=Eva Sol"
    written = desk.get(f"/admin/lista.csv?{page}&q=Eva").data.decode("utf-8-sig")
    (_, line) = csv.reader(io.StringIO(written))
    assert line[2] == "'=1+1" and line[-2:] == ["'=Eva Sol", "2027-02-28"]
    assert eva[0] not in worker.get(f"/admin/lista.csv?{page}").text, (
        "Nobody takes along what it may not see."
    )
    assert clerk(office, "administracion").get("/admin/lista.csv").status_code == 403
    assert desk.get("/admin/lista.exe").status_code == 404


@pytest.mark.parametrize(
    ("kind", "typed", "kept"),
    [
        (FieldKind.NUMBER, "1,250.50", "1250.50"),
        (FieldKind.NUMBER, "doce", None),
        (FieldKind.NUMBER, "NaN", None),
        (FieldKind.DATE, "3/2/2027", date(2027, 2, 3).isoformat()),
        (FieldKind.DATE, "31/02/2027", None),
        (FieldKind.CHOICE, "planta ALTA", "Planta alta"),
        (FieldKind.CHOICE, "sótano", None),
        (FieldKind.LOCATION, " Hidalgo 65 ", "Hidalgo 65"),
        (FieldKind.TEXT, "x" * 3_000, None),
    ],
)
def test_an_answer_is_kept_in_one_form_or_refused_with_a_sentence(
    kind: FieldKind, typed: str, kept: str | None
) -> None:
    asked = ServiceField(label="Dato", kind=kind, choices=["Planta alta", "Planta baja"])
    if kept is None:
        with pytest.raises(InvalidInput, match="«Dato»"):
            service_fields.check(asked, typed)
    else:
        assert service_fields.check(asked, typed) == kept


def test_a_question_with_choices_is_made_changed_and_refused_with_the_words_kept(office: Office) -> None:
    admin = clerk(office, "administracion")
    with office.database.reading() as session:
        service = session.scalars(select(Service.id).where(Service.slug == "asesorias")).one()
    asked = {"service_id": service, "label": "Piso", "kind": "choice", "is_active": "y"}
    refused = admin.post("/admin/preguntas/nuevo", **asked, choices="Alta")
    assert refused.status_code == 422 and 'value="Piso"' in refused.text
    assert (
        admin.post("/admin/preguntas/nuevo", **asked, choices="Alta\r\nBaja\r\n\r\nAlta").status_code == 200
    )
    with office.database.reading() as session:
        made = session.scalars(select(ServiceField).where(ServiceField.label == "Piso")).one()
        assert made.choices == ["Alta", "Baja"]
    address = f"/admin/preguntas/editar?id={made.id}"
    assert "Alta\nBaja</textarea>" in admin.get(address).text
    admin.post(address, **asked, choices="Sótano\nAlta")
    with office.database.reading() as session:
        assert session.get_one(ServiceField, made.id).choices == ["Sótano", "Alta"]


def test_a_line_of_a_flow_is_a_step_and_a_question_a_decision() -> None:
    steps = read_steps("Usuario: Pide\n\nÁrea: ¿Procede? | Informa: no\nSe entrega")
    assert [(one.who, one.what, one.otherwise, one.is_decision) for one in steps] == [
        ("Usuario", "Pide", "", False),
        ("Área", "¿Procede?", "Informa: no", True),
        ("", "Se entrega", "", False),
    ]
