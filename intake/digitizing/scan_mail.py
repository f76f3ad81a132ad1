"""An address for scanners: the files of a mail from an allowed machine become stacks, not a case.

Whoever else writes there is held for a clerk; so is a mail without a scan, and one denied by its domain.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy.orm import Session

from intake.addresses import domain_of
from intake.digitizing import scans
from intake.errors import InvalidInput
from intake.incoming import IncomingMessage
from intake.office import Office
from intake.senders import trust
from models.inbound_mail import Outcome, Verdict
from models.mailbox import Mailbox
from models.scan import ScanSource
from templates import say


def accept(session: Session, office: Office, incoming: IncomingMessage, mailbox: Mailbox) -> Verdict:
    """Decide about a mail to *mailbox*, in the caller's transaction."""
    sender = incoming.from_addr
    if not is_allowed(mailbox.senders, sender):
        return Verdict.held(say("digitizing.mail.not_allowed", sender=sender))
    if trust.is_denied(incoming.authentication):
        return Verdict.held(say("digitizing.mail.denied", sender=sender, domain=domain_of(sender)))
    return _take(session, office, incoming, mailbox)


def is_allowed(allowed: Sequence[str], sender: str) -> bool:
    """Is *sender* one of *allowed*, an address or `@domain` each?"""
    return bool(sender) and any(
        sender == one or (one.startswith("@") and sender.endswith(one)) for one in map(str.lower, allowed)
    )


def _take(session: Session, office: Office, incoming: IncomingMessage, mailbox: Mailbox) -> Verdict:
    taken: list[str] = []
    refused: list[str] = []
    for file in incoming.attachments:
        if file.inline:
            continue
        try:
            scans.check(office, file)
            if scans.find_known(session, file.sha256) is None:
                bound = mailbox.bound_to
                scans.take(session, office, file, source=ScanSource.MAIL, sender=incoming.from_addr,
                           dependencia_id=bound.id if bound else None)  # fmt: skip
            taken.append(file.filename)
        except InvalidInput as error:
            refused.append(str(error))
    if not taken:
        return Verdict.held(" ".join([say("digitizing.mail.no_scan"), *refused]))
    for why in refused:
        scans.refuse(session, incoming.subject or incoming.from_addr, why, source=ScanSource.MAIL)
    reason = " ".join([say("digitizing.mail.taken", names=", ".join(taken)), *refused])
    return Verdict.processed(Outcome.SCAN, reason)
