"""HTML style (documentation: "Formatting options", "HTML style"), as strictly as it is written there.

Only the tags it lists, closed in order, and every <, > and & that is no part of a tag or entity escaped.
(The real server lets a lone > or & pass; who escapes all three is right with both.)
"""

import html
import re

from tests.support.botapi.entities import cant_parse, units
from tests.support.botapi.errors import Json

TAGS = {
    "b": "bold", "strong": "bold", "i": "italic", "em": "italic", "u": "underline", "ins": "underline",
    "s": "strikethrough", "strike": "strikethrough", "del": "strikethrough", "tg-spoiler": "spoiler",
    "code": "code", "pre": "pre", "blockquote": "blockquote", "a": "text_link", "span": "spoiler",
    "tg-emoji": "custom_emoji", "tg-time": "date_time",
}  # fmt: skip
# The API "currently supports only the following named HTML entities: &lt;, &gt;, &amp; and &quot;."
_REFERENCE = re.compile(r"&(lt|gt|amp|quot|#\d+|#[xX][0-9a-fA-F]+);")
_TAG = re.compile(
    r"<(/?)([a-zA-Z][a-zA-Z0-9-]*)((?:\s+[a-zA-Z-]+(?:\s*=\s*(?:\"[^\"]*\"|'[^']*'|[^\s\"'<>]+))?)*)\s*>"
)
_ATTRIBUTE = re.compile(r"([a-zA-Z-]+)(?:\s*=\s*(?:\"([^\"]*)\"|'([^']*)'|([^\s\"'<>]+)))?")


def parse_html(source: str) -> tuple[str, list[Json]]:
    plain: list[str] = []
    entities: list[Json] = []
    open_tags: list[tuple[str, int, Json]] = []
    at = length = 0
    while at < len(source):
        character = source[at]
        if character == "<":
            tag = _TAG.match(source, at)
            if not tag:
                raise cant_parse(f'Unsupported start tag "{source[at + 1 : at + 12]}" at {_byte(source, at)}')
            name = tag[2].lower()
            if tag[1]:
                _close(name, _byte(source, at), open_tags, length, entities)
            else:
                open_tags.append((name, length, _start(name, tag[3], _byte(source, at), open_tags)))
            at = tag.end()
            continue
        if character == ">":
            raise cant_parse(f'Character ">" must be escaped as "&gt;" at {_byte(source, at)}')
        if character == "&":
            reference = _REFERENCE.match(source, at)
            if not reference:
                raise cant_parse(f'Character "&" must be escaped as "&amp;" at {_byte(source, at)}')
            character, at = html.unescape(reference.group()), reference.end()
        else:
            at += 1
        plain.append(character)
        length += units(character)
    if open_tags:
        raise cant_parse(f'Can\'t find end tag corresponding to start tag "{open_tags[-1][0]}"')
    entities.sort(key=lambda entity: (entity["offset"], -entity["length"]))
    return "".join(plain), entities


def _start(name: str, attributes: str, where: str, open_tags: list[tuple[str, int, Json]]) -> Json:
    if name not in TAGS:
        raise cant_parse(f'Unsupported start tag "{name}" at {where}')
    given = {key.lower(): html.unescape(a or b or c) for key, a, b, c in _ATTRIBUTE.findall(attributes)}
    entity: Json = {"type": TAGS[name]}
    if name == "span" and given.get("class") != "tg-spoiler":
        raise cant_parse(f'Tag "span" must have class "tg-spoiler" at {where}')
    if name == "a":
        # A link to nowhere is shown as plain text.
        entity = {"type": "text_link", "url": given["href"]} if given.get("href") else {"type": ""}
    if name == "tg-emoji":
        entity["custom_emoji_id"] = given.get("emoji-id", "")
    if name == "blockquote" and "expandable" in given:
        entity["type"] = "expandable_blockquote"
    # "blockquote and expandable_blockquote entities can't be nested."
    if name == "blockquote" and any(other == "blockquote" for other, _, _ in open_tags):
        raise cant_parse(f'Tag "blockquote" can\'t be nested at {where}')
    inside_code = any(other in ("code", "pre") for other, _, _ in open_tags)
    if inside_code and not (name == "code" and open_tags[-1][0] == "pre"):
        # "pre and code entities can't contain other entities."
        raise cant_parse(f'Tag "{name}" can\'t be inside of "{open_tags[-1][0]}" at {where}')
    if inside_code:
        open_tags[-1][2]["language"] = given.get("class", "").removeprefix("language-")
        entity["type"] = ""
    return entity


def _close(
    name: str, where: str, open_tags: list[tuple[str, int, Json]], length: int, entities: list[Json]
) -> None:
    if not open_tags:
        raise cant_parse(f"Unexpected end tag at {where}")
    opened, start, entity = open_tags.pop()
    if opened != name:
        raise cant_parse(f'Unmatched end tag at {where}, expected "</{opened}>", found "</{name}>"')
    if length > start and entity["type"]:
        kept = {key: value for key, value in entity.items() if value != ""}
        entities.append(kept | {"offset": start, "length": length - start})


def _byte(source: str, at: int) -> str:
    return f"byte offset {len(source[:at].encode())}"
