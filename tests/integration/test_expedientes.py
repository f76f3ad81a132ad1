"""Expedientes: opened, filled, closed and transferred, with index, terms and the PDF of the whole."""

from __future__ import annotations

import hashlib
import io
import re
from datetime import UTC, date, datetime

import pytest
import time_machine
from pypdf import PdfReader
from sqlalchemy import delete, select

from intake import cases, turnos
from intake.archiving import archive, expedientes
from intake.archiving.archive import SeriesFields
from intake.archiving.binding import bind
from intake.attachments import read_blob
from intake.errors import InvalidInput
from intake.office import Office
from models.access import grant
from models.archive import ArchiveSeries, Disposition, Level
from models.case import CaseAccess
from models.expediente import Expediente
from models.oficio import DocumentType
from tests.support.documents import acting
from tests.support.institution import Institution, found_institution, open_case
from tests.support.panel import Clerk, give_logins

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)

MORNING = datetime(2026, 11, 18, 16, tzinfo=UTC)


@pytest.fixture
def town(office: Office) -> Institution:
    with office.database.writing() as session:
        town = found_institution(session)
        give_logins(session, town)
        fondo = archive.save_series(session, None, None, SeriesFields("fondo", "MX", "Municipio"))
        section = archive.save_series(
            session, None, None, SeriesFields("seccion", "3C", "Sistemas", fondo.id)
        )
        archive.save_series(
            session, None, None,
            SeriesFields("serie", "3C.5", "Soporte", section.id, 2, 5, True, True, False, "historical"),
        )  # fmt: skip
    return town


def resolved(office: Office, town: Institution, *subjects: str) -> list[str]:
    """Folios of cases that the worker has attended."""
    folios: list[str] = []
    with acting(office, town) as (session, people):
        for subject in subjects:
            case = open_case(session, town, subject=subject, address=f"{len(folios)}{subject}@example.com")
            turnos.assign(session, office, case, people["oficialia"], dependencia=people["head"].dependencia,
                          account=people["worker"])  # fmt: skip
            cases.resolve(session, office, case, people["worker"])
            folios.append(case.folio)
    return folios


def series(office: Office) -> int:
    with office.database.reading() as session:
        return session.scalars(select(ArchiveSeries.id).where(ArchiveSeries.code == "3C.5")).one()


def test_an_expediente_is_opened_filled_closed_bound_and_transferred(
    office: Office, town: Institution
) -> None:
    with time_machine.travel(MORNING, tick=True) as clock:
        first, second, third = resolved(office, town, "Ratón", "Teclado", "Pantalla")
        worker, head = (Clerk(office, town.accounts[name]) for name in ("worker", "head"))
        page = worker.post(
            "/admin/expedientes/", title=" Equipo  2026 ", series=series(office), folio=first
        ).text
        assert "DSI/3C.5/0001/2026" in page and "Equipo 2026" in page
        assert (
            "DSI/3C.5/0002/2026" in head.post("/admin/expedientes/", title="Otro", series=series(office)).text
        )
        for folio in (second, third):
            assert (
                f"{folio} quedó en el expediente"
                in worker.post("/admin/expedientes/1/agregar", folio=folio.lower()).text
            )
        again = worker.post("/admin/expedientes/1/agregar", folio=second)
        assert again.status_code == 422 and f'value="{second}"' in again.text
        worker.post("/admin/expedientes/1/quitar", folio=second)
        page = worker.post("/admin/expedientes/1/agregar", folio=second).text
        assert page.index(first) < page.index(third) < page.index(second, page.index(third))
        # What is not finished cannot be closed.
        with acting(office, town) as (session, _):
            going_on = open_case(session, town, subject="Sigue", address="sigue@example.com").folio
        worker.post("/admin/expedientes/1/agregar", folio=going_on)
        assert f"Todavía hay asuntos abiertos: {going_on}" in head.post("/admin/expedientes/1/cerrar").text
        head.post("/admin/expedientes/1/quitar", folio=going_on)
        assert "quedó cerrado" in head.post("/admin/expedientes/1/cerrar").text
        for action in ("agregar", "quitar", "cerrar"):
            assert "ya no cambia" in head.post(f"/admin/expedientes/1/{action}", folio=first).text
        assert bind(office) == 1 and bind(office) == 0
        check_pdf(office, head.get("/admin/expedientes/1/pdf").data, [first, third, second])
        # The years in process begin with the closing.
        assert "Ningún expediente por transferir" in head.get("/admin/expedientes/transferencias").text
        soon = head.get("/admin/expedientes/transferencias?hasta=2028-11-18").text
        assert "Equipo 2026" in soon and "archivo histórico" in soon
        clock.move_to(datetime(2028, 11, 20, 16, tzinfo=UTC))
        head = Clerk(office, town.accounts["head"])
        inventory = head.get("/admin/expedientes/transferencias.pdf").data
        text = " ".join(PdfReader(io.BytesIO(inventory)).pages[0].extract_text().split())
        assert "Inventario de transferencia primaria" in text
        assert "cumplido al 20 nov 2028" in text and "18 nov 2026" in text
        assert head.get("/admin/expedientes/transferencias.xlsx").data[:2] == b"PK"
        assert "quedó como transferido" in head.post("/admin/expedientes/1/transferir").text
        assert "ya se transfirió" in head.post("/admin/expedientes/1/transferir").text
    with office.database.reading() as session:
        made = session.get_one(Expediente, 1)
        assert (made.closed_on, made.transfer_on, made.final_on, made.transferred_on) == (
            date(2026, 11, 18), date(2028, 11, 18), date(2033, 11, 18), date(2028, 11, 20),
        )  # fmt: skip


