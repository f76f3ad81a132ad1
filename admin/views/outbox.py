"""The buzón de salida: every notice with its status, what the relay said, and the mail as it will go.

Oficialía de partes sees all of it, a head the notices of the cases it may see; an
administrator sees where delivery stands and can retry or cancel, but reads no mail.
"""

from __future__ import annotations

from dataclasses import replace

from flask import Flask, Response, abort, flash, redirect, request, url_for
from flask_admin import Admin, expose
from sqlalchemy import ColumnElement, and_, exists, false, func, select, true
from sqlalchemy.orm import Session, selectinload
from werkzeug.wrappers import Response as BaseResponse

from admin import frame, paging
from admin.db import session, writing
from intake import outbox
from intake.errors import DeskError
from intake.outbox import words_of
from models.access import visible_to
from models.case import Case
from models.count import Rows, count
from models.message import Message
from models.outbox_message import OutboxMessage, OutboxStatus
from models.person import Account, Role
from templates import say

# What each tab lists. Only what is waiting or wrong is counted: the sent ones are the whole history.
TABS: dict[str, tuple[OutboxStatus, ...]] = {
    "waiting": (OutboxStatus.QUEUED, OutboxStatus.RETRYING, OutboxStatus.SENDING),
    "failed": (OutboxStatus.FAILED, OutboxStatus.BOUNCED),
    "sent": (OutboxStatus.SENT,),
    "cancelled": (OutboxStatus.CANCELLED,),
}
# Ids that one page looks at.
WINDOW = 50_000
_COUNTED = ("waiting", "failed")
CANCELLABLE = frozenset({OutboxStatus.QUEUED, OutboxStatus.RETRYING, OutboxStatus.FAILED})
RETRYABLE = CANCELLABLE | {OutboxStatus.BOUNCED, OutboxStatus.CANCELLED}


def may_see(account: Account) -> ColumnElement[bool]:
    """A condition on `OutboxMessage` for the notices whose delivery *account* may follow."""
    if account.role in (Role.OFICIALIA, Role.ADMINISTRATOR):
        return true()
    if account.role != Role.HEAD:
        return false()
    return exists().where(Case.id == OutboxMessage.case_id, visible_to(account))


def undelivered(_session: Session) -> Rows:
    """The notices of the account's reach that could not be delivered; what waits is no concern yet."""
    failed = OutboxMessage.status == OutboxStatus.FAILED
    return select(OutboxMessage.id).where(failed, may_see(frame.account()))


class OutboxView(frame.PanelView):
    """List by status, one page per notice, retry and cancel by the verbs of `intake.outbox`."""

    roles = frozenset({Role.OFICIALIA, Role.HEAD, Role.ADMINISTRATOR})

    @property
    def reads_content(self) -> bool:
        return frame.account().role != Role.ADMINISTRATOR

    def _get(self, number: int) -> OutboxMessage:
        wanted = select(OutboxMessage).where(OutboxMessage.id == number, may_see(frame.account()))
        return session().scalar(wanted) or abort(404)

    @expose("/")
    def index(self) -> str:
        allowed = may_see(frame.account())
        tab = request.args.get("estado", "")
        tab = tab if tab in TABS else "waiting"
        counts = {
            name: sum(
                count(session(), select(OutboxMessage.id).where(allowed, OutboxMessage.status == status))
                for status in TABS[name]
            )
            for name in _COUNTED
        }
        return self.render("admin/outbox.html", tab=tab, tabs=list(TABS), counts=counts,
                           page=self._page(TABS[tab], allowed), reads_content=self.reads_content)  # fmt: skip

    def _page(
        self, statuses: tuple[OutboxStatus, ...], allowed: ColumnElement[bool]
    ) -> paging.Page[OutboxMessage]:
        """Newest first over several statuses: one walk of the index (status, id) for each.

        No walk is longer than WINDOW: a head who sees few of a million notices gets a short
        page and goes on from there.
        """
        before = request.args.get("antes", type=int)
        top = before or (session().scalar(select(func.max(OutboxMessage.id))) or 0) + 1
        floor = top - WINDOW
        found: list[OutboxMessage] = []
        for status in statuses:
            wanted = select(OutboxMessage).where(
                and_(OutboxMessage.status == status, allowed),
                OutboxMessage.id < top,
                OutboxMessage.id >= floor,
            )
            wanted = wanted.options(selectinload(OutboxMessage.case))
            found += session().scalars(wanted.order_by(OutboxMessage.id.desc()).limit(paging.SIZE + 1))
        found.sort(key=lambda one: -one.id)
        page = paging.page_of(found, OutboxMessage.id, is_first=before is None)
        return replace(page, next_key=floor) if page.next_key is None and floor > 1 else page

    @expose("/<int:number>")
    def notice(self, number: int) -> str:
        notice = self._get(number)
        message = None
        if notice.message_id is not None and self.reads_content:
            wanted = select(Message).where(Message.id == notice.message_id)
            message = session().scalar(wanted.options(selectinload(Message.attachments)))
        text, html = words_of(notice)
        return self.render(
            "admin/outbox_notice.html",
            notice=notice,
            text=text,
            has_page=bool(html),
            files=message.attachments if message else [],
            may_retry=notice.status in RETRYABLE,
            may_cancel=notice.status in CANCELLABLE,
            reads_content=self.reads_content,
            sees_case=self._sees_case(notice),
        )

    def _sees_case(self, notice: OutboxMessage) -> bool:
        wanted = select(Case.id).where(Case.id == notice.case_id, visible_to(frame.account()))
        return notice.case_id is not None and session().scalar(wanted) is not None

    @expose("/<int:number>/html")
    def html(self, number: int) -> Response:
        """The HTML part for a sandboxed frame: it may style itself and load nothing."""
        notice = self._get(number)
        if not self.reads_content:
            abort(403)
        response = Response(words_of(notice)[1], mimetype="text/html")
        response.headers["Content-Security-Policy"] = (
            "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'self'"
        )
        return response

    @expose("/<int:number>/reintentar", methods=["POST"])
    def retry(self, number: int) -> BaseResponse:
        return self._change(number, "retry")

    @expose("/<int:number>/cancelar", methods=["POST"])
    def cancel(self, number: int) -> BaseResponse:
        return self._change(number, "cancel")

    def _change(self, number: int, action: str) -> BaseResponse:
        try:
            with writing() as found:
                verb = outbox.retry if action == "retry" else outbox.cancel
                verb(found, self._get(number), frame.account())
            flash(say(f"office.outbox.done_{action}"), "success")
        except DeskError as error:
            flash(str(error), "error")
        return redirect(url_for(".notice", number=number))


def register(app: Flask, admin: Admin) -> None:
    """Add the pages and their entry in the rail."""
    admin.add_view(OutboxView(name="outbox", endpoint="outbox", url="/admin/salida"))
    frame.add_entry(
        app,
        frame.Entry("panel.rail.office", "office.outbox.rail", "outbox.index", "send", OutboxView.roles,
                    undelivered),
    )  # fmt: skip
