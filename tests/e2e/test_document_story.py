"""One correspondence from end to end: an oficio by mail, confirmed, answered with e.firma, answered back.

`oficialia serve` runs as people run it; mail goes over SMTP both ways, and people work in Chromium.
"""

from __future__ import annotations

import re
import signal
from collections.abc import Iterator
from email.message import EmailMessage
from pathlib import Path

import pytest
from playwright.sync_api import FilePayload, Page, expect
from sqlalchemy import select

from intake.config import Settings
from intake.issued import issuing
from intake.issued.pdf import html_to_pdf
from intake.office import Office
from models.acuse import Acuse
from models.message import Message
from models.oficio import Flow, Oficio
from models.person import Account
from tests.support.browser import must_fit, photograph
from tests.support.command import Place
from tests.support.documents import poppler
from tests.support.documents_panel import editor
from tests.support.efirma import PASSWORD, Authority, EfirmaFiles
from tests.support.institution import Institution, found_institution
from tests.support.mails import make_mail
from tests.support.panel import give_logins, log_in
from tests.support.program import Program
from tests.support.relay import Relay
from tests.support.swaks import run_swaks

pytestmark = pytest.mark.browser

ELENA = "elena@obras.jalisco.gob.mx"
PAGE = """
<p>Secretaría de Obras Públicas</p><p>Oficio Núm. SOP/DP/0456/2026</p>
<p>ASUNTO: Se solicita relación de obras</p>
<p>Guadalajara, Jalisco, a 3 de enero de 2026</p>
<p>Le solicito la relación de obras en un plazo no mayor a 5 días hábiles.</p>
<p>ATENTAMENTE</p><p>MTRA. ELENA RUIZ ÁVILA</p><p>DIRECTORA DE PROYECTOS</p>
"""


@pytest.fixture
def place(tmp_path: Path, migrated_sqlite: Path, relay: Relay) -> Place:
    """A folder with an office that sends through *relay* and trusts the authority of `efirma`."""
    made = Place(tmp_path / "office")
    made.settings |= {
        "OFICIALIA_DATABASE_URL": f"sqlite:///{made.folder}/register.db",
        "OFICIALIA_STORE_URL": f"file:{made.folder}/files",
        "OFICIALIA_OUTGOING_DIR": f"{made.folder}/var/outgoing",
        "OFICIALIA_RELAY_URL": relay.url,
        "OFICIALIA_DOMAIN": "example.gob.mx",
        "OFICIALIA_EFIRMA_FOLDER": str(made.folder / "sat"),
        "OFICIALIA_AUTHENTICATE": "off",
    }
    (made.folder / "register.db").write_bytes(migrated_sqlite.read_bytes())
    return made


@pytest.fixture
def office(place: Place) -> Iterator[Office]:
    """The same office, for the test to look into."""
    values = {name.removeprefix("OFICIALIA_").lower(): value for name, value in place.settings.items()}
    opened = Office.open(Settings(_env_file=None, **values))  # type: ignore[arg-type]
    yield opened
    opened.database.close()


@pytest.fixture
def efirma(place: Place) -> EfirmaFiles:
    authority = Authority()
    authority.write_trust(place.folder / "sat")
    return authority.issue()


@pytest.fixture
def town(office: Office) -> Institution:
    with office.database.writing() as session:
        town = found_institution(session)
        give_logins(session, town)
        head = session.get_one(Account, town.accounts["head"].id)
        head.is_signer, head.person.rfc = True, "TOLJ800101AB1"
    return town


@pytest.fixture
def address(place: Place, town: Institution) -> Iterator[str]:
    """All roles running; gives where the panel is."""
    program: Program = place.program("serve", "--workers", "1", stop_signal=signal.SIGINT)
    program.start(lambda: "Ctrl-C" in program.output, timeout=90)
    yield f"http://127.0.0.1:{place.web_port}"
    program.stop(30)


def send(place: Place, mail: bytes, to: str) -> None:
    path = place.folder / "mail.eml"
    path.write_bytes(mail)
    run = run_swaks(place.smtp_port, "--data", f"@{path}", to=to, sender=ELENA)
    assert run.is_accepted, run.transcript


