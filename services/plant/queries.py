"""What can be read about the plant model and the machines' timelines."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, TypeAlias
from uuid import UUID

from sqlalchemy import ColumnElement, Select, func, select
from sqlalchemy.orm import aliased

from domain.errors import NotFound
from domain.identity.roles import Permission
from services.db.paging import Page, page_of
from services.db.tables import Department, Lane, Machine, MachineStateChange, MachineStatus, Plant, Reason
from services.db.work import Work

AnySelect: TypeAlias = "Select[*tuple[Any, ...]]"


@dataclass(frozen=True)
class PlantInfo:
    """A site."""

    id: UUID
    code: str
    name: str
    time_zone: str
    """IANA name."""
    undo_within_s: int
    """How long operators may take their own reports back."""
    idle_sign_out_s: int
    """How long a kiosk stays with somebody who does nothing."""
    version: int
    """Hand it back when editing what was seen; of all things here."""
    custom: Mapping[str, object]
    """Values of custom fields as they are stored, also of those out of use; of all things here."""


@dataclass(frozen=True)
class DepartmentInfo:
    """An area of a plant."""

    id: UUID
    plant_id: UUID
    code: str
    name: str
    version: int
    custom: Mapping[str, object]


@dataclass(frozen=True)
class LaneInfo:
    """A production line of a department."""

    id: UUID
    plant_id: UUID
    department_id: UUID
    code: str
    name: str
    position: int
    """Its place among the lanes of a board."""
    version: int
    custom: Mapping[str, object]


@dataclass(frozen=True)
class MachineInfo:
    """A work unit and what it is doing."""

    id: UUID
    plant_id: UUID
    lane_id: UUID
    code: str
    name: str
    position: int
    """Its place among the machines of the lane."""
    is_simulated: bool
    state: str
    """A `domain.plant.machine_states.MachineState`."""
    since: datetime | None
    """When the state was entered, aware UTC; None before the first report."""
    reason_id: UUID | None
    detail: str
    """The machine's own words, such as an alarm."""
    run_id: UUID | None
    last_report_at: datetime | None
    """The newest instant that a report spoke of."""
    micro_stop_s: Decimal
    """Stops shorter than this are micro-stops."""
    counting_source: str
    """A `domain.plant.counters.CountingSource`."""
    counter_modulus: Decimal | None
    """The reading at which the counter starts again from zero; None when it never does."""
    allows_parallel: bool
    """Whether several operations may run at once."""
    is_active: bool
    version: int
    custom: Mapping[str, object]


@dataclass(frozen=True)
class ReasonInfo:
    """Why a machine stood still or a piece was not good."""

    id: UUID
    kind: str
    """stop, scrap or rework."""
    code: str
    label: str
    """What people read in a language that `translations` leave out."""
    translations: Mapping[str, str]
    """What people read, by language (BCP 47)."""
    loss_category: str | None
    position: int
    is_active: bool
    parent_id: UUID | None
    """The reason above, whose loss category it takes where it has none."""
    version: int
    custom: Mapping[str, object]


@dataclass(frozen=True)
class TimelineState:
    """One state of a machine's timeline."""

    machine_id: UUID
    state: str
    started_at: datetime
    ended_at: datetime | None
    """Where the next state begins; None while it lasts."""
    reason_id: UUID | None
    detail: str
    actor_kind: str
    """user, machine or system."""
    user_id: UUID | None
    recorded_at: datetime
    """When the server learned of it."""


MACHINES: AnySelect = select(
    Machine.id, Machine.plant_id, Machine.lane_id, Machine.code, Machine.name, Machine.position, Machine.is_simulated,
    MachineStatus.state, MachineStatus.since, MachineStatus.reason_id, MachineStatus.detail, MachineStatus.run_id,
    MachineStatus.last_report_at, Machine.micro_stop_s, Machine.counting_source, Machine.counter_modulus,
    Machine.allows_parallel, Machine.is_active, Machine.version, Machine.custom,
).join(MachineStatus, (MachineStatus.org_id == Machine.org_id) & (MachineStatus.machine_id == Machine.id))  # fmt: skip


async def list_plants(work: Work, *, after: str | None = None, limit: int = 100) -> Page[PlantInfo]:
    """Return the plants that the scope can see, by code.

    Raises:
        Forbidden: the actor may not read the plant model.
    """
    await work.permit(Permission.READ_PLANT)
    columns = select(
        Plant.id,
        Plant.code,
        Plant.name,
        Plant.time_zone,
        Plant.undo_within_s,
        Plant.idle_sign_out_s,
        Plant.version,
        Plant.custom,
    )
    statement = _after_code(columns, Plant.code, after)
    return page_of([PlantInfo(*row) for row in await work.session.execute(statement.limit(limit + 1))], limit)


async def list_departments(
    work: Work, *, plant_id: UUID | None = None, after: str | None = None, limit: int = 100
) -> Page[DepartmentInfo]:
    """Return the departments, of one plant where given, by code.

    Raises:
        Forbidden: the actor may not read the plant model.
    """
    await work.permit(Permission.READ_PLANT)
    columns = select(
        Department.id, Department.plant_id, Department.code, Department.name, Department.version, Department.custom
    )
    statement = _after_code(_of(columns, Department.plant_id, plant_id), Department.code, after)
    return page_of([DepartmentInfo(*row) for row in await work.session.execute(statement.limit(limit + 1))], limit)


