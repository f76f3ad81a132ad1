"""What every table shares: the declarative base, key and instant types, constraint names.

Instants are aware UTC datetimes in Python, whatever the database keeps.
"""

from __future__ import annotations

import enum
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

from sqlalchemy import JSON, BigInteger, DateTime, Dialect, Enum, Integer, MetaData, Text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import DeclarativeBase, mapped_column
from sqlalchemy.orm.attributes import instance_state
from sqlalchemy.types import TypeDecorator

# SQLite only autoincrements a column whose type is exactly INTEGER.
BigId = BigInteger().with_variant(Integer, "sqlite")
Id = Annotated[int, mapped_column(BigId, primary_key=True)]
Json = JSON().with_variant(JSONB, "postgresql")


class UtcDateTime(TypeDecorator[datetime]):
    """An aware UTC instant; refuses naive values, which would mean a different moment elsewhere."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"naive datetime {value!r}: instants carry their zone")
        value = value.astimezone(UTC)
        return value.replace(tzinfo=None) if dialect.name == "sqlite" else value

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


# How far `now` is behind the clock; zero everywhere but in the past days of a demo institution.
_behind: ContextVar[timedelta] = ContextVar("behind", default=timedelta(0))


def now() -> datetime:
    """The present instant, aware, in UTC."""
    return datetime.now(UTC) - _behind.get()


@contextmanager
def living_at(moment: datetime) -> Iterator[None]:
    """In the block, and only in this thread, the time is *moment* and goes on from there."""
    token = _behind.set(datetime.now(UTC) - moment)
    try:
        yield
    finally:
        _behind.reset(token)


class Base(DeclarativeBase):
    """Base of all tables."""

    # What the server fills in is what the class would: to ask for it back would make a statement of each row.
    __mapper_args__ = {"eager_defaults": False}
    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {
        str: Text,
        datetime: UtcDateTime,
        list[str]: Json,
        dict[str, Any]: Json,
        list[dict[str, Any]]: Json,
        enum.Enum: Enum(
            enum.Enum,
            native_enum=False,
            create_constraint=False,
            length=40,
            values_callable=lambda members: [member.value for member in members],
        ),
    }


def is_written(row: Base) -> bool:
    """False until the flush that inserts *row*: nothing in the database names it, and it has no defaults."""
    return instance_state(row).key is not None
