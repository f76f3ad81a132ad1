"""The pages of the panel. Each module has `register(app, admin)`, which adds its views and rail entries."""

from __future__ import annotations

from types import ModuleType

from admin.views import accounts, audit, case, doors, files, held, outbox, printing

VIEWS: tuple[ModuleType, ...] = (accounts, case, files, printing, held, outbox, doors, audit)
