"""*Directorio*: servidores públicos by dependencia, level and name, each with *Enviar oficio*."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from flask import Flask, request
from flask_admin import Admin, expose
from sqlalchemy import select, tuple_
from sqlalchemy.orm import joinedload, selectinload

from admin import frame
from admin.db import session
from admin.documents import WRITING
from admin.forms import tree
from admin.recipients import matches
from models.dependencia import Dependencia, DependenciaKind
from models.person import READERS, Person

SIZE = 60


class DirectoryView(frame.PanelView):
    """People in the order of the organigrama, narrowed by dependencia (with what is below it) and name."""

    roles = frame.EVERYBODY

    @expose("/")
    def index(self) -> str:
        words = " ".join(request.args.get("q", "").split())[:80]
        area = request.args.get("dependencia", type=int)
        kind = request.args.get("nivel", "")
        people = _people(words, area, kind, request.args.get("despues", type=int))
        more = people[SIZE - 1].id if len(people) > SIZE else None
        shown = [
            (dependencia, list(group))
            for dependencia, group in groupby(people[:SIZE], key=lambda one: one.dependencia)
        ]
        return str(
            self.render("admin/documents/directory.html", groups=shown, words=words, area=area, kind=kind,
                        kinds=list(DependenciaKind), tree=tree, more=more, reading=READERS,
                        can_write=frame.account().role in WRITING)
        )  # fmt: skip


def _people(words: str, area: int | None, kind: str, after: int | None) -> Sequence[Person]:
    """One more than a page, by dependencia and name, after the person with the key *after*."""
    wanted = (
        select(Person)
        .join(Dependencia, Dependencia.id == Person.dependencia_id)
        .where(Person.is_active)
        .options(joinedload(Person.dependencia), selectinload(Person.accounts))
    )
    for word in words.split():
        wanted = wanted.where(matches(Person.name, word) | matches(Person.post, word))
    if area:
        chosen = session().get(Dependencia, area)
        if chosen is not None:
            wanted = wanted.where(Dependencia.path.startswith(chosen.path, autoescape=True))
    if kind in list(DependenciaKind):
        wanted = wanted.where(Dependencia.kind == kind)
    order = (Dependencia.path, Person.name, Person.id)
    last = session().get(Person, after) if after else None
    if last is not None:
        wanted = wanted.where(tuple_(*order) > (last.dependencia.path, last.name, last.id))
    return session().scalars(wanted.order_by(*order).limit(SIZE + 1)).unique().all()


def register(app: Flask, admin: Admin) -> None:
    """Add the page and its entry in the rail."""
    admin.add_view(DirectoryView(name="directory", endpoint="directory", url="/admin/directorio"))
    frame.add_entry(
        app,
        frame.Entry("documents.rail.section", "documents.rail.directory", "directory.index", "address-book"),
    )
