"""What was learnt from closed cases, as a file and as proposals: no library, no pickle, some 2 MB of memory.

The file is compressed JSON: features with their weight, and per question (service, dependencia,
priority) the answers, their weights as 16-bit integers, and how sure a lead over the
second-best answer may call itself. A broken file proposes nothing.
"""

from __future__ import annotations

import base64
import binascii
import json
import math
import sys
import zlib
from array import array
from bisect import bisect_right
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from intake.learning.features import features_of, is_telling, words_of

FORMAT = 1
# A file of this size unpacked would be no model of ours.
_MAX_BYTES = 64_000_000
# Words shown as those that decided.
_SHOWN = 4


class BrokenModel(ValueError):
    """The bytes are no model that this program can read."""


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer to one question. *words*: the (beginning, end) in the text of those that decided."""

    label: str
    confidence: float
    words: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Question:
    """The linear model of one question; *weights* row by row, a row for each feature."""

    labels: tuple[str, ...]
    weights: array[int]
    scale: float
    intercepts: tuple[float, ...]
    # From a lead of steps[i] on, sure[i] of the answers were right.
    steps: tuple[float, ...]
    sure: tuple[float, ...]
    # Of the cases left out, how many were right.
    right: float

    def confidence(self, lead: float) -> float:
        """How often an answer with this lead was right, at the least; 0 below the first step."""
        at = bisect_right(self.steps, lead)
        return self.sure[at - 1] if at else 0.0


@dataclass(frozen=True, slots=True)
class Model:
    """All questions over one vocabulary."""

    vocabulary: Mapping[str, int]
    idf: tuple[float, ...]
    questions: Mapping[str, Question]

    def answers(self, text: str) -> dict[str, Answer]:
        """The likeliest answer to each question; none for a text without a known word."""
        words = words_of(text)
        found = [
            (self.vocabulary[feature], number)
            for feature, number in features_of([word for _, _, word in words])
            if feature in self.vocabulary
        ]
        vector = weigh(Counter(index for index, _ in found), self.idf)
        if not vector:
            return {}
        return {name: _answer(question, vector, found, words) for name, question in self.questions.items()}


def weigh(counts: Mapping[int, int], idf: Sequence[float]) -> dict[int, float]:
    """TF-IDF of length one; the same when learning and when proposing."""
    raw = {index: (1 + math.log(count)) * idf[index] for index, count in counts.items()}
    length = math.sqrt(sum(value * value for value in raw.values()))
    return {index: value / length for index, value in raw.items()} if length else {}


def _answer(
    question: Question,
    vector: Mapping[int, float],
    found: Sequence[tuple[int, int]],
    words: Sequence[tuple[int, int, str]],
) -> Answer:
    width, weights = len(question.labels), question.weights
    scores = list(question.intercepts)
    for index, value in vector.items():
        start, value = index * width, value * question.scale
        for label in range(width):
            scores[label] += value * weights[start + label]
    order = sorted(range(width), key=lambda label: -scores[label])
    best = order[0]
    share: dict[int, float] = {}
    times = Counter(index for index, _ in found)
    for index, number in found:
        if is_telling(words[number][2]):
            weight = vector[index] * weights[index * width + best] / times[index]
            share[number] = share.get(number, 0.0) + weight
    decided = [number for number in sorted(share, key=lambda one: -share[one])[:_SHOWN] if share[number] > 0]
    spans = tuple((words[number][0], words[number][1]) for number in sorted(decided))
    return Answer(question.labels[best], question.confidence(scores[best] - scores[order[1]]), spans)


def pack(model: Model) -> bytes:
    """*model* as a file."""
    features = sorted(model.vocabulary, key=lambda feature: model.vocabulary[feature])
    content = {
        "format": FORMAT,
        "features": features,
        "idf": [round(value, 4) for value in model.idf],
        "questions": {
            name: {
                "labels": question.labels,
                "weights": _as_text(question.weights),
                "scale": question.scale,
                "intercepts": question.intercepts,
                "steps": question.steps,
                "sure": question.sure,
                "right": question.right,
            }
            for name, question in model.questions.items()
        },
    }
    return zlib.compress(json.dumps(content, ensure_ascii=False).encode(), 6)


def unpack(content: bytes) -> Model:
    """The model in a file. Raises BrokenModel."""
    try:
        reader = zlib.decompressobj()
        raw = reader.decompress(content, _MAX_BYTES)
        if not reader.eof:
            raise BrokenModel("too long, or cut off")
        return _read(json.loads(raw))
    except (zlib.error, binascii.Error, UnicodeDecodeError, KeyError, TypeError, ValueError) as error:
        raise BrokenModel(str(error)) from error


def _read(found: dict[str, Any]) -> Model:
    if found["format"] != FORMAT:
        raise BrokenModel(f"format {found['format']}")
    features, idf = list(map(str, found["features"])), tuple(map(float, found["idf"]))
    questions = {str(name): _read_question(one, len(features)) for name, one in found["questions"].items()}
    if len(idf) != len(features):
        raise BrokenModel("features and their weights differ in number")
    return Model({feature: index for index, feature in enumerate(features)}, idf, questions)


def _read_question(found: dict[str, Any], features: int) -> Question:
    question = Question(
        tuple(map(str, found["labels"])),
        _from_text(found["weights"]),
        float(found["scale"]),
        tuple(map(float, found["intercepts"])),
        tuple(map(float, found["steps"])),
        tuple(map(float, found["sure"])),
        float(found["right"]),
    )
    width = len(question.labels)
    shapes = len(question.weights) == features * width and len(question.intercepts) == width
    if width < 2 or not shapes or len(question.steps) != len(question.sure):
        raise BrokenModel("the weights do not fit the features")
    return question


def _as_text(weights: array[int]) -> str:
    little = array("h", weights)
    if sys.byteorder == "big":
        little.byteswap()
    return base64.b64encode(little.tobytes()).decode("ascii")


def _from_text(text: str) -> array[int]:
    weights = array("h")
    weights.frombytes(base64.b64decode(text, validate=True))
    if sys.byteorder == "big":
        weights.byteswap()
    return weights
