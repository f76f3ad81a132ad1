"""Seconds from what a person does in a chat until the bot's answer is with Telegram, in many chats at once.

`python -m tests.bench.bench_chat [--chats 100] [--rate 25]`: `oficialia bot` and our Bot API
server with Telegram's limits, each a process of its own. Every chat opens a request and
adds to it, all interleaved; no answer may end up in another's chat. Budget: p95 at most 0.3 s,
with 1,000 chats (4 minutes).
"""

from __future__ import annotations

import argparse
import re
import sys
import threading
import time
from bisect import bisect_left
from collections import defaultdict, deque
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

import httpx
from sqlalchemy import select

from intake.office import Office
from models.case import Case
from models.message import Message
from tests.bench.offices import ROOT, environment, found_office, scratch, settings_in
from tests.bench.results import at_most, p95, report, smaller
from tests.support.ports import free_port, is_listening
from tests.support.program import Program
from tests.support.waiting import wait_until

TOKEN = "123456:BENCH"
# A button by the beginning of its data, or words.
STORY = ("words", "srv:", "done:", "send:", "follow-up")
SAYING = {"sendMessage", "editMessageText"}
_PLACE = re.compile(r"manzana (\d+)")


class Control:
    """Our Bot API server, driven over HTTP as anybody would."""

    def __init__(self, url: str) -> None:
        self._url, self._client = url, httpx.Client(timeout=60, limits=httpx.Limits(max_connections=40))

    def do(self, verb: str, **arguments: object) -> Any:
        answer = self._client.post(f"{self._url}/{verb}", json=arguments).json()
        if not answer["ok"]:
            raise AssertionError(f"{verb}: {answer}")
        return answer["result"]

    def transcript(self, chat: int) -> str:
        return self._client.post(f"{self._url}/transcript", json={"chat": chat}).text


@dataclass
class Person:
    """One chat and how far it is."""

    number: int
    chat: int
    step: int = 0
    acted_at: list[float] = field(default_factory=list)

    @property
    def place(self) -> str:
        return f"manzana {self.number}"

    def act(self, control: Control) -> bool:
        """Do the next thing; False when the answer before it is not there yet."""
        wanted = STORY[self.step]
        if wanted in ("words", "follow-up"):
            began = time.time()
            control.do("send_text", user=self.chat, text=f"No hay agua en la {self.place} ({wanted})")
        else:
            button = self._find_button(control, wanted)
            if not button:
                return False
            began = time.time()
            control.do("tap", user=self.chat, button=button)
        self.acted_at.append(began)
        self.step += 1
        return True

    def _find_button(self, control: Control, beginning: str) -> str:
        newest = control.do("messages", chat=self.chat)[-1]
        rows = newest.get("reply_markup", {}).get("inline_keyboard", [])
        data = [str(button.get("callback_data", "")) for row in rows for button in row]
        return next((each for each in data if each.startswith(beginning)), "")


def turns(people: list[Person], rng: Random) -> Iterator[Person]:
    """Everybody once, in a new order, for every step of the story."""
    for _ in STORY:
        yield from rng.sample(people, len(people))


def live(control: Control, people: list[Person], rate: float, rng: Random) -> int:
    """Let all act at *rate*; returns how often somebody had to wait for the answer before."""
    early, due, pause = 0, deque(turns(people, rng)), threading.Event()
    with ThreadPoolExecutor(8) as threads:
        began, number = time.perf_counter(), 0
        pending = []
        while due:
            person = due.popleft()
            number += 1
            pause.wait(max(0.0, began + (number + rng.uniform(-0.5, 0.5)) / rate - time.perf_counter()))
            pending.append((person, threads.submit(person.act, control)))
            while pending and pending[0][1].done():
                acted, done = pending.pop(0)
                if not done.result():
                    early += 1
                    due.append(acted)
        for acted, done in pending:
            while not done.result():
                early += 1
                pause.wait(0.1)
                done = threads.submit(acted.act, control)
    return early


def waits(control: Control, people: list[Person]) -> list[float]:
    """Seconds until the bot said something, for everything that everybody did."""
    said: dict[int, list[float]] = defaultdict(list)
    for call in control.do("calls"):
        if call["method"] in SAYING and not call["error_code"]:
            said[call["chat_id"]].append(call["at"] + call["seconds"])
    found = []
    for person in people:
        times = sorted(said[person.chat])
        for acted_at in person.acted_at:
            place = bisect_left(times, acted_at)
            found.append(times[place] - acted_at if place < len(times) else float("inf"))
    return found


def check(control: Control, office: Office, people: list[Person]) -> None:
    """Every chat has heard only of its own place, and every case holds only what its chat said."""
    for person in people:
        text = control.transcript(person.chat)
        assert set(_PLACE.findall(text)) == {str(person.number)}, text
        assert len(re.findall(r"T-\d{4}-\d{6}", text)) >= 1, text
    with office.database.reading() as session:
        cases = session.scalars(select(Case)).all()
        assert len(cases) == len(people), f"{len(cases)} cases of {len(people)} chats"
        for case in cases:
            texts = session.scalars(select(Message.text).where(Message.case_id == case.id)).all()
            places = {place for text in (case.subject, *texts) for place in _PLACE.findall(text)}
            assert len(places) == 1 and len(texts) == 2, (case.folio, texts)


def run(folder: Path, chats: int, rate: float) -> tuple[list[float], int, int]:
    port = free_port()
    api = Program(
        [sys.executable, "-m", "tests.support.botapi", "--listen", f"127.0.0.1:{port}", "--token", TOKEN],
        folder / "botapi.log",
        folder=ROOT,
    )
    office = found_office(settings_in(folder))
    urls = {
        "OFICIALIA_TELEGRAM_TOKEN": TOKEN,
        "OFICIALIA_TELEGRAM_BASE_URL": f"http://127.0.0.1:{port}/bot",
        "OFICIALIA_TELEGRAM_FILE_URL": f"http://127.0.0.1:{port}/file/bot",
    }
    bot = Program(
        [sys.executable, ROOT / "oficialia.py", "bot"], folder / "bot.log",
        environment=environment(office.settings) | urls, folder=ROOT,
    )  # fmt: skip
    control = Control(f"http://127.0.0.1:{port}/control")
    with api.start(lambda: is_listening(port)), bot.start(lambda: "bot started" in bot.output):
        people = [
            Person(number, control.do("add_user", first_name=f"Persona {number}"))
            for number in range(1, chats + 1)
        ]
        early = live(control, people, rate, Random(2026))
        wait_until(lambda: control.do("pending") == 0, 30)
        wait_until(lambda: all(wait < float("inf") for wait in waits(control, people)), 30)
        slow = sum(call["error_code"] == 429 for call in control.do("calls"))
        check(control, office, people)
        seconds = waits(control, people)
    office.database.close()
    return seconds, early, slow


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--chats", type=int, default=100)
    parser.add_argument("--rate", type=float, default=25)
    options = parser.parse_args()
    with scratch() as folder:
        seconds, early, slow = run(folder, options.chats, options.rate)
    budgets = [
        at_most("p95", p95(seconds), 0.3),
        at_most("429 from Telegram", slow, 0),
        at_most("people who had to wait for the answer before", early, len(seconds) / 100),
    ]
    title = f"{options.chats} chats at {options.rate:g} updates a second: update → answer with Telegram"
    report("chat", title, {"Oficialía": seconds}, "s", budgets, smaller("--chats", options.chats, 1000))


if __name__ == "__main__":
    main()
