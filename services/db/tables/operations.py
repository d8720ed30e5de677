"""Long tasks, and what an organization switched on or off."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import Integer
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from services.db.tables.base import Row


class Task(Row):
    """Long work that somebody started."""

    __tablename__ = "tasks"
    id: Mapped[UUID] = mapped_column(primary_key=True)
    org_id: Mapped[UUID]
    kind: Mapped[str]
    state: Mapped[str] = mapped_column(default="queued")
    done: Mapped[int] = mapped_column(default=0)
    total: Mapped[int | None]
    result: Mapped[dict[str, object]] = mapped_column(JSONB, default=dict)
    error: Mapped[str] = mapped_column(default="")
    cancel_requested: Mapped[bool] = mapped_column(default=False)
    requested_by: Mapped[UUID | None]
    requested_at: Mapped[datetime]
    started_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]


class JobRun(Row):
    """A job that ended lately."""

    __tablename__ = "job_runs"
    id: Mapped[UUID] = mapped_column(primary_key=True)
    org_id: Mapped[UUID]
    job_id: Mapped[int]
    name: Mapped[str]
    outcome: Mapped[str]
    attempts: Mapped[int] = mapped_column(Integer)
    started_at: Mapped[datetime]
    ended_at: Mapped[datetime]
    error: Mapped[str] = mapped_column(default="")


class OrganizationFeature(Row):
    """A feature that an organization switched on or off."""

    __tablename__ = "organization_features"
    org_id: Mapped[UUID] = mapped_column(primary_key=True)
    feature: Mapped[str] = mapped_column(primary_key=True)
    is_on: Mapped[bool]
    version: Mapped[int] = mapped_column(Integer, default=1)
