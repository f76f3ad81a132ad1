"""Which files are a logo."""

from __future__ import annotations

import io

import pytest
from PIL import Image

from intake.errors import InvalidInput
from intake.issued import letterheads


def picture(kind: str, mode: str = "RGB") -> bytes:
    made = io.BytesIO()
    Image.new(mode, (1600, 400)).save(made, kind)
    return made.getvalue()


SVG = '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><rect width="9" height="9"{}/>{}</svg>'


def test_a_logo_is_known_by_its_content_and_kept_as_a_picture_that_a_page_can_show() -> None:
    for name, content in (("a.png", picture("PNG", "RGBA")), ("a.txt", picture("JPEG", "CMYK"))):
        kept, kind = letterheads.check_logo(name, content)
        assert kind == "image/png" and Image.open(io.BytesIO(kept)).size == (1200, 300)
    assert letterheads.check_logo("a.svg", SVG.format(' fill="#6b1d3a"', "").encode())[1] == "image/svg+xml"


@pytest.mark.parametrize(
    "content",
    [
        b"%PDF-1.7 not a picture",
        picture("GIF"),
        picture("PNG")[:200],
        SVG.format("", "<script>alert(1)</script>").encode(),
        SVG.format("", '<image href="http://x.example/a.png"/>').encode(),
        SVG.format(' fill="url(http://x.example/#a)"', "").encode(),
        b"<svg xmlns='http://www.w3.org/2000/svg'><rect>",
    ],
)
def test_what_is_no_picture_or_leads_elsewhere_is_no_logo(content: bytes) -> None:
    with pytest.raises(InvalidInput) as refusal:
        letterheads.check_logo("logo.png", content)
    assert refusal.value.key == "logo_type"
