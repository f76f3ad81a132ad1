"""How often a client may ask for what costs us work: a sliding window per address, in this process."""

from __future__ import annotations

import ipaddress
import threading
import time
from collections import OrderedDict, deque

from flask import request

# The addresses remembered; whoever was longest away is forgotten first.
MAX_CLIENTS = 20_000


class Window:
    """At most *limit* of something per client within any *seconds*."""

    def __init__(self, limit: int, seconds: float) -> None:
        self._limit, self._seconds = limit, seconds
        self._times: OrderedDict[str, deque[float]] = OrderedDict()
        self._lock = threading.Lock()

    def wait(self, client: str) -> int:
        """Seconds that *client* has to wait; 0: it may now, and that was counted."""
        moment = time.monotonic()
        with self._lock:
            times = self._times.setdefault(client, deque(maxlen=self._limit))
            self._times.move_to_end(client)
            if len(self._times) > MAX_CLIENTS:
                self._times.popitem(last=False)
            if len(times) < self._limit or times[0] <= moment - self._seconds:
                times.append(moment)
                return 0
            return int(times[0] + self._seconds - moment) + 1


def client() -> str:
    """Who asks. Of IPv6 the network, for whoever has one address has all of it (RFC 6177).

    The server in front, if there is one, is believed only as far as `admin.app.serve` trusts it.
    """
    try:
        address = ipaddress.ip_address(request.remote_addr or "")
    except ValueError:
        return request.remote_addr or ""
    if address.version == 4:
        return str(address)
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return str(ipaddress.ip_network((address, 64), strict=False))
