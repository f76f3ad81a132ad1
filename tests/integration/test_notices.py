"""What people are told, when, under which mail and in which words, on both databases."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Sequence

import pytest
from sqlalchemy import select

from intake import cases, turnos
from intake import notices as told
from intake.config import Settings
from intake.errors import InvalidInput
from intake.incoming import IncomingFile
from intake.mailer import deliver_mail, envelope_sender
from intake.office import Office
from intake.reply_address import case_link, read
from models.event import Event
from models.inbound_mail import InboundMail
from models.mailbox import Mailbox, MailboxPurpose
from models.message import Message
from models.outbox_message import OutboxMessage, OutboxStatus
from models.person import Account, Role
from tests.support.desk import SUPPORT, arrive, get_case, notices, sent_files
from tests.support.dovecot import Account as MailAccount
from tests.support.dovecot import Dovecot
from tests.support.institution import Institution, found_institution, open_case, spool
from tests.support.mails import make_mail

# How a notice reads is no question of the database; whom it reaches, and how many, is proven on both.
pytestmark = pytest.mark.on_sqlite

ANA = "ana@correo.example"
FIRST = "<primero@correo.example>"


@pytest.fixture
def office(settings: Settings) -> Iterator[Office]:
    opened = Office.open(settings.model_copy(update={"institution": "Municipio de San Andrés"}))
    yield opened
    opened.database.close()


@pytest.fixture
def town(office: Office) -> Institution:
    with office.database.writing() as session:
        town = found_institution(session)
        town.support.solution_minutes = 6 * 60
    return town


def acuse(office: Office) -> OutboxMessage:
    (notice,) = notices(office, "acuse")
    return notice


def answer(
    office: Office,
    town: Institution,
    case_id: int,
    text: str = "Ya quedó.",
    *,
    then: str = "answer",
    cc: Sequence[str] = (),
    files: Sequence[IncomingFile] = (),
) -> OutboxMessage:
    """The worker answers Ana; returns what will be sent."""
    with office.database.writing() as session:
        by = session.get_one(Account, town.accounts["worker"].id)
        cases.answer(session, office, get_case(session, case_id), by, text=text, to=[ANA], cc=cc, files=files,
                     then=then)  # fmt: skip
    return notices(office, "answer")[-1]


# The acuse.


@pytest.mark.on_both
def test_the_acuse_says_folio_link_what_was_received_and_by_when(office: Office, town: Institution) -> None:
    files = [("recibo.pdf", "application/pdf", b"%PDF-1.4\n" + bytes(245_000) + b"\n%%EOF\n")]
    case_id = arrive(office, make_mail(files=files))
    notice = acuse(office)
    with office.database.reading() as session:
        case = get_case(session, case_id)
        (file,) = session.scalars(select(Message).where(Message.case_id == case_id)).one().attachments
    for body in (notice.text, notice.html):
        assert case.folio in body and "No enciende la impresora" in body
        assert "Hola, Ana López:" in body
        assert "recibo.pdf" in body and "(245 KB)" in body
        assert file.sha256 in body
        assert "hora de Ciudad de México" in body
        assert "La atenderemos a más tardar el" in body
        assert "responda a este correo" in body
    assert case_link(office, case.folio) in notice.text
    assert notice.subject == f"Re: No enciende la impresora [{case.folio}]"


def test_the_acuse_threads_under_the_requesters_mail(office: Office, town: Institution) -> None:
    arrive(office, make_mail(message_id=FIRST, references=["<abuelo@x.example>", "<padre@x.example>"]))
    deliver_mail(office)
    (mail,) = sent_files(office)
    assert mail["In-Reply-To"] == FIRST
    assert mail["References"].split() == ["<abuelo@x.example>", "<padre@x.example>", FIRST]
    assert mail["Auto-Submitted"] == "auto-replied"


def test_the_acuse_comes_from_the_mailbox_and_its_answer_goes_to_the_case(
    office: Office, town: Institution
) -> None:
    case_id = arrive(office, make_mail(), to="soporte+catalogo@example.gob.mx")
    notice = acuse(office)
    assert notice.from_addr == SUPPORT
    assert notice.from_name == "Soporte · Municipio de San Andrés"
    assert notice.to == [ANA]
    with office.database.reading() as session:
        assert read(office, notice.reply_to) == get_case(session, case_id).folio


def test_the_acuse_goes_where_the_mail_came_from_not_where_it_asks_for(
    office: Office, town: Institution
) -> None:
    arrive(office, make_mail(headers=[("Reply-To", "victima@ajeno.example")]))
    assert acuse(office).to == [ANA]


def test_the_acuse_says_which_file_is_in_quarantine(office: Office, town: Institution) -> None:
    program = b"MZ\x90\x00\x03" + bytes(200)
    arrive(office, make_mail(files=[("factura.pdf.exe", "application/octet-stream", program)]))
    assert "factura.pdf.exe" in acuse(office).text
    assert "en cuarentena" in acuse(office).text


@pytest.mark.parametrize(
    "sender",
    ["noreply@tienda.example", "no-responder@banco.example", "MAILER-DAEMON@correo.example",
     "lista-bounces@listas.example", "soporte+x@example.gob.mx"],
)  # fmt: skip
def test_a_robot_and_we_ourselves_get_no_acuse(office: Office, town: Institution, sender: str) -> None:
    with office.database.writing() as session:
        ticket = open_case(session, town, address=sender.lower())
        message = session.scalars(select(Message)).one()
        assert told.write_acuse(session, office, ticket, message) is None


def test_people_whose_names_look_like_robots_get_their_acuse(office: Office, town: Institution) -> None:
    arrive(
        office, make_mail(sender="Noemí <noemi.reply@correo.example>"), sender="noemi.reply@correo.example"
    )
    assert acuse(office).to == ["noemi.reply@correo.example"]


@pytest.mark.on_both
def test_whoever_writes_all_the_time_gets_so_many_acuses_an_hour(office: Office, town: Institution) -> None:
    limited = Office(office.settings.model_copy(update={"acuse_per_hour": 3}), office.database, office.store)
    for number in range(5):
        arrive(limited, make_mail(subject=f"Asunto distinto número {number}"))
    assert len(notices(office, "acuse")) == 3
    with office.database.reading() as session:
        assert len(session.scalars(select(Event).where(Event.action == "acuse_withheld")).all()) == 2


@pytest.mark.on_both
def test_two_robots_that_answer_each_other_stop_sooner_than_a_person_with_much_to_ask(
    office: Office, town: Institution
) -> None:
    settings = office.settings.model_copy(update={"acuse_per_hour": 5, "acuse_per_hour_pair": 2})
    limited = Office(settings, office.database, office.store)
    for number in range(4):
        arrive(limited, make_mail(subject=f"Disco lleno en el servidor {number}"))
    assert len(notices(office, "acuse")) == 2
    with limited.database.writing() as session:
        session.add(Mailbox(address="obras@example.gob.mx", name="Obras", dependencia_id=town.works.id))
    for number in range(2):
        arrive(limited, make_mail(subject=f"Bache {number}"), to="obras@example.gob.mx")
    assert len(notices(office, "acuse")) == 4


def test_a_contact_who_reads_english_is_told_in_english(office: Office, town: Institution) -> None:
    case_id = arrive(office, make_mail())
    with office.database.writing() as session:
        case = get_case(session, case_id)
        case.requester.language = "en"
        message = session.scalars(select(Message)).one()
        assert told.write_acuse(session, office, case, message) is not None
    notice = notices(office, "acuse")[-1]
    assert "We received your request" in notice.text and '<html lang="en">' in notice.html
    assert "Mexico City time" in notice.text


def test_what_a_stranger_wrote_cannot_change_our_page(office: Office, town: Institution) -> None:
    arrive(office, make_mail(subject="<script>alert(1)</script>", sender=f'"<b>Ana</b>" <{ANA}>'))
    assert "<script>" not in acuse(office).html and "<b>Ana" not in acuse(office).html


def test_an_advertisement_as_a_name_is_not_repeated(office: Office, town: Institution) -> None:
    arrive(office, make_mail(sender=f'"Gane en www.premio.example" <{ANA}>'))
    assert "premio" not in acuse(office).text and acuse(office).text.startswith("Hola:")


# Answers.


@pytest.mark.on_both
def test_an_answer_reaches_the_chosen_people_with_its_text_and_files(
    office: Office, town: Institution
) -> None:
    case_id = arrive(office, make_mail())
    report = IncomingFile.of("informe técnico.pdf", "application/pdf", b"%PDF-1.4\n")
    answer(office, town, case_id, "Buenos días:\n\nYa quedó. Vea https://example.gob.mx/guia", files=[report],
           cc=["jefa@correo.example"])  # fmt: skip
    deliver_mail(office)
    mail = sent_files(office)[-1]
    assert mail["To"] == ANA and mail["Cc"] == "jefa@correo.example"
    assert mail["Auto-Submitted"] is None
    text, html = mail.get_body(("plain",)), mail.get_body(("html",))
    assert text is not None and html is not None
    lines = text.get_content().splitlines()
    assert lines[:3] == ["Buenos días:", "", "Ya quedó. Vea https://example.gob.mx/guia"]
    assert lines[4:6] == ["Tomás Ibarra", "Dirección de Sistemas"]
    assert '<a href="https://example.gob.mx/guia"' in html.get_content()
    assert [part.get_filename() for part in mail.iter_attachments()] == ["informe técnico.pdf"]


def test_an_answer_shows_briefly_what_it_answers(office: Office, town: Institution) -> None:
    long = "\n".join(f"Línea {number}" for number in range(40))
    notice = answer(office, town, arrive(office, make_mail(text=long)))
    assert "Ana López escribió:\n> Línea 0\n" in notice.text
    assert "> Línea 11 …" in notice.text and "Línea 12" not in notice.text


def test_a_file_in_quarantine_is_not_sent_to_anybody(office: Office, town: Institution) -> None:
    case_id = arrive(office, make_mail())
    bad = IncomingFile("macro.doc", "application/msword", b"x", "e" * 64, danger="macro")
    with pytest.raises(InvalidInput, match=r"macro\.doc"):
        answer(office, town, case_id, files=[bad])
    assert notices(office, "answer") == []


def test_nothing_comes_from_a_scanners_address(office: Office, town: Institution) -> None:
    case_id = arrive(office, make_mail())
    with office.database.writing() as session:
        for mailbox in session.scalars(select(Mailbox)):
            mailbox.is_active = False
        session.add(
            Mailbox(
                address="escaner@example.gob.mx",
                name="Escáner",
                purpose=MailboxPurpose.SCANS,
                dependencia_id=get_case(session, case_id).dependencia_id,
            )
        )
    assert answer(office, town, case_id).from_addr == f"oficialia@{office.settings.domain}"


@pytest.mark.parametrize(("then", "words"), [("answer_and_wait", "Esperamos su respuesta"),
                                             ("answer_and_resolve", "damos por resuelta")])  # fmt: skip
def test_an_answer_says_what_happens_next(office: Office, town: Institution, then: str, words: str) -> None:
    assert words in answer(office, town, arrive(office, make_mail()), then=then).text


@pytest.mark.on_both
def test_the_whole_conversation_is_one_thread_for_a_mail_client(
    office: Office, town: Institution, imap_server: Dovecot
) -> None:
    first = make_mail(message_id=FIRST)
    case_id = arrive(office, first)
    folio = acuse(office).reply_to
    answer(office, town, case_id, "¿Qué modelo es?", then="answer_and_wait")
    # A client that sends no References, as some phones do: the thread must hold by ours.
    second = make_mail(to=folio, subject="modelo", message_id="<segundo@correo.example>", text="HP 4200")
    arrive(office, second, to=folio)
    answer(office, town, case_id, "Ya quedó.")
    with office.database.writing() as session:
        by = session.get_one(Account, town.accounts["worker"].id)
        cases.close(session, office, get_case(session, case_id), by)
    deliver_mail(office)
    ours = [mail.as_bytes() for mail in sent_files(office)]
    assert len(ours) == 4
    # Of this test alone: the server is shared.
    ana = MailAccount(f"{uuid.uuid4().hex}@example.gob.mx")
    for raw in (first, second, *ours):
        imap_server.append(ana, raw)
    assert imap_server.thread_references(ana) == [{1, 2, 3, 4, 5, 6}]


@pytest.mark.on_both
def test_an_answer_goes_under_the_requesters_last_mail(office: Office, town: Institution) -> None:
    case_id = arrive(office, make_mail(message_id=FIRST))
    asked = answer(office, town, case_id)
    second = make_mail(to=asked.reply_to, message_id="<segundo@correo.example>",
                       in_reply_to=f"<{asked.rfc_message_id}>",
                       references=[FIRST, f"<{asked.rfc_message_id}>"])  # fmt: skip
    arrive(office, second, to=asked.reply_to)
    notice = answer(office, town, case_id)
    assert notice.in_reply_to == "segundo@correo.example"
    assert notice.references[0] == "primero@correo.example"
    assert notice.references[-2:] == [asked.rfc_message_id, "segundo@correo.example"]


def test_a_thread_without_end_names_its_root_and_its_last_mails(office: Office, town: Institution) -> None:
    ancestors = [f"<{number}@lista.example>" for number in range(60)]
    arrive(office, make_mail(message_id=FIRST, references=ancestors))
    found = acuse(office).references
    assert len(found) == 20
    assert (found[0], found[-1]) == ("0@lista.example", "primero@correo.example")


# States.


@pytest.mark.on_both
def test_who_asked_is_told_that_it_was_cancelled_and_why(office: Office, town: Institution) -> None:
    case_id = arrive(office, make_mail(message_id=FIRST))
    with office.database.writing() as session:
        by = session.get_one(Account, town.accounts["oficialia"].id)
        cases.cancel(session, office, get_case(session, case_id), by, reason="No es de este municipio.")
    (notice,) = notices(office, "cancelled")
    assert notice.to == [ANA] and notice.auto_submitted == "auto-generated"
    assert "No es de este municipio." in notice.text and "No es de este municipio." in notice.html
    assert notice.in_reply_to == "primero@correo.example"


@pytest.mark.parametrize("kind", ["resolved", "concluded", "closed", "reopened", "cancelled"])
def test_each_state_is_told_in_its_own_words(office: Office, town: Institution, kind: str) -> None:
    case_id = arrive(office, make_mail())
    with office.database.writing() as session:
        case = get_case(session, case_id)
        assert told.write_state(session, office, case, kind, "Porque sí") is not None
        folio = case.folio
    (notice,) = notices(office, kind)
    assert folio in notice.text and folio in notice.html
    assert "mail." not in notice.text + notice.html + notice.subject


# The office's own people.


@pytest.mark.on_both
def test_the_person_who_gets_a_turno_is_told_by_whom_until_when_and_what_for(
    office: Office, town: Institution
) -> None:
    case_id = arrive(office, make_mail())
    with office.database.writing() as session:
        head, worker = (session.get_one(Account, town.accounts[role].id) for role in ("head", "worker"))
        turnos.assign(session, office, get_case(session, case_id), head, dependencia=worker.dependencia,
                      account=worker, instruction="Pase hoy.")  # fmt: skip
    (notice,) = notices(office, "assigned")
    assert notice.to == ["tomas@example.gob.mx"]
    for words in ("Jaime Torres turnó", "Pase hoy.", "Ana López", "No enciende", "Plazo: "):
        assert words in notice.text
    assert f"/admin/casos/{case_id}" in notice.text
    assert "ventanilla 3 no enciende" in notice.html


@pytest.mark.on_both
def test_a_turno_to_a_dependencia_is_told_to_its_heads(office: Office, town: Institution) -> None:
    case_id = arrive(office, make_mail())
    with office.database.writing() as session:
        head, other = (session.get_one(Account, town.accounts[role].id) for role in ("head", "other"))
        turnos.copy(session, office, get_case(session, case_id), head, dependencia=other.dependencia)
    (notice,) = notices(office, "copied")
    assert notice.to == ["olga@example.gob.mx"]
    assert "No necesita atenderlo" in notice.text


def test_nobody_gets_mail_about_what_they_did_themselves(office: Office, town: Institution) -> None:
    case_id = arrive(office, make_mail())
    with office.database.writing() as session:
        worker = session.get_one(Account, town.accounts["worker"].id)
        turnos.assign(session, office, get_case(session, case_id), worker, dependencia=worker.dependencia,
                      account=worker)  # fmt: skip
    assert notices(office, "assigned") == []


@pytest.mark.on_both
def test_a_returned_turno_is_told_to_who_had_given_it(office: Office, town: Institution) -> None:
    case_id = arrive(office, make_mail())
    with office.database.writing() as session:
        head, worker = (session.get_one(Account, town.accounts[role].id) for role in ("head", "worker"))
        case = get_case(session, case_id)
        turnos.assign(session, office, case, head, dependencia=worker.dependencia, account=worker)
        turnos.return_turno(session, office, case, worker, reason="No me toca.")
    (notice,) = notices(office, "returned")
    assert notice.to == ["jaime@example.gob.mx"]
    assert "Tomás Ibarra devolvió" in notice.text and "No me toca." in notice.text


# Refusals.


def test_a_refusal_says_why_and_answers_the_mail_it_is_about(office: Office, town: Institution) -> None:
    with office.database.writing() as session:
        raw = b"From: <ana@correo.example>\r\nMessage-ID: <grande@x.example>\r\n\r\nHola"
        inbound = spool(session, office, raw)
        assert told.write_refusal(session, office, inbound, "too_large", limit=50) is not None
    (notice,) = notices(office, "refusal")
    assert notice.to == [ANA] and notice.in_reply_to == "grande@x.example"
    assert "(50 MB)" in notice.text and notice.auto_submitted == "auto-replied"


def test_nobody_is_refused_to_when_nobody_sent(office: Office, town: Institution) -> None:
    with office.database.writing() as session:
        inbound = InboundMail(door="smtp", size=1, raw_sha256="0" * 64, raw=b"\r\n\r\n", envelope_from="")
        session.add(inbound)
        session.flush()
        assert told.write_refusal(session, office, inbound, "unreadable") is None


@pytest.mark.on_both
def test_heads_above_are_told_when_a_dependencia_has_none(office: Office, town: Institution) -> None:
    with office.database.writing() as session:
        above = session.get_one(Account, town.accounts["oficialia"].id)
        above.role = Role.HEAD
        head = session.get_one(Account, town.accounts["head"].id)
        head.is_active = False
        notice = told.write_overdue(session, office, open_case(session, town))
        assert notice is not None and notice.to == ["ofelia@example.gob.mx"]


@pytest.mark.on_both
def test_a_bounce_that_names_no_mail_is_known_by_the_address_it_comes_to(
    office: Office, town: Institution
) -> None:
    case_id = arrive(office, make_mail())
    to = envelope_sender(office, acuse(office))
    report = make_mail(
        sender="MAILER-DAEMON@correo.example", to=to, subject="Undelivered", text="No such user"
    )
    assert arrive(office, report, sender="", to=to) == case_id
    assert acuse(office).status == OutboxStatus.BOUNCED
