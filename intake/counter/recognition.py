"""Whether a mail is an oficio, and what it says of itself: number, date, signatory, subject, deadline. Pure.

Everything is read from words, and says where; nothing is decided here. A clerk confirms.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from intake.addresses import domain_of

SUBJECT, TEXT, FILE = "subject", "text", "file"
MAX_TEXT = 20_000
MAX_QUOTE = 200

_MONTHS = {
    name: number
    for number, name in enumerate(
        "enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre".split(), 1
    )
} | {"setiembre": 9}
_NUMBERS = {
    name: number
    for number, name in enumerate(
        "uno dos tres cuatro cinco seis siete ocho nueve diez once doce trece catorce quince".split(), 1
    )
} | {"veinte": 20, "treinta": 30}
_KIND = r"(?:oficio|memor[aá]ndum|circular|invitaci[oó]n)"
_MARK = r"(?:n[uú]m(?:ero)?\.?|no\.?|n[°º]\.?|#)"
# With a digit and at least one separator: `DGA/0123/2026`, `SOP-45-26`, `123/2026`; blanks around a slash.
_VALUE = r"(?P<number>[A-Z0-9ÁÉÍÓÚÑ][\wÁÉÍÓÚÑ.]*(?:\s?/\s?[\wÁÉÍÓÚÑ.]+|[-–][\wÁÉÍÓÚÑ.]+)+)"
_NUMBER = re.compile(
    rf"(?:\b{_KIND}(?:\s+(?:circular|interno|externo|de\s+comisi[oó]n))?\s*{_MARK}?|"
    rf"\b{_MARK}\s*(?:de\s+)?{_KIND})\s*[:.]?\s*{_VALUE}",
    re.IGNORECASE,
)
_DAY = rf"(?P<day>\d{{1,2}})(?:\s+d[ií]as)?(?:\s+del?(?:\s+mes\s+de)?)?\s+(?P<month>{'|'.join(_MONTHS)})"
_LONG_DATE = re.compile(
    rf"\b{_DAY}(?:\s*,)?(?:\s+del?(?:\s+a[ñn]o)?)?\s+(?P<year>(?:20)\d\d)\b", re.IGNORECASE
)
_SHORT_DATE = re.compile(r"\b(?P<day>\d{1,2})[/-](?P<month>\d{1,2})[/-](?P<year>20\d\d)\b")
_ISO_DATE = re.compile(r"\b(?P<year>20\d\d)-(?P<month>\d\d)-(?P<day>\d\d)\b")
# A line of a page ends anywhere, also between these words and the day.
_UNTIL = re.compile(
    r"(?:a\s+m[aá]s\s+tardar|antes\s+del?|fecha\s+l[ií]mite|vence|plazo)(?:[^.\n]|\n(?!\s*\n)){0,60}?(?=\d)",
    re.IGNORECASE,
)
# `4 de diciembre`, `4 de diciembre del año en curso`.
_DAY_OF_YEAR = re.compile(rf"{_DAY}\b(?!\s*(?:,\s*)?(?:del?\s+)?(?:a[ñn]o\s+)?(?:20)?\d\d)", re.IGNORECASE)
_WITHIN = re.compile(
    r"(?:plazo|t[eé]rmino)\s+(?:m[aá]ximo\s+|improrrogable\s+|no\s+mayor\s+(?:a|de|que)\s+|perentorio\s+)*"
    rf"(?:de\s+)?(?P<count>\d{{1,3}}|{'|'.join(_NUMBERS)})\s+(?:\([^)]{{1,20}}\)\s+)?d[ií]as"
    r"(?:\s+(?P<kind>h[aá]biles|naturales))?",
    re.IGNORECASE,
)
# It may go on in the next line, which then does not begin like a sentence.
_SUBJECT = re.compile(
    r"^[ \t]*(?i:asunto)\s*:[ \t]*(?P<subject>[^\n]{3,300}(?:\n[ \t]*[a-záéíóúñ][^\n:]{0,200})?)", re.M
)
_FAREWELL = re.compile(
    r"^[ \t]*(?:a\s*t\s*e\s*n\s*t\s*a\s*m\s*e\s*n\s*t\s*e|respetuosamente)\b[^\n]*$", re.I | re.M
)
_TITLE = r"(?:(?:lic|ing|dra?|mtr[ao]|arq|c\.?\s?p|l\.\w|profr?a?|c|sra?|psic|m\.\w)\.?\s+)"
_NAME = re.compile(
    rf"^[ \t]*(?P<name>{_TITLE}{{0,2}}[A-ZÁÉÍÓÚÑ][\w.'-]+(?:\s+[\w.'-]+){{1,6}})[ \t]*$",
    re.IGNORECASE,
)
_NO_NAME = re.compile(
    r"sufragio|reelecci[oó]n|director|jef[ea]|titular|secretar|president|coordinad|firma|a[ñn]o de|[\d«\"“]",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Source:
    """Words to read: of the mail's subject or text, or of a file's first page."""

    kind: str
    text: str
    filename: str = ""


@dataclass(frozen=True, slots=True)
class Reading:
    """A value, and where it was read. `field` is a column of `models.oficio.Oficio`."""

    field: str
    value: str
    source: str
    filename: str = ""
    quote: str = ""


Workdays = Callable[[date, int], date]


def is_institutional(address: str, domains: Sequence[str]) -> bool:
    """Whether *address* is of one of *domains* or below it."""
    domain = domain_of(address)
    return any(domain == one or domain.endswith("." + one) for one in domains)


def recognise(address: str, sources: Sequence[Source], domains: Sequence[str]) -> Reading | None:
    """The number that makes an oficio of a mail from an institution; None when it is none."""
    return find_number(sources) if is_institutional(address, domains) else None


def find_number(sources: Sequence[Source]) -> Reading | None:
    """The sender's number: on the page first, for a subject may name the oficio that is answered."""
    for source in sorted(sources, key=lambda one: (FILE, SUBJECT, TEXT).index(one.kind)):
        for match in _NUMBER.finditer(source.text[:MAX_TEXT]):
            number = re.sub(r"\s+", "", match["number"]).strip(".-").upper()
            if any(letter.isdigit() for letter in number) and len(number) <= 80:
                return _reading("sender_number", number, source, match)
    return None


