"""The REST API: a program sees and does what its account may, within its token's scopes, and no more."""

from __future__ import annotations

import hashlib
import io
import json
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from pydantic import SecretStr
from sqlalchemy import select, update

from admin.app import create_app
from admin.views.case import buttons
from intake.config import Settings
from intake.issued import approval
from intake.office import Office
from intake.programs.tokens import KEPT
from intake.running.reports import whole_case
from models.access import standing, visible_to
from models.api_token import ApiToken, IdempotencyKey
from models.base import now
from models.case import Case
from models.dependencia import Dependencia
from models.person import Account
from models.service import Service
from models.service_field import FieldKind, ServiceField
from models.user import User
from tests.support.api import EVERYTHING, Program
from tests.support.desk import arrive, notices
from tests.support.documents import acting, fields, write
from tests.support.institution import Institution, found_institution, open_case
from tests.support.panel import Clerk, give_logins, panel_of

SHIFTS = ("Matutino", "Vespertino")


@dataclass
class Town:
    office: Office
    people: Institution
    app: Flask

    def program(self, name: str, scopes: tuple[str, ...] = EVERYTHING) -> Program:
        return Program(self.app, self.office, self.people.accounts[name], scopes)

    def case(self, subject: str = "No enciende la impresora") -> str:
        with self.office.database.writing() as session:
            number = session.query(Case).count()
            return open_case(session, self.people, subject=subject, address=f"ana{number}@example.com").folio


