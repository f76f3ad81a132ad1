"""kill -9 while mail goes out: after a restart every notice has arrived, and a copy is known by its id."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from intake.config import Settings
from intake.mailer import deliver_mail
from intake.office import Office
from models.outbox_message import OutboxMessage, OutboxStatus
from tests.support.desk import later, notices, queue_notice
from tests.support.program import LoadedProgram, Program
from tests.support.relay import Relay
from tests.support.waiting import wait_until

NOTICES = 60
KILLS = 3
DELIVER = """
from intake.config import Settings
from intake.mailer import deliver_mail
from intake.office import Office
office = Office.open(Settings(_env_file=None))
while True:
    deliver_mail(office)
"""


@pytest.fixture
def office(settings: Settings, relay: Relay) -> Iterator[Office]:
    opened = Office.open(settings.model_copy(update={"relay_url": relay.url}))
    yield opened
    opened.database.close()


def courier(office: Office, log: Path) -> Program:
    """A process that delivers until it is killed."""
    settings = office.settings
    environment = {
        "OFICIALIA_DATABASE_URL": settings.database_url,
        "OFICIALIA_STORE_URL": settings.store_url,
        "OFICIALIA_RELAY_URL": settings.relay_url,
        "OFICIALIA_OUTGOING_DIR": str(settings.outgoing_dir),
        "OFICIALIA_SECRET_KEY": settings.secret_key.get_secret_value(),
        "OFICIALIA_DOMAIN": settings.domain,
    }
    root = Path(__file__).parents[2]
    return LoadedProgram(["-c", DELIVER], log, environment=environment, folder=root)


def test_a_courier_killed_again_and_again_loses_nothing(office: Office, relay: Relay, tmp_path: Path) -> None:
    for number in range(NOTICES):
        queue_notice(office, subject=f"Aviso {number:03}")
    program = courier(office, tmp_path / "log")
    for kill in range(1, KILLS + 1):
        program.start()
        relay.wait_for(kill * NOTICES // (KILLS + 1))
        program.kill()
    with later(minutes=11):
        wait_until(lambda: deliver_mail(office) == 0, 30)
    rows = notices(office)
    assert {row.status for row in rows} == {OutboxStatus.SENT}
    received = Counter(mail.message["Message-ID"] for mail in relay.received)
    assert set(received) == {f"<{row.rfc_message_id}>" for row in rows}
    # At least once: only the one in hand when the process died may have come twice.
    assert sum(received.values()) <= NOTICES + KILLS


def test_a_courier_killed_between_the_relays_yes_and_its_own_commit_sends_the_same_mail_again(
    office: Office, relay: Relay, tmp_path: Path
) -> None:
    notice = queue_notice(office)
    relay.hold()
    program = courier(office, tmp_path / "log").start()
    wait_until(lambda: relay.attempts == 1)
    with office.database.writing() as session:
        # With the row locked it cannot write down that the relay took the mail.
        session.get_one(OutboxMessage, notice, with_for_update=True)
        relay.release()
        relay.wait_for(1)
        program.kill()
    assert notices(office)[0].status == OutboxStatus.SENDING
    with later(minutes=11):
        assert deliver_mail(office) == 1
    first, second = relay.received
    assert first.raw == second.raw
    assert notices(office)[0].status == OutboxStatus.SENT
