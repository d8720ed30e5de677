"""A machine's timeline, its newest point, and its hours."""

from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

from sqlalchemy import Date, Integer
from sqlalchemy.orm import Mapped, mapped_column

from services.db.tables.base import Row


class MachineStateChange(Row):
    """A change on a machine's timeline; the state lasts until the machine's next change."""

    __tablename__ = "machine_state_changes"
    org_id: Mapped[UUID] = mapped_column(primary_key=True)
    machine_id: Mapped[UUID] = mapped_column(primary_key=True)
    started_at: Mapped[datetime] = mapped_column(primary_key=True)
    plant_id: Mapped[UUID]
    state: Mapped[str]
    reason_id: Mapped[UUID | None]
    detail: Mapped[str] = mapped_column(default="")
    actor_kind: Mapped[str]
    user_id: Mapped[UUID | None]
    recorded_at: Mapped[datetime] = mapped_column(server_default="now()")


class MachineStatus(Row):
    """The newest point of a machine's timeline and log."""

    __tablename__ = "machine_status"
    org_id: Mapped[UUID] = mapped_column(primary_key=True)
    machine_id: Mapped[UUID] = mapped_column(primary_key=True)
    plant_id: Mapped[UUID]
    state: Mapped[str] = mapped_column(default="no_data")
    since: Mapped[datetime | None]
    reason_id: Mapped[UUID | None]
    detail: Mapped[str] = mapped_column(default="")
    run_id: Mapped[UUID | None]
    operation_id: Mapped[UUID | None]
    last_report_at: Mapped[datetime | None]
    heard_at: Mapped[datetime | None]
    day: Mapped[date | None] = mapped_column(Date)
    good_today: Mapped[Decimal] = mapped_column(default=Decimal(0))
    scrap_today: Mapped[Decimal] = mapped_column(default=Decimal(0))


class MachineHour(Row):
    """Pieces of one machine in one hour (UTC)."""

    __tablename__ = "machine_hours"
    org_id: Mapped[UUID] = mapped_column(primary_key=True)
    machine_id: Mapped[UUID] = mapped_column(primary_key=True)
    hour_at: Mapped[datetime] = mapped_column(primary_key=True)
    plant_id: Mapped[UUID]
    good: Mapped[Decimal] = mapped_column(default=Decimal(0))
    scrap: Mapped[Decimal] = mapped_column(default=Decimal(0))
    rework: Mapped[Decimal] = mapped_column(default=Decimal(0))


class Facts(Row):
    """What a machine's time went into, and what it made; the sums that both kinds of facts hold."""

    __abstract__ = True
    org_id: Mapped[UUID] = mapped_column(primary_key=True)
    machine_id: Mapped[UUID] = mapped_column(primary_key=True)
    shift_id: Mapped[UUID] = mapped_column(primary_key=True)
    day: Mapped[date] = mapped_column(Date, primary_key=True)
    plant_id: Mapped[UUID]
    running_s: Mapped[Decimal] = mapped_column(default=Decimal(0))
    break_s: Mapped[Decimal] = mapped_column(default=Decimal(0))
    planned_s: Mapped[Decimal] = mapped_column(default=Decimal(0))
    no_data_s: Mapped[Decimal] = mapped_column(default=Decimal(0))
    breakdown_s: Mapped[Decimal] = mapped_column(default=Decimal(0))
    changeover_s: Mapped[Decimal] = mapped_column(default=Decimal(0))
    minor_s: Mapped[Decimal] = mapped_column(default=Decimal(0))
    material_s: Mapped[Decimal] = mapped_column(default=Decimal(0))
    organization_s: Mapped[Decimal] = mapped_column(default=Decimal(0))
    quality_s: Mapped[Decimal] = mapped_column(default=Decimal(0))
    unexplained_s: Mapped[Decimal] = mapped_column(default=Decimal(0))
    idle_s: Mapped[Decimal] = mapped_column(default=Decimal(0))
    blocked_s: Mapped[Decimal] = mapped_column(default=Decimal(0))
    starved_s: Mapped[Decimal] = mapped_column(default=Decimal(0))
    good: Mapped[Decimal] = mapped_column(default=Decimal(0))
    scrap: Mapped[Decimal] = mapped_column(default=Decimal(0))
    rework: Mapped[Decimal] = mapped_column(default=Decimal(0))
    good_reported: Mapped[Decimal] = mapped_column(default=Decimal(0))
    scrap_reported: Mapped[Decimal] = mapped_column(default=Decimal(0))
    rework_reported: Mapped[Decimal] = mapped_column(default=Decimal(0))
    planned_run_s: Mapped[Decimal | None]
    planned_run_reported_s: Mapped[Decimal | None]
    failures: Mapped[int] = mapped_column(Integer, default=0)
    corrective_s: Mapped[Decimal] = mapped_column(default=Decimal(0))
    preventive_s: Mapped[Decimal] = mapped_column(default=Decimal(0))


class HourlyFact(Facts):
    """What a machine's time of one hour and shift went into, and what it made."""

    __tablename__ = "hourly_facts"
    hour_at: Mapped[datetime] = mapped_column(primary_key=True)
    lane_id: Mapped[UUID]
    is_planned: Mapped[bool]


class ShiftFact(Facts):
    """The hourly facts of a machine and a shift, added up."""

    __tablename__ = "shift_facts"
    lane_id: Mapped[UUID] = mapped_column(primary_key=True)
    is_planned: Mapped[bool] = mapped_column(primary_key=True)
    hour_at: Mapped[datetime]


class DirtyHour(Row):
    """An hour of a machine that is to be added up again."""

    __tablename__ = "dirty_hours"
    org_id: Mapped[UUID] = mapped_column(primary_key=True)
    machine_id: Mapped[UUID] = mapped_column(primary_key=True)
    hour_at: Mapped[datetime] = mapped_column(primary_key=True)
    marked_at: Mapped[datetime] = mapped_column(server_default="clock_timestamp()")
