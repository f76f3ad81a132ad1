"""Finds what is new in a mail: the text without quotes, attributions and signature.

Pure. HTML structure decides first (marks of `intake.reading.htmltext`), words second. An answer
written between quotes keeps them; a forwarded mail keeps what it forwards.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from intake.incoming import ForwardedSender
from intake.reading import attributions, header_blocks, interleaved, signatures
from intake.reading.htmltext import (
    ATTRIBUTION,
    INDENT,
    QUOTE,
    REST,
    RULE,
    SIGNATURE,
    WEAK,
    Line,
    without_links,
)

# Beyond these, lines are taken as they are: nobody answers below so much text.
MAX_LINES = 20_000
MAX_JUDGED = 4_000
MAX_CANDIDATES = 600

# What a line is.
_EMPTY, _TEXT, _QUOTED, _ATTRIBUTED, _CUT, _FORWARD, _SIGNED = "e", "t", "q", "a", "c", "f", "s"

_ANGLES = re.compile(r"\s{0,3}(?:>\s?|\|\s)")
_BROKEN_ADDRESS = re.compile(r">\s?(?:[^\W\d]{1,15}(?: [^\W\d]{1,15})?)?\s?[:：]\s*$")
# `>>> Ana <ana@…> 03/06/2024 10:11 a. m. >>>`: GroupWise, and all below it is quoted.
_GROUPWISE = re.compile(r">>> .{3,200}\d.{0,9}>>>\s*")
_OPEN_LINK = re.compile(r"[(<][^()<>]*$")


@dataclass(frozen=True, slots=True)
class Reply:
    """The new text and, when the mail forwards another, who wrote that one."""

    text: str
    forwarded: ForwardedSender | None = None


@dataclass(frozen=True, slots=True)
class _Mail:
    """What its headers say: that it forwards, or answers, another mail."""

    forwards: bool
    is_answer: bool


def reply_of_text(text: str, subject: str = "") -> Reply:
    """The new part of a plain text body."""
    return reply_of(plain_lines(text), subject)


def plain_lines(text: str) -> list[Line]:
    """The lines of a plain text; what is beyond any letter's length stays one piece."""
    return [Line(line) for line in text.split("\n", MAX_LINES)]


def reply_of(lines: list[Line], subject: str = "", is_answer: bool = True) -> Reply:
    """The new part of a body given as marked lines; a mail that answers none quotes only what says so."""
    lines = _split_shared_lines(lines[: MAX_LINES + 1])
    kinds = _classify(lines, _Mail(attributions.is_forward_subject(subject), is_answer))
    texts = [without_links(line.text) for line in lines]
    if _FORWARD in kinds:
        start = kinds.index(_FORWARD)
        return Reply("\n".join(texts).strip(), header_blocks.sender_of(texts[start : start + 40]))
    kept = _with_answers_inside(lines, texts, kinds) or _select(texts, kinds)
    return Reply("\n".join(signatures.without_signature(kept)).strip("\n").rstrip())


def _split_shared_lines(lines: list[Line]) -> list[Line]:
    """`gracias On Wed, … wrote:` becomes two lines."""
    out: list[Line] = []
    for line in lines:
        at = attributions.find_inline_attribution(line.text) if not line.mark and line.text else -1
        if at > 0 and not _ANGLES.match(line.text):
            out.append(Line(line.text[:at].rstrip(), line.mark))
            out.append(Line(line.text[at:], line.mark))
        else:
            out.append(line)
    return out


def _classify(lines: list[Line], mail: _Mail) -> list[str]:
    kinds = [_kind_by_mark(line) for line in lines]
    _rejoin_broken_addresses(lines, kinds)
    _mark_attributions(lines, kinds, mail)
    _mark_header_blocks(lines, kinds, mail)
    _settle_weak_blocks(lines, kinds, mail)
    _continue_quotes(lines, kinds)
    if not mail.is_answer and _ATTRIBUTED not in kinds and _CUT not in kinds:
        # Nobody wrote before: `> Inicio` is the author's.
        kinds = [
            _TEXT if kind == _QUOTED and not line.mark else kind
            for line, kind in zip(lines, kinds, strict=True)
        ]
    return kinds


