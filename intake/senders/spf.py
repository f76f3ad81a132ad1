"""SPF (RFC 7208): may this server send mail for that domain? Pure but for the lookups it is given.

Own, because the library there is ships only as source and hides its DNS in a module
variable. Limits are the RFC's: ten terms that ask the DNS, two that find nothing.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass, field
from urllib.parse import quote

from intake.senders.resolver import IPAddress, Lookup, Unanswered

# RFC 7208, 4.6.4.
MAX_TERMS, MAX_VOID, MAX_HOSTS = 10, 2, 10
_MAX_RECORD = 10_000

_RESULTS = {"+": "pass", "-": "fail", "~": "softfail", "?": "neutral"}
_TERM = re.compile(r"([+?~-]?)([a-z0-9]+)(?:([:/])(.*))?", re.IGNORECASE)
_MODIFIER = re.compile(r"([a-z][a-z0-9_.-]*)=(.*)", re.IGNORECASE)
# 7.1: what macros may look like, and that a domain ends with one or with a label that is no number.
_EXPAND = r"%(?:\{[slodiphv]\d*r?[.+,/_=-]*\}|[%_-])"
_EXPLAIN = r"%(?:\{[slodiphvcrt]\d*r?[.+,/_=-]*\}|[%_-])"
_MACRO_STRING = re.compile(rf"(?:{_EXPLAIN}|[!-$&-~])*", re.IGNORECASE)
_DOMAIN_SPEC = re.compile(
    rf"(?:{_EXPAND}|[!-$&-~])*(?:%\{{[^}}]*\}}|\.(?=[a-z0-9-]*[a-z-])[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\.?)",
    re.IGNORECASE,
)
_LENGTHS = re.compile(r"(.*?)(?:/(0|[1-9]\d?))?(?://(0|[1-9]\d{0,2}))?")
_NETWORK = re.compile(r"[^/]*(?:/(?:0|[1-9]\d{0,2}))?")
_MACRO = re.compile(r"%(?:\{([slodiphcrtv])(\d*)(r?)([.+,/_=-]*)\}|([%_-]))", re.IGNORECASE)


class _PermanentError(Exception):
    """The domain's record is broken."""


@dataclass(slots=True)
class _Check:
    """One evaluation: who sends, and how much has been asked."""

    lookup: Lookup
    ip: IPAddress
    sender: str
    helo: str
    terms: int = 0
    void: int = 0
    names: list[str] | None = field(default=None)

    def count_term(self) -> None:
        self.terms += 1
        if self.terms > MAX_TERMS:
            raise _PermanentError("too many terms")

    def count_void(self, found: list[IPAddress] | list[str]) -> None:
        if not found:
            self.void += 1
            if self.void > MAX_VOID:
                raise _PermanentError("too many void lookups")


def check_host(lookup: Lookup, ip: str, mail_from: str, helo: str) -> tuple[str, str]:
    """(result, domain it is about): none, neutral, pass, fail, softfail, temperror or permerror.

    Of a bounce, which has no MAIL FROM, the name of the server is checked (RFC 7208, 2.4).
    """
    local, at, domain = mail_from.rpartition("@")
    domain = (domain if at else helo).lower().rstrip(".")
    try:
        address = ipaddress.ip_address(ip.partition("%")[0])
    except ValueError:
        return "none", domain
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped:
        address = address.ipv4_mapped
    check = _Check(lookup, address, f"{local or 'postmaster'}@{domain}", helo)
    try:
        return _check_domain(check, domain), domain
    except Unanswered:
        return "temperror", domain
    except _PermanentError:
        return "permerror", domain


def _check_domain(check: _Check, domain: str) -> str:
    if not _is_domain(domain):
        return "none"
    record = _find_record(check, domain)
    if record is None:
        return "none"
    # The whole record is read first: a mistake anywhere counts (4.6).
    terms, redirect = _parse_record(record)
    for result, name, argument in terms:
        if _matches(check, domain, name, argument):
            return result
    if not redirect or any(name == "all" for _, name, _ in terms):
        return "neutral"
    check.count_term()
    found = _check_domain(check, _expand(check, domain, redirect))
    if found == "none":
        raise _PermanentError("redirect to a domain without a record")
    return found


def _find_record(check: _Check, domain: str) -> str | None:
    records = [
        text for text in check.lookup.texts(domain) if re.match(rb"v=spf1(?: |$)", text, re.IGNORECASE)
    ]
    if len(records) > 1 or any(len(record) > _MAX_RECORD for record in records):
        raise _PermanentError("several records")
    if records and not re.fullmatch(rb"[ -~]*", records[0]):
        raise _PermanentError("no plain text")
    return records[0].decode("ascii") if records else None


def _parse_record(record: str) -> tuple[list[tuple[str, str, str]], str]:
    """Its mechanisms as (result, name, argument), and where it redirects."""
    terms: list[tuple[str, str, str]] = []
    targets: dict[str, str] = {}
    for word in record.split()[1:]:
        modifier = _MODIFIER.fullmatch(word)
        if modifier is None:
            terms.append(_parse_term(word))
        elif (name := modifier[1].lower()) in ("redirect", "exp"):
            if name in targets or not _DOMAIN_SPEC.fullmatch(modifier[2]):
                raise _PermanentError(word)
            targets[name] = modifier[2]
        elif not _MACRO_STRING.fullmatch(modifier[2]):
            raise _PermanentError(word)
    return terms, targets.get("redirect", "")


