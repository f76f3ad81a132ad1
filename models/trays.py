"""The trays of the bandeja: each is one condition on `Case`, used for its list and for its count.

Counts stop at `COUNT_LIMIT`, lists are paged by (last_activity_at, id): no page
counts the table or skips rows, whatever its size.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import ColumnElement

from models.person import Account, Role

COUNT_LIMIT = 1000
ALL_ROLES = frozenset(Role)
# Who hands cases out inside a dependencia, or over the institution.
ASSIGNING = frozenset({Role.OFICIALIA, Role.HEAD, Role.WORKER})


@dataclass(frozen=True, slots=True)
class Tray:
    """One tray: its stable name, the condition on `Case` for an account, how the rail shows it."""

    name: str
    icon: str
    condition: Callable[[Account], ColumnElement[bool]]
    roles: frozenset[Role] = ALL_ROLES
    is_counted: bool = True
    is_alert: bool = False
    # On a phone the rail has room for four.
    is_on_phone: bool = False

    def is_shown(self, account: Account) -> bool:
        return account.role in self.roles
