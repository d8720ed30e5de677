"""Climbing a ladder: the steps of a waiting call fire when their time has come, each once."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

import asyncpg
from sqlalchemy import select

from domain.andon.ladders import Channel, DueStep, LadderStep, Recipient, due_steps
from domain.errors import NotFound
from domain.events import AndonCallEscalated
from domain.identity.roles import Role
from domain.plant.periods import Period
from services.andon.call_mails import SendCallMail
from services.db.tables import AndonCall, Machine
from services.db.work import Work
from services.jobs.registry import Job, does, enqueue_each

LADDER = """
SELECT ladders.response_target_s, ladders.resolution_target_s, ladders.holds_operation_from,
       array_agg(steps.after_s ORDER BY steps.number) FILTER (WHERE steps.number IS NOT NULL) AS afters,
       array_agg(steps.recipient ORDER BY steps.number) AS recipients,
       array_agg(steps.whom ORDER BY steps.number) AS whoms,
       array_agg(array_to_string(steps.channels, ',') ORDER BY steps.number) AS channels
FROM andon_ladders AS ladders
LEFT JOIN andon_ladder_steps AS steps ON steps.org_id = ladders.org_id AND steps.ladder_id = ladders.id
WHERE ladders.plant_id = $1 AND ladders.category = $2
GROUP BY ladders.id
"""
FIRED = """
SELECT machines.lane_id, coalesce(array_agg(fired.step) FILTER (WHERE fired.step IS NOT NULL), '{}') AS steps
FROM machines
LEFT JOIN andon_notifications AS fired ON fired.org_id = machines.org_id AND fired.call_id = $2
WHERE machines.id = $1 GROUP BY machines.lane_id
"""
# Whoever is on call is found in the crew whose shift works on the lane at this moment. Where nobody is, the
# supervisors are told instead, and the notification says so.
NOTIFY = """
WITH due AS (
  SELECT * FROM unnest($4::integer[], $5::timestamptz[], $6::boolean[], $7::text[], $8::text[], $9::text[])
    AS due (step, due_at, is_late, recipient, whom, channels)
), person AS (
  SELECT users.id, users.org_id FROM users
  WHERE users.is_active AND (users.plant_ids IS NULL OR $2 = ANY (users.plant_ids))
), on_call AS (
  SELECT due.step, array_agg(DISTINCT person.id) AS user_ids
  FROM due
  JOIN shift_occurrences AS shifts
    ON shifts.lane_id = $3 AND shifts.starts_at <= $10 AND shifts.ends_at > $10
  JOIN crew_members AS members
    ON members.org_id = shifts.org_id AND members.crew_id = shifts.crew_id AND due.whom = ANY (members.duties)
  JOIN person ON person.org_id = members.org_id AND person.id = members.user_id
  WHERE due.recipient = 'on_call' GROUP BY due.step
), told AS (
  SELECT due.*, due.recipient = 'on_call' AND on_call.step IS NULL AS fell_back, on_call.user_ids AS on_call_ids
  FROM due LEFT JOIN on_call ON on_call.step = due.step
)
INSERT INTO andon_notifications
  (org_id, plant_id, call_id, step, due_at, fired_at, is_late, recipient, whom, channels, fell_back, user_ids)
SELECT app.current_org(), $2, $1, told.step, told.due_at, $10, told.is_late, told.recipient, told.whom,
       string_to_array(told.channels, ','), told.fell_back,
       coalesce(told.on_call_ids, ARRAY(
         SELECT DISTINCT person.id FROM person
         JOIN user_roles AS roles ON roles.org_id = person.org_id AND roles.user_id = person.id
         WHERE (roles.plant_ids IS NULL OR $2 = ANY (roles.plant_ids))
           AND roles.role = CASE WHEN told.fell_back THEN $11 ELSE told.whom END))
FROM told
ON CONFLICT ON CONSTRAINT andon_notifications_pk DO NOTHING
RETURNING step, user_ids, channels
"""


class EscalateCall(Job):
    """Fire a step of a call's ladder, and whatever else is due by then."""

    name = "andon.call.escalate"
    call_id: UUID
    step: int
    """The step that the message was sent for; what is due says the ladder as it is when the message arrives."""


