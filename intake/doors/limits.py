"""How much one SMTP client may ask of us: connections at a time, mails per minute.

Pure but for the clock that is handed in. Clients are told apart by address, in
IPv6 by network, for there one client has as many addresses as it likes.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network

# All sessions together hold at most this many mails of the largest size in memory.
MAX_LARGE_MAILS = 8
# More commands than this in one session are no mail any more.
COMMANDS = {"NOOP": 1_000, "VRFY": 50, "HELP": 50, "AUTH": 5, "STARTTLS": 3, "*": 1_000_000}
# A client that is forgotten has a full allowance again, so only idle ones may be.
_MAX_CLIENTS = 10_000


class ClientLimits:
    """Counts of all clients. For one thread."""

    def __init__(
        self,
        *,
        connections: int,
        per_minute: int,
        trusted: str = "",
        total: int = 500,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """*trusted*: networks separated by commas. *total*: connections of all others together."""
        self._connections, self._per_minute, self._total = connections, per_minute, total
        self._trusted = [
            ip_network(text.strip(), strict=False) for text in trusted.split(",") if text.strip()
        ]
        self._open: dict[str, int] = {}
        # Client → (mails it may send now, as of when); one more each 60/per_minute seconds.
        self._allowance: dict[str, tuple[float, float]] = {}
        self._clock = clock

    def client_of(self, address: str) -> str:
        """Who counts as one client; empty for a trusted one."""
        try:
            ip = ip_address(address.partition("%")[0])
        except ValueError:
            # A Unix socket, for instance: this machine.
            return ""
        if ip.version == 6 and ip.ipv4_mapped:
            ip = ip.ipv4_mapped
        if any(ip in network for network in self._trusted):
            return ""
        network: IPv4Network | IPv6Network = ip_network((ip, 64 if ip.version == 6 else 32), strict=False)
        return str(network)

    def enter(self, client: str) -> bool:
        """Count a connection, unless it is one too many."""
        if not client:
            return True
        count = self._open.get(client, 0)
        if count >= self._connections or sum(self._open.values()) >= self._total:
            return False
        self._open[client] = count + 1
        return True

    def leave(self, client: str) -> None:
        """The end of a connection that `enter` let in."""
        if client:
            self._open[client] -= 1
            if not self._open[client]:
                del self._open[client]

    def take_mail(self, client: str) -> bool:
        """Count a mail, unless it comes too fast."""
        if not client:
            return True
        moment = self._clock()
        left, since = self._allowance.get(client, (float(self._per_minute), moment))
        left = min(float(self._per_minute), left + (moment - since) * self._per_minute / 60)
        is_allowed = left >= 1
        self._allowance[client] = (left - 1 if is_allowed else left, moment)
        if len(self._allowance) > _MAX_CLIENTS:
            self._allowance = {key: value for key, value in self._allowance.items() if moment - value[1] < 60}
        return is_allowed
