"""What formatting styles share: lengths as Telegram counts them, and entities it finds by itself.

Documentation: MessageEntity ("Offset in UTF-16 code units to the start of the entity").
"""

import re

from tests.support.botapi.errors import ApiError, Json, bad_request

_FOUND = re.compile(
    r"(?P<url>https?://[^\s<>\"]+[^\s<>\".,;:!?)\]])|(?P<email>[\w.+-]+@[\w-]+(?:\.[\w-]+)+)"
    r"|(?<![\w/])(?P<bot_command>/[A-Za-z0-9_]{1,32}(?:@\w{3,})?)(?![\w/])"
    r"|(?<!\w)(?P<mention>@\w{4,32})|(?<!\w)(?P<hashtag>\#\w*[^\W\d]\w*)"
)


def units(text: str) -> int:
    """Length in UTF-16 code units."""
    return len(text) + sum(character > "\uffff" for character in text)


def found_entities(text: str) -> list[Json]:
    """Commands, addresses, mentions and hashtags, which Telegram recognises in any text."""
    return [
        {"type": str(hit.lastgroup), "offset": units(text[: hit.start()]), "length": units(hit.group())}
        for hit in _FOUND.finditer(text)
    ]


def cant_parse(why: str) -> ApiError:
    return bad_request(f"can't parse entities: {why}")
