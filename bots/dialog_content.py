"""What was sent, kept while something else is asked: to which case it belongs, or whether a draft goes on.

Each word and file keeps the message that brought it, so that an edit still finds it. Pure.
"""

from __future__ import annotations

from dataclasses import replace

from bots.dialog_terms import Content, Data, DraftFile, Input, Kind, Part
from intake.chat.chat_files import KeptFile
from templates import say


def words_of(given: Input) -> str:
    """What was sent as it reads in a case."""
    return say("chat.text.place", place=given.text) if given.is_place else given.text


def messages_of(given: Input) -> tuple[Input, ...]:
    """The messages of which *given* consists: those of an album, or itself."""
    return given.parts or (given,)


def key_of(given: Input) -> int:
    """The message that *given* is known by."""
    return given.remote_ids[0] if given.remote_ids else 0


def files_of(given: Input) -> list[DraftFile]:
    """Its files, each with the message that brought it."""
    return [
        {"id": key_of(each), "file": file.as_json()} for each in messages_of(given) for file in each.files
    ]


def as_content(given: Input) -> Content:
    """What was sent, to be kept."""
    texts: list[Part] = [
        {"id": key_of(each), "text": each.text} for each in messages_of(given) if each.text.strip()
    ]
    return {
        "ids": list(given.remote_ids),
        "texts": texts,
        "is_place": given.is_place,
        "files": files_of(given),
        "large": list(given.too_large),
    }


def as_input(content: Content) -> Input:
    """What was kept, as if it came now."""
    parts = tuple(_message(content, remote_id) for remote_id in dict.fromkeys(content["ids"]))
    return Input(
        Kind.CONTENT,
        "\n\n".join(part["text"] for part in content["texts"]),
        content["is_place"],
        tuple(KeptFile.from_json(each["file"]) for each in content["files"]),
        tuple(content["large"]),
        remote_ids=tuple(content["ids"]),
        parts=parts if len(parts) > 1 else (),
    )


def _message(content: Content, remote_id: int) -> Input:
    texts = [part["text"] for part in content["texts"] if part["id"] == remote_id]
    files = [KeptFile.from_json(each["file"]) for each in content["files"] if each["id"] == remote_id]
    return Input(Kind.CONTENT, "\n\n".join(texts), content["is_place"], tuple(files), remote_ids=(remote_id,))


def merged(data: Data, given: Input) -> Content:
    """What waits already and what came now, as one."""
    if "content" not in data:
        return as_content(given)
    before = data["content"]
    is_place = before["is_place"] and not given.text.strip()
    now = as_content(replace(given, text=words_of(given)) if not given.parts else given)
    return {
        "ids": [*before["ids"], *now["ids"]],
        "texts": [*before["texts"], *now["texts"]],
        "is_place": is_place,
        "files": [*before["files"], *now["files"]],
        "large": [*before["large"], *now["large"]],
    }


def corrected(content: Content, given: Input) -> Content | None:
    """*content* after one of its messages was edited; None when it is none of them."""
    key, text = key_of(given), given.text.strip()
    if key not in content["ids"]:
        return None
    texts: list[Part] = [part for part in content["texts"] if part["id"] != key or not text]
    if text:
        place = next((at for at, part in enumerate(content["texts"]) if part["id"] == key), len(texts))
        texts.insert(place, {"id": key, "text": text})
    files = [each for each in content["files"] if each["id"] != key or not given.files]
    return {**content, "texts": texts, "files": [*files, *files_of(given)]}
