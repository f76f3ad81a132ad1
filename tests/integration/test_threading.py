"""Our mails in a mail client: acuse, answer and follow-up are one thread of the requester's mailbox."""

from __future__ import annotations

from email import message_from_bytes, policy

import pytest
from sqlalchemy import select

from intake import cases, spool
from intake.config import Settings
from intake.mailer import deliver_mail
from intake.office import Office
from intake.pipeline import process_spooled
from models.case import Case
from models.person import Account
from tests.support.dovecot import Account as Mailbox
from tests.support.dovecot import Dovecot
from tests.support.institution import found_institution
from tests.support.mails import make_mail

SUPPORT = "soporte@example.gob.mx"


def receive(office: Office, raw: bytes) -> None:
    spool.store(office, [spool.Arrival("smtp", raw, "ana@correo.example", (SUPPORT,))])
    process_spooled(office)
    deliver_mail(office)


@pytest.mark.parametrize("client", ["with References", "without References"])
def test_the_requesters_client_shows_one_thread(
    settings: Settings, imap_server: Dovecot, client: str
) -> None:
    office = Office.open(settings)
    with office.database.writing() as session:
        town = found_institution(session)
    ana = Mailbox(f"ana-{settings.web_listen.rpartition(':')[2]}@correo.example")
    first = make_mail(f"Ana López <{ana.address}>", message_id="<primero@correo.example>")
    receive(office, first)
    with office.database.writing() as session:
        case = session.scalars(select(Case)).one()
        clerk = session.get_one(Account, town.accounts["worker"].id)
        to, cc = cases.default_recipients(session, case)
        cases.answer(session, office, case, clerk, text="¿Qué modelo es?", to=to, cc=cc)
    deliver_mail(office)
    ours = [path.read_bytes() for path in sorted(settings.outgoing_dir.glob("*.eml"))]
    answer = message_from_bytes(ours[-1], policy=policy.default)
    assert answer["In-Reply-To"] == "<primero@correo.example>"
    references = (
        [] if client == "without References" else [*answer["References"].split(), answer["Message-ID"]]
    )
    reply = make_mail(
        f"Ana López <{ana.address}>",
        str(answer["Reply-To"].addresses[0].addr_spec),
        f"Re: {answer['Subject']}",
        "Es la HP 1020.",
        message_id="<segundo@correo.example>",
        in_reply_to=answer["Message-ID"],
        references=references,
    )
    receive(office, reply)
    with office.database.writing() as session:
        case = session.scalars(select(Case)).one()
        clerk = session.get_one(Account, town.accounts["worker"].id)
        cases.answer(session, office, case, clerk, text="Va un técnico.", to=to, then="answer_and_resolve")
    deliver_mail(office)
    office.database.close()
    ours = [path.read_bytes() for path in sorted(settings.outgoing_dir.glob("*.eml"))]
    for raw in (first, *ours, reply):
        if ana.address.encode() in raw.partition(b"\n\n")[0]:
            imap_server.append(ana, raw)
    threads = imap_server.thread_references(ana)
    assert len(threads) == 1, threads
    assert len(threads[0]) >= 5
