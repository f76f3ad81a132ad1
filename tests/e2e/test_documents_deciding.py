"""Heads approve, return and discard, one or several; absences; e.firma; what becomes of what was sent."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from playwright.sync_api import FilePayload, Page, expect
from sqlalchemy import select

from intake.issued import approval, issuing
from intake.issued.drafts import Addressee
from models.base import now
from models.delegation import Delegation
from models.oficio import Oficio
from models.outbox_message import OutboxMessage, OutboxStatus
from models.recipient import Recipient
from tests.support.browser import photograph
from tests.support.documents import OUTSIDE, fields
from tests.support.documents_panel import DocumentOffice
from tests.support.efirma import Authority, EfirmaFiles

pytestmark = pytest.mark.browser

PENDING = "/admin/tablero/?carpeta=pending"


@pytest.fixture(scope="module")
def authority(shared_office: DocumentOffice) -> Authority:
    """An issuer of e.firmas whom the office trusts; the head is a signer."""
    made = Authority()
    made.write_trust(shared_office.folder / "efirma")
    with shared_office.desk() as (_, who):
        for name, rfc in (("head", "TOLJ800101AB1"), ("other", "PEGO750505XY2")):
            who[name].is_signer = True
            who[name].person.rfc = rfc
    return made


@pytest.fixture
def efirma(authority: Authority) -> EfirmaFiles:
    return authority.issue()


def tick(page: Page, *subjects: str) -> None:
    for subject in subjects:
        page.locator(".documents tbody tr").filter(has_text=subject).get_by_role("checkbox").check()


def sign_with(page: Page, files: EfirmaFiles, password: str | None = None) -> None:
    def upload(name: str, content: bytes) -> FilePayload:
        return {"name": name, "mimeType": "application/octet-stream", "buffer": content}

    page.get_by_label("Certificado (.cer)").set_input_files(upload("firma.cer", files.certificate))
    page.get_by_label("Llave privada (.key)").set_input_files(upload("firma.key", files.key))
    page.get_by_label("Contraseña de la llave privada").fill(password or files.password)
    page.get_by_role("button", name="Firmar").click()


def to_be_signed(desk: DocumentOffice, subject: str, *signers: str) -> int:
    accounts = tuple(desk.people.accounts[name].id for name in signers)
    what = fields(desk.people, subject=subject, needs_efirma=True, signers=accounts)
    made = desk.submitted(subject, what)
    desk.decide(lambda session, who: approval.approve(
        session, desk.office, session.get_one(Oficio, made), who["head"]))  # fmt: skip
    return made


def test_the_head_returns_a_document_with_remarks_and_its_author_reads_them(desk: DocumentOffice) -> None:
    document = desk.submitted("Con observaciones")
    head = desk.enter("head", f"/admin/documentos/{document}")
    head.get_by_role("link", name="Devolver al autor").click()
    dialog = head.get_by_role("dialog")
    photograph(head, "devolver")
    dialog.get_by_label("Qué debe cambiar").fill("Falta citar el artículo 8.")
    dialog.get_by_role("button", name="Devolver al autor").click()
    expect(head.locator(".toast")).to_contain_text("Devuelto a su autor")
    author = desk.enter("worker", f"/admin/documentos/{document}")
    expect(author.locator(".banner")).to_contain_text("Jaime Torres lo devolvió: Falta citar el artículo 8.")
    author.get_by_role("link", name="Editar").click()
    expect(author.get_by_role("heading", name="Nuevo documento")).to_be_visible()


def test_the_head_discards_a_document_and_its_author_copies_it_into_a_new_one(desk: DocumentOffice) -> None:
    document = desk.submitted("Se descarta")
    head = desk.enter("head", f"/admin/documentos/{document}")
    head.get_by_role("link", name="Descartar").click()
    head.get_by_role("dialog").get_by_label("Por qué se descarta").fill("Ya se pidió.")
    head.get_by_role("dialog").get_by_role("button", name="Descartar").click()
    expect(head.locator(".banner")).to_contain_text("Ya se pidió.")
    author = desk.enter("worker", f"/admin/documentos/{document}")
    author.get_by_role("button", name="Copiar en uno nuevo").click()
    expect(author.get_by_label("Asunto")).to_have_value("Se descarta")
    assert desk.state_of(document) == "discarded"


def test_several_documents_are_approved_at_once_and_one_that_cannot_be_holds_up_no_other(
    desk: DocumentOffice,
) -> None:
    subjects = ("Varios uno", "Varios dos")
    made = [desk.submitted(subject) for subject in subjects]
    bad = desk.submitted("Varios incompleto")
    with desk.desk() as (session, _):
        session.get_one(Oficio, bad).body_html = ""
    page = desk.enter("head", PENDING)
    page.on("dialog", lambda dialog: dialog.accept())
    tick(page, *subjects, "Varios incompleto")
    photograph(page, "aprobar-varios")
    page.get_by_role("button", name="Aprobar").click()
    expect(page.locator(".toast.success")).to_contain_text("Aprobados: 2")
    expect(page.locator(".toast.error")).to_contain_text("Escriba el texto del documento")
    assert [desk.state_of(one) for one in (*made, bad)] == ["sent", "sent", "pending_approval"]


def test_several_documents_are_returned_at_once_with_the_same_remarks(desk: DocumentOffice) -> None:
    made = [desk.submitted("Devolver a"), desk.submitted("Devolver b")]
    page = desk.enter("head", PENDING)
    tick(page, "Devolver a", "Devolver b")
    page.get_by_text("Devolver o descartar").click()
    page.get_by_label("Observaciones o motivo").fill("Pongan la fecha.")
    page.get_by_role("button", name="Devolver al autor").click()
    expect(page.locator(".toast")).to_contain_text("Devueltos a sus autores: 2")
    assert {desk.state_of(one) for one in made} == {"draft"}


def test_several_documents_are_reassigned_and_cancelled_and_those_refused_are_named_with_why(
    desk: DocumentOffice,
) -> None:
    made = [desk.sent("En bloque uno"), desk.sent("En bloque dos")]
    mine = desk.draft("En bloque propio", by="other")
    page = desk.enter("other", "/admin/tablero/?asunto=En+bloque")
    tick(page, "En bloque uno", "En bloque dos", "En bloque propio")
    page.get_by_role("button", name="Reasignar").click()
    refused = page.locator(".banner.warn")
    expect(refused).to_contain_text("En bloque propio")
    expect(refused).to_contain_text("No se puede: el documento está en «Borrador».")
    photograph(page, "reasignar-varios")
    page.get_by_label("Reasignar a").select_option(label="Tomás Ibarra · Trabajador · Dirección de Sistemas")
    page.get_by_role("button", name="Reasignar").click()
    expect(page.locator(".toast.success")).to_contain_text("Reasignados: 2")
    page.goto("/admin/tablero/?carpeta=reassigned")
    expect(page.locator(".documents tbody tr").filter(has_text="En bloque")).to_have_count(2)
    page.close()
    page = desk.enter("worker")
    tick(page, "En bloque uno", "En bloque dos")
    page.get_by_role("button", name="Cancelar").click()
    expect(page.get_by_role("heading", name="Cancelar documentos")).to_be_visible()
    page.get_by_role("button", name="Cancelar").click()
    expect(page.get_by_label("Por qué se cancela")).to_be_focused()
    # Meanwhile the head cancels one of them.
    with desk.desk() as (session, who):
        issuing.cancel(session, desk.office, session.get_one(Oficio, made[0]), who["head"], reason="Error.")
    page.get_by_label("Por qué se cancela").fill("Se duplicaron.")
    page.get_by_role("button", name="Cancelar").click()
    expect(page.locator(".toast.success")).to_contain_text("Cancelados: 1")
    expect(page.locator(".toast.error")).to_contain_text(desk.find("En bloque uno").folio)
    assert [desk.state_of(one) for one in (*made, mine)] == ["cancelled", "cancelled", "draft"]


def test_a_worker_has_no_button_to_approve(desk: DocumentOffice) -> None:
    document = desk.submitted("Sin botón")
    page = desk.enter("worker", f"/admin/documentos/{document}")
    expect(page.get_by_role("heading", name="Sin botón")).to_be_visible()
    expect(page.get_by_role("button", name="Aprobar")).to_have_count(0)


@pytest.fixture
def without_delegations(desk: DocumentOffice) -> Iterator[None]:
    yield
    with desk.desk() as (session, _):
        for one in session.scalars(select(Delegation)):
            one.revoked_at = one.revoked_at or now()


def test_who_acts_for_an_absent_head_approves_por_ausencia(
    desk: DocumentOffice, without_delegations: None
) -> None:
    head = desk.enter("head", "/admin/ausencias/")
    head.get_by_label("Quién actúa en su lugar").select_option(
        label="Olga Peña · Dirección de Obras Públicas"
    )
    until = (now() + timedelta(days=5)).date().isoformat()
    head.get_by_label("Hasta, inclusive").fill(until)
    head.get_by_label("Motivo").fill("Vacaciones")
    head.get_by_role("button", name="Guardar").click()
    expect(head.locator(".cards")).to_contain_text("Olga Peña actúa por ausencia de Jaime Torres")
    photograph(head, "ausencias")
    document = desk.submitted("En ausencia")
    acting = desk.enter("other", PENDING)
    acting.get_by_role("link", name="En ausencia").click()
    acting.get_by_role("button", name="Aprobar").click()
    expect(acting.locator(".data")).to_contain_text("por ausencia de Jaime Torres")
    assert desk.state_of(document) == "sent"
    head.get_by_role("button", name="Terminar ahora").click()
    expect(head.locator(".cards")).to_contain_text("Terminada")


def test_an_e_firma_signs_and_sends_and_its_key_is_kept_nowhere(
    desk: DocumentOffice, efirma: EfirmaFiles
) -> None:
    document = to_be_signed(desk, "Con e.firma")
    page = desk.enter("head", f"/admin/documentos/{document}")
    page.get_by_role("link", name="Firmar").click()
    photograph(page, "firmar")
    sign_with(page, efirma)
    expect(page.locator(".toast")).to_contain_text("quedó firmado y se envió")
    expect(page.get_by_text("PAdES B-B")).to_be_visible()
    photograph(page, "firmado")
    assert desk.state_of(document) == "sent"
    kept = [path for path in desk.folder.rglob("*") if path.is_file() and efirma.key in path.read_bytes()]
    said = [path for path in desk.folder.rglob("*") if path.is_file() and _has(path, efirma.password)]
    assert (kept, said) == ([], [])


def _has(path: Path, password: str) -> bool:
    return password.encode() in path.read_bytes()


def test_what_is_wrong_with_an_e_firma_is_said_and_nothing_is_signed(
    desk: DocumentOffice, authority: Authority, efirma: EfirmaFiles
) -> None:
    document = to_be_signed(desk, "Rechazos")
    page = desk.enter("head", f"/admin/firmar/?documento={document}")
    for files, password, words in (
        (efirma, "otra", "La contraseña de la llave privada no es correcta."),
        (authority.issue(days=(-900, -10)), None, "El certificado venció"),
        (
            authority.issue(name="OTRA PERSONA", rfc="OEPO900101AA1", curp="OEPO900101HJCRNM01"),
            None,
            "OTRA PERSONA",
        ),
        (Authority("OTRA AUTORIDAD").issue(), None, "OTRA AUTORIDAD"),
        (EfirmaFiles(efirma.certificate, authority.issue().key), None, "no son pareja"),
    ):
        sign_with(page, files, password)
        expect(page.locator(".toast.error")).to_contain_text(words)
    photograph(page, "firma-rechazada")
    assert desk.state_of(document) == "pending_signature"


def test_a_document_of_two_signers_goes_out_when_both_have_signed(
    desk: DocumentOffice, authority: Authority, efirma: EfirmaFiles
) -> None:
    document = to_be_signed(desk, "Dos firmas", "head", "other")
    first = desk.enter("head", f"/admin/firmar/?documento={document}")
    sign_with(first, efirma)
    expect(first.locator(".toast")).to_contain_text("Faltan otras firmas")
    second = desk.enter("other", "/admin/tablero/?carpeta=to_sign")
    tick(second, "Dos firmas")
    second.get_by_role("button", name="Firmar").click()
    sign_with(second, authority.issue(name="OLGA PEÑA", rfc="PEGO750505XY2", curp="PEGO750505MJCRNM02"))
    expect(second.locator(".toast")).to_contain_text("quedó firmado y se envió")
    assert desk.state_of(document) == "sent"


def test_the_sending_is_followed_for_each_recipient(desk: DocumentOffice) -> None:
    outside = [
        Addressee(name=name, email=f"{name.lower()}@fuera.example")
        for name in ("Ana", "Beto", "Carla", "Dina")
    ]
    to = (*outside, Addressee(account_id=desk.people.accounts["other"].id), OUTSIDE)
    document = desk.sent("Con seguimiento", fields(desk.people, subject="Con seguimiento", to=to))
    with desk.desk() as (session, _):
        by_name = {
            one.name: one for one in session.scalars(select(Recipient).where(Recipient.oficio_id == document))
        }
        bounced = session.get_one(OutboxMessage, by_name["Beto"].outbox_id)
        bounced.status, bounced.last_error = OutboxStatus.BOUNCED, "550 no such user"
        issuing.mark_delivered(session, session.get_one(OutboxMessage, by_name["Carla"].outbox_id))
        assert issuing.read_by_token(session, by_name["Dina"].token or "")
    page = desk.enter("worker", f"/admin/documentos/{document}")
    line = page.locator(".arrivals li")
    for name, words in (
        ("Ana", "En camino"),
        ("Beto", "Rebotó"),
        ("Carla", "Entregado"),
        ("Dina", "Leído"),
        ("Olga Peña", "Entregado"),
    ):
        expect(line.filter(has_text=name)).to_contain_text(words)
    expect(line.filter(has_text="Beto")).to_contain_text("550 no such user")
    photograph(page, "seguimiento")
