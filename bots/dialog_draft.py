"""Opening a request: what is still missing is asked for, whatever came already is kept. Pure."""

from __future__ import annotations

from dataclasses import replace
from typing import cast

from bots.dialog_content import as_input, files_of, key_of, merged, messages_of
from bots.dialog_questions import (
    CHANGEABLE,
    HOME,
    answered_fields,
    choose_service,
    is_chosen,
    open_field,
    question,
    shortened,
)
from bots.dialog_terms import (
    Data,
    Draft,
    Facts,
    FieldFact,
    Input,
    Kind,
    OpenRequest,
    Part,
    Reply,
    Situation,
    State,
    Step,
)
from intake.chat.chat_files import KeptFile
from intake.errors import InvalidInput
from intake.services.service_fields import check
from templates import say

# Longer words are a description, and a subject is proposed from them.
_MAX_SUBJECT = 120
DRAFTING = frozenset(
    {
        State.CHOOSING_SERVICE,
        State.CONFIRMING,
        State.ASKING_SUBJECT,
        State.ASKING_DESCRIPTION,
        State.ASKING_LOCATION,
        State.ASKING_FIELD,
        State.ASKING_FILES,
        State.REVIEWING,
        State.CHANGING,
    }
)
# Where `onward` may lead: everything but the choice of what to change.
ONWARD = DRAFTING - {State.CHANGING}


def onward(here: Situation, draft: Draft, *leads: Reply) -> Step:
    """Ask for what is missing first, else show the summary."""
    state = _missing(draft, here.facts)
    data: Data = {**here.data, "draft": draft}
    return Step(state, data, (*leads, question(state, data, here.facts)))


def _missing(draft: Draft, facts: Facts) -> State:
    done, service = draft.get("done", []), facts.service(draft.get("service"))
    if not is_chosen(draft, facts):
        return State.CHOOSING_SERVICE
    if draft.get("proposed") and "subject" in draft:
        return State.CONFIRMING
    if "subject" not in draft:
        return State.ASKING_SUBJECT
    if not draft.get("description") and "description" not in done:
        return State.ASKING_DESCRIPTION
    if service is not None and service.asks_location and "place" not in draft and "place" not in done:
        return State.ASKING_LOCATION
    if open_field(draft, facts) is not None:
        return State.ASKING_FIELD
    return State.REVIEWING if "files" in done else State.ASKING_FILES


def stay(here: Situation, *leads: Reply, data: Data | None = None) -> Step:
    """The same question once more, after *leads*."""
    data = here.data if data is None else data
    # Below the open question, not between.
    leads = tuple(replace(lead, buttons=()) if lead.buttons == HOME else lead for lead in leads)
    return Step(here.state, data, (*leads, question(here.state, data, here.facts)))


def without(data: Data, *names: str) -> Data:
    """What is remembered, less *names*."""
    return cast(Data, {name: value for name, value in data.items() if name not in names})


def not_taken(given: Input, case_id: int = 0) -> tuple[Reply, ...]:
    """Files that did not reach us: where to hand in what is too large, and what to send again."""
    large = [shortened(name, 80) for name in given.too_large[:10]]
    missing = [shortened(name, 80) for name in given.missing[:10]]
    found = []
    if large:
        found.append(Reply("too_large", {"names": large}, upload_to=case_id, case_id=case_id or None))
    if missing:
        found.append(Reply("not_fetched", {"names": missing}, case_id=case_id or None))
    return tuple(found)


def not_fetched(given: Input) -> tuple[Reply, ...]:
    """While it waits for a decision: what is too large is told of when it is known what for."""
    return not_taken(replace(given, too_large=()))


def begin(here: Situation) -> Step:
    """A draft from what was sent; service and subject are proposed from its words."""
    draft = absorb({"key": key_of(here.input)}, here.input)
    return onward(here, _proposed(here, draft), *not_taken(here.input, 0))


def _proposed(here: Situation, draft: Draft) -> Draft:
    proposal = here.facts.proposal
    if proposal is None or here.input.is_place or not here.input.text.strip():
        return draft
    found: Draft = {**draft}
    if "subject" not in draft and (subject := _one_line(proposal.subject)):
        found["subject"] = {"id": key_of(here.input), "text": subject}
        found["proposed"] = True
    if proposal.service_id is not None and here.facts.service(proposal.service_id) is not None:
        found["service"], found["proposed"] = proposal.service_id, True
    return found


def absorb(draft: Draft, given: Input, *, keeps_text: bool = True) -> Draft:
    """*draft* with what was sent: files, and words as part of the description, or as the place."""
    found: Draft = {**draft}
    if files := files_of(given):
        found["files"] = [*draft.get("files", []), *files]
    for each in messages_of(given) if keeps_text else ():
        if not each.text.strip():
            continue
        part: Part = {"id": key_of(each), "text": each.text.strip()}
        if given.is_place and "place" not in found:
            found["place"] = part
        else:
            found["description"] = [*found.get("description", []), part]
    return found


