"""Puts the panel together: `create_app(office)` gives the Flask application, `serve(office)` runs it."""

from __future__ import annotations

from typing import Any

from flask import Flask, g
from flask import session as cookie
from flask_admin import Admin
from flask_admin.theme import Theme
from flask_babel import Babel
from flask_wtf import CSRFProtect
from jinja2 import FileSystemLoader

import templates
from admin import auth, clocks, db, errors, formats, frame, headers, health, once
from admin.api import mount as api
from admin.icons import icon
from admin.views import VIEWS
from admin.views.bandeja import BandejaView
from intake.office import Office

# An answer with its files; each file has its own limit (Settings.max_file_bytes).
MAX_FORM_BYTES = 100 * 1024 * 1024
THREADS = 8


def create_app(office: Office) -> Flask:
    """The panel over the open *office*; nothing is shared between two of them."""
    settings = office.settings
    is_https = settings.base_url.startswith("https:")
    app = Flask("admin", static_folder="static", static_url_path="/static", template_folder=None)
    app.jinja_loader = FileSystemLoader(templates.FOLDER)
    app.config.update(
        MAX_CONTENT_LENGTH=MAX_FORM_BYTES,
        MAX_FORM_MEMORY_SIZE=5_000_000,
        SEND_FILE_MAX_AGE_DEFAULT=3600,
        BABEL_DEFAULT_LOCALE=settings.language,
        BABEL_DEFAULT_TIMEZONE=settings.timezone,
        # A clerk's form may stay open all day; the session ends it.
        WTF_CSRF_TIME_LIMIT=None,
        # Behind a front server the Referer's scheme and ours may differ; the token is enough.
        WTF_CSRF_SSL_STRICT=False,
    )
    app.jinja_options = {"trim_blocks": True, "lstrip_blocks": True}
    app.jinja_env.globals.update(say=templates.say, icon=icon, csp_nonce=headers.nonce, asset=asset)
    db.init_app(app, office)
    headers.init_app(app, is_https=is_https)
    auth.init_app(app, secret=office.settings.secret, is_https=is_https)
    CSRFProtect(app)
    _speak(app)
    formats.init_app(app)
    clocks.init_app(app)
    frame.init_app(app)
    errors.init_app(app)
    once.init_app(app)
    health.init_app(app)
    _mount(app)
    api.init_app(app)
    return app


def asset(name: str) -> str:
    """The address of a file of ours, which changes with it, so that browsers may keep it."""
    from flask import current_app, url_for

    path = templates.FOLDER.parent / "admin" / "static" / name
    version = current_app.extensions.setdefault("assets", {})
    if name not in version:
        version[name] = format(int(path.stat().st_mtime), "x")
    return url_for("static", filename=name, v=version[name])


def _speak(app: Flask) -> None:
    """Answer in the language of whoever is logged in, else of the institution."""

    def choose() -> str:
        if "language" not in g:
            who = frame.user()
            code = who.language if who else cookie.get("language") or db.office().settings.language
            g.language = code if code in templates.LANGUAGES else "es"
        language: str = g.language
        return language

    # Mexico writes 1.5 MB where Spain writes 1,5 MB.
    Babel(app, locale_selector=lambda: "es_MX" if choose() == "es" else choose())

    @app.before_request
    def speak() -> None:
        templates.language.set(choose())


def _mount(app: Flask) -> None:
    """Hang every view into Flask-Admin's frame."""
    admin = Admin(
        app,
        name="Oficialía",
        url="/admin",
        index_view=BandejaView(url="/admin"),
        theme=Theme(folder="bootstrap4", base_template="admin/base.html"),
        csp_nonce_generator=headers.nonce,
    )
    for module in VIEWS:
        module.register(app, admin)


def serve(office: Office) -> None:
    """Serve the panel on `web_listen` until the process is told to stop."""
    from waitress import serve as run

    run(create_app(office), **server_options(office))


def server_options(office: Office) -> dict[str, Any]:
    """How waitress is to listen, and whom it believes who the client is."""
    settings = office.settings
    options: dict[str, Any] = {
        "listen": settings.web_listen,
        "threads": THREADS,
        "ident": "oficialia",
        "max_request_body_size": MAX_FORM_BYTES,
    }
    if settings.base_url.startswith("https:"):
        # Then a front server on this machine speaks TLS and says who the client is: of several addresses
        # in X-Forwarded-For the last, which is the one that it saw itself.
        options |= {
            "trusted_proxy": "127.0.0.1",
            "trusted_proxy_headers": {"x-forwarded-for", "x-forwarded-proto"},
            "clear_untrusted_proxy_headers": True,
        }
    return options
