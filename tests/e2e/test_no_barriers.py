"""Every page of portal and panel, on a desk and on a phone: no barrier (WCAG 2.2 A and AA), nothing cut off.

The pages come from the application itself, so that a new one is looked at without being named here.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.support.barriers import barriers, barriers_at_both_widths
from tests.support.browser import WIDTHS, clerks_window, draw_no_pdf
from tests.support.every_page import EveryPage
from tests.support.furnished import Furnished, furnished
from tests.support.panel import served_panel

pytestmark = pytest.mark.browser
PARTS = 3
FRAME = "aside.rail"
PHONE = {"width": WIDTHS["telefono"], "height": 800}
# Forms that are sent as they are, and what keeps them from being taken.
REFUSED = (
    ("nobody", "/entrar"),
    ("nobody", "/crear-cuenta"),
    ("nobody", "/recuperar"),
    ("citizen", "/solicitudes/nueva"),
    ("oficialia", "/admin/registrar/"),
    ("oficialia", "/admin/asunto/"),
    ("administrator", "/admin/personas/nuevo"),
    ("administrator", "/admin/servicios/nuevo"),
    ("administrator", "/admin/reglas/nueva"),
    ("dispatch_manager", "/admin/zonas/nuevo"),
    ("worker", "/admin/casos/{case_id}/pedir/assign"),
)
# What finds nothing, and what is not there or not theirs.
EMPTY = (
    ("worker", "/admin/?q=nadaqueexista"),
    ("worker", "/admin/tablero/?asunto=nadaqueexista"),
    ("worker", "/admin/directorio/?q=nadaqueexista"),
    ("reviewer", "/admin/seguimiento/"),
    ("stranger", "/solicitudes"),
    ("nobody", "/ayuda?q=nadaqueexista"),
    ("nobody", "/verificar/nadaqueexista"),
    ("nobody", "/nadaqueexista"),
    ("worker", "/admin/casos/999999"),
    ("worker", "/admin/personas/"),
)

# All kinds of pages, as people see them who prefer dark colours; the others are made of the same pieces.
DARK = (
    ("worker", "/admin/casos/{case_id}"),
    ("worker", "/admin/tablero/"),
    ("worker", "/admin/redactar/"),
    ("worker", "/admin/procesos/"),
    ("worker", "/admin/mantenimiento/"),
    ("administrator", "/admin/tablero-de-indicadores/"),
    ("dispatch_manager", "/admin/mensajeria/"),
    ("courier", "/admin/mensajero/"),
    ("citizen", "/solicitudes"),
    ("nobody", "/entrar"),
)


@dataclass
class Visit:
    """The office, and a tab of everybody who was asked to open something."""

    town: Furnished
    address: str
    browser: Browser
    windows: ExitStack
    tabs: dict[str, Page] = field(default_factory=dict)
    errors: list[str] = field(default_factory=list)
    # Whose frame was looked at, which is the larger half of each page of the panel.
    framed: set[str] = field(default_factory=set)

    def barriers(self, who: str) -> list[str]:
        """On the page that *who* sees, at both widths; in its frame, the same on all, only on the first."""
        page, known = self.tab(who), FRAME if who in self.framed else ""
        if page.locator(FRAME).count():
            self.framed.add(who)
        return barriers_at_both_widths(page, known)

    def tab(self, who: str) -> Page:
        """Where *who* is inside already, unless nobody."""
        if who not in self.tabs:
            window = self.windows.enter_context(clerks_window(self.browser, self.address))
            name = self.town.app.config["SESSION_COOKIE_NAME"]
            if cookie := self.town.client(who).get_cookie(name):
                window.add_cookies([{"name": name, "value": cookie.value, "url": self.address}])
            page = self.tabs[who] = window.new_page()
            draw_no_pdf(page)
            page.on("pageerror", lambda error: self.errors.append(f"{page.url} {error}"))
        return self.tabs[who]


@pytest.fixture(scope="module")
def office(migrated_sqlite: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Furnished]:
    with furnished(tmp_path_factory.mktemp("furnished"), migrated_sqlite) as town:
        yield town


@pytest.fixture
def visit(office: Furnished, browser: Browser) -> Iterator[Visit]:
    with served_panel(office.office) as address, ExitStack() as windows:
        yield Visit(office, address, browser, windows)


@pytest.mark.timeout(600)
# In parts, so that several can look at the same time.
@pytest.mark.parametrize("part", range(PARTS))
def test_no_page_has_a_barrier_or_is_wider_than_a_phone(visit: Visit, part: int) -> None:
    every, found = EveryPage(visit.town), []
    for shown in every.find(part, PARTS):
        page = visit.tab(shown.who)
        if shown.is_piece:
            found += [f"{shown.who} {shown.path} {one}" for one in _barriers_of_piece(page, shown.html)]
            continue
        answer = page.goto(shown.path)
        assert answer is not None and answer.status == 200, f"{shown.who} {shown.path}"
        found += [f"{shown.who} {shown.path} {one}" for one in visit.barriers(shown.who)]
    assert not every.unseen, "Give tests.support.furnished an example of:\n" + "\n".join(every.unseen)
    assert not found, "\n".join(found)
    assert not visit.errors, "\n".join(visit.errors)


def _barriers_of_piece(page: Page, html: str) -> list[str]:
    """Of what a script puts into a page, as if it had put it into the last one."""
    if page.url == "about:blank":
        page.goto("/verificar")
    page.evaluate("html => { document.querySelector('main').innerHTML = html }", html)
    return barriers(page, "main")


def test_what_is_refused_or_empty_or_not_there_is_said_without_a_barrier(visit: Visit) -> None:
    found, case = [], visit.town.samples["/admin/casos/"]
    for who, path in REFUSED:
        page, path = visit.tab(who), path.format(**case)
        page.goto(path)
        with page.expect_navigation():
            page.locator("main form[method=post]").last.evaluate(
                "form => { form.noValidate = true; form.requestSubmit() }"
            )
        expect(page.locator("[role=alert], [role=status] p, [aria-invalid=true]").first).to_be_visible()
        found += [f"{who} {path}, refused: {one}" for one in visit.barriers(who)]
    for who, path in EMPTY:
        visit.tab(who).goto(path)
        found += [f"{who} {path}: {one}" for one in visit.barriers(who)]
    assert not found, "\n".join(found)


def test_dark_colours_are_no_barrier(visit: Visit) -> None:
    found, case = [], visit.town.samples["/admin/casos/"]
    for who, path in DARK:
        page, path = visit.tab(who), path.format(**case)
        page.emulate_media(color_scheme="dark")
        page.goto(path)
        assert page.evaluate("getComputedStyle(document.body).color") == "rgb(231, 236, 242)", path
        page.evaluate("for (const one of document.querySelectorAll('details')) one.open = true")
        found += [f"{who} {path} {one}" for one in barriers(page)]
    assert not found, "\n".join(found)


def test_what_opens_over_a_page_has_no_barrier(visit: Visit) -> None:
    page, case = visit.tab("worker"), visit.town.samples["/admin/casos/"]["case_id"]
    page.goto(f"/admin/casos/{case}")
    page.keyboard.press("?")
    expect(page.get_by_role("dialog")).to_be_visible()
    assert barriers_at_both_widths(page) == []
    page.keyboard.press("Escape")
    page.set_viewport_size({"width": WIDTHS["escritorio"], "height": 800})
    page.keyboard.press("t")
    expect(page.get_by_role("dialog")).to_be_visible()
    assert barriers_at_both_widths(page) == []