async def list_lanes(
    work: Work,
    *,
    plant_id: UUID | None = None,
    department_id: UUID | None = None,
    after: str | None = None,
    limit: int = 100,
) -> Page[LaneInfo]:
    """Return the lanes, of one plant or department where given, by code.

    Raises:
        Forbidden: the actor may not read the plant model.
    """
    await work.permit(Permission.READ_PLANT)
    columns = select(
        Lane.id, Lane.plant_id, Lane.department_id, Lane.code, Lane.name, Lane.position, Lane.version, Lane.custom
    )
    filtered = _of(_of(columns, Lane.plant_id, plant_id), Lane.department_id, department_id)
    statement = _after_code(filtered, Lane.code, after)
    return page_of([LaneInfo(*row) for row in await work.session.execute(statement.limit(limit + 1))], limit)


async def list_machines(
    work: Work,
    *,
    plant_id: UUID | None = None,
    lane_id: UUID | None = None,
    after: str | None = None,
    limit: int = 100,
) -> Page[MachineInfo]:
    """Return the machines with their present state, of one plant or lane where given, by code.

    Raises:
        Forbidden: the actor may not read the plant model.
    """
    await work.permit(Permission.READ_PLANT)
    filtered = _of(_of(MACHINES, Machine.plant_id, plant_id), Machine.lane_id, lane_id)
    statement = _after_code(filtered, Machine.code, after)
    return page_of([MachineInfo(*row) for row in await work.session.execute(statement.limit(limit + 1))], limit)


async def get_machine(work: Work, machine_id: UUID) -> MachineInfo:
    """Return one machine with its present state.

    Raises:
        Forbidden: the actor may not read the plant model.
        NotFound: there is no such machine, or it is not visible in this scope.
    """
    await work.permit(Permission.READ_PLANT)
    row = (await work.session.execute(MACHINES.where(Machine.id == machine_id))).one_or_none()
    if row is None:
        raise NotFound(what="machine")
    return MachineInfo(*row)


async def list_reasons(
    work: Work, *, kind: str | None = None, after: tuple[str, str] | None = None, limit: int = 100
) -> Page[ReasonInfo]:
    """Return the reasons people give, of one kind where given, by kind and code; `after` is such a pair.

    Raises:
        Forbidden: the actor may not read the plant model.
    """
    await work.permit(Permission.READ_PLANT)
    statement: AnySelect = select(
        Reason.id,
        Reason.kind,
        Reason.code,
        Reason.label,
        Reason.translations,
        Reason.loss_category,
        Reason.position,
        Reason.is_active,
        Reason.parent_id,
        Reason.version,
        Reason.custom,
    ).order_by(Reason.kind, Reason.code)
    if kind is not None:
        statement = statement.where(Reason.kind == kind)
    if after is not None:
        statement = statement.where((Reason.kind > after[0]) | ((Reason.kind == after[0]) & (Reason.code > after[1])))
    return page_of([ReasonInfo(*row) for row in await work.session.execute(statement.limit(limit + 1))], limit)


async def list_machine_states(
    work: Work,
    *,
    machine_id: UUID,
    since: datetime | None = None,
    until: datetime | None = None,
    before: datetime | None = None,
    limit: int = 100,
) -> Page[TimelineState]:
    """Return a machine's states that lie at least partly in `[since, until)`, newest first.

    The state that lasted when `since` came is one of them. `before` continues below that beginning.

    Raises:
        Forbidden: the actor may not read the plant model.
        NotFound: there is no such machine, or it is not visible in this scope.
    """
    await get_machine(work, machine_id)
    change, following, first = MachineStateChange, aliased(MachineStateChange), aliased(MachineStateChange)
    ended_at = (
        select(func.min(following.started_at))
        .where(following.machine_id == machine_id, following.started_at > change.started_at)
        .scalar_subquery()
    )
    statement = (
        select(
            change.machine_id, change.state, change.started_at, ended_at, change.reason_id, change.detail,
            change.actor_kind, change.user_id, change.recorded_at,
        ).where(change.machine_id == machine_id).order_by(change.started_at.desc())
    )  # fmt: skip
    if since is not None:
        lasting = select(func.max(first.started_at)).where(first.machine_id == machine_id, first.started_at <= since)
        statement = statement.where(change.started_at >= func.coalesce(lasting.scalar_subquery(), since))
    for bound in (until, before):
        if bound is not None:
            statement = statement.where(change.started_at < bound)
    return page_of([TimelineState(*row) for row in await work.session.execute(statement.limit(limit + 1))], limit)


def _of(statement: AnySelect, column: Any, value: UUID | None) -> AnySelect:
    return statement if value is None else statement.where(column == value)


def _after_code(statement: AnySelect, code: Any, after: str | None) -> AnySelect:
    """Order by code, which is unique in the organization, and begin behind `after`."""
    condition: ColumnElement[bool] | None = None if after is None else code > after
    return (statement if condition is None else statement.where(condition)).order_by(code)
