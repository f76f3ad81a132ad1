"""The table of clerks in chat: nothing is sent but by the tap of who wrote it, and no words get lost."""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bots.dialog_drawing import staff_drawing
from bots.dialog_terms import Input, Kind
from bots.staff import PREFIX, TABLE, next_step, remembered, row_for, situation
from bots.staff_counter import words_of
from bots.staff_door import TOLD_SECONDS
from bots.staff_drafts import text_of
from bots.staff_terms import Answer, CaseFact, Draft, Facts, HandOn, Note, State, Step, Take, Target, VoidLink
from intake.chat.chat_files import KeptFile
from intake.wording import speaking
from templates import FOLDER, LANGUAGES, labels

PROFILE = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
NOW = 1_800_000_000
Scene = tuple[dict[str, Any], Input, Facts]
ACTIONS = ("answer", "answer_and_resolve", "note", "take", "assign")

small = st.integers(1, 3)
texts = st.one_of(st.text(max_size=40), st.sampled_from(["", "Ya quedó.", "<b>&\u202e" * 30, "x" * 4096]))
files = st.lists(
    st.builds(KeptFile, st.text(min_size=1, max_size=300), st.just("image/jpeg"), st.just(""), st.just(9),
              st.just("ab" * 32)),
    max_size=3,
).map(tuple)  # fmt: skip
names = st.lists(st.text(max_size=300), max_size=3).map(tuple)
VERBS = sorted({row.on.split(":")[1] for row in TABLE if row.on.startswith("tap:")})
COMMANDS = sorted({row.on[1:].split()[0] for row in TABLE if row.on.startswith("/")})
taps = st.one_of(
    st.builds(lambda verb, a, b: f"{PREFIX}{verb}:{a}:{b}", st.sampled_from(VERBS), small,
              st.one_of(small, st.sampled_from(["a1", "d1", "a9", "x", "99999999999999"]))),
    st.builds(lambda verb, a: f"{PREFIX}{verb}:{a}", st.sampled_from(VERBS), small),
    st.text(max_size=60).map(lambda text: PREFIX + text),
)  # fmt: skip
ids = st.lists(small, min_size=1, max_size=3, unique=True).map(tuple)
inputs = st.one_of(
    st.builds(Input, st.just(Kind.CONTENT), text=texts, files=files, too_large=names, missing=names,
              remote_ids=ids, replied_to=small),
    st.builds(Input, st.just(Kind.EDIT), text=texts, remote_ids=ids),
    st.builds(Input, st.just(Kind.TAP), tap=taps, remote_ids=ids),
    st.builds(Input, st.just(Kind.COMMAND), argument=texts, files=files, remote_ids=ids,
              command=st.sampled_from([*COMMANDS, "otra"])),
    st.just(Input(Kind.REFUSED)),
)  # fmt: skip
case_facts = st.builds(
    CaseFact,
    id=small,
    folio=st.just("T-2026-000001"),
    subject=st.text(max_size=300),
    state=st.just("Turnado"),
    requester=st.text(max_size=80),
    holder=st.sampled_from(["", "Jaime"]),
    way=st.sampled_from(["", "por Telegram"]),
    last_words=texts,
    link=st.sampled_from(["", "https://example.gob.mx/admin/casos/1"]),
    may=st.one_of(st.just(frozenset(ACTIONS)), st.frozensets(st.sampled_from(ACTIONS))),
    stands=st.sampled_from([True, True, True, False]),
)
targets = st.builds(
    Target, st.sampled_from(["a1", "a2", "d1", "d2"]), st.text(max_size=300).map("Área {}".format)
)
facts = st.builds(
    Facts,
    user=small,
    person=st.sampled_from([1, 2, 1, 2, 0]),
    name=st.text(max_size=80),
    has_left=st.booleans(),
    is_group=st.booleans(),
    dependencia=st.sampled_from(["", "Obras"]),
    case=st.one_of(case_facts, case_facts, st.none()),
    pending=st.lists(case_facts, max_size=12).map(tuple),
    targets=st.lists(targets, max_size=20).map(tuple),
    panel=st.just("https://example.gob.mx/admin/telegram/"),
    at=st.just(NOW),
)  # fmt: skip
part = st.fixed_dictionaries({"id": small, "text": st.text(min_size=1, max_size=20)})
kept = files.map(lambda found: [{"id": 1, "file": file.as_json()} for file in found])
drafts = st.lists(
    st.fixed_dictionaries(
        {"id": small, "revision": small, "person": st.integers(1, 2), "case": small,
         "parts": st.lists(part, min_size=1, max_size=3), "files": kept,
         "at": st.sampled_from([NOW, NOW, NOW - 30 * 86_400])}
    ),
    max_size=3,
)  # fmt: skip
told = st.dictionaries(st.sampled_from(["1", "2", "3"]), st.sampled_from([NOW, NOW - 2 * TOLD_SECONDS]))
memories = st.builds(
    lambda found, known: {"drafts": list({each["id"]: each for each in found}.values()), "told": known},
    drafts, told,
)  # fmt: skip
nonsense = st.dictionaries(
    st.sampled_from(["drafts", "told", "other"]),
    st.one_of(st.none(), st.integers(), st.text(max_size=5), st.lists(st.integers(), max_size=2)),
)


