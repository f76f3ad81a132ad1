"""The verbs of the case page in the browser, one by one, and what each leaves behind."""

from __future__ import annotations

from datetime import timedelta
from email import message_from_bytes, policy

import pytest
from playwright.sync_api import Locator, Page, expect
from sqlalchemy import select
from sqlalchemy.orm import Session

from intake import cases, turnos
from intake.mailer import deliver_mail
from intake.office import Office
from models.base import now
from models.case import Case
from models.event import Event
from models.inbound_mail import InboundMail, InboundStatus
from models.outbox_message import OutboxMessage
from models.person import Account
from models.service import Service
from models.task import Task, TaskKind, TaskState
from models.ticket import Ticket
from models.turno import Turno, TurnoKind, TurnoState
from tests.support.browser import photograph
from tests.support.desk import as_sent
from tests.support.institution import Institution
from tests.support.mails import make_mail
from tests.support.panel import Clerk, arrive, log_in, open_case

pytestmark = [pytest.mark.browser, pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)]


def choose(page: Page, action: str) -> Locator:
    """Take *action* from the menu «Más»; gives the dialog that asks more, if it has one."""
    page.locator("#case").get_by_text("Más", exact=True).click()
    menu = page.locator("#case > header details.menu")
    menu.get_by_role("link", name=action).or_(menu.get_by_role("button", name=action)).click()
    return page.get_by_role("dialog")


def confirm(page: Page, dialog: Locator, action: str, said: str) -> None:
    """Press the button of the dialog; the page says what came of it."""
    dialog.get_by_role("button", name=action, exact=True).click()
    expect(page.locator(".toast")).to_contain_text(said)


def account_of(session: Session, town: Institution, name: str) -> Account:
    return session.get_one(Account, town.accounts[name].id)


def take(office: Office, town: Institution, case_id: int) -> None:
    """The worker holds the case."""
    with office.database.writing() as session:
        cases.take(session, office, session.get_one(Case, case_id), account_of(session, town, "worker"))


def notices_of(session: Session, kind: str) -> list[OutboxMessage]:
    return as_sent(session.scalars(select(OutboxMessage).where(OutboxMessage.kind == kind)))


def test_a_copy_for_information_reaches_another_dependencia_and_ends_when_reviewed(
    page: Page, office: Office, town: Institution, address: str
) -> None:
    case_id = arrive(office, make_mail())
    log_in(page, address, town.accounts["worker"])
    open_case(page, address, case_id)
    dialog = choose(page, "Copia para conocimiento")
    dialog.get_by_role("radio", name="Dirección de Obras Públicas").check()
    dialog.get_by_label("Cuenta").select_option(label="Olga Peña · Jefatura · Dirección de Obras Públicas")
    dialog.get_by_label("Instrucción").fill("Para su conocimiento")
    confirm(page, dialog, "Copia para conocimiento", "Copia enviada")
    expect(page.locator(".facts")).to_contain_text("Para conocimiento: Olga Peña")
    expect(page.locator(".pill").get_by_text("Nuevo")).to_be_visible()
    page.context.clear_cookies()
    log_in(page, address, town.accounts["other"])
    open_case(page, address, case_id)
    expect(page.get_by_role("textbox", name="Responder a")).to_have_count(0)
    page.get_by_role("button", name="Marcar como revisado").click()
    expect(page.locator(".toast")).to_contain_text("Marcado como revisado")
    expect(page.get_by_role("button", name="Marcar como revisado")).to_have_count(0)
    with office.database.reading() as session:
        turno = session.scalars(select(Turno).where(Turno.kind == TurnoKind.INFORMATION)).one()
        task = session.scalars(select(Task).where(Task.kind == TaskKind.REVIEW_COPY)).one()
        assert (turno.state, task.state) == (TurnoState.REVIEWED, TaskState.DONE)
        assert [notice.to for notice in notices_of(session, "copied")] == [["olga@example.gob.mx"]]


def test_a_turno_goes_back_to_who_gave_it_with_the_reason(
    page: Page, office: Office, town: Institution, address: str
) -> None:
    case_id = arrive(office, make_mail())
    with office.database.writing() as session:
        giver, worker = account_of(session, town, "oficialia"), account_of(session, town, "worker")
        turnos.assign(session, office, session.get_one(Case, case_id), giver, dependencia=worker.dependencia,
                      account=worker)  # fmt: skip
    log_in(page, address, town.accounts["worker"])
    open_case(page, address, case_id)
    dialog = choose(page, "Devolver")
    dialog.get_by_label("¿Por qué lo devuelve?").fill("Le toca a Obras Públicas.")
    confirm(page, dialog, "Devolver", "Devuelto.")
    with office.database.reading() as session:
        case = session.get_one(Case, case_id)
        assert (case.state, case.holder_id, case.dependencia_id) == ("new", None, town.presidency.id)
        turno = session.scalars(select(Turno).where(Turno.state == TurnoState.RETURNED)).one()
        assert turno.reason == "Le toca a Obras Públicas."
        (notice,) = notices_of(session, "returned")
        assert notice.to == ["ofelia@example.gob.mx"]
        assert "Le toca a Obras Públicas." in notice.text