@pytest.fixture(scope="module")
def town(migrated_sqlite: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    folder = tmp_path_factory.mktemp("api")
    shutil.copy(migrated_sqlite, folder / "register.db")
    office = Office.open(
        Settings(
            _env_file=None,
            database_url=f"sqlite:///{folder / 'register.db'}",
            store_url=f"file:{folder / 'files'}",
            outgoing_dir=folder / "outgoing",
            secret_key=SecretStr("only for tests, and longer than thirty-two bytes"),
            domain="example.gob.mx",
        )
    )
    with office.database.writing() as session:
        people = found_institution(session)
        give_logins(session, people)
    yield Town(office, people, panel_of(office))
    office.database.close()


def test_a_token_is_shown_once_and_opens_nothing_once_it_is_revoked(town: Town) -> None:
    clerk = Clerk(town.office, town.people.accounts["worker"])
    page = clerk.post("/admin/api/claves", name="Catastro", scope=["cases:read"], days="30").text
    secret = re.search(r"ofi_[\w-]{43}", page)
    assert secret and secret[0] not in clerk.get("/admin/api/").text
    headers = {"Authorization": f"Bearer {secret[0]}"}
    me = town.app.test_client().get("/api/v1/me", headers=headers).get_json()
    assert me["person"] == "Tomás Ibarra" and me["token"]["scopes"] == ["cases:read"]
    with town.office.database.reading() as session:
        kept = session.scalars(select(ApiToken).order_by(ApiToken.id.desc())).first()
    assert kept and secret[0] not in json.dumps([kept.token_sha256, kept.hint]) and kept.last_used_at
    clerk.post("/admin/api/claves/revocar", token=str(kept.id))
    gone = town.app.test_client().get("/api/v1/me", headers=headers)
    assert gone.status_code == 401 and gone.headers["WWW-Authenticate"].startswith("Bearer")


def test_nobody_else_revokes_it_and_a_wrong_form_keeps_its_words(town: Town) -> None:
    program = town.program("worker")
    Clerk(town.office, town.people.accounts["head"]).post("/admin/api/claves/revocar", token=program.token_id)
    assert program.get("/me").status_code == 200
    clerk = Clerk(town.office, town.people.accounts["head"])
    again = clerk.post("/admin/api/claves", name="Sistema de nómina", days="30")
    assert again.status_code == 422 and "Sistema de nómina" in again.text


def test_a_cookie_opens_nothing_and_none_is_given(town: Town) -> None:
    clerk = Clerk(town.office, town.people.accounts["head"])
    assert clerk.get("/admin/").status_code == 200
    assert clerk.get("/api/v1/me").status_code == 401
    program = town.program("head")
    answer = program.get("/cases", headers={"Origin": "https://otra.example"})
    assert "Set-Cookie" not in answer.headers
    assert not [name for name, _ in answer.headers if name.startswith("Access-Control")]


@pytest.mark.parametrize("what", ["token", "account", "login"])
def test_a_token_ends_with_its_time_its_account_and_its_login(town: Town, what: str) -> None:
    program, account = town.program("other"), town.people.accounts["other"]

    def put(value: bool) -> None:
        with town.office.database.writing() as session:
            token = session.get_one(ApiToken, program.token_id)
            if what == "token":
                token.expires_at = now().replace(year=2999 if value else 2001)
            elif what == "account":
                session.get_one(Account, account.id).is_active = value
            else:
                login = session.scalars(select(User).where(User.person_id == account.person_id)).one()
                login.active = value

    put(False)
    assert program.get("/me").status_code == 401
    put(True)
    assert program.get("/me").status_code == 200


def test_a_program_sees_the_cases_of_its_account_and_no_others(town: Town) -> None:
    asked = {"subject": "Patio", "text": "La cámara del patio no graba.", "service": "soporte",
             "requester_address": "leo@example.com"}  # fmt: skip
    folio = town.program("worker").post("/cases", asked).json["folio"]
    for name in ("oficialia", "head", "worker", "other"):
        program = town.program(name)
        with town.office.database.reading() as session:
            account = session.get_one(Account, town.people.accounts[name].id)
            visible = set(session.scalars(select(Case.folio).where(visible_to(account))))
        assert {one["folio"] for one in program.everything("/cases?limit=3")} == visible
        found = {one["folio"] for one in program.everything("/cases?words=c%C3%A1mara%20patio")}
        assert found == visible & {folio}
    stranger = town.program("other")
    hidden, absent = stranger.get(f"/cases/{folio}"), stranger.get("/cases/T-1999-000001")
    assert hidden.status_code == absent.status_code == 404 and hidden.json == absent.json
    assert stranger.post(f"/cases/{folio}/notes", {"text": "hola"}).status_code == 404
    assert stranger.post(f"/cases/{folio}/actions/take").status_code == 404
    configures = town.program("admin").get("/cases")
    assert configures.status_code == 403 and configures.json["code"] == "role"


def test_filters_narrow_and_say_what_they_do_not_know(town: Town) -> None:
    folio = town.case("Filtro")
    program = town.program("head")
    program.post(f"/cases/{folio}/actions/take")

    def folios(query: str) -> set[str]:
        return {one["folio"] for one in program.everything(f"/cases?{query}")}

    assert folio in folios("state=in_progress&kind=ticket&dependencia=DSI")
    assert folio not in folios("state=closed") and folio not in folios("kind=oficio")
    assert folios("since=2999-01-01T00:00:00Z") == set()
    assert program.get("/cases?dependencia=NADIE").status_code == 404
    wrong = program.get("/cases?state=perdido&limit=0&otro=1")
    assert wrong.status_code == 422 and {one["where"] for one in wrong.json["errors"]} == {
        "query/state", "query/limit", "query/otro",
    }  # fmt: skip


def test_scopes_bound_what_a_token_opens(town: Town) -> None:
    folio = town.case()
    reads = town.program("head", ("cases:read",))
    assert reads.get(f"/cases/{folio}").status_code == 200
    refused = reads.post(f"/cases/{folio}/notes", {"text": "hola"})
    assert refused.status_code == 403 and refused.json["detail"].endswith("cases:write.")
    assert reads.get("/documents").status_code == reads.get("/webhooks").status_code == 403
    only_hooks = town.program("head", ("webhooks:manage",))
    wanted = {"url": "https://example.com/", "events": ["case.opened"]}
    assert only_hooks.post("/webhooks", wanted).status_code == 403


def test_a_case_is_what_the_command_line_shows_and_its_etag_changes_with_it(town: Town) -> None:
    folio, program = town.case(), town.program("head")
    answer = program.get(f"/cases/{folio.lower()}")
    with town.office.database.reading() as session:
        shown = whole_case(session, session.scalars(select(Case).where(Case.folio == folio)).one())
    assert answer.json == json.loads(json.dumps(shown))
    same = program.get(f"/cases/{folio}", headers={"If-None-Match": answer.headers["ETag"]})
    assert same.status_code == 304 and not same.data
    program.post(f"/cases/{folio}/notes", {"text": "Falta el tóner."})
    changed = program.get(f"/cases/{folio}", headers={"If-None-Match": answer.headers["ETag"]})
    assert changed.status_code == 200 and changed.json["messages"][-1]["text"] == "Falta el tóner."


def test_what_changed_since_it_was_read_is_not_changed_again_by_who_says_if_match(town: Town) -> None:
    folio, program = town.case(), town.program("head")
    read = {"If-Match": program.get(f"/cases/{folio}").headers["ETag"]}
    assert program.post(f"/cases/{folio}/actions/take", headers=read).json["state"] == "in_progress"
    for path, body in (("notes", {"text": "Tarde"}), ("answers", {"text": "Tarde"}),
                       ("follow-ups", {"text": "Tarde"}), ("actions/resolve", {})):  # fmt: skip
        stale = program.post(f"/cases/{folio}/{path}", body, headers=read)
        assert (stale.status_code, stale.json["code"]) == (412, "changed")
        assert stale.content_type == "application/problem+json"
    now_read = program.get(f"/cases/{folio}")
    assert "Tarde" not in now_read.text
    fresh = {"If-Match": f'"otra", {now_read.headers["ETag"]}'}
    assert program.post(f"/cases/{folio}/notes", {"text": "A tiempo"}, headers=fresh).status_code == 201
    assert (
        program.post(f"/cases/{folio}/notes", {"text": "Sea"}, headers={"If-Match": "*"}).status_code == 201
    )


def test_a_file_is_sent_once_and_named_by_its_hash_by_who_sent_it(town: Town) -> None:
    folio, program, stranger = town.case(), town.program("head"), town.program("head")
    small, large = b"fecha,nota\n", b"%PDF-1.7\n" + b"x" * 100_000
    form = {"files": [(io.BytesIO(small), "datos.csv"), (io.BytesIO(large), "plano.pdf")]}
    sent = program.call("POST", "/files", data=form, content_type="multipart/form-data")
    assert sent.status_code == 201 and sent.json["items"][1]["content_type"] == "application/pdf"
    hashes = [one["sha256"] for one in sent.json["items"]]
    assert hashes == [hashlib.sha256(one).hexdigest() for one in (small, large)]
    told = {
        "subject": "Plano",
        "requester_address": "leo@example.com",
        "service": "soporte",
        "uploads": hashes,
    }
    refused = stranger.post("/cases", told)
    assert refused.status_code == 409 and refused.json["code"] == "no_upload", "A hash is no right."
    made = program.post("/cases", told).json["folio"]
    (first,) = program.get(f"/cases/{made}").json["messages"]
    assert [one["filename"] for one in first["attachments"]] == ["datos.csv", "plano.pdf"]
    assert program.get(f"/cases/{made}/files/{hashes[1]}").data == large
    assert program.post(f"/cases/{folio}/answers", {"uploads": hashes[1:]}).status_code == 201
    bad = program.call("POST", "/files", data={"files": (io.BytesIO(b"MZ" + b"\0" * 99), "a.exe")},
                       content_type="multipart/form-data")  # fmt: skip
    assert bad.json["code"] == "file_dangerous"
    assert program.call("POST", "/files", json={}).status_code == 415
    with town.office.database.writing() as session:
        session.execute(update(IdempotencyKey).values(created_at=now() - KEPT))
    assert program.post("/cases", told).json["code"] == "no_upload"


def test_a_program_opens_a_ticket_and_attends_it_to_its_end(town: Town) -> None:
    program = town.program("worker")
    made = program.post("/cases", {"subject": "Credencial", "text": "Mi credencial se borró.",
                                   "requester_name": "Eva Luna", "requester_address": "eva@example.com",
                                   "service": "soporte"})  # fmt: skip
    assert made.status_code == 201 and made.json["dependencia"]["siglas"] == "DSI"
    folio, at = made.json["folio"], made.headers["Location"].removeprefix("/api/v1")
    assert program.get(at).json["folio"] == folio
    assert [one.to for one in notices(town.office, "acuse")][-1] == ["eva@example.com"]
    assert program.post(f"/cases/{folio}/actions/take").json["holder"]["name"] == "Tomás Ibarra"
    told = program.post(f"/cases/{folio}/answers", {"text": "Ya está lista.", "then": "answer_and_resolve"})
    assert told.status_code == 201 and told.json["state"] == "resolved"
    assert notices(town.office, "answer")[-1].to == ["eva@example.com"]
    again = program.post(f"/cases/{folio}/follow-ups", {"text": "Llamó: sigue borrosa."})
    assert again.json["state"] == "in_progress"
    last = program.get(at).json["messages"][-1]
    assert last["direction"] == "in" and last["channel"] == "api" and last["sender"]["name"] == "Eva Luna"


def test_what_a_service_asks_is_told_answered_and_refused_with_the_words_of_the_form(town: Town) -> None:
    with town.office.database.writing() as session:
        service = Service(slug="credenciales", name="Credenciales", dependencia=session.get_one(
            Dependencia, town.people.systems.id))  # fmt: skip
        session.add(service)
        service.fields = [
            ServiceField(label="Número de empleado", kind=FieldKind.NUMBER, is_required=True, position=1),
            ServiceField(
                label="Turno", kind=FieldKind.CHOICE, choices=["Matutino", "Vespertino"], position=2
            ),
            ServiceField(label="Foto", kind=FieldKind.FILE, position=3),
            ServiceField(label="Ya no se pregunta", is_active=False, position=4),
        ]
    program = town.program("worker")
    told = next(one for one in program.everything("/services") if one["slug"] == "credenciales")
    assert [(one["label"], one["kind"], one["is_required"]) for one in told["fields"]] == [
        ("Número de empleado", "number", True), ("Turno", "choice", False), ("Foto", "file", False),
    ]  # fmt: skip
    assert told["fields"][1]["choices"] == list(SHIFTS)
    asked = {"subject": "Credencial", "requester_address": "eva@example.com", "service": "credenciales"}
    refused = program.post("/cases", {**asked, "answers": {
        "Turno": "Nocturno", "Foto": "0" * 64, "Ya no se pregunta": "Sí"}})  # fmt: skip
    assert refused.status_code == 422 and refused.json["code"] == "invalid"
    assert {one["where"]: one["what"] for one in refused.json["errors"]} == {
        "body/answers/Número de empleado": "Falta «Número de empleado».",
        "body/answers/Turno": "«Turno» debe ser una de estas opciones: Matutino, Vespertino.",
        "body/answers/Foto": "No es la huella de un archivo de esta solicitud.",
        "body/answers/Ya no se pregunta": "El servicio no pregunta esto.",
    }
    picture = b"\x89PNG\r\n\x1a\n" + b"y" * 100
    sha256 = hashlib.sha256(picture).hexdigest()
    answers = {"número de empleado": "1,204", "Turno": "matutino", "Foto": sha256}
    wanted = [("Número de empleado", "1204"), ("Turno", "Matutino"), ("Foto", "foto.png")]

    def read(answer: Any) -> None:
        assert answer.status_code == 201, answer.text
        case = program.get(f"/cases/{answer.json['folio']}").json
        assert [(one["label"], one["value"]) for one in case["fields"]] == wanted
        assert [one["sha256"] for one in case["messages"][0]["attachments"]] == [sha256]

    # In a form an object is a part of JSON; the file comes along, or was sent before.
    form = {**asked, "answers": json.dumps(answers), "files": (io.BytesIO(picture), "foto.png")}
    read(program.call("POST", "/cases", data=form, content_type="multipart/form-data"))
    program.call("POST", "/files", data={"files": (io.BytesIO(picture), "foto.png")},
                 content_type="multipart/form-data")  # fmt: skip
    read(program.post("/cases", {**asked, "answers": answers, "uploads": [sha256]}))
    # Whoever does not speak of them is not asked.
    assert program.post("/cases", asked).status_code == 201
    broken = program.call(
        "POST", "/cases", data={**asked, "answers": "[1"}, content_type="multipart/form-data"
    )
    assert [one["what"] for one in broken.json["errors"]] == ["Debe ser un objeto con textos."]


def test_files_go_along_in_a_form_and_come_back_unless_they_are_dangerous(town: Town) -> None:
    folio, program = town.case(), town.program("head")
    picture = b"\x89PNG\r\n\x1a\n" + b"x" * 100

    def send(content: bytes, name: str) -> Any:
        form = {"text": "Foto", "files": (io.BytesIO(content), name)}
        return program.call("POST", f"/cases/{folio}/notes", data=form, content_type="multipart/form-data")

    assert send(picture, "pantalla.png").status_code == 201
    (file,) = program.get(f"/cases/{folio}").json["messages"][-1]["attachments"]
    assert program.get(f"/cases/{folio}/files/{file['sha256']}").data == picture
    assert program.get(f"/cases/{folio}/files/{'0' * 64}").status_code == 404
    elsewhere = town.case()
    assert program.get(f"/cases/{elsewhere}/files/{file['sha256']}").status_code == 404
    bad = send(b"MZ" + b"\0" * 200, "factura.exe")
    assert bad.status_code == 409 and bad.json["code"] == "file_dangerous"
    assert len(program.get(f"/cases/{folio}").json["messages"]) == 2


def test_the_actions_offered_are_the_panels_buttons_and_the_workflow_decides(town: Town) -> None:
    folio = town.case()
    for name in ("oficialia", "head", "worker"):
        offered = [one["action"] for one in town.program(name).get(f"/cases/{folio}/actions").json["items"]]
        with town.app.test_request_context(), town.office.database.reading() as session:
            case = session.scalars(select(Case).where(Case.folio == folio)).one()
            who = session.get_one(Account, town.people.accounts[name].id)
            assert offered == buttons(case, who, standing(session, case, who))
    program, worker = town.program("head"), town.people.accounts["worker"]
    due_at = f"{now().year + 1}-01-02T10:00:00-06:00"
    assign = {"account": worker.id, "instruction": "Con urgencia", "due_at": due_at}
    done = program.post(f"/cases/{folio}/actions/assign", assign).json
    assert (done["state"], done["holder"]["name"]) == ("assigned", "Tomás Ibarra")
    turno = program.get(f"/cases/{folio}").json["turnos"][-1]
    assert turno["instruction"] == "Con urgencia" and turno["from"]["name"] == "Jaime Torres"
    reasonless = program.post(f"/cases/{folio}/actions/cancel")
    assert reasonless.status_code == 409 and reasonless.json["code"] == "reason_needed"
    program.post(f"/cases/{folio}/actions/cancel", {"reason": "Duplicada"})
    late = program.post(f"/cases/{folio}/actions/resolve")
    assert late.status_code == 409 and late.json["code"] == "not_allowed"
    assert program.post(f"/cases/{folio}/actions/volar").status_code == 404


def test_documents_are_listed_and_their_sealed_pdf_comes_whole(town: Town) -> None:
    with acting(town.office, town.people) as (session, people):
        oficio = write(session, town.office, people["head"], fields(town.people, subject="Obras"))
        draft = write(session, town.office, people["worker"], fields(town.people, subject="Borrador"))
        approval.approve(session, town.office, oficio, people["head"])
        folio, hidden, sha256 = oficio.folio, draft.folio, oficio.pdf_sha256
    program = town.program("other")
    assert [one["folio"] for one in program.everything("/documents?limit=1")] == [folio]
    assert program.get(f"/documents/{folio}").json["has_pdf"]
    pdf = program.get(f"/documents/{folio}/pdf")
    assert pdf.content_type == "application/pdf" and pdf.data.startswith(b"%PDF") and sha256
    assert program.get(f"/documents/{hidden}").status_code == 404
    assert town.program("head", ("cases:read",)).get(f"/cases/{folio}").status_code == 404
    cancelled = town.program("head").post(f"/cases/{folio}/actions/cancel", {"reason": "Error"})
    assert cancelled.json["state"] == "cancelled"


def test_every_no_is_a_problem_in_the_language_of_the_login(town: Town) -> None:
    folio, program = town.case(), town.program("head")

    def no(method: str, path: str, **content: Any) -> tuple[int, str]:
        answer = program.call(method, path, **content)
        assert (
            answer.content_type == "application/problem+json" and answer.json["status"] == answer.status_code
        )
        return answer.status_code, answer.json["detail"]

    assert no("GET", "/nada") == (404, "No existe, o esta cuenta no lo puede ver.")
    assert no("DELETE", "/cases")[0] == no("OPTIONS", f"/cases/{folio}/notes")[0] == 405
    assert no("POST", f"/cases/{folio}/notes", data="hola")[0] == 415
    assert no("POST", f"/cases/{folio}/notes", data="{", content_type="application/json")[0] == 400
    assert no("POST", f"/cases/{folio}/notes", json={"text": 5})[0] == 422
    assert no("POST", f"/cases/{folio}/notes", json={"text": " "})[0] == 409
    with town.office.database.writing() as session:
        own = User.person_id == town.people.accounts["head"].person_id
        session.scalars(select(User).where(own)).one().language = "en"
    assert no("GET", "/cases/nada") == (404, "It does not exist, or this account may not see it.")


def test_a_token_that_asks_too_often_is_told_how_long_to_wait(town: Town) -> None:
    slow = town.office.settings.model_copy(update={"api_rate_per_minute": 2})
    app = create_app(Office(slow, town.office.database, town.office.store))
    program = Program(app, town.office, town.people.accounts["worker"])
    other = Program(app, town.office, town.people.accounts["worker"])
    assert [program.get("/me").status_code for _ in range(3)] == [200, 200, 429]
    told = program.get("/me")
    assert 1 <= int(told.headers["Retry-After"]) <= 60
    assert other.get("/me").status_code == 200


def test_a_mail_becomes_a_case_that_a_program_reads_with_its_file(town: Town) -> None:
    raw = (
        b"From: Ana <ana@correo.example>\r\nTo: soporte@example.gob.mx\r\nSubject: Reporte\r\n"
        b"Message-ID: <api@correo.example>\r\nMIME-Version: 1.0\r\n"
        b'Content-Type: multipart/mixed; boundary="x"\r\n\r\n--x\r\nContent-Type: text/plain\r\n\r\nHola\r\n'
        b'--x\r\nContent-Type: text/plain\r\nContent-Disposition: attachment; filename="datos.csv"\r\n\r\n'
        b"a,b\r\n--x--\r\n"
    )
    number = arrive(town.office, raw)
    program = town.program("worker")
    (found,) = [one for one in program.everything("/cases") if one["subject"] == "Reporte"]
    case = program.get(f"/cases/{found['folio']}").json
    (file,) = case["messages"][0]["attachments"]
    assert program.get(f"/cases/{found['folio']}/files/{file['sha256']}").data.strip() == b"a,b" and number
