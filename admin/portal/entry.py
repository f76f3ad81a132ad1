"""The doors of the portal: the first page, *Crear cuenta*, the link instead of a password, a new password."""

from __future__ import annotations

from flask import Flask, flash, redirect, render_template, request, url_for
from flask import session as cookie
from flask_security.utils import login_user
from werkzeug.wrappers import Response

from admin import frame, pace
from admin.auth import hash_password
from admin.db import office, release, session, writing
from intake.citizens import portal_accounts
from intake.citizens.one_time_links import peek
from intake.errors import DeskError, InvalidInput
from models.chat import LinkPurpose
from templates import LANGUAGES, language, say

# A household asks a few times; a program asks for a thousand mailboxes.
asked_mail = pace.Window(12, 3600)
_PAGES = {
    LinkPurpose.SIGN_UP: "sign_up",
    LinkPurpose.SIGN_IN: "sign_in",
    LinkPurpose.RESET: "reset",
}

Page = str | Response | tuple[str, int]


def home() -> Page:
    """Requests for who is inside, the panel for the office's people, else what can be done here."""
    who = frame.user()
    if who is not None:
        return redirect(url_for("admin.index") if who.person_id else url_for("portal_requests"))
    return render_template("portal/home.html")


def speak() -> Response:
    """The language of whoever has not entered; inside, the profile decides."""
    code = request.form.get("language", "")
    if code in LANGUAGES:
        cookie["language"] = code
    back = request.form.get("next", "")
    # Only to a page of ours; a browser leaves out a tab, and then two strokes are a host.
    is_ours = back.startswith("/") and not back.startswith(("//", "/\\")) and back.isprintable()
    return redirect(back if is_ours else "/")


def sign_up() -> Page:
    return _ask(LinkPurpose.SIGN_UP)


def sign_in() -> Page:
    return _ask(LinkPurpose.SIGN_IN)


def forgotten() -> Page:
    return _ask(LinkPurpose.RESET)


def _ask(purpose: LinkPurpose) -> Page:
    """One field, and one answer for every address."""
    name, email = _PAGES[purpose], request.form.get("email", "")
    if request.method == "GET":
        return render_template("portal/ask_link.html", page=name, email="", wrong="")
    if wait := asked_mail.wait(pace.client()):
        words = say("portal.entry.too_often", minutes=max(1, round(wait / 60)))
        return render_template("portal/ask_link.html", page=name, email=email, wrong=words), 429
    try:
        with writing() as write:
            portal_accounts.ask_link(write, office(), email, purpose, language.get())
    except InvalidInput as error:
        return render_template("portal/ask_link.html", page=name, email=email, wrong=str(error)), 422
    return render_template("portal/link_sent.html", page=name, email=email.strip())


def create(token: str) -> Page:
    """The second half of *Crear cuenta*: the mailbox is proven, now name and password."""
    link = peek(session(), token, LinkPurpose.SIGN_UP)
    if link is None:
        return _gone()
    if request.method == "GET":
        return _create_page(link.address)
    form, address = request.form, link.address
    password = form.get("password", "")
    try:
        if password:
            portal_accounts.check_password(password)
        release()
        # Hashing is slow on purpose: never while holding the lock of a writer.
        hashed = hash_password(password) if password else None
        with writing() as write:
            user = portal_accounts.open_account(
                write, office(), token, name=form.get("name", ""), password_hash=hashed, code=language.get()
            )
    except DeskError as error:
        return _create_page(address, str(error)), 422
    login_user(user)
    flash(say("portal.entry.opened"), "success")
    return redirect(url_for("portal_requests"))


def _create_page(address: str, wrong: str = "") -> str:
    return render_template("portal/create.html", address=address, wrong=wrong, form=request.form,
                           shortest=portal_accounts.MIN_PASSWORD)  # fmt: skip


def enter(token: str) -> Page:
    """Its button enters: a program that previews links in mail must not."""
    if peek(session(), token, LinkPurpose.SIGN_IN) is None:
        return _gone()
    if request.method == "GET":
        return render_template("portal/enter.html")
    try:
        with writing() as write:
            user = portal_accounts.enter_by_link(write, token)
    except DeskError:
        return _gone()
    login_user(user)
    return redirect(url_for("home"))


def reset(token: str) -> Page:
    link = peek(session(), token, LinkPurpose.RESET)
    if link is None:
        return _gone()
    if request.method == "GET":
        return _reset_page(link.address)
    password, address = request.form.get("password", ""), link.address
    try:
        portal_accounts.check_password(password)
        release()
        hashed = hash_password(password)
        with writing() as write:
            user = portal_accounts.reset_password(write, token, hashed)
    except InvalidInput as error:
        return _reset_page(address, str(error)), 422
    except DeskError:
        return _gone()
    login_user(user)
    flash(say("portal.entry.password_changed"), "success")
    return redirect(url_for("home"))


def _reset_page(address: str, wrong: str = "") -> str:
    return render_template("portal/reset.html", address=address, wrong=wrong,
                           shortest=portal_accounts.MIN_PASSWORD)  # fmt: skip


def _gone() -> tuple[str, int]:
    return render_template("portal/link_gone.html"), 404


def register(app: Flask) -> None:
    both = ["GET", "POST"]
    app.add_url_rule("/", "home", home)
    app.add_url_rule("/idioma", "portal_language", speak, methods=["POST"])
    app.add_url_rule("/crear-cuenta", "portal_sign_up", sign_up, methods=both)
    app.add_url_rule("/crear-cuenta/<token>", "portal_create", create, methods=both)
    app.add_url_rule("/entrar/enlace", "portal_sign_in", sign_in, methods=both)
    app.add_url_rule("/entrar/enlace/<token>", "portal_enter", enter, methods=both)
    app.add_url_rule("/recuperar", "portal_forgotten", forgotten, methods=both)
    app.add_url_rule("/recuperar/<token>", "portal_reset", reset, methods=both)
