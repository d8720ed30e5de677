"""What planners read about materials: choices for order forms, the list, and one material with its routings."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import Row, text
from sqlalchemy.dialects.postgresql import JSONB

from domain.checks import storable
from domain.errors import NotFound
from domain.identity.roles import Permission
from domain.production.operations import Transfer
from domain.production.routings import RequiredReport, RoutingState, RoutingStep
from services.db.work import Work

LONGEST_SEARCH = 200
CHOICE = "SELECT id, number, description, unit, is_active FROM materials"
# What begins with the words is what somebody who types a number means.
CHOICES = {
    True: f"""
{CHOICE} WHERE is_active AND (number || ' ' || description) ILIKE ALL (CAST(:patterns AS text[]))
ORDER BY NOT starts_with(lower(number), lower(:start)), number LIMIT {{limit:d}}
""",
    False: f"{CHOICE} WHERE is_active ORDER BY number LIMIT {{limit:d}}",
}
BY_NUMBER = text(f"{CHOICE} WHERE number = :number")
BY_NUMBER_OR_ID = text("""
SELECT id, number, description, unit, is_active, version, custom FROM materials
WHERE number = :number OR id::text = :number ORDER BY number = :number DESC LIMIT 1
""").columns(custom=JSONB)
STATE_RANK = "array_position(ARRAY['active', 'draft', 'retired'], state)"
MOST_REVISIONS = 100
REVISIONS = text(f"""
SELECT revisions.id, revisions.plant_id, revisions.revision, revisions.state, revisions.version,
       coalesce(machines.code, lanes.code) AS place_code, coalesce(machines.name, lanes.name) AS place_name,
       operations.sequence, operations.name, operations.lane_id, operations.machine_id, operations.setup_time_s,
       operations.run_time_s, operations.predecessors, operations.transfer, operations.instructions,
       operations.required_reports