def _parse_term(word: str) -> tuple[str, str, str]:
    term = _TERM.fullmatch(word)
    if not term or (term[3] == ":" and not term[4]):
        raise _PermanentError(word)
    name = term[2].lower()
    argument = f"/{term[4]}" if term[3] == "/" else term[4] or ""
    if not _is_argument(name, argument):
        raise _PermanentError(word)
    return _RESULTS[term[1] or "+"], name, argument


def _is_argument(name: str, argument: str) -> bool:
    if name == "all":
        return not argument
    if name in ("ip4", "ip6"):
        try:
            network = ipaddress.ip_network(argument, strict=False)
        except ValueError:
            return False
        return network.version == int(name[2]) and bool(_NETWORK.fullmatch(argument))
    if name in ("a", "mx"):
        parts = _LENGTHS.fullmatch(argument)
        assert parts is not None
        is_network = int(parts[2] or 0) <= 32 and int(parts[3] or 0) <= 128
        return is_network and (not parts[1] or bool(_DOMAIN_SPEC.fullmatch(parts[1])))
    if name in ("include", "exists", "ptr"):
        return (name == "ptr" and not argument) or bool(_DOMAIN_SPEC.fullmatch(argument))
    return False


def _matches(check: _Check, domain: str, name: str, argument: str) -> bool:
    if name in ("all", "ip4", "ip6"):
        return name == "all" or _in_network(check, argument)
    check.count_term()
    if name == "include":
        return _included(check, _expand(check, domain, argument))
    if name == "exists":
        found = check.lookup.addresses(_expand(check, domain, argument), 4)
        check.count_void(found)
        return bool(found)
    if name == "ptr":
        target = _expand(check, domain, argument) if argument else domain
        return any(host == target or host.endswith("." + target) for host in _validated_names(check))
    return _by_address(check, domain, name, argument)


def _in_network(check: _Check, argument: str) -> bool:
    network = ipaddress.ip_network(argument, strict=False)
    return check.ip.version == network.version and check.ip in network


def _included(check: _Check, target: str) -> bool:
    # 5.2: only a pass of the other domain matches; one without a record is a mistake.
    result = _check_domain(check, target)
    if result == "none":
        raise _PermanentError(f"include:{target}")
    return result == "pass"


def _by_address(check: _Check, domain: str, name: str, argument: str) -> bool:
    """`a` and `mx`, with their lengths of network (5.3, 5.4)."""
    parts = _LENGTHS.fullmatch(argument)
    assert parts is not None
    target = _expand(check, domain, parts[1]) if parts[1] else domain
    length = int(parts[2] or 32) if check.ip.version == 4 else int(parts[3] or 128)
    hosts = [target]
    if name == "mx":
        hosts = check.lookup.exchanges(target)
        check.count_void(hosts)
        if len(hosts) > MAX_HOSTS:
            raise _PermanentError("too many MX")
    for host in hosts:
        found = check.lookup.addresses(host, check.ip.version)
        if name == "a":
            check.count_void(found)
        if any(check.ip in ipaddress.ip_network((address, length), strict=False) for address in found):
            return True
    return False


def _validated_names(check: _Check) -> list[str]:
    """Names of the sending server that lead back to it (5.5)."""
    if check.names is None:
        check.names = []
        try:
            found = check.lookup.names(check.ip)
        except Unanswered:
            found = []
        for name in found[:MAX_HOSTS]:
            try:
                if check.ip in check.lookup.addresses(name, check.ip.version):
                    check.names.append(name.lower())
            except Unanswered:
                continue
    return check.names


def _expand(check: _Check, domain: str, text: str) -> str:
    """The domain that *text* names, its macros replaced (7); empty when what comes out is none."""

    def value(match: re.Match[str]) -> str:
        if match[5]:
            return {"%": "%", "_": " ", "-": "%20"}[match[5]]
        transformed = _transform(_macro(check, domain, match[1].lower()), match)
        return transformed if match[1].islower() else quote(transformed, safe="-._~")

    expanded = _MACRO.sub(value, text).lower().rstrip(".")
    while len(expanded) > 253:
        # 7.3: labels are dropped from the left.
        expanded = expanded.partition(".")[2]
    return expanded if _is_domain(expanded) else ""


def _macro(check: _Check, domain: str, letter: str) -> str:
    local, _, sender_domain = check.sender.rpartition("@")
    if letter == "i":
        dotted = ".".join(check.ip.exploded.replace(":", ""))
        return str(check.ip) if check.ip.version == 4 else dotted
    if letter == "p":
        names = _validated_names(check)
        return next((name for name in names if name == domain or name.endswith("." + domain)), "unknown")
    return {
        "s": check.sender,
        "l": local,
        "o": sender_domain,
        "d": domain,
        "v": "in-addr" if check.ip.version == 4 else "ip6",
        "h": check.helo,
    }.get(letter, "unknown")


def _transform(value: str, match: re.Match[str]) -> str:
    parts = re.split(f"[{re.escape(match[4])}]", value) if match[4] else value.split(".")
    if match[3]:
        parts.reverse()
    if match[2]:
        if int(match[2]) == 0:
            raise _PermanentError(match[0])
        parts = parts[-int(match[2]) :]
    return ".".join(parts)


def _is_domain(domain: str) -> bool:
    """4.3: at least two labels, none empty or too long."""
    labels = domain.split(".")
    return len(domain) <= 253 and len(labels) > 1 and all(0 < len(label) <= 63 for label in labels)
