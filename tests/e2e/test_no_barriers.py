"""The most used pages of panel and portal: no barrier (WCAG 2.2 A and AA), none wider than a phone."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page

from tests.support.barriers import barriers
from tests.support.browser import WIDTHS, clerks_window
from tests.support.documents_panel import DocumentOffice
from tests.support.mails import make_mail
from tests.support.panel import arrive

pytestmark = pytest.mark.browser
PHONE, DESK = WIDTHS["telefono"], WIDTHS["escritorio"]
# Whose page, and where; `{case}` is a ticket, `{draft}` a document in writing.
PAGES = (
    ("head", "/admin/"),
    ("head", "/admin/casos/{case}"),
    ("head", "/admin/casos/{case}/pedir/assign"),
    ("head", "/admin/casos/{case}/pedir/change_priority"),
    ("head", "/admin/tablero/"),
    ("head", "/admin/tablero-de-indicadores/"),
    ("worker", "/admin/redactar/{draft}"),
    ("worker", "/admin/documentos/{draft}"),
    ("worker", "/admin/expedientes/"),
    ("oficialia", "/admin/asunto/"),
    ("oficialia", "/admin/registrar/"),
    ("oficialia", "/admin/digitalizar/"),
    ("oficialia", "/admin/seguimiento/"),
    ("oficialia", "/admin/libro/"),
    ("oficialia", "/admin/retenidos/"),
    ("admin", "/admin/personas/nuevo"),
    ("admin", "/admin/servicios/editar?id=1"),
    ("admin", "/admin/reglas/nueva"),
    ("worker", "/solicitudes"),
    ("worker", "/solicitudes/nueva"),
    ("worker", "/perfil"),
    ("", "/"),
    ("", "/entrar"),
    ("", "/servicios"),
    ("", "/ayuda"),
)


def test_the_most_used_pages_have_no_barrier_and_none_is_wider_than_a_phone(desk: DocumentOffice) -> None:
    numbers = {
        "case": arrive(desk.office, make_mail("Ana <ana@correo.example>", subject="No prende")),
        "draft": desk.draft("Se solicita apoyo"),
    }
    visitor = desk.windows.enter_context(clerks_window(desk.browser, desk.address)).new_page()
    tabs = {"": visitor}
    found = []
    for who, address in PAGES:
        if who not in tabs:
            tabs[who] = desk.enter(who, "/admin/cuenta/")
        page, path = tabs[who], address.format(**numbers)
        answer = page.goto(path)
        assert answer is not None and answer.status == 200, f"{who} {path}"
        found += [f"{path} {one}" for one in [*barriers(page), *_too_wide(page)]]
    assert found == []


def _too_wide(page: Page) -> list[str]:
    """Whether one has to scroll sideways, and what is out of sight."""
    seen = []
    for width in (DESK, PHONE):
        page.set_viewport_size({"width": width, "height": 800})
        if page.evaluate("document.documentElement.scrollWidth > innerWidth"):
            seen.append(f"is wider than {width}")
    page.set_viewport_size({"width": DESK, "height": 800})
    return seen
