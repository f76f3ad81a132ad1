"""The questions of a service in a conversation, one after the other: answered, chosen or skipped. Pure."""

from __future__ import annotations

from bots.dialog_content import key_of
from bots.dialog_draft import absorb, checked, not_taken, onward, stay
from bots.dialog_questions import open_field
from bots.dialog_terms import Draft, FieldFact, Reply, Situation, Step
from models.service_field import FieldKind
from templates import say


def take_answer(here: Situation) -> Step:
    """Words, a place or a file, as the question wants it; what does not fit is asked again."""
    given, draft = here.input, here.data["draft"]
    asked = open_field(draft, here.facts)
    if asked is None:
        return onward(here, absorb(draft, given), *not_taken(given))
    kept = absorb(draft, given, keeps_text=False)
    if asked.kind == FieldKind.FILE:
        if not given.files:
            return stay(here, *not_taken(given), _wrong(say("chat.field.wants_file")))
        return onward(here, _with(kept, key_of(given), asked, given.files[0].filename), *not_taken(given))
    if not given.text.strip():
        # Files that nobody asked for yet belong to the request.
        return onward(here, kept, *not_taken(given))
    value, wrong = checked(asked, given.text)
    if wrong:
        return onward(here, kept, *not_taken(given), _wrong(wrong))
    return onward(here, _with(kept, key_of(given), asked, value), *not_taken(given))


def choose_answer(here: Situation) -> Step:
    """A choice was tapped, if it is one of the question that is open."""
    draft, asked = here.data["draft"], open_field(here.data["draft"], here.facts)
    _, _, number, position = (*here.input.tap.split(":"), "", "")[:4]
    if asked is None or number != str(asked.id) or not position.isdecimal():
        return onward(here, draft)
    if int(position) >= len(asked.choices):
        return onward(here, draft)
    # The tapped message is the bot's own, which nobody edits.
    return onward(here, _with(draft, 0, asked, asked.choices[int(position)]))


def skip_answer(here: Situation) -> Step:
    """Only what is not required is skipped."""
    draft, asked = here.data["draft"], open_field(here.data["draft"], here.facts)
    if asked is None or asked.is_required or here.input.tap.split(":")[-1] != str(asked.id):
        return onward(here, draft)
    return onward(here, {**draft, "done": [*draft.get("done", []), f"field:{asked.id}"]})


def _with(draft: Draft, message_id: int, asked: FieldFact, text: str) -> Draft:
    said = [one for one in draft.get("answers", []) if one["field"] != asked.id]
    return {**draft, "answers": [*said, {"field": asked.id, "id": message_id, "text": text}]}


def _wrong(words: str) -> Reply:
    return Reply("field_wrong", {"words": words})