@dataclass(frozen=True)
class Ladder:
    """What a call meets when it is raised."""

    response_target_s: int | None = None
    resolution_target_s: int | None = None
    holds_operation_from: str | None = None
    """Calls at least this severe pause the machine's running operation."""
    steps: tuple[LadderStep, ...] = ()


async def find_ladder(work: Work, *, plant_id: UUID, category: str) -> Ladder:
    """Return the ladder of a category in a plant, an empty one where there is none."""
    rows = await work.fetch(LADDER, plant_id, category)
    if not rows:
        return Ladder()
    found = rows[0]
    steps = load_steps(found["afters"] or [], found["recipients"], found["whoms"], found["channels"])
    return Ladder(found["response_target_s"], found["resolution_target_s"], found["holds_operation_from"], steps)


def load_steps(
    afters: Sequence[int], recipients: Sequence[str], whoms: Sequence[str], channels: Sequence[str]
) -> tuple[LadderStep, ...]:
    """Return the steps that a query read as columns."""
    return tuple(
        LadderStep(timedelta(seconds=after_s), Recipient(recipient), whom, frozenset(map(Channel, names.split(","))))
        for after_s, recipient, whom, names in zip(afters, recipients, whoms, channels, strict=False)
    )


async def schedule_steps(work: Work, *, call_id: UUID, ladder: Ladder) -> None:
    """Queue every step of a call that was raised in this transaction; the queue keeps them through restarts."""
    delays = [step.after // timedelta(seconds=1) for step in ladder.steps]
    await enqueue_each(work, [(EscalateCall(call_id=call_id, step=step), delay) for step, delay in enumerate(delays)])


@does(EscalateCall)
async def escalate_call(work: Work, job: EscalateCall) -> None:
    """Tell people of a call that nobody has answered yet, as its ladder says; a step that fired never fires again.

    Raises:
        NotFound: there is no such call.
    """
    call = await work.session.get(AndonCall, job.call_id, with_for_update=True)
    if call is None:
        raise NotFound(what="call")
    await fire_due_steps(work, call)


async def fire_due_steps(work: Work, call: AndonCall) -> None:
    """Fire the steps of a locked call whose time has come, and let mails follow once this is committed."""
    ladder = await find_ladder(work, plant_id=call.plant_id, category=call.category)
    place = (await work.fetch(FIRED, call.machine_id, call.id))[0]
    due = due_steps(
        ladder.steps,
        raised_at=call.raised_at,
        now=work.now,
        fired=place["steps"],
        acknowledged_at=call.acknowledged_at or call.resolved_at,
        shelved=shelved_period(call),
    )
    if not due:
        return
    told = await _notify(work, call, lane_id=place["lane_id"], due=due)
    mails = [
        (SendCallMail(call_id=call.id, step=row["step"], user_id=user_id), 0)
        for row in told
        if Channel.MAIL in row["channels"]
        for user_id in row["user_ids"]
    ]
    await enqueue_each(work, mails)
    for row in told:
        work.emit(
            AndonCallEscalated(
                plant_id=call.plant_id,
                lane_id=place["lane_id"],
                machine_id=call.machine_id,
                call_id=call.id,
                step=row["step"],
            )
        )


def shelved_period(call: AndonCall) -> Period | None:
    """Return the last time for which a call lay or lies on the shelf."""
    if call.shelved_at is None or call.shelved_until is None:
        return None
    return Period(call.shelved_at, call.shelved_until)


async def lane_of(work: Work, machine_id: UUID) -> UUID:
    """Return the lane that a machine stands in."""
    return (await work.session.execute(select(Machine.lane_id).where(Machine.id == machine_id))).scalar_one()


async def _notify(work: Work, call: AndonCall, *, lane_id: UUID, due: tuple[DueStep, ...]) -> "list[asyncpg.Record]":
    return await work.fetch(
        NOTIFY,
        call.id,
        call.plant_id,
        lane_id,
        [step.number for step in due],
        [step.due_at for step in due],
        [step.is_late for step in due],
        [step.step.recipient.value for step in due],
        [step.step.whom for step in due],
        [",".join(sorted(step.step.channels)) for step in due],
        work.now,
        Role.SUPERVISOR.value,
    )
