"""What a requester does with cases that exist: see, add, close, reopen, complain, rate, correct. Pure."""

from __future__ import annotations

from dataclasses import replace

from bots.dialog_content import as_input, corrected, merged, words_of
from bots.dialog_draft import begin, edited, not_fetched, not_taken, onward, stay, without
from bots.dialog_questions import (
    BACK,
    CASES_PAGE,
    HOME,
    MINE,
    NEW,
    candidates,
    question,
    shortened,
)
from bots.dialog_terms import (
    Act,
    Button,
    CaseFact,
    Close,
    Complain,
    Data,
    FollowUp,
    Input,
    Rate,
    Reopen,
    Reply,
    Revise,
    Situation,
    State,
    Step,
    Withdraw,
)

ASIDES = frozenset({State.ADDING, State.COMPLAINING, State.RATING, State.LINKING})
# From where an aside may begin, and hence where it may lead back.
MAINLAND = frozenset(set(State) - ASIDES)
_ACTIONS = ("close", "reopen", "complain")


# Words and files for a case.


def begin_or_follow(here: Situation) -> Step:
    """Without any hint: the one open case, or the person says which, or it is a new request."""
    if here.facts.is_greeting and not here.input.files:
        return welcome(here)
    if here.facts.case is not None and not here.input.files:
        # Nothing but a folio.
        return see(here)
    found = candidates(here.facts)
    if not found:
        return begin(here)
    if len(found) == 1 and found[0].is_open:
        return _file(here, found[0], here.input)
    data: Data = {**here.data, "content": merged(without(here.data, "content"), here.input)}
    which = question(State.CHOOSING_CASE, data, here.facts)
    return Step(State.CHOOSING_CASE, data, (*not_fetched(here.input), which))


def welcome(here: Situation) -> Step:
    values = {
        "name": here.facts.name,
        "institution": here.facts.institution,
        "is_staff": here.facts.is_staff,
    }
    return Step(State.IDLE, without(here.data, "content"), (Reply("welcome", values, HOME),))


def file_reply(here: Situation) -> Step:
    """A reply to a message about a case goes to that case, whatever else is under way."""
    assert here.facts.case is not None
    if here.state == State.CHOOSING_CASE:
        # Asked which case it is about, the person shows it.
        return _file(here, here.facts.case, as_input(merged(here.data, here.input)))
    step = _file(here, here.facts.case, here.input)
    if here.state == State.IDLE:
        return step
    asked = question(here.state, here.data, here.facts)
    said = (replace(reply, buttons=()) for reply in step.replies)
    return replace(step, state=here.state, data=here.data, replies=(*said, asked))


def _file(here: Situation, case: CaseFact, given: Input) -> Step:
    acts = _follow_up(case.id, given)
    values = {"folio": case.folio, "subject": shortened(case.subject), "files": len(given.files)}
    added = (Reply("added", values, HOME, case_id=case.id),) if acts else ()
    large = not_taken(given, case.id)
    if large and not added:
        large = (*large[:-1], replace(large[-1], buttons=HOME))
    return Step(State.IDLE, without(here.data, "content"), (*large, *added), acts)


def _follow_up(case_id: int, given: Input) -> tuple[Act, ...]:
    if not given.text.strip() and not given.files:
        return ()
    return (FollowUp(case_id, words_of(given).strip(), given.files, given.remote_ids),)


def add_to_waiting(here: Situation) -> Step:
    """More came before the person said which case it is about; a folio says it."""
    if here.facts.case is not None and not here.input.files:
        return _picked(here, here.facts.case)
    data: Data = {**here.data, "content": merged(here.data, here.input)}
    return stay(here, *not_fetched(here.input), data=data)


def pick(here: Situation) -> Step:
    """The person says which case it is about."""
    case = here.facts.case
    return _picked(here, case) if case is not None else stay(here, Reply("case_unknown"))


def _picked(here: Situation, case: CaseFact) -> Step:
    return _file(here, case, as_input(here.data["content"]))


def pick_new(here: Situation) -> Step:
    """It is about none of them."""
    given = as_input(here.data["content"])
    return begin(replace(here, input=given, data=without(here.data, "content")))


# Lists and cards.


