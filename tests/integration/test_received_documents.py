"""An institution's oficio by mail: known, read, acknowledged with a seal, answered, answered back."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from email.message import EmailMessage
from pathlib import Path

import pytest
from sqlalchemy import select
from structlog.testing import capture_logs

from intake import oficios, spool
from intake.config import Settings
from intake.errors import InvalidInput
from intake.issued import approval, drafts, issuing
from intake.issued.pdf import html_to_pdf
from intake.mailer import deliver_mail
from intake.office import Office
from intake.pipeline import process_spooled
from intake.proofs.verification import Verdict, examine_pdf, find_by_code
from models.acuse import Acuse
from models.case import Case
from models.event import Event, find_broken_chain
from models.message import Message
from models.oficio import Flow, Oficio
from models.person import Account
from models.proposal import Proposal
from models.recipient import Recipient
from models.ticket import Ticket
from models.workflow import NotAllowed
from tests.support.desk import arrive, notices, sent_files
from tests.support.documents import acting, fields, poppler, sign
from tests.support.efirma import Authority
from tests.support.institution import Institution, found_institution
from tests.support.panel import Clerk, give_login

pytestmark = pytest.mark.on_sqlite

PAGE = """
<p>Secretaría de Obras Públicas</p><p>Oficio Núm. SOP/DP/0456/2026</p>
<p>ASUNTO: Se solicita relación de obras</p>
<p>Guadalajara, Jalisco, a 3 de enero de 2026</p>
<p>Le solicito la relación de obras en un plazo no mayor a 5 días hábiles.</p>
<p>ATENTAMENTE</p><p>MTRA. ELENA RUIZ ÁVILA</p><p>DIRECTORA DE PROYECTOS</p>
"""


@pytest.fixture
def office(settings: Settings, tmp_path: Path) -> Iterator[Office]:
    Authority().write_trust(tmp_path / "sat")
    opened = Office.open(settings)
    yield opened
    opened.database.close()


@pytest.fixture
def institution(office: Office) -> Institution:
    with office.database.writing() as session:
        return found_institution(session)


def _mail(sender: str = "elena@obras.jalisco.gob.mx", *, page: str = PAGE, subject: str = "Solicitud",
          text: str = "Se adjunta oficio.") -> bytes:  # fmt: skip
    mail = EmailMessage()
    mail["From"], mail["To"] = f"Elena Ruiz <{sender}>", "soporte@example.gob.mx"
    mail["Subject"], mail["Message-ID"] = subject, "<uno@obras.jalisco.gob.mx>"
    mail.set_content(text)
    if page:
        mail.add_attachment(html_to_pdf(page), maintype="application", subtype="pdf", filename="oficio.pdf")
    return mail.as_bytes()


def test_an_institution_s_mail_with_a_number_on_its_first_page_is_an_oficio(
    office: Office, institution: Institution
) -> None:
    case_id = arrive(office, _mail())
    with acting(office, institution) as (session, _):
        oficio = session.get_one(Case, case_id)
        assert isinstance(oficio, Oficio) and oficio.flow == Flow.RECEIVED
        assert oficio.folio.startswith("OP-") and oficio.sender_number == ""
        assert "SOP/DP/0456/2026" in oficio.routing_reason and "oficio.pdf" in oficio.routing_reason
        read = {one.field: (one.value, one.filename) for one in oficios.proposals_of(session, oficio)}
    assert read["sender_number"] == ("SOP/DP/0456/2026", "oficio.pdf")
    assert read["written_on"] == ("2026-01-03", "oficio.pdf")
    assert read["signatory"] == ("MTRA. ELENA RUIZ ÁVILA", "oficio.pdf")
    assert read["subject"] == ("Se solicita relación de obras", "oficio.pdf")
    assert "answer_required_on" in read


@pytest.mark.parametrize(
    "mail",
    [
        _mail("elena@gmail.com"),
        _mail(page="<p>Cotización de pintura</p>"),
        _mail(page=""),
    ],
)
def test_a_citizen_s_mail_and_one_without_number_stay_tickets(
    office: Office, institution: Institution, mail: bytes
) -> None:
    case_id = arrive(office, mail)
    with acting(office, institution) as (session, _):
        assert isinstance(session.get_one(Case, case_id), Ticket)


def test_a_pdf_that_cannot_be_read_harms_nothing(office: Office, institution: Institution) -> None:
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = (
        "elena@obras.gob.mx",
        "soporte@example.gob.mx",
        "Oficio SOP/1/2026",
    )
    mail.set_content("Adjunto.")
    mail.add_attachment(b"%PDF-1.7\n" + b"<<" * 5000, maintype="application", subtype="pdf", filename="x.pdf")
    case_id = arrive(office, mail.as_bytes())
    with acting(office, institution) as (session, _):
        oficio = session.get_one(Case, case_id)
        assert isinstance(oficio, Oficio)
        (number,) = [one for one in oficios.proposals_of(session, oficio) if one.field == "sender_number"]
        assert number.source == "subject"


@pytest.mark.on_both
def test_a_clerk_confirms_with_one_click_or_corrects(office: Office, institution: Institution) -> None:
    first = arrive(office, _mail())
    with acting(office, institution) as (session, people):
        oficio = session.get_one(Oficio, first)
        with pytest.raises(NotAllowed):
            oficios.confirm_proposals(session, office, oficio, people["other"])
        with pytest.raises(InvalidInput) as refusal:
            oficios.confirm_proposals(
                session, office, oficio, people["oficialia"], values={"written_on": "ayer"}
            )
        assert refusal.value.key == "proposal_value"
        oficios.confirm_proposals(session, office, oficio, people["oficialia"])
        assert (oficio.sender_number, oficio.written_on) == ("SOP/DP/0456/2026", date(2026, 1, 3))
        assert oficio.subject == "Se solicita relación de obras" and oficio.due_at is not None
        assert oficio.signatory == "MTRA. ELENA RUIZ ÁVILA"
        with pytest.raises(InvalidInput):
            oficios.confirm_proposals(session, office, oficio, people["oficialia"])


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_what_came_by_mail_is_completed_and_turned_on_the_page_of_registering(
    office: Office, institution: Institution
) -> None:
    with office.database.writing() as session:
        give_login(session, session.get_one(Account, institution.accounts["oficialia"].id))
    case_id = arrive(office, _mail())
    clerk = Clerk(office, institution.accounts["oficialia"])
    page = clerk.get(f"/admin/asunto/{case_id}").text
    assert "SOP/DP/0456/2026" in page
    typed = {"sender": "Obras", "description": "Relación de obras", "document_type": "oficio",
             "received_on": "2026-01-05", "sender_number": "SOP/DP/0456/2026",
             "instruction": "Para su atención y respuesta", "then": "turn"}  # fmt: skip
    assert "elija un destinatario" in clerk.post(f"/admin/asunto/{case_id}", **typed).text
    done = clerk.post(f"/admin/asunto/{case_id}", **typed, addressee=f"d{institution.systems.id}").text
    # What was corrected stands in the thread, and the instruction is told by the turno.
    assert "Corrigió los datos del registro" in done and "Para su atención y respuesta" in done


def test_a_corrected_value_is_kept_and_the_others_are_let_go(
    office: Office, institution: Institution
) -> None:
    case_id = arrive(office, _mail())
    with acting(office, institution) as (session, people):
        oficio = session.get_one(Oficio, case_id)
        values = {"sender_number": "SOP/DP/0457/2026"}
        oficios.confirm_proposals(session, office, oficio, people["oficialia"], values=values)
        assert (oficio.sender_number, oficio.signatory) == ("SOP/DP/0457/2026", "")
        confirmed = select(Proposal.field).where(Proposal.is_confirmed)
        assert session.scalars(confirmed).all() == ["sender_number"]


def test_its_acuse_carries_a_sealed_pdf_that_anybody_can_verify(
    office: Office, institution: Institution, tmp_path: Path
) -> None:
    arrive(office, _mail())
    deliver_mail(office)
    (mail,) = [one for one in sent_files(office) if one["To"] == "elena@obras.jalisco.gob.mx"]
    (attached,) = list(mail.iter_attachments())
    pdf = attached.get_content()
    assert (attached.get_filename() or "").startswith("Acuse-OP-")
    # It speaks of the document that came, not of a request.
    words = mail.get_body(("plain",))
    assert words is not None and "Recibimos su documento" in words.get_content()
    assert "solicitud" not in words.get_content()
    assert "Signature is Valid." in poppler("pdfsig", pdf, tmp_path)
    text = poppler("pdftotext", pdf, tmp_path, "-layout")
    with acting(office, institution) as (session, _):
        acuse = session.scalars(select(Acuse)).one()
        assert acuse.files[0]["sha256"][:40] in text.replace("\n", "")
        assert acuse.verification_code in text
        found = find_by_code(session, acuse.verification_code)
        assert found is not None and found.folio.startswith("OP-")
        # What somebody wrote to the office is nobody else's business.
        assert "Elena" not in repr(found) and found.subject == ""
        assert examine_pdf(session, office, pdf).verdict == Verdict.AUTHENTIC


@pytest.mark.on_both
def test_received_answered_with_efirma_and_answered_back_are_one_thread(
    office: Office, institution: Institution, tmp_path: Path
) -> None:
    authority = Authority()
    authority.write_trust(tmp_path / "sat")
    signing = Office(
        office.settings.model_copy(update={"efirma_folder": str(tmp_path / "sat")}),
        office.database,
        office.store,
    )
    received_id = arrive(signing, _mail())
    with acting(signing, institution) as (session, people):
        head = people["head"]
        head.is_signer, head.person.rfc = True, "TOLJ800101AB1"
        received = session.get_one(Oficio, received_id)
        oficios.confirm_proposals(session, signing, received, people["oficialia"])
        answer = drafts.answer_document(session, signing, received, head)
        assert answer.subject == "Respuesta a SOP/DP/0456/2026: Se solicita relación de obras"
        to = drafts.fields_of(session, answer).recipients
        assert (to[0].email, to[0].name) == ("elena@obras.jalisco.gob.mx", "MTRA. ELENA RUIZ ÁVILA")
        drafts.save_draft(session, signing, answer, head, fields(institution, to=to, needs_efirma=True))
        approval.submit(session, signing, answer, head)
        sign(session, signing, answer, head, authority.issue())
        assert answer.state == "sent" and received.state == "answered"
    deliver_mail(signing)
    (sent,) = [one for one in sent_files(signing) if "Oficio" in str(one["Subject"])]
    assert "<uno@obras.jalisco.gob.mx>" in str(sent["References"])
    reply = EmailMessage()
    reply["From"], reply["To"] = "Elena Ruiz <elena@obras.jalisco.gob.mx>", str(sent["Reply-To"])
    reply["Subject"], reply["In-Reply-To"] = f"RE: {sent['Subject']}", str(sent["Message-ID"])
    reply.set_content("Recibido, muchas gracias.")
    to_us = str(sent["Reply-To"]).rpartition("<")[2].rstrip(">")
    answered_id = arrive(signing, reply.as_bytes(), sender="elena@obras.jalisco.gob.mx", to=to_us)
    with acting(signing, institution) as (session, _):
        assert answered_id == answer.id
        received = session.get_one(Oficio, received_id)
        chain = issuing.thread_cases(session, received)
        assert [one.id for one in chain] == [received_id, answer.id]
        ids = [one.id for one in chain]
        thread = session.scalars(select(Message).where(Message.case_id.in_(ids)).order_by(Message.id)).all()
        assert [one.direction.value for one in thread] == ["in", "out", "in"]
        assert session.scalars(select(Recipient)).one().read_at is not None
    told = notices(signing, "document_answered")[0].text
    assert "> Recibido, muchas gracias." in told and "Instrucción" not in told and "Solicitante" not in told


DELIVERED = """From: Mail Delivery System <MAILER-DAEMON@mx.obras.gob.mx>
To: <{to}>
Subject: Successful Mail Delivery Report
Auto-Submitted: auto-replied
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="=_d"

