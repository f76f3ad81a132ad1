"""*Mi Telegram*: a person of the office links a private chat; a head, or the administrator, a group."""

from __future__ import annotations

from flask import Flask, abort, flash, redirect, request, url_for
from flask_admin import Admin, expose
from sqlalchemy import select
from werkzeug.wrappers import Response

from admin import frame
from admin.db import session, writing
from intake.chat import chat_links
from intake.chat.chat_spool import bot_username
from intake.errors import DeskError
from models.chat import Chat
from models.dependencia import Dependencia
from models.person import Account, Role
from templates import say


class ChatLinksView(frame.PanelView):
    """What is linked, and a link to link more, told once on this page."""

    @expose("/")
    def index(self) -> str:
        return self._page()

    @expose("/vincular", methods=["POST"])
    def link(self) -> str | Response:
        """A link for one's own chat, or with `dependencia` for its group."""
        number, who = request.form.get("dependencia", type=int), frame.account()
        try:
            with writing() as write:
                bot = bot_username(write)
                if not bot:
                    return redirect(url_for(".index"))
                if number:
                    dependencia = write.get(Dependencia, number) or abort(404)
                    token = chat_links.group_token(write, dependencia, who)
                else:
                    dependencia, token = None, chat_links.person_token(write, who.person)
        except DeskError as error:
            flash(str(error), "error")
            return redirect(url_for(".index"))
        link = chat_links.bot_link(bot, token, group=dependencia is not None)
        return self._page(link=link, command=f"/start@{bot} {token}", linking=dependencia)

    @expose("/desvincular", methods=["POST"])
    def unlink(self) -> Response:
        number, who = request.form.get("dependencia", type=int), frame.account()
        try:
            with writing() as write:
                if number:
                    dependencia = write.get(Dependencia, number) or abort(404)
                    chat_links.unlink_group(write, dependencia, who)
                else:
                    chat_links.unlink_person(write, request.form.get("chat", 0, int), who.person)
        except DeskError as error:
            flash(str(error), "error")
        else:
            flash(say("chat_desk.panel.unlinked"), "success")
        return redirect(url_for(".index", dependencia=number))

    def _page(self, *, link: str = "", command: str = "", linking: Dependencia | None = None) -> str:
        who = frame.account()
        own = session().scalars(select(Chat).where(Chat.person_id == who.person_id).order_by(Chat.id)).all()
        dependencia = linking or _dependencia(who)
        bound = Chat.dependencia_id == (dependencia.id if dependencia else 0)
        group, bot = session().scalar(select(Chat).where(bound)), bot_username(session())
        return str(
            self.render("admin/chat_links.html", own=own, dependencia=dependencia, group=group, bot=bot,
                        link=link, command=command, linking=linking)
        )  # fmt: skip


def _dependencia(who: Account) -> Dependencia | None:
    """Whose group this account may bind: a head's own dependencia, for an administrator the chosen one."""
    if who.role == Role.HEAD:
        return who.dependencia
    number = request.args.get("dependencia", type=int)
    return session().get(Dependencia, number) if number and who.role == Role.ADMINISTRATOR else None


def register(app: Flask, admin: Admin) -> None:
    admin.add_view(ChatLinksView(name="chat_links", endpoint="chat_links", url="/admin/telegram"))
