"""Who may open which page of the office, and what each role sees there: the server decides, not the rail."""

from __future__ import annotations

import re

import pytest

from intake import outbox
from intake.mailer import deliver_mail
from intake.office import Office
from models.access import grant
from models.event import Event
from models.inbound_mail import InboundMail, InboundStatus
from models.mailbox import Mailbox
from models.outbox_message import OutboxMessage
from models.ticket import Ticket
from tests.support.desk import arrive, notices
from tests.support.institution import Institution, found_institution, open_case, spool
from tests.support.mails import make_mail
from tests.support.panel import Clerk, give_logins

pytestmark = pytest.mark.on_sqlite

ROLES = ("admin", "oficialia", "head", "worker", "other", "nobody")
# What each answers: y opens, n is turned away (403 or, for nobody, the log-in page).
PAGES = {
    "/admin/retenidos/": "yyynyn",
    "/admin/salida/": "yyynyn",
    "/admin/puertas/": "yynnnn",
    "/admin/puertas/estado": "yynnnn",
    "/admin/bitacora/": "ynnnnn",
    "/admin/bitacora/comprobar": "ynnnnn",
    "/admin/organigrama/": "ynnnnn",
    "/admin/organigrama/nueva": "ynnnnn",
    "/admin/organigrama/2": "ynnnnn",
    "/admin/personas/": "ynnnnn",
    "/admin/personas/nuevo": "ynnnnn",
    "/admin/personas/editar?id=1": "ynnnnn",
    "/admin/servicios/": "ynnnnn",
    "/admin/servicios/editar?id=1": "ynnnnn",
    "/admin/buzones/": "ynnnnn",
    "/admin/respuestas/": "ynynyn",
    "/admin/membretes/": "ynnnnn",
    "/admin/membretes/nuevo": "ynnnnn",
    "/admin/numeros/": "ynnnnn",
    "/admin/numeros/nuevo": "ynnnnn",
    "/admin/numeros/ejemplo": "ynnnnn",
    "/admin/administraciones/": "ynnnnn",
    "/admin/administraciones/nuevo": "ynnnnn",
    "/admin/reglas/": "ynnnnn",
    "/admin/reglas/nueva": "ynnnnn",
    "/admin/reglas/probar": "ynnnnn",
}


@pytest.fixture
def town(office: Office) -> Institution:
    with office.database.writing() as session:
        institution = found_institution(session)
        give_logins(session, institution)
        return institution


def enter(office: Office, town: Institution, who: str) -> Clerk:
    return Clerk(office, town.accounts.get(who))


def hold(
    office: Office,
    *,
    status: InboundStatus = InboundStatus.HELD,
    to: str = "soporte@example.gob.mx",
    error: str = "",
) -> InboundMail:
    raw = make_mail(subject="Secreto", text="Contenido reservado")
    with office.database.writing() as session:
        return spool(session, office, raw, status=status, to=to, error=error)


@pytest.mark.parametrize("who", ROLES)
def test_each_page_opens_only_for_its_roles(office: Office, town: Institution, who: str) -> None:
    clerk = enter(office, town, who)
    opened = {address: clerk.get(address).status_code == 200 for address in PAGES}
    assert opened == {address: marks[ROLES.index(who)] == "y" for address, marks in PAGES.items()}


def test_a_stranger_is_sent_to_the_log_in_page(office: Office, town: Institution) -> None:
    answer = enter(office, town, "nobody").get("/admin/retenidos/")
    assert answer.status_code == 302
    assert "/entrar" in answer.headers["Location"]


def test_a_form_without_its_token_changes_nothing(office: Office, town: Institution) -> None:
    mail = hold(office)
    clerk = enter(office, town, "oficialia")
    assert clerk.client.post(f"/admin/retenidos/{mail.id}/desechar", data={"reason": "x"}).status_code == 400
    with office.database.reading() as session:
        assert session.get_one(InboundMail, mail.id).status == InboundStatus.HELD


