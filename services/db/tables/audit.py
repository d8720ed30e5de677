"""The audit log and its chain, which only functions of the owner write."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import LargeBinary
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from services.db.tables.base import Row


class AuditEntry(Row):
    """One change of one row."""

    __tablename__ = "audit_log"
    org_id: Mapped[UUID] = mapped_column(primary_key=True)
    at: Mapped[datetime] = mapped_column(primary_key=True)
    seq: Mapped[int] = mapped_column(primary_key=True)
    plant_id: Mapped[UUID | None]
    actor_kind: Mapped[str]
    user_id: Mapped[UUID | None]
    request_id: Mapped[str]
    table_name: Mapped[str]
    row_id: Mapped[UUID | None]
    action: Mapped[str]
    before: Mapped[object | None] = mapped_column(JSONB)
    after: Mapped[object | None] = mapped_column(JSONB)
    api_key_id: Mapped[UUID | None]
    device: Mapped[str]


class AuditLink(Row):
    """One entry's place in the chain of its organization."""

    __tablename__ = "audit_chain"
    org_id: Mapped[UUID] = mapped_column(primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True)
    entry_at: Mapped[datetime]
    entry_seq: Mapped[int]
    hash: Mapped[bytes] = mapped_column(LargeBinary)
    sealed_at: Mapped[datetime]
