"""Webhooks and what became of each message to them."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ARRAY, Integer, LargeBinary, Text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from services.db.tables.base import Row


class Webhook(Row):
    """An address that is told of events."""

    __tablename__ = "webhooks"
    id: Mapped[UUID] = mapped_column(primary_key=True)
    org_id: Mapped[UUID]
    url: Mapped[str]
    topics: Mapped[list[str]] = mapped_column(ARRAY(Text))
    secret: Mapped[bytes] = mapped_column(LargeBinary)
    old_secret: Mapped[bytes | None] = mapped_column(LargeBinary)
    old_secret_until: Mapped[datetime | None]
    is_active: Mapped[bool] = mapped_column(default=True)
    failing_since: Mapped[datetime | None]
    gave_up_at: Mapped[datetime | None]
    created_at: Mapped[datetime]
    version: Mapped[int] = mapped_column(Integer, default=1)
    __mapper_args__ = {"version_id_col": version}


class WebhookDelivery(Row):
    """A message to a webhook."""

    __tablename__ = "webhook_deliveries"
    id: Mapped[UUID] = mapped_column(primary_key=True)
    org_id: Mapped[UUID]
    webhook_id: Mapped[UUID]
    event_key: Mapped[str]
    topic: Mapped[str]
    body: Mapped[str]
    state: Mapped[str] = mapped_column(default="waiting")
    attempts: Mapped[int] = mapped_column(Integer, default=0)
    status: Mapped[int | None] = mapped_column(Integer)
    answer: Mapped[str] = mapped_column(default="")
    took_ms: Mapped[int | None] = mapped_column(Integer)
    created_at: Mapped[datetime]
    next_at: Mapped[datetime | None]
    held_until: Mapped[datetime | None]
    reason: Mapped[str | None]
    reason_values: Mapped[dict[str, str]] = mapped_column(JSONB, default=dict)
    ended_at: Mapped[datetime | None]
