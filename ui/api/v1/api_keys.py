"""Keys of programs: made and revoked by people who have signed in."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Query, Response
from pydantic import Field, StringConstraints, TypeAdapter

from domain.identity.api_keys import MOST_REQUESTS, MOST_SCOPES
from services.db.work import Work, read
from services.identity.api_keys import get_api_key, list_api_keys, make_api_key, revoke_api_key
from ui.api.v1.callers import Caller
from ui.api.v1.documents import READING, WRITING
from ui.api.v1.exact_json import ExactJsonRoute
from ui.api.v1.fields import Answer, Instant, RequestBody
from ui.api.v1.lists import Cursors, Listed, Paging
from ui.api.v1.writes import Done, Write

KEYS = Cursors("api_keys", TypeAdapter(tuple[Instant, UUID]))
router = APIRouter(tags=["identity"], route_class=ExactJsonRoute)

ScopeText = Annotated[str, StringConstraints(min_length=5, max_length=200)]


class ApiKey(Answer):
    """A key, without what opens anything."""

    id: UUID
    name: str
    prefix: str = Field(description="How the key begins.")
    scopes: list[str] = Field(description="Permission patterns; `*` stands for any one part.")
    plant_ids: list[UUID] | None = Field(description="Plants it may see; null means all that its owner may see.")
    requests_per_minute: int | None = Field(description="Its own limit; null means that of the installation.")
    owner_id: UUID
    owner: str
    owner_is_active: bool
    created_at: datetime
    expires_at: datetime
    revoked_at: datetime | None
    last_used_at: datetime | None = Field(description="Written at most once a minute.")
    last_address: str | None
    state: Literal["valid", "expired", "revoked", "ownerless"] = Field(
        description="`ownerless`: its owner was deactivated, so that it opens nothing."
    )
    version: int


class MadeApiKey(ApiKey):
    """A new key and, this once, the key itself."""

    key: str | None = Field(
        description="What to send as `Authorization: Bearer`. Shown once: null where the request is repeated."
    )


class NewApiKey(RequestBody):
    """What a new key may do."""

    name: Annotated[str, StringConstraints(min_length=1, max_length=200)]
    scopes: list[ScopeText] = Field(
        min_length=1,
        max_length=MOST_SCOPES,
        description="Permission patterns, all within your own rights.",
        examples=[["production.*.read", "production.log.report"]],
    )
    expires_at: Instant = Field(description="At most two years ahead.")
    plant_ids: list[UUID] | None = Field(default=None, min_length=1, max_length=1000)
    requests_per_minute: int | None = Field(default=None, strict=True, ge=1, le=MOST_REQUESTS)


@router.get("/api-keys/", operation_id="listApiKeys", summary="Keys of programs", responses=READING)
async def list_keys(caller: Caller, asked: Annotated[Paging, Query()]) -> Listed[ApiKey]:
    """Return the organization's keys, the newest first, with when each was used last."""
    async with read(caller) as work:
        page = await list_api_keys(work, after=KEYS.read(asked.cursor), limit=asked.limit)
    return KEYS.listed(page, ApiKey, lambda key: (key.created_at, key.id))


@router.get("/api-keys/{api_key_id}", operation_id="getApiKey", summary="One key", responses=READING)
async def get_key(caller: Caller, api_key_id: UUID) -> ApiKey:
    """Return one key."""
    async with read(caller) as work:
        return ApiKey.model_validate(await get_api_key(work, api_key_id))


@router.post(
    "/api-keys/", operation_id="makeApiKey", summary="Make a key", status_code=201, response_model=MadeApiKey,
    responses=WRITING,
)  # fmt: skip
async def post_key(body: NewApiKey, write: Write) -> Response:
    """Make a key that acts in your name. It may what its scopes reach, as long as you may it too; it ends when it is
    revoked or over, or when you are deactivated. The key itself is in this answer and nowhere else."""

    async def make(work: Work) -> Done:
        made = await make_api_key(
            work,
            name=body.name,
            scopes=body.scopes,
            expires_at=body.expires_at,
            plant_ids=body.plant_ids,
            requests_per_minute=body.requests_per_minute,
        )
        key = ApiKey.model_validate(await get_api_key(work, made.id)).model_dump()
        return Done(MadeApiKey(**key, key=made.key), 201, kept=MadeApiKey(**key, key=None))

    return await write.once(make)


@router.post(
    "/api-keys/{api_key_id}/revoke", operation_id="revokeApiKey", summary="Revoke a key", response_model=ApiKey,
    responses=WRITING,
)  # fmt: skip
async def post_revocation(api_key_id: UUID, write: Write) -> Response:
    """Let a key open nothing any more, everywhere within a second. Revoking it again changes nothing."""

    async def revoke(work: Work) -> Done:
        await revoke_api_key(work, api_key_id=api_key_id)
        return Done(ApiKey.model_validate(await get_api_key(work, api_key_id)))

    return await write.once(revoke)
