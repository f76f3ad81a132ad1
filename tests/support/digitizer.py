"""What the worker role does with scans, done at once while a browser waits."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from playwright.sync_api import FilePayload, Page

from intake.digitizing import scan_jobs
from intake.office import Office
from tests.support.documents_panel import DocumentOffice


def upload(page: Page, *files: tuple[str, str, bytes]) -> None:
    """On *Digitalizar*: files as (name, type, content)."""
    page.get_by_label("Archivos PDF, TIFF, JPG o PNG").set_input_files(
        [FilePayload(name=name, mimeType=kind, buffer=content) for name, kind, content in files]
    )
    page.get_by_role("button", name="Subir").click()


def look_through(desk: DocumentOffice) -> None:
    """The worker opens what was uploaded, and finds the labels."""
    with ThreadPoolExecutor(1) as thread:
        thread.submit(scan_jobs.look_through, _eager(desk), threading.Event()).result()


def read_pages(desk: DocumentOffice) -> None:
    """The worker reads what was filed."""
    with ThreadPoolExecutor(1) as thread:
        thread.submit(scan_jobs.read_pages, _eager(desk), threading.Event()).result()


def _eager(desk: DocumentOffice) -> Office:
    """The office, with a reader that gives way to nobody: beside other tests it would never end."""
    return replace(desk.office, settings=desk.office.settings.model_copy(update={"scan_nice": 0}))
