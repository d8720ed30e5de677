"""KPIs of machines, lanes, departments and plants from hourly facts; of one shift, exact now.

The numbers of a group are summed first and divided then: a lane's OEE is no mean of its machines' OEE.
"""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import ClassVar
from uuid import UUID

import asyncpg

from domain.errors import Invalid, NotFound, marked
from domain.identity.roles import Permission
from domain.plant.losses import WaterfallStep, loss_waterfall
from domain.plant.machine_states import MachineState
from domain.plant.shift_accounts import TimeAccount, TimeCause, work_unit_times
from domain.production.kpi_formulas import Kpi, KpiExplanation, explain
from domain.production.kpis import (
    WorkUnitKpis,
    WorkUnitOutput,
    WorkUnitRepairs,
    WorkUnitTimes,
    work_unit_kpis,
)
from services.db.work import Work
from services.plant.shift_calendar import NO_SHIFT
from services.plant.shift_reports import ShiftReport, load_machine_shift, load_shift_report

ZERO = Decimal(0)
LONGEST_PERIOD_DAYS = 366 * 5


class KpiScope(StrEnum):
    """What KPIs are about; the value names it in addresses."""

    MACHINE = "machine"
    LANE = "lane"
    DEPARTMENT = "department"
    PLANT = "plant"


class KpiGrouping(StrEnum):
    """By what a period's KPIs are told apart."""

    NONE = "none"
    MACHINE = "machine"
    LANE = "lane"
    HOUR = "hour"
    SHIFT = "shift"
    DAY = "day"
    MONTH = "month"
    CREW = "crew"


class InvalidDays(Invalid):
    """Days out of order, or too many of them."""

    code: ClassVar[str] = "invalid_days"
    sentence: ClassVar[str] = marked("Choose a first day and a later last day, five years apart at most.")


SCOPES = {
    KpiScope.MACHINE: "source.machine_id = $1",
    KpiScope.LANE: "source.lane_id = $1",
    KpiScope.DEPARTMENT: "source.lane_id = ANY (ARRAY(SELECT id FROM lanes WHERE lanes.department_id = $1))",
    KpiScope.PLANT: "source.plant_id = $1",
}
TABLES = {
    KpiScope.MACHINE: "machines", KpiScope.LANE: "lanes", KpiScope.DEPARTMENT: "departments", KpiScope.PLANT: "plants",
}  # fmt: skip


@dataclass(frozen=True)
class _Grouping:
    columns: str
    """What the facts are grouped by."""
    key: str
    label: str = "''"
    order: str = "1"
    join: str = ""
    derived: str = ""
    """A column that the facts themselves do not have."""
    day: str = "NULL::date"
    lane_id: str = "NULL::uuid"
    source: str = "shift_facts"
    """The table of facts; whole shifts are fewer than hours."""


