"""The pages of the panel. Each module has `register(app, admin)`, which adds its views and rail entries."""

from __future__ import annotations

from types import ModuleType

from admin.views import (
    absences,
    accounts,
    audit,
    board,
    calendars,
    case,
    catalogues,
    chat_links,
    composer,
    directory,
    documents,
    doors,
    drafting,
    files,
    held,
    organigrama,
    outbox,
    people,
    printing,
    public,
    register,
    rules,
    signing,
    uploads,
    verification,
    webhook,
)

VIEWS: tuple[ModuleType, ...] = (
    accounts,
    case,
    composer,
    files,
    public,
    verification,
    uploads,
    webhook,
    printing,
    chat_links,
    documents,
    signing,
    # In the order of the rail.
    board,
    drafting,
    directory,
    absences,
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
