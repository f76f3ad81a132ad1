"""The conversation of the chat counter as one pure table: state × input → state, replies, acts.

START READING HERE, then `bots.dialog_terms` for the words, and the module that a row names.
From any state, any input gets an answer and a way out. `bots/README.md` draws the table.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any

from pydantic import TypeAdapter, ValidationError

from bots import dialog_cases as cases
from bots import dialog_draft as draft
from bots import dialog_fields as fields
from bots import dialog_person as person
from bots.dialog_cases import ASIDES, MAINLAND
from bots.dialog_draft import DRAFTING, ONWARD
from bots.dialog_questions import content_key, letters, question
from bots.dialog_terms import Data, Facts, Handler, Input, Kind, Situation, State, Step
from templates import say

# A draft that waited this long is not continued unasked; what was asked aside is forgotten much sooner.
STALE_DAYS, STALE_ASIDE_DAYS = 3.0, 0.5
ANY = frozenset(State)
_HOLDING = frozenset({State.RESUMING, State.CHOOSING_CASE})
# Buttons of a draft, and those of what waits for a case: they carry a key after their verb.
_OF_DRAFT = frozenset(
    "srv page ok other retitle notext noplace fld nofld done send change part review resume restart"
    " cancel".split()
)
_OF_CONTENT = frozenset("pick picknew unpick".split())
# Other words for a button, which people type: the labels `chat.also.<label>`.
_ALSO = ("ok", "send", "done", "skip", "cancel")


@dataclass(frozen=True, slots=True)
class Row:
    """In one of `sources`, `on` is decided by `do`, and the conversation is then in one of `targets`.

    `on`: "content", "reply" (to a message about a case), "stale" (words for a draft of days ago),
    "edit", "refused", "/command", "tap:verb", or "/*" and "tap:*" for those without a row.
    """

    sources: frozenset[State]
    on: str
    do: Handler
    # Empty: the state stays.
    targets: frozenset[State] = frozenset()


def _row(sources: Collection[State], on: str, do: Handler, targets: Collection[State] = ()) -> Row:
    return Row(frozenset(sources), on, do, frozenset(targets))


S = State
_HOME = frozenset({S.IDLE})
_LANDING = MAINLAND

TABLE: tuple[Row, ...] = (
    # Opening a request.
    _row(ANY, "/nueva", person.begin_or_resume, ONWARD | _HOLDING),
    _row(ANY, "tap:new", person.begin_or_resume, ONWARD | _HOLDING),
    _row(_HOME, "content", cases.begin_or_follow, _HOME | ONWARD | {S.CHOOSING_CASE}),
    _row({S.CHOOSING_SERVICE}, "content", draft.describe_first, ONWARD),
    _row({S.CHOOSING_SERVICE}, "tap:srv", draft.take_service, ONWARD),
    _row({S.CHOOSING_SERVICE}, "tap:page", draft.turn_page),
    _row({S.CONFIRMING}, "content", draft.add_words, ONWARD),
    _row({S.CONFIRMING}, "tap:ok", draft.confirm, ONWARD),
    _row({S.CONFIRMING}, "tap:other", draft.other_service, ONWARD),
    _row({S.CONFIRMING}, "tap:retitle", draft.retitle, ONWARD),
    _row({S.ASKING_SUBJECT}, "content", draft.take_subject, ONWARD),
    _row({S.ASKING_DESCRIPTION}, "content", draft.take_description, ONWARD),
    _row({S.ASKING_DESCRIPTION}, "tap:notext", draft.skip_description, ONWARD),
    _row({S.ASKING_LOCATION}, "content", draft.take_place, ONWARD),
    _row({S.ASKING_LOCATION}, "tap:noplace", draft.skip_place, ONWARD),
    _row({S.ASKING_FIELD}, "content", fields.take_answer, ONWARD),
    _row({S.ASKING_FIELD}, "tap:fld", fields.choose_answer, ONWARD),
    _row({S.ASKING_FIELD}, "tap:review", draft.review, ONWARD),
    _row({S.ASKING_FIELD}, "tap:nofld", fields.skip_answer, ONWARD),
    _row({S.ASKING_FILES}, "content", draft.take_files, ONWARD),
    _row({S.ASKING_FILES}, "tap:done", draft.end_files, ONWARD),
    _row({S.REVIEWING}, "content", draft.add_words, ONWARD),
    _row({S.REVIEWING}, "tap:send", draft.send, _HOME | ONWARD),
    _row({S.REVIEWING}, "tap:change", draft.ask_change, {S.CHANGING}),
    _row({S.CHANGING}, "content", draft.add_words, ONWARD),
    _row({S.CHANGING}, "tap:part", draft.change_part, ONWARD | {S.CHANGING}),
    _row({S.CHANGING}, "tap:review", draft.review, ONWARD),
    _row(DRAFTING, "tap:cancel", draft.drop, _HOME),
    # A draft of days ago.
    _row(DRAFTING, "stale", draft.hold_up, {S.RESUMING}),
    _row({S.RESUMING}, "content", draft.hold_up, {S.RESUMING}),
    _row({S.RESUMING}, "tap:resume", draft.resume, ONWARD),
    _row({S.RESUMING}, "tap:restart", draft.restart, ONWARD),
    _row({S.RESUMING}, "tap:cancel", draft.drop, _HOME),
    # Following up.
    _row(ANY, "reply", cases.file_reply, ANY),
    _row({S.CHOOSING_CASE}, "content", cases.add_to_waiting, {S.CHOOSING_CASE, S.IDLE}),
    _row({S.CHOOSING_CASE}, "tap:pick", cases.pick, {S.CHOOSING_CASE, S.IDLE}),
    _row({S.CHOOSING_CASE}, "tap:picknew", cases.pick_new, ONWARD),
    _row({S.CHOOSING_CASE}, "tap:unpick", draft.drop, _HOME),
    _row({S.ADDING}, "content", cases.add),
    _row(ANY, "edit", cases.correct, ANY),
    # The person's cases.
    _row(ANY, "/mis_solicitudes", cases.list_cases),
    _row(ANY, "tap:mine", cases.list_cases),
    _row(ANY, "/estado", cases.tell_state),
    _row(ANY, "tap:case:see", cases.see),
    _row(ANY, "tap:case:add", cases.ask_addition, ANY),
    _row(ANY, "tap:case:close", cases.ask_close, ANY),
    _row(ANY, "tap:case:closed", cases.close, ANY),
    _row(ANY, "tap:case:withdraw", cases.withdraw, ANY),
    _row(ANY, "tap:case:reopen", cases.reopen, ANY),
    _row(ANY, "tap:case:complain", cases.ask_complaint, ANY),
    _row(ANY, "tap:rate", cases.rate, ANY),
    _row({S.COMPLAINING}, "content", cases.complain, _LANDING | {S.COMPLAINING}),
    _row({S.RATING}, "content", cases.rate_words, _LANDING | {S.RATING}),
    _row(ASIDES, "tap:back", cases.back, _LANDING),
    # Who is there.
    _row(ANY, "/start", person.greet, {S.IDLE} | _HOLDING),
    _row(ANY, "/start link", person.open_link),
    _row(ANY, "/cancelar", person.cancel, _LANDING),
    _row(MAINLAND, "tap:back", person.home),
    _row(ANY, "/ayuda", person.tell_help),
    _row(ANY, "/privacidad", person.tell_privacy),
    _row(ANY, "/vincular", person.ask_link, ANY),
    _row({S.LINKING}, "content", person.take_email, _LANDING | {S.LINKING}),
    _row(ANY, "/olvidar", person.ask_forget),
    _row(ANY, "tap:forget", person.forget, _HOME),
    _row(ANY, "/idioma", person.ask_language),
    _row(ANY, "tap:lang", person.ask_language),
    # Anything else.
    _row(ANY, "/*", person.unknown_command),
    _row(ANY, "tap:*", person.old_button),
    _row(ANY, "refused", person.refuse),
)
_ROWS = {(state, row.on): row for row in TABLE for state in row.sources}
_DATA = TypeAdapter(Data)


def next_step(state: str, data: Mapping[str, Any], given: Input, facts: Facts) -> Step:
    """What follows from *given* in a conversation that stands at *state* and remembers *data*."""
    here = settled(state, data, given, facts)
    here = replace(here, input=_typed_tap(here))
    row = row_for(here)
    step = row.do(here)
    assert step.state in (row.targets or {here.state}), (row.on, here.state, step.state)
    return step


def row_for(here: Situation) -> Row:
    """The row of the table that decides."""
    on = _event(here)
    fallback = "/*" if on.startswith("/") else "tap:*"
    return _ROWS.get((here.state, on)) or _ROWS[here.state, fallback]


def _event(here: Situation) -> str:
    given, facts = here.input, here.facts
    if given.kind == Kind.COMMAND:
        name = person.canonical(given.command)
        return "/start link" if name == "start" and given.argument.strip() else f"/{name}"
    if given.kind == Kind.TAP:
        return _tapped(here)
    if given.kind == Kind.CONTENT:
        if not (given.text.strip() or given.files or given.too_large or given.missing):
            return str(Kind.REFUSED)
        is_aside = here.state in ASIDES and facts.case is not None and facts.case.id == here.data.get("case")
        if given.replied_to and facts.case is not None and not is_aside:
            return "reply"
        return "stale" if here.state in DRAFTING and facts.days_silent > STALE_DAYS else "content"
    return str(given.kind)


def _tapped(here: Situation) -> str:
    verb, *arguments = here.input.tap.split(":")
    if verb in _OF_DRAFT:
        key = here.data["draft"]["key"] if "draft" in here.data else None
    elif verb in _OF_CONTENT:
        key = content_key(here.data)
    elif verb == "case":
        return f"tap:case:{arguments[-1]}" if len(arguments) == 2 else "tap:*"
    else:
        return f"tap:{verb}"
    # Of an earlier draft: it must do nothing to this one.
    return f"tap:{verb}" if arguments[:1] == [str(key)] else "tap:*"


def settled(state: str, data: Mapping[str, Any], given: Input, facts: Facts) -> Situation:
    """Where the conversation really stands: without what is forgotten, unreadable or incomplete."""
    try:
        known = _DATA.validate_python(data)
        here = Situation(State(state), known, given, facts)
    except (ValidationError, ValueError):
        # Of another version of this program.
        return Situation(State.IDLE, {}, given, facts)
    if here.state in ASIDES and (facts.days_silent > STALE_ASIDE_DAYS or not _is_whole(here)):
        here = replace(here, state=cases.landed(here)[0], data=cases.landed(here)[1])
    return here if _is_whole(here) else replace(here, state=State.IDLE, data={})


def _is_whole(here: Situation) -> bool:
    """Whether everything is remembered that the state needs."""
    data, state = here.data, here.state
    if state in ASIDES:
        back = data.get("back", State.IDLE)
        if back not in set(MAINLAND) or not _is_whole(replace(here, state=back)):
            return False
        return state == State.LINKING or "case" in data
    if state == State.CHOOSING_CASE:
        return "content" in data
    if state in DRAFTING or state == State.RESUMING:
        draft = data.get("draft", {})
        needs_subject = state in (State.REVIEWING, State.CONFIRMING, State.CHANGING)
        return "key" in draft and ("subject" in draft or not needs_subject)
    return "draft" not in data


def _typed_tap(here: Situation) -> Input:
    """Who types the words of a button of the present question has tapped it."""
    given = here.input
    typed = letters(given.text)
    if given.kind != Kind.CONTENT or given.files or given.is_place or not typed:
        return given
    for row in question(here.state, here.data, here.facts).buttons:
        for button in row:
            words = [button.text or say(f"chat.button.{button.label}")]
            if button.label in _ALSO:
                words += say(f"chat.also.{button.label}").split(",")
            if typed in [letters(word) for word in words]:
                return replace(given, kind=Kind.TAP, tap=button.data, text="")
    return given


__all__ = ["TABLE", "Row", "next_step", "row_for", "settled"]