def elena_gets(relay: Relay, number: int) -> EmailMessage:
    """Her mail with that number, counted from one."""

    def hers() -> list[EmailMessage]:
        return [one.message for one in relay.received if ELENA in one.recipients]

    count = 1
    while len(hers()) < number:
        relay.wait_for(count, timeout=60)
        count = len(relay.received) + 1
    return hers()[number - 1]


def pdf_in(mail: EmailMessage) -> bytes:
    (pdf,) = [one.get_content() for one in mail.iter_attachments()
              if one.get_content_type() == "application/pdf"]  # fmt: skip
    assert isinstance(pdf, bytes)
    return pdf


def confirm(page: Page, address: str, town: Institution) -> None:
    """The clerk corrects the signatory, and confirms the rest as it was read."""
    log_in(page, address, town.accounts["oficialia"])
    page.get_by_role("link", name="Solicitud de información").click()
    read = page.get_by_role("form", name="Leído en el documento")
    expect(read.get_by_role("textbox", name="Número de oficio")).to_have_value("SOP/DP/0456/2026")
    expect(read).to_contain_text("en la primera hoja de oficio.pdf")
    expect(read.locator("q").filter(has_text="Oficio Núm. SOP/DP/0456/2026")).to_have_count(1)
    photograph(page, "oficio-leido")
    read.get_by_role("textbox", name="Firmante").fill("Mtra. Elena Ruiz Ávila")
    read.get_by_role("button", name="Confirmar").click()
    expect(page.locator(".toast")).to_contain_text("quedaron registrados")
    expect(page.get_by_role("form", name="Leído en el documento")).to_have_count(0)
    expect(page.locator("#case h1")).to_have_text("Se solicita relación de obras")
    expect(page.locator(".facts")).to_contain_text("Mtra. Elena Ruiz Ávila")
    photograph(page, "oficio-confirmado")


def answer(page: Page, address: str, town: Institution, efirma: EfirmaFiles) -> None:
    """The head writes the answer, which asks for its e.firma, and signs it."""
    page.context.clear_cookies()
    log_in(page, address, town.accounts["head"])
    page.get_by_role("link", name="Se solicita relación de obras").click()
    page.locator("#case").get_by_text("Más", exact=True).click()
    page.get_by_role("button", name="Responder con un documento").click()
    expect(page.get_by_label("Asunto")).to_have_value(re.compile("SOP/DP/0456/2026"))
    editor(page).fill("Se remite la relación de obras.")
    page.get_by_text("Lugar, plazo y firma").click()
    page.locator("input[name=needs_efirma]").check()
    page.get_by_role("button", name="Enviar", exact=True).click()
    expect(page.get_by_role("heading", name="Registrado con éxito")).to_be_visible()
    page.goto(f"{address}/admin/tablero/?carpeta=to_sign")
    page.get_by_role("link", name=re.compile("^Respuesta a SOP")).click()
    page.locator("main").get_by_role("link", name="Firmar", exact=True).click()
    page.get_by_label("Certificado (.cer)").set_input_files(_file("jaime.cer", efirma.certificate))
    page.get_by_label("Llave privada (.key)").set_input_files(_file("jaime.key", efirma.key))
    page.get_by_label("Contraseña de la llave privada").fill(PASSWORD)
    page.get_by_role("button", name="Firmar").click()
    expect(page.locator(".toast")).to_contain_text(re.compile("[Ff]irmad"))


def _file(name: str, content: bytes) -> FilePayload:
    return {"name": name, "mimeType": "application/octet-stream", "buffer": content}