GROUPINGS = {
    KpiGrouping.NONE: _Grouping("()", "''"),
    KpiGrouping.MACHINE: _Grouping(
        "facts.machine_id", "facts.machine_id::text",
        "(SELECT code FROM machines WHERE machines.id = facts.machine_id)", "2",
    ),
    KpiGrouping.LANE: _Grouping(
        "facts.lane_id", "facts.lane_id::text", "(SELECT name FROM lanes WHERE lanes.id = facts.lane_id)", "2"
    ),
    KpiGrouping.HOUR: _Grouping(
        "facts.hour_at", """to_char(facts.hour_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')""",
        source="hourly_facts",
    ),
    KpiGrouping.SHIFT: _Grouping(
        "facts.day, facts.shift_id, facts.lane_id",
        f"CASE WHEN facts.shift_id = '{NO_SHIFT}' THEN facts.day::text ELSE facts.shift_id::text END",
        "coalesce((SELECT name FROM shift_occurrences AS shifts WHERE shifts.id = facts.shift_id), '')",
        "min(facts.hour_at), facts.lane_id", day="facts.day", lane_id="facts.lane_id",
    ),
    KpiGrouping.DAY: _Grouping("facts.day", "facts.day::text", day="facts.day"),
    KpiGrouping.MONTH: _Grouping(
        "facts.month", "facts.month::text", day="facts.month",
        derived=", date_trunc('month', source.day)::date AS month",
    ),
    KpiGrouping.CREW: _Grouping(
        "facts.crew_id", "coalesce(facts.crew_id::text, '')",
        "coalesce((SELECT name FROM crews WHERE crews.id = facts.crew_id), '')", "2",
        join="LEFT JOIN shift_occurrences AS shifts"
        " ON shifts.org_id = source.org_id AND shifts.id = source.shift_id",
        derived=", shifts.crew_id",
    ),
}  # fmt: skip
SPENT = ",\n       ".join(f"sum({cause.value}_s) FILTER (WHERE is_planned) AS {cause.value}_s" for cause in TimeCause)
CALENDAR = " + ".join(f"sum({cause.value}_s)" for cause in TimeCause)
# A target that one hour does not know, nobody knows for the sum of them.
FACTS = """
SELECT {key} AS key, {label} AS label, {day} AS day, {lane_id} AS lane_id, count(*) FILTER (WHERE is_planned) AS hours,
       {spent},
       {calendar} AS calendar_s,
       sum(good{reported}) FILTER (WHERE is_planned) AS good,
       sum(scrap{reported}) FILTER (WHERE is_planned) AS scrap,
       sum(rework{reported}) FILTER (WHERE is_planned) AS rework,
       CASE WHEN bool_and({planned_run_s} IS NOT NULL) FILTER (WHERE is_planned)
            THEN sum({planned_run_s}) FILTER (WHERE is_planned) END AS planned_run_s,
       sum(failures) FILTER (WHERE is_planned) AS failures,
       sum(corrective_s) FILTER (WHERE is_planned) AS corrective_s,
       sum(preventive_s) FILTER (WHERE is_planned) AS preventive_s
FROM (
  SELECT source.*{derived} FROM {source} AS source {join}
  WHERE {where} AND source.day >= $2 AND source.day < $3
) AS facts
GROUP BY {columns}
ORDER BY {order}
"""
EXISTS = "SELECT FROM {table} WHERE id = $1"
PLACES = """
SELECT places.scope, places.id, places.code, places.name, plants.time_zone
FROM (
  SELECT 'plant' AS scope, id, code, name, id AS plant_id, 0 AS rank FROM plants
  UNION ALL SELECT 'department', id, code, name, plant_id, 1 FROM departments
  UNION ALL SELECT 'lane', id, code, name, plant_id, 2 FROM lanes
  UNION ALL SELECT 'machine', id, code, name, plant_id, 3 FROM machines WHERE is_active
) AS places
JOIN plants ON plants.id = places.plant_id
ORDER BY places.rank, places.code
"""


@dataclass(frozen=True)
class KpiPlace:
    """A place that KPIs can be asked for."""

    scope: KpiScope
    id: UUID
    code: str
    name: str
    time_zone: str
    """IANA name, of its plant."""

    @property
    def key(self) -> str:
        """Return what names it in an address."""
        return f"{self.scope.value}:{self.code}"


@dataclass(frozen=True)
class KpiGroup:
    """What one group of hours adds up to, and its KPIs."""

    key: str
    """The id of a machine, lane, crew or shift; an hour, day or month in ISO 8601; empty for all of it."""
    label: str
    """The code or name of what `key` names; empty for time."""
    day: date | None
    """The day of a shift, a day or a month; None otherwise."""
    lane_id: UUID | None
    """The lane of a shift; None otherwise."""
    account: TimeAccount
    times: WorkUnitTimes
    output: WorkUnitOutput
    repairs: WorkUnitRepairs

    @property
    def kpis(self) -> WorkUnitKpis:
        """The KPIs of ISO 22400-2 that follow."""
        return work_unit_kpis(self.times, self.output, repairs=self.repairs)

    @property
    def waterfall(self) -> tuple[WaterfallStep, ...]:
        """The way from planned operation time down to the time that good pieces needed."""
        return loss_waterfall(self.account, self.output)


@dataclass(frozen=True)
class KpiEvidence:
    """A KPI opened: its formula and inputs, and the shifts whose hours they were added up from."""

    explanation: KpiExplanation
    shifts: tuple[KpiGroup, ...]


async def list_kpi_places(work: Work) -> tuple[KpiPlace, ...]:
    """Return every visible plant, department, lane and active machine, in this order, by code.

    Raises:
        Forbidden: the actor may not read metrics.
    """
    await work.permit(Permission.READ_METRICS)
    rows = await work.fetch(PLACES)
    return tuple(
        KpiPlace(KpiScope(row["scope"]), row["id"], row["code"], row["name"], row["time_zone"]) for row in rows
    )


