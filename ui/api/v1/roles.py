"""Roles, who has them, and what people may by them."""

from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Path, Query, Response
from pydantic import Field, StringConstraints, TypeAdapter

from domain.identity.permission_words import SENTENCES
from domain.identity.rights import Assignment
from domain.identity.roles import MOST_GRANTS, Permission
from services.db.work import Work, read
from services.identity import roles
from services.identity.assignments import assign_roles
from services.identity.role_queries import RoleInfo, UserRights, explain_rights, get_role, list_roles
from ui.api.v1.callers import Caller, Words
from ui.api.v1.documents import READING, WRITING
from ui.api.v1.exact_json import ExactJsonRoute
from ui.api.v1.fields import Answer, RequestBody, Version
from ui.api.v1.lists import Cursors, Listed, Paging
from ui.api.v1.plant_models import given
from ui.api.v1.writes import Done, Write

ROLES = Cursors("roles", TypeAdapter(tuple[bool, str]))
router = APIRouter(tags=["identity"], route_class=ExactJsonRoute)

RoleKey = Annotated[str, Path(min_length=1, max_length=40, pattern=r"^[^\x00-\x1f\x7f]+$")]
Key = Annotated[str, StringConstraints(min_length=2, max_length=40, pattern=r"^[a-z][a-z0-9_-]*$")]
Name = Annotated[str, StringConstraints(min_length=1, max_length=200)]
Description = Annotated[str, StringConstraints(max_length=roles.LONGEST_DESCRIPTION)]
Pattern = Annotated[
    str, StringConstraints(min_length=5, max_length=100), Field(examples=["production.order.*", "plant.*.read"])
]


class Role(Answer):
    """A role, and what it grants."""

    key: str = Field(description="What assignments call it by; never changes.")
    name: str
    description: str
    is_built_in: bool = Field(description="Comes with the product: it can be copied, and not changed.")
    is_active: bool = Field(description="False: grants nothing to whoever has it.")
    version: int = Field(description="Zero for built-in roles.")
    grants: list[str] = Field(description="Patterns; `*` stands for any one part.")
    permissions: list[str] = Field(description="What the patterns reach.")
    people: int = Field(description="Active users who have it.")


class NewRole(RequestBody):
    """A role; `copy_of` lets it grant what another one does."""

    key: Key
    name: Name
    description: Description = ""
    grants: list[Pattern] = Field(default=[], max_length=MOST_GRANTS, description="All within your own rights.")
    copy_of: Key | None = Field(default=None, description="Key of the role whose grants it gets, instead of `grants`.")


class RoleChange(RequestBody):
    """What changes of a role; what is missing stays."""

    version: Version
    name: Name | None = None
    description: Description | None = None
    is_active: bool | None = None


class Grants(RequestBody):
    """What a role grants from now on."""

    version: Version
    grants: list[Pattern] = Field(max_length=MOST_GRANTS)


class SeenRole(RequestBody):
    """The role as it was seen."""

    version: Version


class RemovedRole(Answer):
    """A role that is no more."""

    key: str


class AssignedRole(Answer):
    """A role of a user."""

    role: str
    plant_ids: list[UUID] | None = Field(description="Where it holds; null means wherever the user may see.")


class NewAssignedRole(RequestBody):
    """A role of a user."""

    role: Key
    plant_ids: list[UUID] | None = Field(default=None, min_length=1, max_length=1000)


class UserRoles(Answer):
    """The roles of a user."""

    user_id: UUID
    version: int = Field(description="Of the user.")
    roles: list[AssignedRole]


class NewUserRoles(RequestBody):
    """The roles of a user, in place of those they had."""

    version: Version
    roles: list[NewAssignedRole] = Field(max_length=100)


class GrantedThrough(Answer):
    """A role that grants a permission, or would."""

    role: str
    role_name: str
    pattern: str
    plant_ids: list[UUID] | None
    obstacle: Literal["", "switched_off", "not_in_single_plants", "other_plants"] = Field(
        description="Why it does not help; empty where it does."
    )


class ExplainedPermission(Answer):
    """Whether somebody holds a permission, where and why."""

    permission: str
    sentence: str = Field(description="What it lets people do, in the caller's language.")
    is_held: bool
    plant_ids: list[UUID] | None = Field(description="Where it holds; null means all plants.")
    through: list[GrantedThrough]


class UserPermissions(Answer):
    """What somebody may, and why; and what they may not."""

    user_id: UUID
    name: str
    is_active: bool
    version: int
    plant_ids: list[UUID] | None = Field(description="Plants that they see; null means all.")
    permissions: list[ExplainedPermission]


@router.get("/roles/", operation_id="listRoles", summary="Roles", responses=READING)
async def get_roles(caller: Caller, asked: Annotated[Paging, Query()]) -> Listed[Role]:
    """Return the built-in roles and then the organization's own."""
    async with read(caller) as work:
        page = await list_roles(work, after=ROLES.read(asked.cursor), limit=asked.limit)
    return ROLES.listed(page, Role, lambda role: (not role.is_built_in, role.key))


