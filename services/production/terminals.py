"""What an operator sees at a machine's terminal."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import Row, text

from domain.errors import NotFound
from domain.identity.roles import Permission
from domain.plant.machine_states import MachineState
from services.db.work import Work
from services.plant.places import Place

HEAD = text("""
SELECT status.state, status.since, status.detail, status.reason_id,
       app.spoken(reasons.label, reasons.translations) AS reason, plants.undo_within_s,
       plants.id AS plant_id,
       machines.counting_source, runs.order_number, runs.part_number, runs.target,
       runs.state AS run_state, runs.is_test,
       coalesce(totals.good, 0) AS good, coalesce(totals.scrap, 0) AS scrap,
       CASE WHEN is_today THEN status.good_today ELSE 0 END AS good_today,
       CASE WHEN is_today THEN status.scrap_today ELSE 0 END AS scrap_today, counter.end_reading AS last_reading
FROM machines
JOIN plants ON plants.org_id = machines.org_id AND plants.id = machines.plant_id
JOIN machine_status AS status ON status.org_id = machines.org_id AND status.machine_id = machines.id
LEFT JOIN reasons ON reasons.org_id = status.org_id AND reasons.id = status.reason_id
LEFT JOIN production_runs AS runs ON runs.org_id = status.org_id AND runs.id = status.run_id
LEFT JOIN run_totals AS totals ON totals.org_id = runs.org_id AND totals.run_id = runs.id
CROSS JOIN LATERAL (SELECT status.day = (now() AT TIME ZONE plants.time_zone)::date AS is_today) AS today
LEFT JOIN LATERAL (
  SELECT readings.end_reading FROM counter_readings AS readings
  WHERE readings.org_id = machines.org_id AND readings.machine_id = machines.id AND EXISTS (
    SELECT FROM production_log AS log
    LEFT JOIN reversals ON reversals.org_id = log.org_id AND reversals.reversed_id = log.id
    WHERE log.org_id = readings.org_id AND log.machine_id = readings.machine_id AND log.at = readings.at
      AND log.reverses_id IS NULL AND reversals.reversed_id IS NULL)
  ORDER BY readings.at DESC LIMIT 1
) AS counter ON machines.counting_source = 'counter'
WHERE machines.id = :machine_id
""")
RECENT = text("""
WITH entries AS (
  SELECT * FROM production_log
  WHERE machine_id = :machine_id AND at > now() - interval '1 day' AND reverses_id IS NULL
  ORDER BY at DESC, id DESC LIMIT 24
)
SELECT entries.client_key, min(entries.at) AS at, min(entries.recorded_at) AS recorded_at, entries.user_id,
       users.display_name AS operator,
       coalesce(sum(entries.quantity) FILTER (WHERE entries.kind = 'good'), 0) AS good,
       coalesce(sum(entries.quantity) FILTER (WHERE entries.kind <> 'good'), 0) AS not_good,
       max(app.spoken(reasons.label, reasons.translations)) AS reason,
       bool_or(reversals.reversed_id IS NOT NULL) AS is_undone,
       max(undoers.display_name) AS undone_by
FROM entries
LEFT JOIN users ON users.org_id = entries.org_id AND users.id = entries.user_id
LEFT JOIN reasons ON reasons.org_id = entries.org_id AND reasons.id = entries.reason_id
LEFT JOIN reversals ON reversals.org_id = entries.org_id AND reversals.reversed_id = entries.id
LEFT JOIN production_log AS undoing ON undoing.org_id = reversals.org_id AND undoing.at = reversals.at
     AND undoing.id = reversals.reversal_id
LEFT JOIN users AS undoers ON undoers.org_id = undoing.org_id AND undoers.id = undoing.user_id
GROUP BY entries.client_key, entries.user_id, users.display_name
ORDER BY 2 DESC LIMIT 8
""")
WORKPLACE = """
SELECT machines.id, machines.code, machines.name, machines.plant_id, machines.lane_id, plants.code AS plant_code,
       plants.name AS plant_name, plants.time_zone, plants.idle_sign_out_s, machines.counter_modulus
FROM machines JOIN plants ON plants.org_id = machines.org_id AND plants.id = machines.plant_id
WHERE machines.{which} = :id AND machines.is_active
ORDER BY machines.position, machines.code
"""
ONE_WORKPLACE = text(WORKPLACE.format(which="id"))
WORKPLACES = text(WORKPLACE.format(which="lane_id"))
REASONS = text("""
WITH RECURSIVE tree AS (
  SELECT id, kind, app.spoken(label, translations) AS label, loss_category, is_active,
         ARRAY[to_char(position, '0000000000'), label] AS path
  FROM reasons WHERE parent_id IS NULL
  UNION ALL
  SELECT reasons.id, reasons.kind, app.spoken(reasons.label, reasons.translations),
         reasons.loss_category, reasons.is_active,
         tree.path || ARRAY[to_char(reasons.position, '0000000000'), reasons.label]
  FROM reasons JOIN tree ON reasons.parent_id = tree.id
)
SELECT id, kind, label, loss_category FROM tree WHERE is_active ORDER BY kind, path
""")


@dataclass(frozen=True)
class RecentReport:
    """One report of the last day."""

    client_key: UUID
    at: datetime
    good: Decimal
    not_good: Decimal
    reason: str | None
    operator: str | None
    """The reporter's name; None when the machine reported by itself."""
    undo_until: datetime | None
    """How long the reader may take it back; None where they never may, or somebody has."""
    is_undone: bool
    undone_by: str | None
    """Who took it back."""


