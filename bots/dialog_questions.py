"""What the bot asks in each state of a conversation, with its buttons. Pure.

`data` of a button is `verb:argument[:argument]`. Those of a draft carry its key, so that the
buttons of an earlier draft do nothing to this one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import groupby

from bots.dialog_terms import (
    Button,
    CaseFact,
    Data,
    Draft,
    Facts,
    FieldFact,
    Keyboard,
    Reply,
    ServiceFact,
    State,
)
from intake.services.service_fields import as_read
from models.search import fold
from models.service_field import FieldKind

PAGE = 8
CASES_PAGE = 4
# Of what a person wrote, in a summary; all of it is in the case.
_EXCERPT, _LINE, _NAMES = 900, 200, 10

NEW = Button("new", "new")
MINE = Button("mine", "mine")
BACK = Button("back", "back")
HOME: Keyboard = ((NEW, MINE),)
CHANGEABLE = ("service", "subject", "description", "place", "answers", "files")


def question(state: State, data: Data, facts: Facts) -> Reply:
    """What is asked in *state*."""
    return _QUESTIONS[state](data, facts)


def is_chosen(draft: Draft, facts: Facts) -> bool:
    """Whether the draft says for which service it is, and that one may still be asked for."""
    if "service" not in draft:
        return False
    return draft["service"] is None or facts.service(draft["service"]) is not None


def shortened(text: str, limit: int = _LINE) -> str:
    """*text* in at most *limit* characters."""
    text = text.strip()
    return text if len(text) <= limit else text[: limit - 1].rstrip() + "…"


def letters(text: str) -> str:
    """The words of *text* as they are compared: without case, accents and signs."""
    return " ".join("".join(c if c.isalnum() else " " for c in fold(text[:100])).split())


def _ask(name: str, buttons: Keyboard, **values: object) -> Reply:
    return Reply(name, values, buttons, is_question=True)


def _idle(_data: Data, _facts: Facts) -> Reply:
    return _ask("what_now", HOME)


def _service(data: Data, facts: Facts) -> Reply:
    return choose_service(data["draft"], facts)


def choose_service(draft: Draft, facts: Facts, page: int = 0, edits: int = 0) -> Reply:
    """The catalogue, a page of it, with those of one classification together."""
    key = draft["key"]
    services = sorted(facts.services, key=lambda service: service.classification.casefold())
    pages = max(1, -(-len(services) // PAGE))
    page = min(max(page, 0), pages - 1)
    shown = services[page * PAGE : (page + 1) * PAGE]
    rows = [(Button(f"srv:{key}:{service.id}", text=shortened(service.name, 60)),) for service in shown]
    turns = [Button(f"page:{key}:{page - 1}", "previous")] if page else []
    turns += [Button(f"page:{key}:{page + 1}", "next")] if page + 1 < pages else []
    last = (Button(f"srv:{key}:0", "other_matter"), _cancel(key))
    buttons = (*rows, *((tuple(turns),) if turns else ()), last)
    subject = draft["subject"]["text"] if "subject" in draft else ""
    values = {"groups": _groups(shown), "subject": shortened(subject), "files": len(draft.get("files", []))}
    return Reply("choose_service", values, buttons, is_question=True, edits=edits)


def _groups(services: Sequence[ServiceFact]) -> list[tuple[str, list[str]]]:
    grouped = groupby(services, key=lambda service: service.classification)
    return [(name, [shortened(service.name, 100) for service in group]) for name, group in grouped]


def _confirm(data: Data, facts: Facts) -> Reply:
    draft = data["draft"]
    key, service = draft["key"], facts.service(draft.get("service"))
    buttons = (
        (Button(f"ok:{key}", "ok"),),
        (Button(f"other:{key}", "other_service"), Button(f"retitle:{key}", "retitle")),
        (_cancel(key),),
    )
    subject = shortened(draft["subject"]["text"]) if "subject" in draft else ""
    return _ask("confirm", buttons, service=service.name if service else "", subject=subject)


def _subject(data: Data, _facts: Facts) -> Reply:
    return _ask("ask_subject", ((_cancel(data["draft"]["key"]),),))


def _description(data: Data, _facts: Facts) -> Reply:
    key = data["draft"]["key"]
    # Whoever sent a photo or a voice message has said something.
    skip = (Button(f"notext:{key}", "skip"),) if data["draft"].get("files") else ()
    return _ask("ask_description", ((*skip, _cancel(key)),))


def _location(data: Data, _facts: Facts) -> Reply:
    key = data["draft"]["key"]
    return _ask("ask_location", ((Button(f"noplace:{key}", "skip"), _cancel(key)),))


def open_field(draft: Draft, facts: Facts) -> FieldFact | None:
    """The first question of the service that was neither answered nor skipped."""
    service = facts.service(draft.get("service"))
    answered = {one["field"] for one in draft.get("answers", [])}
    done = draft.get("done", [])
    asked = service.fields if service is not None else ()
    # What became required meanwhile is asked though it was skipped.
    return next(
        (one for one in asked
         if one.id not in answered and (one.is_required or f"field:{one.id}" not in done)), None
    )  # fmt: skip


def answered_fields(draft: Draft, facts: Facts) -> list[tuple[FieldFact, str]]:
    """The answers that the service of the draft asks for, in the order of its questions."""
    service = facts.service(draft.get("service"))
    said = {one["field"]: one["text"] for one in draft.get("answers", [])}
    return [(one, said[one.id]) for one in (service.fields if service else ()) if one.id in said]


def _field(data: Data, facts: Facts) -> Reply:
    draft = data["draft"]
    key, asked = draft["key"], open_field(draft, facts)
    if asked is None:
        # Its service was withdrawn, or asks no more.
        rest = ((Button(f"review:{key}", "review"), _cancel(key)),)
        return _ask("ask_field", rest, label="", help="", kind="text", is_required=True)
    rows = [
        (Button(f"fld:{key}:{asked.id}:{number}", text=shortened(choice, 60)),)
        for number, choice in enumerate(asked.choices if asked.kind == FieldKind.CHOICE else ())
    ]
    skip = () if asked.is_required else (Button(f"nofld:{key}:{asked.id}", "skip"),)
    words = {"label": shortened(asked.label), "help": shortened(asked.help, 400), "kind": asked.kind.value}
    return _ask("ask_field", (*rows, (*skip, _cancel(key))), **words, is_required=asked.is_required)


def _files(data: Data, _facts: Facts) -> Reply:
    key, files = data["draft"]["key"], data["draft"].get("files", [])
    buttons = ((Button(f"done:{key}", "done"), _cancel(key)),)
    return _ask("ask_more_files" if files else "ask_files", buttons, count=len(files))


def _review(data: Data, facts: Facts) -> Reply:
    draft = data["draft"]
    key, service = draft["key"], facts.service(draft.get("service"))
    files = [str(each["file"]["filename"]) for each in draft.get("files", [])]
    values = {
        "service": service.name if service else "",
        "subject": shortened(draft["subject"]["text"]) if "subject" in draft else "",
        "description": shortened("\n".join(part["text"] for part in draft.get("description", [])), _EXCERPT),
        # The map's address is for whoever goes there.
        "place": shortened(draft["place"]["text"].partition(" https://")[0]) if "place" in draft else "",
        "answers": [
            (one.label, shortened(as_read(one.kind, text))) for one, text in answered_fields(draft, facts)
        ],
        "files": [shortened(name, 80) for name in files[:_NAMES]],
        "more_files": len(files[_NAMES:]),
    }
    buttons = ((Button(f"send:{key}", "send"),), (Button(f"change:{key}", "change"), _cancel(key)))
    return _ask("review", buttons, **values)


def _change(data: Data, facts: Facts) -> Reply:
    draft = data["draft"]
    key, service = draft["key"], facts.service(draft.get("service"))
    has_place = "place" in draft or (service is not None and service.asks_location)
    has_fields = service is not None and bool(service.fields)
    shown = {"place": has_place, "answers": has_fields}
    parts = [part for part in CHANGEABLE if shown.get(part, True)]
    rows = tuple((Button(f"part:{key}:{part}", f"part_{part}"),) for part in parts)
    return _ask("ask_change", (*rows, (Button(f"review:{key}", "review"), _cancel(key))))


def _resume(data: Data, _facts: Facts) -> Reply:
    draft = data["draft"]
    key = draft["key"]
    said = [part["text"] for part in draft.get("description", [])]
    subject = draft["subject"]["text"] if "subject" in draft else " ".join(said)
    buttons = (
        (Button(f"resume:{key}", "resume"), Button(f"restart:{key}", "restart")),
        (_cancel(key),),
    )
    return _ask("ask_resume", buttons, subject=shortened(subject))


def candidates(facts: Facts) -> tuple[CaseFact, ...]:
    """The cases that words without any hint may belong to."""
    return facts.open_cases or tuple(case for case in facts.cases if case.is_resolved)


def _which(data: Data, facts: Facts) -> Reply:
    key = content_key(data)
    rows = [
        (Button(f"pick:{key}:{case.id}", text=shortened(f"{case.folio} {case.subject}", 60)),)
        for case in candidates(facts)[:PAGE]
    ]
    last = (Button(f"picknew:{key}", "new"), Button(f"unpick:{key}", "discard"))
    return _ask("ask_which", (*rows, last), count=len(rows))


def content_key(data: Data) -> int:
    """Which waiting content a button belongs to."""
    ids = data["content"]["ids"] if "content" in data else []
    return ids[0] if ids else 0


def _adding(data: Data, _facts: Facts) -> Reply:
    return _ask("ask_addition", ((Button("back", "done"),),), folio=data.get("folio", ""))


def _complaining(data: Data, _facts: Facts) -> Reply:
    return _ask("ask_complaint", ((BACK,),), folio=data.get("folio", ""))


def _rating(data: Data, _facts: Facts) -> Reply:
    return _ask("ask_rating_words", ((Button("back", "skip"),),), score=data.get("score", 0))


def _linking(_data: Data, _facts: Facts) -> Reply:
    return _ask("ask_email", ((BACK,),))


def _cancel(key: int) -> Button:
    return Button(f"cancel:{key}", "cancel")


_QUESTIONS: dict[State, Callable[[Data, Facts], Reply]] = {
    State.IDLE: _idle,
    State.CHOOSING_SERVICE: _service,
    State.CONFIRMING: _confirm,
    State.ASKING_SUBJECT: _subject,
    State.ASKING_DESCRIPTION: _description,
    State.ASKING_LOCATION: _location,
    State.ASKING_FIELD: _field,
    State.ASKING_FILES: _files,
    State.REVIEWING: _review,
    State.CHANGING: _change,
    State.RESUMING: _resume,
    State.CHOOSING_CASE: _which,
    State.ADDING: _adding,
    State.COMPLAINING: _complaining,
    State.RATING: _rating,
    State.LINKING: _linking,
}
