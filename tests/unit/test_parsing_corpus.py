"""Every mail of tests/corpus reads as the .json beside it says; each is named after what it shows."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from intake.parsing import as_json, parse_email

CORPUS = Path(__file__).parent.parent / "corpus"
# Keys of a .json that look into the list of attachments.
_OF_FILES = {
    "attachment_names": "filename",
    "attachment_types": "content_type",
    "attachment_sizes": "size",
    "dangers": "danger",
    "inline": "inline",
    "content_ids": "content_id",
}


@pytest.mark.parametrize("path", sorted(CORPUS.glob("*.eml")), ids=lambda path: path.stem)
def test_a_mail_of_the_corpus_reads_as_expected(path: Path) -> None:
    expected = json.loads(path.with_suffix(".json").read_text("utf-8"))
    got = as_json(parse_email(path.read_bytes()))
    assert {key: _value(got, key, wanted) for key, wanted in expected.items()} == expected


def test_every_mail_of_the_corpus_has_its_expectation() -> None:
    assert {p.stem for p in CORPUS.glob("*.eml")} == {p.stem for p in CORPUS.glob("*.json")}


def _value(got: dict[str, Any], key: str, wanted: Any) -> Any:
    """What was read, in the shape of the expectation."""
    files = got["attachments"]
    if key in _OF_FILES:
        return [file[_OF_FILES[key]] for file in files]
    if key == "attachment_count":
        return len(files)
    if key in ("reply_contains", "text_contains"):
        text = got["reply_text" if key == "reply_contains" else "text"]
        return [piece for piece in wanted if piece in text]
    if key == "defects_include":
        return [defect for defect in wanted if defect in got["defects"]]
    if key == "bounce":
        return {name: got["bounce"][name] for name in wanted}
    return got[key]
