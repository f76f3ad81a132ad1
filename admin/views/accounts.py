"""*Selecciona cuenta*: in which account a person acts, chosen after logging in and switched at any time."""

from __future__ import annotations

from flask import Flask, abort, current_app, redirect, request, url_for
from flask_admin import Admin, BaseView, expose
from werkzeug.wrappers import Response

from admin import frame
from admin.db import writing
from models.event import record
from models.person import Account
from templates import LANGUAGES

# Where an account begins: its trays, or as manual T has it, the tablero.
STARTS = ("trays", "board")
_YEAR = 365 * 86_400


def start_of(account: Account) -> str:
    """Where *account* begins in this browser."""
    chosen = request.cookies.get(_cookie(account), "")
    return chosen if chosen in STARTS else STARTS[0]


def _cookie(account: Account) -> str:
    return f"start_{account.id}"


class AccountsView(BaseView):
    """The list of one's accounts, and choosing among them."""

    def is_accessible(self) -> bool:
        return frame.user() is not None

    def inaccessible_callback(self, name: str, **kwargs: object) -> Response:
        return frame.turn_away()

    @expose("/")
    def index(self) -> str:
        who = frame.user()
        account = frame.find_account()
        reads = account is not None and account.role in frame.READING
        return self.render(
            "admin/accounts.html",
            accounts=frame.accounts(who) if who else [],
            starts=STARTS if reads else (),
            start=start_of(account) if account else "",
        )

    @expose("/elegir", methods=["POST"])
    def choose(self) -> Response:
        who = frame.user()
        wanted = request.form.get("account", type=int)
        chosen = next((one for one in frame.accounts(who) if one.id == wanted), None) if who else None
        if who is None or chosen is None:
            abort(403)
        with writing() as session:
            if who.account_id != chosen.id:
                who.account_id = chosen.id
                record(session, None, "choose_account", account=chosen)
        return redirect(url_for("admin.index"))

    @expose("/inicio", methods=["POST"])
    def start(self) -> Response:
        account, wanted = frame.account(), request.form.get("start", "")
        if wanted not in STARTS:
            abort(400)
        response = redirect(url_for("accounts.index"))
        response.set_cookie(
            _cookie(account),
            wanted,
            max_age=_YEAR,
            httponly=True,
            samesite="Lax",
            secure=current_app.config["SESSION_COOKIE_SECURE"],
        )
        return response

    @expose("/idioma", methods=["POST"])
    def language(self) -> Response:
        who, code = frame.user(), request.form.get("language", "")
        if who is None or code not in LANGUAGES:
            abort(400)
        with writing():
            who.language = code
        return redirect(url_for("accounts.index"))


def register(app: Flask, admin: Admin) -> None:
    admin.add_view(AccountsView(name="accounts", endpoint="accounts", url="/admin/cuenta"))
