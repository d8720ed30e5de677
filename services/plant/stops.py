"""Stops: which ask for a reason, and how people give it, split in parts where a stop had several."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from uuid import UUID

from domain.checks import checked_instant
from domain.errors import NotFound
from domain.events import MachineStateChanged
from domain.identity.roles import Permission
from domain.plant.machine_states import MachineState
from domain.plant.periods import Period
from domain.plant.reasons import LossCategory
from domain.plant.timelines import (
    WITHOUT_REASON,
    SeenStop,
    StateChange,
    StopPart,
    StopReason,
    Stretch,
    classify_stop,
    is_micro_stop,
    stretches,
)
from services.db.paging import Page, page_of
from services.db.work import Work
from services.plant.machine_floor import ensure_month, lock_machine
from services.plant.machine_time import REASONS as SORTED_REASONS
from services.plant.machine_time import category_of, load_changes

MOST_PARTS = 50
LONGEST_LOOK = timedelta(days=31)
"""A list of stops looks at a month at most."""

MACHINES = """
SELECT machines.id, machines.code, machines.name, machines.micro_stop_s
FROM machines WHERE machines.is_active AND machines.{column} = $1 ORDER BY machines.position, machines.code
"""
ONE_MACHINE = "SELECT id, code, name, micro_stop_s FROM machines WHERE id = $1"
REASONS = f"""
{SORTED_REASONS}
SELECT reasons.id, reasons.code, app.spoken(reasons.label, reasons.translations) AS label, sorted.loss_category,
       reasons.parent_id
FROM reasons JOIN sorted ON sorted.id = reasons.id
WHERE reasons.is_active
"""
REASONS_BY_POSITION = f"{REASONS} ORDER BY reasons.position, label"
REASONS_BY_ID = f"{REASONS} AND reasons.id = ANY ($1::uuid[])"
# What was written between the parts, such as a second alarm, stays and takes its part's reason.
RENAME = """
UPDATE machine_state_changes AS changes SET reason_id = part.reason_id
FROM unnest($2::timestamptz[], $3::timestamptz[], $4::uuid[]) AS part (starts_at, ends_at, reason_id)
WHERE changes.machine_id = $1 AND changes.started_at >= part.starts_at AND changes.started_at < part.ends_at
"""
SPLIT = """
INSERT INTO machine_state_changes
  (org_id, plant_id, machine_id, started_at, state, reason_id, actor_kind, user_id)
