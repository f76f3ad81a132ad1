"""A person without a mouse: goes from one thing to the next with Tab, and has to see where they are."""

from __future__ import annotations

from playwright.sync_api import Locator, Page, expect

from models.person import Account
from tests.support.panel import PASSWORD

# Of a page with a long menu; whoever is not there by then does not get there.
_LIMIT = 150
# An outline or a shadow, of what has the focus or of the label that stands for it.
_IS_SEEN = """one => [one, one.parentElement, one.closest("label, .btn, .drop")].some((each) => {
  const style = each && getComputedStyle(each);
  return style && ((style.outlineStyle !== "none" && parseFloat(style.outlineWidth) > 0)
                   || style.boxShadow !== "none");
})"""


class Keyboard:
    """The keys of one page, and nothing else."""

    def __init__(self, page: Page) -> None:
        self.page = page

    def press(self, *keys: str) -> None:
        for key in keys:
            self.page.keyboard.press(key)

    def type(self, words: str) -> None:
        self.page.keyboard.type(words)

    def go_to(self, goal: Locator) -> None:
        """Tab by Tab until *goal* has the focus, which has to be seen."""
        expect(goal).to_be_visible()
        for _ in range(_LIMIT):
            if goal.evaluate("one => one === document.activeElement"):
                assert goal.evaluate(_IS_SEEN), f"Nobody sees that the focus is on {goal}"
                return
            self.press("Tab")
        raise AssertionError(f"Tab does not lead to {goal}")

    def fill(self, goal: Locator, words: str) -> None:
        self.go_to(goal)
        self.type(words)

    def press_on(self, goal: Locator, key: str = "Enter") -> None:
        self.go_to(goal)
        self.press(key)

    def log_in(self, address: str, account: Account) -> None:
        self.page.goto(f"{address}/entrar")
        self.fill(self.page.get_by_label("Correo o nombre de usuario"), account.person.email or "")
        self.fill(self.page.get_by_label("Contraseña"), PASSWORD)
        self.press("Enter")
        self.page.wait_for_url("**/admin/**")
