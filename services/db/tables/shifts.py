"""Crews, shift templates, their exceptions, and the occurrences that come of them."""

from datetime import date, datetime, time
from uuid import UUID

from sqlalchemy import ARRAY, Date, DateTime, Integer, Text, Time
from sqlalchemy.orm import Mapped, mapped_column

from services.db.keys import new_id
from services.db.tables.base import Row


class Crew(Row):
    """Who works a shift together."""

    __tablename__ = "crews"
    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    org_id: Mapped[UUID]
    plant_id: Mapped[UUID]
    name: Mapped[str]
    is_active: Mapped[bool] = mapped_column(default=True)
    version: Mapped[int] = mapped_column(Integer, default=1)
    __mapper_args__ = {"version_id_col": version}


class CrewMember(Row):
    """A person of a crew and what they are on call for while it works."""

    __tablename__ = "crew_members"
    org_id: Mapped[UUID] = mapped_column(primary_key=True)
    crew_id: Mapped[UUID] = mapped_column(primary_key=True)
    user_id: Mapped[UUID] = mapped_column(primary_key=True)
    plant_id: Mapped[UUID]
    duties: Mapped[list[str]] = mapped_column(ARRAY(Text), default=list)


class ShiftTemplateRow(Row):
    """A shift that a lane works again and again; `domain.plant.shifts.ShiftTemplate` is its value."""

    __tablename__ = "shift_templates"
    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    org_id: Mapped[UUID]
    plant_id: Mapped[UUID]
    lane_id: Mapped[UUID]
    name: Mapped[str]
    crew_id: Mapped[UUID | None]
    weekdays: Mapped[list[int]] = mapped_column(ARRAY(Integer))
    starts: Mapped[time] = mapped_column(Time)
    ends: Mapped[time] = mapped_column(Time)
    break_starts: Mapped[list[time]] = mapped_column(ARRAY(Time), default=list)
    break_ends: Mapped[list[time]] = mapped_column(ARRAY(Time), default=list)
    version: Mapped[int] = mapped_column(Integer, default=1)
    __mapper_args__ = {"version_id_col": version}


class ShiftExceptionRow(Row):
    """What a day has instead of its shift; `domain.plant.shifts.ShiftException` is its value."""

    __tablename__ = "shift_exceptions"
    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    org_id: Mapped[UUID]
    plant_id: Mapped[UUID]
    lane_id: Mapped[UUID]
    day: Mapped[date] = mapped_column(Date)
    template_id: Mapped[UUID | None]
    name: Mapped[str] = mapped_column(default="")
    crew_id: Mapped[UUID | None]
    starts: Mapped[time | None] = mapped_column(Time)
    ends: Mapped[time | None] = mapped_column(Time)
    break_starts: Mapped[list[time]] = mapped_column(ARRAY(Time), default=list)
    break_ends: Mapped[list[time]] = mapped_column(ARRAY(Time), default=list)
    version: Mapped[int] = mapped_column(Integer, default=1)
    __mapper_args__ = {"version_id_col": version}


class ShiftOccurrenceRow(Row):
    """One shift of one day in real time; `domain.plant.shifts.ShiftOccurrence` is its value."""

    __tablename__ = "shift_occurrences"
    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    org_id: Mapped[UUID]
    plant_id: Mapped[UUID]
    lane_id: Mapped[UUID]
    template_id: Mapped[UUID | None]
    day: Mapped[date] = mapped_column(Date)
    name: Mapped[str]
    crew_id: Mapped[UUID | None]
    starts_at: Mapped[datetime]
    ends_at: Mapped[datetime]
    break_starts: Mapped[list[datetime]] = mapped_column(ARRAY(DateTime(timezone=True)), default=list)
    break_ends: Mapped[list[datetime]] = mapped_column(ARRAY(DateTime(timezone=True)), default=list)
