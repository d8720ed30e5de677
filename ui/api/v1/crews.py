"""Crews: who works shifts together."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Response
from pydantic import Field, StringConstraints, TypeAdapter

from services.db.work import Work, read
from services.plant import crews
from ui.api.v1.callers import Caller
from ui.api.v1.documents import READING, WRITING
from ui.api.v1.exact_json import ExactJsonRoute
from ui.api.v1.fields import Answer, RequestBody, Version
from ui.api.v1.lists import CodeText, Cursors, Listed
from ui.api.v1.plant import OfPlant
from ui.api.v1.shifts import ShiftName
from ui.api.v1.writes import Done, Write

router = APIRouter(tags=["shifts"], route_class=ExactJsonRoute)

CREWS = Cursors("crews", TypeAdapter(tuple[CodeText, UUID]))


class CrewMember(Answer):
    """A person of a crew."""

    user_id: UUID
    name: str
    duties: list[str] = Field(description="What they are on call for while the crew works.")


class Crew(Answer):
    """Who works a shift together."""

    id: UUID
    plant_id: UUID
    name: str
    version: int
    members: list[CrewMember]


class NewMember(RequestBody):
    """A person of a crew."""

    user_id: UUID
    duties: Annotated[list[Annotated[str, StringConstraints(min_length=1, max_length=60)]], Field(max_length=20)] = []


Members = Annotated[list[NewMember], Field(max_length=500)]


class NewCrew(RequestBody):
    """A crew."""

    plant_id: UUID
    name: ShiftName
    members: Members = []


class CrewChange(RequestBody):
    """What changes of a crew; `members` are all of its people from now on."""

    version: Version
    name: ShiftName | None = None
    members: Members | None = None


class SeenCrew(RequestBody):
    """What was seen when deciding."""

    version: Version


class RemovedCrew(Answer):
    """Which crew was removed."""

    id: UUID


@router.get("/crews/", operation_id="listCrews", summary="Crews by name", responses=READING)
async def list_crews(caller: Caller, asked: Annotated[OfPlant, Query()]) -> Listed[Crew]:
    """Return the crews with their people, of one plant where given."""
    async with read(caller) as work:
        page = await crews.list_crews(work, plant_id=asked.plant_id, after=CREWS.read(asked.cursor), limit=asked.limit)
    return CREWS.listed(page, Crew, lambda crew: (crew.name, crew.id))


@router.post(
    "/crews/", operation_id="addCrew", summary="Add a crew", status_code=201, response_model=Crew, responses=WRITING
)
async def post_crew(body: NewCrew, write: Write) -> Response:
    """Add a crew to a plant."""

    async def add(work: Work) -> Done:
        row = await crews.add_crew(work, plant_id=body.plant_id, name=body.name, members=_members(body.members))
        return Done(Crew.model_validate(await crews.get_crew(work, row.id)), 201)

    return await write.once(add)


@router.patch("/crews/{crew_id}", operation_id="editCrew", summary="Change a crew", response_model=Crew,
              responses=WRITING)  # fmt: skip
async def patch_crew(crew_id: UUID, body: CrewChange, write: Write) -> Response:
    """Change what is given of a crew."""

    async def edit(work: Work) -> Done:
        await crews.edit_crew(
            work,
            crew_id=crew_id,
            version=body.version,
            name=body.name,
            members=None if body.members is None else _members(body.members),
        )
        return Done(Crew.model_validate(await crews.get_crew(work, crew_id)))

    return await write.once(edit)


@router.post("/crews/{crew_id}/remove", operation_id="removeCrew", summary="Remove a crew",
             response_model=RemovedCrew, responses=WRITING)  # fmt: skip
async def post_removal(crew_id: UUID, body: SeenCrew, write: Write) -> Response:
    """Remove a crew that is to work no more. One that has worked stays with its shifts, and is listed no longer."""

    async def remove(work: Work) -> Done:
        await crews.remove_crew(work, crew_id=crew_id, version=body.version)
        return Done(RemovedCrew(id=crew_id))

    return await write.once(remove)


def _members(given_members: list[NewMember]) -> list[crews.Member]:
    return [crews.Member(member.user_id, tuple(member.duties)) for member in given_members]
