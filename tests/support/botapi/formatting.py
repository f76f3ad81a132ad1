"""Text as a bot sends it → text as people see it, with its entities (documentation: "Formatting options")."""

from tests.support.botapi.entities import cant_parse, found_entities, units
from tests.support.botapi.errors import Json, bad_request
from tests.support.botapi.html_style import parse_html
from tests.support.botapi.markdown_style import parse_legacy_markdown, parse_markdown_v2

# MessageEntity.type, with those that Telegram finds by itself.
GIVEN = (
    "mention", "hashtag", "cashtag", "bot_command", "url", "email", "phone_number", "bold", "italic",
    "underline", "strikethrough", "spoiler", "blockquote", "expandable_blockquote", "code", "pre",
    "text_link", "text_mention", "custom_emoji", "date_time",
)  # fmt: skip


def parse(text: str, parse_mode: str, entities: list[Json] | None = None) -> tuple[str, list[Json]]:
    """Return the text as people see it and its entities, with those that Telegram finds by itself."""
    if parse_mode.lower() == "html":
        plain, marked = parse_html(text)
    elif parse_mode.lower() == "markdownv2":
        plain, marked = parse_markdown_v2(text)
    elif parse_mode.lower() == "markdown":
        plain, marked = parse_legacy_markdown(text)
    elif parse_mode:
        raise bad_request("unsupported parse_mode")
    else:
        plain, marked = text, [_checked(entity, text) for entity in entities or []]
    return _trimmed(plain, marked)


def _checked(entity: object, text: str) -> Json:
    """A MessageEntity as a bot may give it."""
    if not isinstance(entity, dict) or entity.get("type") not in GIVEN:
        raise cant_parse(f"unsupported MessageEntity {entity}")
    offset, length = entity.get("offset"), entity.get("length")
    if type(offset) is not int or type(length) is not int:
        raise cant_parse("offset and length of a MessageEntity must be of type Integer")
    if offset < 0 or length <= 0 or offset + length > units(text):
        raise cant_parse(f"MessageEntity {entity} lies outside of the text")
    return entity


def _trimmed(text: str, entities: list[Json]) -> tuple[str, list[Json]]:
    """Telegram cuts white space at both ends."""
    stripped = text.strip()
    lead = units(text[: len(text) - len(text.lstrip())])
    end = units(stripped)
    cut: list[Json] = []
    for entity in entities:
        start = max(entity["offset"] - lead, 0)
        stop = min(entity["offset"] - lead + entity["length"], end)
        if stop > start:
            cut.append(entity | {"offset": start, "length": stop - start})
    taken = [(entity["offset"], entity["offset"] + entity["length"]) for entity in cut]
    for entity in found_entities(stripped):
        first, last = entity["offset"], entity["offset"] + entity["length"]
        marked_as_other = any(
            a < last and first < b and e["type"] in {"code", "pre", "text_link", entity["type"]}
            for (a, b), e in zip(taken, cut, strict=False)
        )
        if not marked_as_other:
            cut.append(entity)
    cut.sort(key=lambda entity: (entity["offset"], -entity["length"]))
    return stripped, cut
