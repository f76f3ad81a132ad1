"""What is learnt from requests: how often it is right, how sure it calls itself, and what a file may do."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zlib
from dataclasses import dataclass
from itertools import pairwise

import pytest

from intake.learning.features import features_of
from intake.learning.fitting import Example, fit
from intake.learning.learned import Answer, BrokenModel, Model, pack, unpack
from tests.support.requests import PRIORITIES, SERVICES, Request, requests, ways


@dataclass(frozen=True)
class Lesson:
    """A model after its file was written and read, and what it answers to what it has never read."""

    model: Model
    answered: list[tuple[Request, Answer]]


@pytest.fixture(scope="module")
def lesson() -> Lesson:
    model = fit(
        [
            Example(one.text, {"service": one.service, "priority": PRIORITIES[one.service]})
            for one in requests(teaching=True, number=120, seed=1)
        ]
    )
    assert model is not None
    model = unpack(pack(model))
    asked = requests(teaching=False, number=80, seed=2)
    return Lesson(model, [(one, model.answers(one.text)["service"]) for one in asked])


def test_no_phrase_that_asks_was_taught() -> None:
    def phrases(teaching: bool) -> set[tuple[str, ...]]:
        words = [way.replace(",", "").split() for one in SERVICES for way in ways(one, teaching=teaching)]
        return {tuple(way[at : at + 4]) for way in words for at in range(len(way) - 3)}

    assert not phrases(teaching=True) & phrases(teaching=False)


def test_of_requests_in_words_it_never_read_it_names_the_service_of_85_percent(lesson: Lesson) -> None:
    right = sum(one.service == answer.label for one, answer in lesson.answered)
    assert right / len(lesson.answered) >= 0.85


def test_it_is_never_less_often_right_than_it_says(lesson: Lesson) -> None:
    """For each level that it calls itself sure, and for all answers from some level on."""
    answers = sorted((answer.confidence, one.service == answer.label) for one, answer in lesson.answered)
    for level in sorted({confidence for confidence, _ in answers}):
        above = [(confidence, right) for confidence, right in answers if confidence >= level]
        here = [right for confidence, right in answers if confidence == level]
        assert sum(right for _, right in above) >= sum(confidence for confidence, _ in above)
        # Of a few answers, one wrong one more or less says nothing.
        assert len(here) < 20 or sum(here) / len(here) >= level


def test_sureness_never_falls_while_the_lead_grows(lesson: Lesson) -> None:
    for question in lesson.model.questions.values():
        assert all(a < b for a, b in pairwise(question.steps))
        assert all(a < b for a, b in pairwise(question.sure))
        assert question.sure[-1] < 1


def test_it_shows_the_words_that_decided(lesson: Lesson) -> None:
    text = "Buenas tardes, por favor reparen el bache de la esquina, gracias"
    answer = lesson.model.answers(text)["service"]
    assert answer.label == "potholes"
    words = [text[begin:end] for begin, end in answer.words]
    assert "bache" in words
    assert not {"por", "favor", "el", "de", "la", "gracias"} & set(words)


def test_english_is_learnt_by_its_own_stems() -> None:
    stems = {one for one, _ in features_of("the printers are not printing".split()) if one[0] == "w"}
    assert {"wprinter", "wprint"} <= stems


def test_too_few_cases_or_only_one_service_teach_nothing() -> None:
    few = [Example(f"foco {number}", {"service": str(number % 2)}) for number in range(20)]
    same = [Example(f"foco fundido {number}", {"service": "1"}) for number in range(80)]
    assert fit(few) is None
    assert fit(same) is None
    assert fit([]) is None


def test_a_broken_or_foreign_file_is_no_model(lesson: Lesson) -> None:
    whole = pack(lesson.model)
    content = json.loads(zlib.decompress(whole))
    content["idf"] = content["idf"][1:]
    for broken in (
        b"",
        whole[:-9],
        b"\x80\x04K\x01.",
        zlib.compress(b"[]"),
        zlib.compress(b"\xff"),
        zlib.compress(json.dumps(content).encode()),
        zlib.compress(b'{"format": 2}'),
    ):
        with pytest.raises(BrokenModel):
            unpack(broken)


def test_nobody_who_only_proposes_loads_what_learns() -> None:
    code = (
        "import sys, intake.worker\n"
        "loaded = {'sklearn', 'scipy', 'numpy', 'snowballstemmer'} & set(sys.modules)\n"
        "sys.exit(str(loaded) if loaded else 0)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], env={**os.environ}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
