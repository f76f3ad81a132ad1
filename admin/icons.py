"""Icons drawn into the page, so that they take the colour of their text (Tabler, MIT, `static/icons`)."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from markupsafe import Markup

FOLDER = Path(__file__).parent / "static" / "icons"


@cache
def icon(name: str) -> Markup:
    """The drawing *name*, hidden from screen readers: what it means is said by the text beside it."""
    drawing = (FOLDER / f"{name}.svg").read_text(encoding="utf-8").strip()
    return Markup(drawing.replace("<svg ", '<svg class="icon" aria-hidden="true" focusable="false" ', 1))