@pytest.mark.on_both
def test_a_head_sees_only_mail_for_mailboxes_of_its_dependencias(office: Office, town: Institution) -> None:
    with office.database.writing() as session:
        session.add(Mailbox(address="obras@example.gob.mx", name="Obras", dependencia_id=town.works.id))
    ours, theirs = hold(office), hold(office, to="obras@example.gob.mx")
    tagged = hold(office, to="soporte+T-2026-000001.abc@example.gob.mx")
    head = enter(office, town, "head")
    listed = head.get("/admin/retenidos/").text
    assert f"/admin/retenidos/{ours.id}" in listed
    assert f"/admin/retenidos/{tagged.id}" in listed
    assert f"/admin/retenidos/{theirs.id}" not in listed
    for part in ("", "/fuente", "/correo.eml", "/folios?folio=1"):
        assert head.get(f"/admin/retenidos/{ours.id}{part}").status_code == 200
        assert head.get(f"/admin/retenidos/{theirs.id}{part}").status_code == 404
    for action in ("abrir", "reintentar", "desechar", "adjuntar"):
        assert head.post(f"/admin/retenidos/{theirs.id}/{action}", reason="x").status_code == 404


def test_an_administrator_retries_failed_mail_without_reading_it(office: Office, town: Institution) -> None:
    held = hold(office)
    failed = hold(office, status=InboundStatus.FAILED, error="Traceback: disk I/O error")
    admin = enter(office, town, "admin")
    assert admin.get(f"/admin/retenidos/{held.id}").status_code == 404
    for page in (admin.get("/admin/retenidos/").text, admin.get(f"/admin/retenidos/{failed.id}").text):
        assert "Secreto" not in page
        assert "Contenido reservado" not in page
    assert "disk I/O error" in admin.get(f"/admin/retenidos/{failed.id}").text
    for part in ("/fuente", "/correo.eml", "/folios?folio=1"):
        assert admin.get(f"/admin/retenidos/{failed.id}{part}").status_code == 403
    admin.post(f"/admin/retenidos/{failed.id}/desechar", reason="x")
    with office.database.reading() as session:
        assert session.get_one(InboundMail, failed.id).status == InboundStatus.FAILED
    admin.post(f"/admin/retenidos/{failed.id}/reintentar")
    with office.database.reading() as session:
        assert session.get_one(InboundMail, failed.id).status == InboundStatus.RECEIVED


@pytest.mark.on_both
def test_held_and_failed_mail_is_retried_from_the_panel_many_at_once(
    office: Office, town: Institution
) -> None:
    mails = [hold(office), hold(office), hold(office)]
    clerk = enter(office, town, "oficialia")
    answer = clerk.post("/admin/retenidos/reintentar", mail=[mails[0].id, mails[2].id], estado="held")
    assert "2 correos vuelven a la cola" in answer.text
    with office.database.reading() as session:
        states = [session.get_one(InboundMail, mail.id).status for mail in mails]
        assert states == [InboundStatus.RECEIVED, InboundStatus.HELD, InboundStatus.RECEIVED]


def test_the_source_is_shown_as_text_and_downloaded_as_it_came(office: Office, town: Institution) -> None:
    raw = b"From: a@b.example\nSubject: x\n\n<script>alert(1)</script>\xff" + b"y" * 300_000
    with office.database.writing() as session:
        mail = spool(session, office, raw)
    clerk = enter(office, town, "oficialia")
    shown = clerk.get(f"/admin/retenidos/{mail.id}/fuente").text
    assert "&lt;script&gt;" in shown
    assert "<script>" not in shown
    assert len(shown) < 210_000
    assert "primeros 200 KB" in shown
    downloaded = clerk.get(f"/admin/retenidos/{mail.id}/correo.eml")
    assert downloaded.data == raw
    assert downloaded.headers["Content-Disposition"].startswith("attachment")
    assert "sandbox" in downloaded.headers["Content-Security-Policy"]


