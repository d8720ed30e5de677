"""Crews: who works a shift together, and what each of them is on call for."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import ClassVar
from uuid import UUID

import asyncpg
from sqlalchemy import delete, select, text

from domain.checks import checked_text
from domain.errors import Conflict, NotFound, marked
from domain.events import ShiftsChanged
from domain.identity.roles import Permission
from services.db.locked import locked
from services.db.paging import Page, page_of
from services.db.tables import Crew, CrewMember, Plant, User
from services.db.unique import unique_or
from services.db.work import Work

LONGEST_NAME = 60
LONGEST_DUTY = 60
CREWS = """
SELECT crews.id, crews.plant_id, crews.name, crews.version, members.user_ids, members.names, members.duties
FROM crews
CROSS JOIN LATERAL (
  SELECT coalesce(array_agg(users.id ORDER BY users.display_name, users.id), '{{}}') AS user_ids,
         coalesce(array_agg(users.display_name ORDER BY users.display_name, users.id), '{{}}') AS names,
         coalesce(array_agg(array_to_string(members.duties, chr(10)) ORDER BY users.display_name, users.id), '{{}}')
           AS duties
  FROM crew_members AS members JOIN users ON users.org_id = members.org_id AND users.id = members.user_id
  WHERE members.org_id = crews.org_id AND members.crew_id = crews.id
) AS members
{where}
ORDER BY crews.name, crews.id LIMIT {limit}
"""
LANES_OF_CREW = text("""
SELECT DISTINCT lane_id FROM shift_occurrences WHERE crew_id = :crew_id AND ends_at > :now
""")
# Exceptions that are over are as much a part of history as the shifts that came of them.
USES = text("""
SELECT EXISTS (SELECT FROM shift_templates WHERE crew_id = :crew_id)
       OR EXISTS (SELECT FROM shift_exceptions WHERE crew_id = :crew_id AND day > CAST(:now AS timestamptz)::date)
       OR EXISTS (SELECT FROM shift_occurrences WHERE crew_id = :crew_id AND ends_at > :now) AS will_work,
       EXISTS (SELECT FROM shift_exceptions WHERE crew_id = :crew_id)
       OR EXISTS (SELECT FROM shift_occurrences WHERE crew_id = :crew_id) AS has_worked
