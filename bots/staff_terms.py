"""What clerks' talk in chat is made of: what waits for a tap, what is known of who acts, what is to happen.

Plain values, as in `bots.dialog_terms`. What a chat remembers of it (`Memory`) is JSON under "staff" in
`Chat.data`, beside the citizen's conversation: in a private chat a clerk is both, in a group many write.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

# pydantic reads these to check what is remembered; before Python 3.12 it cannot read typing's own.
from typing_extensions import TypedDict

from bots.dialog_terms import DraftFile, Input, Part, Reply
from intake.chat.chat_files import KeptFile


class State(StrEnum):
    """Of what the input is about, for who wrote it."""

    IDLE = "idle"
    # Words of this person for this case wait for a tap that says what to do with them.
    CONFIRMING = "confirming"


class Draft(TypedDict):
    """Words for a case that nobody has confirmed yet, and whose they are."""

    # The first message (message_id) of it, and how often it changed: a button of before does nothing.
    id: int
    revision: int
    person: int
    case: int
    parts: list[Part]
    files: list[DraftFile]
    # When it last changed, in seconds since 1970.
    at: int


class Memory(TypedDict, total=False):
    """What a chat remembers of its clerks."""

    drafts: list[Draft]
    # Telegram's id of somebody unknown → when they were told how to link, in seconds since 1970.
    told: dict[str, int]


@dataclass(frozen=True, slots=True)
class CaseFact:
    """A case that this chat was told about, as who acts sees it."""

    id: int
    folio: str
    subject: str = ""
    # In the reader's words.
    state: str = ""
    requester: str = ""
    holder: str = ""
    # How an answer travels, in the reader's words; empty: there is no way to the requester.
    way: str = ""
    due: str = ""
    last_words: str = ""
    link: str = ""
    # Rows of the workflow table that one of the person's accounts may use now.
    may: frozenset[str] = frozenset()
    # Whether any of them may read it at all.
    stands: bool = False


@dataclass(frozen=True, slots=True)
class Target:
    """To whom a case may be handed: `key` is `a<account>` or `d<dependencia>`."""

    key: str
    name: str


@dataclass(frozen=True, slots=True)
class Facts:
    """What the desk knows when a clerk's input is decided."""

    # Telegram's id of who acts; their person, or 0 for somebody who is not linked.
    user: int = 0
    person: int = 0
    name: str = ""
    # Linked, but no longer of the institution.
    has_left: bool = False
    is_group: bool = False
    # The dependencia of the group; empty when none has bound it.
    dependencia: str = ""
    # The case that the input names, while this chat may know of it.
    case: CaseFact | None = None
    # For /pendientes.
    pending: tuple[CaseFact, ...] = ()
    # For handing on.
    targets: tuple[Target, ...] = ()
    # Where a chat is linked, in the panel.
    panel: str = ""
    # Now, in seconds since 1970.
    at: int = 0


@dataclass(frozen=True, slots=True)
class Answer:
    """Send it to the requester. `then`: answer or answer_and_resolve."""

    case_id: int
    text: str
    files: tuple[KeptFile, ...]
    remote_ids: tuple[int, ...]
    then: str = "answer"


@dataclass(frozen=True, slots=True)
class Note:
    """Keep it in the case, for the office only."""

    case_id: int
    text: str
    files: tuple[KeptFile, ...]
    remote_ids: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Take:
    """Attend it from now on."""

    case_id: int


@dataclass(frozen=True, slots=True)
class HandOn:
    """Turn it to the target with this key."""

    case_id: int
    target: str


@dataclass(frozen=True, slots=True)
class VoidLink:
    """A link that was meant for one person was shown to a group."""

    token: str


Act = Answer | Note | Take | HandOn | VoidLink


@dataclass(frozen=True, slots=True)
class Step:
    """What follows from one input: acts first, then replies, in one transaction."""

    memory: Memory
    replies: tuple[Reply, ...] = ()
    acts: tuple[Act, ...] = ()


@dataclass(frozen=True, slots=True)
class Situation:
    """All that a decision is made from. `draft`: the one that the input is about."""

    state: State
    memory: Memory
    draft: Draft | None
    input: Input
    facts: Facts


Handler = Callable[[Situation], Step]
