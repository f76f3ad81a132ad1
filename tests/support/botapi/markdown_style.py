"""MarkdownV2 and the legacy Markdown (documentation: "Formatting options", "MarkdownV2 style").

Of MarkdownV2 the escapes are checked to the letter: "In all other places characters '_', '*', '[', ']',
'(', ')', '~', '`', '>', '#', '+', '-', '=', '|', '{', '}', '.', '!' must be escaped".
"""

import re

from tests.support.botapi.entities import cant_parse, units
from tests.support.botapi.errors import Json

RESERVED = set("_*[]()~`>#+-=|{}.!")
STYLES = {"*": "bold", "_": "italic", "__": "underline", "~": "strikethrough", "||": "spoiler"}
_CODE = re.compile(r"```(?:(\w+)\n)?((?:\\.|[^\\`])+)```|`((?:\\.|[^\\`])+)`", re.DOTALL)
_ADDRESS = re.compile(r"\]\(((?:\\.|[^\\)])*)\)")
_LEGACY = re.compile(
    r"```(?P<pre>.+?)```|`(?P<code>[^`]+)`|\*(?P<bold>[^*]+)\*|_(?P<italic>[^_]+)_"
    r"|\[(?P<text_link>[^\]]+)\]\((?P<url>[^)]+)\)",
    re.DOTALL,
)


class _Reader:
    """One pass over the source; open styles wait on a stack for their end."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.plain: list[str] = []
        self.length = 0
        self.entities: list[Json] = []
        self.open: list[tuple[str, int]] = []

    def write(self, text: str) -> None:
        self.plain.append(text)
        self.length += units(text)

    def add(self, start: int, entity: Json) -> None:
        if self.length > start:
            self.entities.append(entity | {"offset": start, "length": self.length - start})

    def close(self, mark: str) -> bool:
        """Close *mark* if it is the innermost open one."""
        if not self.open or self.open[-1][0] != mark:
            return False
        _, start = self.open.pop()
        self.add(start, {"type": STYLES[mark]})
        return True

    def toggle(self, mark: str) -> None:
        if not self.close(mark):
            self.open.append((mark, self.length))

    def read(self) -> None:
        at = 0
        while at < len(self.source):
            at = self._step(at)
        if self.open:
            raise cant_parse(f"Can't find end of {STYLES.get(self.open[-1][0], 'text_link')} entity")

    def _step(self, at: int) -> int:
        """Read what stands at *at* and return where to go on."""
        character = self.source[at]
        pair = self.source[at : at + 2]
        if character == "\\" and len(pair) == 2 and ord(pair[1]) < 127:
            self.write(pair[1])
            return at + 2
        if character == "`":
            return self._code(at)
        if pair in STYLES and not (pair == "__" and self.open and self.open[-1][0] == "_"):
            self.toggle(pair)
            return at + 2
        if character in STYLES:
            self.toggle(character)
            return at + 1
        if character == "[" or pair == "![":
            self.open.append(("[", self.length))
            return at + len(pair if pair == "![" else character)
        if character == "]" and self.open and self.open[-1][0] == "[":
            return self._link(at)
        if character == ">" and (at == 0 or self.source[at - 1] == "\n"):
            return self._quote(at)
        if character in RESERVED:
            raise cant_parse(
                f"Character '{character}' is reserved and must be escaped with the preceding '\\'"
            )
        self.write(character)
        return at + 1

    def _code(self, at: int) -> int:
        found = _CODE.match(self.source, at)
        if not found:
            raise cant_parse(f"Can't find end of Code entity at byte offset {len(self.source[:at].encode())}")
        start = self.length
        self.write(re.sub(r"\\(.)", r"\1", found[2] if found[3] is None else found[3]))
        kind: Json = {"type": "pre" if found[3] is None else "code"}
        self.add(start, kind | ({"language": found[1]} if found[1] else {}))
        return found.end()

    def _link(self, at: int) -> int:
        found = _ADDRESS.match(self.source, at)
        _, start = self.open.pop()
        if found:
            self.add(start, {"type": "text_link", "url": re.sub(r"\\(.)", r"\1", found[1])})
            return found.end()
        return at + 1

    def _quote(self, at: int) -> int:
        end = self.source.find("\n", at)
        inside = _Reader(self.source[at + 1 : end if end >= 0 else None])
        inside.read()
        start = self.length
        self.write("".join(inside.plain))
        self.entities += [entity | {"offset": entity["offset"] + start} for entity in inside.entities]
        self.add(start, {"type": "blockquote"})
        return end if end >= 0 else len(self.source)


def parse_markdown_v2(source: str) -> tuple[str, list[Json]]:
    reader = _Reader(source)
    reader.read()
    reader.entities.sort(key=lambda entity: (entity["offset"], -entity["length"]))
    return "".join(reader.plain), reader.entities


def parse_legacy_markdown(source: str) -> tuple[str, list[Json]]:
    """Markdown of old: no nesting; a mark without its end is an error."""
    reader = _Reader("")
    at = 0
    for found in _LEGACY.finditer(source):
        reader.write(_unmarked(source[at : found.start()]))
        start = reader.length
        kind = next(name for name in ("pre", "code", "bold", "italic", "text_link") if found[name])
        reader.write(found[kind])
        reader.add(start, {"type": kind} | ({"url": found["url"]} if kind == "text_link" else {}))
        at = found.end()
    reader.write(_unmarked(source[at:]))
    return "".join(reader.plain), reader.entities


def _unmarked(text: str) -> str:
    if re.search(r"(?<!\\)[*_`]", text):
        raise cant_parse("Can't find end of the entity")
    return re.sub(r"\\([*_`\[])", r"\1", text)
