"""The pages of the panel. Each module has `register(app, admin)`, which adds its views and rail entries."""

from __future__ import annotations

from types import ModuleType

from admin.views import accounts, case, files

VIEWS: tuple[ModuleType, ...] = (accounts, case, files)