@st.composite
def scenes(draw: st.DrawFn) -> tuple[dict[str, Any], Input, Facts]:
    """Something happens in a chat, more often than not about words that wait there."""
    memory, came, known = draw(memories), draw(inputs), draw(facts)
    match draw(st.sampled_from(["words", "words", "case", "anything"])):
        case "words" if memory["drafts"]:
            about = draw(st.sampled_from(memory["drafts"]))
            known = replace(known, case=replace(draw(case_facts), id=about["case"]))
            verb = draw(st.sampled_from(["send", "send", "resolve", "note", "discard"]))
            tap = f"{PREFIX}{verb}:{about['id']}:{about['revision'] + draw(st.sampled_from([0, 0, 1]))}"
            came = draw(st.sampled_from([Input(Kind.TAP, tap=tap, remote_ids=(9,)), came]))
        case "case":
            known = replace(
                known, case=draw(case_facts), targets=(Target("a1", "Ana"), Target("d1", "Obras"))
            )
            number = known.case.id if known.case else 0
            verb = draw(st.sampled_from(["take", "turn", "see", "keep", "to"]))
            tap = f"{PREFIX}{verb}:{number}" + (draw(st.sampled_from([":a1", ":a7"])) if verb == "to" else "")
            note = Input(Kind.COMMAND, command="nota", argument="Falta algo.", remote_ids=(8,))
            came = draw(st.sampled_from([Input(Kind.TAP, tap=tap, remote_ids=(9,)), note]))
    if came.kind == Kind.CONTENT:
        # Telegram gives no number twice in a chat.
        came = replace(came, remote_ids=(77,))
    return memory, came, known


def waiting(memory: object, known: Facts) -> list[Draft]:
    """What waits in a memory and is not forgotten."""
    return situation(remembered(memory), Input(Kind.REFUSED), known).memory.get("drafts", [])


@PROFILE
@given(scenes(), st.one_of(st.none(), nonsense))
def test_any_input_gets_an_answer_but_for_strangers_who_were_told(
    scene: Scene, broken: dict[str, Any] | None
) -> None:
    memory, came, known = scene
    memory = memory if broken is None else broken
    step = next_step(memory, came, known)
    here = situation(memory, came, known)
    if row_for(here).on == "stranger" and known.is_group and str(known.user) in here.memory.get("told", {}):
        assert not step.replies and not step.acts
    else:
        assert step.replies
    check_words(step)


def check_words(step: Step) -> None:
    for reply in step.replies:
        for row in reply.buttons:
            assert row
            for button in row:
                assert 1 <= len(button.data.encode()) <= 64 or button.url
                assert button.text or f"chat_staff.button.{button.label}" in labels("es")
        for code in LANGUAGES:
            with speaking(code):
                assert words_of(reply).strip()


@PROFILE
@given(scenes())
def test_nobody_does_what_they_may_not(scene: Scene) -> None:
    memory, came, known = scene
    for act in next_step(memory, came, known).acts:
        if isinstance(act, VoidLink):
            continue
        assert known.person, "a stranger acts"
        assert known.case is not None and known.case.id == act.case_id and known.case.stands
        needed = {Note: "note", Take: "take", HandOn: "assign"}.get(type(act)) or getattr(act, "then", "")
        assert needed in known.case.may