@router.get("/roles/{role_key}", operation_id="getRole", summary="One role", responses=READING)
async def get_one(caller: Caller, role_key: RoleKey) -> Role:
    """Return one role by its key."""
    async with read(caller) as work:
        return await _role(work, role_key)


@router.post(
    "/roles/", operation_id="addRole", summary="Make or copy a role", status_code=201, response_model=Role,
    responses=WRITING,
)  # fmt: skip
async def post_role(body: NewRole, write: Write) -> Response:
    """Make a role. Nobody can let it grant what they do not have themselves in all plants."""

    async def add(work: Work) -> Done:
        if body.copy_of is None:
            await roles.add_role(work, key=body.key, name=body.name, description=body.description, grants=body.grants)
        else:
            await roles.copy_role(work, of=body.copy_of, key=body.key, name=body.name, description=body.description)
        return Done(await _role(work, body.key), 201)

    return await write.once(add)


@router.patch(
    "/roles/{role_key}", operation_id="editRole", summary="Change a role", response_model=Role, responses=WRITING
)
async def patch_role(role_key: RoleKey, body: RoleChange, write: Write) -> Response:
    """Rename a role of the organization's own, or switch it off and on; in force everywhere within a second."""

    async def edit(work: Work) -> Done:
        await roles.edit_role(
            work,
            key=role_key,
            version=body.version,
            name=given(body, "name", body.name or ""),
            description=given(body, "description", body.description or ""),
            is_active=given(body, "is_active", body.is_active is not False),
        )
        return Done(await _role(work, role_key))

    return await write.once(edit)


@router.put(
    "/roles/{role_key}/grants", operation_id="setRoleGrants", summary="Say what a role grants", response_model=Role,
    responses=WRITING,
)  # fmt: skip
async def put_grants(role_key: RoleKey, body: Grants, write: Write) -> Response:
    """Let a role of the organization's own grant these patterns, in place of those before."""

    async def change(work: Work) -> Done:
        await roles.set_grants(work, key=role_key, version=body.version, grants=body.grants)
        return Done(await _role(work, role_key))

    return await write.once(change)


@router.post(
    "/roles/{role_key}/remove", operation_id="removeRole", summary="Remove a role", response_model=RemovedRole,
    responses=WRITING,
)  # fmt: skip
async def post_removal(role_key: RoleKey, body: SeenRole, write: Write) -> Response:
    """Remove a role that nobody has and no escalation ladder tells."""

    async def remove(work: Work) -> Done:
        await roles.remove_role(work, key=role_key, version=body.version)
        return Done(RemovedRole(key=role_key))

    return await write.once(remove)


@router.get("/users/{user_id}/roles", operation_id="getUserRoles", summary="Roles of a user", responses=READING)
async def get_user_roles(caller: Caller, user_id: UUID) -> UserRoles:
    """Return the roles of a user, each with the plants in which it holds."""
    async with read(caller) as work:
        return _user_roles(await explain_rights(work, user_id=user_id))


@router.put(
    "/users/{user_id}/roles", operation_id="assignRoles", summary="Give a user roles", response_model=UserRoles,
    responses=WRITING,
)  # fmt: skip
async def put_user_roles(user_id: UUID, body: NewUserRoles, write: Write) -> Response:
    """Give a user these roles in place of those before, in all plants or in some. Nobody can give rights that they
    lack, nor take the last admin of all plants away."""

    async def assign(work: Work) -> Done:
        wanted = [
            Assignment(one.role, None if one.plant_ids is None else frozenset(one.plant_ids)) for one in body.roles
        ]
        await assign_roles(work, user_id=user_id, assignments=wanted, version=body.version)
        return Done(_user_roles(await explain_rights(work, user_id=user_id)))

    return await write.once(assign)


@router.get(
    "/users/{user_id}/permissions", operation_id="explainUserPermissions", summary="What a user may, and why",
    responses=READING,
)  # fmt: skip
async def get_user_permissions(caller: Caller, user_id: UUID, words: Words) -> UserPermissions:
    """Return for every permission whether the user holds it, in which plants, and through which role and pattern."""
    async with read(caller) as work:
        rights = await explain_rights(work, user_id=user_id)
    return UserPermissions(
        user_id=rights.user_id,
        name=rights.name,
        is_active=rights.is_active,
        version=rights.version,
        plant_ids=_sorted(rights.plant_ids),
        permissions=[
            ExplainedPermission(
                permission=reason.permission,
                sentence=words(SENTENCES[Permission(reason.permission)]),
                is_held=reason.is_held,
                plant_ids=_sorted(reason.plant_ids),
                through=[GrantedThrough.model_validate(one) for one in reason.through],
            )
            for reason in rights.reasons
        ],
    )


async def _role(work: Work, key: str) -> Role:
    role: RoleInfo = await get_role(work, key)
    return Role.model_validate(role)


def _user_roles(rights: UserRights) -> UserRoles:
    return UserRoles(
        user_id=rights.user_id,
        version=rights.version,
        roles=[AssignedRole(role=one.role, plant_ids=_sorted(one.plant_ids)) for one in rights.assignments],
    )


def _sorted(plant_ids: frozenset[UUID] | None) -> list[UUID] | None:
    return None if plant_ids is None else sorted(plant_ids)
