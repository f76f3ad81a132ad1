"""SQL as it was compiled for one database, for all others of its kind.

Every test opens databases of its own, and would spend a third of its time on compiling the same statements.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy import Engine, event


def compiling_once(create: Callable[..., Engine]) -> Callable[..., Engine]:
    """*create*, but for what its engines know of SQL: they share that of the first one that connected."""
    known: dict[str, Engine] = {}

    def create_engine(*what: Any, **options: Any) -> Engine:
        engine = create(*what, **options)
        name = engine.dialect.name
        if first := known.get(name):
            # SQLAlchemy keeps what it compiled by dialect, and would have one for each engine.
            engine.dialect = engine.pool._dialect = first.dialect
            engine._compiled_cache = first._compiled_cache
        else:
            event.listen(engine, "connect", lambda *_about: known.setdefault(name, engine), once=True)
        return engine

    return create_engine
