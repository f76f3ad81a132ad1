"""One database session per request: a reader for what only looks, a writer for what changes.

A writer takes SQLite's write lock with its first statement and is rolled back
unless the view commits (`with writing() as session:`). Logging in only reads,
because checking a password takes longer than anybody should hold that lock.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import cast

from flask import Flask, current_app, g, request
from sqlalchemy.orm import Session

from intake import memory
from intake.office import Office

_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})


def office() -> Office:
    """The open office this panel belongs to."""
    return cast(Office, current_app.extensions["oficialia"])


def session() -> Session:
    """The session of this request, opened when first asked for."""
    found: Session | None = g.get("session")
    if found is None:
        only_reads = request.method in _SAFE or request.blueprint == "security"
        database = office().database
        found = g.session = database.reader() if only_reads else database.writer()
        if only_reads:
            memory.remember(found)
    return found


@contextmanager
def writing() -> Iterator[Session]:
    """The session of this request, committed when the block ends well and rolled back when it does not."""
    found = session()
    try:
        yield found
        found.commit()
    except BaseException:
        found.rollback()
        raise


def release() -> None:
    """Give the write lock back before something slow; the next statement begins a new transaction."""
    session().rollback()


class Sessions:
    """What Flask-Admin's model views ask `.session` of, in place of a Flask-SQLAlchemy object."""

    @property
    def session(self) -> Session:
        return session()


db = Sessions()


def init_app(app: Flask, office: Office) -> None:
    """Bind *app* to *office* and close each request's session."""
    app.extensions["oficialia"] = office

    @app.teardown_appcontext
    def close(_error: BaseException | None) -> None:
        found: Session | None = g.pop("session", None)
        if found is not None:
            found.close()
