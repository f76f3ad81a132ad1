"""*Digitalizar* on the panel: who gets there, what a form does, what is refused, and that nothing leaks."""

from __future__ import annotations

import io
import random
import re
import threading
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
from sqlalchemy import select

from intake.config import Settings
from intake.counter import reception
from intake.counter.labels import label_text
from intake.counter.reception import Entry, Sender
from intake.digitizing import scan_jobs
from intake.office import Office
from models.mailbox import Mailbox, MailboxPurpose
from models.oficio import Oficio
from models.person import Account, Person, Role
from models.scan import HeldPage, Scan, ScanFiling, ScanPage
from tests.support.institution import Institution, found_institution
from tests.support.panel import Clerk, give_logins
from tests.support.scans import HALF, draw_paper, stack_pdf


@pytest.fixture(scope="module")
def office(migrated_sqlite: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    folder = tmp_path_factory.mktemp("digitizing")
    (folder / "register.db").write_bytes(migrated_sqlite.read_bytes())
    opened = Office.open(
        Settings(_env_file=None, database_url=f"sqlite:///{folder / 'register.db'}",
                 store_url=f"file:{folder / 'files'}", outgoing_dir=folder / "outgoing", scan_nice=0)
    )  # fmt: skip
    yield opened
    opened.database.close()


@pytest.fixture(scope="module")
def town(office: Office) -> Institution:
    with office.database.writing() as session:
        town = found_institution(session)
        for name, place in (("Diana Ruiz", town.presidency), ("Darío Sosa", town.works)):
            local = "diana" if place is town.presidency else "dario"
            person = Person(name=name, email=f"{local}@example.gob.mx", dependencia_id=place.id)
            session.add(person)
            session.flush()
            made = Account(person_id=person.id, dependencia_id=place.id, role=Role.DIGITIZER)
            session.add(made)
            session.flush()
            town.accounts[local] = made
        give_logins(session, town)
    return town


@pytest.fixture(scope="module")
def oficio(office: Office, town: Institution) -> Oficio:
    with office.database.writing() as session:
        by = session.get_one(Account, town.accounts["oficialia"].id)
        entry = Entry(Sender("Rosa Gil Prado"), "Se piden luminarias.", date(2026, 11, 20))
        return reception.register(session, office, by, entry)


@pytest.fixture(scope="module")
def stack(office: Office, town: Institution, oficio: Oficio) -> int:
    """Uploaded by Diana as her form does: one page of nobody, and two of the oficio."""
    chance = random.Random(1)
    papers = [draw_paper(chance, label=label, words=["Hoja"], noise=0, size=HALF)
              for label in ("", label_text(oficio), "")]  # fmt: skip
    content = stack_pdf([paper.picture for paper in papers])
    page = Clerk(office, town.accounts["diana"]).post(
        "/admin/digitalizar/subir", files=(io.BytesIO(content), "pila.pdf")
    )
    assert "Se recibió «pila.pdf»" in page.text
    scan_jobs.look_through(office, threading.Event())
    with office.database.reading() as session:
        return session.scalars(select(Scan.id)).one()


def test_what_is_to_be_scanned_and_what_came_is_listed(
    office: Office, town: Institution, oficio: Oficio, stack: int
) -> None:
    page = Clerk(office, town.accounts["diana"]).get("/admin/digitalizar/").text
    assert oficio.folio in page and "pila.pdf" in page
    assert "1 por asignar" in page and "2 por archivar" in page
    # What the same address says once nothing runs any more asks for nothing again.
    assert "every 2s" not in page


@pytest.mark.parametrize("who", ["admin", "head", "worker", "dario"])
def test_nobody_else_sees_a_page_of_a_stack(
    office: Office, town: Institution, oficio: Oficio, stack: int, who: str
) -> None:
    clerk = Clerk(office, town.accounts[who])
    for path in ("", "/pagina/1.jpg", "/original"):
        assert clerk.get(f"/admin/digitalizar/pila/{stack}{path}").status_code in (403, 404)
    assert clerk.get(f"/admin/digitalizar/asunto/{oficio.id}").status_code in (403, 404)
    if who == "dario":
        assert oficio.folio not in clerk.get("/admin/digitalizar/").text


def test_pages_are_given_turned_moved_and_filed_by_the_buttons_of_the_stack(
    office: Office, town: Institution, oficio: Oficio, stack: int
) -> None:
    clerk, address = Clerk(office, town.accounts["diana"]), f"/admin/digitalizar/pila/{stack}"
    page = clerk.get(address).text
    first, second, third = [int(one) for one in re.findall(r'name="page" value="(\d+)"', page)]
    picture = clerk.get(f"{address}/pagina/{first}.jpg")
    assert picture.data.startswith(b"\xff\xd8") and "sandbox" in picture.headers["Content-Security-Policy"]
    assert clerk.get(f"{address}/original").data.startswith(b"%PDF-")

    wrong = clerk.post(address, do="give", page=first, folio="OP-1999-000009")
    assert wrong.status_code == 422 and 'value="OP-1999-000009"' in wrong.text
    assert clerk.post(address, do="give", folio=oficio.folio).status_code == 422, "no page was ticked"
    clerk.post(address, do="give", page=first, folio=label_text(oficio))
    clerk.post(address, do=f"right:{second}")
    clerk.post(address, do=f"later:{first}")
    clerk.post(address, do="discard", page=third)
    with office.database.reading() as session:
        pages = session.scalars(select(ScanPage).order_by(ScanPage.position)).all()
        assert [one.id for one in pages] == [second, first, third]
        assert (pages[0].rotation, pages[2].is_discarded) == (90, True)
        assert all(one.case_id == oficio.id for one in pages)
    clerk.post(address, do="hold", page=first)
    with office.database.reading() as session:
        assert session.get_one(ScanPage, first).held_because == HeldPage.BY_HAND

    early = clerk.post(f"/admin/digitalizar/asunto/{oficio.id}/terminar")
    assert "asignadas y sin archivar" in early.text
    filed = clerk.post(address, do=f"file:{oficio.id}")
    assert "Páginas por archivar: 1." in filed.text
    with office.database.reading() as session:
        assert session.scalars(select(ScanFiling)).one().page_count == 1
    progress = clerk.get("/admin/digitalizar/avance").text
    assert "every 2s" in progress and "En espera" in progress
    assert clerk.post(address, do="discard", page=second).status_code == 422, "it is filed"


def test_a_label_drawn_by_hand_tells_nothing_of_a_case_of_others(
    office: Office, town: Institution, oficio: Oficio
) -> None:
    with office.database.writing() as session:
        by = session.get_one(Account, town.accounts["oficialia"].id)
        secret = reception.register(
            session, office, by, Entry(Sender("Rosa Gil Prado"), "Queja reservada.", date(2026, 11, 20))
        )
    paper = draw_paper(random.Random(2), label=label_text(secret), words=["Hoja"], noise=0, size=HALF)
    dario = Clerk(office, town.accounts["dario"])
    dario.post("/admin/digitalizar/subir", files=(io.BytesIO(stack_pdf([paper.picture])), "ajena.pdf"))
    scan_jobs.look_through(office, threading.Event())
    with office.database.reading() as session:
        stack = session.scalars(select(Scan.id).order_by(Scan.id.desc())).first()
        assert session.scalars(select(ScanPage.case_id).where(ScanPage.scan_id == stack)).one() == secret.id
    page = dario.get(f"/admin/digitalizar/pila/{stack}")
    assert page.status_code == 200 and secret.folio in page.text and "reservada" not in page.text


def test_a_script_hears_in_one_sentence_what_became_of_its_file(office: Office, town: Institution) -> None:
    clerk = Clerk(office, town.accounts["diana"])
    token = re.search(r'name="csrf_token" value="([^"]+)"', clerk.get("/admin/digitalizar/").text)
    assert token
    answer = clerk.client.post(
        "/admin/digitalizar/subir", headers={"Accept": "application/json"},
        data={"files": (io.BytesIO(b"hola"), "nota.txt"), "csrf_token": token[1]},
    )  # fmt: skip
    assert answer.status_code == 422
    assert answer.json == {"said": "«nota.txt» no es PDF, TIFF, JPG ni PNG.", "shown": ""}


def test_an_address_for_scanners_says_who_may_send(office: Office, town: Institution) -> None:
    clerk, address = Clerk(office, town.accounts["admin"]), "/admin/buzones/nuevo"
    fields = {"address": "escaneos@localhost.example", "accepts_other_domain": "y", "name": "Escaneos",
              "dependencia_id": town.presidency.id, "purpose": "scans", "is_active": "y"}  # fmt: skip
    assert "Diga quién puede enviar escaneos" in clerk.post(address, **fields).text
    assert "«copiadora» no es una dirección" in clerk.post(address, **fields, senders="copiadora").text
    clerk.post(address, **fields, senders="Copiadora@x.example\n@y.example")
    with office.database.reading() as session:
        made = session.scalars(select(Mailbox).where(Mailbox.purpose == MailboxPurpose.SCANS)).one()
        assert made.senders == ["copiadora@x.example", "@y.example"]