async def load_kpis(
    work: Work,
    *,
    scope: KpiScope,
    place_id: UUID,
    since_day: date,
    before_day: date,
    by: KpiGrouping = KpiGrouping.NONE,
    corrected: bool = True,
) -> tuple[KpiGroup, ...]:
    """Return the KPIs of the shifts of the days from `since_day` to before `before_day`, from hourly facts.

    Hours that were reported for a moment ago enter within half a minute; `load_shift_kpis` is exact at once.

    Raises:
        Forbidden: the actor may not read metrics.
        InvalidDays: the days are out of order or too far apart.
        NotFound: there is no such place in this scope.
    """
    await work.permit(Permission.READ_METRICS)
    if not 0 < (before_day - since_day).days <= LONGEST_PERIOD_DAYS:
        raise InvalidDays(field="before_day")
    rows = await work.fetch(_statement(scope, by, corrected=corrected), place_id, since_day, before_day)
    groups = tuple(_group(row) for row in rows if row["hours"])
    if not groups and not await work.fetch(EXISTS.format(table=TABLES[scope]), place_id):
        raise NotFound(what=scope.value)
    return groups


async def load_shift_kpis(
    work: Work, *, key: str = "", machine_id: UUID | None = None, lane_id: UUID | None = None, corrected: bool = True
) -> ShiftReport:
    """Return the shift of a machine or a lane with its KPIs, from the timelines and the log themselves: exact now.

    Raises:
        Forbidden: the actor may not read metrics.
        NotFound: there is no such machine, lane or shift in this scope.
    """
    if machine_id is not None:
        return await load_machine_shift(work, machine_id=machine_id, key=key, corrected=corrected)
    if lane_id is not None:
        return await load_shift_report(work, lane_id=lane_id, key=key, corrected=corrected)
    raise NotFound(what="lane")


async def explain_kpi(
    work: Work,
    *,
    kpi: Kpi,
    scope: KpiScope,
    place_id: UUID,
    since_day: date,
    before_day: date,
    corrected: bool = True,
) -> KpiEvidence:
    """Open a KPI of a place and a period: formula, inputs with their units, and the shifts behind them.

    The rows of each shift are one step further: its stretches of time in `load_shift_report`, its log entries in
    `list_log_entries`.

    Raises:
        As `load_kpis`; NotFound also where nothing was added up yet.
    """
    whole, shifts = [
        await load_kpis(
            work, scope=scope, place_id=place_id, since_day=since_day, before_day=before_day, by=by,
            corrected=corrected,
        )
        for by in (KpiGrouping.NONE, KpiGrouping.SHIFT)
    ]  # fmt: skip
    if not whole:
        raise NotFound(what="shift")
    return KpiEvidence(explain(kpi, whole[0].times, whole[0].output, repairs=whole[0].repairs), shifts)


def _statement(scope: KpiScope, by: KpiGrouping, *, corrected: bool) -> str:
    group = GROUPINGS[by]
    return FACTS.format(
        key=group.key, label=group.label, day=group.day, lane_id=group.lane_id, columns=group.columns,
        order=group.order, source=group.source, join=group.join, derived=group.derived, where=SCOPES[scope],
        spent=SPENT, calendar=CALENDAR, reported="" if corrected else "_reported",
        planned_run_s="planned_run_s" if corrected else "planned_run_reported_s",
    )  # fmt: skip


def _group(row: "asyncpg.Record") -> KpiGroup:
    account = TimeAccount({cause: row[f"{cause.value}_s"] for cause in TimeCause}, dict.fromkeys(MachineState, ZERO))
    spent = account.by_cause_s
    return KpiGroup(
        key=row["key"],
        label=row["label"] or "",
        day=row["day"],
        lane_id=row["lane_id"],
        account=account,
        times=work_unit_times(account, calendar_s=row["calendar_s"]),
        output=WorkUnitOutput(row["good"], row["scrap"], row["rework"], row["planned_run_s"]),
        repairs=WorkUnitRepairs(
            row["failures"], spent[TimeCause.RUNNING], spent[TimeCause.BREAKDOWN], row["corrective_s"],
            row["preventive_s"],
        ),
    )  # fmt: skip
