"""The table of the conversation: from any state and any memory, any input gets an answer and a way out."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from bots.answering import words_of
from bots.dialog import TABLE, next_step, row_for, settled
from bots.dialog_drawing import drawing
from bots.dialog_terms import (
    TELLING,
    CaseFact,
    Facts,
    FieldFact,
    Input,
    Kind,
    OpenRequest,
    ProposalFact,
    ServiceFact,
    State,
    Step,
)
from bots.formatting import MESSAGE, length, plain
from intake.chat.chat_files import KeptFile
from intake.wording import speaking
from models.service_field import FieldKind
from templates import FOLDER, LANGUAGES, labels

PROFILE = settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])

texts = st.one_of(
    st.text(max_size=40),
    st.sampled_from(
        ["", "Hola", "La impresora no enciende.\nYa probé todo.", "sí", "Listo", "Cancelar", "T-2026-000001",
         "ana@correo.example", "<b>&\u202e" * 30, "x" * 4096, "palabra " * 500, "Nueva solicitud"]
    ),
)  # fmt: skip
small = st.integers(0, 4)
file = st.builds(
    KeptFile,
    st.text(min_size=1, max_size=300),
    st.just("image/jpeg"),
    st.just(""),
    st.just(9),
    st.just("ab" * 32),
)
files = st.lists(file, max_size=12).map(tuple)
names = st.lists(st.text(max_size=300), max_size=12).map(tuple)

VERBS = sorted({row.on.split(":")[1] for row in TABLE if row.on.startswith("tap:")})
COMMANDS = sorted({row.on[1:].split()[0] for row in TABLE if row.on.startswith("/")} - {"*"})
taps = st.one_of(
    st.builds(lambda verb, a, b: f"{verb}:{a}:{b}", st.sampled_from(VERBS), small,
              st.one_of(small, st.sampled_from(["see", "add", "close", "closed", "withdraw", "reopen",
                                                "complain", "service", "files", "place", "answers", "yes",
                                                "1:0", "2:1"]))),
    st.builds(lambda verb, a: f"{verb}:{a}", st.sampled_from(VERBS), small),
    st.sampled_from(VERBS),
    st.text(max_size=64),
)  # fmt: skip
ids = st.lists(st.integers(1, 4), max_size=3, unique=True).map(tuple)
inputs = st.one_of(
    st.builds(Input, st.just(Kind.CONTENT), text=texts, is_place=st.booleans(), files=files, too_large=names,
              missing=names, remote_ids=ids, replied_to=st.integers(0, 1)),
    st.builds(Input, st.just(Kind.EDIT), text=texts, files=files, remote_ids=ids),
    st.builds(Input, st.just(Kind.TAP), tap=taps, remote_ids=ids),
    st.builds(Input, st.just(Kind.COMMAND), argument=texts, remote_ids=ids,
              command=st.one_of(st.sampled_from([*COMMANDS, "new", "help"]), texts)),
    st.just(Input(Kind.REFUSED)),
)  # fmt: skip

asked = st.builds(
    FieldFact,
    st.integers(1, 4),
    st.text(min_size=1, max_size=200).filter(str.strip),
    texts,
    st.sampled_from(FieldKind),
    st.lists(st.text(min_size=1, max_size=100), max_size=5).map(tuple),
    st.booleans(),
)
services = st.builds(
    ServiceFact,
    st.integers(1, 12),
    # The catalogue's form takes no blank name.
    st.text(min_size=1, max_size=300).filter(str.strip),
    st.sampled_from(["", "Soporte", "Obras"]),
    st.booleans(),
    st.lists(asked, max_size=3, unique_by=lambda each: each.id).map(tuple),
)
case_facts = st.builds(
    CaseFact,
    id=st.integers(1, 12),
    folio=st.just("T-2026-000001"),
    subject=st.text(max_size=500),
    state=st.just("Turnado"),
    is_open=st.booleans(),
    is_resolved=st.booleans(),
    last_answer=texts,
    actions=st.frozensets(st.sampled_from(["close", "withdraw", "reopen", "complain", "rate"])),
)
facts = st.builds(
    Facts,
    services=st.lists(services, max_size=12, unique_by=lambda each: each.id).map(tuple),
    cases=st.lists(case_facts, max_size=12, unique_by=lambda each: each.id).map(tuple),
    case=st.one_of(st.none(), case_facts),
    proposal=st.one_of(st.none(), st.builds(ProposalFact, st.one_of(st.none(), st.integers(1, 13)), texts)),
    link=st.sampled_from(["", "contact", "person", "group", "upload"]),
    is_linked=st.booleans(),
    is_staff=st.booleans(),
    days_silent=st.sampled_from([0.0, 0.6, 4.0]),
    is_greeting=st.booleans(),
    name=st.text(max_size=80),
    institution=st.just("Ayuntamiento"),
)

part = st.fixed_dictionaries({"id": small, "text": texts})
kept = file.map(lambda each: each.as_json())
draft = st.fixed_dictionaries(
    {"key": small},
    optional={
        "proposed": st.booleans(),
        "service": st.one_of(st.none(), st.integers(1, 13)),
        "subject": part,
        "description": st.lists(part, max_size=4),
        "place": part,
        "files": st.lists(st.fixed_dictionaries({"id": small, "file": kept}), max_size=12),
        "answers": st.lists(st.fixed_dictionaries({"field": small, "id": small, "text": texts}), max_size=4),
        "done": st.lists(st.sampled_from(["description", "place", "files", "field:1"]), max_size=4),
    },
)
content = st.fixed_dictionaries(
    {
        "ids": st.lists(small, max_size=3),
        "texts": st.lists(part, max_size=3),
        "is_place": st.booleans(),
        "files": st.lists(st.fixed_dictionaries({"id": small, "file": kept}), max_size=2),
        "large": st.lists(st.text(max_size=300), max_size=3),
    }
)
memories = st.fixed_dictionaries(
    {},
    optional={
        "draft": draft,
        "back": st.sampled_from([str(state) for state in State]),
        "case": small,
        "folio": st.just("T-2026-000001"),
        "score": st.integers(1, 5),
        "content": content,
    },
)
nonsense = st.dictionaries(
    st.sampled_from(["draft", "back", "case", "content", "folio"]),
    st.one_of(st.none(), st.integers(), st.text(max_size=5), st.lists(st.integers(), max_size=2)),
)
states = st.one_of(st.sampled_from([str(state) for state in State]), st.just("a state of long ago"))


@PROFILE
@given(states, st.one_of(memories, nonsense), inputs, facts)
@example("adding", {"back": ""}, Input(Kind.REFUSED), Facts())
def test_from_any_state_any_input_gets_an_answer_and_a_way_out(
    state: str, data: dict[str, Any], came: Input, known: Facts
) -> None:
    step = next_step(state, data, came, known)
    assert step.replies or any(isinstance(act, TELLING) for act in step.acts)
    row = row_for(settled(state, data, came, known))
    assert row.do is not None
    _check_words(step)
    _check_way_out(step, known)


@PROFILE
@given(st.lists(st.tuples(inputs, st.integers(0, 30)), max_size=12), facts)
@example([], Facts())
def test_every_walk_over_buttons_and_words_can_be_left(walk: list[tuple[Input, int]], known: Facts) -> None:
    """As people do it: what the bot offered last is tapped, or something else is sent."""
    state, data, offered = str(State.IDLE), dict[str, Any](), list[str]()
    for came, choice in walk:
        if choice < len(offered):
            came = Input(Kind.TAP, tap=offered[choice], remote_ids=(choice + 1,))
        step = next_step(state, data, came, known)
        state, data = str(step.state), dict(step.data)
        offered = [button.data for reply in step.replies for row in reply.buttons for button in row]
        _check_way_out(step, known)


def _check_words(step: Step) -> None:
    for reply in step.replies:
        for row in reply.buttons:
            assert row
            for button in row:
                assert 1 <= len(button.data.encode()) <= 64
                assert button.text or f"chat.button.{button.label}" in labels("es")
        for code in LANGUAGES:
            with speaking(code):
                said = words_of(reply, {"link": "https://example.gob.mx/subir/x", "dependencia": "Obras"})
            assert said.strip() and length(plain(said)) <= MESSAGE


def _check_way_out(step: Step, known: Facts) -> None:
    """A button that can be tapped now, and /cancelar, which ends anything in two steps at most."""
    if step.state == State.IDLE:
        return
    buttons = [button for row in step.replies[-1].buttons for button in row]
    assert buttons, step
    after = step
    for _ in range(2):
        after = next_step(after.state, after.data, Input(Kind.COMMAND, command="cancelar"), known)
    assert after.state == State.IDLE
    assert _leads_home(step, known, taps=3), (step.state, buttons)


def _leads_home(step: Step, known: Facts, taps: int) -> bool:
    """Whether so many taps on what is offered end whatever is under way."""
    if step.state == State.IDLE or not taps:
        return step.state == State.IDLE
    offered = (button for reply in step.replies for row in reply.buttons for button in row)
    return any(
        _leads_home(
            next_step(step.state, step.data, Input(Kind.TAP, tap=button.data), known), known, taps - 1
        )
        for button in sorted(
            offered, key=lambda each: each.label not in ("cancel", "back", "discard", "done", "skip")
        )
    )


def test_every_state_has_a_row_for_every_kind_of_input() -> None:
    wanted = {"content", "reply", "edit", "refused", "/*", "tap:*", "/start", "/cancelar"}
    for state in State:
        assert wanted <= {row.on for row in TABLE if state in row.sources}, state


def test_no_two_rows_decide_the_same_input_in_the_same_state() -> None:
    pairs = [(state, row.on) for row in TABLE for state in row.sources]
    assert len(pairs) == len(set(pairs))


def test_the_drawing_in_the_documentation_is_that_of_the_table() -> None:
    readme = (FOLDER.parent / "bots" / "README.md").read_text(encoding="utf-8")
    assert f"```mermaid\n{drawing()}\n```" in readme


def test_every_reply_has_its_words_in_every_language() -> None:
    templates = {path.stem for path in (FOLDER / "chat" / "dialog").glob("*.html")}
    for code in LANGUAGES:
        said = {key.removeprefix("chat.say.") for key in labels(code) if key.startswith("chat.say.")}
        assert not said & templates, "a reply is either a template or a label"


# What people do.

PRINTER = ServiceFact(1, "Soporte técnico", "Soporte técnico")
LAMP = ServiceFact(2, "Alumbrado", "Obras", asks_location=True)
OPEN = CaseFact(
    7, "T-2026-000007", "Bache en la calle Hidalgo", "Turnado", actions=frozenset({"close", "complain"})
)
OTHER = CaseFact(8, "T-2026-000008", "Lámpara fundida", "Turnado")
PHOTO = KeptFile("foto.jpg", "image/jpeg", "", 9, "ab" * 32)


class Talk:
    """A conversation with the table alone."""

    def __init__(self, known: Facts) -> None:
        self.known = known
        self.state, self.data = str(State.IDLE), dict[str, Any]()
        self.step = Step(State.IDLE, {})
        self.number = 0

    def send(self, text: str = "", **values: Any) -> Step:
        self.number += 1
        values = {"remote_ids": (self.number,), **values}
        return self._take(Input(Kind.CONTENT, text=text, **values))

    def edit(self, remote_id: int, text: str) -> Step:
        return self._take(Input(Kind.EDIT, text=text, remote_ids=(remote_id,)))

    def command(self, name: str, argument: str = "") -> Step:
        self.number += 1
        return self._take(Input(Kind.COMMAND, command=name, argument=argument, remote_ids=(self.number,)))

    def tap(self, label: str) -> Step:
        """The button with this label, or with this name of a service or case, below the last replies."""
        found = [
            button.data
            for reply in self.step.replies
            for row in reply.buttons
            for button in row
            if label in (button.label, button.text)
        ]
        assert found, f"no button {label} in {self.step.replies}"
        return self.press(found[0])

    def press(self, data: str) -> Step:
        return self._take(Input(Kind.TAP, tap=data, remote_ids=(self.number,)))

    def _take(self, came: Input) -> Step:
        self.step = next_step(self.state, self.data, came, self.known)
        self.state, self.data = str(self.step.state), dict(self.step.data)
        return self.step

    @property
    def said(self) -> list[str]:
        return [reply.name for reply in self.step.replies]


def test_what_a_service_asks_is_asked_one_by_one_checked_skipped_and_edited() -> None:
    fields = (
        FieldFact(1, "Número de inventario", is_required=True),
        FieldFact(2, "Piso", kind=FieldKind.CHOICE, choices=("Planta baja", "Planta alta")),
        FieldFact(3, "Desde cuándo", kind=FieldKind.DATE),
        FieldFact(4, "Foto", kind=FieldKind.FILE, is_required=True),
    )
    talk = Talk(Facts(services=(replace(PRINTER, fields=fields),)))
    talk.command("nueva")
    talk.tap("Soporte técnico")
    talk.send("Impresora")
    asked_first = talk.send("No enciende")
    assert talk.said == ["ask_field"] and asked_first.replies[0].values["label"] == "Número de inventario"
    assert "skip" not in {button.label for row in asked_first.replies[0].buttons for button in row}
    talk.send("INV-7")
    inventory = talk.number
    talk.tap("Planta alta")
    assert talk.send("ayer").replies[0].name == "field_wrong"
    talk.tap("skip")
    assert talk.send("no la tengo").replies[0].name == "field_wrong", "A photo is asked for."
    talk.send(files=(PHOTO,))
    talk.edit(inventory, "INV-77")
    talk.tap("done")
    assert ("Piso", "Planta alta") in talk.step.replies[-1].values["answers"]
    (request,) = talk.tap("send").acts
    assert isinstance(request, OpenRequest)
    assert request.answers == ((1, "INV-77"), (2, "Planta alta"), (4, "foto.jpg"))
    assert inventory in request.remote_ids and request.files == (PHOTO,)


def test_a_day_is_shown_as_people_read_it_and_kept_as_programs_do() -> None:
    fields = (FieldFact(3, "Desde cuándo", kind=FieldKind.DATE),)
    talk = Talk(Facts(services=(replace(PRINTER, fields=fields),)))
    talk.command("nueva")
    talk.tap("Soporte técnico")
    talk.send("Impresora")
    talk.send("No enciende")
    talk.send("20/11/2026")
    talk.tap("done")
    assert talk.step.replies[-1].values["answers"] == [("Desde cuándo", "20 nov 2026")]
    assert sent(talk.tap("send")).answers == ((3, "2026-11-20"),)


@pytest.fixture
def talk() -> Talk:
    return Talk(Facts(services=(PRINTER, LAMP), proposal=ProposalFact(1, "La impresora no enciende")))


def sent(step: Step) -> OpenRequest:
    (act,) = step.acts
    assert isinstance(act, OpenRequest)
    return act


def test_words_alone_propose_service_and_subject_and_one_tap_confirms(talk: Talk) -> None:
    talk.send("La impresora no enciende. Es de Tesorería.")
    assert talk.state == State.CONFIRMING
    talk.tap("ok")
    assert talk.state == State.ASKING_FILES, "what was written is the description: it is not asked for again"
    talk.tap("done")
    request = sent(talk.tap("send"))
    assert request.service_id == 1 and request.subject == "La impresora no enciende"
    assert request.text == "La impresora no enciende. Es de Tesorería." and request.remote_ids == (1,)


def test_a_service_that_asks_where_is_asked_where(talk: Talk) -> None:
    talk.command("nueva")
    talk.tap("Alumbrado")
    talk.send("Lámpara fundida")
    talk.send("Lleva tres noches apagada.")
    assert talk.state == State.ASKING_LOCATION
    talk.send("20.640000,-103.310000", is_place=True)
    talk.tap("done")
    assert "20.640000,-103.310000" in sent(talk.tap("send")).text


def test_a_photo_without_text_begins_a_request(talk: Talk) -> None:
    talk.send(files=(PHOTO,))
    assert talk.state == State.CHOOSING_SERVICE
    talk.tap("Soporte técnico")
    talk.send("No imprime")
    talk.tap("skip")
    talk.tap("done")
    assert sent(talk.tap("send")).files == (PHOTO,)


def test_what_is_sent_instead_of_choosing_a_service_is_acknowledged(talk: Talk) -> None:
    talk.send(files=(PHOTO,))
    step = talk.send("20.640000,-103.310000", is_place=True)
    assert step.replies[0].name == "noted" and talk.state == State.CHOOSING_SERVICE


def test_an_edit_replaces_its_part_of_the_draft(talk: Talk) -> None:
    talk.command("nueva")
    talk.tap("Soporte técnico")
    talk.send("Imprezora")
    talk.send("No ensiende")
    talk.edit(2, "Impresora")
    talk.edit(3, "No enciende")
    assert talk.state == State.ASKING_FILES
    talk.tap("done")
    request = sent(talk.tap("send"))
    assert (request.subject, request.text) == ("Impresora", "No enciende")


def test_the_words_of_a_button_may_be_typed(talk: Talk) -> None:
    talk.send("La impresora no enciende.")
    talk.send("sí")
    talk.send("listo")
    assert sent(talk.send("¡Enviar!")).service_id == 1


def test_a_button_of_an_earlier_draft_does_nothing_to_this_one(talk: Talk) -> None:
    talk.send("La impresora no enciende.")
    old = talk.step.replies[-1].buttons[0][0].data
    talk.tap("cancel")
    talk.send("Otra cosa.")
    talk.press(old)
    assert talk.said[0] == "old_button" and talk.state == State.CONFIRMING


def test_sending_twice_sends_once(talk: Talk) -> None:
    talk.send("La impresora no enciende.")
    talk.tap("ok")
    talk.tap("done")
    send = talk.step.replies[-1].buttons[0][0].data
    sent(talk.press(send))
    assert not talk.press(send).acts and talk.said == ["old_button"]


def test_changing_one_part_leads_back_to_the_summary(talk: Talk) -> None:
    talk.send("La impresora no enciende.")
    talk.tap("ok")
    talk.tap("done")
    talk.tap("change")
    talk.tap("part_subject")
    talk.send("Impresora de Tesorería")
    assert talk.state == State.REVIEWING
    assert sent(talk.tap("send")).subject == "Impresora de Tesorería"


def test_a_draft_of_days_ago_is_resumed_or_dropped(talk: Talk) -> None:
    talk.command("nueva")
    talk.tap("Soporte técnico")
    talk.known = Facts(services=(PRINTER, LAMP), days_silent=4.0)
    talk.send("Hola, sigo aquí")
    assert talk.state == State.RESUMING
    talk.known = Facts(services=(PRINTER, LAMP))
    step = talk.tap("resume")
    assert (
        step.state == State.ASKING_SUBJECT
        and step.data["draft"]["description"][0]["text"] == "Hola, sigo aquí"
    )


def test_starting_anew_keeps_what_was_sent_last(talk: Talk) -> None:
    talk.command("nueva")
    talk.tap("Soporte técnico")
    talk.known = Facts(services=(PRINTER, LAMP), days_silent=4.0)
    talk.send("La impresora no enciende")
    talk.known = Facts(services=(PRINTER, LAMP), proposal=ProposalFact(1, "La impresora no enciende"))
    talk.tap("restart")
    assert talk.state == State.CONFIRMING


def test_with_one_open_case_words_go_there() -> None:
    talk = Talk(Facts(cases=(OPEN,)))
    (act,) = talk.send("¿Ya vienen?").acts
    assert act.case_id == 7 and talk.said == ["added"]  # type: ignore[union-attr]


def test_with_several_open_cases_the_person_says_which_and_nothing_is_sent_twice() -> None:
    talk = Talk(Facts(cases=(OPEN, OTHER)))
    assert not talk.send("¿Ya vienen?", files=(PHOTO,)).acts
    talk.send("Hace frío")
    talk.known = Facts(cases=(OPEN, OTHER), case=OTHER)
    (act,) = talk.tap("T-2026-000008 Lámpara fundida").acts
    assert act.text == "¿Ya vienen?\n\nHace frío" and act.files == (PHOTO,)  # type: ignore[union-attr]


def test_a_reply_to_a_message_of_a_case_goes_there_in_the_middle_of_a_draft(talk: Talk) -> None:
    talk.command("nueva")
    talk.known = Facts(services=(PRINTER, LAMP), cases=(OPEN, OTHER), case=OPEN)
    (act,) = talk.send("Gracias", replied_to=99).acts
    assert act.case_id == 7 and talk.state == State.CHOOSING_SERVICE  # type: ignore[union-attr]


def test_a_complaint_leads_back_to_the_draft_that_it_interrupted(talk: Talk) -> None:
    talk.command("nueva")
    talk.tap("Soporte técnico")
    talk.known = Facts(services=(PRINTER, LAMP), cases=(OPEN,), case=OPEN)
    talk.press("case:7:complain")
    assert talk.state == State.COMPLAINING
    talk.send("Nadie vino.")
    assert talk.state == State.ASKING_SUBJECT and "draft" in talk.data


def test_a_reply_says_which_case_it_is_about() -> None:
    talk = Talk(Facts(cases=(OPEN, OTHER)))
    talk.send("¿Ya vienen?")
    talk.known = Facts(cases=(OPEN, OTHER), case=OTHER)
    (act,) = talk.send("De esta", replied_to=5).acts
    assert act.text == "¿Ya vienen?\n\nDe esta" and act.case_id == 8  # type: ignore[union-attr]


def test_a_file_too_large_gets_its_link_when_the_case_is_known() -> None:
    talk = Talk(Facts(cases=(OPEN, OTHER)))
    talk.send(too_large=("obra.mp4",))
    assert talk.said == ["ask_which"]
    talk.known = Facts(cases=(OPEN, OTHER), case=OTHER)
    (reply,) = talk.tap("T-2026-000008 Lámpara fundida").replies
    assert (reply.name, reply.upload_to) == ("too_large", 8)


def test_more_than_eight_services_are_paged_and_stand_by_classification() -> None:
    services = tuple(ServiceFact(n, f"Servicio {n}", "Obras" if n % 2 else "Agua") for n in range(1, 18))
    talk = Talk(Facts(services=services))
    talk.command("nueva")
    first = talk.step.replies[0]
    assert [name for name, _ in first.values["groups"]] == ["Agua"] and len(first.buttons) == 10
    second = talk.tap("next").replies[0]
    assert second.values["groups"] == [("Obras", [f"Servicio {n}" for n in range(1, 17, 2)])]
    assert second.edits == 1, "the next page takes the place of the one before"
    assert talk.tap("Servicio 3").data["draft"]["service"] == 3


def test_a_greeting_is_answered_and_opens_nothing() -> None:
    talk = Talk(Facts(is_greeting=True))
    assert not talk.send("Hola, buenos días").acts and talk.said == ["welcome"]


def test_a_new_request_does_not_throw_away_the_draft_unasked(talk: Talk) -> None:
    talk.send("La impresora no enciende.")
    talk.command("nueva")
    assert talk.said == ["ask_resume"] and "draft" in talk.data
