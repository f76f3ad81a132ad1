"""The worker: turns what doors stored into cases, delivers the outbox, minds the clock.

Several may run, on several machines: rows are locked by whoever works on them.
An error is logged and the work goes on; a mail that fails is kept by `pipeline`.
"""

from __future__ import annotations

import gc
import signal
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import structlog

from intake import clock, mailer, pipeline, rescanning
from intake.archiving import binding
from intake.digitizing.scan_folder import Watcher
from intake.digitizing.scan_jobs import look_through, read_pages
from intake.figures import counting, scheduled_reports
from intake.heap import keep_buffers
from intake.learning.learning import Night
from intake.learning.proposing import Proposer
from intake.office import Office
from intake.programs import webhooks
from intake.reading.isolation import Reader
from models.base import now

log = structlog.get_logger()

# Seconds between two looks at the database: soon after work, more rarely while nothing comes.
_SHORTEST, _LONGEST = 0.05, 0.25
# After an error: the database may be locked or the disk full, and asking faster would not help.
_AFTER_ERROR = 1.0
# Seconds between two sweeps of the clock; deadlines are promised in minutes.
_CLOCK = 30.0
# Seconds until files that ClamAV has not seen are offered to it again.
_SCAN = 15.0
# Seconds between two rounds of counting, and between two looks at whether it is night.
_COUNT, _NIGHT = 120.0, 600.0
# Seconds between two looks at which reports are due.
_REPORT = 60.0
# Seconds until a new case has its proposal, at most.
_PROPOSE = 3.0
# Seconds until an expediente that was asked for is looked for.
_BIND = 3.0
# Seconds until a stack is looked through or a page read, and between two looks at the watched folder.
_READ, _FOLDER = 1.0, 2.0


@dataclass(frozen=True)
class Chore:
    """Something done again and again. `work` returns how much there was to do."""

    name: str
    work: Callable[[Office], int]
    shortest: float = _SHORTEST
    longest: float = _LONGEST


def _sweep(office: Office) -> int:
    clock.sweep(office, now())
    return 0


def chores(part: tuple[int, int], reader: Reader, stop: threading.Event) -> list[Chore]:
    """What a worker does, each in its own thread: a slow relay must not keep mail from becoming cases."""

    def process(office: Office) -> int:
        return pipeline.process_spooled(office, part=part, reader=reader)

    return [
        Chore("process", process),
        Chore("deliver", mailer.deliver_mail),
        Chore("webhooks", webhooks.deliver),
        Chore("clock", _sweep, _CLOCK, _CLOCK),
        Chore("scan", rescanning.rescan, _SCAN, _SCAN),
        # Each in a process that gives way; reading a long stack does not keep the next from being seen.
        Chore("look", partial(look_through, stop=stop), _READ, _READ),
        Chore("read", partial(read_pages, stop=stop), _READ, _READ),
        Chore("folder", Watcher().look, _FOLDER, _FOLDER),
        Chore("bind", binding.bind, _BIND, _BIND),
        Chore("count", counting.count_days, _COUNT, _COUNT),
        Chore("report", scheduled_reports.send_due, _REPORT, _REPORT),
        Chore("propose", Proposer().work, _PROPOSE, _PROPOSE),
        Chore("learn", Night().work, _NIGHT, _NIGHT),
    ]


def run(office: Office, stop: threading.Event | None = None, *, part: tuple[int, int] = (0, 1)) -> None:
    """Work until SIGTERM, SIGINT or *stop*; what was begun is finished first.

    *part* (i, n): this is worker i of n, counted from 0.
    """
    stop = stop or stop_on_signals()
    tune_interpreter()
    log.info("worker started", part=f"{part[0] + 1}/{part[1]}")
    with Reader() as reader:
        threads = [
            threading.Thread(target=repeat, args=(chore, office, stop), name=chore.name)
            for chore in chores(part, reader, stop)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    log.info("worker stopped")


def tune_interpreter() -> None:
    """For a process that writes batches while other threads of it wait for disks and children."""
    # What was loaded stays, and what a batch makes goes with it; to look for garbage often costs a tenth.
    gc.freeze()
    gc.set_threshold(20_000, 10, 50)
    # Who reads the next mails needs the interpreter often, for a moment, and would wait 5 ms each time.
    sys.setswitchinterval(0.0005)
    keep_buffers()


def repeat(chore: Chore, office: Office, stop: threading.Event) -> None:
    """Do *chore* until *stop*, whatever happens to it."""
    pause, failed = chore.shortest, ""
    while not stop.is_set():
        try:
            done = chore.work(office)
        except Exception as error:
            # Said once, and then only when it changes: a full disk must not fill the log too.
            if failed != repr(error):
                log.exception("chore failed", chore=chore.name)
            failed = repr(error)
            stop.wait(_AFTER_ERROR)
            continue
        if failed:
            log.info("chore works again", chore=chore.name)
            failed = ""
        pause = chore.shortest if done else min(pause * 1.5, chore.longest)
        # While there is more to do there is nothing to wait for.
        stop.wait(0 if done else pause)


def stop_on_signals() -> threading.Event:
    """An event that SIGTERM and SIGINT set. Only for the main thread."""
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _number, _frame: stop.set())
    return stop