def test_a_case_that_a_head_may_not_see_is_neither_proposed_nor_found_nor_attached_to(
    office: Office, town: Institution
) -> None:
    with office.database.writing() as session:
        session.add(Mailbox(address="obras@example.gob.mx", name="Obras", dependencia_id=town.works.id))
        case = open_case(session, town, subject="Secreto", address="ana@correo.example")
    mail = hold(office, to="obras@example.gob.mx")
    other = enter(office, town, "other")
    assert case.folio not in other.get(f"/admin/retenidos/{mail.id}").text
    assert "No hay ningún folio" in other.get(f"/admin/retenidos/{mail.id}/folios?folio={case.folio}").text
    assert other.post(f"/admin/retenidos/{mail.id}/adjuntar", case=case.id).status_code == 404
    found = enter(office, town, "oficialia").get(f"/admin/retenidos/{mail.id}/folios?folio=1").text
    assert case.folio in found


def _notice(office: Office, case: Ticket) -> OutboxMessage:
    with office.database.writing() as session:
        return outbox.queue(session, office, kind="answer", to=["ana@correo.example"], subject="Re: Secreto",
                            text="Respuesta reservada", html="<p>Respuesta <b>reservada</b></p>",
                            case=session.merge(case))  # fmt: skip


def test_a_notice_reads_before_it_is_sent_as_after_it(office: Office, town: Institution) -> None:
    arrive(office, make_mail())
    (acuse,) = notices(office, "acuse")
    address, clerk = f"/admin/salida/{acuse.id}", enter(office, town, "oficialia")

    def words() -> tuple[str, str]:
        shown = re.search(r'<div class="paper words">(.*?)</div>', clerk.get(address).text, re.DOTALL)
        assert shown is not None and "Recibimos su solicitud" in shown[1]
        return shown[1], clerk.get(f"{address}/html").text

    waiting = words()
    assert deliver_mail(office) == 1
    assert words() == waiting and acuse.html == waiting[1]


@pytest.mark.on_both
def test_the_outbox_shows_each_role_what_it_may_read(office: Office, town: Institution) -> None:
    with office.database.writing() as session:
        case = open_case(session, town)
    notice = _notice(office, case)
    address = f"/admin/salida/{notice.id}"
    for who, sees, reads in (("oficialia", True, True), ("head", True, True), ("admin", True, False),
                             ("other", False, False)):  # fmt: skip
        clerk = enter(office, town, who)
        assert (address in clerk.get("/admin/salida/").text) is sees
        page = clerk.get(address)
        assert (page.status_code == 200) is sees
        assert ("Respuesta reservada" in page.text) is reads
        assert (clerk.get(f"{address}/html").status_code == 200) is reads
        assert ("Re: Secreto" in clerk.get("/admin/salida/").text) is reads


@pytest.mark.on_both
def test_a_notice_is_cancelled_and_retried_with_an_event_of_each(office: Office, town: Institution) -> None:
    with office.database.writing() as session:
        case = open_case(session, town)
    notice = _notice(office, case)
    clerk = enter(office, town, "oficialia")
    assert "no se enviará" in clerk.post(f"/admin/salida/{notice.id}/cancelar").text
    assert "Cancelado" in clerk.get(f"/admin/salida/{notice.id}").text
    assert "Sale de nuevo" in clerk.post(f"/admin/salida/{notice.id}/reintentar").text
    assert enter(office, town, "other").post(f"/admin/salida/{notice.id}/cancelar").status_code == 404
    with office.database.reading() as session:
        actions = [one.action for one in session.query(Event).where(Event.case_id == case.id)]
    assert actions == ["notice_cancel", "notice_retry"]


def test_a_case_is_printed_only_by_who_may_see_it(office: Office, town: Institution) -> None:
    with office.database.writing() as session:
        case = open_case(session, town)
    address = f"/admin/casos/{case.id}/imprimir"
    for who, status in (("oficialia", 200), ("head", 200), ("worker", 200), ("other", 404), ("admin", 403),
                        ("nobody", 302)):  # fmt: skip
        answer = enter(office, town, who).get(address)
        assert answer.status_code == status, who
        assert (answer.data[:5] == b"%PDF-") is (status == 200)
    with office.database.writing() as session:
        grant(session, session.merge(case), town.works.id)
    assert enter(office, town, "other").get(address).status_code == 200
