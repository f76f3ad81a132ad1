"""On the page of a case: what the learnt model proposes, accepted with one key and refused with another."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from flask import Flask, flash, redirect, request, url_for
from flask_admin import Admin
from werkzeug.wrappers import Response

from admin import frame
from admin.db import office, session, writing
from admin.views.case import get_case, list_arguments
from intake.errors import DeskError
from intake.learning.learning import first_texts
from intake.learning.proposing import accept, find_proposed, refuse
from models.case import Case
from models.search import fold
from models.workflow import NotAllowed, Who
from templates import say

# Of the text in which the words are shown.
_EXCERPT = 220
_WORD = re.compile(r"[^\W_]+")


@dataclass(frozen=True, slots=True)
class Line:
    """One thing proposed, as it is read."""

    name: str
    value: str
    percent: int


@dataclass(frozen=True, slots=True)
class Suggested:
    """The proposal as the page has it; *pieces* of the text, with whether each decided."""

    lines: Sequence[Line]
    pieces: Sequence[tuple[str, bool]]
    cases: int


def suggested(case: Case, stands: Collection[Who]) -> Suggested | None:
    """What is proposed for *case* to this account, if anything still is."""
    read = session()
    found = find_proposed(read, office(), case, stands)
    if found is None:
        return None
    row, lines = found.row, []
    if found.service is not None:
        lines.append(Line("service", found.service.name, _percent(row.service_confidence)))
    if found.dependencia is not None:
        lines.append(Line("dependencia", found.dependencia.name, _percent(row.dependencia_confidence)))
    if found.priority is not None:
        priority = say(f"panel.priority.{found.priority.value}")
        lines.append(Line("priority", priority, _percent(row.priority_confidence)))
    text = f"{case.subject} — {first_texts(read, [case.id]).get(case.id, '')}"
    return Suggested(lines, highlight(" ".join(text.split()), row.words), row.model.cases)


def _percent(confidence: float) -> int:
    # Never more than was measured.
    return int(confidence * 100)


def highlight(text: str, words: Sequence[str]) -> list[tuple[str, bool]]:
    """*text* around the first of *words*, in pieces that decided and pieces that did not."""
    wanted = {fold(word) for word in words}
    found = [one for one in _WORD.finditer(text) if fold(one[0]) in wanted]
    if not found:
        return []
    begin = 0 if found[0].start() < _EXCERPT // 2 else text.rfind(" ", 0, found[0].start() - 40) + 1
    end = begin + _EXCERPT
    pieces: list[tuple[str, bool]] = [("…", False)] if begin else []
    at = begin
    for one in found:
        if one.end() > end:
            break
        pieces += [(text[at : one.start()], False), (one[0], True)]
        at = one.end()
    rest = text[at:end]
    cut = f"{rest.rpartition(' ')[0]} …" if end < len(text) else rest
    return [(piece, decides) for piece, decides in [*pieces, (cut, False)] if piece]


def decide(case_id: int) -> Response:
    """Accept or refuse."""
    account = frame.find_account()
    if account is None or account.role not in frame.READING:
        return frame.turn_away()
    is_accepted = request.form.get("decision") == "accept"
    try:
        with writing() as write:
            verb = accept if is_accepted else refuse
            verb(write, office(), get_case(write, case_id), account)
    except DeskError as error:
        flash(str(error), "error")
    except NotAllowed:
        flash(say("error.suggestion_gone"), "error")
    else:
        flash(say("learning.accepted" if is_accepted else "learning.refused"), "success")
    return redirect(url_for("case.show", case_id=case_id, **list_arguments()))


def register(app: Flask, admin: Admin) -> None:
    """Add the action; the case page asks `suggested(case)` for what it shows."""
    app.add_url_rule("/admin/casos/<int:case_id>/propuesta", "suggestion.decide", decide, methods=["POST"])
    app.jinja_env.globals.update(suggested=suggested)