FROM (
  SELECT *, {STATE_RANK} AS rank FROM routings WHERE material_id = :material_id
  ORDER BY rank, revision DESC LIMIT {MOST_REVISIONS}
) AS revisions
JOIN routing_operations AS operations ON operations.org_id = revisions.org_id AND operations.routing_id = revisions.id
LEFT JOIN lanes ON lanes.org_id = operations.org_id AND lanes.id = operations.lane_id
LEFT JOIN machines ON machines.org_id = operations.org_id AND machines.id = operations.machine_id
ORDER BY revisions.rank, revisions.revision DESC, revisions.plant_id, operations.sequence
""")
WORK_CENTRES = text("""
SELECT plant_id, id, code, name, is_lane FROM (
  SELECT plant_id, id, code, name, true AS is_lane, position AS lane_position, code AS lane_code, 0 AS position
  FROM lanes
  UNION ALL
  SELECT machines.plant_id, machines.id, machines.code, machines.name, false, lanes.position, lanes.code,
         machines.position
  FROM machines JOIN lanes ON lanes.org_id = machines.org_id AND lanes.id = machines.lane_id
  WHERE machines.is_active
) AS centres
ORDER BY plant_id, lane_position, lane_code, NOT is_lane, position, code
""")


@dataclass(frozen=True)
class MaterialChoice:
    """A material as somebody who plans picks it."""

    id: UUID
    number: str
    description: str
    unit: str
    is_active: bool
    """False for what is not made any more, which nothing new can be planned for."""


@dataclass(frozen=True)
class PlacedStep:
    """An operation of a routing, and where it is done."""

    step: RoutingStep
    place_code: str
    """Code of the lane or machine."""
    place_name: str


@dataclass(frozen=True)
class Revision:
    """A revision of how a plant makes a material."""

    id: UUID
    plant_id: UUID
    revision: int
    state: RoutingState
    version: int
    """To be handed back when the draft is edited."""
    steps: tuple[PlacedStep, ...]
    """By sequence."""


@dataclass(frozen=True)
class MaterialView:
    """A material and how the plants in reach make it."""

    id: UUID
    number: str
    description: str
    unit: str
    is_active: bool
    version: int
    """To be handed back when the material is edited."""
    custom: Mapping[str, object]
    """Values of custom fields as they are stored, also of those out of use."""
    revisions: tuple[Revision, ...]
    """The active ones first, then drafts, then the newest of those that retired; 100 at most."""


@dataclass(frozen=True)
class WorkCentre:
    """A lane, or an active machine, that an operation can be planned at."""

    plant_id: UUID
    id: UUID
    code: str
    name: str
    is_lane: bool


async def list_material_numbers(work: Work, *, words: str = "", limit: int = 200) -> tuple[MaterialChoice, ...]:
    """Return the active materials that hold every word in number or description, those that begin so first.

    Raises:
        Forbidden: the actor may not read orders.
    """
    await work.permit(Permission.READ_ORDERS)
    start = storable(words, longest=LONGEST_SEARCH).strip()
    key = {"start": start, "patterns": _patterns(start)} if start else {}
    rows = await work.session.execute(text(CHOICES[bool(start)].format(limit=limit)), key)
    return tuple(MaterialChoice(*row) for row in rows)


async def find_material(work: Work, *, number: str) -> MaterialChoice:
    """Return the material with a number, whether it is still made or not.

    Raises:
        Forbidden: the actor may not read orders.
        NotFound: there is no such material in this scope.
    """
    await work.permit(Permission.READ_ORDERS)
    key = {"number": storable(number, longest=LONGEST_SEARCH).strip()}
    row = (await work.session.execute(BY_NUMBER, key)).one_or_none()
    if row is None:
        raise NotFound(what="material")
    return MaterialChoice(*row)


async def load_material(work: Work, *, key: str) -> MaterialView:
    """Return the material with a number, or else an id, and its routings in all plants in reach.

    Raises:
        Forbidden: the actor may not read orders.
        NotFound: there is no such material in this scope.
    """
    await work.permit(Permission.READ_ORDERS)
    wanted = {"number": storable(key, longest=LONGEST_SEARCH).strip()}
    material = (await work.session.execute(BY_NUMBER_OR_ID, wanted)).one_or_none()
    if material is None:
        raise NotFound(what="material")
    rows = (await work.session.execute(REVISIONS, {"material_id": material.id})).all()
    return MaterialView(
        id=material.id,
        number=material.number,
        description=material.description,
        unit=material.unit,
        is_active=material.is_active,
        version=material.version,
        custom=material.custom,
        revisions=_revisions(rows),
    )


async def list_work_centres(work: Work) -> tuple[WorkCentre, ...]:
    """Return the lanes and active machines of all plants in reach: each lane with its machines behind it.

    Raises:
        Forbidden: the actor may not read the plant model.
    """
    await work.permit(Permission.READ_PLANT)
    return tuple(WorkCentre(*row) for row in await work.session.execute(WORK_CENTRES))


def _revisions(rows: Sequence[Row[*tuple[Any, ...]]]) -> tuple[Revision, ...]:
    """Return the revisions of rows that hold one operation each, in the order in which they come."""
    steps: dict[UUID, list[PlacedStep]] = {}
    for row in rows:
        steps.setdefault(row.id, []).append(PlacedStep(_step(row), row.place_code, row.place_name))
    heads = {row.id: row for row in rows}
    return tuple(
        Revision(key, row.plant_id, row.revision, RoutingState(row.state), row.version, tuple(steps[key]))
        for key, row in heads.items()
    )


def _step(row: Row[*tuple[Any, ...]]) -> RoutingStep:
    return RoutingStep(
        sequence=row.sequence,
        name=row.name,
        lane_id=row.lane_id,
        machine_id=row.machine_id,
        setup_time_s=row.setup_time_s,
        run_time_s=row.run_time_s,
        predecessors=tuple(row.predecessors),
        transfer=Transfer(row.transfer),
        instructions=row.instructions,
        required_reports=frozenset(map(RequiredReport, row.required_reports)),
    )


def _patterns(words: str) -> list[str]:
    """Return what ILIKE must find for each word, with nothing in them that stands for anything else."""
    escaped = words.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return [f"%{word}%" for word in escaped.split()]
