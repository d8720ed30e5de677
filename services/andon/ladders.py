"""Escalation ladders: who is told when nobody answers calls of a category in a plant."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from sqlalchemy import delete, select, text
from sqlalchemy.orm.attributes import flag_modified

from domain.andon.calls import CallCategory, CallSeverity
from domain.andon.ladders import (
    Channel,
    LadderMovedOn,
    LadderStep,
    Recipient,
    checked_ladder,
    checked_wait,
)
from domain.checks import InvalidChoice, checked_text
from domain.errors import NotFound
from domain.identity.roles import Permission, Role
from services.andon.escalations import EscalateCall, load_steps
from services.db.paging import Page, PageQuery, page_of
from services.db.tables import AndonLadder, AndonLadderStep, OwnRole, Plant
from services.db.unique import unique_or
from services.db.work import Work
from services.jobs.registry import enqueue_each
from services.mail import refuse_without_mailer

LONGEST_DUTY = 60
LADDERS = """
SELECT ladders.id, ladders.plant_id, ladders.category, ladders.response_target_s, ladders.resolution_target_s,
       ladders.holds_operation_from, ladders.version,
       plants.code AS plant_code, steps.numbers, steps.afters, steps.recipients, steps.whoms, steps.channels
FROM andon_ladders AS ladders
JOIN plants ON plants.org_id = ladders.org_id AND plants.id = ladders.plant_id
CROSS JOIN LATERAL (
  SELECT coalesce(array_agg(number ORDER BY number), '{}') AS numbers,
         coalesce(array_agg(after_s ORDER BY number), '{}') AS afters,
         coalesce(array_agg(recipient ORDER BY number), '{}') AS recipients,
         coalesce(array_agg(whom ORDER BY number), '{}') AS whoms,
         coalesce(array_agg(array_to_string(channels, ',') ORDER BY number), '{}') AS channels
  FROM andon_ladder_steps WHERE org_id = ladders.org_id AND ladder_id = ladders.id
) AS steps
"""
WAITING = text("""
SELECT id, floor(extract(epoch FROM :now - raised_at))::integer AS waited_s FROM andon_calls
WHERE plant_id = :plant_id AND category = :category AND state = 'raised'
""")
DUTIES = text("SELECT DISTINCT unnest(duties) AS duty FROM crew_members ORDER BY duty")


@dataclass(frozen=True)
class LadderInfo:
    """A ladder and its steps."""

    id: UUID
    plant_id: UUID
    category: str
    response_target_s: int | None
    resolution_target_s: int | None
    holds_operation_from: str | None
    """Calls at least this severe pause the machine's running operation."""
    version: int
    """Hand it back when editing what was seen."""
    steps: tuple[LadderStep, ...]
    """By number, from 0."""
    plant_code: str
    """The code of its plant, by which ladders are listed."""


async def set_ladder(
    work: Work,
    *,
    plant_id: UUID,
    category: CallCategory,
    steps: Collection[LadderStep],
    response_target_s: int | None = None,
    resolution_target_s: int | None = None,
    holds_operation_from: CallSeverity | None = None,
    seen_version: int | None = None,
) -> LadderInfo:
    """Give calls of a category in a plant a ladder, in place of the one they had; waiting calls climb it as well.

    `seen_version` is the version of the ladder that the person saw, None where they saw none.

    Raises:
        Forbidden: the actor may not edit ladders.
        NotFound: there is no such plant.
        InvalidLadder, InvalidWait, InvalidChoice, InvalidText: steps or targets cannot be kept.
        NoMailer: a step sends mail and this installation cannot.
        LadderMovedOn: somebody else edited or removed it since it was seen.
    """
    await work.permit(Permission.EDIT_LADDERS)
    plant = await work.session.get(Plant, plant_id)
    if plant is None:
        raise NotFound(what="plant")
    ladder_steps = await _checked_steps(work, steps)
    statement = select(AndonLadder).where(AndonLadder.plant_id == plant_id, AndonLadder.category == category.value)
    ladder = (await work.session.execute(statement.with_for_update())).scalar_one_or_none()
    if (None if ladder is None else ladder.version) != seen_version:
        raise LadderMovedOn
    if ladder is None:
        ladder = AndonLadder(org_id=work.scope.org_id, plant_id=plant_id, category=category.value)
    ladder.response_target_s = _target(response_target_s, "response_target_s")
    ladder.resolution_target_s = _target(resolution_target_s, "resolution_target_s")
    ladder.holds_operation_from = None if holds_operation_from is None else holds_operation_from.value
    async with unique_or(work, LadderMovedOn()):
        work.session.add(ladder)
        flag_modified(ladder, "category")  # other steps are another version, even where nothing else differs
    await _replace_steps(work, ladder, ladder_steps)
    await _let_waiting_calls_climb(work, ladder, ladder_steps)
    return LadderInfo(
        ladder.id, plant_id, ladder.category, ladder.response_target_s, ladder.resolution_target_s,
        ladder.holds_operation_from, ladder.version, ladder_steps, plant.code,
    )  # fmt: skip


