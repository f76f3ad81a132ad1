"""The pages of the panel. Each module has `register(app, admin)`, which adds its views and rail entries."""

from __future__ import annotations

from types import ModuleType

from admin.views import accounts, case, composer, files, public

VIEWS: tuple[ModuleType, ...] = (accounts, case, composer, files, public)
