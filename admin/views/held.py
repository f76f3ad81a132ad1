"""Held and failed mail: what stopped it, what it says, where it may belong, and a clerk's decision.

Oficialía de partes sees all of it, a head what came to its dependencias' mailboxes; an
administrator sees that something failed and can retry it, but reads nobody's mail.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from flask import Flask, Response, abort, flash, redirect, request, url_for
from flask_admin import Admin, expose
from sqlalchemy import ColumnElement, Select, and_, false, or_, select, text, true
from sqlalchemy.orm import Session, undefer
from werkzeug.wrappers import Response as BaseResponse

from admin import frame, paging
from admin.db import office, session, writing
from intake import held, spool
from intake.errors import DeskError, InvalidInput, StoreFailed
from intake.incoming import IncomingMessage
from intake.matching import match, plain_subject, recent_cases
from intake.reading.inspection import inspect_again
from models.access import visible_to
from models.base import now
from models.case import Case
from models.count import Rows, count_each
from models.inbound_mail import InboundMail, InboundStatus
from models.person import Account, Role
from templates import say

# As much of the raw mail as a page shows; the rest is in the download.
MAX_SOURCE = 200 * 1024
MAX_TEXT = 20_000
_Decision = Callable[[Session, InboundMail, Account], str]
TABS = (InboundStatus.HELD, InboundStatus.FAILED)
# SQLite uses a partial index only for the very words of its condition.
_STUCK = text("inbound_mail.status IN ('held', 'failed')")


@dataclass(frozen=True, slots=True)
class Proposal:
    """A case the mail may belong to; `reason` is a key of `office.held.because`."""

    case: Case
    reason: str


def may_see(session: Session, account: Account) -> ColumnElement[bool]:
    """A condition on `InboundMail` for the undecided mails of which *account* may know."""
    if account.role == Role.OFICIALIA:
        return true()
    if account.role == Role.ADMINISTRATOR:
        return InboundMail.status == InboundStatus.FAILED
    if account.role != Role.HEAD:
        return false()
    conditions: list[ColumnElement[bool]] = []
    for address in held.mailboxes_of(session, account):
        local, _, domain = address.partition("@")
        conditions.append(InboundMail.envelope_to == address)
        plus = f"{_escape(local)}+%@{_escape(domain)}"
        conditions.append(InboundMail.envelope_to.ilike(plus, escape="\\"))
    return or_(false(), *conditions)


def _escape(words: str) -> str:
    return words.replace("\\", r"\\").replace("%", r"\%").replace("_", r"\_")


def undecided(session: Session) -> Rows:
    """The mails that wait for the account of this request, to be counted."""
    return select(InboundMail.id).where(_STUCK, may_see(session, frame.account()))


def _cases_by_folio(words: str, account: Account) -> Select[Case]:
    """Cases whose folio is *words*, or ends in that number in one of the last years."""
    candidates = [words]
    if words.isdecimal() and len(words) <= 6:
        year = now().year
        candidates = [f"{series}-{year - ago}-{int(words):06d}" for ago in range(3) for series in ("T", "OP")]
    wanted = select(Case).where(
        Case.folio.in_(candidates), Case.merged_into_id.is_(None), visible_to(account)
    )
    return wanted.order_by(Case.id.desc()).limit(6)


class HeldView(frame.PanelView):
    """List on one page, one mail on another, decisions by the verbs of `intake.held`."""

    roles = frozenset({Role.OFICIALIA, Role.HEAD, Role.ADMINISTRATOR})

    @property
    def reads_content(self) -> bool:
        """An administrator repairs; it does not read the mail of others (domain.md, "Roles")."""
        return frame.account().role != Role.ADMINISTRATOR

    def _get(self, number: int) -> InboundMail:
        wanted = select(InboundMail).where(InboundMail.id == number, may_see(session(), frame.account()))
        return session().scalar(wanted.options(undefer(InboundMail.error))) or abort(404)

    def _get_readable(self, number: int) -> InboundMail:
        return self._get(number) if self.reads_content else abort(403)

    @expose("/")
    def index(self) -> str:
        account = frame.account()
        tabs = TABS if self.reads_content else (InboundStatus.FAILED,)
        wanted = request.args.get("estado", "")
        tab = next((one for one in tabs if one == wanted), tabs[0])
        allowed = and_(_STUCK, may_see(session(), account))
        page = paging.newest(
            session(), select(InboundMail).where(allowed, InboundMail.status == tab), InboundMail.id
        )
        some = [select(InboundMail.id).where(allowed, InboundMail.status == one) for one in tabs]
        counts = dict(zip(tabs, count_each(session(), some), strict=True))
        return self.render("admin/held.html", tab=tab, tabs=tabs, counts=counts, page=page,
                           reads_content=self.reads_content)  # fmt: skip

    @expose("/<int:number>")
    def mail(self, number: int) -> str:
        mail = self._get(number)
        incoming, is_lost = None, False
        if self.reads_content:
            try:
                incoming = inspect_again(office(), mail, spool.read_raw(session(), office(), mail))
            except StoreFailed:
                is_lost = True
            except InvalidInput:
                # What killed the worker's reader is not read here either; its reason stands above.
                incoming = None
        is_open = mail.status in held.UNDECIDED
        return self.render(
            "admin/held_mail.html",
            mail=mail,
            incoming=incoming,
            is_lost=is_lost,
            is_open=is_open,
            may_decide=is_open and held.may_decide(session(), mail, frame.account()),
            may_retry=is_open and self._may_retry(mail),
            proposals=self._proposals(mail, incoming) if incoming and is_open else [],
            max_text=MAX_TEXT,
            reads_content=self.reads_content,
            next_mail=self._next(mail),
        )

    def _may_retry(self, mail: InboundMail) -> bool:
        account = frame.account()
        return held.may_decide(session(), mail, account) or (
            account.role == Role.ADMINISTRATOR and mail.status == InboundStatus.FAILED
        )

    def _next(self, mail: InboundMail) -> int | None:
        """The next older one of the same tab, for a clerk who works through them."""
        wanted = select(InboundMail.id).where(
            _STUCK, InboundMail.status == mail.status, InboundMail.id < mail.id,
            may_see(session(), frame.account()),
        )  # fmt: skip
        return session().scalar(wanted.order_by(InboundMail.id.desc()).limit(1))

    def _proposals(self, mail: InboundMail, incoming: IncomingMessage) -> list[Proposal]:
        """Cases to choose from, best first; a clerk attaches, nobody guesses."""
        found: dict[int, Proposal] = {}
        guess = match(session(), office(), incoming, mail.envelope_to)
        if guess.case is not None:
            found[guess.case.id] = Proposal(guess.case, "thread")
        recent = recent_cases(session(), incoming.from_addr) if incoming.from_addr else []
        subject = plain_subject(incoming.subject)
        for case in sorted(recent, key=lambda case: plain_subject(case.subject) != subject):
            reason = "same_subject" if subject and plain_subject(case.subject) == subject else "same_sender"
            found.setdefault(case.id, Proposal(case, reason))
        if not found:
            return []
        visible = set(
            session().scalars(select(Case.id).where(Case.id.in_(found), visible_to(frame.account())))
        )
        return [one for number, one in found.items() if number in visible][:8]

    @expose("/<int:number>/folios")
    def folios(self, number: int) -> str:
        """Cases by folio, or the end of one, for the search under *attach*."""
        mail = self._get_readable(number)
        words = request.args.get("folio", "").strip().upper()
        cases = list(session().scalars(_cases_by_folio(words, frame.account()))) if words else []
        return self.render("admin/held_folios.html", mail=mail, words=words, cases=cases)

    @expose("/<int:number>/fuente")
    def source(self, number: int) -> str:
        mail = self._get_readable(number)
        raw = spool.read_raw(session(), office(), mail)
        shown = raw[:MAX_SOURCE].decode("utf-8", "replace")
        return self.render("admin/held_source.html", mail=mail, source=shown, is_cut=len(raw) > MAX_SOURCE)

    @expose("/<int:number>/correo.eml")
    def download(self, number: int) -> Response:
        mail = self._get_readable(number)
        response = Response(spool.read_raw(session(), office(), mail), mimetype="message/rfc822")
        response.headers["Content-Disposition"] = f'attachment; filename="correo-{mail.id}.eml"'
        # Whatever a browser makes of it, it is a stranger's: no scripts, no forms, no origin.
        response.headers["Content-Security-Policy"] = "sandbox; default-src 'none'"
        response.headers["Cache-Control"] = "private, no-store"
        return response

    @expose("/<int:number>/adjuntar", methods=["POST"])
    def attach(self, number: int) -> BaseResponse:
        def decide(found: Session, mail: InboundMail, account: Account) -> str:
            chosen = select(Case).where(Case.id == request.form.get("case", type=int), visible_to(account))
            case = found.scalar(chosen) or abort(404)
            held.attach(found, office(), mail, account, case=case)
            return say("office.held.attached", folio=case.folio)

        return self._decide(number, decide)

    @expose("/<int:number>/abrir", methods=["POST"])
    def open_ticket(self, number: int) -> BaseResponse:
        def decide(found: Session, mail: InboundMail, account: Account) -> str:
            case = held.make_ticket(found, office(), mail, account)
            return say("office.held.opened", folio=case.folio)

        return self._decide(number, decide)

    @expose("/<int:number>/reintentar", methods=["POST"])
    def retry(self, number: int) -> BaseResponse:
        def decide(found: Session, mail: InboundMail, account: Account) -> str:
            held.retry(found, office(), mail, account)
            return say("office.held.retried")

        return self._decide(number, decide)

    @expose("/<int:number>/desechar", methods=["POST"])
    def discard(self, number: int) -> BaseResponse:
        def decide(found: Session, mail: InboundMail, account: Account) -> str:
            held.discard(found, office(), mail, account, reason=request.form.get("reason", ""))
            return say("office.held.discarded")

        return self._decide(number, decide)

    def _decide(self, number: int, decide: _Decision) -> BaseResponse:
        """Carry out one decision; what the desk refuses is said on the mail's own page."""
        back = url_for(".mail", number=number)
        try:
            with writing() as found:
                mail = self._get(number)
                following = self._next(mail)
                flash(decide(found, mail, frame.account()), "success")
        except DeskError as error:
            flash(str(error), "error")
            return redirect(back)
        if request.form.get("siguiente") and following:
            return redirect(url_for(".mail", number=following))
        return redirect(url_for(".index"))

    @expose("/reintentar", methods=["POST"])
    def retry_many(self) -> BaseResponse:
        """Retry those ticked; each was seen, so one that somebody decided meanwhile is skipped."""
        numbers = request.form.getlist("mail", type=int)[: paging.SIZE]
        retried = 0
        with writing() as found:
            account = frame.account()
            wanted = select(InboundMail).where(_STUCK, InboundMail.id.in_(numbers), may_see(found, account))
            for mail in found.scalars(wanted).all():
                if mail.status in held.UNDECIDED:
                    held.retry(found, office(), mail, account)
                    retried += 1
        key = "none" if not retried else "one" if retried == 1 else "many"
        flash(say(f"office.held.retried_{key}", number=retried), "success" if retried else "error")
        return redirect(url_for(".index", estado=request.form.get("estado") or None))


def register(app: Flask, admin: Admin) -> None:
    """Add the pages and their entry in the rail."""
    admin.add_view(HeldView(name="held", endpoint="held", url="/admin/retenidos"))
    frame.add_entry(
        app,
        frame.Entry("panel.rail.office", "office.held.rail", "held.index", "mail-pause", HeldView.roles,
                    undecided),
    )  # fmt: skip