@PROFILE
@given(scenes())
def test_only_a_tap_of_who_wrote_it_sends_and_it_sends_what_was_shown(scene: Scene) -> None:
    memory, came, known = scene
    for act in next_step(memory, came, known).acts:
        if isinstance(act, Answer):
            assert came.kind == Kind.TAP
            (sent,) = [
                each for each in waiting(memory, known)
                if came.tap.split(":")[2:] == [str(each["id"]), str(each["revision"])]
            ]  # fmt: skip
            assert sent["person"] == known.person and act.text == text_of(sent)
            assert len(act.files) == len(sent["files"])


@PROFILE
@given(scenes())
def test_words_that_wait_are_lost_to_nobody_else(scene: Scene) -> None:
    memory, came, known = scene
    step = next_step(memory, came, known)
    after = {each["id"]: each for each in waiting(step.memory, known)}
    for before in waiting(memory, known):
        if before["id"] not in after:
            assert came.kind == Kind.TAP and before["person"] == known.person
            assert step.acts or "discard" in came.tap
        elif before["person"] != known.person:
            assert after[before["id"]] == before


@PROFILE
@given(scenes())
def test_what_is_asked_can_be_discarded_with_one_tap(scene: Scene) -> None:
    memory, came, known = scene
    step = next_step(memory, came, known)
    for button in (button for reply in step.replies for row in reply.buttons for button in row):
        if button.label == "discard":
            after = next_step(step.memory, Input(Kind.TAP, tap=button.data, remote_ids=(9,)), known)
            assert len(after.memory.get("drafts", [])) == len(step.memory.get("drafts", [])) - 1
            assert not after.acts and after.replies[0].edits == 9


ACTS = {
    "send": ("answer", Answer), "resolve": ("answer_and_resolve", Answer), "note": ("note", Note),
    "take": ("take", Take), "to": ("assign", HandOn), "/nota": ("note", Note),
}  # fmt: skip


@pytest.mark.parametrize("verb", ACTS)
@pytest.mark.parametrize(
    ("person", "stands", "may", "is_current"), list(product((0, 1, 2), *[(True, False)] * 3))
)
def test_an_act_needs_who_wrote_it_standing_the_workflow_and_the_present_button(
    verb: str, person: int, stands: bool, may: bool, is_current: bool
) -> None:
    action, kind = ACTS[verb]
    waits = Draft(id=5, revision=2, person=1, case=7, parts=[{"id": 5, "text": "Va."}], files=[], at=NOW)
    case = CaseFact(7, "T-2026-000007", may=frozenset(set(ACTIONS) - {action} | ({action} if may else set())),
                    stands=stands)  # fmt: skip
    known = Facts(user=3, person=person, case=case, targets=(Target("a1", "Ana"),), at=NOW)
    tap = {"take": "take:7", "to": f"to:7:{'a1' if is_current else 'a9'}"}.get(verb, "")
    tap = tap or f"{verb}:5:{2 if is_current else 1}"
    came = Input(Kind.TAP, tap=PREFIX + tap, remote_ids=(9,))
    if verb == "/nota":
        came = Input(Kind.COMMAND, command="nota", argument="Va.", remote_ids=(9,))
    has_draft = verb in ("send", "resolve", "note")
    acts = next_step({"drafts": [waits]}, came, known).acts
    is_right_person = person == 1 if has_draft else person > 0
    is_right_button = is_current or verb in ("take", "/nota")
    assert [type(act) for act in acts] == [kind] * (is_right_person and stands and may and is_right_button)


def test_every_state_has_a_row_for_every_kind_of_input() -> None:
    wanted = {"reply", "edit", "stranger", "/nota", "/pendientes", "/start", "/start link", "/*", "tap:*"}
    for state in State:
        assert wanted <= {row.on for row in TABLE if state in row.sources}, state


def test_no_two_rows_decide_the_same_input_in_the_same_state() -> None:
    pairs = [(state, row.on) for row in TABLE for state in row.sources]
    assert len(pairs) == len(set(pairs))


def test_the_drawing_in_the_documentation_is_that_of_the_table() -> None:
    readme = (FOLDER.parent / "bots" / "README.md").read_text(encoding="utf-8")
    assert f"```mermaid\n{staff_drawing()}\n```" in readme


def test_every_reply_is_either_a_template_or_a_label() -> None:
    templates = {path.stem.removeprefix("staff_") for path in (FOLDER / "chat").glob("staff_*.html")}
    for code in LANGUAGES:
        said = {key.removeprefix("chat_staff.say.") for key in labels(code) if "chat_staff.say." in key}
        assert not said & templates
