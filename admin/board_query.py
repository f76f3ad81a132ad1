"""What the address of the tablero says: folder, administration, what is sought, what is ticked."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from flask import request
from sqlalchemy import select

from admin.db import office, session
from admin.query import read_day
from models.folders import Folder, Sought
from models.letterhead import Administration
from models.oficio import DocumentType

# Any of these makes the board a search over everything that the account may see.
SEARCHED = ("folio", "organigrama", "asunto", "emisor", "aprobo", "desde", "hasta")
# What makes the board what it is; carried along in links.
NAMES = ("carpeta", "tipo", "administracion", "etiqueta", *SEARCHED)
MAX_TICKED = 200


def is_search() -> bool:
    return any(request.args.get(name, "").strip() for name in SEARCHED)


def ticked() -> list[int]:
    """The documents chosen in the list, in its order."""
    return list(dict.fromkeys(request.values.getlist("documento", int)))[:MAX_TICKED]


def kept() -> dict[str, Any]:
    """What a link back to the same list says."""
    return {name: request.args[name] for name in NAMES if request.args.get(name, "").strip()}


def read_folder() -> Folder:
    wanted = request.args.get("carpeta", "")
    return Folder(wanted) if wanted in list(Folder) else Folder.RECEIVED


def administrations() -> Sequence[Administration]:
    return session().scalars(select(Administration).order_by(Administration.starts_on.desc())).all()


def find_administration(known: Sequence[Administration]) -> Administration | None:
    """The one that was chosen; None: all of them together."""
    wanted = request.args.get("administracion", type=int)
    return next((one for one in known if one.id == wanted), None)


def read_sought(administration: Administration | None) -> Sought:
    given, zone = request.args, office().settings.zone
    kind = given.get("tipo", "")
    until = read_day(given.get("hasta"), zone)
    return Sought(
        folio=given.get("folio", "").strip()[:60],
        subject=given.get("asunto", "").strip()[:200],
        sender=given.get("emisor", "").strip()[:200],
        dependencia_id=given.get("organigrama", type=int),
        approved_by=given.get("aprobo", "").strip()[:200],
        since=read_day(given.get("desde"), zone),
        until=until + timedelta(days=1) if until else None,
        document_type=DocumentType(kind) if kind in list(DocumentType) else None,
        administration_id=administration.id if administration else None,
        tag_id=given.get("etiqueta", type=int),
    )
