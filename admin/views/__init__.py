"""The pages of the panel. Each module has `register(app, admin)`, which adds its views and rail entries."""

from __future__ import annotations

from types import ModuleType

from admin.views import (
    accounts,
    audit,
    calendars,
    case,
    catalogues,
    chat_links,
    composer,
    doors,
    files,
    held,
    organigrama,
    outbox,
    people,
    printing,
    public,
    register,
    rules,
    uploads,
    webhook,
)

VIEWS: tuple[ModuleType, ...] = (
    accounts,
    case,
    composer,
    files,
    public,
    uploads,
    webhook,
    printing,
    chat_links,
    # In the order of the rail.
    register,
    held,
    outbox,
    doors,
    audit,
    organigrama,
    people,
    catalogues,
    calendars,
    rules,
)
