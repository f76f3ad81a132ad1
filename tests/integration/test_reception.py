"""From paper to the signed answer (manual C), through the panel: who finds which task, and its screen."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from intake.config import Settings
from intake.counter.discharging import ask_discharge
from intake.office import Office
from intake.proofs.verification import find_by_code
from models.acuse import Acuse
from models.contact import Contact
from models.dependencia import Dependencia
from models.message import Attachment
from models.oficio import Oficio, number_key
from models.outbox_message import OutboxMessage
from models.person import Account, Person, Role
from models.signed_answer import SignedAnswer
from models.task import Task, TaskKind, TaskState
from tests.support.efirma import Authority
from tests.support.institution import Institution, found_institution
from tests.support.panel import Clerk, give_logins

SENDER = {"sender": "Rosa Gil Prado", "institution": "Escuela Benito Juárez", "post": "Directora"}

pytestmark = pytest.mark.on_sqlite


@pytest.fixture
def office(settings: Settings, tmp_path: Path) -> Iterator[Office]:
    opened = Office.open(settings.model_copy(update={"efirma_folder": str(tmp_path / "efirma")}))
    yield opened
    opened.database.close()


@pytest.fixture
def town(office: Office) -> Institution:
    """The usual one, with a digitizer and a reviewer of copies; its head of Sistemas signs."""
    with office.database.writing() as session:
        town = found_institution(session)
        for name, who, role, place in (
            ("digitizer", "Diana Ruiz", Role.DIGITIZER, town.presidency),
            ("reviewer", "Raúl Vega", Role.REVIEWER, town.works),
        ):
            town.accounts[name] = _account(session, who, role, place)
        head = town.accounts["head"]
        head.is_signer, head.person.rfc = True, "TOLJ800101AB1"
        give_logins(session, town)
    return town


def _account(session: Session, name: str, role: Role, dependencia: Dependencia) -> Account:
    person = Person(
        name=name, email=f"{name.split()[0].lower()}@example.gob.mx", dependencia_id=dependencia.id
    )
    session.add(person)
    session.flush()
    made = Account(person_id=person.id, dependencia_id=dependencia.id, role=role)
    session.add(made)
    session.flush()
    return made


@contextmanager
def reading(office: Office) -> Iterator[Session]:
    with office.database.reading() as session:
        yield session


def register(clerk: Clerk, **fields: object) -> str:
    """The page after registering."""
    given = {
        "channel": "paper",
        "begins": "digitizing",
        "document_type": "oficio",
        "received_on": "2026-11-20",
        "sender_number": "DG/0123/2026",
        "description": "Se solicita internet para el aula 4.",
        **SENDER,
    }
    return clerk.post("/admin/asunto/", **{**given, **fields}).text


def newest(office: Office) -> Oficio:
    with reading(office) as session:
        return session.scalars(select(Oficio).order_by(Oficio.id.desc()).limit(1)).one()


def task(office: Office, kind: TaskKind) -> Task:
    with reading(office) as session:
        wanted = select(Task).where(Task.kind == kind, Task.state == TaskState.OPEN).order_by(Task.id.desc())
        return session.scalars(wanted.limit(1)).one()


def open_kinds(office: Office) -> list[TaskKind]:
    with reading(office) as session:
        return list(session.scalars(select(Task.kind).where(Task.state == TaskState.OPEN).order_by(Task.id)))


def test_every_field_of_the_manual_is_kept_with_folio_seal_label_and_the_task_to_digitize(
    office: Office, town: Institution
) -> None:
    page = register(
        Clerk(office, town.accounts["oficialia"]), written_on="2026-11-18", answer_required_on="2026-12-01",
        instruction="Dar respuesta", reference="Exp. 7", topic="Conectividad", comments="Trae dos anexos",
        addressee_text="DSI", copy_text="Raúl Vega", email="rosa@colegio.example",
        federative_state="Jalisco", files=(io.BytesIO(b"MZ\x90 not to be opened"), "programa.exe"),
    )  # fmt: skip
    made = newest(office)
    assert made.folio in page and re.fullmatch(r"OP-\d{4}-000001", made.folio)
    with reading(office) as session:
        made = session.get_one(Oficio, made.id)
        assert made.state == "digitizing" and made.channel == "paper"
        assert (made.sender_number, made.reference, made.topic) == ("DG/0123/2026", "Exp. 7", "Conectividad")
        assert (made.instruction, made.comments) == ("Dar respuesta", "Trae dos anexos")
        assert made.description == "Se solicita internet para el aula 4."
        assert made.subject == "Se solicita internet para el aula 4"
        assert str(made.received_on) == "2026-11-20" and str(made.written_on) == "2026-11-18"
        assert str(made.answer_required_on) == "2026-12-01" and made.due_at is not None
        assert made.addressee_dependencia_id == town.systems.id
        assert made.copies == [{"dependencia": town.works.id, "account": town.accounts["reviewer"].id}]
        sender = made.requester
        assert (sender.name, sender.institution, sender.post) == tuple(SENDER.values())
        assert sender.federative_state == "Jalisco" and sender.addresses[0].value == "rosa@colegio.example"
        # Any type is taken; what could do harm is kept and not served.
        kept = session.scalars(select(Attachment)).one()
        assert kept.filename == "programa.exe" and kept.danger
        acuse = session.scalars(select(Acuse)).one()
        assert acuse.case_id == made.id
        # Not asked to be mailed: it is printed.
        assert session.scalars(select(OutboxMessage).where(OutboxMessage.kind == "acuse")).all() == []
    clerk = Clerk(office, town.accounts["oficialia"])
    assert clerk.get(f"/admin/casos/{made.id}/acuse/{acuse.id}").data.startswith(b"%PDF-")
    assert made.folio in clerk.get(f"/admin/asunto/{made.id}/etiqueta").text
    assert task(office, TaskKind.DIGITIZE).role == Role.DIGITIZER
    assert made.folio in Clerk(office, town.accounts["digitizer"]).get("/admin/seguimiento/").text


def test_what_is_missing_or_cannot_be_is_said_and_every_word_stays(office: Office, town: Institution) -> None:
    clerk = Clerk(office, town.accounts["oficialia"])
    for wrong, sentence in (
        ({"description": " "}, "Escriba la descripción"),
        ({"sender": ""}, "Escriba quién lo envía"),
        ({"received_on": "2999-01-01"}, "no puede ser futura"),
        ({"written_on": "2026-11-21"}, "posterior a la de recepción"),
        ({"answer_required_on": "2026-11-01"}, "anterior a la de recepción"),
        ({"begins": "assigned"}, "elija un destinatario"),
        ({"addressee_text": "Nadie Así"}, "No encontramos a «Nadie Así»"),
        ({"email": "no es correo"}, "no es correo"),
    ):
        page = register(clerk, topic="Conectividad", **wrong)
        assert sentence in page and 'value="Conectividad"' in page
    with reading(office) as session:
        assert session.scalars(select(Oficio)).all() == [] and session.scalars(select(Contact)).all() == []


def test_duplicates_and_earlier_registrations_of_the_sender_are_shown_while_typing(
    office: Office, town: Institution
) -> None:
    clerk = Clerk(office, town.accounts["oficialia"])
    register(clerk)
    first = newest(office)
    # Another way of writing the number, and no other sender known yet.
    same = clerk.get("/admin/asunto/parecidos?sender_number=dg-123%202026").text
    assert first.folio in same and "el mismo número de oficio" in same
    options = clerk.get("/admin/asunto/remitentes?sender=rosa+g").text
    assert f'data-value="{first.requester_id}"' in options and "Escuela Benito Juárez" in options
    assert str(first.requester_id) in clerk.get("/admin/asunto/remitentes?sender=prado").text
    alike = clerk.get(
        f"/admin/asunto/parecidos?contact={first.requester_id}&description=internet para el aula"
    ).text
    assert "el mismo remitente y asunto" in alike
    other = clerk.get(
        f"/admin/asunto/parecidos?contact={first.requester_id}&description=una+luminaria+rota"
    ).text
    assert "Registros anteriores" in other and first.folio in other and "mismo remitente" not in other
    # Who is called exactly so is nobody new.
    register(clerk, sender_number="DG/124/2026", description="Otra cosa.")
    with reading(office) as session:
        assert len(session.scalars(select(Contact)).all()) == 1
    assert number_key("DOP/0123-2026") == number_key("dop 123/2026") != number_key("DOP/124/2026")


def test_way_a_the_counter_discharges_turns_and_marks_cc_and_a_signer_signs_the_answer(
    office: Office, town: Institution, tmp_path: Path
) -> None:
    counter, head = Clerk(office, town.accounts["oficialia"]), Clerk(office, town.accounts["head"])
    register(counter, email="rosa@colegio.example", begins="discharging")
    discharge = task(office, TaskKind.DISCHARGE)
    address = f"/admin/tarea/{discharge.id}"
    assert "Descargar asunto" in counter.get(address).text
    # Back to the digitizer with what is wrong, and again to the counter.
    assert "volvió a digitalizarse" in counter.post(f"{address}/digitalizar", reason="Falta la hoja 2").text
    assert task(office, TaskKind.DIGITIZE).instruction == "Falta la hoja 2"
    with office.database.writing() as session:
        oficio = session.scalars(select(Oficio)).one()
        ask_discharge(session, oficio, session.get_one(Account, town.accounts["digitizer"].id))
    address = f"/admin/tarea/{task(office, TaskKind.DISCHARGE).id}"
    assert "sale por correo a rosa@colegio.example" in counter.post(f"{address}/acuse").text
    fields = {
        "received_on": "2026-11-20",
        "document_type": "oficio",
        "description": "Internet para el aula 5.",
        "sender_number": "DG/0123/2026",
        "instruction": "Dar respuesta",
        **SENDER,
    }
    assert "No encontramos" in counter.post(f"{address}/turnar", **fields, addressee_text="Nadie").text
    counter.post(f"{address}/turnar", **fields, addressee_text="DSI", copy_text="Raúl Vega")
    assert sorted(open_kinds(office)) == ["attend", "review_copy"]
    assert newest(office).subject == "Internet para el aula 5"
    reviewer = Clerk(office, town.accounts["reviewer"])
    copy = task(office, TaskKind.REVIEW_COPY)
    shown = reviewer.get(f"/admin/tarea/{copy.id}").text
    assert "no necesita responder" in shown and "Para su conocimiento" in shown
    reviewer.post(f"/admin/tarea/{copy.id}/recibido")
    attend = task(office, TaskKind.ATTEND)
    shown = head.get(f"/admin/tarea/{attend.id}").text
    by_oficio = f"/admin/documentos/{attend.case_id}/responder"
    assert "se le pedirá la firma electrónica" in shown and f'action="{by_oficio}"' in shown
    assert "Responde a" in head.post(by_oficio).text
    page = head.post(f"/admin/tarea/{attend.id}/responder", text="Se instalará el lunes.").text
    assert "Firmar y enviar" in page
    assert open_kinds(office) == ["sign"] and _mailed(office) == []
    authority = Authority()
    authority.write_trust(tmp_path / "efirma")
    mine, other = authority.issue(), authority.issue(name="OTRA PERSONA", rfc="OTRA800101AB1", curp="X")
    sign = f"/admin/firmar/respuesta/{task(office, TaskKind.SIGN).id}"
    for files, sentence in ((other, "OTRA PERSONA"), (mine, "quedó firmada")):
        page = head.post(sign, certificate=(io.BytesIO(files.certificate), "a.cer"),
                         key=(io.BytesIO(files.key), "a.key"), password=files.password).text  # fmt: skip
        assert sentence in page
    with reading(office) as session:
        answer = session.scalars(select(SignedAnswer)).one()
        assert answer.signed_at is not None and answer.oficio.state == "signed"
        found = find_by_code(session, answer.verification_code)
        assert found is not None and found.signatures[0].name == "Jaime Torres"
    assert _mailed(office) == [["rosa@colegio.example"]] and open_kinds(office) == []
    pdf = counter.get(f"/admin/casos/{answer.oficio_id}/respuesta/{answer.id}").data
    assert pdf.startswith(b"%PDF-") and b"ByteRange" in pdf


def test_way_b_who_was_turned_to_names_a_responsible_and_marks_cc(office: Office, town: Institution) -> None:
    counter, worker = Clerk(office, town.accounts["oficialia"]), Clerk(office, town.accounts["worker"])
    head, reviewer = Clerk(office, town.accounts["head"]), Clerk(office, town.accounts["reviewer"])
    register(counter, begins="assigned", channel="phone", addressee_text="Jaime Torres")
    attend = task(office, TaskKind.ATTEND)
    page = head.post(f"/admin/tarea/{attend.id}/responsable").text
    assert "Asignar responsable" in page and "Elija quién responde" in page
    address = f"/admin/tarea/{task(office, TaskKind.ASSIGN_RESPONSIBLE).id}"
    assert "no es de su dependencia" in head.post(f"{address}/asignar", addressee_text="Olga Peña").text
    head.post(f"{address}/asignar", addressee_text="Tomás Ibarra", copy_text="Raúl Vega", instruction="Usted")
    assert sorted(open_kinds(office)) == ["attend", "review_copy"]
    given = task(office, TaskKind.ATTEND)
    assert given.account_id == town.accounts["worker"].id and given.instruction == "Usted"
    assert "Recibir asunto CC" in reviewer.get(f"/admin/tarea/{task(office, TaskKind.REVIEW_COPY).id}").text
    # A worker leaves it to its head to name somebody.
    worker.post(f"/admin/tarea/{given.id}/responsable", note="No es de mi área")
    asked = task(office, TaskKind.ASSIGN_RESPONSIBLE)
    assert asked.role == Role.HEAD and asked.instruction == "No es de mi área"
    # Nobody has to wait for that: the answer ends every step of the attention. There is no address: paper.
    worker.post(f"/admin/tarea/{given.id}/responder", text="Ya quedó.")
    assert open_kinds(office) == ["review_copy"] and newest(office).state == "answered"
    assert "ya se terminó" in worker.get(f"/admin/tarea/{given.id}").text


def _mailed(office: Office) -> list[list[str]]:
    with reading(office) as session:
        return list(session.scalars(select(OutboxMessage.to).where(OutboxMessage.kind == "answer")))
