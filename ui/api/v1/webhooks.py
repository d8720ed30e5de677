"""Webhooks: where to tell of events, and what became of each message."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Query, Response
from pydantic import AwareDatetime, Field, StringConstraints, TypeAdapter

from domain.integration.webhooks import LONGEST_URL, MOST_TOPICS, DeliveryReason, DeliveryState
from services.db.work import Work, read
from services.webhooks import webhooks
from ui.api.v1.callers import Caller
from ui.api.v1.documents import READING, WRITING
from ui.api.v1.exact_json import ExactJsonRoute
from ui.api.v1.fields import Answer, RequestBody, Version
from ui.api.v1.lists import Cursors, Listed, Paging
from ui.api.v1.plant_models import Removed, removing
from ui.api.v1.writes import Done, Write

router = APIRouter(prefix="/webhooks", tags=["integration"], route_class=ExactJsonRoute)

DELIVERIES = Cursors("webhook-deliveries", TypeAdapter(tuple[AwareDatetime, UUID]))
Url = Annotated[str, StringConstraints(min_length=1, max_length=LONGEST_URL)]
Topics = Annotated[
    list[Annotated[str, StringConstraints(max_length=200)]],
    Field(min_length=1, max_length=MOST_TOPICS, description="Patterns area.noun.verb, * for any part."),
]


class WebhookShown(Answer):
    """A webhook, without its secret."""

    id: UUID
    url: str
    topics: list[str]
    is_active: bool
    failing_since: datetime | None = Field(description="Since when every attempt has failed.")
    gave_up_at: datetime | None = Field(description="When it was switched off because it failed for too long.")
    can_sign: bool = Field(
        description="False where the secret was lost with the installation's key; what waits is sent with a new one."
    )
    old_secret_until: datetime | None = Field(
        description="Until when messages carry a second signature, made with the secret before."
    )
    created_at: datetime
    version: int


class WebhookList(Answer):
    """Every webhook of the organization."""

    items: list[WebhookShown]


class WebhookMade(Answer):
    """A webhook with the secret of its signatures, which is shown this once."""

    webhook: WebhookShown
    secret: str | None = Field(description="Null where the request is a repetition.")


class NewWebhook(RequestBody):
    """An address and the events that it wants to hear of."""

    url: Url
    topics: Topics


class WebhookChange(RequestBody):
    """What changes of a webhook; what is missing stays."""

    version: Version
    url: Url | None = None
    topics: Topics | None = None
    is_active: bool | None = None


class SeenWebhook(RequestBody):
    """Which webhook was seen."""

    version: Version


class NewSecret(SeenWebhook):
    """How a webhook changes to a new secret."""

    overlap_s: Literal[0, 3600, 86400] = Field(
        default=0, description="For how many seconds messages are signed with the secret before as well."
    )


class Delivery(Answer):
    """A message to a webhook and what became of it."""

    id: UUID
    topic: str
    state: DeliveryState
    attempts: int
    status: int | None = Field(description="HTTP status of the last answer.")
    answer: str = Field(description="The beginning of the last answer; empty where it was compressed.")
    reason: DeliveryReason | None = Field(description="Why there was no answer, or none that can be shown: a code.")
    reason_values: dict[str, str] = Field(description="What the reason names.")
    reason_text: str | None = Field(description="The reason as an English sentence.")
    took_ms: int | None
    created_at: datetime
    next_at: datetime | None
    ended_at: datetime | None
    body: str = Field(description="As it is signed and sent.")


class Sent(Answer):
    """A message that is on its way."""

    delivery_id: UUID


@router.get("/", operation_id="listWebhooks", summary="Webhooks", responses=READING)
async def list_webhooks(caller: Caller) -> WebhookList:
    """Return every webhook, the oldest first."""
    async with read(caller) as work:
        return WebhookList.model_validate({"items": await webhooks.list_webhooks(work)})


@router.get("/{webhook_id}", operation_id="getWebhook", summary="A webhook", responses=READING)
async def get_webhook(caller: Caller, webhook_id: UUID) -> WebhookShown:
    """Return one webhook."""
    async with read(caller) as work:
        return WebhookShown.model_validate(await webhooks.get_webhook(work, webhook_id))


@router.post(
    "/", operation_id="addWebhook", summary="Add a webhook", status_code=201, response_model=WebhookMade,
    responses=WRITING,
)  # fmt: skip
async def post_webhook(body: NewWebhook, write: Write) -> Response:
    """Register an address; its secret is shown in this answer only, also when the request is repeated."""

    async def add(work: Work) -> Done:
        made = await webhooks.add_webhook(work, url=body.url, topics=body.topics)
        return _made(made, 201)

    return await write.once(add)


@router.patch(
    "/{webhook_id}", operation_id="editWebhook", summary="Change a webhook", response_model=WebhookShown,
    responses=WRITING,
)  # fmt: skip
async def patch_webhook(webhook_id: UUID, body: WebhookChange, write: Write) -> Response:
    """Change what is given; switched on again, it begins without a past of failures."""

    async def edit(work: Work) -> Done:
        changed = await webhooks.edit_webhook(
            work, webhook_id=webhook_id, version=body.version, url=body.url, topics=body.topics,
            is_active=body.is_active,
        )  # fmt: skip
        return Done(WebhookShown.model_validate(changed))

    return await write.once(edit)


@router.post(
    "/{webhook_id}/secret", operation_id="rotateWebhookSecret", summary="Sign with a new secret",
    response_model=WebhookMade, responses=WRITING,
)  # fmt: skip
async def post_secret(webhook_id: UUID, body: NewSecret, write: Write) -> Response:
    """Sign with a new secret from the next attempt on, and for a while with the one before as well; the new one is
    shown in this answer only. What could not be signed because the installation's key had changed is sent now."""

    async def rotate(work: Work) -> Done:
        made = await webhooks.rotate_secret(work, webhook_id=webhook_id, version=body.version, overlap_s=body.overlap_s)
        return _made(made, 200)

    return await write.once(rotate)


