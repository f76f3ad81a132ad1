"""Turns HTML mail into lines of text, each line marked with what the markup says about it.

Lists, tables, links and paragraphs stay readable. Quotes and signatures are known by
the structure each mail program writes (gmail_quote, #divRplyFwdMsg, blockquote …).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from html import unescape

from selectolax.lexbor import LexborHTMLParser, LexborNode

from intake.reading.charsets import clean

MAX_HTML = 1_500_000
MAX_NODES = 60_000
MAX_DEPTH = 1_500

# Marks of a line, from the outermost element that says something.
QUOTE = "quote"  # surely quoted
WEAK = "weak"  # a plain blockquote: quoted, or only indented by its author
REST = "rest"  # quoted, and so is all that follows
INDENT = "indent"  # what Gmail and buttons indent: quoted when an attribution stands above it
RULE = "rule"  # a drawn line, often above a quoted header block
ATTRIBUTION = "attribution"
SIGNATURE = "signature"

# Link targets travel between these, so that they can be shown or left out.
_LINK = re.compile("\ue000[^\ue001]*\ue001")

_SKIPPED = {
    "script",
    "style",
    "head",
    "title",
    "template",
    "noscript",
    "object",
    "iframe",
    "select",
    "svg",
    "-comment",
    "audio",
    "video",
    "canvas",
}
_BLOCKS = set(
    "address article aside blockquote body center dd details dir div dl dt fieldset figcaption figure "
    "footer form h1 h2 h3 h4 h5 h6 "
    "header hr html legend li main menu nav ol p pre section summary table tbody tfoot thead tr ul "
    "caption".split()
)
_SPACED = {"p", "h1", "h2", "h3", "h4", "h5", "h6", "table", "ul", "ol", "blockquote", "pre"}
_TAG = re.compile(r"<[^<>]*>")
_TAG_NAME = re.compile(r"<(/?)([A-Za-z][A-Za-z0-9:-]{0,20})")
# Elements that hold nothing, or that the next of their kind closes.
_NOT_NESTING = set(
    "area base br col embed hr img input link meta param source track wbr "
    "p li td th tr option dt dd tbody thead".split()
)
_SPACES = re.compile(r"[ \t\n\r\f]+")

_QUOTE_CLASS = re.compile(
    r"\b(?:gmail_quote(?!_container)|yahoo_quoted|ymail_android_signature_quote|protonmail_quote|"
    r"tutanota_quote|zmail_extra|moz-forward-container|"
    r"mailru-blockquote|front-blockquote|ik_mail_quote|skiff_quote|history_container|quoted-text|"
    r"freebirdFormviewer|"
    r"spark_quote|sh-quoted-content|mcntmcntmcnt|gmail_extra_quote|airmail_ext_on_quote|js-helper-quote)\b|"
    r"yahoo_quoted"
)
_ATTRIBUTION_CLASS = re.compile(
    r"\b(?:gmail_attr|moz-cite-prefix|moz-email-headers-table|zmail_extra_hr|airmail_on|"
    r"protonmail_quote_attr)\b"
)
# Each program has a name of its own for it; a signature that is empty may hold the caret.
_SIGNATURE_CLASS = re.compile(
    r"signature(?=\s|$|[_-](?:prefix|section|block(?![\w-]*empty)))|\b(?:bloop_sign|airmail_sign)\b",
    re.IGNORECASE,
)
_REST_ID = re.compile(
    r"(?:x_)*(?:divRplyFwdMsg|appendonsend|stopSpelling|OLK_SRC_BODY_SECTION|"
    r"mail-editor-reference-message-container|"
    r"reply-intro-rest|zwchr|isReplyContent|lineBreakAtBeginningOfMessage-rest|ms-outlook-mobile-reference)"
)
_QUOTE_ID = re.compile(
    r"(?:x_)*(?:yahoo_quoted\w*|isForwardContent|composer-quote|replysplit|quotedReply|"
    r"oriMsgHtmlSeperator\w*|ydp\w*yahoo_quoted\w*)"
)
_SIGNATURE_ID = re.compile(r"[\w-]*signature(?:-x)?", re.IGNORECASE)
_ATTRIBUTION_ID = re.compile(r"(?:x_)*(?:reply-intro|mozcite)")
_BY_ID = ((_REST_ID, REST), (_QUOTE_ID, QUOTE), (_SIGNATURE_ID, SIGNATURE), (_ATTRIBUTION_ID, ATTRIBUTION))
_IMAGE_NAME = re.compile(
    r"(?:image|imagen|img|logo|cid:|inline|descripción|description)[^ ]*|[^ ]+\.(?:png|jpe?g|gif|bmp)",
    re.IGNORECASE,
)
# The line Outlook draws above a quoted header block, whatever its colour.
_OUTLOOK_RULE = re.compile(
    r"border:\s?none;\s?border-top:\s?solid\s#?\w{1,12}\s\d|border-top:\s?(?:solid\s#?\w{1,12}\s\d|"
    r"\d(?:\.\d)?p[tx]\ssolid)",
    re.IGNORECASE,
)
_HIDDEN = re.compile(r"display\s*:\s*none|mso-hide\s*:\s*all", re.IGNORECASE)
_COLOUR = re.compile(r"(?<![\w-])color\s*:\s*(#\w{3,6}|[a-z]{3,20}|rgba?\([^)]{5,40}\))", re.IGNORECASE)
_QUOTE_BORDER = re.compile(
    r"border-left(?:-width)?\s*:\s*(?:[#\w(),.]+\s){0,2}(?:solid|[1-9])", re.IGNORECASE
)
# What the button “increase indent” writes, of Gmail, Apple Mail and Outlook.
_INDENTED = re.compile(
    r"margin:\s?0(?:px)?\s0(?:px)?\s0(?:px)?\s40px|margin-top:\s?0(?:p[tx]|in|cm)?;", re.IGNORECASE
)


@dataclass(slots=True)
class Line:
    """One line of text and what its markup says it is (empty: nothing)."""

    text: str
    mark: str = ""
    # As CSS writes it, when all of the line has it.
    colour: str = ""


def without_links(text: str) -> str:
    """*text* as it reads on the screen."""
    return _LINK.sub("", text) if "\ue000" in text else text


def with_links(text: str) -> str:
    """*text* with the target of each link behind it: `aquí <https://…>`."""
    return text.replace("\ue000", " <").replace("\ue001", ">") if "\ue000" in text else text


def read_html(html: str) -> list[Line]:
    """The lines of an HTML body, marked."""
    html = html[:MAX_HTML].replace("\ue000", "").replace("\ue001", "")
    if not html.strip():
        return []
    if _is_too_deep(html):
        # Nobody nests so far; the parser would need minutes (its scope checks are quadratic in the depth).
        return [
            Line(clean(line.strip())) for line in unescape(_TAG.sub("\n", html)).split("\n") if line.strip()
        ]
    root = LexborHTMLParser(html).root
    return _Renderer().render(root) if root is not None else []


def _is_too_deep(html: str) -> bool:
    if html.count("<") < 2 * MAX_DEPTH:
        return False
    depth = 0
    for match in _TAG_NAME.finditer(html):
        if match[2].lower() not in _NOT_NESTING:
            depth += -1 if match[1] else 1
            if depth > MAX_DEPTH:
                return True
    return False


@dataclass(slots=True)
class _Closing:
    """What to undo when an element ends."""

    tag: str
    mark: str
    colour: str = ""
    href: str = ""
    at: int = 0


class _Renderer:
    def __init__(self) -> None:
        self.lines: list[Line] = []
        self.current: list[str] = []
        self.mark = ""
        self.colour = ""
        # Those of the words of the current line.
        self.colours: set[str] = set()
        self.rest = False
        self.pre = 0
        self.blank_wanted = False
        # Looking into an element costs its size: a mail of nested quotes must not pay it each time.
        self.looks_left = 30
        self.in_gmail = False
        # One entry per open list: the next number, or 0 for bullets.
        self.lists: list[int] = []

    def render(self, root: LexborNode) -> list[Line]:
        """Walk with a stack of our own: thousands of nested elements must not exhaust Python's."""
        stack: list[LexborNode | _Closing] = [root]
        seen = 0
        while stack:
            node = stack.pop()
            if isinstance(node, _Closing):
                self._leave(node)
                continue
            following = node.next
            if following is not None and seen:
                stack.append(following)
            seen += 1
            if seen > MAX_NODES:
                break
            tag = node.tag or ""
            if tag == "-text":
                self._text(node.text_content or "")
            elif tag not in _SKIPPED:
                self._element(node, tag, stack)
        self._end_line()
        return self.lines

    def _element(self, node: LexborNode, tag: str, stack: list[LexborNode | _Closing]) -> None:
        attributes = node.attributes
        style = attributes.get("style") or ""
        if style and _HIDDEN.search(style):
            return
        closing = _Closing(tag, self.mark, self.colour)
        if "color" in style or tag == "font":
            self._paint(attributes, style)
        if tag in _BLOCKS:
            self._end_line()
            self.blank_wanted = self.blank_wanted or tag in _SPACED
        mark = self._mark_of(node, tag, attributes, style)
        if mark:
            self._end_line()
            self._apply(mark)
        self._open(tag, attributes)
        if tag == "a":
            closing.href = attributes.get("href") or ""
            closing.at = len(self.current)
        child = node.first_child
        stack.append(closing)
        if child is not None:
            stack.append(child)

    def _paint(self, attributes: dict[str, str | None], style: str) -> None:
        found = _COLOUR.search(style)
        self.colour = (found[1] if found else attributes.get("color")) or self.colour

    def _open(self, tag: str, attributes: dict[str, str | None]) -> None:
        if tag == "br":
            self._end_line(force=True)
        elif tag in ("td", "th"):
            if any(piece.strip() for piece in self.current):
                self.current.append("\t")
        elif tag == "hr":
            self.lines.append(Line("", self.mark or RULE))
        elif tag == "img":
            # The words of a picture are read; its file is an attachment or stays outside.
            alternative = _SPACES.sub(" ", attributes.get("alt") or "")
            if (
                alternative.strip()
                and len(alternative) < 200
                and not _IMAGE_NAME.fullmatch(alternative.strip())
            ):
                self.current.append(f"[{alternative.strip()}]")
        elif tag in ("ol", "ul"):
            self.lists.append(1 if tag == "ol" else 0)
        elif tag == "li":
            self.current.append(self._bullet())
        elif tag == "pre":
            self.pre += 1

    def _bullet(self) -> str:
        indent = "  " * max(0, len(self.lists) - 1)
        if not self.lists or not self.lists[-1]:
            return indent + "- "
        self.lists[-1] += 1
        return f"{indent}{self.lists[-1] - 1}. "

    def _leave(self, closing: _Closing) -> None:
        tag, self.colour = closing.tag, closing.colour
        if tag in _BLOCKS:
            self._end_line()
            self.blank_wanted = self.blank_wanted or tag in _SPACED
        if tag == "pre":
            self.pre = max(0, self.pre - 1)
        elif tag in ("ol", "ul") and self.lists:
            self.lists.pop()
        elif tag == "a" and closing.href.lower().startswith(("http://", "https://")):
            shown = "".join(self.current[closing.at :]).strip()
            if shown and shown.rstrip("/") not in closing.href:
                self.current.append(f"\ue000{clean(closing.href)[:2000]}\ue001")
        if self.mark != closing.mark and not self.rest:
            self._end_line()
            self.mark = closing.mark

    def _text(self, text: str) -> None:
        if not text.isspace():
            self.colours.add(self.colour)
        if not self.pre:
            text = _SPACES.sub(" ", text)
            if text != " " or self.current:
                self.current.append(text)
            return
        first, *others = text.split("\n")
        self.current.append(first)
        for line in others:
            self._end_line(force=True)
            self.current.append(line)

    def _end_line(self, force: bool = False) -> None:
        text = "".join(self.current)
        self.current.clear()
        colour = self.colours.pop() if len(self.colours) == 1 else ""
        self.colours.clear()
        text = text.rstrip() if self.pre else text.replace("\u00a0", " ").strip(" \t")
        if not text and not force:
            return
        if self.blank_wanted:
            if self.lines and self.lines[-1].text:
                self.lines.append(Line("", self.mark if self.mark == self.lines[-1].mark else ""))
            self.blank_wanted = False
        self.lines.append(Line(clean(text), self.mark, colour))

    def _apply(self, mark: str) -> None:
        if self.rest or self.mark == QUOTE:
            return
        if mark == REST:
            self.rest = True
        self.mark = mark

    def _mark_of(self, node: LexborNode, tag: str, attributes: dict[str, str | None], style: str) -> str:
        """What the element is, by the habits of the program that wrote it."""
        identity = attributes.get("id") or ""
        if identity:
            for pattern, mark in _BY_ID:
                if pattern.fullmatch(identity):
                    return mark
        classes = attributes.get("class") or ""
        if tag == "blockquote":
            return self._mark_of_blockquote(attributes, classes, style)
        if classes:
            if _SIGNATURE_CLASS.search(classes):
                return SIGNATURE
            if _ATTRIBUTION_CLASS.search(classes):
                return ATTRIBUTION
            if _QUOTE_CLASS.search(classes):
                # Inside Gmail's container only the blockquotes are quoted: people answer between them.
                self.in_gmail = self.in_gmail or ("gmail_quote" in classes and self._holds_blockquote(node))
                return "" if self.in_gmail else QUOTE
        if attributes.get("name") == "quote" or attributes.get("data-marker") == "__QUOTED_TEXT__":
            return QUOTE
        if attributes.get("data-smartmail") == "gmail_signature":
            return SIGNATURE
        if style and "border-top" in style and _OUTLOOK_RULE.search(style):
            self.lines.append(Line("", self.mark or RULE))
        return ""

    def _holds_blockquote(self, node: LexborNode) -> bool:
        self.looks_left -= 1
        return self.looks_left < 0 or node.css_first("blockquote") is not None

    def _mark_of_blockquote(self, attributes: dict[str, str | None], classes: str, style: str) -> str:
        if (attributes.get("type") or "").lower() == "cite" or attributes.get("cite"):
            return QUOTE
        if "gmail_quote" in classes:
            return QUOTE if self.in_gmail else INDENT
        if _QUOTE_CLASS.search(classes) or "cite" in classes or _QUOTE_BORDER.search(style):
            return QUOTE
        return INDENT if _INDENTED.search(style) else WEAK
