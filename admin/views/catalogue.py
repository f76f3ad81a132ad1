"""What all catalogues share: a list with search by pages, a form, and an event for every change.

Nothing is deleted: what is no longer used is switched off, because cases refer to it.
"""

from __future__ import annotations

import enum
from datetime import date
from typing import Any, ClassVar

from flask import abort, flash, redirect, request
from flask_admin import expose
from flask_admin.contrib.sqla import ModelView
from flask_admin.form import BaseForm
from sqlalchemy import ColumnElement, Select, inspect, or_, select, true, tuple_
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response
from wtforms.validators import ValidationError

from admin import frame, paging
from admin.db import session
from intake.errors import DeskError
from models.base import Base
from models.event import record
from models.search import fold, folded
from templates import say


class _RequestSession:
    """The session of whatever request asks; Flask-Admin wants one when the panel is put together."""

    @property
    def session(self) -> _RequestSession:
        return self

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            # Looked for while the panel is put together, when there is no request.
            raise AttributeError(name)
        return getattr(session(), name)


REQUEST_SESSION = _RequestSession()
Answer = Response | str | tuple[str, int]
_SECRET = frozenset({"password", "fs_uniquifier"})


def changes_of(model: Base) -> dict[str, list[Any]]:
    """What is about to be written about *model*, field by field, as [old, new] for the bitácora."""
    state: Any = inspect(model)
    references = {
        next(iter(relation.local_columns)).key: relation.mapper.class_
        for relation in state.mapper.relationships
        if relation.direction.name == "MANYTOONE"
    }
    found: dict[str, list[Any]] = {}
    for attribute in state.mapper.column_attrs:
        history = state.attrs[attribute.key].history
        if attribute.key in _SECRET or not history.has_changes():
            continue
        values = [
            history.deleted[0] if history.deleted else None,
            history.added[0] if history.added else None,
        ]
        if values[0] != values[1]:
            target = references.get(attribute.key)
            found[attribute.key] = [_plain(value, target) for value in values]
    return found


def _plain(value: Any, target: type[Base] | None) -> Any:
    """*value* as a person reads it and JSON takes it."""
    if target is not None and value is not None:
        return str(session().get(target, value) or value)
    if isinstance(value, enum.Enum):
        return value.value
    if isinstance(value, date):
        return value.isoformat()
    return value


def remember(found: Session, model: Base, action: str, changes: dict[str, list[Any]] | None = None) -> None:
    """Write the event of a change of configuration, in the same transaction."""
    found.flush()
    data: dict[str, Any] = {"id": model.id, "name": str(model)}  # type: ignore[attr-defined]
    if changes:
        data["changes"] = changes
    record(found, None, action, account=frame.account(), data=data)


class CatalogueView(frame.PanelView, ModelView):
    """One catalogue: `words` names its labels, `columns` what the list shows, `order` how it is sorted."""

    roles = frame.CONFIGURING
    words: ClassVar[str] = ""
    order: ClassVar[str] = "name"
    columns: ClassVar[tuple[str, ...]] = ()
    searched: ClassVar[tuple[str, ...]] = ("name",)
    # False: all of its rows are in use.
    has_inactive: ClassVar[bool] = True
    # Other catalogues of the same matter, as (label, endpoint): they share one entry of the rail.
    siblings: ClassVar[tuple[tuple[str, str], ...]] = ()

    list_template = "admin/catalogue.html"
    create_template = edit_template = "admin/catalogue_form.html"
    can_delete = can_export = can_view_details = False
    # Given by each form; without it Flask-Admin would guess one from the table.
    form: ClassVar[type[BaseForm]]

    def allowed(self) -> ColumnElement[bool]:
        """Which rows the account may see and change."""
        return true()

    def column(self, name: str) -> Any:
        """What the list is sorted and searched by; a catalogue without names of its own says it."""
        return getattr(self.model, name)

    @expose("/")
    def index_view(self) -> str:
        words = request.args.get("q", "").strip()
        with_inactive = request.args.get("todos") == "1"
        page = self._page(words, with_inactive)
        return self.render(self.list_template, page=page, words=words, with_inactive=with_inactive)

    def _page(self, words: str, with_inactive: bool) -> paging.Page[Any]:
        """The rows in their order, after the row whose id is `despues`."""
        order = folded(self.column(self.order)) if self.order != "position" else self.model.position
        wanted: Select[Any] = select(self.model).where(self.allowed())
        if self.has_inactive and not with_inactive:
            wanted = wanted.where(self.model.is_active)
        for word in fold(words).split():
            escaped = word.replace("\\", r"\\").replace("%", r"\%").replace("_", r"\_")
            columns = (folded(self.column(name)) for name in self.searched)
            wanted = wanted.where(or_(*(one.like(f"%{escaped}%", escape="\\") for one in columns)))
        after = request.args.get("despues", type=int)
        if after is not None:
            last = session().scalar(select(order).where(self.model.id == after))
            wanted = wanted.where(tuple_(order, self.model.id) > tuple_(last, after))
        rows = session().scalars(wanted.order_by(order, self.model.id).limit(paging.SIZE + 1)).all()
        return paging.page_of(rows, self.model.id, is_first=after is None)

    def cell(self, row: Any, column: str) -> str:
        """What the list says of *row*; each catalogue refines it."""
        value = getattr(row, column)
        return "" if value is None else str(value)

    def get_one(self, id: Any) -> Any:
        if not str(id).isdecimal():
            return None
        return session().scalar(select(self.model).where(self.model.id == int(id), self.allowed()))

    @expose("/nuevo", methods=("GET", "POST"))
    def create_view(self) -> Answer:
        if not self.can_create:
            abort(404)
        form = self.create_form()
        if self.validate_form(form) and (made := self.create_model(form)):
            return self._kept(made, "created")
        return self._form_page(form, self.create_template)

    @expose("/editar", methods=("GET", "POST"))
    def edit_view(self) -> Answer:
        model = self.get_one(request.args.get("id", "")) or abort(404)
        form = self.edit_form(obj=model)
        if self.validate_form(form) and self.update_model(form, model):
            return self._kept(model, "saved")
        if request.method == "GET":
            self.on_form_prefill(form, model.id)
        return self._form_page(form, self.edit_template, model=model)

    def _kept(self, model: Any, how: str) -> Response:
        # Not Flask-Admin's own words, which know of records only.
        flash(say(f"office.form.{how}", name=str(model)), "success")
        return redirect(self.get_save_return_url(model, is_created=how == "created"))

    def _form_page(self, form: BaseForm, template: str, **values: Any) -> Answer:
        """The form; one that comes back after it was sent was refused."""
        if form.errors:
            flash(say("office.form.wrong"), "danger")
        page = str(self.render(template, form=form, **values))
        return (page, 422) if request.method == "POST" else page

    def changes(self, model: Any) -> dict[str, list[Any]]:
        """What is about to be written, for the bitácora; a catalogue with rows below its own adds them."""
        return changes_of(model)

    def on_model_change(self, form: BaseForm, model: Any, is_created: bool) -> None:
        changes = None if is_created else self.changes(model)
        if changes or is_created:
            remember(session(), model, f"{self.words}_{'created' if is_created else 'changed'}", changes)

    def handle_view_exception(self, exc: Exception) -> bool:
        if isinstance(exc, IntegrityError):
            # Somebody took the name between our look and our write.
            flash(say("office.wrong.conflict"), "error")
            return True
        if isinstance(exc, DeskError | ValidationError):
            flash(str(exc), "error")
            return True
        # A page of ours says what happened, and nothing of it was kept.
        raise exc
