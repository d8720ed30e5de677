"""Calls for help, and how they escalate."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ARRAY, Integer, Text, Uuid
from sqlalchemy.orm import Mapped, mapped_column

from services.db.keys import new_id
from services.db.tables.base import Row


class AndonCall(Row):
    """A call for help at a machine."""

    __tablename__ = "andon_calls"
    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    org_id: Mapped[UUID]
    plant_id: Mapped[UUID]
    machine_id: Mapped[UUID]
    category: Mapped[str]
    severity: Mapped[str]
    state: Mapped[str]
    note: Mapped[str] = mapped_column(default="")
    raised_at: Mapped[datetime]
    raised_by: Mapped[UUID | None]
    acknowledged_at: Mapped[datetime | None]
    acknowledged_by: Mapped[UUID | None]
    resolved_at: Mapped[datetime | None]
    resolved_by: Mapped[UUID | None]
    closed_at: Mapped[datetime | None]
    closed_by: Mapped[UUID | None]
    resolution: Mapped[str] = mapped_column(default="")
    rule_id: Mapped[UUID | None]
    rule_since: Mapped[datetime | None]
    rule_ended_at: Mapped[datetime | None]
    shelved_at: Mapped[datetime | None]
    shelved_until: Mapped[datetime | None]
    shelved_by: Mapped[UUID | None]
    shelve_reason: Mapped[str] = mapped_column(default="")
    response_target_s: Mapped[int | None] = mapped_column(Integer)
    resolution_target_s: Mapped[int | None] = mapped_column(Integer)
    held_operation_id: Mapped[UUID | None]
    joined: Mapped[int] = mapped_column(Integer, default=0)
    version: Mapped[int] = mapped_column(Integer, default=1)
    __mapper_args__ = {"version_id_col": version}


class AndonLadder(Row):
    """Who is told when nobody answers calls of a category in a plant."""

    __tablename__ = "andon_ladders"
    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    org_id: Mapped[UUID]
    plant_id: Mapped[UUID]
    category: Mapped[str]
    response_target_s: Mapped[int | None] = mapped_column(Integer)
    resolution_target_s: Mapped[int | None] = mapped_column(Integer)
    holds_operation_from: Mapped[str | None]
    version: Mapped[int] = mapped_column(Integer, default=1)
    __mapper_args__ = {"version_id_col": version}


class AndonLadderStep(Row):
    """A step of a ladder."""

    __tablename__ = "andon_ladder_steps"
    org_id: Mapped[UUID] = mapped_column(primary_key=True)
    ladder_id: Mapped[UUID] = mapped_column(primary_key=True)
    number: Mapped[int] = mapped_column(Integer, primary_key=True)
    plant_id: Mapped[UUID]
    after_s: Mapped[int] = mapped_column(Integer)
    recipient: Mapped[str]
    whom: Mapped[str]
    channels: Mapped[list[str]] = mapped_column(ARRAY(Text))


class AndonRule(Row):
    """A state of machines that raises a call by itself."""

    __tablename__ = "andon_rules"
    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    org_id: Mapped[UUID]
    plant_id: Mapped[UUID]
    lane_id: Mapped[UUID | None]
    machine_id: Mapped[UUID | None]
    state: Mapped[str]
    after_s: Mapped[int] = mapped_column(Integer)
    category: Mapped[str]
    severity: Mapped[str]
    is_active: Mapped[bool] = mapped_column(default=True)
    version: Mapped[int] = mapped_column(Integer, default=1)
    __mapper_args__ = {"version_id_col": version}


class AndonNotification(Row):
    """A step of a call's ladder that fired."""

    __tablename__ = "andon_notifications"
    org_id: Mapped[UUID] = mapped_column(primary_key=True)
    call_id: Mapped[UUID] = mapped_column(primary_key=True)
    step: Mapped[int] = mapped_column(Integer, primary_key=True)
    plant_id: Mapped[UUID]
    due_at: Mapped[datetime]
    fired_at: Mapped[datetime]
    is_late: Mapped[bool]
    recipient: Mapped[str]
    whom: Mapped[str]
    channels: Mapped[list[str]] = mapped_column(ARRAY(Text))
    user_ids: Mapped[list[UUID]] = mapped_column(ARRAY(Uuid(as_uuid=True)))
    fell_back: Mapped[bool] = mapped_column(default=False)
