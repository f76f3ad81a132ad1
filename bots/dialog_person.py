"""Who is at the counter: welcome, help, language, what is kept, linking a chat and forgetting it. Pure."""

from __future__ import annotations

from dataclasses import replace

from bots.dialog_cases import ASIDES, aside, landed, leave, welcome
from bots.dialog_draft import hold_up, start, stay
from bots.dialog_questions import BACK, HOME, MINE, NEW, question
from bots.dialog_terms import (
    AskEmailLink,
    Button,
    Forget,
    OpenLink,
    Reply,
    Situation,
    Speak,
    State,
    Step,
)
from templates import LANGUAGES, labels, say

# In the order in which help and menu show them; descriptions are `chat.command.<name>.what`.
COMMANDS = (
    "nueva", "mis_solicitudes", "estado", "cancelar", "vincular", "idioma", "privacidad", "olvidar", "ayuda",
)  # fmt: skip
_FORGET = ((Button("forget:yes", "forget"), BACK),)


def menu() -> list[tuple[str, str]]:
    """The commands as the current language calls and explains them."""
    return [(say(f"chat.command.{name}.name"), say(f"chat.command.{name}.what")) for name in COMMANDS]


def canonical(command: str) -> str:
    """The name in the table of a command in any language."""
    for name in COMMANDS:
        if any(labels(code)[f"chat.command.{name}.name"] == command for code in LANGUAGES):
            return name
    return command


def _told(here: Situation, reply: Reply) -> Step:
    """An answer that changes nothing; buttons of its own come first, then the open question."""
    if here.state == State.IDLE:
        return Step(here.state, here.data, (reply,))
    return stay(here, reply)


def greet(here: Situation) -> Step:
    """/start: two lines and two buttons; a draft is not lost by it."""
    state, data = landed(here)
    there = replace(here, state=state, data=data)
    first = welcome(there).replies[0]
    if state == State.CHOOSING_CASE:
        return stay(there, first)
    if "draft" in data:
        step = hold_up(there)
        return replace(step, replies=(first, *step.replies))
    return Step(State.IDLE, data, (first,))


def open_link(here: Situation) -> Step:
    """/start with the token of a link."""
    purpose = here.facts.link
    if here.facts.is_group:
        return _told_group(here)
    if purpose not in ("contact", "person"):
        return _told(here, Reply("link_for_group" if purpose == "group" else "link_spent", buttons=HOME))
    step = _told(here, Reply(f"linked_{purpose}", buttons=((NEW, MINE),)))
    return replace(step, acts=(OpenLink(),))


def _told_group(here: Situation) -> Step:
    if here.facts.link == "group":
        return Step(State.IDLE, {}, (Reply("linked_group"),), (OpenLink(),))
    return Step(State.IDLE, {}, (Reply("link_spent"),))


def begin_or_resume(here: Situation) -> Step:
    """/nueva, or its button: a draft that is under way is not thrown away unasked."""
    state, data = landed(here)
    there = replace(here, state=state, data=data)
    if "draft" in data:
        return hold_up(there)
    if state == State.CHOOSING_CASE:
        return stay(there)
    return start(there)


def cancel(here: Situation) -> Step:
    """/cancelar: an aside leads back, anything else ends; nothing is sent."""
    is_begun = here.state in (State.ADDING, State.RATING)
    if here.state in ASIDES and (is_begun or here.data.get("back", State.IDLE) != State.IDLE):
        # What was added or rated already counts, so it must not sound undone.
        return leave(here)
    if here.state == State.IDLE:
        return Step(State.IDLE, {}, (Reply("nothing_to_cancel", buttons=HOME),))
    return Step(State.IDLE, {}, (Reply("dropped", buttons=HOME),))


def home(here: Situation) -> Step:
    """*No, go back* below something that was only asked."""
    return (
        _told(here, question(State.IDLE, here.data, here.facts)) if here.state == State.IDLE else stay(here)
    )


def tell_help(here: Situation) -> Step:
    return _told(here, Reply("help", {"commands": menu(), "institution": here.facts.institution}, HOME))


def tell_privacy(here: Situation) -> Step:
    values = {"institution": here.facts.institution, "is_linked": here.facts.is_linked}
    return _told(here, Reply("privacy", values, HOME))


def ask_forget(here: Situation) -> Step:
    name = "ask_unlink" if here.facts.is_linked or here.facts.is_staff else "ask_forget"
    return Step(here.state, here.data, (Reply(name, buttons=_FORGET),))


def forget(_here: Situation) -> Step:
    return Step(State.IDLE, {}, (Reply("forgotten", buttons=HOME),), (Forget(),))


def ask_language(here: Situation) -> Step:
    """/idioma, with or without the language."""
    code = (here.input.argument or here.input.tap.partition(":")[2]).strip().lower()[:2]
    if code in LANGUAGES:
        # The reply and the open question are said in the new language: acts come first.
        return replace(_told(here, Reply("language_set", buttons=HOME)), acts=(Speak(code),))
    buttons = (tuple(Button(f"lang:{code}", f"language_{code}") for code in LANGUAGES), (BACK,))
    return _told_last(here, Reply("ask_language", buttons=buttons))


def _told_last(here: Situation, reply: Reply) -> Step:
    """Its buttons are the point, so the open question is not repeated under it."""
    return Step(here.state, here.data, (reply,))


def ask_link(here: Situation) -> Step:
    """/vincular, with or without the address."""
    if here.facts.is_linked:
        return _told(here, Reply("linked_already", buttons=HOME))
    if here.input.argument.strip():
        return _mail(here)
    return aside(here, State.LINKING, {})


def take_email(here: Situation) -> Step:
    return _mail(replace(here, input=replace(here.input, argument=here.input.text)))


def _mail(here: Situation) -> Step:
    email = here.input.argument.strip()
    if "@" not in email or " " in email or len(email) > 254:
        return aside(here, State.LINKING, {}, Reply("not_an_email"))
    return leave(here, Reply("link_mailed", {"email": email}), acts=(AskEmailLink(email),))


# What nobody foresaw.


def unknown_command(here: Situation) -> Step:
    return _told(here, Reply("unknown_command", {"commands": menu()}, HOME))


def old_button(here: Situation) -> Step:
    return _told(here, Reply("old_button", buttons=HOME))


def refuse(here: Situation) -> Step:
    """Stickers, polls, dice and games say nothing that could be filed."""
    return _told(here, Reply("not_fileable", buttons=HOME))
