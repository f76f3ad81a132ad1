"""Coverage-guided fuzzing of the mail parser with atheris, from the mails of tests/corpus.

`python -m tests.bench.fuzz_parse [--seconds 60] [FOLDER]`: no mail may make `parse_email` raise,
hide a fault of ours as "unreadable", take more than two seconds, or give what is no JSON.
What does is left in FOLDER (default var/fuzz), where the next run begins. Linux, Python < 3.13.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["intake"]):
    from intake.authentication import read_results, read_spam_verdict
    from intake.parsing import as_json, parse_email
    from intake.senders.smime import verify
    from intake.senders.trust import mixes_alphabets, name_words

CORPUS = Path(__file__).parent.parent / "corpus"
SECONDS_PER_MAIL = 2
NOW = datetime.now(UTC)


def read(raw: bytes) -> None:
    """One mail, all that is done with it before the database."""
    begun = time.process_time()
    message = parse_email(raw)
    if "unreadable" in message.defects:
        raise AssertionError("the parser raised and hid it")
    json.dumps(as_json(message)).encode("utf-8")
    read_results(raw, "mx.example.gob.mx", message.from_addr)
    read_spam_verdict(raw)
    verify(raw, "", NOW)
    name_words(message.from_name)
    mixes_alphabets(message.from_name)
    if time.process_time() - begun > SECONDS_PER_MAIL:
        raise AssertionError("too slow")


def main() -> None:
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--seconds", type=int, default=60)
    arguments.add_argument("folder", type=Path, nargs="?", default=Path("var/fuzz"))
    chosen = arguments.parse_args()
    chosen.folder.mkdir(parents=True, exist_ok=True)
    for path in CORPUS.rglob("*.eml"):
        (chosen.folder / path.name).write_bytes(path.read_bytes())
    atheris.Setup(
        [
            sys.argv[0],
            f"-max_total_time={chosen.seconds}",
            f"-timeout={5 * SECONDS_PER_MAIL}",
            "-max_len=65536",
            f"-artifact_prefix={chosen.folder}/found-",
            "-print_final_stats=1",
            str(chosen.folder),
        ],
        read,
    )
    atheris.Fuzz()


if __name__ == "__main__":
    main()