def checked(asked: FieldFact, text: str) -> tuple[str, str]:
    """*text* as an answer to *asked*, or why it is none."""
    try:
        return check(asked, text), ""
    except InvalidInput as error:
        return "", str(error)


def _one_line(text: str) -> str:
    return " ".join(text.split())[:200]


def _done(draft: Draft, name: str) -> Draft:
    return {**draft, "done": [*draft.get("done", []), name]}


def _got(given: Input) -> tuple[Reply, ...]:
    files = (Reply("got_files", {"count": len(given.files)}),) if given.files else ()
    return (*not_taken(given), *files)


# One function for each row of the table.


def start(here: Situation) -> Step:
    """A new request, from a button or a command; words after the command begin it."""
    if here.input.kind == Kind.COMMAND and here.input.argument.strip():
        said = replace(here.input, kind=Kind.CONTENT, text=here.input.argument, argument="")
        return begin(replace(here, input=said))
    draft: Draft = {"key": key_of(here.input)}
    return onward(here, draft)


def hold_up(here: Situation) -> Step:
    """There is a draft already: go on with it, or begin anew?"""
    data = here.data
    if here.input.kind == Kind.CONTENT:
        data = {**data, "content": merged(data, here.input)}
    return Step(State.RESUMING, data, (*not_fetched(here.input), question(State.RESUMING, data, here.facts)))


def resume(here: Situation) -> Step:
    """Go on with the draft of days ago; what was sent meanwhile belongs to it."""
    data = without(here.data, "content")
    if "content" not in here.data:
        return onward(replace(here, data=data), data["draft"])
    given = as_input(here.data["content"])
    return onward(replace(here, data=data), absorb(data["draft"], given), *not_taken(given))


def restart(here: Situation) -> Step:
    """Drop the draft; what was sent meanwhile begins a new one."""
    fresh = replace(here, data=without(here.data, "content", "draft"))
    if "content" in here.data:
        return begin(replace(fresh, input=as_input(here.data["content"])))
    return start(fresh)


def drop(here: Situation) -> Step:
    """Nothing is sent."""
    return Step(State.IDLE, {}, (Reply("dropped", buttons=HOME),))


def take_service(here: Situation) -> Step:
    """A service was tapped; 0 is *none of these*."""
    chosen = _number(here.input.tap, 2)
    if chosen and here.facts.service(chosen) is None:
        return stay(here, Reply("service_gone"))
    draft: Draft = {**here.data["draft"], "service": chosen or None, "proposed": False}
    return onward(here, draft)


def turn_page(here: Situation) -> Step:
    """Another page of the catalogue, in place of the one that was tapped."""
    page = choose_service(here.data["draft"], here.facts, _number(here.input.tap, 2), key_of(here.input))
    return Step(here.state, here.data, (page,))


def _number(tap: str, position: int) -> int:
    parts = tap.split(":")
    return int(parts[position]) if len(parts) > position and parts[position].isdecimal() else 0


def describe_first(here: Situation) -> Step:
    """Words instead of a service: service and subject are proposed from them."""
    draft = _proposed(here, absorb(here.data["draft"], here.input))
    # Where they proposed nothing the same question comes again: who asks what became of them is told.
    is_kept = here.input.text and not draft.get("proposed")
    return onward(here, draft, *(_got(here.input) or ((Reply("noted"),) if is_kept else ())))


def add_words(here: Situation) -> Step:
    """More words or files while something else was asked: they belong to the draft."""
    lead = _got(here.input) or ((Reply("noted"),) if here.input.text else ())
    return onward(here, absorb(here.data["draft"], here.input), *lead)


def confirm(here: Situation) -> Step:
    """The proposal is right."""
    return onward(here, {**here.data["draft"], "proposed": False})


def other_service(here: Situation) -> Step:
    draft: Draft = {**here.data["draft"], "proposed": False}
    draft.pop("service", None)
    return onward(here, draft)


def retitle(here: Situation) -> Step:
    draft: Draft = {**here.data["draft"], "proposed": False}
    draft.pop("subject", None)
    return onward(here, draft)


def take_subject(here: Situation) -> Step:
    """A line is the subject; more than that is the description, and proposes one."""
    given, draft = here.input, here.data["draft"]
    text = given.text.strip()
    if given.is_place or not text:
        return onward(here, absorb(draft, given), *_got(given))
    if len(text) <= _MAX_SUBJECT and "\n" not in text:
        subject = text
        draft = absorb(draft, given, keeps_text=False)
    else:
        subject = here.facts.proposal.subject if here.facts.proposal else text[:_MAX_SUBJECT]
        draft = absorb(draft, given)
    subject = _one_line(subject) or _one_line(text)
    return onward(here, {**draft, "subject": {"id": key_of(given), "text": subject}}, *_got(given))