def read_document(sources: Sequence[Source], received_on: date, workdays: Workdays) -> list[Reading]:
    """What the document says of itself, a value per field. *workdays* adds working days to a date."""
    found = [
        find_number(sources),
        _written_on(sources, received_on),
        _first(sources, _signatory),
        _first(sources, _subject),
        _deadline(sources, received_on, workdays),
    ]
    return [one for one in found if one is not None]


def _first(sources: Sequence[Source], read: Callable[[Source], Reading | None]) -> Reading | None:
    # A page is the document itself; the text of the mail is about it.
    ordered = sorted(sources, key=lambda one: (FILE, TEXT, SUBJECT).index(one.kind))
    return next((one for one in map(read, ordered) if one is not None), None)


def _written_on(sources: Sequence[Source], received_on: date) -> Reading | None:
    def read(source: Source) -> Reading | None:
        text = source.text[:MAX_TEXT]
        deadlines = [match.end() for match in _UNTIL.finditer(text)]
        for match, day in _dates(text):
            # Nobody dates a document after it arrived, but for the clock of another zone.
            if match.start() not in deadlines and day <= received_on + timedelta(days=1):
                return _reading("written_on", day.isoformat(), source, match)
        return None

    return _first(sources, read)


def _deadline(sources: Sequence[Source], received_on: date, workdays: Workdays) -> Reading | None:
    def read(source: Source) -> Reading | None:
        text = source.text[:MAX_TEXT]
        for until in _UNTIL.finditer(text):
            for match, day in _dates(text[until.end() : until.end() + 60]):
                if match.start() == 0 and day >= received_on:
                    return _reading("answer_required_on", day.isoformat(), source, until, extra=match.end())
            bare = _DAY_OF_YEAR.match(text, until.end())
            if bare and (coming := _next(bare, received_on)):
                extra = bare.end() - until.end()
                return _reading("answer_required_on", coming.isoformat(), source, until, extra=extra)
        if within := _WITHIN.search(text):
            word = within["count"].lower()
            count = int(word) if word.isdigit() else _NUMBERS[word]
            is_natural = (within["kind"] or "").lower().startswith("natural")
            day = received_on + timedelta(days=count) if is_natural else workdays(received_on, count)
            return _reading("answer_required_on", day.isoformat(), source, within)
        return None

    return _first(sources, read)


def _dates(text: str) -> Iterator[tuple[re.Match[str], date]]:
    found = [match for pattern in (_LONG_DATE, _SHORT_DATE, _ISO_DATE) for match in pattern.finditer(text)]
    for match in sorted(found, key=lambda one: one.start()):
        month = match["month"].lower()
        try:
            number = _MONTHS.get(month) or int(month)
            yield match, date(int(match["year"]), number, int(match["day"]))
        except ValueError:
            continue


def _next(match: re.Match[str], after: date) -> date | None:
    """The first such day from *after* on, within half a year: farther off it was meant of the past."""
    for year in (after.year, after.year + 1):
        try:
            day = date(year, _MONTHS[match["month"].lower()], int(match["day"]))
        except ValueError:
            return None
        if after <= day <= after + timedelta(days=183):
            return day
    return None


def _subject(source: Source) -> Reading | None:
    match = _SUBJECT.search(source.text[:MAX_TEXT])
    if match is None:
        return None
    subject = " ".join(match["subject"].split()).rstrip(".")
    return _reading("subject", subject, source, match)


def _signatory(source: Source) -> Reading | None:
    farewell = _FAREWELL.search(source.text[:MAX_TEXT])
    if farewell is None:
        return None
    for line in source.text[farewell.end() : farewell.end() + 600].splitlines():
        match = _NAME.match(line)
        if match and not _NO_NAME.search(line):
            return Reading("signatory", " ".join(match["name"].split()), source.kind, source.filename,
                           f"{farewell[0].strip()} … {line.strip()}"[:MAX_QUOTE])  # fmt: skip
    return None


def _reading(field: str, value: str, source: Source, match: re.Match[str], extra: int = 0) -> Reading:
    quote = " ".join(source.text[match.start() : match.end() + extra].split())[:MAX_QUOTE]
    return Reading(field, value, source.kind, source.filename, quote)
