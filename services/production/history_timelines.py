"""The timelines of machines that an imported log speaks of."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar
from uuid import UUID

import asyncpg

from domain.errors import Conflict, marked
from domain.plant.machine_states import MachineState
from domain.production.past_reports import ReportKind, TimeOfReport, timeline_of
from services.db.work import Work

RUN_KEYS = "import/"
"""How the keys of imported runs begin; the kind of report and its client key follow."""
IMPORTED_RUNS = """
SELECT machine_id, run_key, started_at, ended_at FROM production_runs
WHERE machine_id = ANY ($1::uuid[]) AND starts_with(run_key, $2)
"""
# With the change before the period, which tells what the machine was doing at its beginning.
CHANGES = """
SELECT machine.id AS machine_id, changes.started_at, changes.state, changes.reason_id
FROM unnest($1::uuid[], $2::timestamptz[], $3::timestamptz[]) AS machine (id, since, until)
JOIN LATERAL (
  SELECT started_at, state, reason_id FROM machine_state_changes AS inside
  WHERE inside.machine_id = machine.id AND inside.started_at BETWEEN machine.since AND machine.until
  UNION ALL (
    SELECT started_at, state, reason_id FROM machine_state_changes AS earlier
    WHERE earlier.machine_id = machine.id AND earlier.started_at < machine.since
    ORDER BY earlier.started_at DESC LIMIT 1)
) AS changes ON true
ORDER BY machine.id, changes.started_at
"""
# What a person explained stays.
WRITE_CHANGES = """
INSERT INTO machine_state_changes (org_id, plant_id, machine_id, started_at, state, reason_id, actor_kind, user_id)
SELECT $1, $2, machine_id, started_at, state, CASE WHEN state = 'unplanned_stop' THEN $3::uuid END, $4, $5
FROM unnest($6::uuid[], $7::timestamptz[], $8::text[]) AS new (machine_id, started_at, state)
ON CONFLICT ON CONSTRAINT machine_state_changes_pk DO UPDATE SET state = excluded.state, reason_id = excluded.reason_id
WHERE machine_state_changes.reason_id IS NULL OR machine_state_changes.reason_id = $3
"""
SET_STATUS = """
UPDATE machine_status SET state = last.state, since = last.at, reason_id = NULL, detail = ''
FROM unnest($1::uuid[], $2::timestamptz[], $3::text[]) AS last (machine_id, at, state)
WHERE machine_status.machine_id = last.machine_id AND (machine_status.since IS NULL OR machine_status.since <= last.at)
"""


class TimelineTaken(Conflict):
    """A machine whose timeline says already what it did at the time of a report."""

    code: ClassVar[str] = "timeline_taken"
    sentence: ClassVar[str] = marked(
        "Nothing was imported: the timeline of “{machine}” around {at} does not come from this log. Import the log into"
        " a plant of its own."
    )


@dataclass(frozen=True)
class _ImportedRun:
    key: str
    time: TimeOfReport


async def write_timelines(
    work: Work, *, plant_id: UUID, machines: Mapping[UUID, str], new_runs: Iterable[str], breakdown_id: UUID
) -> None:
    """Write what the runs of imports make of the timelines of locked machines; `new_runs` are the keys just added.

    Raises:
        TimelineTaken: somebody else told what a machine did in the time of a new run.
    """
    runs: dict[UUID, list[_ImportedRun]] = {machine_id: [] for machine_id in machines}
    for row in await work.fetch(IMPORTED_RUNS, list(machines), RUN_KEYS):
        kind = ReportKind(row["run_key"].split("/")[1])
        time = TimeOfReport(kind, row["started_at"], row["ended_at"])
        runs[row["machine_id"]].append(_ImportedRun(row["run_key"], time))
    since = [min(run.time.starts_at for run in of_machine) for of_machine in runs.values()]
    until = [max(run.time.ends_at for run in of_machine) for of_machine in runs.values()]
    changes: dict[UUID, list[asyncpg.Record]] = {machine_id: [] for machine_id in machines}
    for row in await work.fetch(CHANGES, list(runs), since, until):
        changes[row["machine_id"]].append(row)
    new = frozenset(new_runs)
    written: list[tuple[UUID, datetime, str]] = []
    last: list[tuple[UUID, datetime, str]] = []
    for machine_id, of_machine in runs.items():
        others = _told_by_others(of_machine, changes[machine_id], new)
        _refuse_others_time(machines[machine_id], of_machine, changes[machine_id], others=others, new=new)
        timeline = timeline_of(run.time for run in of_machine)
        own = _differences(timeline, changes[machine_id], of_machine)
        written += [(machine_id, at, state) for at, state in own if at not in others]
        last += [(machine_id, at, state) for at, state in timeline[-1:] if at not in others]
    actor = (work.scope.actor_kind, work.scope.user_id)
    columns = _columns(written)
    await work.fetch(WRITE_CHANGES, work.scope.org_id, plant_id, breakdown_id, *actor, *columns)
    await work.fetch(SET_STATUS, *_columns(last))


def _told_by_others(
    runs: Sequence[_ImportedRun], changes: "Sequence[asyncpg.Record]", new: frozenset[str]
) -> frozenset[datetime]:
    """Return when changes that no earlier import wrote say that something is known."""
    told = {at for run in runs if run.key not in new for at in (run.time.starts_at, run.time.ends_at)}
    known = (change["started_at"] for change in changes if change["state"] != MachineState.NO_DATA)
    return frozenset(at for at in known if at not in told)


def _refuse_others_time(
    machine: str, runs: Sequence[_ImportedRun], changes: "Sequence[asyncpg.Record]", *, others: frozenset[datetime],
    new: frozenset[str],
) -> None:  # fmt: skip
    """Refuse new runs in time that others tell."""
    instants = [change["started_at"] for change in changes]
    for run in runs if others else ():
        first = max(bisect_right(instants, run.time.starts_at) - 1, 0)
        behind = bisect_left(instants, run.time.ends_at)
        if run.key in new and not others.isdisjoint(instants[first:behind]):
            raise TimelineTaken(machine=machine, at=f"{run.time.starts_at:%Y-%m-%d %H:%M} UTC")


def _differences(
    timeline: Sequence[tuple[datetime, MachineState]], changes: "Sequence[asyncpg.Record]", runs: Sequence[_ImportedRun]
) -> list[tuple[datetime, MachineState]]:
    """Return what has to be written so that the changes of imports say what the timeline says.

    A change that another report has made superfluous cannot be taken away; it repeats the state that goes on.
    """
    stands = {change["started_at"]: change["state"] for change in changes}
    edges = {at for run in runs for at in (run.time.starts_at, run.time.ends_at)}
    instants = [at for at, _ in timeline]
    repeated = [
        (at, timeline[place - 1][1])
        for at in stands
        if at in edges and (place := bisect_right(instants, at)) and instants[place - 1] != at
    ]
    return [(at, state) for at, state in [*timeline, *repeated] if stands.get(at) != state]


def _columns(rows: Sequence[tuple[UUID, datetime, str]]) -> tuple[list[UUID], list[datetime], list[str]]:
    return [row[0] for row in rows], [row[1] for row in rows], [row[2] for row in rows]