def list_cases(here: Situation) -> Step:
    """The person's cases, a page of them, each with its buttons; one alone is shown whole."""
    cases = here.facts.cases
    if not cases:
        return _told(here, Reply("no_cases", buttons=((NEW,),)))
    if len(cases) == 1:
        return _told(here, card(cases[0]))
    tap = here.input.tap.split(":")
    page = int(tap[1]) if len(tap) > 1 and tap[1].isdecimal() else 0
    pages = -(-len(cases) // CASES_PAGE)
    page = min(page, pages - 1)
    shown = cases[page * CASES_PAGE : (page + 1) * CASES_PAGE]
    rows: list[tuple[Button, ...]] = []
    for case in shown:
        rows += [(Button(_on(case, "see"), text=shortened(f"{case.folio} {case.subject}", 60)),)]
        rows += [_actions(case)]
    turns = [Button(f"mine:{page - 1}", "previous")] if page else []
    turns += [Button(f"mine:{page + 1}", "next")] if page + 1 < pages else []
    lines = [{"folio": case.folio, "subject": shortened(case.subject), "state": case.state} for case in shown]
    edits = here.input.remote_ids[0] if len(tap) > 1 and here.input.remote_ids else 0
    buttons = (*rows, *((tuple(turns),) if turns else ()), (NEW,))
    return _told(here, Reply("cases", {"cases": lines}, buttons, edits=edits))


def card(case: CaseFact) -> Reply:
    """All about one case."""
    values = {
        "folio": case.folio,
        "subject": shortened(case.subject),
        "state": case.state,
        "attends": case.attends,
        "link": case.link,
        "last_answer": shortened(case.last_answer, 600),
    }
    return Reply("case", values, (_actions(case), (NEW, MINE)), case_id=case.id)


def _actions(case: CaseFact) -> tuple[Button, ...]:
    possible = [name for name in _ACTIONS if name in case.actions]
    return (Button(_on(case, "add"), "add"), *(Button(_on(case, name), name) for name in possible))


def _on(case: CaseFact, action: str) -> str:
    return f"case:{case.id}:{action}"


def _told(here: Situation, *replies: Reply) -> Step:
    """An answer that changes nothing; the question that was open is asked again."""
    if here.state == State.IDLE:
        return Step(State.IDLE, here.data, replies)
    return stay(here, *replies)


def see(here: Situation) -> Step:
    case = here.facts.case
    return _told(here, card(case)) if case is not None else unknown_case(here)


def unknown_case(here: Situation) -> Step:
    return _told(here, Reply("case_unknown", buttons=HOME))


def tell_state(here: Situation) -> Step:
    """/estado with a folio, or of all."""
    return see(here) if here.input.argument.strip() else list_cases(here)


# Asides: something is written about one case, and then the conversation goes on where it was.


def aside(here: Situation, state: State, values: Data, *leads: Reply) -> Step:
    """Ask for something else; *values* are remembered until it is answered."""
    back = here.data.get("back", State.IDLE) if here.state in ASIDES else here.state
    data: Data = {**here.data, **values, "back": back}
    return Step(state, data, (*leads, question(state, data, here.facts)))


def landed(here: Situation) -> tuple[State, Data]:
    """Where the conversation goes on after an aside."""
    data = without(here.data, "back", "case", "folio", "score")
    back = here.data.get("back", State.IDLE) if here.state in ASIDES else here.state
    return back, data


def leave(here: Situation, *leads: Reply, acts: tuple[Act, ...] = ()) -> Step:
    """Back to where the aside began; *leads* say what came of it."""
    state, data = landed(here)
    if state == State.IDLE and (leads or acts):
        if leads and not leads[-1].buttons:
            leads = (*leads[:-1], replace(leads[-1], buttons=HOME))
        return Step(state, data, leads, acts)
    return Step(state, data, (*leads, question(state, data, here.facts)), acts)


def back(here: Situation) -> Step:
    return leave(here)


def ask_addition(here: Situation) -> Step:
    """*Add* was tapped; what waits for a case goes there at once."""
    case = here.facts.case
    if case is None:
        return unknown_case(here)
    if here.state == State.CHOOSING_CASE:
        return _picked(here, case)
    return aside(here, State.ADDING, {"case": case.id, "folio": case.folio})


def add(here: Situation) -> Step:
    """It goes to the case that was tapped; more may follow."""
    given, case_id = here.input, here.data["case"]
    values = {"folio": here.data.get("folio", ""), "subject": "", "files": len(given.files)}
    acts = _follow_up(case_id, given)
    added = (Reply("added", values, case_id=case_id),) if acts else ()
    asked = question(State.ADDING, here.data, here.facts)
    return Step(here.state, here.data, (*not_taken(given, case_id), *added, asked), acts)


def ask_close(here: Situation) -> Step:
    """An open case: was it solved, or is it not needed any more? A resolved one is just closed."""
    case = here.facts.case
    if case is None or "close" not in case.actions:
        return _no_longer(here)
    if not case.is_open:
        return close(here)
    withdraw = (Button(_on(case, "withdraw"), "withdraw"),) if "withdraw" in case.actions else ()
    buttons = ((Button(_on(case, "closed"), "solved"),), *((withdraw,) if withdraw else ()), (BACK,))
    values = {"folio": case.folio, "subject": shortened(case.subject)}
    return Step(here.state, here.data, (Reply("ask_close", values, buttons, case_id=case.id),))


def close(here: Situation) -> Step:
    case = here.facts.case
    if case is None or "close" not in case.actions:
        return _no_longer(here)
    return leave(here, acts=(Close(case.id),))


def withdraw(here: Situation) -> Step:
    case = here.facts.case
    if case is None or "withdraw" not in case.actions:
        return _no_longer(here)
    return leave(here, Reply("withdrawn", {"folio": case.folio}), acts=(Withdraw(case.id),))


def reopen(here: Situation) -> Step:
    """It goes on, and the person may say at once what is still wrong."""
    case = here.facts.case
    if case is None or "reopen" not in case.actions:
        return _no_longer(here)
    lead = Reply("reopened", {"folio": case.folio}, case_id=case.id)
    step = aside(here, State.ADDING, {"case": case.id, "folio": case.folio}, lead)
    return replace(step, acts=(Reopen(case.id),))


def ask_complaint(here: Situation) -> Step:
    case = here.facts.case
    if case is None or "complain" not in case.actions:
        return _no_longer(here)
    return aside(here, State.COMPLAINING, {"case": case.id, "folio": case.folio})


def complain(here: Situation) -> Step:
    """The words of a complaint; without words there is none."""
    given = here.input
    if not given.text.strip():
        return stay(here, *not_taken(given, here.data["case"]), Reply("complaint_needs_words"))
    act = Complain(here.data["case"], words_of(given).strip(), given.files, given.remote_ids)
    return leave(here, *not_taken(given, here.data["case"]), acts=(act,))


def rate(here: Situation) -> Step:
    """The stars count at once; words may follow."""
    case, parts = here.facts.case, here.input.tap.split(":")
    score = int(parts[2]) if len(parts) > 2 and parts[2].isdecimal() else 0
    if case is None or "rate" not in case.actions or not 1 <= score <= 5:
        return _no_longer(here)
    values: Data = {"case": case.id, "folio": case.folio, "score": score}
    return replace(aside(here, State.RATING, values), acts=(Rate(case.id, score),))


def rate_words(here: Situation) -> Step:
    """What the person says about it; files tell nothing about it, and are asked for as words."""
    if not here.input.text.strip():
        return stay(here, Reply("rating_needs_words"))
    act = Rate(here.data["case"], here.data.get("score", 5), words_of(here.input).strip())
    return leave(here, Reply("rated"), acts=(act,))


def _no_longer(here: Situation) -> Step:
    """The button was offered when the case was in another state."""
    if here.facts.case is None:
        return unknown_case(here)
    return _told(here, Reply("no_longer"), card(here.facts.case))


# Corrections.


def correct(here: Situation) -> Step:
    """An edited message: of the draft, of what waits, or of a case."""
    data, key = here.data, here.input.remote_ids[0] if here.input.remote_ids else 0
    if "draft" in data and (draft := edited(data["draft"], here)) is not None:
        return _corrected(here, {**data, "draft": draft})
    if "content" in data and (content := corrected(data["content"], here.input)) is not None:
        return stay(here, data={**data, "content": content})
    case = here.facts.case
    if case is None:
        return _told(here, Reply("edit_too_late", buttons=HOME))
    text, files = here.input.text.strip(), here.input.files
    if not text and not files:
        # Its words were taken away: nothing that a revision could say.
        return _told(here, Reply("edit_too_late", buttons=HOME))
    acts = (Revise(key, text, files),)
    values = {"folio": case.folio}
    return replace(_told(here, Reply("revised", values, HOME, case_id=case.id)), acts=acts)


def _corrected(here: Situation, data: Data) -> Step:
    if here.state in ASIDES or here.state in (State.RESUMING, State.CHANGING, State.IDLE):
        return stay(here, Reply("corrected"), data=data)
    return onward(replace(here, data=data), data["draft"], Reply("corrected"))
