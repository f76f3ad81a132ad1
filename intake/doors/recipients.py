"""Which addresses are ours, known by heart so that RCPT asks no database.

`local@domain` of an active mailbox, `local+anything@domain`, and postmaster of
our domains. `refresh` is the only part that reads the register.
"""

from __future__ import annotations

import time

from sqlalchemy import select

from intake.addresses import domain_of, normalise_address, split_plus
from intake.office import Office
from models.mailbox import Mailbox

POSTMASTER = "postmaster"


class AddressBook:
    """Our addresses as of `age` seconds ago. `knows` and `refresh` may run in different threads."""

    def __init__(self, office: Office) -> None:
        self._office = office
        self._addresses: frozenset[str] = frozenset()
        self._domains: frozenset[str] = frozenset()
        self._read_at = float("-inf")

    @property
    def age(self) -> float:
        """Seconds since the register was read; infinite before the first time."""
        return time.monotonic() - self._read_at

    def refresh(self) -> None:
        """Read the register. Raises SQLAlchemyError or OSError, and then knows what it knew."""
        started_at = time.monotonic()
        with self._office.database.reading() as session:
            found = session.scalars(select(Mailbox.address).where(Mailbox.is_active)).all()
        self._addresses = frozenset(normalise_address(address) for address in found)
        domains = {domain_of(address) for address in self._addresses} | {self._office.settings.domain.lower()}
        self._domains = frozenset(domains)
        self._read_at = started_at

    def knows(self, address: str) -> bool:
        """Whether mail to *address* is for us."""
        exact = normalise_address(address)
        if exact in self._addresses or split_plus(address)[0] in self._addresses:
            return True
        # RFC 5321, 4.5.1: postmaster is always there, also without a domain.
        local, _, domain = exact.rpartition("@")
        return (local == POSTMASTER and domain in self._domains) or exact == POSTMASTER
