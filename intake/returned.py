"""What a bounce does to the notice it is about, and to the addresses that it calls dead.

Whoever got a notice of ours knows its id and its return address, and could send us a made-up
bounce that silences somebody else, or proof of a delivery that never was: only a plausible one
is believed. Any is shown on the case.
"""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from intake.incoming import IncomingMessage
from intake.office import Office
from intake.reply_address import read_bounce
from intake.senders import trust
from models.base import now
from models.contact import Address, AddressKind
from models.inbound_mail import InboundMail
from models.outbox_message import OutboxMessage, OutboxStatus

# Servers give up after five days (RFC 5321, 4.5.4.1); slow ones after some more.
_LATEST = timedelta(days=14)


def is_believable(
    office: Office, notice: OutboxMessage, incoming: IncomingMessage, inbound: InboundMail
) -> bool:
    """Whether the bounce is plausibly about *notice*: in time, from a machine, and about whom it went to."""
    told = {*notice.to, *notice.cc}
    if not _is_plausible(notice, incoming):
        return False
    bounce = incoming.bounce
    # A recipient's own address is no mail server: that is somebody who speaks for another.
    if incoming.from_addr in told and not (bounce and set(bounce.recipients) <= {incoming.from_addr}):
        return False
    came_back = read_bounce(office, inbound.envelope_to) is not None
    if bounce is None:
        # In words we do not know, to the address of bounces: a machine's when it wants no answer.
        return came_back and not inbound.envelope_from
    if bounce.recipients and not told & set(bounce.recipients):
        return False
    return came_back or bounce.original_message_id == notice.rfc_message_id


def is_believable_delivery(
    office: Office, notice: OutboxMessage, incoming: IncomingMessage, inbound: InboundMail, arrived: set[str]
) -> bool:
    """Whether the report that it is in the mailboxes of *arrived* is plausibly about *notice*.

    Unlike a bounce, it must come to the address that we made for *notice*: servers that tell of
    a delivery (RFC 3461, 6.1) know it, and nothing is lost by not believing one that does not.
    """
    is_from_a_machine = incoming.from_addr not in {*notice.to, *notice.cc}
    came_back = read_bounce(office, inbound.envelope_to)
    return (
        _is_plausible(notice, incoming)
        and is_from_a_machine
        and came_back is not None
        and notice.rfc_message_id.startswith(came_back)
        and bool(arrived & {*notice.to, *notice.cc})
    )


def _is_plausible(notice: OutboxMessage, incoming: IncomingMessage) -> bool:
    in_time = now() - (notice.sent_at or notice.created_at) <= _LATEST
    return in_time and not trust.is_denied(incoming.authentication)


def mark(session: Session, notice: OutboxMessage, incoming: IncomingMessage, reason: str) -> None:
    """Show on the notice that it came back, and on its recipients' addresses when the failure is lasting."""
    bounce = incoming.bounce
    # 4.x.x: the other server still tries (RFC 3464, 2.3.3); nothing is lost yet.
    if bounce and bounce.statuses and all(status.startswith(("2", "4")) for status in bounce.statuses):
        return
    notice.status, notice.last_error = OutboxStatus.BOUNCED, (bounce.diagnostic if bounce else "") or reason
    # Whom it names may have written a mail that was decided just before, in the same transaction.
    session.flush()
    for recipient in bounce.recipients if bounce else ():
        address = session.scalar(
            select(Address).where(Address.kind == AddressKind.EMAIL, Address.value == recipient)
        )
        if address is not None and recipient in (*notice.to, *notice.cc):
            address.failed_at, address.failure = now(), notice.last_error[:500]