@router.post(
    "/{webhook_id}/remove", operation_id="removeWebhook", summary="Remove a webhook", response_model=Removed,
    responses=WRITING,
)  # fmt: skip
async def post_removal(webhook_id: UUID, body: SeenWebhook, write: Write) -> Response:
    """Remove a webhook with the log of its messages."""
    return await write.once(
        removing(lambda work: webhooks.remove_webhook(work, webhook_id=webhook_id, version=body.version))
    )


@router.post(
    "/{webhook_id}/ping", operation_id="pingWebhook", summary="Try a webhook", response_model=Sent, responses=WRITING
)
async def post_ping(webhook_id: UUID, write: Write) -> Response:
    """Send a message that only tells that the webhook works."""

    async def ping(work: Work) -> Done:
        return Done(Sent(delivery_id=await webhooks.ping_webhook(work, webhook_id=webhook_id)))

    return await write.once(ping)


@router.get(
    "/{webhook_id}/deliveries", operation_id="listWebhookDeliveries", summary="Messages to a webhook", responses=READING
)
async def list_deliveries(caller: Caller, webhook_id: UUID, asked: Annotated[Paging, Query()]) -> Listed[Delivery]:
    """Return what became of the messages of the last 30 days, the newest first."""
    async with read(caller) as work:
        page = await webhooks.list_deliveries(
            work, webhook_id=webhook_id, after=DELIVERIES.read(asked.cursor), limit=asked.limit
        )
    return DELIVERIES.listed(page, Delivery, lambda one: (one.created_at, one.id))


@router.post(
    "/deliveries/{delivery_id}/replay", operation_id="replayWebhookDelivery", summary="Send a message again",
    response_model=Sent, responses=WRITING,
)  # fmt: skip
async def post_replay(delivery_id: UUID, write: Write) -> Response:
    """Send a message again, whatever became of it; it is logged as a message of its own."""

    async def replay(work: Work) -> Done:
        return Done(Sent(delivery_id=await webhooks.replay_delivery(work, delivery_id=delivery_id)))

    return await write.once(replay)


def _made(made: webhooks.MadeWebhook, status: int) -> Done:
    shown = WebhookShown.model_validate(made.webhook)
    return Done(WebhookMade(webhook=shown, secret=made.secret), status, kept=WebhookMade(webhook=shown, secret=None))
