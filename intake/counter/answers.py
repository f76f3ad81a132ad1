"""The answer of a responsible to a received document (manual C): as it is, or signed with its e.firma.

A signer's answer is drawn as a PDF and waits; signed, it goes to whoever wrote. Without
an address nothing is mailed: the PDF is there to print and to send by courier.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from intake import cases, notices
from intake.attachments import keep_blob
from intake.cases import hold, step
from intake.errors import InvalidInput
from intake.incoming import Channel, IncomingFile
from intake.issued.documents import find_letterhead, long_date, place_of, post_of, qr_of
from intake.issued.pdf import html_to_archive
from intake.messages import file_outgoing
from intake.office import Office
from intake.proofs.codes import make_code, verification_link
from intake.wording import paragraphs
from models.base import now
from models.case import Case
from models.message import Direction, Message
from models.oficio import Oficio
from models.person import Account
from models.signed_answer import SignedAnswer
from models.task import Task, TaskKind
from models.workflow import Process, process_of
from templates import render


def asks_signature(case: Case, by: Account) -> bool:
    """Manual C: the responsible who answers and is a signer is asked for the e.firma of the answer."""
    return process_of(case) == Process.RECEIVED and by.is_signer


def answer(
    session: Session,
    office: Office,
    case: Case,
    by: Account,
    *,
    text: str,
    to: Sequence[str],
    cc: Sequence[str] = (),
    files: Sequence[IncomingFile] = (),
    then: str = "answer",
    channel: str = "",
    told: int = 0,
) -> Message:
    """As `cases.answer`, but what a signer answers to a received document waits for the signature.

    A received document whose sender has no address is answered on paper.
    """
    is_last = then == "answer" and isinstance(case, Oficio) and process_of(case) == Process.RECEIVED
    if is_last and asks_signature(case, by):
        assert isinstance(case, Oficio)
        return _answer_to_sign(session, office, case, by, text=text, to=to, cc=cc, files=files)
    if is_last and not to and not notices.chat_for(session, case) and not _writes(case):
        return _answer_on_paper(session, office, case, by, text=text, files=files)
    return cases.answer(session, office, case, by, text=text, to=to, cc=cc, files=files, then=then,
                        channel=channel, told=told)  # fmt: skip


def find_unsigned(session: Session, oficio: Oficio) -> SignedAnswer | None:
    """The answer of *oficio* that waits for its signature."""
    wanted = select(SignedAnswer).where(SignedAnswer.oficio_id == oficio.id, SignedAnswer.signed_at.is_(None))
    return session.scalar(wanted.order_by(SignedAnswer.id.desc()).limit(1))


def answers_of(session: Session, oficio: Oficio) -> Sequence[SignedAnswer]:
    """Every answer that is signed, or will be, the oldest first."""
    wanted = select(SignedAnswer).where(SignedAnswer.oficio_id == oficio.id)
    return session.scalars(wanted.order_by(SignedAnswer.id)).all()


def render_answer(session: Session, office: Office, made: SignedAnswer) -> bytes:
    """The PDF that is signed: to whom, about what, the text, and who answers."""
    oficio, by = made.oficio, made.account
    letterhead = find_letterhead(session, by.dependencia, None)
    address = verification_link(office, made.verification_code)
    zone = office.settings.zone
    html = render(
        "letters/answer.html",
        institution=office.settings.institution,
        dependencia=by.dependencia.name,
        folio=oficio.folio,
        sender_number=oficio.sender_number,
        subject=oficio.subject,
        place=place_of(office, letterhead),
        date=long_date(made.created_at.astimezone(zone).date()),
        to=oficio.requester,
        paragraphs=paragraphs(made.message.text),
        name=by.person.name,
        post=post_of(by),
        files=[{"filename": one.filename, "sha256": one.sha256} for one in made.message.attachments],
        code=made.verification_code,
        address=address,
    )
    return html_to_archive(html, {"image:qr": qr_of(address)})


def _answer_to_sign(
    session: Session, office: Office, oficio: Oficio, by: Account, *, text: str, to: Sequence[str],
    cc: Sequence[str], files: Sequence[IncomingFile],
) -> Message:  # fmt: skip
    _must_say(text)
    to, cc = cases.read_addresses(to), cases.read_addresses(cc)
    data = {"to": to or [oficio.requester.name], "cc": cc}
    row = step(session, oficio, by, "answer_to_sign", data=data)
    if oficio.holder_id is None:
        hold(session, oficio, by, row)
    recipients = [{"address": one, "role": "to"} for one in to] + [
        {"address": one, "role": "cc"} for one in cc
    ]
    message = file_outgoing(
        session, office, oficio, by, text=text, direction=Direction.OUT, recipients=recipients, files=files,
        channel=Channel.EMAIL if to else oficio.channel,
    )  # fmt: skip
    session.flush()
    made = SignedAnswer(oficio=oficio, message=message, account=by, created_at=now(),
                        verification_code=make_code(), mail={"to": to, "cc": cc})  # fmt: skip
    with session.no_autoflush:
        pdf = render_answer(session, office, made)
    made.pdf_sha256 = hashlib.sha256(pdf).hexdigest()
    keep_blob(session, office, made.pdf_sha256, pdf)
    session.add(made)
    session.add(Task(case=oficio, kind=TaskKind.SIGN, account=by, dependencia=by.dependencia,
                     due_at=oficio.due_at))  # fmt: skip
    return message


def _answer_on_paper(
    session: Session, office: Office, case: Case, by: Account, *, text: str, files: Sequence[IncomingFile]
) -> Message:
    _must_say(text)
    row = step(session, case, by, "answer", data={"to": [case.requester.name], "cc": []})
    if case.holder_id is None:
        hold(session, case, by, row)
    case.is_unanswered = False
    return file_outgoing(session, office, case, by, text=text, direction=Direction.OUT, recipients=[],
                         files=files, channel=case.channel)  # fmt: skip


def _must_say(text: str) -> None:
    if not text.strip():
        # A PDF of nothing is no answer, whatever files go with it.
        raise InvalidInput("empty_answer")


def _writes(case: Case) -> bool:
    return any(one.failed_at is None for one in case.requester.addresses)
