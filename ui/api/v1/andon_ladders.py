"""Escalation ladders, and the rules by which machines call for help themselves."""

from datetime import timedelta
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Response
from pydantic import Field, StringConstraints, TypeAdapter

from domain.andon.calls import CallCategory, CallSeverity
from domain.andon.ladders import Channel, LadderStep, Recipient
from domain.plant.machine_states import MachineState
from services.andon.ladders import LadderInfo, list_ladders, remove_ladder, set_ladder
from services.andon.rules import RulePlace, RuleWish, add_rule, edit_rule, list_rules
from services.db.work import Work, read
from ui.api.v1.callers import Caller
from ui.api.v1.documents import READING, WRITING
from ui.api.v1.exact_json import ExactJsonRoute
from ui.api.v1.fields import Answer, RequestBody
from ui.api.v1.lists import CodeText, Cursors, Listed, Paging
from ui.api.v1.writes import Done, Write

router = APIRouter(tags=["andon"], route_class=ExactJsonRoute)

WEEK_S = 7 * 24 * 3600
Wait = Annotated[int, Field(strict=True, ge=0, le=WEEK_S)]
Target = Annotated[int, Field(strict=True, ge=1, le=WEEK_S)]
LADDERS = Cursors("andon-ladders", TypeAdapter(tuple[CodeText, CallCategory]))
RULES = Cursors("andon-rules", TypeAdapter(tuple[CodeText, MachineState, Wait, UUID]))


class Step(RequestBody):
    """One step of a ladder."""

    after_s: Wait = Field(description="From the raising of the call, in seconds; each step later than the one before.")
    recipient: Recipient
    whom: Annotated[str, StringConstraints(min_length=1, max_length=60)] = Field(
        description="The role, or the duty that somebody of the working crew is on call for."
    )
    channels: Annotated[list[Channel], Field(min_length=1, max_length=3)]


class NewLadder(RequestBody):
    """A ladder in place of the one that a category has in a plant."""

    plant_id: UUID
    category: CallCategory
    steps: Annotated[list[Step], Field(max_length=20)]
    response_target_s: Target | None = None
    resolution_target_s: Target | None = None
    holds_operation_from: CallSeverity | None = Field(
        default=None, description="Calls at least this severe pause the running operation."
    )
    seen_version: int | None = Field(
        default=None, ge=1, le=2**31 - 1, strict=True,
        description="`version` of the ladder that was seen; null where there was none.",
    )  # fmt: skip


class ShownStep(Answer):
    """One step of a ladder."""

    after_s: int
    recipient: Recipient
    whom: str
    channels: list[Channel]


class Ladder(Answer):
    """Who is told when nobody answers calls of a category in a plant."""

    id: UUID
    plant_id: UUID
    category: CallCategory
    steps: list[ShownStep]
    response_target_s: int | None
    resolution_target_s: int | None
    holds_operation_from: CallSeverity | None
    version: int


class Removed(Answer):
    """What was removed."""

    id: UUID


class SeenVersion(RequestBody):
    """What was seen when deciding."""

    seen_version: Annotated[int, Field(strict=True, ge=1, le=2**31 - 1)]


class RuleBody(RequestBody):
    """What a rule says."""

    state: MachineState
    after_s: Wait = Field(description="How long the state lasts before the machine calls, in seconds.")
    category: CallCategory
    severity: CallSeverity = CallSeverity.MAJOR


class NewRule(RuleBody):
    """A rule for one machine, all of a lane, or all of a plant."""

    plant_id: UUID
    lane_id: UUID | None = None
    machine_id: UUID | None = None


class EditedRule(RuleBody):
    """What a rule says from now on."""

    is_active: bool = True
    seen_version: Annotated[int, Field(strict=True, ge=1, le=2**31 - 1)]


class Rule(Answer):
    """A state of machines that raises a call by itself."""

    id: UUID
    plant_id: UUID
    lane_id: UUID | None
    machine_id: UUID | None
    state: MachineState
    after_s: int
    category: CallCategory
    severity: CallSeverity
    is_active: bool
    version: int


class OfPlant(Paging):
    """Filters by plant."""

    plant_id: UUID | None = None