def test_a_case_is_not_cancelled_without_a_reason_and_the_requester_reads_it(
    page: Page, office: Office, town: Institution, address: str
) -> None:
    case_id = arrive(office, make_mail())
    log_in(page, address, town.accounts["head"])
    open_case(page, address, case_id)
    dialog = choose(page, "Cancelar")
    dialog.get_by_role("button", name="Cancelar", exact=True).click()
    expect(dialog).to_be_visible()
    dialog.get_by_label("¿Por qué se cancela?").fill("Corresponde al gobierno del estado.")
    confirm(page, dialog, "Cancelar", "Cancelado.")
    expect(page.locator("#case > header")).to_contain_text("Cancelado")
    with office.database.reading() as session:
        assert session.get_one(Case, case_id).state == "cancelled"
        (notice,) = notices_of(session, "cancelled")
        assert notice.to == ["ana@correo.example"]
        assert "Corresponde al gobierno del estado." in notice.text


def test_a_case_is_snoozed_until_a_day_to_come_and_no_other(
    page: Page, office: Office, town: Institution, address: str
) -> None:
    case_id = arrive(office, make_mail())
    log_in(page, address, town.accounts["worker"])
    open_case(page, address, case_id)
    dialog = choose(page, "Posponer")
    dialog.get_by_label("Quitar de la bandeja hasta").fill("2020-01-15T09:00")
    dialog.get_by_role("button", name="Posponer", exact=True).click()
    expect(page.locator(".toast")).to_be_visible()
    with office.database.reading() as session:
        assert session.get_one(Case, case_id).snoozed_until is None
    later = (now() + timedelta(days=3)).astimezone(office.settings.zone).replace(hour=9, minute=0)
    open_case(page, address, case_id)
    dialog = choose(page, "Posponer")
    dialog.get_by_label("Quitar de la bandeja hasta").fill(f"{later:%Y-%m-%dT%H:%M}")
    confirm(page, dialog, "Posponer", "Pospuesto")
    expect(page.locator("#case > header")).to_contain_text("pospuesto hasta el")
    with office.database.reading() as session:
        until = session.get_one(Case, case_id).snoozed_until
        assert until is not None
        assert f"{until.astimezone(office.settings.zone):%Y-%m-%dT%H:%M}" == f"{later:%Y-%m-%dT%H:%M}"


def test_service_and_priority_are_changed(
    page: Page, office: Office, town: Institution, address: str
) -> None:
    case_id = arrive(office, make_mail())
    with office.database.writing() as session:
        lights = Service(slug="alumbrado", name="Alumbrado público", dependencia_id=town.works.id)
        session.add(lights)
    log_in(page, address, town.accounts["oficialia"])
    open_case(page, address, case_id)
    dialog = choose(page, "Cambiar prioridad")
    expect(dialog.get_by_role("radio", name="Normal")).to_be_checked()
    dialog.get_by_role("radio", name="Urgente").check()
    confirm(page, dialog, "Cambiar prioridad", "Prioridad cambiada")
    expect(page.locator("#case > header .pill.bad")).to_have_text("Urgente")
    dialog = choose(page, "Cambiar servicio")
    dialog.get_by_label("Servicio").select_option(label="Alumbrado público")
    confirm(page, dialog, "Cambiar servicio", "Servicio cambiado")
    expect(page.locator(".facts")).to_contain_text("Alumbrado público")
    expect(page.locator(".facts")).to_contain_text("Dirección de Obras Públicas")
    with office.database.reading() as session:
        case = session.get_one(Ticket, case_id)
        assert (case.service_id, case.dependencia_id, case.priority) == (lights.id, town.works.id, "urgent")


