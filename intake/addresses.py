"""Addresses and names of senders and recipients, read leniently and made comparable.

Pure. An address that comes out is lower-case `local@domain`, its domain in ASCII;
a name has no invisible or direction-changing character a forger could hide behind.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from intake.reading.charsets import clean
from intake.reading.headers import decode_words

MAX_ADDRESSES = 2_000

# Quoted string, comment, angle address, separators, or a run of anything else.
_TOKEN = re.compile(
    r'"(?:[^"\\]|\\.){0,300}"|\((?:[^()\\]|\\.){0,300}\)|<[^<>]*>|[,;:]|[^",;:<>()]+|.', re.DOTALL
)
_BARE = re.compile(r"[^\s<>\"(),;:\[\]@]{1,200}@[^\s<>\"(),;:@]{1,255}")
_SIMPLE = re.compile(r"([^\"<>@,;:()=\\]*)<[ \t]*([^<>\s@\"(),;:]+@[\w.-]+)[ \t]*>[ \t]*")
_INVISIBLE = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f"
    "\ufe00-\ufe0f\ufeff\ufff9-\ufffb\U000e0000-\U000e007f]"
)
# Letters that pass for a Latin one in a domain (the part of UTS 39 seen in forged mail).
_LOOKALIKES = {
    **dict(zip("аеорсухіјѕԁһոӏԛԝ", "aeopcyxijsdhnlqw", strict=True)),
    **dict(zip("αεορτυνκικρ", "aeoptuvkikp", strict=True)),
    **dict(zip("0135ıøđł", "olesiodl", strict=True)),
}
_TWINS = (("rn", "m"), ("vv", "w"), ("cl", "d"))


@dataclass(frozen=True, slots=True)
class Mailbox:
    """A name and an address, as in `Ana Pérez <ana@ejemplo.mx>`."""

    name: str
    address: str


# Few, for a sender may make each as long as a header.
@lru_cache(maxsize=512)
def normalise_address(address: str) -> str:
    """*address* as it is compared and stored: lower-case, domain in ASCII, no invisible character."""
    address = _INVISIBLE.sub("", clean(address)).strip(" \t\n<>'").lower()
    local, at, domain = address.rpartition("@")
    if not at:
        return address
    return f"{_unquote(local.strip())}@{_ascii_domain(domain.strip().rstrip('.'))}"


def is_address(value: str) -> bool:
    """Whether *value* is one bare address: what somebody typed must not name a second recipient."""
    return _BARE.fullmatch(value) is not None


def _unquote(local: str) -> str:
    if len(local) > 1 and local[0] == local[-1] == '"' and re.fullmatch(r"[\w.+-]+", local[1:-1]):
        return local[1:-1]
    return local


def _ascii_domain(domain: str) -> str:
    if domain.isascii() or len(domain) > 255:
        return domain
    try:
        return domain.encode("idna").decode("ascii")
    except UnicodeError:
        return domain


def split_plus(address: str) -> tuple[str, str]:
    """`local+tag@domain` → (`local@domain`, `tag`); the tag is empty when there is none.

    The tag keeps its case: it may carry a signature.
    """
    local, _, domain = address.strip().strip("<>").rpartition("@")
    base, _, tag = local.partition("+")
    return normalise_address(f"{base}@{domain}"), tag


def join_plus(address: str, tag: str) -> str:
    """(`local@domain`, `tag`) → `local+tag@domain`."""
    local, _, domain = address.rpartition("@")
    return f"{local}+{tag}@{domain}"


def domain_of(address: str) -> str:
    """The domain of a normalised address."""
    return address.rpartition("@")[2]


def clean_name(name: str) -> str:
    """A display name without invisible, direction-changing or control characters, on one line."""
    name = name if name.isascii() else unicodedata.normalize("NFC", _INVISIBLE.sub("", name))
    return " ".join(clean(name).split()).strip("\"' ")[:200] if name else ""


def has_hidden_characters(text: str) -> bool:
    """Whether *text* holds characters that are not seen or that change its direction."""
    return not text.isascii() and bool(_INVISIBLE.search(text))


def name_claims_address(name: str, address: str) -> bool:
    """Whether a display name shows another address than the one that sends (`"jefe@gob.mx" <x@evil>`)."""
    found = _BARE.search(name)
    return bool(found) and normalise_address(found[0]) != address if found else False


def parse_addresses(values: Iterable[str]) -> tuple[Mailbox, ...]:
    """All mailboxes of the header values (unfolded, encoded words not yet decoded), in order."""
    found: list[Mailbox] = []
    for value in values:
        simple = _SIMPLE.fullmatch(value)
        if simple:
            found.append(Mailbox(clean_name(simple[1]), normalise_address(simple[2])))
        elif value:
            found.extend(_parse_list(value))
        if len(found) >= MAX_ADDRESSES:
            break
    return tuple(dict.fromkeys(found[:MAX_ADDRESSES]))


@dataclass(slots=True)
class _Entry:
    """What was read of one mailbox before the next separator."""

    words: list[str]
    comment: str = ""
    address: str = ""

    def mailbox(self) -> Mailbox | None:
        name = clean_name(decode_words("".join(self.words).strip()))
        if not self.address:
            bare = _BARE.search(name)
            if not bare:
                return None
            rest = clean_name(name.replace(bare[0], "", 1))
            return Mailbox(rest or clean_name(decode_words(self.comment)), normalise_address(bare[0]))
        return Mailbox(name or clean_name(decode_words(self.comment)), normalise_address(self.address))


def _parse_list(value: str) -> list[Mailbox]:
    entries = [_Entry([])]
    for token in _TOKEN.findall(value):
        entry = entries[-1]
        if token in (",", ";"):
            # A comma in an unquoted name (`Pérez, Ana <ana@…>`) separates nothing.
            if entry.address or not entry.words or len(entry.words) > 6 or _BARE.search("".join(entry.words)):
                entries.append(_Entry([]))
            else:
                entry.words.append(token)
        elif token == ":":
            # `Group name: a@b, c@d;`
            entry.words.clear()
        elif token[0] == "<" and len(token) > 1:
            if "@" in token or not entry.address:
                entry.address = _inside_angle(token)
        elif token[0] == "(" and len(token) > 1:
            entry.comment = token[1:-1]
        elif token[0] == '"' and len(token) > 1:
            _quoted(entry, token[1:-1].replace('\\"', '"').replace("\\\\", "\\"), value)
        else:
            entry.words.append(token)
    return [mailbox for entry in entries if (mailbox := entry.mailbox()) and mailbox.address]


def _quoted(entry: _Entry, text: str, value: str) -> None:
    # `"john doe"@example.com` is a quoted local part, not a name.
    entry.words.append(f'"{text}"' if f'"{text}"@' in value else text)


def _inside_angle(token: str) -> str:
    # A source route before the address (RFC 5321, F.2) and `mailto:` carry nothing.
    inside = token[1:-1].strip()
    if inside.startswith("@") and ":" in inside:
        inside = inside.rpartition(":")[2]
    inside = inside[7:] if inside[:7].lower() == "mailto:" else inside
    return "" if inside.count("@") == 0 and " " in inside else inside.replace(" ", "")


def imitated_domain(domain: str, known: Iterable[str]) -> str:
    """The domain of *known* that *domain* looks like without being it; empty when none.

    Catches letters of other scripts, digits for letters, doubled or dropped letters,
    moved dots and hyphens, and another ending.
    """
    domain = domain.lower().rstrip(".")
    genuine = {name.lower().rstrip(".") for name in known}
    if not domain or any(domain == name or domain.endswith("." + name) for name in genuine):
        return ""
    shape = _skeleton(domain)
    for name in sorted(genuine):
        other = _skeleton(name)
        if shape == other or (len(other) >= 8 and _one_edit(shape, other)) or _holds_as_prefix(domain, name):
            return name
    return ""


def _skeleton(domain: str) -> str:
    if "xn--" in domain:
        try:
            domain = domain.encode("ascii").decode("idna")
        except UnicodeError:
            return domain
    plain = "".join(_LOOKALIKES.get(c, c) for c in unicodedata.normalize("NFKC", domain))
    plain = "".join(c for c in unicodedata.normalize("NFD", plain) if not unicodedata.combining(c))
    for twin, letter in _TWINS:
        plain = plain.replace(twin, letter)
    return plain.replace("-", "").replace(".", "")


def _holds_as_prefix(domain: str, name: str) -> bool:
    """`ocotlan.gob.mx.evil.com` and `ocotlan.gob.mx-aviso.com`."""
    return len(name) >= 8 and domain.startswith((name + ".", name + "-"))


def _one_edit(a: str, b: str) -> bool:
    """Whether one inserted, dropped, changed or swapped letter makes *a* of *b*."""
    if abs(len(a) - len(b)) > 1 or a == b:
        return a == b
    start = 0
    while start < min(len(a), len(b)) and a[start] == b[start]:
        start += 1
    rest_a, rest_b = a[start:], b[start:]
    swapped = rest_a[1:2] + rest_a[:1] + rest_a[2:]
    return rest_a[1:] == rest_b or rest_a == rest_b[1:] or rest_a[1:] == rest_b[1:] or swapped == rest_b
