"""What a clerk is told about the sender of a message: one honest sentence.

It confirms, doubts or warns. A warning comes first: somebody who bears the name of a
person of our directory, a domain that looks like ours, a domain that denies the mail.
"""

from __future__ import annotations

import re
import time
import unicodedata
from dataclasses import asdict, dataclass
from functools import lru_cache
from typing import Any
from weakref import WeakKeyDictionary

from sqlalchemy import select
from sqlalchemy.orm import Session

from intake.addresses import domain_of, imitated_domain, name_claims_address
from intake.authentication import is_aligned
from intake.incoming import Authentication, Channel, IncomingMessage, MailSignature
from intake.office import Office
from intake.reading.body import ENCRYPTED, LOCKED
from models.chat import Chat
from models.mailbox import Mailbox
from models.person import Person
from models.session import Database
from templates import say

# Seconds for which the directory is remembered: it is asked for each mail and changes a few times a month.
_REMEMBERED = 60.0
# Providers whose domain says nothing about an institution.
_PUBLIC = {
    "gmail.com", "hotmail.com", "hotmail.es", "outlook.com", "outlook.es", "live.com", "live.com.mx",
    "msn.com", "yahoo.com", "yahoo.com.mx", "yahoo.es", "ymail.com", "icloud.com", "me.com",
    "prodigy.net.mx", "aol.com", "proton.me", "protonmail.com", "gmx.com", "gmx.es", "zoho.com",
}  # fmt: skip
_TITLES = set(
    "lic licda licenciado licenciada ing ingeniero ingeniera dr dra doctor doctora mtro mtra maestro maestra "
    "arq arquitecto arquitecta cp cpa prof profa profr profesor profesora sr sra srita don dona phd".split()
)
_PARTICLES = {"de", "del", "la", "las", "los", "y", "e", "da", "do", "van", "von"}
_WORD = re.compile(r"[^\W\d_]+")


@dataclass(frozen=True, slots=True)
class _Known:
    """Somebody of the directory."""

    name: str
    post: str
    email: str
    words: frozenset[str]


@dataclass(frozen=True, slots=True)
class _Directory:
    """Names and domains of the institution, as they were a moment ago."""

    people: dict[str, list[_Known]]
    domains: frozenset[str]
    until: float


_directories: WeakKeyDictionary[Database, _Directory] = WeakKeyDictionary()


def assess(session: Session, office: Office, incoming: IncomingMessage) -> dict[str, Any]:
    """For `Message.authentication`: the four words, and "sentence" or "warning"."""
    found = incoming.authentication
    kept: dict[str, Any] = {
        name: value for name in ("spf", "dkim", "dmarc", "arc", "domain") if (value := getattr(found, name))
    }
    signature = incoming.signature
    if signature:
        kept["signature"] = asdict(signature)
    warning = _doubt(session, office, incoming)
    sentence = "" if warning else _confirmation(found, incoming.from_addr)
    closed = say("trust.encrypted") if any(code in incoming.defects for code in ENCRYPTED) else ""
    locked = say("trust.locked") if LOCKED in incoming.defects else ""
    signed = _signed(signature, incoming.from_addr) if signature else ""
    if signature and not (signature.verdict == "valid" and _is_by(signature, incoming.from_addr)):
        warning, signed = f"{warning} {signed}".strip(), ""
    for key, words in (("warning", (warning,)), ("sentence", (sentence, signed, closed, locked))):
        if text := " ".join(filter(None, words)):
            kept[key] = text
    return kept


def _doubt(session: Session, office: Office, incoming: IncomingMessage) -> str:
    if not incoming.from_addr:
        return ""
    if incoming.from_addr.isdecimal() and incoming.channel != Channel.EMAIL:
        return _chat_namesake(session, _directory(session, office), incoming)
    return _impersonation(_directory(session, office), incoming) or _denial(
        incoming.authentication, incoming.from_addr
    )


def is_denied(found: Authentication) -> bool:
    """Whether the author's domain says that the mail is not from it."""
    return found.dmarc == "fail"


def is_denied_in(kept: dict[str, Any]) -> bool:
    """The same of what a message keeps."""
    return bool(kept.get("dmarc") == "fail")


def _is_by(signature: MailSignature, address: str) -> bool:
    """Whether the signature is that of whom the mail names as its author, as far as its certificate tells."""
    return not signature.addresses or address in signature.addresses


def _signed(signature: MailSignature, address: str) -> str:
    """What the S/MIME signature adds: who signed, by whose word, and what is wrong with it."""
    verdict = signature.verdict
    if verdict == "valid" and not _is_by(signature, address):
        verdict = "other"
    who = " ".join([signature.name, *(f"<{each}>" for each in signature.addresses[:2])]).strip()
    return say(f"trust.signed.{verdict}", who=who, issuer=signature.issuer, address=address)