def _kind_by_mark(line: Line) -> str:
    mark, text = line.mark, line.text
    if mark == REST:
        return _CUT
    if mark == QUOTE:
        return _QUOTED
    if mark == ATTRIBUTION:
        return _ATTRIBUTED if text else _EMPTY
    if not text or text.isspace():
        return _EMPTY
    if mark == SIGNATURE:
        return _SIGNED
    if _GROUPWISE.fullmatch(text):
        return _ATTRIBUTED
    # `>>> http://… <<<` is an ornament, no quote.
    if _ANGLES.match(text) and not text.rstrip().endswith("<<"):
        return _QUOTED
    return _TEXT


def _rejoin_broken_addresses(lines: list[Line], kinds: list[str]) -> None:
    """`> wrote:` below an open `<` ends the address of an attribution; it is no quoted line."""
    for index in range(1, len(lines)):
        if kinds[index] == _QUOTED and _BROKEN_ADDRESS.match(lines[index].text):
            above = "".join(line.text for line in lines[max(0, index - 4) : index])
            if above.count("<") > above.count(">"):
                kinds[index] = _TEXT


def _mark_attributions(lines: list[Line], kinds: list[str], mail: _Mail) -> None:
    candidates = 0
    for index, line in enumerate(lines[:MAX_JUDGED]):
        if kinds[index] == _TEXT and attributions.may_end_attribution(line.text):
            candidates += 1
            if candidates > MAX_CANDIDATES:
                return
            start = _attribution_start(lines, kinds, index)
            if start is not None and (mail.is_answer or _is_complete(lines, kinds, start, index)):
                kinds[start : index + 1] = [_ATTRIBUTED] * (index + 1 - start)


def _attribution_start(lines: list[Line], kinds: list[str], end: int) -> int | None:
    """First line of the attribution that ends on line *end*; None when none ends there."""
    before_quote = _next_kind(kinds, lines, end + 1) in (_QUOTED, WEAK)
    alone = end + 1 < len(kinds) and kinds[end + 1] == _EMPTY
    joined = ""
    found: int | None = None
    weak = False
    for start in range(end, max(-1, end - 6), -1):
        text = lines[start].text.strip()
        if kinds[start] not in (_TEXT, _EMPTY) or lines[start].mark != lines[end].mark:
            break
        if kinds[start] == _EMPTY:
            # An attribution is broken by a blank line only inside its address.
            if not joined.startswith("<"):
                break
            continue
        joined = f"{text} {joined}".strip()
        if found is None:
            above = start > 1 and kinds[start - 1] == _EMPTY
            if attributions.is_attribution(joined, before_quote, alone and above):
                found = start
                weak = not attributions.has_evidence(joined)
        # A longer reading is taken only where its first line opens with the date.
        elif attributions.starts_attribution(text) and not text.endswith((".", "!", "?")):
            found = start
        elif weak and attributions.has_evidence(text):
            # `escribió:` on a line of its own; who and when stand above it.
            found, weak = start, False
        elif start < found - 2:
            break
    return found


def _is_complete(lines: list[Line], kinds: list[str], start: int, end: int) -> bool:
    """Whether an attribution stands above a quote or names an address: it counts in any mail."""
    return _next_kind(kinds, lines, end + 1) in (_QUOTED, WEAK) or any(
        attributions.has_address(line.text) for line in lines[start : end + 1]
    )


def _next_kind(kinds: list[str], lines: list[Line], index: int) -> str:
    """Kind of the next line with content; WEAK for a blockquote nobody has judged yet."""
    for i in range(index, min(index + 4, len(kinds))):
        if lines[i].mark in (WEAK, INDENT) and kinds[i] != _EMPTY:
            return WEAK
        if kinds[i] != _EMPTY:
            return kinds[i]
    return _EMPTY


