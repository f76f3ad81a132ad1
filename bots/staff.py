"""Clerks in chat as one pure table: state × input → what waits, replies, acts.

A reply to any message of the bot about a case is held until who wrote it taps what is to become of it.
Everything works alike in the private chat of a linked person and in the group of a dependencia; what
each may do says `models.workflow`. Talk that replies to nothing never gets here. `bots/README.md` draws it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import TypeAdapter, ValidationError

from bots import staff_cases as cases
from bots import staff_door as door
from bots import staff_drafts as drafts
from bots.dialog_terms import Input, Kind
from bots.staff_terms import Draft, Facts, Handler, Memory, Situation, State, Step

# Words that nobody confirmed are kept so long.
KEPT_SECONDS = 7 * 86_400
# Every button of a clerk begins with it; the citizen's have other verbs.
PREFIX = "st:"
COMMANDS = ("pendientes", "nota")
ANY = frozenset(State)
_OF_DRAFT = frozenset({"send", "resolve", "note", "discard"})


@dataclass(frozen=True, slots=True)
class Row:
    """In one of `sources`, `on` is decided by `do`, and the person is then in one of `targets`.

    `on`: "stranger" (whatever somebody unknown does), "another" (a tap below a colleague's words), "reply",
    "edit", "/command", "tap:verb", or "/*" and "tap:*" for those without a row.
    """

    sources: frozenset[State]
    on: str
    do: Handler
    # Empty: the state stays.
    targets: frozenset[State] = frozenset()


def _row(sources: Collection[State], on: str, do: Handler, targets: Collection[State] = ()) -> Row:
    return Row(frozenset(sources), on, do, frozenset(targets))


S = State
_CONFIRMING = frozenset({S.CONFIRMING})

TABLE: tuple[Row, ...] = (
    # Answering.
    _row({S.IDLE}, "reply", drafts.hold, ANY),
    _row(_CONFIRMING, "reply", drafts.hold),
    _row(_CONFIRMING, "edit", drafts.correct),
    _row({S.IDLE}, "edit", drafts.too_late),
    _row(_CONFIRMING, "tap:send", drafts.send, ANY),
    _row(_CONFIRMING, "tap:resolve", drafts.resolve, ANY),
    _row(_CONFIRMING, "tap:note", drafts.keep_as_note, ANY),
    _row(_CONFIRMING, "tap:discard", drafts.discard, {S.IDLE}),
    _row(_CONFIRMING, "another", drafts.not_yours_to_confirm),
    # A note at once.
    _row(ANY, "/nota", drafts.note),
    # Cases.
    _row(ANY, "/pendientes", cases.list_pending),
    _row(ANY, "tap:mine", cases.list_pending),
    _row(ANY, "tap:see", cases.see),
    _row(ANY, "tap:take", cases.take),
    _row(ANY, "tap:turn", cases.choose_target),
    _row(ANY, "tap:page", cases.choose_target),
    _row(ANY, "tap:to", cases.hand_on),
    _row(ANY, "tap:keep", cases.keep),
    # Who is there.
    _row(ANY, "stranger", door.tell_how_to_link),
    _row(ANY, "/start", door.greet_group),
    _row(ANY, "/ayuda", door.greet_group),
    _row(ANY, "/start link", door.void_link),
    # Anything else.
    _row(ANY, "/*", door.greet_group),
    _row(ANY, "tap:*", cases.old_button),
)
_ROWS = {(state, row.on): row for row in TABLE for state in row.sources}
_MEMORY = TypeAdapter(Memory)


def next_step(memory: Mapping[str, Any], given: Input, facts: Facts) -> Step:
    """What follows from *given*, which is a clerk's or came in a group, with what the chat remembers."""
    here = situation(memory, given, facts)
    row = row_for(here)
    step = row.do(here)
    after = situation(step.memory, given, facts).state
    assert after in (row.targets or {here.state}), (row.on, here.state, after)
    return step


def row_for(here: Situation) -> Row:
    """The row of the table that decides."""
    on = _event(here)
    fallback = "/*" if on.startswith("/") else "tap:*"
    return _ROWS.get((here.state, on)) or _ROWS[here.state, fallback]


def _event(here: Situation) -> str:
    given, facts = here.input, here.facts
    if given.kind == Kind.COMMAND and given.command == "start" and given.argument.strip():
        return "/start link"
    if not facts.person and given.command not in ("start", "ayuda"):
        return "stranger"
    match given.kind:
        case Kind.COMMAND:
            return f"/{given.command}"
        case Kind.EDIT:
            return "edit"
        case Kind.TAP:
            return _tapped(here)
    return "reply"


def _tapped(here: Situation) -> str:
    verb, *arguments = here.input.tap.removeprefix(PREFIX).split(":")
    if verb in _OF_DRAFT:
        if here.draft is None:
            return "tap:*"
        if here.draft["person"] != here.facts.person:
            return "another"
        # Below the words as they were before something was added.
        if arguments[1:] != [str(here.draft["revision"])]:
            return "tap:*"
    return f"tap:{verb}"


def situation(memory: Mapping[str, Any], given: Input, facts: Facts) -> Situation:
    """Where who acts really stands: without what is forgotten or unreadable."""
    known = remembered(memory)
    waiting = [
        draft for draft in known.get("drafts", [])
        if draft["at"] > facts.at - KEPT_SECONDS and (draft["parts"] or draft["files"])
    ]  # fmt: skip
    told = {user: at for user, at in known.get("told", {}).items() if at > facts.at - door.TOLD_SECONDS}
    draft = _draft(waiting, given, facts)
    clean: Memory = {"drafts": waiting, "told": told}
    return Situation(State.CONFIRMING if draft else State.IDLE, clean, draft, given, facts)


def remembered(memory: object) -> Memory:
    """What a chat remembers of its clerks; nothing where another version of this program wrote it."""
    try:
        return _MEMORY.validate_python(memory or {})
    except ValidationError:
        return {}


def draft_id(given: Input) -> int:
    """The draft that a tap names; 0: none."""
    verb, *arguments = given.tap.removeprefix(PREFIX).split(":")
    is_number = verb in _OF_DRAFT and bool(arguments) and arguments[0].isascii() and arguments[0].isdecimal()
    return int(arguments[0]) if is_number else 0


def _draft(waiting: Collection[Draft], given: Input, facts: Facts) -> Draft | None:
    for draft in waiting:
        if given.kind == Kind.TAP:
            found = draft["id"] == draft_id(given)
        elif given.kind == Kind.EDIT:
            found = draft["person"] == facts.person and bool(given.remote_ids) and (
                drafts.holds(draft, given.remote_ids[0])
            )  # fmt: skip
        else:
            case_id = facts.case.id if facts.case else 0
            found = draft["person"] == facts.person and draft["case"] == case_id
        if found:
            return draft
    return None


__all__ = ["PREFIX", "TABLE", "Row", "draft_id", "next_step", "remembered", "row_for", "situation"]
