"""Every page of the application, found by asking: each rule of its addresses that somebody may open.

Who may open what stands in who_may_open.toml. What is no page says so by what it answers: a file, a
redirection. A rule of which nobody gets to see anything is told, so that no new page is left out.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cache
from html import unescape
from pathlib import Path
from urllib.parse import urlsplit

from flask.testing import FlaskClient
from werkzeug.exceptions import HTTPException
from werkzeug.routing import Rule

from tests.support import matrix
from tests.support.furnished import Furnished

TABLE = Path(matrix.__file__).with_name("who_may_open.toml")
# Who is asked first, where several may open it: whoever works with it, and not who only configures.
_FIRST = ("nobody", "citizen", "worker", "head", "oficialia", "digitizer", "dispatch_manager", "courier")
# Flask-Admin's, which our catalogues switch off (admin.views.catalogue), and files as they lie in folders.
_NO_PAGES = re.compile(r"\.(ajax_lookup|details_view|export|static)$|^static$")
# By these parts of an address one rule is several pages.
_VARIES = frozenset({"action", "verb"})
_LINK = re.compile(r'\bhref="(/[^"#]*)')


@dataclass(frozen=True)
class Shown:
    """A page, or a piece of one that scripts put into it."""

    who: str
    path: str
    html: str
    is_piece: bool


@dataclass
class EveryPage:
    """The pages of one part of the application, and what kept the others from being seen."""

    town: Furnished
    unseen: list[str] = field(default_factory=list)
    _clients: dict[str, FlaskClient] = field(default_factory=dict)

    def find(self, part: int, parts: int) -> Iterator[Shown]:
        """The pages of every *parts*th family of addresses, each with those that it leads to."""
        rules = [one for one in self.town.app.url_map.iter_rules() if "GET" in (one.methods or ())]
        families = sorted({_family(one.rule) for one in rules})[part::parts]
        for family in families:
            yield from self._of([one for one in rules if _family(one.rule) == family])

    def _of(self, rules: list[Rule]) -> Iterator[Shown]:
        """Those of one family, and what their links make of a rule that is several pages."""
        known: set[object] = set()
        waiting = [
            (self._address(rule), _audience(rule))
            for rule in sorted(rules, key=lambda one: one.rule)
            if not _NO_PAGES.search(rule.endpoint)
        ]
        while waiting:
            path, audience = waiting.pop(0)
            if (key := self._key(path)) in known:
                continue
            known.add(key)
            if shown := self._ask(path, audience):
                yield shown
                links = (unescape(one) for one in _LINK.findall(shown.html))
                waiting += [(one, [shown.who]) for one in links if self._is_among(rules, one)]

    def _ask(self, path: str, audience: list[str]) -> Shown | None:
        """What the first of *audience* who gets to see something sees; None when it is no page."""
        said: dict[str, str] = {}
        for who in audience:
            client = self._clients.setdefault(who, self.town.client(who))
            # In another thread: pyHanko wants asyncio, which a browser holds in this one.
            with ThreadPoolExecutor(1) as thread:
                answer = thread.submit(client.get, path).result()
            # What others wrote is shown in a frame of its own, in which no script runs: not even axe.
            if answer.mimetype != "text/html" or "sandbox" in answer.headers["Content-Security-Policy"]:
                return None
            if answer.status_code == 200:
                return Shown(who, path, answer.text, "<html" not in answer.text)
            goes = answer.headers.get("Location", "")
            if goes and not re.search(r"/(entrar|admin/cuenta/)(\?|$)", goes):
                return None
            said[who] = f"{answer.status_code} {goes}"
        self.unseen.append(f"{path} shows nobody anything: {said}")
        return None

    def _address(self, rule: Rule) -> str:
        """With an example for each of its parts, from the samples of the office."""
        values = {name: matrix.plain(rule, name) for name in rule.arguments}
        for beginning in sorted(self.town.samples, key=len):
            if rule.rule.startswith(beginning):
                values |= {k: v for k, v in self.town.samples[beginning].items() if k in rule.arguments}
        values |= self.town.queries.get(rule.rule, {})
        return self.town.app.url_map.bind("localhost").build(rule.endpoint, values, method="GET")

    def _key(self, path: str) -> object:
        rule, values = self._match(path)
        return rule and (rule.rule, *(str(values[name]) for name in sorted(_VARIES & values.keys())))

    def _is_among(self, rules: list[Rule], path: str) -> bool:
        found, values = self._match(path)
        return found in rules and not _VARIES.isdisjoint(values)

    def _match(self, path: str) -> tuple[Rule | None, Mapping[str, object]]:
        try:
            return self.town.app.url_map.bind("localhost").match(
                urlsplit(path).path, method="GET", return_rule=True
            )
        except HTTPException:
            return None, {}


def _family(rule: str) -> str:
    """`/admin/casos` of `/admin/casos/<int:case_id>/historial`."""
    return "/".join(rule.split("/")[:3])


def _audience(rule: Rule) -> list[str]:
    """Who may open it, the one first whose page it is."""
    names = _audiences().get(f"GET {rule.rule}", list(matrix.IDENTITIES))
    return sorted(names, key=lambda one: _FIRST.index(one) if one in _FIRST else len(_FIRST))


@cache
def _audiences() -> dict[str, list[str]]:
    tables = tomllib.loads(TABLE.read_text(encoding="utf-8")).values()
    return {
        rule: list(matrix.IDENTITIES) if one["who"] == ["anybody"] else one["who"]
        for one in tables for rule in one["rules"]
    }  # fmt: skip