def _mark_header_blocks(lines: list[Line], kinds: list[str], mail: _Mail) -> None:
    """Find where a whole quoted mail begins: “Original message”, or a From/Sent/To block."""
    quoted_before = False
    for index, line in enumerate(lines[:MAX_JUDGED]):
        kind = kinds[index]
        if kind in (_EMPTY, _SIGNED):
            continue
        title = "" if kind == _QUOTED and quoted_before else attributions.title_of(line.text)
        if title == "forwarded":
            kinds[index] = _FORWARD
            return
        if title == "message" and not (mail.is_answer or _is_labelled_below(lines, index)):
            title = ""
        quoted_before = quoted_before or kind == _QUOTED
        if kind == _CUT:
            if mail.forwards:
                kinds[index] = _FORWARD
            return
        if kind == _ATTRIBUTED and _next_kind(kinds, lines, index + 1) in (_TEXT, _CUT):
            return
        if kind == _TEXT and _starts_quoted_mail(lines, kinds, index, mail, bool(title)):
            return


def _is_labelled_below(lines: list[Line], index: int) -> bool:
    """Whether fields stand below `--- Besked ---`; in a form stands there what somebody filled in."""
    below = next((line.text for line in lines[index + 1 : index + 4] if line.text.strip()), "")
    return header_blocks.is_labelled(below)


def _starts_quoted_mail(lines: list[Line], kinds: list[str], index: int, mail: _Mail, original: bool) -> bool:
    """Mark a quoted mail that begins on line *index*, with the drawn line above it."""
    block = [line.text for line in lines[index : index + header_blocks.MAX_LINES]]
    ruled = _follows_rule(lines, kinds, index)
    if not original and not header_blocks.is_header_block(block, ruled, mail.is_answer or mail.forwards):
        return False
    start = index
    while start and (kinds[start - 1] == _EMPTY or attributions.is_heading(lines[start - 1].text)):
        start -= 1
        kinds[start] = _EMPTY
    kinds[index] = _FORWARD if mail.forwards else _CUT
    return True


def _follows_rule(lines: list[Line], kinds: list[str], index: int) -> bool:
    for i in range(index - 1, max(-1, index - 4), -1):
        if lines[i].mark == RULE or attributions.is_rule_line(lines[i].text):
            return True
        if kinds[i] != _EMPTY:
            return False
    return False


def _settle_weak_blocks(lines: list[Line], kinds: list[str], mail: _Mail) -> None:
    """A plain blockquote is a quote below an attribution, or as the last one below the author's text."""
    blocks: list[tuple[int, int]] = []
    index = 0
    while index < len(lines):
        if lines[index].mark in (WEAK, INDENT):
            start = index
            while index < len(lines) and lines[index].mark == lines[start].mark:
                index += 1
            blocks.append((start, index))
        else:
            index += 1
    if not blocks:
        return
    quoted_elsewhere = any(kind in (_QUOTED, _ATTRIBUTED, _CUT) for kind in kinds)
    for number, (start, end) in enumerate(blocks):
        before = next((kinds[i] for i in range(start - 1, -1, -1) if kinds[i] != _EMPTY), _EMPTY)
        is_last = mail.is_answer and number == len(blocks) - 1 and not _is_announced(lines, start)
        last_alone = is_last and not quoted_elsewhere and before == _TEXT and lines[start].mark == WEAK
        if before == _ATTRIBUTED or last_alone or (_ATTRIBUTED in kinds[start:end] and before == _TEXT):
            for i in range(start, end):
                kinds[i] = _QUOTED if kinds[i] != _EMPTY else _EMPTY


def _is_announced(lines: list[Line], start: int) -> bool:
    """“El reglamento dice:” above a block that the author indented."""
    above = next((line.text for line in reversed(lines[:start]) if line.text.strip()), "")
    return above.rstrip().endswith((":", "：")) and not attributions.has_evidence(above)


def _continue_quotes(lines: list[Line], kinds: list[str]) -> None:
    """Tails of quoted lines that a mail program broke without repeating the `>`."""
    for index in range(1, len(lines) - 1):
        if kinds[index] != _TEXT or kinds[index - 1] != _QUOTED:
            continue
        above, text = lines[index - 1].text, lines[index].text.strip()
        following = kinds[index + 1]
        if following == _TEXT and index + 2 < len(lines):
            following = kinds[index + 2]
        broken_word = len(above) >= 60 and (text[0].islower() or text[0] in "(<)…") and following == _QUOTED
        open_link = bool(_OPEN_LINK.search(above)) and (")" in text or ">" in text)
        whole_link = text.startswith(("(http", "<http")) and following == _QUOTED
        if broken_word or open_link or whole_link:
            kinds[index] = _QUOTED


