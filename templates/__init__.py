"""Every word a person reads: one Jinja environment (StrictUndefined) and the labels per language.

`say("error.unknown_recipient", address=…)` gives a sentence from `labels/<language>.toml`;
`render("email/acuse/text.j2", …)` a whole text. A missing label is an error in tests, its key in production.
"""

from __future__ import annotations

import tomllib
from contextvars import ContextVar
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

FOLDER = Path(__file__).parent
LANGUAGES = ("es", "en")
# The language of the person being served; each door sets it.
language: ContextVar[str] = ContextVar("language", default="es")


@cache
def labels(code: str) -> dict[str, str]:
    """All labels of a language as `section.key` → text. Files: `labels/<code>/*.toml`."""
    found: dict[str, str] = {}
    for path in sorted((FOLDER / "labels" / code).glob("*.toml")):
        _flatten("", tomllib.loads(path.read_text(encoding="utf-8")), found)
    return found


def _flatten(prefix: str, table: dict[str, Any], found: dict[str, str]) -> None:
    for key, value in table.items():
        if isinstance(value, dict):
            _flatten(f"{prefix}{key}.", value, found)
        else:
            found[prefix + key] = str(value)


def say(key: str, /, **values: Any) -> str:
    """The sentence for *key* in the current language, else in Spanish, else the key itself."""
    text = labels(language.get()).get(key) or labels("es").get(key)
    if text is None:
        return key
    return text.format_map(values) if values else text


@cache
def environment() -> Environment:
    """The one Jinja environment; HTML templates escape, texts do not."""
    found = Environment(
        loader=FileSystemLoader(FOLDER),
        undefined=StrictUndefined,
        autoescape=select_autoescape(enabled_extensions=("html",)),
        trim_blocks=True,
        lstrip_blocks=True,
        # Or each notice would look at the disk for each of its templates.
        auto_reload=False,
    )
    found.globals["say"] = say
    return found


def render(name: str, /, **values: Any) -> str:
    """The template *name* (path under `templates/`) filled with *values*."""
    return environment().get_template(name).render(**values)