async def remove_ladder(work: Work, *, ladder_id: UUID, seen_version: int) -> None:
    """Let nobody be told any more when calls of a ladder's category and plant wait.

    Raises:
        Forbidden: the actor may not edit ladders.
        NotFound: there is no such ladder.
        LadderMovedOn: somebody else edited it since it was seen.
    """
    await work.permit(Permission.EDIT_LADDERS)
    ladder = await work.session.get(AndonLadder, ladder_id, with_for_update=True)
    if ladder is None:
        raise NotFound(what="ladder")
    if ladder.version != seen_version:
        raise LadderMovedOn
    await work.session.delete(ladder)
    await work.session.flush()


async def list_ladders(
    work: Work, *, plant_id: UUID | None = None, after: tuple[str, str] | None = None, limit: int = 100
) -> Page[LadderInfo]:
    """Return the ladders, of one plant where given, by plant and category; `after` is a plant's code and a category.

    Raises:
        Forbidden: the actor may not read ladders.
    """
    await work.permit(Permission.READ_LADDERS)
    asked = PageQuery(LADDERS).where("ladders.plant_id = {}", plant_id)
    asked.where("(plants.code, ladders.category) > ({}, {})", *(after or (None, None)))
    rows = await asked.fetch(work, order="plants.code, ladders.category", limit=limit)
    ladders = [
        LadderInfo(
            row["id"], row["plant_id"], row["category"], row["response_target_s"], row["resolution_target_s"],
            row["holds_operation_from"], row["version"],
            load_steps(row["afters"], row["recipients"], row["whoms"], row["channels"]), row["plant_code"],
        )
        for row in rows
    ]  # fmt: skip
    return page_of(ladders, limit)


async def list_duties(work: Work) -> tuple[str, ...]:
    """Return what people of the visible crews are on call for, in alphabetical order.

    Raises:
        Forbidden: the actor may not read ladders.
    """
    await work.permit(Permission.READ_LADDERS)
    return tuple((await work.session.execute(DUTIES)).scalars())


async def _checked_steps(work: Work, steps: Collection[LadderStep]) -> tuple[LadderStep, ...]:
    checked = checked_ladder(steps)
    own = (await work.session.execute(select(OwnRole.key).order_by(OwnRole.key))).scalars()
    roles = [*(role.value for role in Role), *own]
    for step in checked:
        if step.recipient is Recipient.ROLE and step.whom not in roles:
            raise InvalidChoice(field="whom", choices=", ".join(roles))
        if Channel.MAIL in step.channels:
            refuse_without_mailer()
    return tuple(
        LadderStep(
            step.after, step.recipient, checked_text(step.whom, field="whom", longest=LONGEST_DUTY), step.channels
        )
        for step in checked
    )


def _target(value_s: int | None, field: str) -> int | None:
    return None if value_s is None else checked_wait(value_s, field=field, least_s=1)


async def _replace_steps(work: Work, ladder: AndonLadder, steps: tuple[LadderStep, ...]) -> None:
    await work.session.execute(delete(AndonLadderStep).where(AndonLadderStep.ladder_id == ladder.id))
    work.session.add_all(
        AndonLadderStep(
            org_id=ladder.org_id,
            plant_id=ladder.plant_id,
            ladder_id=ladder.id,
            number=number,
            after_s=step.after // timedelta(seconds=1),
            recipient=step.recipient.value,
            whom=step.whom,
            channels=sorted(channel.value for channel in step.channels),
        )
        for number, step in enumerate(steps)
    )
    await work.session.flush()


async def _let_waiting_calls_climb(work: Work, ladder: AndonLadder, steps: tuple[LadderStep, ...]) -> None:
    parameters = {"now": work.now, "plant_id": ladder.plant_id, "category": ladder.category}
    waiting = (await work.session.execute(WAITING, parameters)).all()
    await enqueue_each(
        work,
        [
            (EscalateCall(call_id=call.id, step=number), max(0, step.after // timedelta(seconds=1) - call.waited_s))
            for call in waiting
            for number, step in enumerate(steps)
        ],
    )
