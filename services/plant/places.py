"""Finding places by what stands in an address: a code or an id."""

from dataclasses import dataclass
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import text

from domain.checks import storable
from domain.errors import NotFound
from domain.identity.roles import Permission
from domain.scope import Scope
from services.db.work import Work, read

PLACE = """
SELECT {table}.id, {table}.code, {table}.name, {table}.plant_id, {lane_id} AS lane_id, plants.code AS plant_code,
       plants.name AS plant_name, plants.time_zone
FROM {table} JOIN plants ON plants.org_id = {table}.org_id AND plants.id = {table}.plant_id
WHERE {table}.code = :key OR {table}.id = :id
ORDER BY {table}.code = :key DESC LIMIT 1
"""
FIND_LANE = text(PLACE.format(table="lanes", lane_id="lanes.id"))
FIND_MACHINE = text(PLACE.format(table="machines", lane_id="machines.lane_id"))
PLANTS = text("SELECT id, code, name, time_zone FROM plants ORDER BY code")
LANES = text("SELECT id, code, name FROM lanes ORDER BY position, code")
MACHINES = text("""
SELECT machines.code, machines.name, lanes.name AS lane, lanes.code AS lane_code, machine_status.state
FROM machines
JOIN lanes ON lanes.org_id = machines.org_id AND lanes.id = machines.lane_id
JOIN machine_status ON machine_status.org_id = machines.org_id AND machine_status.machine_id = machines.id
WHERE machines.is_active
ORDER BY lanes.position, lanes.code, machines.position, machines.code
""")


@dataclass(frozen=True)
class Place:
    """A lane or a machine, and the plant it stands in."""

    id: UUID
    code: str
    name: str
    lane_id: UUID
    """The lane itself, or the machine's lane."""
    plant_id: UUID
    plant_code: str
    plant_name: str
    time_zone: str
    """IANA name."""


@dataclass(frozen=True)
class PlantPlace:
    """A plant that can be chosen."""

    id: UUID
    code: str
    name: str
    time_zone: str
    """IANA name."""


@dataclass(frozen=True)
class LanePlace:
    """A lane that can be chosen."""

    id: UUID
    code: str
    name: str


@dataclass(frozen=True)
class MachinePlace:
    """A machine that can be chosen."""

    code: str
    name: str
    lane: str
    """The lane's name."""
    lane_code: str
    state: str


async def find_lane(work: Work, key: str) -> Place:
    """Return the lane with this code or id.

    Raises:
        Forbidden: the actor may not read the plant model.
        NotFound: there is none in this scope.
    """
    return await _find(work, key, lane=True)


async def find_machine(work: Work, key: str) -> Place:
    """Return the machine with this code or id.

    Raises:
        Forbidden: the actor may not read the plant model.
        NotFound: there is none in this scope.
    """
    return await _find(work, key, lane=False)


async def list_plants(work: Work) -> tuple[PlantPlace, ...]:
    """Return the visible plants by code.

    Raises:
        Forbidden: the actor may not read the plant model.
    """
    await work.permit(Permission.READ_PLANT)
    rows = await work.session.execute(PLANTS)
    return tuple(PlantPlace(row.id, row.code, row.name, row.time_zone) for row in rows)


async def list_lanes(work: Work) -> tuple[LanePlace, ...]:
    """Return the visible lanes by position.

    Raises:
        Forbidden: the actor may not read the plant model.
    """
    await work.permit(Permission.READ_PLANT)
    return tuple(LanePlace(row.id, row.code, row.name) for row in await work.session.execute(LANES))


async def list_machine_places(work: Work) -> tuple[MachinePlace, ...]:
    """Return the visible machines by lane and position.

    Raises:
        Forbidden: the actor may not read the plant model.
    """
    await work.permit(Permission.READ_PLANT)
    rows = await work.session.execute(MACHINES)
    return tuple(MachinePlace(row.code, row.name, row.lane, row.lane_code, row.state) for row in rows)


async def find_machine_zone(scope: Scope, code: str) -> ZoneInfo:
    """Return the time zone of the plant that a machine stands in; for commands, which hold no work yet.

    Raises:
        NotFound: there is no such machine in this scope.
    """
    async with read(scope) as work:
        return ZoneInfo((await find_machine(work, code)).time_zone)


async def _find(work: Work, key: str, *, lane: bool) -> Place:
    await work.permit(Permission.READ_PLANT)
    try:
        place_id: UUID | None = UUID(key)
    except ValueError:
        place_id = None
    statement = FIND_LANE if lane else FIND_MACHINE
    parameters = {"key": storable(key, longest=40), "id": place_id}
    row = (await work.session.execute(statement, parameters)).first()
    if row is None:
        raise NotFound(what="lane" if lane else "machine")
    return Place(row.id, row.code, row.name, row.lane_id, row.plant_id, row.plant_code, row.plant_name, row.time_zone)
