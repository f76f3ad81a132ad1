"""What a conversation is made of: where it stands, what came, what is known, and what is to happen.

Plain values. `bots.counter` builds `Input` and `Facts` and carries out a `Step`; `bots.dialog`
decides. What is remembered (`Data`) is JSON, in `Chat.data`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

# pydantic reads these to check what is remembered; before Python 3.12 it cannot read typing's own.
from typing_extensions import TypedDict

from intake.chat.chat_files import KeptFile
from models.service_field import FieldKind


class State(StrEnum):
    """Where a conversation stands; kept in `Chat.state`."""

    IDLE = "idle"
    # A draft, in the order in which its parts are asked for.
    CHOOSING_SERVICE = "choosing_service"
    CONFIRMING = "confirming"
    ASKING_SUBJECT = "asking_subject"
    ASKING_DESCRIPTION = "asking_description"
    ASKING_LOCATION = "asking_location"
    # What the service asks besides, one question after the other.
    ASKING_FIELD = "asking_field"
    ASKING_FILES = "asking_files"
    REVIEWING = "reviewing"
    CHANGING = "changing"
    # A draft of days ago, or one in the way of another.
    RESUMING = "resuming"
    # Something was sent that may belong to several cases.
    CHOOSING_CASE = "choosing_case"
    # What is written next belongs to one case.
    ADDING = "adding"
    COMPLAINING = "complaining"
    RATING = "rating"
    # An e-mail address is asked for.
    LINKING = "linking"


class Kind(StrEnum):
    """What came."""

    CONTENT = "content"
    COMMAND = "command"
    TAP = "tap"
    EDIT = "edit"
    # Stickers, polls, dice, games: nothing that can be filed.
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Input:
    """One message, album, edit or tap, in words: locations and contacts are already written out."""

    kind: Kind
    text: str = ""
    # Whether `text` says where something is (location, venue).
    is_place: bool = False
    files: tuple[KeptFile, ...] = ()
    # Names of files that Telegram does not hand to bots.
    too_large: tuple[str, ...] = ()
    # Names of files that could not be fetched.
    missing: tuple[str, ...] = ()
    # Without the slash, and what follows it.
    command: str = ""
    argument: str = ""
    # `verb:argument[:argument]` of a button.
    tap: str = ""
    # The Bot API's message_ids, and that of the message it replies to.
    remote_ids: tuple[int, ...] = ()
    replied_to: int = 0
    # What that one says, when the bot wrote it.
    answered: str = ""
    # The messages of an album, or of what waited, when they are several.
    parts: tuple[Input, ...] = ()


@dataclass(frozen=True, slots=True)
class FieldFact:
    """A question of a service; `kind` as in `models.service_field.FieldKind`."""

    id: int
    label: str
    help: str = ""
    kind: FieldKind = FieldKind.TEXT
    choices: tuple[str, ...] = ()
    is_required: bool = False


@dataclass(frozen=True, slots=True)
class ServiceFact:
    """A service that may be asked for."""

    id: int
    name: str
    classification: str = ""
    asks_location: bool = False
    fields: tuple[FieldFact, ...] = ()


@dataclass(frozen=True, slots=True)
class CaseFact:
    """A case that this chat may know of. `actions`: what its requester may do to it now."""

    id: int
    folio: str
    subject: str
    # In the reader's words.
    state: str = ""
    is_open: bool = True
    # Resolved, and not yet closed: words of its requester may well be about it.
    is_resolved: bool = False
    link: str = ""
    attends: str = ""
    # What the office said last.
    last_answer: str = ""
    # Of "close", "withdraw", "reopen", "complain", "rate"; adding is always possible.
    actions: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class ProposalFact:
    """The service and subject that words suggest."""

    service_id: int | None
    subject: str


@dataclass(frozen=True, slots=True)
class Facts:
    """What the desk knows when an input is decided. Everything belongs to this chat, or is public."""

    services: tuple[ServiceFact, ...] = ()
    # The chat's own, newest first.
    cases: tuple[CaseFact, ...] = ()
    # The one that the input names: replied to, tapped, edited, or by its folio.
    case: CaseFact | None = None
    # For the words of this input.
    proposal: ProposalFact | None = None
    # What a link opened with /start is good for: "contact", "person", "group"; empty: nothing (any more).
    link: str = ""
    is_group: bool = False
    # The chat is linked to an e-mail address, or to a servidor público.
    is_linked: bool = False
    is_staff: bool = False
    # How long the conversation has been silent.
    days_silent: float = 0
    # Nothing but "good morning".
    is_greeting: bool = False
    name: str = ""
    institution: str = ""

    @property
    def open_cases(self) -> tuple[CaseFact, ...]:
        return tuple(case for case in self.cases if case.is_open)

    def service(self, identifier: int | None) -> ServiceFact | None:
        return next((service for service in self.services if service.id == identifier), None)


class Part(TypedDict):
    """Words of a draft and the message (message_id) that said them, so that an edit replaces them."""

    id: int
    text: str


class DraftFile(TypedDict):
    """A file of a draft: `KeptFile.as_json()` and the message that brought it (0: the upload page)."""

    id: int
    file: dict[str, Any]


class FieldAnswer(TypedDict):
    """What was answered to a question of the service, and the message (message_id) that said it."""

    field: int
    id: int
    text: str


class Draft(TypedDict, total=False):
    """A request that is being written. A part that was answered is present, even when empty."""

    # Which draft a button belongs to.
    key: int
    # Service and subject are the bot's guess, not yet confirmed.
    proposed: bool
    # None: the person does not know, or it is none of them.
    service: int | None
    subject: Part
    description: list[Part]
    place: Part
    files: list[DraftFile]
    answers: list[FieldAnswer]
    # Questions that were answered or skipped: "description", "place", "files", "field:ID".
    done: list[str]


class Content(TypedDict):
    """Something sent that waits for a decision where it belongs."""

    ids: list[int]
    texts: list[Part]
    is_place: bool
    files: list[DraftFile]
    # Names of files that wait to be handed in on the upload page.
    large: list[str]


class Data(TypedDict, total=False):
    """What a conversation remembers: `Chat.data`."""

    draft: Draft
    # Where to go on after an aside (adding, rating, …).
    back: State
    # The case of an aside, its folio, and the stars it got.
    case: int
    folio: str
    score: int
    # The content that waits while something is asked.
    content: Content


@dataclass(frozen=True, slots=True)
class Button:
    """`data` is at most 64 bytes. The words: `text`, else the label `chat.button.<label>`."""

    data: str
    label: str = ""
    text: str = ""
    url: str = ""


Keyboard = tuple[tuple[Button, ...], ...]


@dataclass(frozen=True, slots=True)
class Reply:
    """Something to say: the template `chat/dialog/<name>.html`, else the label `chat.say.<name>`."""

    name: str
    values: Mapping[str, Any] = field(default_factory=dict)
    buttons: Keyboard = ()
    # Needs the address of the upload page as the value `link`: for this case, or (0) for the draft.
    upload_to: int | None = None
    # A reply of the person to this one is filed there.
    case_id: int | None = None
    # Asked by the state, and pointless when the conversation has moved on.
    is_question: bool = False
    # The bot's own message (message_id) that this one takes the place of.
    edits: int = 0


@dataclass(frozen=True, slots=True)
class OpenRequest:
    """The desk answers with the acuse."""

    service_id: int | None
    subject: str
    text: str
    files: tuple[KeptFile, ...]
    remote_ids: tuple[int, ...]
    # By the id of the question.
    answers: tuple[tuple[int, str], ...] = ()


@dataclass(frozen=True, slots=True)
class FollowUp:
    """The desk answers only if the case can take no more and another is opened."""

    case_id: int
    text: str
    files: tuple[KeptFile, ...]
    remote_ids: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Revise:
    """A message that was filed is corrected; of its files, the desk takes those that are new."""

    remote_id: int
    text: str
    files: tuple[KeptFile, ...] = ()


@dataclass(frozen=True, slots=True)
class Close:
    """The desk answers, and asks how it went."""

    case_id: int


@dataclass(frozen=True, slots=True)
class Reopen:
    """The requester is not content yet."""

    case_id: int


@dataclass(frozen=True, slots=True)
class Withdraw:
    """The requester needs it no more."""

    case_id: int


@dataclass(frozen=True, slots=True)
class Rate:
    """How content the requester is, 1 to 5."""

    case_id: int
    score: int
    words: str = ""


@dataclass(frozen=True, slots=True)
class Complain:
    """The desk answers with the acuse of the complaint."""

    case_id: int
    text: str
    files: tuple[KeptFile, ...]
    remote_ids: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class AskEmailLink:
    """Mail a link that proves whose chat this is."""

    email: str


@dataclass(frozen=True, slots=True)
class OpenLink:
    """Do what the link opened with /start is good for (`Facts.link`)."""


@dataclass(frozen=True, slots=True)
class Forget:
    """Unlink the chat and forget its conversation."""


@dataclass(frozen=True, slots=True)
class Speak:
    """Speak this language from now on."""

    language: str


Act = (
    OpenRequest
    | FollowUp
    | Revise
    | Close
    | Reopen
    | Withdraw
    | Rate
    | Complain
    | AskEmailLink
    | OpenLink
    | Forget
    | Speak
)
# After these the desk itself says what became of it.
TELLING = (OpenRequest, Close, Complain)


@dataclass(frozen=True, slots=True)
class Step:
    """What follows from one input: acts first, then replies, in one transaction."""

    state: State
    data: Data
    replies: tuple[Reply, ...] = ()
    acts: tuple[Act, ...] = ()


@dataclass(frozen=True, slots=True)
class Situation:
    """All that a decision is made from."""

    state: State
    data: Data
    input: Input
    facts: Facts


Handler = Callable[[Situation], Step]
