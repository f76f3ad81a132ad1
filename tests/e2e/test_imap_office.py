"""The whole office on a mailbox of a real Dovecot, across a restart in the middle."""

from __future__ import annotations

import signal
from pathlib import Path
from urllib.parse import quote
from uuid import uuid4

import pytest

from models import migrations
from models.inbound_mail import InboundStatus
from models.session import open_database
from tests.e2e.test_serve import acuse_about, case_of, folio_in, inbound, reply_to
from tests.support.command import Place
from tests.support.dovecot import Account, Dovecot
from tests.support.institution import found_institution
from tests.support.mails import make_mail
from tests.support.program import Program
from tests.support.waiting import wait_until

SUPPORT = "soporte@example.gob.mx"


def serve(place: Place) -> Program:
    office = place.program("serve", "--workers", "1", stop_signal=signal.SIGINT)
    (place.folder / "serve.log").unlink(missing_ok=True)
    return office.start(lambda: "Ctrl-C" in office.output, timeout=60)


@pytest.mark.timeout(240)
def test_a_mailbox_is_read_with_idle_across_a_restart_in_the_middle(
    imap_server: Dovecot, tmp_path: Path
) -> None:
    account = Account(f"{uuid4().hex}@example.gob.mx")
    login = f"{quote(account.address, safe='')}:{quote(account.password, safe='')}"
    options = f"mailbox={SUPPORT}&ca={quote(str(imap_server.certificate.chain))}"
    place = Place(
        tmp_path / "office",
        {
            "OFICIALIA_DOMAIN": "example.gob.mx",
            "OFICIALIA_IMAP_URL": f"imaps://{login}@localhost:{imap_server.tls_port}/INBOX?{options}",
        },
    )
    database = open_database(f"sqlite:///{place.folder / 'var' / 'oficialia.db'}")
    migrations.upgrade(database)
    with database.writing() as session:
        found_institution(session)
    database.close()

    office = serve(place)
    imap_server.append(account, make_mail(subject="Gotera en el archivo", text="Llueve adentro."))
    acuse = acuse_about(place, "Gotera en el archivo")
    office.kill()
    # What arrives while nobody is there waits on the server.
    imap_server.append(account, reply_to(acuse, "Ya son dos goteras.", "Ana López <ana@correo.example>"))
    with serve(place):
        folio = folio_in(acuse)
        wait_until(lambda: len(inbound(place, InboundStatus.PROCESSED)) == 2, 60)
        imap_server.append(account, make_mail(subject="Otra cosa", text="Otra cosa."))
        acuse_about(place, "Otra cosa")
        messages = case_of(place, folio)["messages"]
        assert [each["reply_text"].strip() for each in messages] == ["Llueve adentro.", "Ya son dos goteras."]
        assert len(place.do("list", "--json").values) == 2
