"""A clerk's words for a case: held, corrected, and then sent, kept as a note or thrown away. Pure."""

from __future__ import annotations

from bots.dialog_questions import shortened
from bots.dialog_terms import Button, DraftFile, Keyboard, Part, Reply
from bots.staff_terms import Act, Answer, CaseFact, Draft, Memory, Note, Situation, Step
from intake.chat.chat_files import KeptFile

# Of what was sent, in the message that says so; all of it is in the case.
_EXCERPT, _NAMES = 300, 10


def holds(draft: Draft, remote_id: int) -> bool:
    """Whether the message with this message_id is part of it."""
    return any(each["id"] == remote_id for each in (*draft["parts"], *draft["files"]))


def hold(here: Situation) -> Step:
    """A reply about a case: its words and files wait, with those before, until the person says what for."""
    case, given = here.facts.case, here.input
    if case is None:
        return Step(here.memory, (Reply("case_unknown"),))
    if no := _refusal(case):
        return Step(here.memory, (no,))
    large = not_taken(here, case)
    if not given.text.strip() and not given.files:
        return Step(here.memory, large or (Reply("nothing_to_send", case_id=case.id),))
    first = given.remote_ids[0] if given.remote_ids else 0
    before = here.draft or Draft(
        id=first, revision=0, person=here.facts.person, case=case.id, parts=[], files=[], at=here.facts.at
    )
    words: list[Part] = [{"id": first, "text": given.text.strip()}] if given.text.strip() else []
    files: list[DraftFile] = [{"id": first, "file": file.as_json()} for file in given.files]
    draft = _changed(here, before, [*before["parts"], *words], [*before["files"], *files])
    return _ask(here, draft, case, large)


def correct(here: Situation) -> Step:
    """A message whose words wait was edited: what would be sent is shown anew."""
    assert here.draft is not None
    case, given = here.facts.case, here.input
    if case is None:
        return Step(here.memory, (Reply("case_unknown"),))
    edited, text = given.remote_ids[0], given.text.strip()
    parts: list[Part] = [
        {"id": each["id"], "text": text if each["id"] == edited else each["text"]}
        for each in here.draft["parts"]
    ]
    if text and not any(each["id"] == edited for each in parts):
        # A file that came without words.
        parts.append({"id": edited, "text": text})
    if not any(each["text"] for each in parts) and not here.draft["files"]:
        parts = here.draft["parts"]
    return _ask(here, _changed(here, here.draft, parts, here.draft["files"]), case)


def too_late(here: Situation) -> Step:
    case_id = here.facts.case.id if here.facts.case else None
    return Step(here.memory, (Reply("edit_too_late", case_id=case_id),))


def send(here: Situation) -> Step:
    return _confirmed(here, "answer")


def resolve(here: Situation) -> Step:
    return _confirmed(here, "answer_and_resolve")


def keep_as_note(here: Situation) -> Step:
    return _confirmed(here, "note")


def _confirmed(here: Situation, action: str) -> Step:
    assert here.draft is not None
    case, draft = here.facts.case, here.draft
    if case is None or not case.stands:
        return Step(here.memory, (Reply("case_unknown"),))
    if action not in case.may:
        # Somebody ended the case meanwhile.
        return _ask(here, draft, case, (impossible(case),))
    text, files = text_of(draft), files_of(draft)
    ids = tuple(dict.fromkeys(each["id"] for each in (*draft["parts"], *draft["files"])))
    act: Act = (
        Note(case.id, text, files, ids) if action == "note" else Answer(case.id, text, files, ids, action)
    )
    said = {"note": "noted", "answer": "sent", "answer_and_resolve": "sent_resolved"}[action]
    return Step(_without(here), (_done(here, said, case, text, files),), (act,))


def _done(here: Situation, name: str, case: CaseFact, text: str, files: tuple[KeptFile, ...]) -> Reply:
    values = {
        "folio": case.folio, "name": here.facts.name, "requester": case.requester,
        "text": shortened(text, _EXCERPT), "files": len(files),
    }  # fmt: skip
    return Reply(name, values, case_id=case.id, edits=_tapped(here))


