"""Mails as people send them, for tests."""

from __future__ import annotations

from collections.abc import Sequence
from email.message import EmailMessage
from email.utils import format_datetime, make_msgid

from models.base import now


def make_mail(
    sender: str = "Ana López <ana@correo.example>",
    to: str = "soporte@example.gob.mx",
    subject: str = "No enciende la impresora",
    text: str = "Buenos días:\n\nLa impresora de ventanilla 3 no enciende.\n",
    *,
    message_id: str | None = None,
    in_reply_to: str = "",
    references: Sequence[str] = (),
    files: Sequence[tuple[str, str, bytes]] = (),
    headers: Sequence[tuple[str, str]] = (),
) -> bytes:
    """A mail with CRLF line ends. *files*: (name, type, bytes). Ids carry their < >."""
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = sender, to, subject
    mail["Date"] = format_datetime(now())
    mail["Message-ID"] = message_id or make_msgid(domain="correo.example")
    if in_reply_to:
        mail["In-Reply-To"] = in_reply_to
    if references:
        mail["References"] = " ".join(references)
    for name, value in headers:
        mail[name] = value
    mail.set_content(text)
    for filename, content_type, content in files:
        maintype, _, subtype = content_type.partition("/")
        mail.add_attachment(content, maintype=maintype, subtype=subtype, filename=filename)
    return mail.as_bytes().replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
