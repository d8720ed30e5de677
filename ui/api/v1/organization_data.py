"""A whole organization at once: its export as one file, and its deletion."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Response
from pydantic import Field, StringConstraints

from domain.errors import NotFound
from domain.identity.roles import Permission
from domain.operations.deletions import LONGEST_GRACE_DAYS, USUAL_GRACE_DAYS, DeletionState
from domain.scope import Scope
from services.auth.attempts import SignInAttempts
from services.db.work import Work, read
from services.organizations import deletions, exports
from ui.api.v1.callers import Caller
from ui.api.v1.documents import READING, WRITING
from ui.api.v1.exact_json import ExactJsonRoute
from ui.api.v1.fields import Answer, RequestBody, Version
from ui.api.v1.infrastructure import Task
from ui.api.v1.writes import Done, Write


class Export(Answer):
    """An export that can be fetched with `/files/{file_id}/content`."""

    file_id: UUID
    name: str
    size: int = Field(description="Bytes.")
    created_at: datetime
    expires_at: datetime
    created_by: str = Field(description="The name of who started it.")


class ExportList(Answer):
    """The exports that can be fetched, the newest first."""

    items: list[Export]


class Discarded(Answer):
    """An export that is gone."""

    file_id: UUID


class Deletion(Answer):
    """The planned, running or past end of an organization."""

    organization_id: UUID
    slug: str
    name: str
    state: DeletionState
    asked_at: datetime
    by_platform: bool = Field(description="Whether the platform wanted it, not the organization itself.")
    due_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    done: int = Field(description="Rows and files that are gone, of `total`.")
    total: int


class DeletionList(Answer):
    """The planned, running and past ends of organizations, the newest first."""

    items: list[Deletion]


class Kept(Answer):
    """An organization that stays."""

    organization_id: UUID


class DeletionWish(RequestBody):
    """What confirms that an organization shall go, and when."""

    slug: Annotated[str, StringConstraints(max_length=40)] = Field(description="Its short name.")
    password: Annotated[str, StringConstraints(max_length=1000)] = Field(
        default="", description="The caller's own; empty for who has none and signed in within the last ten minutes."
    )
    after_days: Annotated[int, Field(strict=True, ge=0, le=LONGEST_GRACE_DAYS)] = Field(
        default=USUAL_GRACE_DAYS, description="Until then it can be kept."
    )
    version: Version | None = Field(default=None, description="The state of the organization that was seen.")


def organization_data_router(attempts: SignInAttempts) -> APIRouter:
    """Return the routes; `attempts` counts wrong passwords."""
    router = APIRouter(tags=["organizations"], route_class=ExactJsonRoute)

    @router.get(
        "/organizations/deletions/", operation_id="listDeletions", summary="Ends of organizations", responses=READING
    )
    async def get_deletions(caller: Caller) -> DeletionList:
        """Return every planned, running and past end of an organization; for the platform."""
        async with read(caller) as work:
            return DeletionList.model_validate({"items": await deletions.list_deletions(work)})

    @router.get(
        "/organizations/{organization_id}/exports", operation_id="listExports", summary="Exports", responses=READING
    )
    async def get_exports(organization_id: UUID, caller: Caller) -> ExportList:
        """Return the exports of one's own organization that can be fetched."""
        _refuse_others(caller, organization_id)
        async with read(caller) as work:
            return ExportList.model_validate({"items": await exports.list_exports(work)})

    @router.post(
        "/organizations/{organization_id}/exports", operation_id="startExport", summary="Export everything",
        status_code=201, response_model=Task, responses=WRITING,
    )  # fmt: skip
    async def post_export(organization_id: UUID, write: Write) -> Response:
        """Have everything of one's own organization packed into one zip file; the answer is the task that does it."""
        _refuse_others(write.scope, organization_id)

        async def start(work: Work) -> Done:
            return Done(Task.model_validate(await exports.start_export(work)), 201)

        return await write.once(start)

    @router.post(
        "/organizations/{organization_id}/exports/{file_id}/discard", operation_id="discardExport",
        summary="Forget an export", response_model=Discarded, responses=WRITING,
    )  # fmt: skip
    async def post_discard(organization_id: UUID, file_id: UUID, write: Write) -> Response:
        """Forget an export before its week is over."""
        _refuse_others(write.scope, organization_id)

        async def discard(work: Work) -> Done:
            await exports.discard_export(work, file_id=file_id)
            return Done(Discarded(file_id=file_id))

        return await write.once(discard)

    @router.get(
        "/organizations/{organization_id}/deletion", operation_id="getDeletion", summary="The end of an organization",
        responses=READING,
    )  # fmt: skip
    async def get_deletion(organization_id: UUID, caller: Caller) -> Deletion:
        """Return when an organization is deleted, or how far that is."""
        async with read(caller) as work:
            found = await deletions.find_deletion(work, organization_id)
        if found is None:
            raise NotFound(what="deletion")
        return Deletion.model_validate(found)

    @router.post(
        "/organizations/{organization_id}/deletion", operation_id="planDeletion", summary="Delete an organization",
        status_code=201, response_model=Deletion, responses=WRITING,
    )  # fmt: skip
    async def post_deletion(organization_id: UUID, body: DeletionWish, write: Write) -> Response:
        """Have one's own organization deleted with all that it has, or, as the platform, a suspended one. Until its day
        everything goes on and it can be kept. Programs with an API key may not."""

        async def plan(work: Work) -> Done:
            planned = await deletions.plan_deletion(
                work,
                attempts,
                organization_id=organization_id,
                slug=body.slug,
                password=body.password,
                after_days=body.after_days,
                version=body.version,
            )
            return Done(Deletion.model_validate(planned), 201)

        return await write.once(plan)

    @router.post(
        "/organizations/{organization_id}/keep", operation_id="keepOrganization", summary="Keep an organization",
        response_model=Kept, responses=WRITING,
    )  # fmt: skip
    async def post_keep(organization_id: UUID, write: Write) -> Response:
        """Take the planned end of an organization back."""

        async def keep(work: Work) -> Done:
            await deletions.keep_organization(work, organization_id=organization_id)
            return Done(Kept(organization_id=organization_id))

        return await write.once(keep)

    return router


def _refuse_others(scope: Scope, organization_id: UUID) -> None:
    """Answer as if there were no other organization.

    Raises:
        Forbidden: the caller may export none.
        NotFound: it is not the caller's own.
    """
    scope.require(Permission.OPEN_EXPORTS)
    if organization_id != scope.org_id:
        raise NotFound(what="organization")