@dataclass(frozen=True)
class Workplace:
    """A machine with a terminal, and how its plant wants terminals to be."""

    place: Place
    idle_sign_out_s: int
    """How long a kiosk stays with somebody who does nothing."""
    counter_modulus: Decimal | None
    """The reading at which the machine's counter starts again from zero."""


@dataclass(frozen=True)
class TerminalView:
    """Everything about one machine that its operator needs now."""

    state: MachineState
    since: datetime | None
    """When the state was entered; hand it back when changing the state."""
    reason: str | None
    detail: str
    order_number: str | None
    """The run's order; None when the machine works on nothing."""
    part_number: str | None
    counting_source: str
    """Who counts the pieces: operator, counter or machine."""
    last_reading: Decimal | None
    """Where the counter stood after the last report that was not taken back; None where nobody reads one."""
    target: Decimal | None
    run_state: str | None
    good: Decimal
    """Good pieces of the run."""
    scrap: Decimal
    good_today: Decimal
    scrap_today: Decimal
    recent: tuple[RecentReport, ...]
    """Newest first."""


@dataclass(frozen=True)
class ReasonChoice:
    """A reason that can be tapped."""

    id: UUID
    kind: str
    label: str
    loss_category: str | None


async def load_terminal(work: Work, *, machine_id: UUID) -> TerminalView:
    """Return what the terminal of a machine shows.

    Raises:
        Forbidden: the actor may not read production.
        NotFound: there is no such machine in this scope.
    """
    await work.permit(Permission.READ_PRODUCTION)
    key = {"machine_id": machine_id}
    head = (await work.session.execute(HEAD, key)).one_or_none()
    if head is None:
        raise NotFound(what="machine")
    recent = await work.session.execute(RECENT, key)
    undo_within = timedelta(seconds=head.undo_within_s)
    may_undo = work.scope.may_in(head.plant_id, Permission.REVERSE_PRODUCTION)
    return TerminalView(
        state=MachineState(head.state),
        since=head.since,
        reason=head.reason,
        detail=head.detail,
        order_number=head.order_number,
        part_number=head.part_number,
        counting_source=head.counting_source,
        last_reading=head.last_reading,
        target=head.target,
        run_state=head.run_state,
        good=head.good,
        scrap=head.scrap,
        good_today=head.good_today,
        scrap_today=head.scrap_today,
        recent=tuple(_recent(work, row, undo_within=undo_within, may_undo=may_undo) for row in recent),
    )


async def load_workplace(work: Work, *, machine_id: UUID) -> Workplace:
    """Return the terminal of a machine.

    Raises:
        Forbidden: the actor may not read production.
        NotFound: there is no such machine in this scope, or it is no longer used.
    """
    await work.permit(Permission.READ_PRODUCTION)
    row = (await work.session.execute(ONE_WORKPLACE, {"id": machine_id})).one_or_none()
    if row is None:
        raise NotFound(what="machine")
    return _workplace(row)


async def list_workplaces(work: Work, *, lane_id: UUID) -> tuple[Workplace, ...]:
    """Return the terminals of a lane's machines by position.

    Raises:
        Forbidden: the actor may not read production.
    """
    await work.permit(Permission.READ_PRODUCTION)
    return tuple(_workplace(row) for row in await work.session.execute(WORKPLACES, {"id": lane_id}))


async def list_reason_choices(work: Work) -> tuple[ReasonChoice, ...]:
    """Return the active reasons by kind and position, each before the finer ones below it.

    Raises:
        Forbidden: the actor may not read the plant model.
    """
    await work.permit(Permission.READ_PLANT)
    rows = await work.session.execute(REASONS)
    return tuple(ReasonChoice(row.id, row.kind, row.label, row.loss_category) for row in rows)


def _workplace(row: "Row[tuple[Any, ...]]") -> Workplace:
    place = Place(row.id, row.code, row.name, row.lane_id, row.plant_id, row.plant_code, row.plant_name, row.time_zone)
    return Workplace(place, row.idle_sign_out_s, row.counter_modulus)


def _recent(work: Work, row: "Row[tuple[Any, ...]]", *, undo_within: timedelta, may_undo: bool) -> RecentReport:
    until = row.recorded_at + undo_within
    is_own = work.scope.user_id is not None and row.user_id == work.scope.user_id
    may_undo = may_undo and is_own and not row.is_undone and until > work.now
    return RecentReport(
        client_key=row.client_key,
        at=row.at,
        good=row.good,
        not_good=row.not_good,
        reason=row.reason,
        operator=row.operator,
        undo_until=until if may_undo else None,
        is_undone=row.is_undone,
        undone_by=row.undone_by,
    )
