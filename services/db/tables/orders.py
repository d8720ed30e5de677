"""Materials, routings, work orders and their operations."""

from datetime import datetime
from decimal import Decimal
from uuid import UUID

from sqlalchemy import ARRAY, Integer, Text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from services.db.keys import new_id
from services.db.tables.base import Row


class NumberSeries(Row):
    """The last number given in a series and year."""

    __tablename__ = "number_series"
    org_id: Mapped[UUID] = mapped_column(primary_key=True)
    series: Mapped[str] = mapped_column(primary_key=True)
    year: Mapped[int] = mapped_column(Integer, primary_key=True)
    last_number: Mapped[int]


class Material(Row):
    """Something that is made, or that things are made of."""

    __tablename__ = "materials"
    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    org_id: Mapped[UUID]
    number: Mapped[str]
    description: Mapped[str] = mapped_column(default="")
    unit: Mapped[str]
    is_active: Mapped[bool] = mapped_column(default=True)
    custom: Mapped[dict[str, object]] = mapped_column(JSONB, default=dict)
    version: Mapped[int] = mapped_column(Integer, default=1)
    __mapper_args__ = {"version_id_col": version}


class Routing(Row):
    """One revision of how a plant makes a material."""

    __tablename__ = "routings"
    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    org_id: Mapped[UUID]
    plant_id: Mapped[UUID]
    material_id: Mapped[UUID]
    revision: Mapped[int] = mapped_column(Integer)
    state: Mapped[str] = mapped_column(default="draft")
    version: Mapped[int] = mapped_column(Integer, default=1)
    __mapper_args__ = {"version_id_col": version}


class RoutingOperation(Row):
    """A step of a routing."""

    __tablename__ = "routing_operations"
    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    org_id: Mapped[UUID]
    plant_id: Mapped[UUID]
    routing_id: Mapped[UUID]
    sequence: Mapped[int] = mapped_column(Integer)
    name: Mapped[str]
    lane_id: Mapped[UUID | None]
    machine_id: Mapped[UUID | None]
    setup_time_s: Mapped[Decimal] = mapped_column(default=Decimal(0))
    run_time_s: Mapped[Decimal | None]
    predecessors: Mapped[list[int]] = mapped_column(ARRAY(Integer), default=list)
    transfer: Mapped[str] = mapped_column(default="finish_to_start")
    instructions: Mapped[str] = mapped_column(default="")
    required_reports: Mapped[list[str]] = mapped_column(ARRAY(Text), default=list)


class WorkOrder(Row):
    """An order to make a quantity of a material."""

    __tablename__ = "work_orders"
    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    org_id: Mapped[UUID]
    plant_id: Mapped[UUID]
    number: Mapped[str]
    material_id: Mapped[UUID]
    routing_id: Mapped[UUID | None]
    quantity: Mapped[Decimal]
    unit: Mapped[str]
    overproduction_allowance: Mapped[Decimal] = mapped_column(default=Decimal(0))
    good: Mapped[Decimal] = mapped_column(default=Decimal(0))
    scrap: Mapped[Decimal] = mapped_column(default=Decimal(0))
    deadline_kind: Mapped[str] = mapped_column(default="soft")
    due_at: Mapped[datetime | None]
    priority: Mapped[int] = mapped_column(Integer, default=500)
    state: Mapped[str] = mapped_column(default="draft")
    held_from: Mapped[str | None]
    hold_reason: Mapped[str] = mapped_column(default="")
    note: Mapped[str] = mapped_column(default="")
    source: Mapped[str] = mapped_column(default="manual")
    source_key: Mapped[str | None]
    split_from_id: Mapped[UUID | None]
    created_at: Mapped[datetime] = mapped_column(server_default="now()")
    released_at: Mapped[datetime | None]
    started_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    custom: Mapped[dict[str, object]] = mapped_column(JSONB, default=dict)
    version: Mapped[int] = mapped_column(Integer, default=1)
    __mapper_args__ = {"version_id_col": version}


class Operation(Row):
    """A step of a released work order."""

    __tablename__ = "operations"
    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    org_id: Mapped[UUID]
    plant_id: Mapped[UUID]
    work_order_id: Mapped[UUID]
    sequence: Mapped[int] = mapped_column(Integer)
    name: Mapped[str]
    lane_id: Mapped[UUID | None]
    machine_id: Mapped[UUID | None]
    setup_time_s: Mapped[Decimal] = mapped_column(default=Decimal(0))
    run_time_s: Mapped[Decimal | None]
    predecessors: Mapped[list[int]] = mapped_column(ARRAY(Integer), default=list)
    transfer: Mapped[str] = mapped_column(default="finish_to_start")
    instructions: Mapped[str] = mapped_column(default="")
    required_reports: Mapped[list[str]] = mapped_column(ARRAY(Text), default=list)
    quantity: Mapped[Decimal]
    is_last: Mapped[bool]
    state: Mapped[str] = mapped_column(default="waiting")
    in_setup: Mapped[bool] = mapped_column(default=False)
    had_setup: Mapped[bool] = mapped_column(default=False)
    good: Mapped[Decimal] = mapped_column(default=Decimal(0))
    scrap: Mapped[Decimal] = mapped_column(default=Decimal(0))
    rework: Mapped[Decimal] = mapped_column(default=Decimal(0))
    worked_machine_id: Mapped[UUID | None]
    run_id: Mapped[UUID | None]
    started_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    version: Mapped[int] = mapped_column(Integer, default=1)
    __mapper_args__ = {"version_id_col": version}


class Reversal(Row):
    """A log entry that was taken back."""

    __tablename__ = "reversals"
    org_id: Mapped[UUID] = mapped_column(primary_key=True)
    reversed_id: Mapped[UUID] = mapped_column(primary_key=True)
    plant_id: Mapped[UUID]
    reversal_id: Mapped[UUID]
    at: Mapped[datetime]