SELECT $1, $2, $3, part.starts_at, $4::text, part.reason_id, $5, $6
FROM unnest($7::timestamptz[], $8::uuid[]) AS part (starts_at, reason_id)
ON CONFLICT ON CONSTRAINT machine_state_changes_pk DO NOTHING
"""
SET_PRESENT = """
UPDATE machine_status SET reason_id = $2, since = greatest(since, $3) WHERE machine_id = $1
"""


@dataclass(frozen=True)
class StopChoice:
    """A reason that a stop can be given."""

    id: UUID
    code: str
    label: str
    category: LossCategory
    """Its own, or that of the reason above it."""
    parent_id: UUID | None


@dataclass(frozen=True)
class MachineStop:
    """Time in which a machine did not run, in one state and for one reason."""

    machine_id: UUID
    machine_code: str
    machine_name: str
    state: MachineState
    starts_at: datetime
    ends_at: datetime | None
    """None while it goes on."""
    reason_id: UUID | None
    is_micro: bool
    """Too short to ask anybody about."""
    length_s: Decimal
    """So far, where it goes on."""

    @property
    def asks_for_reason(self) -> bool:
        """Whether somebody should say why."""
        return self.state is MachineState.UNPLANNED_STOP and self.reason_id is None and not self.is_micro

    @property
    def seen(self) -> SeenStop:
        """What to send back with a decision about it."""
        return SeenStop(self.starts_at, self.ends_at, self.state, self.reason_id)


@dataclass(frozen=True)
class ClassifiedPart:
    """A part of a stop as it stands on the timeline now."""

    starts_at: datetime
    reason_id: UUID | None


@dataclass(frozen=True)
class _Unit:
    id: UUID
    code: str
    name: str
    micro_stop_s: Decimal


async def list_stop_choices(work: Work) -> tuple[StopChoice, ...]:
    """Return the reasons that stops can be given, with the loss category that each one has or inherits.

    Raises:
        Forbidden: the actor may not read the plant model.
    """
    await work.permit(Permission.READ_PLANT)
    rows = await work.fetch(REASONS_BY_POSITION)
    return tuple(
        StopChoice(row["id"], row["code"], row["label"], category_of(row["loss_category"]), row["parent_id"])
        for row in rows
    )


async def list_unexplained_stops(
    work: Work, *, since: datetime, lane_id: UUID | None = None, plant_id: UUID | None = None
) -> tuple[MachineStop, ...]:
    """Return the stops of a lane's or a plant's machines that ask for a reason, newest first.

    Raises:
        Forbidden: the actor may not read the plant model.
    """
    await work.permit(Permission.READ_PLANT)
    column, place_id = ("lane_id", lane_id) if lane_id is not None else ("plant_id", plant_id)
    rows = await work.fetch(MACHINES.format(column=column), place_id)
    units = [_Unit(*row.values()) for row in rows]
    stops = await _load_stops(work, units, since=max(since, work.now - LONGEST_LOOK), until=work.now)
    asking = [stop for stop in stops if stop.asks_for_reason]
    return tuple(sorted(asking, key=lambda stop: stop.starts_at, reverse=True))


async def list_stops(
    work: Work,
    *,
    machine_id: UUID,
    since: datetime | None = None,
    until: datetime | None = None,
    before: datetime | None = None,
    limit: int = 100,
) -> Page[MachineStop]:
    """Return the stops of a machine that lie at least partly in `[since, until)`, newest first.

    Without `since` it is the day before `until`, and never more than a month. `before` continues below that beginning.

    Raises:
        Forbidden: the actor may not read the plant model.
        NotFound: there is no such machine in this scope.
    """
    await work.permit(Permission.READ_PLANT)
    rows = await work.fetch(ONE_MACHINE, machine_id)
    if not rows:
        raise NotFound(what="machine")
    ends_at = min(until or work.now, work.now)
    starts_at = max(since or ends_at - timedelta(days=1), ends_at - LONGEST_LOOK)
    if starts_at >= ends_at:
        return page_of([], limit)
    stops = await _load_stops(work, [_Unit(*rows[0].values())], since=starts_at, until=ends_at)
    newest_first = [stop for stop in reversed(stops) if before is None or stop.starts_at < before]
    return page_of(newest_first[: limit + 1], limit)


async def classify(
    work: Work, *, machine_id: UUID, seen: SeenStop, parts: Sequence[tuple[datetime, UUID | None]]
) -> tuple[ClassifiedPart, ...]:
    """Give a stop its reason, or each of its parts one: a part lasts from its beginning to the next part's.

    `seen` is the stop as it stood on the screen. When it has changed since, nothing is written.

    Raises:
        Forbidden: the actor may not classify stops.
        NotFound: there is no such machine, or no such active reason for stops.
        StopChanged: the timeline has no such stop any more.
        NotAStop: the machine was running then, or nobody knows what it did.
        PartsDoNotFit: the parts do not make up the stop.
        InvalidInstant: a part begins in the future or before 2000.
    """
    await work.permit(Permission.CLASSIFY_STOPS)
    machine = await lock_machine(work, machine_id)
    for starts_at, _ in parts[:MOST_PARTS]:
        checked_instant(starts_at, field="starts_at", now=work.now)
    looked_at = Period(seen.starts_at, max(seen.starts_at, seen.ends_at or work.now))
    changes = (await load_changes(work, machine_ids=[machine.id], period=looked_at))[machine.id]
    reasons = await _load_reasons(work, [reason_id for _, reason_id in parts if reason_id is not None])
    wanted = [StopPart(starts_at, None if reason_id is None else reasons[reason_id]) for starts_at, reason_id in parts]
    written = classify_stop(changes, seen=seen, parts=wanted[:MOST_PARTS], now=work.now)
    for part in written:
        await ensure_month(work, part.at)
    await _write(work, machine_id, machine.plant_id, written, stop=_stop_at(changes, seen.starts_at))
    work.emit(MachineStateChanged(plant_id=machine.plant_id, lane_id=machine.lane_id, machine_id=machine.id))
    return tuple(ClassifiedPart(part.at, None if part.reason is None else part.reason.id) for part in written)


async def _load_stops(work: Work, units: Sequence[_Unit], *, since: datetime, until: datetime) -> list[MachineStop]:
    period = Period(since, max(since, until))
    changes = await load_changes(work, machine_ids=[unit.id for unit in units], period=period)
    return [
        MachineStop(
            unit.id, unit.code, unit.name, stop.state, stop.starts_at, stop.ends_at,
            None if stop.reason is None else stop.reason.id,
            is_micro_stop(stop, threshold_s=unit.micro_stop_s, until=work.now),
            Period(stop.starts_at, stop.ends_at or max(work.now, stop.starts_at)).length_s,
        )
        for unit in units
        for stop in stretches(changes[unit.id])
        if stop.state not in WITHOUT_REASON
        if stop.starts_at < until and (stop.ends_at is None or stop.ends_at > since)
    ]  # fmt: skip


async def _load_reasons(work: Work, reason_ids: Sequence[UUID]) -> dict[UUID, StopReason]:
    wanted = set(reason_ids)
    rows = await work.fetch(REASONS_BY_ID, list(wanted)) if wanted else []
    found = {row["id"]: StopReason(row["id"], category_of(row["loss_category"])) for row in rows}
    if found.keys() != wanted:
        raise NotFound(what="reason")
    return found


def _stop_at(changes: Sequence[StateChange], starts_at: datetime) -> Stretch:
    return next(stop for stop in stretches(changes) if stop.starts_at == starts_at)


async def _write(work: Work, machine_id: UUID, plant_id: UUID, parts: Sequence[StateChange], *, stop: Stretch) -> None:
    starts = [part.at for part in parts]
    ends = [*starts[1:], stop.ends_at or work.now + timedelta(microseconds=1)]
    reason_ids = [None if part.reason is None else part.reason.id for part in parts]
    await work.fetch(RENAME, machine_id, starts, ends, reason_ids)
    scope = work.scope
    await work.fetch(
        SPLIT, scope.org_id, plant_id, machine_id, stop.state.value, scope.actor_kind, scope.user_id, starts, reason_ids
    )
    if stop.ends_at is None:
        await work.fetch(SET_PRESENT, machine_id, reason_ids[-1], starts[-1])
