"""axe-core on a page of the browser: what keeps people from using it (WCAG 2.2, A and AA)."""

from __future__ import annotations

from pathlib import Path

import axe_playwright_python
from playwright.sync_api import Page

from tests.support.browser import WIDTHS

_AXE = (Path(axe_playwright_python.__file__).parent / "axe.min.js").read_text(encoding="utf-8")
_LEVELS = {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]}
# Only what is wrong comes back: the list of what is right is megabytes long.
_RUN = """async ([root, only, known]) => {
  // A letter's frame runs no script, so that axe would wait a minute for its answer.
  const options = {runOnly: only, iframes: false, resultTypes: ["violations"], elementRef: false};
  const about = known && document.querySelector(known)
    ? {include: [[root]], exclude: [[known]]} : document.querySelector(root);
  const found = await axe.run(about, options);
  return found.violations.flatMap((one) => one.nodes.map(
    (node) => `${one.id}: ${node.target} ${node.html.slice(0, 120)} ${node.failureSummary}`));
}"""

# axe passes over what stands in an empty field (WCAG 1.4.3 does not).
_FAINT = """(root) => {
  const light = (colour) => colour.match(/[\\d.]+/g).slice(0, 3).map((part) => part / 255)
    .map((part) => part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4)
    .reduce((sum, part, at) => sum + part * [0.2126, 0.7152, 0.0722][at], 0.05);
  const ground = (one) => {
    const own = getComputedStyle(one).backgroundColor;
    return own === "rgba(0, 0, 0, 0)" && one.parentElement ? ground(one.parentElement) : own;
  };
  return [...document.querySelector(root).querySelectorAll("[placeholder]")]
    .map((one) => [one, light(getComputedStyle(one, "::placeholder").color), light(ground(one))])
    .filter(([, words, behind]) => Math.max(words, behind) / Math.min(words, behind) < 4.5)
    .map(([one]) => `placeholder-contrast: ${one.outerHTML.slice(0, 120)}`);
}"""


def barriers(page: Page, root: str = "html", known: str = "") -> list[str]:
    """Each violation on *page* as it is now, or in what *root* chooses: the rule, where, and why.

    *known* chooses what was looked at before.
    """
    # By the debugger, whom the page's own policy does not bind.
    if not page.evaluate("typeof axe === 'object'"):
        page.evaluate(_AXE)
    found: list[str] = page.evaluate(_RUN, [root, _LEVELS, known])
    faint: list[str] = page.evaluate(_FAINT, root)
    return found + faint


def barriers_at_both_widths(page: Page, known: str = "") -> list[str]:
    """The same on a desk, and on a phone with all unfolded; and where one has to scroll sideways."""
    found = []
    for width in (WIDTHS["escritorio"], WIDTHS["telefono"]):
        page.set_viewport_size({"width": width, "height": 800})
        if page.evaluate("document.documentElement.scrollWidth > innerWidth"):
            found.append(f"is wider than {width}")
        if width == WIDTHS["telefono"]:
            page.evaluate("for (const one of document.querySelectorAll('details')) one.open = true")
        found += [f"at {width} {one}" for one in barriers(page, known=known)]
    return found