@router.get("/andon-ladders/", operation_id="listAndonLadders", summary="Escalation ladders", responses=READING)
async def get_ladders(caller: Caller, asked: Annotated[OfPlant, Query()]) -> Listed[Ladder]:
    """Return the ladders, of one plant where given, by plant and category."""
    after = LADDERS.read(asked.cursor)
    async with read(caller) as work:
        page = await list_ladders(work, plant_id=asked.plant_id, after=after, limit=asked.limit)
    last = page.items[-1] if page.has_more else None
    return Listed[Ladder](
        items=[_shown(ladder) for ladder in page.items],
        next_cursor=None if last is None else LADDERS.write((last.plant_code, CallCategory(last.category))),
    )


@router.post(
    "/andon-ladders/",
    operation_id="setAndonLadder",
    summary="Set a ladder",
    response_model=Ladder,
    responses=WRITING,
)
async def post_ladder(body: NewLadder, write: Write) -> Response:
    """Give calls of a category in a plant a ladder, in place of the one they had; calls that wait climb it as well."""
    steps = [
        LadderStep(timedelta(seconds=step.after_s), step.recipient, step.whom, frozenset(step.channels))
        for step in body.steps
    ]

    async def put(work: Work) -> Done:
        ladder = await set_ladder(
            work,
            plant_id=body.plant_id,
            category=body.category,
            steps=steps,
            response_target_s=body.response_target_s,
            resolution_target_s=body.resolution_target_s,
            holds_operation_from=body.holds_operation_from,
            seen_version=body.seen_version,
        )
        return Done(_shown(ladder))

    return await write.once(put)


@router.post(
    "/andon-ladders/{ladder_id}/remove",
    operation_id="removeAndonLadder",
    summary="Remove a ladder",
    response_model=Removed,
    responses=WRITING,
)
async def post_removal(ladder_id: UUID, body: SeenVersion, write: Write) -> Response:
    """Let nobody be told any more when calls of this category wait in this plant."""

    async def remove(work: Work) -> Done:
        await remove_ladder(work, ladder_id=ladder_id, seen_version=body.seen_version)
        return Done(Removed(id=ladder_id))

    return await write.once(remove)


@router.get("/andon-rules/", operation_id="listAndonRules", summary="Machine rules", responses=READING)
async def get_rules(caller: Caller, asked: Annotated[OfPlant, Query()]) -> Listed[Rule]:
    """Return the rules by which machines call for help themselves, of one plant where given, by plant and state."""
    after = RULES.read(asked.cursor)
    async with read(caller) as work:
        page = await list_rules(work, plant_id=asked.plant_id, after=after, limit=asked.limit)
    return RULES.listed(page, Rule, lambda rule: (rule.plant_code, MachineState(rule.state), rule.after_s, rule.id))


@router.post(
    "/andon-rules/",
    operation_id="addAndonRule",
    summary="Add a machine rule",
    status_code=201,
    response_model=Rule,
    responses=WRITING,
)
async def post_rule(body: NewRule, write: Write) -> Response:
    """Let machines that stay in a state call for help; one that is in it already calls when it has stayed enough."""
    place = RulePlace(body.plant_id, body.lane_id, body.machine_id)

    async def add(work: Work) -> Done:
        return Done(Rule.model_validate(await add_rule(work, place=place, wish=_wish(body))), 201)

    return await write.once(add)


@router.post(
    "/andon-rules/{rule_id}",
    operation_id="editAndonRule",
    summary="Edit a machine rule",
    response_model=Rule,
    responses=WRITING,
)
async def post_edited_rule(rule_id: UUID, body: EditedRule, write: Write) -> Response:
    """Let a rule say something else, or nothing while it is not active. Its place stays."""

    async def edit(work: Work) -> Done:
        rule = await edit_rule(
            work, rule_id=rule_id, wish=_wish(body), is_active=body.is_active, seen_version=body.seen_version
        )
        return Done(Rule.model_validate(rule))

    return await write.once(edit)


def _wish(body: RuleBody) -> RuleWish:
    return RuleWish(state=body.state, after_s=body.after_s, category=body.category, severity=body.severity)


def _shown(ladder: LadderInfo) -> Ladder:
    steps = [
        ShownStep(
            after_s=step.after // timedelta(seconds=1),
            recipient=step.recipient,
            whom=step.whom,
            channels=sorted(step.channels),
        )
        for step in ladder.steps
    ]
    return Ladder(
        id=ladder.id,
        plant_id=ladder.plant_id,
        category=CallCategory(ladder.category),
        steps=steps,
        response_target_s=ladder.response_target_s,
        resolution_target_s=ladder.resolution_target_s,
        holds_operation_from=None if ladder.holds_operation_from is None else CallSeverity(ladder.holds_operation_from),
        version=ladder.version,
    )
