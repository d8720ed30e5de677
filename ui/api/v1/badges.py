"""Badges and PINs of people: what kiosks know them by. They go in and never come out."""

from dataclasses import replace
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Response
from pydantic import Field, StringConstraints, TypeAdapter

from domain.identity.badges import LONGEST_BADGE, BadgeKind
from services.db.work import Work, read
from services.identity.badges import BadgeKey, remove_badge, set_badge
from services.identity.queries import get_badge_holder, list_badge_holders
from ui.api.v1.callers import Caller
from ui.api.v1.documents import READING, WRITING
from ui.api.v1.exact_json import ExactJsonRoute
from ui.api.v1.fields import Answer, RequestBody
from ui.api.v1.lists import CodeText, Cursors, Listed, Paging
from ui.api.v1.writes import Done, Write

HOLDERS = Cursors("badges", TypeAdapter(tuple[CodeText, UUID]))


class BadgeHolder(Answer):
    """A person, and by what kiosks know them."""

    user_id: UUID
    name: str
    email: str
    is_active: bool = Field(description="Whether they may sign in or identify themselves.")
    roles: list[str] = Field(description="Keys of roles.")
    has_badge: bool
    has_pin: bool


class BadgeFilter(Paging):
    """Filters of people."""

    search: Annotated[str, StringConstraints(max_length=200)] = Field(
        default="", description="A part of the name or the address."
    )


class NewBadge(RequestBody):
    """A badge or PIN, in place of the one that the person had."""

    kind: BadgeKind
    value: Annotated[str, StringConstraints(min_length=1, max_length=2 * LONGEST_BADGE)] = Field(
        description="The badge number as a scanner reads it, or the digits of the PIN. Only a keyed digest is kept.",
    )


def badges_router(badge_key: BadgeKey) -> APIRouter:
    """Return the routes of badges and PINs, which are kept under `badge_key`."""
    router = APIRouter(tags=["identity"], route_class=ExactJsonRoute)

    @router.get("/badges/", operation_id="listBadges", summary="Who has a badge or a PIN", responses=READING)
    async def list_badges(caller: Caller, asked: Annotated[BadgeFilter, Query()]) -> Listed[BadgeHolder]:
        """Return the people by name, each with whether they have a badge and a PIN."""
        async with read(caller) as work:
            page = await list_badge_holders(
                work, search=asked.search, after=HOLDERS.read(asked.cursor), limit=asked.limit
            )
        return HOLDERS.listed(page, BadgeHolder, lambda holder: (holder.name, holder.user_id))

    @router.post(
        "/users/{user_id}/badges", operation_id="setBadge", summary="Give a badge or PIN", response_model=BadgeHolder,
        responses=WRITING,
    )  # fmt: skip
    async def post_badge(user_id: UUID, body: NewBadge, write: Write) -> Response:
        """Give a person a badge or PIN, in place of the one they had. Each names one person of the organization."""

        async def give(work: Work) -> Done:
            await set_badge(work, key=badge_key, user_id=user_id, kind=body.kind, value=body.value)
            return Done(BadgeHolder.model_validate(await get_badge_holder(work, user_id)))

        return await replace(write, fingerprint=badge_key.seal(write.fingerprint)).once(give)

    @router.post(
        "/users/{user_id}/badges/{kind}/remove", operation_id="removeBadge", summary="Take a badge or PIN away",
        response_model=BadgeHolder, responses=WRITING,
    )  # fmt: skip
    async def post_removal(user_id: UUID, kind: BadgeKind, write: Write) -> Response:
        """Take a badge or PIN away; whoever has neither any more leaves the kiosk at which they stand."""

        async def take(work: Work) -> Done:
            await remove_badge(work, user_id=user_id, kind=kind)
            return Done(BadgeHolder.model_validate(await get_badge_holder(work, user_id)))

        return await write.once(take)

    return router