def check_pdf(office: Office, content: bytes, folios: list[str]) -> None:
    """Cover with the index, then every case in its order, where and with the hash that the index says."""
    reader = PdfReader(io.BytesIO(content))
    pages = [page.extract_text() for page in reader.pages]
    assert "Expediente DSI/3C.5/0001/2026" in pages[0] and "archivo histórico" in pages[0]
    assert pages[0].count("18 nov 2026") >= 2 and "2026-11-18" not in pages[0]
    assert [str(item["/Title"]).split()[0] for item in reader.outline if isinstance(item, dict)] == [
        "Índice", *folios,
    ]  # fmt: skip
    with office.database.reading() as session:
        made = session.get_one(Expediente, 1)
        assert made.pdf_sha256 == hashlib.sha256(content).hexdigest()
        assert read_blob(session, office, made.pdf_sha256) == content
        index = re.sub(r"\s", "", pages[0])
        page = 1
        for entry in made.entries:
            assert entry.sha256 in index and entry.case.folio in pages[page]
            page += entry.pages or 0
    assert page == len(pages)


def test_an_expediente_shows_nobody_a_case_that_is_not_theirs(office: Office, town: Institution) -> None:
    (mine,) = resolved(office, town, "Mío")
    with acting(office, town) as (session, people):
        hidden = open_case(session, town, subject="Reservado", address="r@example.com")
        hidden_folio = hidden.folio
        turnos.assign(session, office, hidden, people["oficialia"], dependencia=people["head"].dependencia,
                      account=people["head"])  # fmt: skip
        cases.resolve(session, office, hidden, people["head"])
        # Given to the head alone.
        session.execute(delete(CaseAccess).where(CaseAccess.case_id == hidden.id))
        grant(session, hidden, people["head"].dependencia_id, people["head"].id)
        row = session.scalars(select(ArchiveSeries).where(ArchiveSeries.code == "3C.5")).one()
        made = expedientes.open_expediente(session, office, people["head"], series=row, title="Uno")
        expedientes.add_case(session, made, hidden, people["head"])
    worker, other = Clerk(office, town.accounts["worker"]), Clerk(office, town.accounts["other"])
    desk, head = Clerk(office, town.accounts["oficialia"]), Clerk(office, town.accounts["head"])
    # Another dependencia's files are not there at all; oficialía reads them and changes nothing.
    assert other.get("/admin/expedientes/1").status_code == 404
    assert "Uno" not in other.get("/admin/expedientes/").text
    assert hidden_folio in desk.get("/admin/expedientes/1").text
    with acting(office, town) as (session, people):
        found = session.get_one(Expediente, 1)
        with pytest.raises(InvalidInput):
            expedientes.add_case(session, found, found.entries[0].case, people["oficialia"])
        expedientes.ask_pdf(session, found, people["head"])
    bind(office)
    page = worker.get("/admin/expedientes/1").text
    assert "Uno" in page and hidden_folio not in page and "quien puede ver todos" in page
    assert worker.get("/admin/expedientes/1/pdf").status_code == 404
    assert head.get("/admin/expedientes/1/pdf").data[:4] == b"%PDF"
    # Nor by typing its folio, nor an expediente of others.
    for folio in (hidden_folio, mine):
        assert worker.post("/admin/expedientes/1/quitar", folio=folio).status_code == 422
    assert other.get("/admin/expedientes/1/pdf").status_code == 404


def test_the_cuadro_de_clasificacion_is_a_tree_with_terms_per_series(
    office: Office, town: Institution
) -> None:
    admin, worker = Clerk(office, town.accounts["admin"]), Clerk(office, town.accounts["worker"])
    subserie = {"level": "subserie", "code": "3C.5.1", "name": "Dictámenes", "process_years": 1,
                "concentration_years": 3, "disposition": "sample", "is_active": "1"}  # fmt: skip
    # A subserie stands under a serie, and a code is one line's.
    wrong = admin.post("/admin/archivo/serie/", **subserie)
    assert wrong.status_code == 422 and 'value="Dictámenes"' in wrong.text
    assert "Se guardó 3C.5.1" in admin.post("/admin/archivo/serie/", **subserie, parent=series(office)).text
    assert "ya está en uso" in admin.post("/admin/archivo/serie/", **subserie, parent=series(office)).text
    assert worker.post("/admin/archivo/serie/", **subserie).status_code == 403
    page = worker.get("/admin/archivo/").text
    assert page.index("Municipio") < page.index("3C") < page.index("Dictámenes")
    assert "Años en trámite: 1; en concentración: 3" in page and "muestreo" in page
    admin.post("/admin/archivo/tipos", **{DocumentType.OFICIO.value: series(office)})
    assert worker.get("/admin/archivo/catalogo.xlsx").data[:2] == b"PK"
    with office.database.reading() as session:
        row = session.scalars(select(ArchiveSeries).where(ArchiveSeries.code == "3C.5.1")).one()
        assert (row.level, row.disposition, row.is_legal) == (Level.SUBSERIE, Disposition.SAMPLE, False)
