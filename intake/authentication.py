"""Whether a mail comes from the domain it names: SPF, DKIM, ARC, DMARC, as we or our front server find.

`evaluate` asks the DNS, so it runs before the write transaction, in a worker in the
child of `intake.reading.isolation`; what cannot be found out is "temperror", never an exception.
`read_results` believes the topmost Authentication-Results of the configured server (RFC 8601) and no other.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib import resources

import dkim
import structlog

from intake.incoming import Authentication
from intake.senders import spf
from intake.senders.resolver import BUDGET, Lookup, Unanswered, open_resolver

log = structlog.get_logger()

# More signatures or sets of ARC are no letter; each costs a hash of the whole body.
MAX_SIGNATURES, MAX_ARC_SETS = 5, 10
# Base64 of an 8192-bit key; a longer one would only keep the processor busy.
_MAX_KEY_RECORD = 2_000
MAX_HEAD, _MAX_VALUE = 512 * 1024, 8_000

_FIELD = re.compile(rb"^([!-9;-~]{1,100})[ \t]*:(.*(?:\r?\n[ \t].*)*)", re.MULTILINE)
_END_OF_HEAD = re.compile(rb"\r?\n\r?\n")
_COMMENT = re.compile(r"\((?:[^()\\]|\\.)*\)")
_RESULT = re.compile(r"\s*([a-z][a-z0-9-]*)(?:\s*/\s*\d+)?\s*=\s*([a-z]+)(.*)", re.IGNORECASE | re.DOTALL)
_PROPERTY = re.compile(r"([a-z]+)\.([a-z_-]+)\s*=\s*(\"[^\"]*\"|[^\s;]+)", re.IGNORECASE)
_BESIDE_RESULTS = {"authentication-results", "received-spf", "dkim-filter", "return-path", "delivered-to"}
_WORDS = {"pass", "fail", "softfail", "neutral", "none", "policy", "temperror", "permerror"}


@dataclass(frozen=True, slots=True)
class Envelope:
    """What the SMTP dialogue said, and the address of the From header as we read it."""

    from_addr: str
    # Empty when the mail came through a front server: then SPF says nothing.
    peer: str = ""
    helo: str = ""
    mail_from: str = ""


def is_outside(peer: str, trusted: str) -> bool:
    """Whether *peer* is a stranger on the Internet: no private address and in no network of *trusted*."""
    try:
        address = ipaddress.ip_address(peer.partition("%")[0])
    except ValueError:
        return False
    networks = [
        ipaddress.ip_network(text.strip(), strict=False) for text in trusted.split(",") if text.strip()
    ]
    return address.is_global and not any(
        address in network for network in networks if network.version == address.version
    )


# ---------------------------------------------------------------------- our own evaluation


def evaluate(raw: bytes, envelope: Envelope, dns_server: str = "", budget: float = BUDGET) -> Authentication:
    """All four, within *budget* seconds of waiting for the DNS. Never raises on bad mail or bad DNS."""
    domain = envelope.from_addr.rpartition("@")[2]
    lookup = open_resolver(dns_server).lookup(budget)
    spf_result, spf_domain = "", ""
    if envelope.peer:
        spf_result, spf_domain = spf.check_host(lookup, envelope.peer, envelope.mail_from, envelope.helo)
    names = [name for name, _ in fields(raw)]
    signed_by, dkim_result = _verify_signatures(raw, names.count("dkim-signature"), domain, lookup)
    confirmed = [("spf", spf_domain)] if spf_result == "pass" else []
    confirmed += [("dkim", name) for name in signed_by]
    if names.count("from") > 1:
        # RFC 7489, 6.6.1: which of two authors would be confirmed?
        dmarc = "permerror"
    else:
        dmarc = _evaluate_dmarc(lookup, domain, confirmed, {spf_result, dkim_result}, bool(envelope.peer))
    # The relation is a convention; where the domain states a stricter one, DMARC has failed.
    aligned = next((name for _, name in confirmed if is_aligned(domain, name)), "")
    if dmarc in ("fail", "permerror"):
        aligned = ""
    arc = _verify_arc(raw, lookup) if "arc-seal" in names else ""
    return Authentication(spf_result, dkim_result, dmarc, arc, aligned)


def _verify_signatures(raw: bytes, count: int, domain: str, lookup: Lookup) -> tuple[list[str], str]:
    """Domains whose signature holds, and one word for all; that of the author's domain counts first."""
    if not count:
        return [], "none"
    holding: list[str] = []
    results: list[str] = []
    mail = dkim.DKIM(raw)
    for index in range(min(count, MAX_SIGNATURES)):
        result, signer = _verify_signature(mail, index, lookup)
        if result == "pass":
            holding.append(signer)
        # What a domain of no concern signed badly says nothing about the author.
        results.insert(0 if is_aligned(domain, signer) else len(results), result)
    return holding, "pass" if holding else results[0]


