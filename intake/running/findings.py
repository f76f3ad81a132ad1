"""What `oficialia check` finds, and how it is read: a line per finding, or a table of all settings."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from enum import StrEnum

from pydantic import SecretStr
from rich.console import Console
from rich.markup import escape

from intake.config import Settings
from intake.running.terminal import print_json
from templates import language, say

_PASSWORD = re.compile(r"(://[^:/@\s]*):[^@\s]*@")


class Level(StrEnum):
    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True)
class Finding:
    """What one test found, in a sentence, and how to mend it when it is not well."""

    name: str
    level: Level
    found: str
    fix: str = ""


def well(name: str, key: str, /, **values: str | int) -> Finding:
    return Finding(name, Level.OK, say(f"cli.check.found.{key}", **values))


def bad(level: Level, name: str, found: str, fix: str, /, **values: str | int) -> Finding:
    return Finding(name, level, found, say(f"cli.check.fix.{fix}", **values))


_COLOR = {Level.OK: "green", Level.WARN: "yellow", Level.FAIL: "red"}


def print_findings(findings: Iterable[Finding], *, in_json: bool) -> bool:
    """Print each as it comes; True when none of them is a failure."""
    # soft_wrap: a line of a program's output is not broken at the width of a terminal it has not.
    console = Console(soft_wrap=True, highlight=False)
    is_well = True
    for each in findings:
        is_well = is_well and each.level != Level.FAIL
        if in_json:
            print_json(asdict(each))
            continue
        level = f"[{_COLOR[each.level]}]{say(f'cli.check.{each.level}'):<6}[/]"
        console.print(f"{level} {say(f'cli.check.name.{each.name}')}: {escape(each.found)}")
        if each.fix:
            console.print(f"       → {escape(each.fix)}")
    return is_well


def print_settings(settings: Settings, *, in_json: bool) -> None:
    """All settings with value, default and reason; secrets stay hidden."""
    console = Console(soft_wrap=True, highlight=False)
    for name, field in Settings.model_fields.items():
        value, default = _shown(getattr(settings, name)), _shown(field.default)
        line = {"name": f"OFICIALIA_{name.upper()}", "value": value, "default": default}
        line["reason"] = _reason(name, field.description or "")
        if in_json:
            print_json(line)
            continue
        console.print(f"[bold]{line['name']}[/]={escape(value)}")
        changed = "" if value == default else " " + say("cli.settings.default", value=default or '""')
        console.print(f"    {escape(line['reason'] + changed)}")


def _reason(name: str, description: str) -> str:
    # The descriptions in the code are the English labels.
    key = f"setting.{name}"
    translated = key if language.get() == "en" else say(key)
    return description if translated == key else translated


def _shown(value: object) -> str:
    if isinstance(value, SecretStr):
        return say("cli.settings.secret") if value.get_secret_value() else ""
    if isinstance(value, tuple):
        return " ".join(_shown(each) for each in value)
    return without_passwords(str(value))


def without_passwords(text: str) -> str:
    """*text* with the password of every address in it hidden."""
    return _PASSWORD.sub(r"\1:…@", text)
