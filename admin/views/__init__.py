"""The pages of the panel. Each module has `register(app, admin)`, which adds its views and rail entries."""

from __future__ import annotations

from types import ModuleType

from admin.views import (
    accounts,
    audit,
    case,
    catalogues,
    composer,
    doors,
    files,
    held,
    organigrama,
    outbox,
    people,
    printing,
    public,
    rules,
)

VIEWS: tuple[ModuleType, ...] = (
    accounts,
    case,
    composer,
    files,
    public,
    printing,
    # In the order of the rail.
    held,
    outbox,
    doors,
    audit,
    organigrama,
    people,
    catalogues,
    rules,
)