def take_description(here: Situation) -> Step:
    return onward(here, absorb(here.data["draft"], here.input), *_got(here.input))


def skip_description(here: Situation) -> Step:
    return onward(here, _done(here.data["draft"], "description"))


def take_place(here: Situation) -> Step:
    """A location, a venue, or the address in words."""
    given = replace(here.input, is_place=bool(here.input.text.strip()))
    return onward(here, absorb(here.data["draft"], given), *_got(given))


def skip_place(here: Situation) -> Step:
    return onward(here, _done(here.data["draft"], "place"))


def take_files(here: Situation) -> Step:
    """Any number of them; words that come with them belong to the description."""
    lead = not_taken(here.input)
    if here.input.text.strip():
        lead = (*lead, Reply("noted"))
    return onward(here, absorb(here.data["draft"], here.input), *lead)


def end_files(here: Situation) -> Step:
    return onward(here, _done(here.data["draft"], "files"))


def ask_change(here: Situation) -> Step:
    return Step(State.CHANGING, here.data, (question(State.CHANGING, here.data, here.facts),))


def change_part(here: Situation) -> Step:
    """Forget one part of the draft and ask for it again."""
    part = here.input.tap.split(":")[-1]
    if part not in CHANGEABLE:
        return stay(here)
    draft = cast(Draft, {name: value for name, value in here.data["draft"].items() if name != part})
    forgotten = "field:" if part == "answers" else part
    draft["done"] = [name for name in draft.get("done", []) if not name.startswith(forgotten)]
    return onward(here, draft)


def review(here: Situation) -> Step:
    return onward(here, here.data["draft"])


def send(here: Situation) -> Step:
    """File the request; the desk answers with folio and link."""
    draft = here.data["draft"]
    if _missing(draft, here.facts) != State.REVIEWING:
        # A service was withdrawn meanwhile.
        return onward(here, draft, Reply("service_gone"))
    parts = [part["text"] for part in draft.get("description", [])]
    place = [say("chat.text.place", place=draft["place"]["text"])] if "place" in draft else []
    subject = draft["subject"]
    request = OpenRequest(
        service_id=draft["service"],
        subject=subject["text"],
        text="\n\n".join([*parts, *place]) or subject["text"],
        files=tuple(KeptFile.from_json(each["file"]) for each in draft.get("files", [])),
        remote_ids=_ids(draft),
        answers=tuple((asked.id, text) for asked, text in answered_fields(draft, here.facts)),
    )
    return Step(State.IDLE, {}, acts=(request,))


def _ids(draft: Draft) -> tuple[int, ...]:
    """The messages that made the draft, so that an edit of one of them finds the case."""
    said = [*draft.get("description", []), *([draft["place"]] if "place" in draft else [])]
    found = [draft["subject"]["id"], *(part["id"] for part in said)]
    found += [each["id"] for each in (*draft.get("files", []), *draft.get("answers", []))]
    return tuple(sorted({remote_id for remote_id in found if remote_id}))


def edited(draft: Draft, here: Situation) -> Draft | None:
    """*draft* after one of its messages was edited; None when it is none of them."""
    key, text = key_of(here.input), here.input.text.strip()
    if not key:
        return None
    found: Draft = {**draft}
    is_part = any(part["id"] == key for part in draft.get("description", []))
    if is_part:
        found["description"] = [
            {"id": key, "text": text} if part["id"] == key else part
            for part in draft.get("description", [])
            if text or part["id"] != key
        ]
    if "subject" in draft and draft["subject"]["id"] == key and text:
        proposal = here.facts.proposal
        line = proposal.subject if is_part and proposal is not None else text
        found["subject"] = {"id": key, "text": _one_line(line)}
    if "place" in draft and draft["place"]["id"] == key and text:
        found["place"] = {"id": key, "text": text}
    if text and any(each["id"] == key for each in draft.get("answers", [])):
        answers = [each for each in draft.get("answers", []) if each["id"] != key]
        # Asked anew when the new words are no answer.
        again = {each["field"] for each in draft.get("answers", [])} - {each["field"] for each in answers}
        service = here.facts.service(draft.get("service"))
        for asked in service.fields if service else ():
            if asked.id in again and (value := checked(asked, text)[0]):
                answers.append({"field": asked.id, "id": key, "text": value})
        found["answers"] = answers
    if here.input.files:
        kept = [each for each in draft.get("files", []) if each["id"] != key]
        found["files"] = [*kept, *files_of(here.input)]
    has_file = any(each["id"] == key for each in draft.get("files", []))
    if has_file and text and not is_part:
        # A caption that was not there before.
        found["description"] = [*draft.get("description", []), {"id": key, "text": text}]
    return found if has_file or found != draft or is_part else None