def _verify_signature(mail: dkim.DKIM, index: int, lookup: Lookup) -> tuple[str, str]:
    is_unanswered = False

    def find_key(name: bytes, timeout: float = 0) -> bytes | None:
        nonlocal is_unanswered
        try:
            return _key_record(lookup, name)
        except Unanswered:
            is_unanswered = True
            return None

    result, mail.signature_fields = "permerror", {}
    try:
        result = "pass" if mail.verify(index, dnsfunc=find_key) else "fail"
    except dkim.ValidationError:
        # What was signed is not what arrived.
        result = "fail"
    except Exception as error:  # dkimpy raises what base64, struct and its own checks raise on hostile input
        log.debug("signature unreadable", error=repr(error))
    signed: dict[bytes, bytes] = mail.signature_fields
    signer = signed.get(b"d", b"").decode("ascii", "replace").strip().lower()
    if is_unanswered:
        return "temperror", signer
    if result != "pass":
        # This library knows no Ed25519 by itself; an honest "we cannot tell" (RFC 8463).
        is_unknown = signed.get(b"a", b"").strip().lower().startswith(b"ed25519")
        return ("neutral" if is_unknown else result), signer
    headers = [name.strip().lower() for name in signed.get(b"h", b"").split(b":")]
    if b"from" not in headers or b"l" in signed or signed.get(b"a", b"").strip().lower() == b"rsa-sha1":
        # A length lets anybody append (RFC 6376, 8.2); SHA-1 no longer counts (RFC 8301).
        return "policy", signer
    return "pass", signer


def _key_record(lookup: Lookup, name: bytes) -> bytes | None:
    texts = lookup.texts(name.decode("ascii", "replace").rstrip("."))
    return next((text for text in texts if b"p=" in text and len(text) <= _MAX_KEY_RECORD), None)


def _verify_arc(raw: bytes, lookup: Lookup) -> str:
    """The state of the chain (RFC 8617): what forwarders testify, which proves nothing by itself."""

    def find_key(name: bytes, timeout: float = 0) -> bytes | None:
        try:
            return _key_record(lookup, name)
        except Unanswered as error:
            raise dkim.DnsTimeoutError(str(error)) from None

    try:
        chain = dkim.ARC(raw)
        if chain.sorted_arc_headers()[0] > MAX_ARC_SETS:
            return "fail"
        result, _, _ = chain.verify(dnsfunc=find_key)
    except Exception:  # as above
        return "fail"
    return result.decode("ascii") if result else "fail"


def _evaluate_dmarc(
    lookup: Lookup, domain: str, confirmed: Sequence[tuple[str, str]], results: set[str], knows_peer: bool
) -> str:
    """RFC 7489, 6.6.2. Empty when it cannot be said without knowing who connected."""
    try:
        record = _find_dmarc(lookup, domain) if domain else None
    except Unanswered:
        return "temperror"
    if record is None:
        return "none"
    for method, name in confirmed:
        is_strict = record.get("aspf" if method == "spf" else "adkim", "r") == "s"
        if name == domain or (not is_strict and is_aligned(domain, name)):
            return "pass"
    if "temperror" in results:
        return "temperror"
    return "fail" if knows_peer else ""


def _find_dmarc(lookup: Lookup, domain: str) -> dict[str, str] | None:
    """The record of the domain, else of its organisation; two records are none (6.6.3)."""
    for place in dict.fromkeys((domain, organisation_of(domain))):
        records = [
            text for text in lookup.texts(f"_dmarc.{place}") if re.match(rb"v\s*=\s*DMARC1\s*(;|$)", text)
        ]
        if records:
            return _tags(records[0].decode("ascii", "replace")) if len(records) == 1 else None
    return None


def _tags(record: str) -> dict[str, str] | None:
    pairs = (part.partition("=") for part in record.split(";"))
    tags = {name.strip().lower(): value.strip().lower() for name, equals, value in pairs if equals}
    # A policy nobody can read counts as "none" if reports are wanted, else as no record (6.6.3).
    return tags if tags.get("p") in ("none", "quarantine", "reject") or "rua" in tags else None


def is_aligned(domain: str, other: str) -> bool:
    """Whether both belong to one organisation (RFC 7489, 3.1, relaxed)."""
    if not domain or not other:
        return False
    return domain == other or organisation_of(domain) == organisation_of(other)


@lru_cache(maxsize=4096)
def organisation_of(domain: str) -> str:
    """The registered domain: `mx.ocotlan.gob.mx` → `ocotlan.gob.mx` (RFC 7489, 3.2)."""
    labels = domain.lower().split(".")
    rules = _public_suffixes()
    # An ending nobody listed is public itself, as if the rule were `*` (publicsuffix.org, "Algorithm").
    public = 1
    for count in range(1, len(labels) + 1):
        name = ".".join(labels[-count:])
        parent = ".".join(labels[-count + 1 :]) if count > 1 else ""
        if f"!{name}" in rules:
            public = count - 1
            break
        if name in rules or f"*.{parent}" in rules:
            public = count
    return ".".join(labels[-public - 1 :])


@cache
def _public_suffixes() -> frozenset[str]:
    text = (resources.files("authheaders") / "public_suffix_list.txt").read_text(encoding="utf-8")
    rules = (line.split()[0] for line in text.splitlines() if line.strip() and not line.startswith("//"))
    return frozenset(rule if rule.isascii() else _in_ascii(rule) for rule in rules)


