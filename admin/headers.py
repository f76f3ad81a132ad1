"""Headers that tell the browser what a page of ours may do: nothing but show our own files and talk to us."""

from __future__ import annotations

import secrets

from flask import Flask, Response, g

# What a page may load. Mail from outside has its own, stricter policy (admin.views.files).
_POLICY = (
    "default-src 'none'; script-src 'self' 'nonce-{nonce}'; style-src 'self' 'nonce-{nonce}'; "
    "img-src 'self' data:; font-src 'self'; connect-src 'self'; frame-src 'self'; object-src 'none'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)


def nonce() -> str:
    """The nonce of this answer's inline scripts and styles."""
    if "nonce" not in g:
        g.nonce = secrets.token_urlsafe(16)
    value: str = g.nonce
    return value


def init_app(app: Flask, *, is_https: bool) -> None:
    """Send the headers with every answer that did not set its own."""

    @app.after_request
    def add(response: Response) -> Response:
        headers = response.headers
        headers.setdefault("Content-Security-Policy", _POLICY.format(nonce=nonce()))
        headers.setdefault("X-Content-Type-Options", "nosniff")
        headers.setdefault("Referrer-Policy", "same-origin")
        headers.setdefault("Cross-Origin-Opener-Policy", "same-origin")
        headers.setdefault("Permissions-Policy", "camera=(), microphone=(), geolocation=()")
        if response.mimetype == "text/html":
            # What a clerk saw must not come out of a cache after logging out.
            headers.setdefault("Cache-Control", "private, no-store")
        if is_https:
            headers.setdefault("Strict-Transport-Security", "max-age=31536000")
        return response
