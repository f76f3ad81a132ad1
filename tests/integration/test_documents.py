"""Issued documents from draft to recipient: numbers, approval, absence, sending, marks, cancellation."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from email.message import EmailMessage
from pathlib import Path

import pytest
from sqlalchemy import select

from intake.config import Settings
from intake.errors import InvalidInput
from intake.incoming import IncomingFile
from intake.issued import approval, drafts, issuing
from intake.issued.documents import files_of, render_document
from intake.issued.drafts import Addressee
from intake.mailer import deliver_mail
from intake.office import Office
from intake.services import delegations
from models.access import principals_of, standing, visible_to
from models.base import now
from models.case import Case
from models.folio import last_number
from models.letterhead import NumberPattern
from models.mailbox import Mailbox, MailboxPurpose
from models.message import Message
from models.oficio import DocumentType, Oficio
from models.person import Account, Role
from models.recipient import Recipient, RecipientRole
from models.task import Task, TaskKind, TaskState
from models.workflow import NotAllowed, Who
from tests.support.desk import arrive, later, notices, sent_files
from tests.support.documents import OUTSIDE, acting, fields, pdf_of, poppler, write
from tests.support.institution import Institution, found_institution
from tests.support.panel import Clerk, give_login

pytestmark = pytest.mark.on_sqlite


@pytest.fixture
def office(settings: Settings) -> Iterator[Office]:
    opened = Office.open(settings.model_copy(update={"document_place": "Tlaquepaque, Jalisco"}))
    yield opened
    opened.database.close()


@pytest.fixture
def institution(office: Office) -> Institution:
    with office.database.writing() as session:
        return found_institution(session)


def _year() -> int:
    return now().year


@pytest.mark.on_both
def test_a_worker_writes_the_head_approves_and_the_recipient_finds_it(
    office: Office, institution: Institution
) -> None:
    with acting(office, institution) as (session, people):
        oficio = write(session, office, people["worker"], fields(institution))
        assert oficio.state == "draft" and oficio.folio.startswith("B-")
        approval.submit(session, office, oficio, people["worker"])
        assert oficio.state == "pending_approval"
        assert session.scalar(select(Task.state).where(Task.kind == TaskKind.APPROVE)) == TaskState.OPEN
    with acting(office, institution) as (session, people):
        oficio = session.get_one(Oficio, oficio.id)
        assert session.scalar(select(Case.id).where(visible_to(people["other"]))) is None
        approval.approve(session, office, oficio, people["head"])
        assert (oficio.state, oficio.folio) == ("sent", f"DSI/0001/{_year()}")
    with acting(office, institution) as (session, people):
        assert session.scalar(select(Case.id).where(visible_to(people["other"]))) == oficio.id
        assert session.scalar(select(Task.state).where(Task.kind == TaskKind.APPROVE)) == TaskState.DONE
        assert standing(session, session.get_one(Oficio, oficio.id), people["other"]) >= {Who.RECIPIENT}
    assert notices(office, "approval_asked")[0].to == ["jaime@example.gob.mx"]
    assert notices(office, "document_received")[0].to == ["olga@example.gob.mx"]


def test_a_head_s_own_document_needs_no_approval_by_another(office: Office, institution: Institution) -> None:
    with acting(office, institution) as (session, people):
        oficio = write(session, office, people["head"], fields(institution))
        approval.submit(session, office, oficio, people["head"])
        assert oficio.state == "sent" and oficio.issuer_id == people["head"].id


def test_a_worker_approves_nothing(office: Office, institution: Institution) -> None:
    with acting(office, institution) as (session, people):
        oficio = write(session, office, people["worker"], fields(institution))
        approval.submit(session, office, oficio, people["worker"])
        with pytest.raises(NotAllowed):
            approval.approve(session, office, oficio, people["worker"])


@pytest.mark.parametrize(
    ("change", "key"),
    [
        ({"subject": " "}, "empty_subject"),
        ({"body": "<p><br></p>"}, "document_empty"),
        ({"to": ()}, "no_recipient"),
    ],
)
def test_an_incomplete_draft_is_kept_but_not_submitted(
    office: Office, institution: Institution, change: dict[str, str], key: str
) -> None:
    with acting(office, institution) as (session, people):
        oficio = write(session, office, people["worker"], fields(institution, **change))  # type: ignore[arg-type]
        with pytest.raises(InvalidInput) as refusal:
            approval.submit(session, office, oficio, people["worker"])
        assert refusal.value.key == key and oficio.state == "draft"


@pytest.mark.timeout(300)
@pytest.mark.on_both
def test_two_heads_approve_a_hundred_documents_at_once_and_the_numbers_have_no_gap(
    office: Office, institution: Institution
) -> None:
    # On SQLite writers take turns, so that it is told by fewer.
    many = 30 if office.database.is_sqlite else 100
    with acting(office, institution) as (session, people):
        deputy = Account(
            person_id=people["worker"].person_id, dependencia_id=institution.systems.id, role=Role.HEAD
        )
        session.add(deputy)
        ids = []
        for number in range(many):
            oficio = write(session, office, people["worker"], fields(institution, subject=f"Asunto {number}"))
            ids.append(oficio.id)
        session.flush()
        # One that nobody can approve, in the midst of the others.
        drafts.save_draft(session, office, session.get_one(Oficio, ids[many // 2 - 1]), people["worker"],
                          fields(institution, subject=""))  # fmt: skip
        deputy_id = deputy.id
    for_two = [(ids[: many * 3 // 5], institution.accounts["head"].id), (ids[many * 2 // 5 :], deputy_id)]
    with ThreadPoolExecutor(2) as both:
        results = [*both.map(lambda part: approval.approve_many(office, *part), for_two)]
    folios = [one.folio for result in results for one in result if one.folio]
    assert sorted(folios) == [f"DSI/{number:04d}/{_year()}" for number in range(1, many)]
    # The fifth that both tried, less the one that is incomplete, was approved by one of them only.
    assert sum(bool(one.refusal) for result in results for one in result) == many // 5 - 1 + 2
    with office.database.reading() as session:
        assert last_number(session, f"doc:{institution.systems.id}", _year()) == many - 1


@pytest.mark.on_both
def test_what_fails_after_the_number_was_drawn_gives_it_back(
    office: Office, institution: Institution, tmp_path: Path
) -> None:
    broken = Office(
        office.settings.model_copy(update={"seal": str(tmp_path / "no-such.p12")}),
        office.database,
        office.store,
    )
    with acting(office, institution) as (session, people):
        first = write(session, office, people["head"], fields(institution))
    with pytest.raises(OSError, match="no-such"), acting(office, institution) as (session, people):
        approval.approve(session, broken, session.get_one(Oficio, first.id), people["head"])
    with acting(office, institution) as (session, people):
        oficio = write(session, office, people["head"], fields(institution))
        approval.approve(session, office, oficio, people["head"])
        assert oficio.number == 1


def test_each_dependencia_has_its_own_series_and_pattern(office: Office, institution: Institution) -> None:
    with acting(office, institution) as (session, people):
        session.add(
            NumberPattern(
                dependencia_id=institution.works.id,
                document_type="memorandum",
                pattern="{siglas}-{type}-{number:3}-{year}",
            )
        )
        said = []
        for name, kind in (
            ("head", "oficio"),
            ("other", "oficio"),
            ("other", "memorandum"),
            ("other", "oficio"),
        ):
            what = fields(institution, document_type=DocumentType(kind))
            oficio = write(session, office, people[name], what)
            approval.approve(session, office, oficio, people[name])
            said.append(oficio.folio)
    year = _year()
    assert said == [f"DSI/0001/{year}", f"DOP/0001/{year}", f"DOP-MEM-001-{year}", f"DOP/0002/{year}"]


def test_a_returned_document_tells_why_and_keeps_its_number_when_it_had_one(
    office: Office, institution: Institution
) -> None:
    with acting(office, institution) as (session, people):
        signer = people["head"]
        signer.is_signer = True
        oficio = write(session, office, people["worker"], fields(institution, needs_efirma=True))
        approval.submit(session, office, oficio, people["worker"])
        with pytest.raises(InvalidInput):
            approval.return_draft(session, office, oficio, signer, reason="  ")
        approval.return_draft(session, office, oficio, signer, reason="Falta el anexo.")
        assert oficio.state == "draft" and oficio.number is None
        approval.submit(session, office, oficio, people["worker"])
        approval.approve(session, office, oficio, signer)
        folio = oficio.folio
        approval.return_draft(session, office, oficio, signer, reason="Cambie la fecha.")
        assert oficio.state == "draft"
        approval.submit(session, office, oficio, people["worker"])
        approval.approve(session, office, oficio, signer)
        assert oficio.folio == folio == f"DSI/0001/{_year()}"
    assert "Falta el anexo." in notices(office, "draft_returned")[0].text


def test_a_discarded_document_is_copied_into_a_new_draft(office: Office, institution: Institution) -> None:
    with acting(office, institution) as (session, people):
        oficio = write(session, office, people["worker"], fields(institution))
        file = IncomingFile.of("plano.pdf", "application/pdf", b"%PDF-1.4 plano")
        drafts.attach_file(session, office, oficio, people["worker"], file)
        approval.submit(session, office, oficio, people["worker"])
        approval.discard(session, office, oficio, people["head"], reason="Ya se pidió.")
        assert oficio.state == "discarded"
        copied = drafts.copy_draft(session, office, oficio, people["worker"])
        assert (copied.state, copied.subject) == ("draft", oficio.subject)
        assert copied.folio != oficio.folio
        assert drafts.fields_of(session, copied) == drafts.fields_of(session, oficio)
        assert [one.filename for one in files_of(session, copied)] == ["plano.pdf"]
    assert "Ya se pidió." in notices(office, "discarded")[0].text


@pytest.mark.on_both
def test_whoever_acts_for_an_absent_head_approves_por_ausencia_and_only_meanwhile(
    office: Office, institution: Institution, tmp_path: Path
) -> None:
    today = now().astimezone(office.settings.zone).date()
    with acting(office, institution) as (session, people):
        head, other = people["head"], people["other"]
        delegations.delegate(session, office, head, absent=head, acting=other, starts_on=today,
                             ends_on=today + timedelta(days=3), reason="Vacaciones")  # fmt: skip
        oficio = write(session, office, people["worker"], fields(institution))
        approval.submit(session, office, oficio, people["worker"])
        approval.approve(session, office, oficio, people["other"])
        assert (oficio.issuer_id, oficio.absent_id) == (people["other"].id, people["head"].id)
        text = poppler("pdftotext", pdf_of(session, office, oficio), tmp_path)
        assert "Olga Peña" in text and "Por ausencia de Jaime Torres" in text
        second = write(session, office, people["worker"], fields(institution))
        approval.submit(session, office, second, people["worker"])
    assert {"jaime@example.gob.mx", "olga@example.gob.mx"} <= set(notices(office, "approval_asked")[0].to)
    with later(days=5), acting(office, institution) as (session, people):
        assert principals_of(session, people["other"]) == []
        with pytest.raises(NotAllowed):
            approval.approve(session, office, session.get_one(Oficio, second.id), people["other"])


def test_nobody_delegates_for_a_stranger(office: Office, institution: Institution) -> None:
    today = now().date()
    with acting(office, institution) as (session, people):
        absent, worker, by = people["head"], people["worker"], people["other"]
        with pytest.raises(InvalidInput) as refusal:
            delegations.delegate(session, office, by, absent=absent, acting=worker, starts_on=today,
                                 ends_on=today)  # fmt: skip
    assert refusal.value.key == "delegate_not_yours"


def test_a_circular_goes_to_every_dependencia(
    office: Office, institution: Institution, tmp_path: Path
) -> None:
    with acting(office, institution) as (session, people):
        what = fields(institution, to=(), document_type=DocumentType.CIRCULAR)
        oficio = write(session, office, people["head"], what)
        approval.approve(session, office, oficio, people["head"])
        rows = session.scalars(select(Recipient.name).where(Recipient.oficio_id == oficio.id)).all()
        assert set(rows) == {"Presidencia", "Dirección de Sistemas", "Dirección de Obras Públicas"}
        assert "A TODAS LAS DEPENDENCIAS" in poppler("pdftotext", pdf_of(session, office, oficio), tmp_path)
        assert session.scalar(select(Case.id).where(visible_to(people["other"]))) == oficio.id


@pytest.mark.on_both
def test_a_document_to_the_outside_goes_by_mail_with_pdf_files_and_reading_link(
    office: Office, institution: Institution
) -> None:
    copy = Addressee(role=RecipientRole.COPY, name="Archivo", email="archivo@obras.gob.mx")
    with acting(office, institution) as (session, people):
        oficio = write(session, office, people["head"], fields(institution, to=(OUTSIDE, copy)))
        file = IncomingFile.of("datos.xlsx", "application/vnd.ms-excel", b"PK datos")
        drafts.attach_file(session, office, oficio, people["head"], file)
        approval.approve(session, office, oficio, people["head"])
    sent = notices(office, "document")
    assert [one.to for one in sent] == [["elena@obras.gob.mx"], ["archivo@obras.gob.mx"]]
    with acting(office, institution) as (session, people):
        message = session.get_one(Message, sent[0].message_id)
        assert [one.filename for one in message.attachments] == [f"DSI-0001-{_year()}.pdf", "datos.xlsx"]
        recipient = session.scalars(select(Recipient).order_by(Recipient.id)).first()
        assert recipient is not None and recipient.token is not None
        assert f"/documento/{recipient.token}" in sent[0].text
        assert issuing.read_by_token(session, recipient.token) is recipient
        assert session.scalars(select(Recipient.read_at).order_by(Recipient.id)).first() is not None
        assert issuing.read_by_token(session, "made-up") is None


@pytest.mark.on_both
def test_a_document_leaves_from_the_mailbox_of_who_issues_it_or_the_nearest_above(
    office: Office, institution: Institution
) -> None:
    with acting(office, institution) as (session, people):
        give_login(session, people["head"])
        above, below = institution.presidency.id, institution.systems.id
    head = Clerk(office, institution.accounts["head"])

    def sender_of_a_document() -> EmailMessage:
        with acting(office, institution) as (session, people):
            oficio = write(session, office, people["head"], fields(institution, to=(OUTSIDE,)))
        assert "success" in head.post(f"/admin/documentos/{oficio.id}/hacer/approve").text
        deliver_mail(office)
        return max(sent_files(office), key=lambda one: str(one["Subject"]))

    assert "soporte@example.gob.mx" in sender_of_a_document()["From"]
    with office.database.writing() as session:
        # Neither a scanner's nor one that is closed writes to anybody.
        session.add_all([
            Mailbox(address="escaner@example.gob.mx", name="", dependencia_id=below,
                    purpose=MailboxPurpose.SCANS),
            Mailbox(address="viejo@example.gob.mx", name="Viejo", dependencia_id=below, is_active=False),
        ])  # fmt: skip
    for address, name, dependencia in (
        ("presidencia@example.gob.mx", "Presidencia", above),
        ("sistemas@example.gob.mx", "Dirección de Sistemas", below),
    ):
        with office.database.writing() as session:
            session.add(Mailbox(address=address, name=name, dependencia_id=dependencia))
        mail = sender_of_a_document()
        assert address in mail["From"] and name in mail["From"]
        assert f"<{address.partition('@')[0]}+" in mail["Reply-To"]
    # What is answered to it comes to the document, and its author is told.
    reply = EmailMessage()
    reply["From"], reply["To"], reply["Subject"] = OUTSIDE.email, str(mail["Reply-To"]), "Recibido"
    reply["Message-ID"] = "<respuesta@obras.gob.mx>"
    reply.set_content("Lo atendemos.")
    to = str(mail["Reply-To"]).rpartition("<")[2].rstrip(">")
    number = arrive(office, reply.as_bytes(), sender=OUTSIDE.email, to=to)
    with office.database.reading() as session:
        assert session.get_one(Case, number).folio in str(mail["Subject"])


def test_the_first_reading_inside_is_marked(office: Office, institution: Institution) -> None:
    with acting(office, institution) as (session, people):
        oficio = write(session, office, people["head"], fields(institution))
        approval.approve(session, office, oficio, people["head"])
        recipient = session.scalars(select(Recipient)).one()
        assert recipient.delivered_at is not None
        issuing.mark_read(session, oficio, people["head"])
        assert session.scalars(select(Recipient.read_by_id)).one() is None
        issuing.mark_read(session, oficio, people["other"])
        assert session.scalars(select(Recipient.read_by_id)).one() == people["other"].id


def test_a_received_document_is_reassigned_and_the_new_one_may_see_it(
    office: Office, institution: Institution
) -> None:
    with acting(office, institution) as (session, people):
        oficio = write(session, office, people["head"], fields(institution))
        approval.approve(session, office, oficio, people["head"])
        assert session.scalar(select(Case.id).where(visible_to(people["worker"]))) is None
        issuing.reassign(
            session,
            office,
            oficio,
            people["other"],
            account=people["worker"],
            instruction="Atienda, por favor.",
        )
        assert session.scalar(select(Case.id).where(visible_to(people["worker"]))) == oficio.id
        with pytest.raises(NotAllowed):
            issuing.reassign(session, office, oficio, people["head"], account=people["worker"])
        # Who only carries documents has no tray in which it would be found.
        courier = Account(
            person=people["other"].person, dependencia=people["other"].dependencia, role=Role.COURIER
        )
        session.add(courier)
        session.flush()
        with pytest.raises(InvalidInput):
            issuing.reassign(session, office, oficio, people["other"], account=courier)
    assert "Atienda, por favor." in notices(office, "document_reassigned")[0].text


@pytest.mark.parametrize("who", ["head", "other"])
def test_a_sent_document_is_cancelled_by_its_head_or_its_recipient_and_keeps_its_number(
    office: Office, institution: Institution, who: str
) -> None:
    with acting(office, institution) as (session, people):
        oficio = write(session, office, people["head"], fields(institution))
        approval.approve(session, office, oficio, people["head"])
        issuing.cancel(session, office, oficio, people[who], reason="Se repitió.")
        assert (oficio.state, oficio.number) == ("cancelled", 1)
        following = write(session, office, people["head"], fields(institution))
        approval.approve(session, office, following, people["head"])
        assert following.number == 2
    assert "Se repitió." in notices(office, "document_cancelled")[0].text


@pytest.mark.on_both
def test_an_answer_is_prefilled_and_answers_when_it_is_sent(office: Office, institution: Institution) -> None:
    with acting(office, institution) as (session, people):
        oficio = write(session, office, people["head"], fields(institution))
        approval.approve(session, office, oficio, people["head"])
        answer = drafts.answer_document(session, office, oficio, people["other"])
        assert answer.subject == f"Respuesta a {oficio.folio}: Obras de 2026"
        (to,) = drafts.fields_of(session, answer).recipients
        assert to.account_id == people["head"].id
        drafts.save_draft(session, office, answer, people["other"], fields(institution, to=(to,)))
        approval.approve(session, office, answer, people["other"])
        assert issuing.thread_cases(session, oficio) == [oficio, answer]


def test_a_file_of_another_kind_is_not_attached(office: Office, institution: Institution) -> None:
    with acting(office, institution) as (session, people):
        oficio = write(session, office, people["head"], fields(institution))
        for name in ("programa.exe", "datos.zip", "sin-extension"):
            with pytest.raises(InvalidInput) as refusal:
                drafts.attach_file(
                    session, office, oficio, people["head"], IncomingFile.of(name, "x/y", b"MZ")
                )
            assert refusal.value.key == "document_file"
        names = [
            drafts.attach_file(
                session, office, oficio, people["head"], IncomingFile.of("a.pdf", "x/y", b"%PDF")
            ).filename
            for _ in range(2)
        ]
        assert names == ["a.pdf", "a (2).pdf"]


@pytest.mark.on_both
def test_autosaves_replace_each_other_and_an_earlier_version_comes_back(
    office: Office, institution: Institution
) -> None:
    with acting(office, institution) as (session, people):
        oficio = write(session, office, people["worker"], fields(institution, subject="Uno"))
        for subject in ("Dos", "Dos y medio", "Tres"):
            what = fields(institution, subject=subject)
            drafts.save_draft(session, office, oficio, people["worker"], what, is_auto=True)
        assert [one.content["subject"] for one in drafts.versions_of(session, oficio)] == ["Tres"]
        drafts.save_draft(session, office, oficio, people["worker"], fields(institution, subject="Cuatro"))
        first = drafts.versions_of(session, oficio)[-1]
        drafts.restore_version(session, office, oficio, people["worker"], first)
        assert oficio.subject == "Tres"
        with pytest.raises(NotAllowed):
            drafts.save_draft(session, office, oficio, people["head"], fields(institution))


def test_the_preview_is_the_document_without_number(
    office: Office, institution: Institution, tmp_path: Path
) -> None:
    with acting(office, institution) as (session, people):
        oficio = write(session, office, people["worker"], fields(institution))
        text = poppler("pdftotext", render_document(session, office, oficio), tmp_path)
    assert "(sin número)" in text and "Jaime Torres" in text
    assert "B-2" not in text