""")


class CrewNameTaken(Conflict):
    """Another crew of the plant has the name."""

    code: ClassVar[str] = "crew_name_taken"
    sentence: ClassVar[str] = marked("There is a crew “{name}” in this plant already.")


class CrewInUse(Conflict):
    """The crew works a shift now, or will."""

    code: ClassVar[str] = "crew_in_use"
    sentence: ClassVar[str] = marked("“{name}” stands in shifts. Take it out of their templates instead.")


@dataclass(frozen=True)
class Member:
    """A person of a crew."""

    user_id: UUID
    duties: tuple[str, ...] = ()
    """What they are on call for while the crew works."""
    name: str = ""
    """How they are called; nobody needs to give it."""


@dataclass(frozen=True)
class CrewInfo:
    """A crew and its people."""

    id: UUID
    plant_id: UUID
    name: str
    version: int
    """Hand it back when editing what was seen."""
    members: tuple[Member, ...]
    """By name."""


async def add_crew(work: Work, *, plant_id: UUID, name: str, members: Collection[Member] = ()) -> Crew:
    """Add a crew to a plant.

    Raises:
        Forbidden: the actor may not edit shifts.
        NotFound: there is no such plant or person.
        InvalidText: the name or a duty cannot be kept.
        CrewNameTaken: the plant has a crew with this name.
    """
    await work.permit(Permission.EDIT_SHIFTS)
    if await work.session.get(Plant, plant_id) is None:
        raise NotFound(what="plant")
    crew = Crew(
        org_id=work.scope.org_id, plant_id=plant_id, name=checked_text(name, field="name", longest=LONGEST_NAME)
    )
    async with unique_or(work, CrewNameTaken(field="name", name=crew.name)):
        work.session.add(crew)
    await _set_members(work, crew, members)
    return crew


async def edit_crew(
    work: Work, *, crew_id: UUID, version: int, name: str | None = None, members: Collection[Member] | None = None
) -> Crew:
    """Change what is given of a crew; `members` are all of its people from now on.

    Raises:
        Forbidden: the actor may not edit shifts.
        NotFound: there is no such crew or person.
        Conflict: somebody changed it since `version`.
        InvalidText: the name or a duty cannot be kept.
        CrewNameTaken: the plant has another crew with this name.
    """
    await work.permit(Permission.EDIT_SHIFTS)
    crew = await _locked(work, crew_id, version)
    if members is not None:
        await _set_members(work, crew, members)
    async with unique_or(work, CrewNameTaken(field="name", name=name)):
        if name is not None:
            crew.name = checked_text(name, field="name", longest=LONGEST_NAME)
        crew.version = version + 1  # its people are a part of it, even where nothing else differs
    for lane_id in (await work.session.execute(LANES_OF_CREW, {"crew_id": crew.id, "now": work.now})).scalars():
        work.emit(ShiftsChanged(plant_id=crew.plant_id, lane_id=lane_id))
    return crew


async def remove_crew(work: Work, *, crew_id: UUID, version: int) -> None:
    """Remove a crew that is to work no more; one that has worked stays with its shifts, and is offered nowhere.

    Raises:
        Forbidden: the actor may not edit shifts.
        NotFound: there is no such crew.
        Conflict: somebody changed it since `version`.
        CrewInUse: a template names it, or a shift that is not over.
    """
    await work.permit(Permission.EDIT_SHIFTS)
    crew = await _locked(work, crew_id, version)
    uses = (await work.session.execute(USES, {"crew_id": crew.id, "now": work.now})).one()
    if uses.will_work:
        raise CrewInUse(name=crew.name)
    if uses.has_worked:
        crew.is_active = False
    else:
        await work.session.delete(crew)
    await work.session.flush()


async def list_crews(
    work: Work, *, plant_id: UUID | None = None, after: tuple[str, UUID] | None = None, limit: int = 100
) -> Page[CrewInfo]:
    """Return the crews that can work with their people, of one plant where given, by name.

    `after` is a name and an id.

    Raises:
        Forbidden: the actor may not read the plant model.
    """
    await work.permit(Permission.READ_PLANT)
    conditions = ["crews.is_active"]
    values: list[object] = []
    if plant_id is not None:
        values.append(plant_id)
        conditions.append(f"crews.plant_id = ${len(values)}")
    if after is not None:
        values += after
        conditions.append(f"(crews.name, crews.id) > (${len(values) - 1}, ${len(values)})")
    where = f"WHERE {' AND '.join(conditions)}"
    rows = await work.fetch(CREWS.format(where=where, limit=f"${len(values) + 1}"), *values, limit + 1)
    return page_of([_info(row) for row in rows], limit)


async def get_crew(work: Work, crew_id: UUID) -> CrewInfo:
    """Return a crew with its people.

    Raises:
        Forbidden: the actor may not read the plant model.
        NotFound: there is no such crew.
    """
    await work.permit(Permission.READ_PLANT)
    rows = await work.fetch(CREWS.format(where="WHERE crews.id = $1 AND crews.is_active", limit="1"), crew_id)
    if not rows:
        raise NotFound(what="crew")
    return _info(rows[0])


async def list_people(work: Work) -> dict[UUID, str]:
    """Return who can be in a crew: the names of the active users, by name.

    Raises:
        Forbidden: the actor may not edit shifts.
    """
    await work.permit(Permission.EDIT_SHIFTS)
    statement = select(User.id, User.display_name).where(User.is_active).order_by(User.display_name, User.id)
    return {row.id: row.display_name for row in await work.session.execute(statement)}


async def crew_of_plant(work: Work, *, crew_id: UUID | None, plant_id: UUID) -> UUID | None:
    """Return the crew that is to work in a plant.

    Raises:
        NotFound: there is no such crew in the plant.
    """
    if crew_id is not None:
        crew = await work.session.get(Crew, crew_id)
        if crew is None or crew.plant_id != plant_id or not crew.is_active:
            raise NotFound(what="crew")
    return crew_id


async def _locked(work: Work, crew_id: UUID, version: int) -> Crew:
    crew = await locked(work, Crew, crew_id, version=version, missing=NotFound(what="crew"))
    if not crew.is_active:
        raise NotFound(what="crew")
    return crew


def _info(row: "asyncpg.Record") -> CrewInfo:
    members = zip(row["user_ids"], row["names"], row["duties"], strict=True)
    return CrewInfo(
        row["id"], row["plant_id"], row["name"], row["version"],
        tuple(Member(user_id, tuple(filter(None, duties.split("\n"))), name) for user_id, name, duties in members),
    )  # fmt: skip


async def _set_members(work: Work, crew: Crew, members: Collection[Member]) -> None:
    wanted = {member.user_id: member for member in members}
    found = (await work.session.execute(select(User.id).where(User.id.in_(wanted)))).scalars().all()
    if len(found) < len(wanted):
        raise NotFound(what="user")
    await work.session.execute(delete(CrewMember).where(CrewMember.crew_id == crew.id))
    work.session.add_all(
        CrewMember(
            org_id=crew.org_id,
            plant_id=crew.plant_id,
            crew_id=crew.id,
            user_id=member.user_id,
            duties=[checked_text(duty, field="duties", longest=LONGEST_DUTY) for duty in dict.fromkeys(member.duties)],
        )
        for member in wanted.values()
    )
    await work.session.flush()
