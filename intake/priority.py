"""Whoever reads ahead gives way to whoever writes: who holds the register's lock keeps all others waiting."""

from __future__ import annotations

import os
import threading

# As nice(2) counts it; reading still gets a sixth of a core that somebody else wants whole.
NICE = 7


def give_way() -> None:
    """For the rest of this thread, and of those that it starts; what it is woken for interrupts nobody."""
    thread = threading.get_native_id()
    os.setpriority(os.PRIO_PROCESS, thread, NICE)
    os.sched_setscheduler(thread, os.SCHED_BATCH, os.sched_param(0))
