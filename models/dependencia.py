"""The organigrama: dependencias, coordinaciones, direcciones, departamentos and áreas, as one tree."""

from __future__ import annotations

from enum import StrEnum

from sqlalchemy import ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from models.base import Base, Id


class DependenciaKind(StrEnum):
    DEPENDENCIA = "dependencia"
    COORDINACION = "coordinacion"
    DIRECCION = "direccion"
    DEPARTAMENTO = "departamento"
    AREA = "area"


class Dependencia(Base):
    """A node of the organigrama. `path` is `/1/4/9/`, so a subtree is a prefix."""

    __tablename__ = "dependencia"
    __table_args__ = (Index(None, "path"),)

    id: Mapped[Id]
    parent_id: Mapped[int | None] = mapped_column(ForeignKey("dependencia.id"), index=True)
    kind: Mapped[DependenciaKind] = mapped_column(default=DependenciaKind.DEPENDENCIA)
    name: Mapped[str]
    siglas: Mapped[str] = mapped_column(String(20), unique=True)
    path: Mapped[str] = mapped_column(String(255), default="/")
    is_active: Mapped[bool] = mapped_column(default=True)

    parent: Mapped[Dependencia | None] = relationship(remote_side="Dependencia.id", back_populates="children")
    children: Mapped[list[Dependencia]] = relationship(back_populates="parent", order_by="Dependencia.name")

    def place(self) -> None:
        """Set `path` from the parent's; call after flush, when the id is known."""
        self.path = f"{self.parent.path if self.parent else '/'}{self.id}/"

    @property
    def lineage(self) -> list[int]:
        """The ids from the top of the tree down to its own."""
        return [int(part) for part in self.path.strip("/").split("/") if part]

    def __str__(self) -> str:
        return self.name
