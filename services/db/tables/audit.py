"""The audit log, which only a trigger writes."""

from datetime import datetime
from uuid import UUID

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
