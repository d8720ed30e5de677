"""Organizations: everybody sees their own, the platform's people see which there are, and make and suspend them."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response
from pydantic import Field, StringConstraints, TypeAdapter

from domain.edits import UNCHANGED, Unchanged
from domain.identity.roles import Permission
from services.db.work import Work, read
from services.identity import platform
from services.identity.queries import own_organization
from ui.api.v1.callers import Caller
from ui.api.v1.documents import READING, WRITING
from ui.api.v1.exact_json import ExactJsonRoute
from ui.api.v1.fields import Answer, RequestBody, Version
from ui.api.v1.lists import Cursors, InvalidCursor, Listed, Paging
from ui.api.v1.writes import Done, Write
from ui.kit.addresses import base_url_of

ORGANIZATIONS = Cursors("organizations", TypeAdapter(Annotated[str, StringConstraints(max_length=40)]))

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
    is_entered: bool | None = Field(default=None, description="Whether anybody has come in yet; as `users`.")


class AddedOrganization(Organization):
    """A new organization, and how its first admin comes in."""

    invitation_link: str | None = Field(
        description="To be handed to its first admin, shown this once; null where it went by mail or the request is "
        "repeated."
    )


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


def organizations_router(public_url: str | None) -> APIRouter:
    """Return the routes of organizations; links lead to `public_url`, or to the host that was asked."""
    router = APIRouter(tags=["organizations"], route_class=ExactJsonRoute)

    @router.get("/organizations/", operation_id="listOrganizations", summary="Organizations", responses=READING)
    async def list_all(caller: Caller, asked: Annotated[Paging, Query()]) -> Listed[Organization]:
        """Return your own organization, the only one that you can see. People of the platform see which ones there are,
        how many users, plants and machines each has, and nothing else of them."""
        after = ORGANIZATIONS.read(asked.cursor)
        async with read(caller) as work:
            if caller.may(Permission.READ_ORGANIZATIONS):
                page = await platform.list_organizations(work, after=after, limit=asked.limit)
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
            return Organization.model_validate(await platform.get_organization(work, organization_id))

    @router.post(
        "/organizations/", operation_id="addOrganization", summary="Make an organization", status_code=201,
        response_model=AddedOrganization, responses=WRITING,
    )  # fmt: skip
    async def post_organization(body: NewOrganization, write: Write, request: Request) -> Response:
        """Make an organization and invite its first admin: by mail, or with the link in this answer where the
        installation sends no mail."""

        async def add(work: Work) -> Done:
            added = await platform.add_organization(
                work,
                slug=body.slug,
                name=body.name,
                admin_email=body.admin_email,
                admin_name=body.admin_name,
                base_url=base_url_of(request, public_url=public_url),
            )
            return await _invited(work, added, status=201)

        return await write.once(add)

    @router.post(
        "/organizations/{organization_id}/invite", operation_id="inviteFirstAdmin",
        summary="Invite the first admin again", response_model=AddedOrganization, responses=WRITING,
    )  # fmt: skip
    async def post_invitation(organization_id: UUID, write: Write, request: Request) -> Response:
        """Invite the first admin of an organization once more, as long as nobody has entered it; the link of before
        opens nothing."""

        async def invite(work: Work) -> Done:
            base_url = base_url_of(request, public_url=public_url)
            return await _invited(
                work, await platform.invite_first_admin(work, organization_id=organization_id, base_url=base_url)
            )

        return await write.once(invite)

    @router.patch(
        "/organizations/{organization_id}", operation_id="editOrganization", summary="Rename an organization",
        response_model=Organization, responses=WRITING,
    )  # fmt: skip
    async def patch_organization(organization_id: UUID, body: OrganizationChange, write: Write) -> Response:
        """Give an organization another name, short name or host."""

        async def edit(work: Work) -> Done:
            await platform.edit_organization(
                work,
                organization_id=organization_id,
                version=body.version,
                slug=UNCHANGED if body.slug is None else body.slug,
                name=UNCHANGED if body.name is None else body.name,
                host=_host_of(body),
            )
            return Done(Organization.model_validate(await platform.get_organization(work, organization_id)))

        return await write.once(edit)

    @router.post(
        "/organizations/{organization_id}/suspend", operation_id="suspendOrganization",
        summary="Suspend an organization", response_model=Organization, responses=WRITING,
    )  # fmt: skip
    async def post_suspension(organization_id: UUID, body: Seen, write: Write) -> Response:
        """Let nobody of an organization in: its sessions, keys and screens end within a second, its jobs wait."""

        async def suspend(work: Work) -> Done:
            await platform.suspend_organization(work, organization_id=organization_id, version=body.version)
            return Done(Organization.model_validate(await platform.get_organization(work, organization_id)))

        return await write.once(suspend)

    @router.post(
        "/organizations/{organization_id}/resume", operation_id="resumeOrganization", summary="Resume an organization",
        response_model=Organization, responses=WRITING,
    )  # fmt: skip
    async def post_resumption(organization_id: UUID, body: Seen, write: Write) -> Response:
        """Let the people and programs of a suspended organization in again; they sign in anew."""

        async def resume(work: Work) -> Done:
            await platform.resume_organization(work, organization_id=organization_id, version=body.version)
            return Done(Organization.model_validate(await platform.get_organization(work, organization_id)))

        return await write.once(resume)

    return router


async def _invited(work: Work, added: platform.AddedOrganization, *, status: int = 200) -> Done:
    facts = Organization.model_validate(await platform.get_organization(work, added.id)).model_dump()
    body = AddedOrganization(**facts, invitation_link=added.invitation_link)
    return Done(body, status, kept=AddedOrganization(**facts, invitation_link=None))


def _host_of(body: OrganizationChange) -> str | Unchanged:
    """Return the host that is wanted: empty where null takes it away, unchanged where nothing is said."""
    return UNCHANGED if "host" not in body.model_fields_set else body.host or ""