def _confirmation(found: Authentication, address: str) -> str:
    if not address:
        return ""
    if found.domain:
        return say("trust.confirmed", domain=found.domain, address=address)
    if "temperror" in (found.dmarc, found.dkim, found.spf):
        return say("trust.unanswered", address=address)
    return say("trust.unknown", address=address) if found.spf or found.dkim or found.dmarc else ""


def _denial(found: Authentication, address: str) -> str:
    domain = domain_of(address)
    if is_denied(found):
        return say("trust.denied", address=address, domain=domain)
    if found.dmarc == "permerror":
        return say("trust.two_authors")
    if found.domain:
        return ""
    if found.spf == "fail":
        return say("trust.not_its_server", address=address, domain=domain)
    return say("trust.altered", address=address) if found.dkim == "fail" else ""


def _impersonation(directory: _Directory, incoming: IncomingMessage) -> str:
    address, name = incoming.from_addr, incoming.from_name
    domain = domain_of(address)
    if name_claims_address(name, address):
        return say("trust.shows_other", name=name, address=address)
    if original := _imitated(domain, directory.domains):
        return say("trust.looks_like", domain=domain, original=original)
    if mixes_alphabets(name):
        return say("trust.mixed_letters", name=name, address=address)
    person = _namesake(directory, name, address)
    if person is None:
        return ""
    key = "trust.name_of_post" if person.post else "trust.name_of"
    return say(key, name=person.name, post=person.post, address=address)


def _chat_namesake(session: Session, directory: _Directory, incoming: IncomingMessage) -> str:
    """In chat anybody may bear any name; a servidor público has linked the chat as theirs."""
    person = _namesake(directory, incoming.from_name, incoming.from_addr)
    if person is None or session.scalar(select(Chat.person_id).where(Chat.id == int(incoming.from_addr))):
        return ""
    return say("chat_desk.namesake", name=person.name, post=person.post or say("chat_desk.staff"))


def _namesake(directory: _Directory, name: str, address: str) -> _Known | None:
    """The person of the directory whose name *name* is, when the address is none of the institution's."""
    words = name_words(name)
    domain = domain_of(address)
    if len(words) < 2 or any(is_aligned(domain, own) for own in directory.domains):
        return None
    for person in {known.name: known for word in words for known in directory.people.get(word, ())}.values():
        # "Ana López" for Ana López Ruiz, "Lic. Ana María López Ruiz" for Ana López.
        if person.email == address:
            return None
        if words <= person.words or person.words <= words:
            return person
    return None


@lru_cache(maxsize=4096)
def name_words(name: str) -> frozenset[str]:
    """The words of a name without accents, titles and particles, to compare."""
    plain = "".join(c for c in unicodedata.normalize("NFKD", name) if not unicodedata.combining(c)).casefold()
    return frozenset(
        word for word in _WORD.findall(plain) if word not in _TITLES | _PARTICLES and len(word) > 1
    )


@lru_cache(maxsize=4096)
def mixes_alphabets(name: str) -> bool:
    """Whether one word has Latin letters beside Cyrillic or Greek ones, as only forgers write."""
    return not name.isascii() and any(
        len({unicodedata.name(c, "?").split()[0] for c in word} & {"LATIN", "CYRILLIC", "GREEK"}) > 1
        for word in _WORD.findall(name)
    )


@lru_cache(maxsize=4096)
def _imitated(domain: str, known: frozenset[str]) -> str:
    return "" if domain in _PUBLIC else imitated_domain(domain, known)


def _directory(session: Session, office: Office) -> _Directory:
    found = _directories.get(office.database)
    if found is None or found.until < time.monotonic():
        found = _directories[office.database] = _read_directory(session, office)
    return found


def _read_directory(session: Session, office: Office) -> _Directory:
    people: dict[str, list[_Known]] = {}
    domains = {office.settings.domain.lower()}
    for name, post, email in session.execute(
        select(Person.name, Person.post, Person.email).where(Person.is_active)
    ):
        known = _Known(name, post, (email or "").lower(), name_words(name))
        domains.add(domain_of(known.email))
        for word in known.words if len(known.words) > 1 else ():
            people.setdefault(word, []).append(known)
    domains |= {domain_of(address) for address in session.scalars(select(Mailbox.address))}
    # "localhost" is nobody's domain, and a provider's is everybody's.
    own = frozenset(domain for domain in domains if "." in domain and domain not in _PUBLIC)
    return _Directory(people, own, time.monotonic() + _REMEMBERED)
