"""Who writes to the bot as a clerk or in a group: strangers, commands, links that belong elsewhere. Pure."""

from __future__ import annotations

from bots.dialog_terms import Reply
from bots.staff_terms import Situation, Step, VoidLink
from templates import say

# Somebody unknown is told how to link at most so often; the group reads it too.
TOLD_SECONDS = 3600


# In the order in which a group's menu shows them.
_MENU = ("chat_staff.command.nota", "chat_staff.command.pendientes", "chat.command.ayuda")


def group_menu() -> list[tuple[str, str]]:
    """The commands of a group as the current language calls and explains them."""
    return [(say(f"{key}.name"), say(f"{key}.what")) for key in _MENU]


def tell_how_to_link(here: Situation) -> Step:
    """Nothing is done for somebody whom we do not know, or who has left."""
    user, told = str(here.facts.user), here.memory.get("told", {})
    if here.facts.is_group and user in told:
        return Step(here.memory)
    name = "left" if here.facts.has_left else "link_first"
    reply = Reply(name, {"panel": here.facts.panel, "name": here.facts.name})
    return Step({**here.memory, "told": {**told, user: here.facts.at}}, (reply,))


def greet_group(here: Situation) -> Step:
    """What the bot does in this group, or how it is bound."""
    if not here.facts.dependencia:
        return Step(here.memory, (Reply("group_unbound", {"panel": here.facts.panel}),))
    return Step(here.memory, (Reply("group_help", {"dependencia": here.facts.dependencia}),))


def void_link(here: Situation) -> Step:
    """A link that everybody here has read works for nobody."""
    return Step(here.memory, (Reply("link_voided"),), (VoidLink(here.input.argument.strip()),))