--=_d
Content-Type: text/plain

Your message was successfully delivered.
--=_d
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.obras.gob.mx

Final-Recipient: rfc822; elena@obras.gob.mx
Action: {action}
Status: 2.0.0
--=_d--
"""


@pytest.mark.parametrize(("action", "is_delivered"), [("delivered", True), ("relayed", False)])
@pytest.mark.on_both
def test_a_report_of_delivery_marks_the_recipient_and_is_no_bounce(
    office: Office, institution: Institution, action: str, is_delivered: bool
) -> None:
    from tests.support.documents import OUTSIDE, write

    with acting(office, institution) as (session, people):
        oficio = write(session, office, people["head"], fields(institution, to=(OUTSIDE,)))
        approval.approve(session, office, oficio, people["head"])
    deliver_mail(office)
    (mail,) = [one for one in sent_files(office) if one["To"] == "elena@obras.gob.mx"]
    to = str(mail["Return-Path"]).strip("<>")
    case_id = arrive(office, DELIVERED.format(to=to, action=action).encode(), sender="", to=to)
    assert case_id == oficio.id
    with acting(office, institution) as (session, _):
        assert (session.scalars(select(Recipient.delivered_at)).one() is not None) == is_delivered
    assert notices(office, "document")[0].status == "sent"


@pytest.mark.on_both
def test_two_reports_of_delivery_that_arrive_together_mark_both_recipients(
    office: Office, institution: Institution
) -> None:
    from tests.support.documents import OUTSIDE, write

    both = (OUTSIDE, replace(OUTSIDE, name="Ing. Omar Sanz", email="omar@obras.gob.mx"))
    with acting(office, institution) as (session, people):
        oficio = write(session, office, people["head"], fields(institution, to=both))
        approval.approve(session, office, oficio, people["head"])
    deliver_mail(office)
    for mail in [one for one in sent_files(office) if str(one["To"]).endswith("@obras.gob.mx")]:
        to = str(mail["Return-Path"]).strip("<>")
        raw = DELIVERED.format(to=to, action="delivered").replace(
            "elena@", str(mail["To"]).partition("@")[0] + "@"
        )
        spool.store(office, [spool.Arrival(door="smtp", raw=raw.encode(), envelope_to=(to,))])
    with capture_logs() as logs:
        assert process_spooled(office) == 2
    assert not [line for line in logs if line["event"] == "batch divided"]
    with acting(office, institution) as (session, _):
        assert None not in session.scalars(select(Recipient.delivered_at)).all()
        case = session.get_one(Case, oficio.id)
        events = session.scalars(select(Event).where(Event.case_id == case.id).order_by(Event.sequence)).all()
        assert [one.action for one in events].count("document_delivered") == 2
        assert find_broken_chain(events, count=case.event_count, head=case.event_head) is None


def test_a_made_up_report_of_delivery_proves_nothing(office: Office, institution: Institution) -> None:
    from tests.support.documents import OUTSIDE, write

    with acting(office, institution) as (session, people):
        oficio = write(session, office, people["head"], fields(institution, to=(OUTSIDE,)))
        approval.approve(session, office, oficio, people["head"])
    deliver_mail(office)
    (mail,) = [one for one in sent_files(office) if one["To"] == "elena@obras.gob.mx"]
    ours, to = str(mail["Return-Path"]).strip("<>"), "soporte@example.gob.mx"
    report = DELIVERED.format(to=to, action="delivered")
    about = report.replace("To: <", f"In-Reply-To: {mail['Message-ID']}\nTo: <", 1)
    about_another = DELIVERED.format(to=ours, action="delivered").replace("; elena@", "; otra@")
    by_herself = DELIVERED.format(to=ours, action="delivered").replace("MAILER-DAEMON@mx.", "elena@")
    for raw, address in ((about, to), (about_another, ours), (by_herself, ours)):
        arrive(office, raw.encode(), sender="", to=address)
    with acting(office, institution) as (session, _):
        assert session.scalars(select(Recipient.delivered_at)).one() is None
