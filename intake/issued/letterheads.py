"""Letterheads as administrators make them: a logo known by its content, and the page that shows them."""

from __future__ import annotations

import hashlib
import io
import re
import warnings
from xml.etree import ElementTree

from markupsafe import Markup
from PIL import Image
from sqlalchemy.orm import Session

from intake.attachments import keep_blob
from intake.errors import InvalidInput
from intake.issued.documents import heads_near, long_date, place_of, post_of, qr_of
from intake.issued.numbering import find_pattern, next_number
from intake.issued.pdf import html_to_archive
from intake.issued.rich_text import clean
from intake.office import Office
from intake.reading.filetypes import danger_of, true_type
from models.base import now
from models.dependencia import Dependencia
from models.letterhead import Letterhead
from models.oficio import DocumentType
from templates import render, say

MAX_LOGO = 2_000_000
# 1,200 points are 10 cm at 300 to the inch; a letterhead is 2 cm high.
_LONGEST, _MAX_PIXELS = 1200, 40_000_000
_SVG, _FORMATS = "image/svg+xml", ("PNG", "JPEG")
# Nothing in a drawing may lead out of it.
_LEADS_OUT = re.compile(
    rb"<!ENTITY|(href|src)\s*=\s*[\"'](?!#|data:image/)|url\(\s*(?![\"']?#)|@import", re.IGNORECASE
)


def check_logo(filename: str, content: bytes) -> tuple[bytes, str]:
    """The picture as it is kept, and its type. Raises InvalidInput when it is none that a page can show.

    Photographs and scans become PNG without what cameras write beside them; a drawing stays one.
    """
    if len(content) > MAX_LOGO:
        raise InvalidInput("logo_size", filename=filename, megabytes=MAX_LOGO // 1_000_000)
    kind = true_type(content, "", filename)
    if kind == _SVG and not danger_of(content, kind, filename) and not _LEADS_OUT.search(content):
        try:
            ElementTree.fromstring(content)
        except ElementTree.ParseError as error:
            raise InvalidInput("logo_type", filename=filename) from error
        return content, _SVG
    if kind not in ("image/png", "image/jpeg"):
        raise InvalidInput("logo_type", filename=filename)
    return _redrawn(filename, content), "image/png"


def _redrawn(filename: str, content: bytes) -> bytes:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            Image.open(io.BytesIO(content), formats=_FORMATS).verify()
            picture = Image.open(io.BytesIO(content), formats=_FORMATS)
            if picture.width * picture.height > _MAX_PIXELS:
                raise InvalidInput("logo_type", filename=filename)
            picture.thumbnail((_LONGEST, _LONGEST))
            # PDF/A asks for the colours of a screen; CMYK would need a profile of its own.
            drawn = picture.convert("RGBA" if "A" in picture.getbands() or "transparency" in picture.info
                                    else "RGB")  # fmt: skip
    except InvalidInput:
        raise
    except Exception as error:
        raise InvalidInput("logo_type", filename=filename) from error
    made = io.BytesIO()
    drawn.save(made, "PNG", optimize=True)
    return made.getvalue()


def keep_logo(session: Session, office: Office, letterhead: Letterhead, content: bytes, kind: str) -> None:
    """Put a checked logo on *letterhead*."""
    sha256 = hashlib.sha256(content).hexdigest()
    keep_blob(session, office, sha256, content)
    letterhead.logo_sha256, letterhead.logo_type = sha256, kind


def render_sample(
    session: Session, office: Office, letterhead: Letterhead, dependencia: Dependencia, logo: bytes | None
) -> bytes:
    """The page of an invented oficio with *letterhead*, drawn as every document is; nothing is written."""
    today = now().astimezone(office.settings.zone).date()
    own = find_pattern(session, dependencia, DocumentType.OFICIO)
    pattern, kind = (own.pattern, own.document_type) if own else (office.settings.number_pattern, "")
    head = next(iter(heads_near(session, dependencia)), None)
    signer = {"name": head.person.name, "post": post_of(head)} if head else {"name": "", "post": ""}
    place = place_of(office, letterhead)
    code = say("letterheads.sample.code")
    images = {"image:qr": qr_of(code)} | ({"image:logo": logo} if logo else {})
    html = render(
        "letters/document.html",
        institution=office.settings.institution,
        dependencia=dependencia.name,
        slogan=letterhead.slogan,
        footer=letterhead.footer,
        has_logo=bool(logo),
        type=DocumentType.OFICIO.value,
        folio=next_number(session, office, dependencia, pattern, kind),
        is_draft=False,
        subject=say("letterheads.sample.subject"),
        place=place,
        date=long_date(today),
        written_on="",
        recipients=[{"name": say("letterheads.sample.name"), "post": say("letterheads.sample.post"),
                     "institution": ""}],
        copies=[],
        body=Markup(clean(say("letterheads.sample.body"))),
        signers=[{**signer, "absent": "", "absent_post": "", "how": ""}],
        files=[],
        code=code,
        address=say("letterheads.sample.address"),
    )  # fmt: skip
    return html_to_archive(html, images)
