"""Debian's Chromium, driven by Playwright, as a clerk in Mexico has it."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

WIDTHS = {"escritorio": 1280, "telefono": 390}
ARGUMENTS = [
    "--no-sandbox",  # Chromium refuses to run as root with it
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    # It is to speak with the server under test, and with nobody else.
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@contextmanager
def chromium() -> Iterator[Browser]:
    """Start the browser.

    Not for a whole test session: while it runs, nothing else in this thread may use asyncio.
    """
    # Without a window around each page, and a profile behind it, it takes half the processor's time.
    executable = shutil.which("chromium-headless-shell") or shutil.which("chromium")
    if not executable:
        raise AssertionError("Chromium is missing: apt-get install chromium-headless-shell")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=ARGUMENTS)
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def clerks_window(browser: Browser, base_url: str = "", *, scripts: bool = True) -> Iterator[BrowserContext]:
    """A window with cookies of its own; two of them are two people."""
    context = browser.new_context(
        base_url=base_url or None,
        java_script_enabled=scripts,
        locale="es-MX",
        timezone_id="America/Mexico_City",
        viewport={"width": WIDTHS["escritorio"], "height": 800},
    )
    context.set_default_timeout(15_000)
    try:
        yield context
    finally:
        for page in context.pages:
            # A request that is held at this moment would fail whichever test runs next.
            page.unroute_all(behavior="ignoreErrors")
        context.close()


def draw_no_pdf(page: Page) -> None:
    """Chromium's viewer takes a second of every page; that there is a PDF is for tests of the PDF.

    Not by page.route, with which each page fetches and compiles all scripts anew.
    """
    debugger = page.context.new_cdp_session(page)
    debugger.send("Network.enable")
    debugger.send("Network.setBlockedURLs", {"urls": ["*/pdf*"]})


def photograph(page: Page, name: str) -> list[Path]:
    """Keep the page as it looks on a desk and on a phone, if OFICIALIA_SCREENSHOTS names a folder."""
    folder = os.environ.get("OFICIALIA_SCREENSHOTS")
    if not folder:
        return []
    Path(folder).mkdir(parents=True, exist_ok=True)
    before = page.viewport_size
    taken = []
    for device, width in WIDTHS.items():
        page.set_viewport_size({"width": width, "height": 800})
        taken.append(Path(folder) / f"{name}-{device}.png")
        page.screenshot(path=taken[-1], full_page=True)
    if before:
        page.set_viewport_size(before)
    return taken


def must_fit(page: Page) -> None:
    """Nothing hangs over the edge, once styles and scripts have drawn the page at its width."""
    page.wait_for_function("document.documentElement.scrollWidth <= innerWidth")


def must_fit_a_phone(page: Page) -> None:
    """The same at the width of a telephone, whatever the page has now."""
    before = page.viewport_size
    page.set_viewport_size({"width": WIDTHS["telefono"], "height": 800})
    must_fit(page)
    if before:
        page.set_viewport_size(before)
