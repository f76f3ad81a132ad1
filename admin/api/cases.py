"""Cases for programs: lists that can be read to their end, one case whole, and what may be written on it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from urllib.parse import quote

from flask import Response, url_for
from sqlalchemy import ColumnElement, Select, exists, select
from sqlalchemy.orm import joinedload

from admin.api.cursors import read_cursor, write_cursor
from admin.api.operations import BYTES, Call, must_be_as_read, operation
from admin.api.problems import Fault, Refusal
from admin.api.schema import (
    CasePage,
    CaseQuery,
    CaseSummary,
    Filed,
    NewAnswer,
    NewCase,
    NewFollowUp,
    NewNote,
    WholeCase,
)
from admin.api.values import Folio, Sha256
from admin.db import office
from admin.views.case import get_case
from intake import cases, tickets
from intake.attachments import read_file
from intake.correspondence import requester_address, way_to
from intake.errors import InvalidInput
from intake.incoming import Channel, IncomingMessage
from intake.running.reports import summary, whole_case
from intake.services import service_fields
from intake.services.service_fields import Answers
from models.access import standing
from models.api_token import Scope
from models.case import Case, lock
from models.contact import Contact
from models.dependencia import Dependencia
from models.listing import Filters, search
from models.message import Attachment, Message
from models.oficio import Flow, Oficio
from models.search import fold
from models.sequence import visible_ids
from models.service import Service
from models.service_field import FieldKind
from models.workflow import NotAllowed, Process, Who, process_of
from templates import say

# Who may write down what the requester said; to read a copy is not enough.
_ATTENDING = frozenset({Who.OFICIALIA, Who.HEAD, Who.HOLDER, Who.COLLEAGUE})


@operation("GET", "/cases", Scope.CASES_READ)
def list_cases(call: Call, query: CaseQuery) -> CasePage:
    filters = query.model_dump(exclude={"cursor", "limit"}, mode="json")
    after = read_cursor(office(), call.account.id, filters, query.cursor)
    if query.words is not None:
        ids, following = _found(call, query, after)
    else:
        page = visible_ids(
            call.session, [call.account], _conditions(call, query), after=after or 0, limit=query.limit + 1
        )
        ids = page[: query.limit]
        following = ids[-1] if len(page) > len(ids) else None
    rows = {case.id: case for case in call.session.scalars(_whole_rows(ids))}
    cursor = write_cursor(office(), call.account.id, filters, following) if following is not None else None
    items = [CaseSummary.model_validate(summary(rows[one])) for one in ids]
    return CasePage(items=items, next=cursor)


def _whole_rows(ids: Sequence[int]) -> Select[Case]:
    return (
        select(Case)
        .where(Case.id.in_(ids))
        .options(joinedload(Case.dependencia), joinedload(Case.holder))
        .options(joinedload(Case.requester).selectinload(Contact.addresses))
    )


def _conditions(call: Call, query: CaseQuery) -> list[ColumnElement[bool]]:
    found = [] if Scope.DOCUMENTS_READ in call.bearer.scopes else [~_is_issued()]
    if query.state is not None:
        found.append(Case.state == query.state)
    if query.kind is not None:
        found.append(Case.kind == query.kind)
    if query.dependencia is not None:
        found.append(Case.dependencia_id == _dependencia_id(call, query.dependencia))
    if query.since is not None:
        found.append(Case.last_activity_at >= query.since)
    return found


def _is_issued() -> ColumnElement[bool]:
    oficio = Oficio.__table__.c
    return exists().where(oficio.id == Case.id, oficio.flow == Flow.ISSUED)


def _dependencia_id(call: Call, siglas: str) -> int:
    found = call.session.scalar(select(Dependencia.id).where(Dependencia.siglas == siglas))
    if found is None:
        raise Refusal(404, "no_dependencia", siglas=siglas)
    return found


def _found(call: Call, query: CaseQuery, before: int | None) -> tuple[list[int], int | None]:
    """A page of search: by the newest message that has all the words."""
    wanted = Filters(
        kind=query.kind,
        state=query.state or "",
        dependencia_id=_dependencia_id(call, query.dependencia) if query.dependencia else None,
        since=query.since,
    )
    found = search(call.session, call.account, query.words or "", wanted, before=before)
    ids = [row.id for row in found.rows]
    if Scope.DOCUMENTS_READ not in call.bearer.scopes:
        issued = set(call.session.scalars(select(Case.id).where(Case.id.in_(ids), _is_issued())))
        ids = [one for one in ids if one not in issued]
    return ids, found.next_before


def case_at(call: Call, folio: str) -> Case:
    """The case, if token and account may see it; else 404, which says nothing of whether it exists."""
    named = select(Case.id).where(Case.folio.in_([folio, folio.upper()]))
    case = get_case(call.session, call.session.scalar(named.limit(1)) or 0)
    if process_of(case) == Process.ISSUED and Scope.DOCUMENTS_READ not in call.bearer.scopes:
        raise Refusal(404, "http_404")
    if call.is_conditional:
        # Whoever changes it at this moment is waited for, and then it is another.
        lock(call.session, case)
        must_be_as_read(whole(call, case))
    return case


def whole(call: Call, case: Case) -> WholeCase:
    """All that is told of *case*; its ETag is made from it."""
    return WholeCase.model_validate(whole_case(call.session, case))


def ordinary_at(call: Call, folio: str) -> Case:
    """The same, but not of a document that the house issues, which has verbs of its own."""
    case = case_at(call, folio)
    if process_of(case) == Process.ISSUED:
        raise Refusal(404, "http_404")
    return case


@operation("GET", "/cases/{folio}", Scope.CASES_READ, etag=True)
def get_case_by_folio(call: Call, folio: Folio) -> WholeCase:
    return whole(call, case_at(call, folio))


@operation("POST", "/cases", Scope.CASES_WRITE, status=201, files=True)
def create_case(call: Call, body: NewCase) -> CaseSummary:
    service = None
    if body.service is not None:
        service = call.session.scalar(select(Service).where(Service.slug == body.service, Service.is_active))
        if service is None:
            raise InvalidInput("choose_one")
    answers = _answers(call, service, body.answers)
    answered = {file.sha256 for file in answers.files} if answers else set()
    ticket = tickets.register(
        call.session,
        office(),
        call.account,
        contact_name=body.requester_name,
        address=body.requester_address,
        subject=body.subject,
        text=body.text,
        service=service,
        # One that answers a question goes along with its answer.
        files=[file for file in call.files if file.sha256 not in answered],
        answers=answers,
    )
    call.session.flush()
    call.location = url_for("api.get_case_by_folio", folio=ticket.folio)
    return CaseSummary.model_validate(summary(ticket))


def _answers(call: Call, service: Service | None, given: Mapping[str, str] | None) -> Answers | None:
    """What was answered to *service*, checked as its form is. None, unless the program speaks of it."""
    if given is None:
        return None
    asked = service_fields.fields_of(call.session, service)
    labels = {fold(label.strip()): label for label in given}
    named = {one: labels.pop(fold(one.label), one.label) for one in asked}
    faults = [
        Fault(where=f"body/answers/{label}", what=say("api.invalid.not_asked")) for label in labels.values()
    ]
    by_hash = {file.sha256: file for file in call.files}
    values, files = {}, {}
    for one, label in named.items():
        name, value = service_fields.form_name(one), given.get(label, "")
        if one.kind != FieldKind.FILE:
            values[name] = value
        elif value.strip().lower() in by_hash:
            files[name] = by_hash[value.strip().lower()]
        elif value.strip():
            faults.append(Fault(where=f"body/answers/{label}", what=say("api.invalid.not_sent")))
    found = service_fields.read_form(asked, values, files)
    places = {one.id: label for one, label in named.items()}
    faults += [Fault(where=f"body/answers/{places[number]}", what=why) for number, why in found.wrong.items()]
    if faults:
        raise Refusal(422, "invalid", errors=faults)
    return found


@operation("POST", "/cases/{folio}/follow-ups", Scope.CASES_WRITE, status=201, files=True, if_match=True)
def add_follow_up(call: Call, folio: Folio, body: NewFollowUp) -> Filed:
    case = ordinary_at(call, folio)
    if not body.text.strip() and not call.files:
        raise InvalidInput("empty_note")
    may = standing(call.session, case, call.account) & _ATTENDING
    if not may or not cases.can_follow_up(office(), case):
        raise NotAllowed("follow_up", case.state)
    incoming = IncomingMessage(
        channel=Channel.API,
        subject=case.subject,
        from_addr=requester_address(case),
        from_name=case.requester.name,
        text=body.text,
        reply_text=body.text,
        attachments=tuple(call.files),
    )
    reason = say("api.filed_by", account=call.account.person.name)
    return _filed(call, case, cases.follow_up(call.session, office(), case, incoming, reason=reason))


@operation("POST", "/cases/{folio}/answers", Scope.CASES_WRITE, status=201, files=True, if_match=True)
def add_answer(call: Call, folio: Folio, body: NewAnswer) -> Filed:
    case = ordinary_at(call, folio)
    to, cc, channel = body.to, body.cc, body.channel
    if to is None and channel is None and way_to(call.session, case)[0] == Channel.TELEGRAM:
        channel = "telegram"
    if to is None:
        default = cases.default_recipients(call.session, case)
        to, cc = default[0], cc if cc is not None else default[1]
    message = cases.answer(
        call.session, office(), case, call.account, text=body.text, to=to, cc=cc or [], files=call.files,
        then=body.then, channel=channel or "",
    )  # fmt: skip
    return _filed(call, case, message)


@operation("POST", "/cases/{folio}/notes", Scope.CASES_WRITE, status=201, files=True, if_match=True)
def add_note(call: Call, folio: Folio, body: NewNote) -> Filed:
    case = ordinary_at(call, folio)
    message = cases.add_note(call.session, office(), case, call.account, text=body.text, files=call.files)
    return _filed(call, case, message)


def _filed(call: Call, case: Case, message: Message) -> Filed:
    call.session.flush()
    call.location = url_for("api.get_case_by_folio", folio=case.folio)
    return Filed.model_validate({"folio": case.folio, "state": case.state, "message": message.id})


@operation("GET", "/cases/{folio}/files/{sha256}", Scope.CASES_READ, media=BYTES)
def get_file(call: Call, folio: Folio, sha256: Sha256) -> Response:
    case = case_at(call, folio)
    wanted = (
        select(Attachment)
        .join(Message, Message.id == Attachment.message_id)
        .where(Message.case_id == case.id, Attachment.sha256 == sha256)
    )
    file = call.session.scalar(wanted.order_by(Attachment.id).limit(1))
    if file is None or file.danger:
        # What is dangerous is never served.
        raise Refusal(404, "http_404")
    return bytes_of(read_file(call.session, office(), file), file.filename)


def bytes_of(content: bytes, name: str, media: str = BYTES) -> Response:
    """A file, to be saved and never shown."""
    response = Response(content, content_type=media)
    response.headers["Content-Disposition"] = f"attachment; filename*=UTF-8''{quote(name)}"
    response.headers["Content-Security-Policy"] = "default-src 'none'; sandbox"
    return response
