"""A clerk and an administrator at the second half of the panel, in Chromium, on a desk and on a phone."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
from playwright.sync_api import Page, expect

from intake import outbox, spool
from intake.office import Office
from intake.pipeline import process_spooled
from models.base import now
from models.inbound_mail import InboundMail, InboundStatus
from models.mailbox import Door
from models.message import Message
from models.outbox_message import OutboxStatus
from models.ticket import Ticket
from tests.support.browser import must_fit, photograph
from tests.support.institution import Institution, found_institution, open_case
from tests.support.institution import spool as leave_in_spool
from tests.support.mails import make_mail
from tests.support.panel import give_logins, log_in, served_panel

pytestmark = [
    pytest.mark.browser,
    # What the browser shows does not depend on the database.
    pytest.mark.parametrize("database_url", ["sqlite"], indirect=True),
]


@pytest.fixture
def town(office: Office) -> Institution:
    with office.database.writing() as session:
        institution = found_institution(session)
        give_logins(session, institution)
        return institution


@pytest.fixture
def panel(office: Office, town: Institution) -> Iterator[str]:
    with served_panel(office) as address:
        yield address


def arrive(office: Office, raw: bytes) -> InboundMail:
    (number,) = spool.store(
        office, [spool.Arrival(door="smtp", raw=raw, envelope_to=("soporte@example.gob.mx",))]
    )
    process_spooled(office)
    with office.database.reading() as session:
        return session.get_one(InboundMail, number)


def on_a_phone(page: Page) -> None:
    page.set_viewport_size({"width": 390, "height": 800})


def test_a_reply_from_a_stranger_is_held_and_a_clerk_attaches_it(
    office: Office, town: Institution, panel: str, page: Page
) -> None:
    first = arrive(office, make_mail(message_id="<primero@correo.example>"))
    assert first.status == InboundStatus.PROCESSED
    reply = make_mail("Otro <otro@ajeno.example>", subject="Re: No enciende la impresora",
                      text="Yo también la necesito.", in_reply_to="<primero@correo.example>")  # fmt: skip
    held = arrive(office, reply)
    assert held.status == InboundStatus.HELD
    log_in(page, panel, town.accounts["oficialia"])
    page.get_by_role("link", name="Retenidos").first.click()
    page.get_by_role("link", name="Re: No enciende la impresora").click()
    expect(page.get_by_text("otro@ajeno.example no participa en él")).to_be_visible()
    expect(page.get_by_text("Yo también la necesito.")).to_be_visible()
    photograph(page, "retenido")
    page.get_by_text("Ver el original como texto").click()
    expect(page.get_by_text("Message-ID:")).to_be_visible()
    page.get_by_role("button", name="Agregar").first.click()
    expect(page.get_by_text("Se agregó al folio")).to_be_visible()
    with office.database.reading() as session:
        mail = session.get_one(InboundMail, held.id)
        assert (mail.status, mail.case_id) == (InboundStatus.PROCESSED, first.case_id)
        message = session.get_one(Message, mail.message_id)
        assert "Ofelia Partida" in message.match_reason


def test_a_clerk_finds_another_folio_and_works_by_keyboard(
    office: Office, town: Institution, panel: str, page: Page
) -> None:
    with office.database.writing() as session:
        case = open_case(session, town)
        for _ in range(2):
            leave_in_spool(session, office, make_mail(), reason="Lo decide una persona.")
    log_in(page, panel, town.accounts["oficialia"])
    page.goto(f"{panel}/admin/retenidos/2")
    page.get_by_label("Otro folio").focus()
    page.keyboard.type("1")
    attach = page.locator("#folios").get_by_role("button", name=f"Agregar {case.folio}")
    expect(attach).to_be_visible()
    attach.press("Enter")
    # The next one opens by itself.
    expect(page).to_have_url(f"{panel}/admin/retenidos/1")
    expect(page.get_by_text(f"Se agregó al folio {case.folio}")).to_be_visible()


def test_mail_is_discarded_only_with_a_reason(
    office: Office, town: Institution, panel: str, page: Page
) -> None:
    with office.database.writing() as session:
        mail = leave_in_spool(session, office, make_mail(subject="Ofertas"))
    log_in(page, panel, town.accounts["oficialia"])
    on_a_phone(page)
    page.goto(f"{panel}/admin/retenidos/{mail.id}")
    must_fit(page)
    page.get_by_text("Desechar…").click()
    page.get_by_role("button", name="Desechar el correo").click()
    # The browser asks for the reason before anything is sent.
    expect(page).to_have_url(f"{panel}/admin/retenidos/{mail.id}")
    page.get_by_label("¿Por qué se desecha?").fill("Publicidad")
    page.get_by_role("button", name="Desechar el correo").click()
    expect(page.get_by_text("el original se conserva")).to_be_visible()
    with office.database.reading() as session:
        kept = session.get_one(InboundMail, mail.id)
        assert (kept.status, kept.reason) == (InboundStatus.DISCARDED, "Publicidad")


def test_one_broken_message_is_told_and_retried_while_the_rest_goes_on(
    office: Office, town: Institution, panel: str, page: Page
) -> None:
    with office.database.writing() as session:
        leave_in_spool(session, office, make_mail(), status=InboundStatus.FAILED,
                       reason="Un fallo nuestro.", error="Traceback: se acabó")  # fmt: skip
    log_in(page, panel, town.accounts["oficialia"])
    page.goto(f"{panel}/admin/retenidos/?estado=failed")
    button = page.get_by_role("button", name="Reintentar los elegidos")
    expect(button).to_be_disabled()
    page.get_by_label("Todos los de esta página").check()
    button.click()
    expect(page.get_by_text("Un correo vuelve a la cola.")).to_be_visible()
    process_spooled(office)
    with office.database.reading() as session:
        assert session.query(Ticket).count() == 1


def test_a_door_that_fails_and_mail_that_waits_too_long_are_shown_without_reloading(
    office: Office, town: Institution, panel: str, page: Page
) -> None:
    log_in(page, panel, town.accounts["oficialia"])
    page.goto(f"{panel}/admin/puertas/")
    expect(page.get_by_text("Ninguna puerta ha dado señal")).to_be_visible()
    with office.database.writing() as session:
        session.add(
            Door(name="imap oficialia@correo.example/INBOX", error="Invalid credentials", error_at=now())
        )
        leave_in_spool(session, office, make_mail(), status=InboundStatus.RECEIVED,
                       received_at=now() - timedelta(minutes=6))  # fmt: skip
    expect(page.get_by_text("Invalid credentials")).to_be_visible(timeout=20_000)
    expect(page.get_by_text("Hay correo aceptado sin procesar desde hace 6 min")).to_be_visible()
    photograph(page, "puertas")
    on_a_phone(page)
    must_fit(page)


def test_a_notice_that_failed_says_why_and_is_sent_again(
    office: Office, town: Institution, panel: str, page: Page
) -> None:
    with office.database.writing() as session:
        case = open_case(session, town)
        notice = outbox.queue(session, office, kind="answer", to=["lleno@correo.example"],
                              subject="Re: Falla", text="Pase mañana.",
                              html="<p>Pase <b>mañana</b>.</p>", case=case)  # fmt: skip
        notice.status, notice.last_error = OutboxStatus.FAILED, "552 5.2.2 Mailbox full"
    log_in(page, panel, town.accounts["oficialia"])
    page.goto(f"{panel}/admin/salida/?estado=failed")
    page.get_by_role("link", name="lleno@correo.example").click()
    expect(page.get_by_text("552 5.2.2 Mailbox full")).to_be_visible()
    expect(page.frame_locator("iframe").get_by_text("mañana")).to_be_visible()
    page.get_by_role("button", name="Enviar ahora").click()
    expect(page.get_by_text("Sale de nuevo en unos segundos.")).to_be_visible()
    on_a_phone(page)
    must_fit(page)


def test_an_administrator_writes_a_rule_in_plain_words_and_tries_it_on_a_mail(
    town: Institution, panel: str, page: Page
) -> None:
    log_in(page, panel, town.accounts["admin"])
    page.goto(f"{panel}/admin/reglas/nueva")
    page.get_by_label("Nombre", exact=True).fill("Baches")
    page.get_by_label("Qué se mira").select_option(label="el asunto")
    page.get_by_label("Cómo se compara").select_option(label="contiene alguna de")
    page.get_by_label("Con qué").fill("bache, hoyo")
    page.get_by_role("button", name="Agregar condición").click()
    expect(page.locator(".condition")).to_have_count(2)
    added = page.locator(".condition").nth(1)
    expect(added.get_by_label("Qué se mira")).to_be_focused()
    added.get_by_label("Cómo se compara").select_option(label="existe")
    expect(added.get_by_label("Con qué")).to_be_hidden()
    page.get_by_role("button", name="Quitar condición").nth(1).click()
    page.get_by_label("Dependencia", exact=True).select_option(label="\u2003Dirección de Obras Públicas")
    photograph(page, "regla")
    page.get_by_role("button", name="Guardar").click()
    expect(page.get_by_text("Si el asunto contiene «bache» o «hoyo»")).to_be_visible()
    page.get_by_role("link", name="Probar con este correo").click()
    page.get_by_label("O pegue el correo").fill(
        "From: ana@correo.example\nTo: soporte@example.gob.mx\nSubject: Un HOYO enorme\n\nFrente al mercado."
    )
    page.get_by_role("button", name="Probar").click()
    expect(page.get_by_text("Regla 1 «Baches»: asunto con «hoyo».")).to_be_visible()
    on_a_phone(page)
    must_fit(page)


CATALOGUES = (
    "organigrama/", "organigrama/2", "personas/", "personas/editar?id=2", "servicios/", "servicios/nuevo",
    "buzones/", "buzones/nuevo", "respuestas/", "reglas/", "reglas/nueva", "reglas/probar", "bitacora/",
)  # fmt: skip
NAMELESS = """[...document.querySelectorAll('main input:not([type=hidden]), main select, main textarea')]
    .filter(one => !one.labels?.length && !one.getAttribute('aria-label')).map(one => one.name)"""


def test_every_catalogue_fits_a_phone_and_names_its_fields(town: Institution, panel: str, page: Page) -> None:
    log_in(page, panel, town.accounts["admin"])
    on_a_phone(page)
    for address in CATALOGUES:
        page.goto(f"{panel}/admin/{address}")
        must_fit(page)
        assert page.evaluate(NAMELESS) == [], address
        assert page.locator("main h1").count() == 1, address