def discard(here: Situation) -> Step:
    assert here.draft is not None
    return Step(_without(here), (Reply("discarded", case_id=here.draft["case"], edits=_tapped(here)),))


def not_yours_to_confirm(here: Situation) -> Step:
    """The tap of a colleague changes nothing."""
    return Step(here.memory, (Reply("not_yours_to_confirm", {"name": here.facts.name}),))


def note(here: Situation) -> Step:
    """/nota with words or files, in reply to a message of a case or in its topic: kept at once."""
    case, given = here.facts.case, here.input
    text = given.argument.strip() or given.text.strip()
    if case is None:
        return Step(here.memory, (Reply("note_how"),))
    if not case.stands:
        return Step(here.memory, (Reply("not_yours", {"folio": case.folio}),))
    if "note" not in case.may:
        return Step(here.memory, (impossible(case),))
    large = not_taken(here, case)
    if not text and not given.files:
        return Step(here.memory, large or (Reply("note_empty"),))
    said = _done(here, "noted", case, "", given.files)
    return Step(here.memory, (*large, said), (Note(case.id, text, given.files, given.remote_ids),))


def _refusal(case: CaseFact) -> Reply | None:
    if not case.stands:
        return Reply("not_yours", {"folio": case.folio})
    return None if case.may & {"answer", "note"} else impossible(case)


def impossible(case: CaseFact) -> Reply:
    """The workflow does not allow it in this state, or not to this person."""
    values = {"folio": case.folio, "state": case.state, "holder": case.holder}
    return Reply("impossible", values, case_id=case.id)


def not_taken(here: Situation, case: CaseFact) -> tuple[Reply, ...]:
    """What is said about files that did not arrive."""
    given, replies = here.input, []
    if given.too_large:
        values = {"names": [shortened(name, 80) for name in given.too_large], "link": case.link}
        replies.append(Reply("too_large", values, case_id=case.id))
    if given.missing:
        names = [shortened(name, 80) for name in given.missing]
        replies.append(Reply("not_fetched", {"names": names}, case_id=case.id))
    return tuple(replies)


def _ask(here: Situation, draft: Draft, case: CaseFact, before: tuple[Reply, ...] = ()) -> Step:
    others = [each for each in here.memory.get("drafts", []) if each["id"] != draft["id"]]
    files = files_of(draft)
    values = {
        "folio": case.folio, "requester": case.requester, "way": case.way, "state": case.state,
        "may_answer": "answer" in case.may, "text": text_of(draft),
        "files": [shortened(file.filename, 80) for file in files[:_NAMES]], "more": len(files[_NAMES:]),
    }  # fmt: skip
    question = Reply("question", values, _buttons(draft, case), case_id=case.id, is_question=True)
    return Step({**here.memory, "drafts": [*others, draft]}, (*before, question))


def _buttons(draft: Draft, case: CaseFact) -> Keyboard:
    key = f"{draft['id']}:{draft['revision']}"
    wanted = (("answer", "send"), ("answer_and_resolve", "resolve"), ("note", "note"))
    rows = [(Button(f"st:{verb}:{key}", verb),) for action, verb in wanted if action in case.may]
    return (*rows, (Button(f"st:discard:{key}", "discard"),))


def _changed(here: Situation, draft: Draft, parts: list[Part], files: list[DraftFile]) -> Draft:
    return Draft(
        id=draft["id"], revision=draft["revision"] + 1, person=draft["person"], case=draft["case"],
        parts=parts, files=files, at=here.facts.at,
    )  # fmt: skip


def text_of(draft: Draft) -> str:
    return "\n\n".join(part["text"] for part in draft["parts"] if part["text"])


def files_of(draft: Draft) -> tuple[KeptFile, ...]:
    return tuple(KeptFile.from_json(each["file"]) for each in draft["files"])


def _without(here: Situation) -> Memory:
    gone = here.draft["id"] if here.draft else 0
    return {**here.memory, "drafts": [each for each in here.memory.get("drafts", []) if each["id"] != gone]}


def _tapped(here: Situation) -> int:
    """The question that was answered, whose place the answer takes."""
    from_tap = here.input.tap and here.input.remote_ids
    return here.input.remote_ids[0] if from_tap else 0
