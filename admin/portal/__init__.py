"""The citizen's portal (manual R): who asks, follows up and keeps a profile, at the root of the site."""

from __future__ import annotations

from flask import Flask
from flask_admin import Admin

from admin.portal import articles, entry, profile, requests, services
from templates import LANGUAGES, language


def register(app: Flask, admin: Admin) -> None:
    """Add the pages."""
    app.context_processor(lambda: {"speaks": language.get, "languages": LANGUAGES})
    for module in (entry, requests, profile, services, articles):
        module.register(app)
