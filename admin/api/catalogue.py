"""What programs choose from: services and dependencias; and who they are."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import joinedload, selectinload

from admin.api.cursors import read_cursor, write_cursor
from admin.api.operations import Call, operation
from admin.api.schema import Dependencia as DependenciaTold
from admin.api.schema import (
    DependenciaPage,
    FieldOfService,
    Me,
    NamedDependencia,
    PageQuery,
    ServicePage,
    Token,
)
from admin.api.schema import Service as ServiceTold
from admin.db import office
from models.dependencia import Dependencia
from models.service import Service
from models.service_field import ServiceField


@operation("GET", "/services")
def list_services(call: Call, query: PageQuery) -> ServicePage:
    after = read_cursor(office(), call.account.id, "services", query.cursor) or 0
    wanted = (
        select(Service)
        .where(Service.is_active, Service.id > after)
        .options(joinedload(Service.dependencia), selectinload(Service.fields))
    )
    rows = call.session.scalars(wanted.order_by(Service.id).limit(query.limit + 1)).all()
    items = [
        ServiceTold(
            slug=one.slug,
            name=one.name,
            classification=one.classification,
            description=one.description,
            requirements=one.requirements,
            dependencia=_named(one.dependencia),
            asks_location=one.asks_location,
            fields=[_field(asked) for asked in one.fields if asked.is_active],
        )
        for one in rows[: query.limit]
    ]
    return ServicePage(items=items, next=_next(call, "services", [one.id for one in rows], query.limit))


def _field(asked: ServiceField) -> FieldOfService:
    return FieldOfService(label=asked.label, help=asked.help, kind=asked.kind, choices=list(asked.choices),
                          is_required=asked.is_required)  # fmt: skip


@operation("GET", "/dependencias")
def list_dependencias(call: Call, query: PageQuery) -> DependenciaPage:
    after = read_cursor(office(), call.account.id, "dependencias", query.cursor) or 0
    wanted = select(Dependencia).where(Dependencia.is_active, Dependencia.id > after)
    wanted = wanted.options(joinedload(Dependencia.parent)).order_by(Dependencia.id)
    rows = call.session.scalars(wanted.limit(query.limit + 1)).all()
    items = [
        DependenciaTold(siglas=one.siglas, name=one.name, kind=one.kind.value,
                        parent=one.parent.siglas if one.parent else None)
        for one in rows[: query.limit]
    ]  # fmt: skip
    return DependenciaPage(
        items=items, next=_next(call, "dependencias", [one.id for one in rows], query.limit)
    )


def _next(call: Call, what: str, ids: list[int], limit: int) -> str | None:
    return write_cursor(office(), call.account.id, what, ids[limit - 1]) if len(ids) > limit else None


def _named(dependencia: Dependencia) -> NamedDependencia:
    return NamedDependencia(siglas=dependencia.siglas, name=dependencia.name)


@operation("GET", "/me")
def get_me(call: Call) -> Me:
    person, bearer = call.account.person, call.bearer
    return Me(
        person=person.name,
        email=person.email,
        role=call.account.role.value,
        account=call.account.id,
        dependencia=_named(call.account.dependencia),
        token=Token(name=bearer.name, scopes=sorted(bearer.scopes), expires_at=bearer.expires_at.isoformat()),
        requests_per_minute=office().settings.api_rate_per_minute,
    )