@pytest.mark.timeout(300)
def test_an_oficio_by_mail_is_confirmed_answered_with_efirma_and_answered_back_in_one_thread(
    page: Page, place: Place, office: Office, town: Institution, efirma: EfirmaFiles, relay: Relay,
    address: str, tmp_path: Path,
) -> None:  # fmt: skip
    send(place, make_mail(f"Elena Ruiz <{ELENA}>", subject="Solicitud de información",
                          text="Se adjunta oficio.", message_id="<uno@obras.jalisco.gob.mx>",
                          files=[("oficio.pdf", "application/pdf", html_to_pdf(PAGE))]),
         "soporte@example.gob.mx")  # fmt: skip
    acuse = elena_gets(relay, 1)
    assert "<uno@obras.jalisco.gob.mx>" in str(acuse["References"])
    assert "Signature is Valid." in poppler("pdfsig", pdf_in(acuse), tmp_path)

    confirm(page, address, town)
    answer(page, address, town, efirma)

    document = elena_gets(relay, 2)
    pdf = pdf_in(document)
    assert "<uno@obras.jalisco.gob.mx>" in str(document["References"])
    assert "JAIME TORRES LUNA" in poppler("pdfsig", pdf, tmp_path)
    assert "Se remite la relación de obras." in poppler("pdftotext", pdf, tmp_path)
    look_from_outside(page, document, pdf, tmp_path)

    before = len(relay.received)
    send(place, make_mail(f"Elena Ruiz <{ELENA}>", str(document["Reply-To"]), f"RE: {document['Subject']}",
                          "Recibido, muchas gracias.", in_reply_to=str(document["Message-ID"])),
         str(document["Reply-To"]).rpartition("<")[2].rstrip(">"))  # fmt: skip
    told = relay.wait_for(before + 1, timeout=60)[-1]
    assert "Recibido, muchas gracias." in told.message.get_body(("plain",)).get_content()  # type: ignore[union-attr]

    with office.database.reading() as session:
        received = session.scalars(select(Oficio).where(Oficio.flow == Flow.RECEIVED)).one()
        issued = session.scalars(select(Oficio).where(Oficio.flow == Flow.ISSUED)).one()
        assert (received.state, issued.state) == ("answered", "sent")
        assert [one.id for one in issuing.thread_cases(session, received)] == [received.id, issued.id]
        thread = session.scalars(select(Message).order_by(Message.id)).all()
        assert [(one.direction, one.case_id) for one in thread] == [
            ("in", received.id),
            ("out", issued.id),
            ("in", issued.id),
        ]
        assert session.scalars(select(Acuse.case_id)).one() == received.id
    # And the head sees it so: the answer on the document, and the document beside what it answers.
    page.goto(f"{address}/admin/documentos/{issued.id}")
    expect(page.locator("main")).to_contain_text("Recibido, muchas gracias.")
    expect(page.get_by_role("link", name=re.compile(received.folio))).to_be_visible()
    page.goto(f"{address}/admin/casos/{received.id}")
    expect(page.locator(".facts")).to_contain_text(f"Respondido con {issued.folio}")


def look_from_outside(page: Page, document: EmailMessage, pdf: bytes, tmp_path: Path) -> None:
    """Elena opens the link of the mail, and somebody else verifies the document by its code and its file."""
    body = document.get_body(("plain",))
    assert body is not None
    words = body.get_content()
    link = re.search(r"http\S+/documento/\S+", words)
    code = re.search(r"http\S+/verificar/\S+[A-Z2-7]", words)
    assert link and code
    visitor = page.context.browser.new_context(locale="es-MX", accept_downloads=True)  # type: ignore[union-attr]
    window = visitor.new_page()
    window.goto(link[0])
    expect(window.get_by_role("heading")).to_contain_text("Respuesta a SOP/DP/0456/2026")
    photograph(window, "enlace")
    expect(window.get_by_role("button", name="Abrir el documento")).to_be_visible()
    window.goto(code[0])
    expect(window.get_by_role("status")).to_contain_text("emitió este documento y está vigente")
    expect(window.locator(".signatures")).to_contain_text("Jaime Torres")
    expect(window.locator(".signatures .pill")).to_have_text("Firma válida")
    photograph(window, "verificar-codigo")
    altered = pdf[:2000] + bytes([pdf[2000] ^ 1]) + pdf[2001:]
    for content, said in ((pdf, "Es auténtico"), (altered, "NO es auténtico")):
        path = tmp_path / "subido.pdf"
        path.write_bytes(content)
        window.get_by_label("Archivo PDF").set_input_files(path)
        window.get_by_role("button", name="Comparar el archivo").click()
        expect(window.get_by_role("status")).to_contain_text(said)
        photograph(window, "verificar-" + said.split()[0].lower())
        must_fit(window)
    visitor.close()
