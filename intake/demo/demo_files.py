"""Files for the mails of the demo institution, made on the spot: a letter as PDF, a picture as JPEG."""

from __future__ import annotations

import io
from dataclasses import dataclass, field

from PIL import Image, ImageDraw, ImageFont

from intake.issued.pdf import html_to_pdf
from templates import render

_TYPES = {".pdf": "application/pdf", ".jpg": "image/jpeg"}
_SIZE = (960, 540)


@dataclass(frozen=True)
class DemoFile:
    """What a file says; its name's ending says what it is."""

    name: str
    title: str
    lines: list[str] = field(default_factory=list)

    @property
    def content_type(self) -> str:
        return _TYPES[self.name[-4:].lower()]


def make_file(file: DemoFile) -> bytes:
    """The bytes of *file*."""
    return _picture(file) if file.content_type == "image/jpeg" else _letter(file)


def _letter(file: DemoFile) -> bytes:
    html = render("demo/documento.html", title=file.title, lines=file.lines)
    return html_to_pdf(html)


def _picture(file: DemoFile) -> bytes:
    """A window with a title and some words, as a screenshot or a sign on a photograph."""
    image = Image.new("RGB", _SIZE, "#8fa3ad")
    draw = ImageDraw.Draw(image)
    draw.rounded_rectangle((120, 90, 840, 450), radius=14, fill="#ffffff", outline="#4a5a63", width=3)
    draw.rounded_rectangle((120, 90, 840, 150), radius=14, fill="#2f5d62")
    draw.text((150, 104), file.title, fill="#ffffff", font=ImageFont.load_default(30))
    for number, line in enumerate(file.lines):
        draw.text((150, 190 + 48 * number), line, fill="#22303a", font=ImageFont.load_default(26))
    content = io.BytesIO()
    image.save(content, "JPEG", quality=85)
    return content.getvalue()
