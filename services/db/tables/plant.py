"""The plant model: plants, departments, lanes, machines, and the reasons people give."""

from datetime import datetime
from decimal import Decimal
from uuid import UUID

from sqlalchemy import Integer
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from services.db.keys import new_id
from services.db.tables.base import Row


class Plant(Row):
    """A site of an organization."""

    __tablename__ = "plants"
    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    org_id: Mapped[UUID]
    code: Mapped[str]
    name: Mapped[str]
    time_zone: Mapped[str]
    undo_within_s: Mapped[int] = mapped_column(Integer, default=300)
    idle_sign_out_s: Mapped[int] = mapped_column(Integer, default=120)
    custom: Mapped[dict[str, object]] = mapped_column(JSONB, default=dict)
    version: Mapped[int] = mapped_column(Integer, default=1)
    __mapper_args__ = {"version_id_col": version}


class Department(Row):
    """An area of a plant."""

    __tablename__ = "departments"
    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    org_id: Mapped[UUID]
    plant_id: Mapped[UUID]
    code: Mapped[str]
    name: Mapped[str]
    custom: Mapped[dict[str, object]] = mapped_column(JSONB, default=dict)
    version: Mapped[int] = mapped_column(Integer, default=1)
    __mapper_args__ = {"version_id_col": version}


class Lane(Row):
    """A production line of a department."""

    __tablename__ = "lanes"
    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    org_id: Mapped[UUID]
    plant_id: Mapped[UUID]
    department_id: Mapped[UUID]
    code: Mapped[str]
    name: Mapped[str]
    position: Mapped[int] = mapped_column(Integer, default=0)
    custom: Mapped[dict[str, object]] = mapped_column(JSONB, default=dict)
    version: Mapped[int] = mapped_column(Integer, default=1)
    __mapper_args__ = {"version_id_col": version}


class Machine(Row):
    """A work unit of a lane."""

    __tablename__ = "machines"
    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    org_id: Mapped[UUID]
    plant_id: Mapped[UUID]
    lane_id: Mapped[UUID]
    code: Mapped[str]
    name: Mapped[str]
    position: Mapped[int] = mapped_column(Integer, default=0)
    is_simulated: Mapped[bool] = mapped_column(default=False)
    micro_stop_s: Mapped[Decimal] = mapped_column(default=Decimal(120))
    counting_source: Mapped[str] = mapped_column(default="operator")
    counter_modulus: Mapped[Decimal | None]
    allows_parallel: Mapped[bool] = mapped_column(default=False)
    is_active: Mapped[bool] = mapped_column(default=True)
    custom: Mapped[dict[str, object]] = mapped_column(JSONB, default=dict)
    version: Mapped[int] = mapped_column(Integer, default=1)
    __mapper_args__ = {"version_id_col": version}


class Reason(Row):
    """Why a machine stood still or a piece was not good."""

    __tablename__ = "reasons"
    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    org_id: Mapped[UUID]
    kind: Mapped[str]
    code: Mapped[str]
    label: Mapped[str]
    translations: Mapped[dict[str, str]] = mapped_column(JSONB, default=dict)
    loss_category: Mapped[str | None]
    parent_id: Mapped[UUID | None]
    position: Mapped[int] = mapped_column(Integer, default=0)
    is_active: Mapped[bool] = mapped_column(default=True)
    custom: Mapped[dict[str, object]] = mapped_column(JSONB, default=dict)
    version: Mapped[int] = mapped_column(Integer, default=1)
    __mapper_args__ = {"version_id_col": version}


class CycleTime(Row):
    """Planned run time per item of a material on a machine."""

    __tablename__ = "cycle_times"
    org_id: Mapped[UUID] = mapped_column(primary_key=True)
    machine_id: Mapped[UUID] = mapped_column(primary_key=True)
    material_id: Mapped[UUID] = mapped_column(primary_key=True)
    plant_id: Mapped[UUID]
    cycle_time_s: Mapped[Decimal]


class MachinePlace(Row):
    """The lane that a machine stood in from an instant on."""

    __tablename__ = "machine_places"
    org_id: Mapped[UUID] = mapped_column(primary_key=True)
    machine_id: Mapped[UUID] = mapped_column(primary_key=True)
    since: Mapped[datetime] = mapped_column(primary_key=True)
    plant_id: Mapped[UUID]
    lane_id: Mapped[UUID]