def test_an_answer_carries_the_file_that_was_uploaded(
    page: Page, office: Office, town: Institution, address: str
) -> None:
    case_id = arrive(office, make_mail())
    plan = b"%PDF-1.4\n1 0 obj<</Type/Catalog>>endobj\n%%EOF"
    log_in(page, address, town.accounts["worker"])
    open_case(page, address, case_id)
    page.get_by_role("textbox", name="Responder a").fill("Va el croquis.")
    page.locator("#answer-form").get_by_label("Adjuntar").set_input_files(
        {"name": "croquis de la instalación.pdf", "mimeType": "application/pdf", "buffer": plan}
    )
    expect(page.locator("#answer-form .picked")).to_contain_text("croquis de la instalación.pdf")
    page.get_by_role("button", name="Enviar", exact=True).click()
    expect(page.locator(".msg.out")).to_contain_text("croquis de la instalación.pdf")
    deliver_mail(office)
    sent = [message_from_bytes(path.read_bytes(), policy=policy.default)
            for path in office.settings.outgoing_dir.rglob("*.eml")]  # fmt: skip
    files = [part for mail in sent for part in mail.iter_attachments()]
    assert [(file.get_filename(), file.get_content()) for file in files] == [
        ("croquis de la instalación.pdf", plan)
    ]


def test_a_case_is_closed_and_opened_again(
    page: Page, office: Office, town: Institution, address: str
) -> None:
    case_id = arrive(office, make_mail())
    take(office, town, case_id)
    log_in(page, address, town.accounts["worker"])
    open_case(page, address, case_id)
    choose(page, "Cerrar")
    expect(page.locator(".toast")).to_contain_text("Cerrado.")
    expect(page.get_by_role("textbox", name="Responder a")).to_have_count(0)
    page.get_by_role("button", name="Reabrir").click()
    expect(page.locator(".toast")).to_contain_text("Reabierto.")
    expect(page.get_by_role("textbox", name="Responder a")).to_be_visible()
    with office.database.reading() as session:
        case = session.get_one(Case, case_id)
        assert (case.state, case.is_open, case.holder_id) == (
            "in_progress", True, town.accounts["worker"].id
        )  # fmt: skip
        assert len(notices_of(session, "closed")) == len(notices_of(session, "reopened")) == 1


def test_the_spam_button_blocks_the_sender_and_cancels_only_when_asked(
    page: Page, office: Office, town: Institution, address: str
) -> None:
    case_id = arrive(office, make_mail())
    log_in(page, address, town.accounts["oficialia"])
    open_case(page, address, case_id)
    dialog = choose(page, "Marcar como no deseado")
    expect(dialog).to_contain_text("el correo que envíe de aquí en adelante se retiene")
    expect(dialog).to_contain_text("ana@correo.example")
    expect(dialog.get_by_role("checkbox")).not_to_be_checked()
    photograph(page, "no-deseado")
    confirm(page, dialog, "Marcar como no deseado", "Marcado como no deseado")
    expect(page.locator(".facts")).to_contain_text("no deseado")
    assert arrive(office, make_mail(text="Compre ahora.")) == case_id
    with office.database.reading() as session:
        assert session.get_one(Case, case_id).state == "new"
        assert session.scalars(select(InboundMail.status).order_by(InboundMail.id)).all() == [
            InboundStatus.PROCESSED, InboundStatus.HELD
        ]  # fmt: skip
    choose(page, "Quitar de no deseados")
    expect(page.locator(".toast")).to_contain_text("su correo vuelve a entrar")
    dialog = choose(page, "Marcar como no deseado")
    dialog.get_by_label("Cancelar también").check()
    confirm(page, dialog, "Marcar como no deseado", "Marcado como no deseado")
    with office.database.reading() as session:
        assert session.get_one(Case, case_id).state == "cancelled"
        assert not notices_of(session, "cancelled"), "whoever sends spam is not told"
        assert session.scalars(select(Event).where(Event.action == "cancel")).one().data["reason"]


def test_the_spam_button_is_for_who_answers_for_the_case(office: Office, town: Institution) -> None:
    case_id = arrive(office, make_mail())
    path, label = f"/admin/casos/{case_id}", "Marcar como no deseado"
    worker, head = Clerk(office, town.accounts["worker"]), Clerk(office, town.accounts["head"])
    assert label not in worker.get(path).text
    assert worker.get(f"{path}/pedir/block_contact").status_code == 409
    assert worker.post(f"{path}/hacer/block_contact").status_code == 409
    assert Clerk(office, town.accounts["other"]).post(f"{path}/hacer/block_contact").status_code == 404
    with office.database.reading() as session:
        assert session.get_one(Case, case_id).requester.blocked_at is None
    assert label in head.get(path).text
    take(office, town, case_id)
    assert label in worker.get(path).text
    assert worker.post(f"{path}/hacer/block_contact").status_code == 200
    with office.database.reading() as session:
        assert session.get_one(Case, case_id).requester.blocked_at is not None
