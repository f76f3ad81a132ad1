"""The bandeja: trays of cases as a mail client lists its mail."""

from __future__ import annotations

from flask_admin import AdminIndexView, expose
from werkzeug.wrappers import Response

from admin import frame


class BandejaView(frame.PanelView, AdminIndexView):  # type: ignore[misc]
    """List on the left, case on the right; on a phone two pages."""

    @expose("/")
    def index(self) -> str | Response:
        return self.render("admin/bandeja.html")
