"""What a clerk does with cases by buttons: list, see, take, hand on. Pure."""

from __future__ import annotations

from bots.dialog_questions import shortened
from bots.dialog_terms import Button, Keyboard, Reply
from bots.staff_drafts import impossible
from bots.staff_terms import CaseFact, HandOn, Situation, Step, Take

PAGE = 8
CASES_PAGE = 5


def list_pending(here: Situation) -> Step:
    """/pendientes: one's open cases, a page of them, each with its button."""
    found = here.facts.pending
    if not found:
        return Step(here.memory, (Reply("no_pending"),))
    page, pages = _page(here, len(found), CASES_PAGE, at=1)
    shown = found[page * CASES_PAGE : (page + 1) * CASES_PAGE]
    rows = [
        (Button(f"st:see:{case.id}", text=shortened(f"{case.folio} {case.subject}", 60)),) for case in shown
    ]
    values = {"cases": [_values(case) for case in shown], "count": len(found)}
    buttons = (*rows, *_turns("st:mine", page, pages))
    return Step(here.memory, (Reply("pending", values, buttons, edits=_edited(here, "mine")),))


def see(here: Situation) -> Step:
    """One case, with what may be done to it here."""
    case = here.facts.case
    if case is None or not case.stands:
        return _unknown(here)
    return Step(here.memory, (Reply("case", _values(case), case_buttons(case), case_id=case.id),))


def case_buttons(case: CaseFact) -> Keyboard:
    """[Take] [Hand on…] [See it in the panel], as far as the person may."""
    wanted = (("take", "take"), ("assign", "turn"))
    acts = tuple(Button(f"st:{verb}:{case.id}", verb) for action, verb in wanted if action in case.may)
    panel = (Button("", "panel", url=case.link),) if case.link else ()
    return tuple(row for row in (acts, panel) if row)


def take(here: Situation) -> Step:
    case = here.facts.case
    if case is None or not case.stands:
        return _unknown(here)
    if "take" not in case.may:
        return Step(here.memory, (impossible(case),))
    said = Reply("taken", {"folio": case.folio, "name": here.facts.name}, case_id=case.id)
    return Step(here.memory, (said,), (Take(case.id),))


def choose_target(here: Situation) -> Step:
    """To whom: first the colleagues, then the dependencias, page by page."""
    case, targets = here.facts.case, here.facts.targets
    if case is None or not case.stands:
        return _unknown(here)
    if "assign" not in case.may:
        return Step(here.memory, (impossible(case),))
    page, pages = _page(here, len(targets), PAGE, at=2)
    shown = targets[page * PAGE : (page + 1) * PAGE]
    rows = [
        (Button(f"st:to:{case.id}:{each.key}", text=shortened(each.name, 60) or each.key),) for each in shown
    ]
    buttons = (*rows, *_turns(f"st:page:{case.id}", page, pages), (Button(f"st:keep:{case.id}", "keep"),))
    values = {"folio": case.folio, "subject": shortened(case.subject)}
    reply = Reply("choose_target", values, buttons, case_id=case.id, is_question=True,
                  edits=_edited(here, "page"))  # fmt: skip
    return Step(here.memory, (reply,))


def hand_on(here: Situation) -> Step:
    case = here.facts.case
    if case is None or not case.stands:
        return _unknown(here)
    if "assign" not in case.may:
        return Step(here.memory, (impossible(case),))
    wanted = here.input.tap.rpartition(":")[2]
    target = next((each for each in here.facts.targets if each.key == wanted), None)
    if target is None:
        # Somebody left, or holds it already.
        return choose_target(here)
    values = {"folio": case.folio, "name": here.facts.name, "target": target.name}
    said = Reply("turned", values, case_id=case.id, edits=_edited(here, "to"))
    return Step(here.memory, (said,), (HandOn(case.id, target.key),))


def keep(here: Situation) -> Step:
    """It stays where it is."""
    case = here.facts.case
    if case is None or not case.stands:
        return _unknown(here)
    return Step(
        here.memory, (Reply("kept", {"folio": case.folio}, case_id=case.id, edits=_edited(here, "keep")),)
    )


def old_button(here: Situation) -> Step:
    return Step(here.memory, (Reply("old_button"),))


def _unknown(here: Situation) -> Step:
    case = here.facts.case
    # Of a case that others attend we say no more than its folio, which this chat was told.
    return Step(here.memory, (Reply("not_yours", {"folio": case.folio}) if case else Reply("case_unknown"),))


def _values(case: CaseFact) -> dict[str, object]:
    return {
        "folio": case.folio, "subject": shortened(case.subject), "state": case.state,
        "requester": case.requester, "holder": case.holder, "due": case.due, "link": case.link,
        "last_words": shortened(case.last_words, 900),
    }  # fmt: skip


def _page(here: Situation, count: int, size: int, at: int) -> tuple[int, int]:
    """The page that the tap asks for, and how many there are."""
    arguments = here.input.tap.split(":")
    wanted = arguments[at + 1] if at + 1 < len(arguments) else ""
    pages = max(1, -(-count // size))
    page = int(wanted) if wanted.isascii() and wanted.isdecimal() and len(wanted) < 9 else 0
    return min(page, pages - 1), pages


def _turns(verb: str, page: int, pages: int) -> Keyboard:
    turns = [Button(f"{verb}:{page - 1}", "previous")] if page else []
    turns += [Button(f"{verb}:{page + 1}", "next")] if page + 1 < pages else []
    return (tuple(turns),) if turns else ()


def _edited(here: Situation, verb: str) -> int:
    """The list that was tapped, whose place this one takes."""
    return (
        here.input.remote_ids[0] if here.input.tap.startswith(f"st:{verb}") and here.input.remote_ids else 0
    )
