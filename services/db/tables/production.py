"""Runs and the production log."""

from datetime import datetime
from decimal import Decimal
from uuid import UUID

from sqlalchemy.orm import Mapped, mapped_column

from services.db.keys import new_id
from services.db.tables.base import Row


class ProductionRun(Row):
    """One run of an order on a machine."""

    __tablename__ = "production_runs"
    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    org_id: Mapped[UUID]
    plant_id: Mapped[UUID]
    machine_id: Mapped[UUID]
    run_key: Mapped[str]
    order_number: Mapped[str]
    part_number: Mapped[str]
    target: Mapped[Decimal | None]
    is_test: Mapped[bool] = mapped_column(default=False)
    state: Mapped[str]
    started_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    note: Mapped[str] = mapped_column(default="")
    operation_id: Mapped[UUID | None]


class RunTotal(Row):
    """Sums of the production log of one run."""

    __tablename__ = "run_totals"
    org_id: Mapped[UUID] = mapped_column(primary_key=True)
    run_id: Mapped[UUID] = mapped_column(primary_key=True)
    plant_id: Mapped[UUID]
    good: Mapped[Decimal] = mapped_column(default=Decimal(0))
    scrap: Mapped[Decimal] = mapped_column(default=Decimal(0))
    rework: Mapped[Decimal] = mapped_column(default=Decimal(0))


class BookingKey(Row):
    """The client key of a report that was booked."""

    __tablename__ = "booking_keys"
    org_id: Mapped[UUID] = mapped_column(primary_key=True)
    client_key: Mapped[UUID] = mapped_column(primary_key=True)
    plant_id: Mapped[UUID]
    machine_id: Mapped[UUID]
    at: Mapped[datetime]


class ProductionLogEntry(Row):
    """One kind of pieces of one report."""

    __tablename__ = "production_log"
    org_id: Mapped[UUID] = mapped_column(primary_key=True)
    at: Mapped[datetime] = mapped_column(primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    plant_id: Mapped[UUID]
    machine_id: Mapped[UUID]
    run_id: Mapped[UUID | None]
    kind: Mapped[str]
    quantity: Mapped[Decimal]
    reason_id: Mapped[UUID | None]
    recorded_at: Mapped[datetime] = mapped_column(server_default="now()")
    device_at: Mapped[datetime | None]
    device: Mapped[str] = mapped_column(default="")
    actor_kind: Mapped[str]
    user_id: Mapped[UUID | None]
    client_key: Mapped[UUID]
    operation_id: Mapped[UUID | None]
    reverses_id: Mapped[UUID | None]
    is_correction: Mapped[bool] = mapped_column(default=False)
    shift_id: Mapped[UUID | None]


class CounterReading(Row):
    """What a counter showed before and after the pieces of one report."""

    __tablename__ = "counter_readings"
    org_id: Mapped[UUID] = mapped_column(primary_key=True)
    client_key: Mapped[UUID] = mapped_column(primary_key=True)
    plant_id: Mapped[UUID]
    machine_id: Mapped[UUID]
    at: Mapped[datetime]
    start_reading: Mapped[Decimal]
    end_reading: Mapped[Decimal]
    was_reset: Mapped[bool]
