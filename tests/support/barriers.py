"""axe-core on a page of the browser: what keeps people from using it (WCAG 2.2, A and AA)."""

from __future__ import annotations

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

# A letter's frame runs no script, so that axe would wait a minute for its answer.
_RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"], "iframes": False}


def barriers(page: Page) -> list[str]:
    """Each violation on *page* as it is now: the rule, and where."""
    found = Axe().run(page, options=_RULES).response["violations"]
    return [
        f"{one['id']}: {node['target']} {node['failureSummary']}" for one in found for node in one["nodes"]
    ]