def _select(texts: list[str], kinds: list[str]) -> list[str]:
    """The author's lines: before, after or between the quotes."""
    kinds = _close_open_quotes(kinds)
    if _CUT in kinds:
        end = kinds.index(_CUT)
        texts, kinds = texts[:end], kinds[:end]
    texts, kinds = _without_trailing_footer(texts, kinds)
    authored = [i for i, kind in enumerate(kinds) if kind == _TEXT]
    if not authored:
        return _when_nothing_is_new(texts, kinds)
    end = authored[-1] + 1
    answered = sum(1 for i in range(1, end) if kinds[i] == _TEXT and _last_content(kinds, i) == _QUOTED)
    if answered > 1:
        return [
            f"> {text}" if kind == _QUOTED and not _ANGLES.match(text) else text
            for text, kind in zip(texts[:end], kinds[:end], strict=True)
        ]
    return [text for text, kind in zip(texts[:end], kinds[:end], strict=True) if kind in (_TEXT, _EMPTY)]


def _with_answers_inside(lines: list[Line], texts: list[str], kinds: list[str]) -> list[str]:
    """The text and the quoted mail below it, when the author says that the answers are in there."""
    start = next((i for i, kind in enumerate(kinds) if kind in (_CUT, _QUOTED, _ATTRIBUTED)), None)
    above = "\n".join(texts[:start])
    if start is None or not interleaved.is_announced(above):
        return []
    end = _end_of_quoted_mail(texts, start)
    quoted = interleaved.with_answers(above, texts[start:end], [line.colour for line in lines[start:end]])
    return [*signatures.without_signature(texts[:start]), "", *quoted]


def _end_of_quoted_mail(texts: list[str], start: int) -> int:
    """Where a still older mail begins inside the quoted one: nobody answers that."""
    seen = False
    for index in range(start, min(len(texts), start + interleaved.MAX_QUOTED)):
        kind, _ = attributions.header_label(texts[index].lstrip("> "))
        if kind == "from" and seen and index > start + 8:
            return index
        seen = seen or kind == "from"
    return len(texts)


def _close_open_quotes(kinds: list[str]) -> list[str]:
    """An attribution with no marked quote below it quotes all the rest."""
    for index, kind in enumerate(kinds):
        if kind != _ATTRIBUTED or (index + 1 < len(kinds) and kinds[index + 1] == _ATTRIBUTED):
            continue
        following = next((kinds[i] for i in range(index + 1, len(kinds)) if kinds[i] != _EMPTY), _EMPTY)
        if following == _TEXT:
            return kinds[:index] + [_CUT] * (len(kinds) - index)
    return kinds


def _without_trailing_footer(texts: list[str], kinds: list[str]) -> tuple[list[str], list[str]]:
    """Drop what a mailing list or a scanner added below the last quote."""
    quoted = [i for i, kind in enumerate(kinds) if kind == _QUOTED]
    if not quoted:
        return texts, kinds
    start = quoted[-1] + 1
    tail = ["", *texts[start:]]
    kept = signatures.without_signature(["x", *tail])[1:]
    if any(kinds[i] in (_TEXT, _SIGNED) for i in range(start, len(kinds))) and not any(
        line.strip() for line in kept
    ):
        return texts[:start], kinds[:start]
    return texts, kinds


def _last_content(kinds: list[str], index: int) -> str:
    for i in range(index - 1, -1, -1):
        if kinds[i] != _EMPTY:
            return kinds[i]
    return _EMPTY


def _when_nothing_is_new(texts: list[str], kinds: list[str]) -> list[str]:
    """Only a quote: empty when it says so itself, all of it when only its markup does."""
    first = next((kind for kind in kinds if kind != _EMPTY), _EMPTY)
    if first == _QUOTED and _ATTRIBUTED not in kinds[:1]:
        return [text for text, kind in zip(texts, kinds, strict=True) if kind != _SIGNED]
    if first == _SIGNED:
        return texts if _QUOTED not in kinds and _CUT not in kinds else []
    return []
