"""Organizations: everybody sees their own, the platform's people see which there are, and make and suspend them."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Response
from pydantic import Field, StringConstraints, TypeAdapter

from domain.edits import UNCHANGED, Unchanged
from domain.identity.roles import Permission
from services.db.work import Work, read
from services.identity.platform import (
    add_organization,
    edit_organization,
    get_organization,
    list_organizations,
    resume_organization,
    suspend_organization,
)
from services.identity.queries import own_organization
from ui.api.v1.callers import Caller
from ui.api.v1.documents import READING, WRITING
from ui.api.v1.exact_json import ExactJsonRoute
from ui.api.v1.fields import Answer, RequestBody, Version
from ui.api.v1.lists import Cursors, InvalidCursor, Listed, Paging
from ui.api.v1.writes import Done, Write

ORGANIZATIONS = Cursors("organizations", TypeAdapter(Annotated[str, StringConstraints(max_length=40)]))
router = APIRouter(tags=["organizations"], route_class=ExactJsonRoute)

SlugText = Annotated[str, StringConstraints(min_length=2, max_length=40)]
Name = Annotated[str, StringConstraints(min_length=1, max_length=200)]


class Organization(Answer):
    """A tenant."""

    id: UUID
    slug: str = Field(description="Short name in addresses.")
    name: str
    host: str | None = Field(description="Host name of its own, under which its people reach the system.")
    is_active: bool = Field(description="False while it is suspended.")
    is_platform: bool = Field(description="Whether it is the one whose people make the others.")
    created_at: datetime
    version: int
    users: int | None = Field(default=None, description="How many active ones it has; shown to the platform only.")
    plants: int | None = Field(default=None, description="As `users`.")
    machines: int | None = Field(default=None, description="As `users`.")


class NewOrganization(RequestBody):
    """An organization, and who sets it up."""

    slug: SlugText
    name: Name
    admin_email: Annotated[str, StringConstraints(min_length=3, max_length=320)]
    admin_name: Name


class OrganizationChange(RequestBody):
    """What changes of an organization; what is missing stays."""

    version: Version
    slug: SlugText | None = None
    name: Name | None = None
    host: Annotated[str, StringConstraints(max_length=253)] | None = Field(
        default=None, description="Null takes it away."
    )


class Seen(RequestBody):
    """Which state of an organization is meant."""

    version: Version


@router.get("/organizations/", operation_id="listOrganizations", summary="Organizations", responses=READING)
async def list_all(caller: Caller, asked: Annotated[Paging, Query()]) -> Listed[Organization]:
    """Return your own organization, the only one that you can see. People of the platform see which ones there are,
    how many users, plants and machines each has, and nothing else of them."""
    after = ORGANIZATIONS.read(asked.cursor)
    async with read(caller) as work:
        if caller.may(Permission.READ_ORGANIZATIONS):
            page = await list_organizations(work, after=after, limit=asked.limit)
            return ORGANIZATIONS.listed(page, Organization, lambda one: one.slug)
        if asked.cursor is not None:
            raise InvalidCursor(field="cursor")
        own = await own_organization(work)
    return Listed[Organization](items=[Organization.model_validate(own)], next_cursor=None)


@router.get("/organizations/{organization_id}", operation_id="getOrganization", summary="One organization",
            responses=READING)  # fmt: skip
async def get_one(caller: Caller, organization_id: UUID) -> Organization:
    """Return one organization, for the platform."""
    async with read(caller) as work:
        return Organization.model_validate(await get_organization(work, organization_id))


@router.post(
    "/organizations/", operation_id="addOrganization", summary="Make an organization", status_code=201,
    response_model=Organization, responses=WRITING,
)  # fmt: skip
async def post_organization(body: NewOrganization, write: Write) -> Response:
    """Make an organization and its first admin."""

    async def add(work: Work) -> Done:
        organization_id, _admin_id = await add_organization(
            work, slug=body.slug, name=body.name, admin_email=body.admin_email, admin_name=body.admin_name
        )
        return Done(Organization.model_validate(await get_organization(work, organization_id)), 201)

    return await write.once(add)


@router.patch(
    "/organizations/{organization_id}", operation_id="editOrganization", summary="Rename an organization",
    response_model=Organization, responses=WRITING,
)  # fmt: skip
async def patch_organization(organization_id: UUID, body: OrganizationChange, write: Write) -> Response:
    """Give an organization another name, short name or host."""

    async def edit(work: Work) -> Done:
        await edit_organization(
            work,
            organization_id=organization_id,
            version=body.version,
            slug=UNCHANGED if body.slug is None else body.slug,
            name=UNCHANGED if body.name is None else body.name,
            host=_host_of(body),
        )
        return Done(Organization.model_validate(await get_organization(work, organization_id)))

    return await write.once(edit)


@router.post(
    "/organizations/{organization_id}/suspend", operation_id="suspendOrganization", summary="Suspend an organization",
    response_model=Organization, responses=WRITING,
)  # fmt: skip
async def post_suspension(organization_id: UUID, body: Seen, write: Write) -> Response:
    """Let nobody of an organization in: its sessions, keys and screens end within a second, its jobs wait."""

    async def suspend(work: Work) -> Done:
        await suspend_organization(work, organization_id=organization_id, version=body.version)
        return Done(Organization.model_validate(await get_organization(work, organization_id)))

    return await write.once(suspend)


@router.post(
    "/organizations/{organization_id}/resume", operation_id="resumeOrganization", summary="Resume an organization",
    response_model=Organization, responses=WRITING,
)  # fmt: skip
async def post_resumption(organization_id: UUID, body: Seen, write: Write) -> Response:
    """Let the people and programs of a suspended organization in again; they sign in anew."""

    async def resume(work: Work) -> Done:
        await resume_organization(work, organization_id=organization_id, version=body.version)
        return Done(Organization.model_validate(await get_organization(work, organization_id)))

    return await write.once(resume)


def _host_of(body: OrganizationChange) -> str | Unchanged:
    """Return the host that is wanted: empty where null takes it away, unchanged where nothing is said."""
    return UNCHANGED if "host" not in body.model_fields_set else body.host or ""