def _in_ascii(rule: str) -> str:
    try:
        return ".".join(label.encode("idna").decode("ascii") for label in rule.split("."))
    except UnicodeError:
        return rule


# ---------------------------------------------------------------------- what a front server found


def fields(raw: bytes) -> Iterator[tuple[str, str]]:
    """The header fields in order: lower-case name, unfolded value."""
    end = _END_OF_HEAD.search(raw, 0, MAX_HEAD)
    for match in _FIELD.finditer(raw, 0, end.start() if end else min(len(raw), MAX_HEAD)):
        value = match[2].decode("utf-8", "replace").replace("\r", "").replace("\n", "")
        yield match[1].decode("ascii").lower(), value[:_MAX_VALUE].strip()


def read_results(raw: bytes, authserv_id: str, from_addr: str) -> Authentication:
    """What the server *authserv_id* says in its topmost Authentication-Results; all else may be forged.

    That server must remove such headers of others (RFC 8601, 5), as all do that write them.
    """
    found: dict[str, list[tuple[str, dict[str, str]]]] = {}
    for value in _topmost_results(raw, authserv_id):
        # Of each method the first header counts: below it may follow what the sender wrote.
        here: dict[str, list[tuple[str, dict[str, str]]]] = {}
        for method, result, properties in _parse_results(value):
            here.setdefault(method, []).append((result, properties))
        found = here | found
    words = {
        method: "pass" if any(word == "pass" for word, _ in results) else results[0][0]
        for method, results in found.items()
    }
    domain = from_addr.rpartition("@")[2]
    dmarc = words.get("dmarc", "")
    judged = found["dmarc"][0][1].get("header.from", "") if dmarc else ""
    if judged and not is_aligned(domain, judged.rpartition("@")[2].lower()):
        # It judged another From than the one people read.
        dmarc = "permerror"
    aligned = domain if dmarc == "pass" else ""
    if dmarc not in ("pass", "fail", "permerror"):
        aligned = next((name for name in _confirmed(found) if is_aligned(domain, name)), "")
    return Authentication(words.get("spf", ""), words.get("dkim", ""), dmarc, words.get("arc", ""), aligned)


def _confirmed(found: dict[str, list[tuple[str, dict[str, str]]]]) -> Iterator[str]:
    for method, place in (("dkim", "header.d"), ("dkim", "header.i"), ("spf", "smtp.mailfrom")):
        for result, properties in found.get(method, ()):
            if result == "pass" and place in properties:
                yield properties[place].rpartition("@")[2].lower()


def _topmost_results(raw: bytes, authserv_id: str) -> list[str]:
    """The first unbroken run of results by that server."""
    found: list[str] = []
    for name, value in fields(raw):
        if name == "authentication-results":
            words = _COMMENT.sub(" ", value.partition(";")[0]).split()
            if words and words[0].strip('"').lower() == authserv_id.lower():
                found.append(value.partition(";")[2])
        elif found and name not in _BESIDE_RESULTS and not name.startswith("arc-"):
            break
    return found


def _parse_results(value: str) -> Iterator[tuple[str, str, dict[str, str]]]:
    for _ in range(5):
        # Comments may be nested; each pass takes the innermost away.
        value = _COMMENT.sub(" ", value)
    for part in value.split(";"):
        found = _RESULT.match(part)
        if found and found[2].lower() in _WORDS | {"hardfail", "bestguesspass"}:
            result = {"hardfail": "fail", "bestguesspass": "none"}.get(found[2].lower(), found[2].lower())
            properties = {f"{a}.{b}".lower(): c.strip('"') for a, b, c in _PROPERTY.findall(found[3])}
            yield found[1].lower(), result, properties


def read_spam_verdict(raw: bytes) -> str:
    """The header by which a trusted front server calls this mail spam; empty when it does not.

    SpamAssassin and amavis, rspamd, Microsoft 365 (spam confidence level 5 and more).
    """
    seen: set[str] = set()
    for name, value in fields(raw):
        if name in seen or not name.startswith("x-"):
            continue
        # The front server writes above what came with the mail.
        seen.add(name)
        if (pattern := _SPAM.get(name)) and pattern.match(value):
            return f"{name.title()}: {' '.join(value.split())[:80]}"
    return ""


_YES = re.compile(r"yes\b|true\b", re.IGNORECASE)
_SPAM = {
    "x-spam-flag": _YES,
    "x-spam-status": _YES,
    "x-spam": _YES,
    "x-rspamd-action": re.compile(r"add header|rewrite subject|reject|soft reject|quarantine", re.IGNORECASE),
    "x-spamd-result": re.compile(r"default:\s*true", re.IGNORECASE),
    "x-ms-exchange-organization-scl": re.compile(r"[5-9]\b"),
    "x-forefront-antispam-report": re.compile(r"(?:.*;)?\s*SFV:(?:SPM|SKS|SKB)\b", re.IGNORECASE | re.DOTALL),
}
