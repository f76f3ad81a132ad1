"""*Mi perfil*: avatar, password, language, ways to be told, Telegram, and one's own data."""

from __future__ import annotations

from flask import Flask, Response, abort, flash, redirect, render_template, request, url_for
from flask_security.utils import login_user, logout_user, verify_password
from sqlalchemy import select
from werkzeug.wrappers import Response as BaseResponse

from admin.auth import hash_password, throttle
from admin.db import office, release, session, writing
from admin.portal.inside import contact, inside, me
from intake.attachments import read_blob
from intake.chat import chat_links
from intake.chat.chat_spool import bot_username
from intake.citizens import portal_accounts, profiles
from intake.errors import DeskError, InvalidInput
from models.chat import Chat
from models.contact import AddressKind
from models.user import User
from templates import language, say

Page = str | BaseResponse | tuple[str, int]


@inside
def show() -> str:
    return _page()


def _page(wrong: str = "") -> str:
    who = contact()
    chats = session().scalars(select(Chat).where(Chat.contact_id == who.id)).all() if who.id else []
    return render_template(
        "portal/profile.html", who=who, login=me(), chats=chats, wrong=wrong,
        bot=bot_username(session()),
        is_requester=me().contact_id is not None, shortest=portal_accounts.MIN_PASSWORD,
        has_chat=any(one.kind == AddressKind.TELEGRAM for one in who.addresses),
    )  # fmt: skip


def _done(key: str) -> BaseResponse:
    flash(say(f"portal.profile.{key}"), "success")
    return redirect(url_for("portal_profile"))


def _no(error: DeskError) -> tuple[str, int]:
    flash(str(error), "error")
    return _page(), 422


@inside
def save() -> Page:
    """Name, language and by which channels notices come."""
    form = request.form
    name = " ".join(form.get("name", "").split())
    try:
        with writing() as write:
            who = contact()
            if me().contact_id is not None:
                if not 0 < len(name) <= portal_accounts.MAX_NAME:
                    raise InvalidInput("portal_name")
                who.name = name
            profiles.set_preferences(
                write, me(), who, code=form.get("language", ""), tells_email="email" in form,
                tells_chat="telegram" in form,
            )  # fmt: skip
    except DeskError as error:
        return _no(error)
    language.set(me().language)
    return _done("saved")


@inside
def avatar() -> Page:
    """Put a picture, or take it away."""
    if "remove" in request.form:
        with writing():
            me().avatar_sha256 = None
        return _done("avatar_removed")
    upload = request.files.get("avatar")
    if upload is None or not upload.filename:
        return _no(InvalidInput("no_files"))
    content = upload.stream.read(profiles.AVATAR_BYTES + 1)
    try:
        release()
        with writing() as write:
            profiles.set_avatar(write, office(), me(), content)
    except DeskError as error:
        return _no(error)
    return _done("avatar_saved")


@inside
def picture() -> Response:
    """One's own picture; nobody else is shown it here."""
    digest = me().avatar_sha256 or abort(404)
    response = Response(read_blob(session(), office(), digest), content_type="image/jpeg")
    response.headers["Cache-Control"] = "private, max-age=300"
    return response


@inside
def password() -> Page:
    """Another password; whoever has none yet, because of entering by links, needs no old one."""
    form, login = request.form, me()
    client = request.remote_addr or ""
    try:
        if login.password and (
            throttle.is_closed(client, login.email)
            or not verify_password(form.get("current", ""), login.password)
        ):
            throttle.fail(client, login.email)
            raise InvalidInput("portal_wrong_password")
        portal_accounts.check_password(form.get("password", ""))
        release()
        hashed = hash_password(form["password"])
        with writing() as write:
            portal_accounts.set_password(write, login, hashed)
    except DeskError as error:
        return _no(error)
    # The other sessions ended; this one goes on.
    login_user(login)
    return _done("password_saved")


@inside
def telegram() -> Page:
    """A one-time link that, opened in Telegram, makes the chat one's own."""
    bot, who = bot_username(session()), contact()
    address = next((one.value for one in who.addresses if one.kind == AddressKind.EMAIL), "")
    if not bot or not address or me().contact_id is None:
        abort(404)
    with writing() as write:
        token = chat_links.contact_token(write, address)
    return render_template("portal/telegram.html", link=chat_links.bot_link(bot, token))


@inside
def unlink() -> Page:
    """Forget one's chat, as /desvincular does there."""
    with writing() as write:
        chat = write.get(Chat, request.form.get("chat", 0, int))
        if chat is None or chat.contact_id != contact().id:
            abort(404)
        chat_links.unlink(write, office(), chat)
    return _done("unlinked")


@inside
def data() -> Response:
    """All that is kept about oneself, as a ZIP."""
    archive = profiles.export(session(), office(), me(), contact())
    response = Response(archive, content_type="application/zip")
    response.call_on_close(archive.close)
    response.headers["Content-Disposition"] = 'attachment; filename="mis-datos.zip"'
    response.headers["Cache-Control"] = "private, no-store"
    return response


@inside
def erase() -> Page:
    """Read what will be forgotten and what is kept, type one's own e-mail, and be forgotten."""
    login = me()
    if login.contact_id is None:
        abort(404)
    if request.method == "GET":
        return render_template("portal/erase.html", login=login, wrong="")
    try:
        if request.form.get("email", "").strip().lower() != login.email:
            raise InvalidInput("erase_email")
        with writing() as write:
            profiles.erase(write, write.get_one(User, login.id), contact())
    except DeskError as error:
        return render_template("portal/erase.html", login=login, wrong=str(error)), 422
    logout_user()
    return render_template("portal/erased.html")


def register(app: Flask) -> None:
    app.add_url_rule("/perfil", "portal_profile", show, strict_slashes=False)
    app.add_url_rule("/perfil", "portal_save", save, methods=["POST"])
    app.add_url_rule("/perfil/imagen", "portal_picture", picture)
    app.add_url_rule("/perfil/imagen", "portal_avatar", avatar, methods=["POST"])
    app.add_url_rule("/perfil/contrasena", "portal_password", password, methods=["POST"])
    app.add_url_rule("/perfil/telegram", "portal_telegram", telegram, methods=["POST"])
    app.add_url_rule("/perfil/desvincular", "portal_unlink", unlink, methods=["POST"])
    app.add_url_rule("/perfil/datos", "portal_data", data)
    app.add_url_rule("/perfil/borrar", "portal_erase", erase, methods=["GET", "POST"])
