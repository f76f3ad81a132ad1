"""Time to read a mail, against the standard library, and of a 5 MB file against decoding and hashing it.

`python -m tests.bench.bench_parse [--runs 7] [FOLDER]`: every .eml below FOLDER (default: the corpus
of the tests). The standard library reads headers, text and files too, but neither cleans HTML nor
looks for quotes, signatures, bounces and the true types of files. Processor time, one after the other.
"""

from __future__ import annotations

import argparse
import base64
import gc
import hashlib
import time
from collections.abc import Callable, Iterable
from email import message_from_bytes, policy
from email.message import EmailMessage
from functools import partial
from pathlib import Path
from random import Random
from statistics import median

from intake.parsing import parse_email
from tests.bench import mails
from tests.bench.results import at_most, report

CORPUS = Path(__file__).parent.parent / "corpus"


def read_with_standard_library(raw: bytes) -> None:
    message = message_from_bytes(raw, policy=policy.default)
    assert isinstance(message, EmailMessage)
    for name in ("subject", "from", "to", "cc", "date", "message-id", "in-reply-to", "references"):
        str(message.get(name, ""))
    for part in message.walk():
        if not part.is_multipart():
            content = part.get_payload(decode=True)
            if part.get_content_maintype() == "text" and isinstance(content, bytes):
                content.decode(part.get_content_charset("utf-8"), "replace")
            part.get_filename()


def milliseconds(work: Callable[[], object], runs: int) -> list[float]:
    """Processor time of each run; short work is repeated within one."""
    times = 1
    while True:
        begun = time.process_time()
        for _ in range(times):
            work()
        if time.process_time() - begun > 0.003 or times > 1000:
            break
        times *= 4
    found = []
    for _ in range(runs):
        begun = time.process_time()
        for _ in range(times):
            work()
        found.append((time.process_time() - begun) / times * 1000)
    return found


def compare_reading(paths: Iterable[Path], runs: int) -> None:
    ours, library, ratios, unreadable = [], [], [], 0
    for path in paths:
        raw = path.read_bytes()
        try:
            read_with_standard_library(raw)
        except Exception:
            # The corpus has mails that it cannot read at all.
            unreadable += 1
            continue
        ours.append(median(milliseconds(partial(parse_email, raw), runs)))
        library.append(median(milliseconds(partial(read_with_standard_library, raw), runs)))
        ratios.append(ours[-1] / library[-1])
    figures = {"Oficialía": ours, "standard library": library}
    budget = at_most("median of ours / standard library, mail by mail", median(ratios), 1.5)
    report("parse", "reading a mail", figures, "ms", [budget])
    if unreadable:
        print(f"{unreadable} mails made the standard library raise and are left out")


def compare_large(runs: int) -> None:
    raw = mails.make(1, Random(1), file_bytes=5_000_000).as_bytes()
    # From the file's empty line to the boundary that ends it.
    body = raw[raw.index(b"\n\n", raw.index(b"application/pdf")) : raw.rindex(b"\n--")]
    figures = {
        "Oficialía": milliseconds(partial(parse_email, raw), runs),
        "base64 and SHA-256 alone": milliseconds(
            lambda: hashlib.sha256(base64.b64decode(body)).hexdigest(), runs
        ),
        "standard library": milliseconds(partial(read_with_standard_library, raw), runs),
    }
    ours, alone, _ = map(median, figures.values())
    budget = at_most("ours / base64 and SHA-256", ours / alone, 3)
    report("parse-large", "reading a mail with a 5 MB file", figures, "ms", [budget])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=7)
    parser.add_argument("folder", type=Path, nargs="?", default=CORPUS)
    options = parser.parse_args()
    # As in the process that reads mail for a worker.
    gc.freeze()
    compare_reading(sorted(options.folder.rglob("*.eml")), options.runs)
    compare_large(options.runs)


if __name__ == "__main__":
    main()
